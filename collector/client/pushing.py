"""Send the events of a log that a collector lacks.

The collector says how much of each stream it has, so a push may be cut off anywhere and repeated.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from ...eventlog.reader import LogPath, Record, read_records
from .digests import LogDigests
from .requests import BodyTooLargeError, Clash, HeldStreams, PushAnswer
from .retries import Retries
from .stores import Remote

BATCH_BYTES = 8 << 20
"""Lines sent in one request, before compression."""
STREAMS_MAX = 10_000
"""Streams asked about in one request."""
_TAKEN = frozenset({"live", "sealed"})
"""States of streams that the collector takes events of; it dropped the others for good."""

Progress = Callable[[int, int], None]
"""Called with the number of events done and in all."""


class Pusher(Protocol):
    """A collector over HTTP, or its database."""

    def push(self, lines: bytes) -> PushAnswer:
        """Store lines, and return after they are on disk there."""
        ...


@dataclass
class PushPlan:
    """Events that a collector lacks.

    Attributes:
        first: lowest missing seq by stream, for the streams of which it lacks something.
        events: number of events that it lacks.
        clashes: streams whose last common event differs; nothing of them is sent.
        dropped: number of streams that the collector dropped for good.
        epoch: life of its database.
        cursor: end of its feed.
        is_older: its database lacks events that it had at an earlier time, as a copy from before does.
    """

    first: dict[str, int] = field(default_factory=dict[str, int])
    events: int = 0
    clashes: list[Clash] = field(default_factory=list[Clash])
    dropped: int = 0
    epoch: str = ""
    cursor: str = ""
    is_older: bool = False


@dataclass
class PushReport:
    """Results of a push."""

    sent: int = 0
    accepted: int = 0
    known: int = 0
    clashes: list[Clash] = field(default_factory=list[Clash])
    dropped_streams: int = 0
    refused: list[str] = field(default_factory=list[str])
    """Events that the collector cannot take, one text each."""
    clashes_untold: int = 0
    """Number of clashes that the collector counted, and did not list."""
    refused_untold: int = 0


def plan_push(
    collector: Remote,
    digests: LogDigests,
    retries: Retries,
    *,
    everything: bool = True,
    known: str = "",
    without: Container[str] = (),
) -> PushPlan:
    """Ask a collector what it has of the streams of a log.

    Args:
        collector: to ask.
        digests: the events of the log.
        retries: how long failing requests are repeated.
        everything: ask about all streams; else about those that have grown behind the mark of the digests.
        known: end of its feed at an earlier time.
        without: streams to leave out.

    Raises:
        RemoteError: it did not answer.
    """
    plan = PushPlan()
    names = (name for name in (sorted(digests) if everything else digests.changed()) if name not in without)
    while part := list(islice(names, STREAMS_MAX)):
        asked = {name: (digests[name].count, _last_digest(digests, name)) for name in part}
        held = retries.run(lambda asked=asked: collector.have(asked, known))
        _note_state(plan, held)
        for name in part:
            there = held.streams.get(name)
            if there is None:
                _add_missing(plan, digests, name, 0)
            elif there.state not in _TAKEN:
                plan.dropped += 1
            elif _differs(digests, name, there.next, there.last):
                plan.clashes.append(Clash(name, there.next - 1, there.last, _hex(digests, name, there.next - 1)))
            else:
                _add_missing(plan, digests, name, there.next)
    if not plan.epoch:
        _note_state(plan, retries.run(lambda: collector.have({}, known)))
    return plan


def _note_state(plan: PushPlan, held: HeldStreams) -> None:
    plan.epoch, plan.cursor = held.epoch, held.cursor
    plan.is_older = plan.is_older or not held.known


def _last_digest(digests: LogDigests, name: str) -> str:
    return _hex(digests, name, digests[name].top)


def _hex(digests: LogDigests, name: str, seq: int) -> str:
    return (digests.digest(name, seq) or b"").hex()


def _differs(digests: LogDigests, name: str, following: int, last: str) -> bool:
    ours = _hex(digests, name, following - 1) if following else ""
    return bool(ours and last) and ours != last


def _add_missing(plan: PushPlan, digests: LogDigests, name: str, first: int) -> None:
    missing = digests.count_from(name, first) if digests[name].top >= first else 0
    if missing:
        plan.first[name] = first
        plan.events += missing


def push_log(
    collector: Remote,
    log: LogPath,
    plan: PushPlan,
    report: PushReport,
    retries: Retries,
    progress: Progress | None = None,
    start: int = 0,
) -> None:
    """Send what a collector lacks. Only verified lines are sent; damaged ones stay where they are.

    Args:
        collector: to send to.
        log: its events.
        plan: events that are missing there.
        report: results are added to it.
        retries: how long failing requests are repeated.
        progress: called with the number of events done and in all.
        start: byte offset in the log before which nothing is missing.

    Raises:
        RemoteError: a request failed; what was accepted before stays.
    """
    report.clashes += plan.clashes
    report.dropped_streams = plan.dropped
    for lines in _batches(_missing_lines(log, plan, start)):
        push_batch(collector, lines, retries, report)
        report.sent += len(lines)
        if progress is not None:
            progress(report.sent, plan.events)


def _missing_lines(log: LogPath, plan: PushPlan, start: int) -> Iterator[bytes]:
    if not plan.first:
        return
    for item in read_records(log, start=start, newer=True):
        if isinstance(item, Record):
            first = plan.first.get(item.envelope.stream)
            if first is not None and item.envelope.seq >= first:
                yield item.line


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and size + len(line) + 1 > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield batch


def push_batch(collector: Pusher, lines: list[bytes], retries: Retries, report: PushReport) -> None:
    """Send lines, in halves where the collector takes only less; a line that is too long by itself is reported.

    Raises:
        RemoteError: a request failed; what was accepted before stays, and is known when all are sent again.
    """
    body = b"\n".join((*lines, b""))
    try:
        answer = retries.run(lambda: collector.push(body))
    except BodyTooLargeError as error:
        if len(lines) == 1:
            report.refused.append(f"{lines[0][:120].decode(errors='replace')}: {error.reason}")
            return
        middle = len(lines) // 2
        push_batch(collector, lines[:middle], retries, report)
        push_batch(collector, lines[middle:], retries, report)
        return
    report.accepted += answer.accepted
    report.known += answer.known
    report.clashes += answer.conflicts
    report.clashes_untold += max(answer.conflicts_total - len(answer.conflicts), 0)
    report.refused_untold += max(answer.findings_total - len(answer.findings), 0)
    report.refused += [
        f"{finding.get('reason', 'refused')}: {finding.get('detail', '')}" for finding in answer.findings
    ]
