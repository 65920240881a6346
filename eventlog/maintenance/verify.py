"""Verify a log: digests, order and completeness of every stream, and the seals."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from ..codec import EventDecodeError, EventDecoder, line_hash, session_events
from ..events import Event, EventsPurged, SessionFinished
from ..format import DIGEST_SIZE
from ..reader import LogPath, Record, read_records
from ..scan import Finding, Reason
from ..sources import as_source


@dataclass
class StreamReport:
    """Number and state of the events of one stream."""

    stream: str
    events: int = 0
    first_at: str = ""
    last_at: str = ""
    sealed: bool = False
    label: str = ""
    """`session_id` of its header."""


@dataclass
class VerifyReport:
    """Number of events and streams of a log, and all findings."""

    log: str
    bytes: int = 0
    events: int = 0
    types: Counter[str] = field(default_factory=Counter[str])
    streams: dict[str, StreamReport] = field(default_factory=dict[str, StreamReport])
    findings: list[Finding] = field(default_factory=list[Finding])
    live: int = 0
    """Events that are in live files and packs, not in the log itself."""

    @property
    def sealed(self) -> int:
        """Number of streams that were closed properly."""
        return sum(report.sealed for report in self.streams.values())

    @property
    def interrupted(self) -> int:
        """Number of session streams without a seal; their writers died or are still at work."""
        return sum(not report.sealed and bool(report.label) for report in self.streams.values())

    @property
    def problems(self) -> list[Finding]:
        """The findings that mean damage; a pending last line and a repeated event do not."""
        return [finding for finding in self.findings if finding.reason not in ("pending", "duplicate")]


def unread_report(name: str, reason: str) -> VerifyReport:
    """Return the report of a log that cannot be read at all."""
    return VerifyReport(name, findings=[Finding(name, 0, 0, "damaged", f"cannot be read: {reason}")])


_PURGED = "events.purged"
_SEQ_JUMP_MAX = 1_000_000
_EMPTY = bytes(DIGEST_SIZE)


class _StreamState:
    """The digests of one stream in order of seq, 16 bytes an event."""

    __slots__ = ("digests", "present", "purged", "report", "seal")

    def __init__(self, stream: str) -> None:
        self.report = StreamReport(stream)
        self.digests = bytearray()
        self.present = 0
        self.seal: SessionFinished | None = None
        self.purged: dict[int, bytes] = {}
        """Digests by seq of what stood there before a purge."""

    def put(self, seq: int, digest: bytes) -> Reason | None:
        """Keep the digest of one event; say what is wrong with its place in the stream, if anything."""
        at = seq * DIGEST_SIZE
        if at > len(self.digests) + _SEQ_JUMP_MAX * DIGEST_SIZE:
            return "gap"
        if at >= len(self.digests):
            self.digests.extend(_EMPTY * (seq - len(self.digests) // DIGEST_SIZE + 1))
        known = bytes(self.digests[at : at + DIGEST_SIZE])
        if known != _EMPTY:
            return "duplicate" if known == digest else "conflict"
        self.digests[at : at + DIGEST_SIZE] = digest
        self.present += 1
        return None

    def first_missing(self) -> int:
        """Return the lowest seq that is not there."""
        return next(
            (seq for seq in range(self.length) if not any(self.digests[seq * DIGEST_SIZE : (seq + 1) * DIGEST_SIZE])),
            self.length,
        )

    @property
    def length(self) -> int:
        """One more than the highest seq."""
        return len(self.digests) // DIGEST_SIZE

    def root(self, count: int) -> str:
        """Return the root digest over the first `count` events."""
        digests = self.digests[: count * DIGEST_SIZE]
        for seq, digest in self.purged.items():
            digests[seq * DIGEST_SIZE : (seq + 1) * DIGEST_SIZE] = digest
        return line_hash(digests.hex().encode()).hexdigest()


def verify_log(log: LogPath, *, decoder: EventDecoder = session_events) -> VerifyReport:
    """Read a whole log with its live files and check it.

    Every line's digest; the fields of every known type; that the `seq` of every stream counts without gaps, doubles or
    contradictions; that each seal's count and root agree. Memory: 16 bytes an event.

    Args:
        log: path of a log.
        decoder: the event types to check fields of.

    Raises:
        FileNotFoundError, LogUnavailableError: the log cannot be read.
    """
    source = as_source(log)
    report = VerifyReport(source.name)
    states: dict[str, _StreamState] = {}
    for item in read_records(source):
        if isinstance(item, Finding):
            report.findings.append(item)
            report.bytes = max(report.bytes, item.offset + item.length)
            continue
        _count(report, item, source.name)
        state = states.setdefault(item.envelope.stream, _StreamState(item.envelope.stream))
        report.findings.extend(chain(_check_fields(item, decoder, state), _check_order(item, state)))
        if item.envelope.type == _PURGED:
            _note_purged(item, states)
    for state in states.values():
        if state.report.events:
            report.findings.extend(_check_end(source.name, state))
            report.streams[state.report.stream] = state.report
    return report


def _count(report: VerifyReport, record: Record, name: str) -> None:
    report.events += 1
    report.types[record.envelope.type] += 1
    if record.log == name:
        report.bytes = max(report.bytes, record.position + len(record.line) + 1)
    else:
        report.live += 1


def _finding(record: Record, reason: Reason, detail: str) -> Finding:
    return Finding(record.log, record.position, len(record.line), reason, detail)


def _check_fields(record: Record, decoder: EventDecoder, state: _StreamState) -> Iterator[Finding]:
    report, envelope = state.report, record.envelope
    report.events += 1
    report.first_at = min(report.first_at or envelope.at, envelope.at)
    report.last_at = max(report.last_at, envelope.at)
    try:
        event = record.event(decoder)
    except EventDecodeError as error:
        yield _finding(record, "malformed", str(error))
        return
    if isinstance(event, SessionFinished):
        state.seal = event
        report.sealed = True
    elif isinstance(event, Event):
        report.label = report.label or getattr(event, "session_id", "")


def _note_purged(record: Record, states: dict[str, _StreamState]) -> None:
    try:
        event = record.event()
    except EventDecodeError:
        return  # it is a finding already
    if not isinstance(event, EventsPurged):
        return
    for stream, seq, digest in event.lines:
        if len(digest) == 2 * DIGEST_SIZE and seq >= 0:
            # A line purged twice is named twice; the seal was made over the first of its versions.
            states.setdefault(stream, _StreamState(stream)).purged.setdefault(seq, bytes.fromhex(digest))


def _check_order(record: Record, state: _StreamState) -> Iterator[Finding]:
    seq = record.envelope.seq
    wrong = state.put(seq, bytes.fromhex(record.digest))
    if wrong is not None:
        yield _finding(record, wrong, f"stream {state.report.stream} seq {seq}")


def _check_end(log: str, state: _StreamState) -> Iterator[Finding]:
    stream, seal = state.report.stream, state.seal
    count = max(seal.count + 1 if seal else 0, state.length)
    if state.present < count:
        missing = count - state.present
        detail = f"stream {stream} lacks {missing} of {count} events, the first is seq {state.first_missing()}"
        yield Finding(log, 0, 0, "gap", detail)
    elif seal is not None and seal.root != state.root(seal.count):
        yield Finding(log, 0, 0, "seal", f"stream {stream}: the root digest differs")


__all__ = ["StreamReport", "VerifyReport", "verify_log"]
