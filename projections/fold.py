"""Fold verified lines into session parts: pure, mergeable, fast.

A `SessionPart` is what some of a session's events come to. `fold_lines` makes parts from any stretch of a log, `join`
adds a later stretch to an earlier one; folding two halves and joining them equals folding the whole. That is what
catch-up, parallel replay and any later engine stand on.

Lines are grouped by stream on their raw bytes and decoded in bulk, with structs that name only the fields needed.
Starts of tests are decoded only where they matter: in a sealed session as many starts as finishes leave nothing open.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Annotated, Any, cast

import msgspec

from ..eventlog.codec import Envelope, parse_envelope
from ..eventlog.events import Outcome, TestCut
from ..eventlog.lines.heads import LineRun, runs_of
from .rules import OUTCOMES, Change, ChangeKind, terminal_categories

_OUTCOME_CODES: dict[str, int] = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_PASSED = _OUTCOME_CODES["passed"]
_OTHER = _OUTCOME_CODES["other"]
NOTES_MAX = 1000
CRASHED_FLAG = 0x80
"""Set in an outcome code if a worker process died in the attempt."""

# Where things stand in a line of format 1: `{"v":1,"type":"` is 15 bytes, `","stream":"` behind the type 12.
_TYPE_AT = 15
_FINISHED = b'test.finished","stream":"'
_STARTED = b'test.started","stream":"'
_FINISHED_STREAM = slice(_TYPE_AT + len(_FINISHED), _TYPE_AT + len(_FINISHED) + 32)
_STARTED_STREAM = slice(_TYPE_AT + len(_STARTED), _TYPE_AT + len(_STARTED) + 32)
# One byte tells the two types that come with every test from all others that begin with `t`.
_KIND_AT = _TYPE_AT + len("test.")
_T, _KIND_FINISHED, _KIND_STARTED = b"tfs"


# What the columns and the tables can hold; a line with more is malformed, not a reason to stop reading.
_Seq = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**62), lt=2**62)]


class _Finished(msgspec.Struct, gc=False):
    seq: _Seq
    nodeid: str
    outcome: Outcome
    duration_us: _Count = 0
    attempt: _Count = 1
    worker: str = ""
    crashed: bool = False
    phase_outcomes: dict[str, str] | None = None


class _FinishedAnyhow(_Finished, gc=False):
    """With an outcome that only a later release knows."""

    outcome: str  # type: ignore[assignment] - the wider type of the log


class _Phases(msgspec.Struct, gc=False):
    """What is needed of attempts that did not simply pass."""

    outcome: str = ""
    category: str = ""
    phases: dict[str, int] = {}
    discarded_subtests: dict[str, _Count] = {}


class _Started(msgspec.Struct, gc=False):
    seq: _Seq
    nodeid: str
    attempt: _Count = 1
    worker: str = ""


class _Subtest(msgspec.Struct, gc=False):
    outcome: str
    category: str = ""


class _Announced(msgspec.Struct):
    nodeids: list[str]
    deselected: _Count = 0
    worker: str = ""


class _Degraded(msgspec.Struct):
    dropped: _Count = 0


class _Described(msgspec.Struct):
    dirty: bool | None = None
    properties: list[tuple[str, Any]] = []
    worker: str = ""


class _Seal(msgspec.Struct):
    exit_status: _Int64
    count: _Int64
    duration_us: _Int64 = 0
    interrupted: str = ""
    internal_error: str = ""
    dropped: _Count = 0


class _Collect(msgspec.Struct):
    nodeid: str


class _Warning(msgspec.Struct):
    nodeid: str = ""


class _Output(msgspec.Struct):
    name: str


class _Target(msgspec.Struct):
    target: str


class _Purged(msgspec.Struct):
    streams: list[str] = []
    lines: list[tuple[str, int, str]] = []


_decode_purged = msgspec.json.Decoder(_Purged).decode
_decode_finished = msgspec.json.Decoder(_Finished).decode
_decode_finished_anyhow = msgspec.json.Decoder(_FinishedAnyhow).decode
_decode_started = msgspec.json.Decoder(_Started).decode
_decode_subtest = msgspec.json.Decoder(_Subtest).decode
_decode_announced = msgspec.json.Decoder(_Announced).decode
_decode_seal = msgspec.json.Decoder(_Seal).decode
_decode_cut = msgspec.json.Decoder(TestCut).decode
_decode_collect = msgspec.json.Decoder(_Collect).decode
_decode_warning = msgspec.json.Decoder(_Warning).decode
_decode_output = msgspec.json.Decoder(_Output).decode
_decode_target = msgspec.json.Decoder(_Target).decode
_decode_header = msgspec.json.Decoder(dict[str, Any]).decode
_decode_phases = msgspec.json.Decoder(_Phases).decode

_decode_described = msgspec.json.Decoder(_Described).decode
_decode_degraded = msgspec.json.Decoder(_Degraded).decode

_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError)

OpenTest = tuple[str, int, str]
"""`(nodeid, attempt, worker)` of a test that was started."""


class Rows(msgspec.Struct):
    """Attempts in columns; the read model stores them as they are."""

    nodes: bytes = b""
    """Numbers of the node ids, uint32."""
    outcomes: bytes = b""
    """Index in `OUTCOMES`, with `CRASHED_FLAG`, uint8."""
    durations: bytes = b""
    """Microseconds, int64."""
    positions: bytes = b""
    """Byte offset of the event in its log, int64."""
    attempts: bytes = b""
    """uint8, 255 for more."""
    workers: bytes = b""
    """Index in the part's `workers`, uint8; empty if all are the first."""

    def __len__(self) -> int:
        return len(self.outcomes)


class SessionPart(msgspec.Struct):
    """What a stretch of one stream's events come to."""

    stream: str
    events: int = 0
    first_seq: int = -1
    last_seq: int = -1
    first_at: str = ""
    last_at: str = ""
    header: dict[str, Any] | None = None
    header_at: int = -1
    rows: Rows = msgspec.field(default_factory=Rows)
    workers: list[str] = msgspec.field(default_factory=lambda: [""])
    last_finished_seq: int = -1
    finished: int = 0
    starts: int = 0
    others: dict[int, str] = msgspec.field(default_factory=dict[int, str])
    """Names of the outcomes that are `other`, by the position of the event."""
    open: list[OpenTest] = msgspec.field(default_factory=list[OpenTest])
    """Started in this part and not finished in it."""
    finished_early: list[OpenTest] = msgspec.field(default_factory=list[OpenTest])
    """Finished in this part, started before it."""
    counts: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """As in pytest's last line."""
    reruns: int = 0
    """Attempts that were not the first of their test."""
    crashed: int = 0
    """Attempts in which a worker process died."""
    outcomes: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """Attempts by outcome."""
    announced: dict[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    """Numbers of the announced node ids, uint32, by the worker that each announced a set of its own; by an empty name
    otherwise. The same may be announced twice."""
    announced_at: list[int] = msgspec.field(default_factory=list[int])
    """Positions of the announcements."""
    announced_each: bool = False
    """Each worker announced and ran a set of its own."""
    deselected: int = 0
    subtests: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """By terminal category, as far as pytest counts them; also `collection error` and `collection skipped`."""
    collect_failed: list[str] = msgspec.field(default_factory=list[str])
    dirty: bool | None = None
    """What was found out after the header: whether the work tree differed from the commit."""
    properties: list[tuple[str, Any]] = msgspec.field(default_factory=list[tuple[str, Any]])
    """Of the session, in the order in which tests recorded them."""
    notes: list[int] = msgspec.field(default_factory=list[int])
    """Positions of what happened to the session as a whole: collection errors and skips, lost workers, losses of the
    recorder, warnings; at most `NOTES_MAX` in a stretch."""
    outputs: list[tuple[str, int]] = msgspec.field(default_factory=list[tuple[str, int]])
    """Name and position of each section of terminal output."""
    warnings: int = 0
    warned: list[str] = msgspec.field(default_factory=list[str])
    """Tests that caused warnings."""
    lost_workers: int = 0
    dropped: int = 0
    exit_status: int | None = None
    """Of the seal; None while there is none."""
    duration_us: int = 0
    interrupted: str = ""
    internal_error: str = ""
    seal_count: int = -1
    unknown: int = 0
    """Events of types this release does not know."""
    malformed: list[int] = msgspec.field(default_factory=list[int])
    """Positions of whole lines whose fields are not those of their type."""


class Fold(msgspec.Struct):
    """Parts by stream, and changes by the stream they are about."""

    parts: dict[str, SessionPart] = msgspec.field(default_factory=dict[str, SessionPart])
    changes: dict[str, list[Change]] = msgspec.field(default_factory=dict[str, list[Change]])
    purged: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    """`(stream, digest)` of what was purged; the digest is empty for a whole stream."""
    events: int = 0


class Nodes:
    """Numbers for node ids, in order of appearance."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.numbers: dict[str, int] = {nodeid: number for number, nodeid in enumerate(known)}
        self._names: list[str] = []

    def names(self) -> list[str]:
        """Return all node ids by their numbers."""
        if len(self._names) < len(self.numbers):
            self._names += islice(self.numbers, len(self._names), None)
        return self._names

    def number(self, nodeid: str) -> int:
        """Return the number of a node id, a new one if it is new."""
        return self.numbers.setdefault(nodeid, len(self.numbers))


class _Group:
    """The lines of one stream in a stretch, by what has to be done with them."""

    __slots__ = ("finished", "finished_at", "other", "other_at", "starts")

    def __init__(self) -> None:
        self.finished: list[bytes] = []
        self.finished_at: list[int] = []
        self.starts: list[bytes] = []
        self.other: list[bytes] = []
        self.other_at: list[int] = []

    def take(self, run: LineRun, offsets: Sequence[int]) -> None:
        """Add the lines of a run, which are at these offsets."""
        self.finished += run.finished
        self.finished_at += run.finished_of(offsets)
        self.starts += run.starts
        self.other += run.others
        self.other_at += run.others_of(offsets)


def fold_lines(offsets: Sequence[int], lines: Sequence[bytes], nodes: Nodes, runs: Sequence[LineRun] = ()) -> Fold:
    """Fold a stretch of verified lines.

    Args:
        offsets: byte offset of each line.
        lines: lines without newlines, digests checked.
        nodes: numbers of node ids; new ones are added.
        runs: all of the lines as runs, if these are known.
    """
    fold = Fold(events=len(lines))
    for stream, group in _grouped(offsets, runs or runs_of(lines)).items():
        part = SessionPart(stream=stream.decode("ascii", "replace"))
        _take_span(part, group)
        _take_finished(part, group, nodes)
        _take_other(part, group, fold, nodes)
        whole = part.events == part.seal_count + 1  # from header to seal, nothing twice
        if not whole or part.starts != part.finished:
            _match_starts(part, group, nodes)
        _settle_dirty(part)
        if part.events:
            fold.parts[part.stream] = part
    return fold


def _grouped(offsets: Sequence[int], runs: Iterable[LineRun]) -> dict[bytes, _Group]:
    groups: dict[bytes, _Group] = {}
    for run in runs:
        places = offsets[run.start : run.start + len(run.lines)]
        if run.stream:
            groups.setdefault(run.stream, _Group()).take(run, places)
        else:
            _group_each(groups, places, run.lines)
    return groups


def _group_each(groups: dict[bytes, _Group], offsets: Sequence[int], lines: Sequence[bytes]) -> None:
    """Group lines one by one, of which nothing is known but that they are whole."""
    current, group = b"", _Group()
    for offset, line in zip(offsets, lines, strict=True):
        kind = line[_KIND_AT] if line[_TYPE_AT] == _T else 0
        if kind == _KIND_FINISHED:
            stream = line[_FINISHED_STREAM]
        elif kind == _KIND_STARTED:
            stream = line[_STARTED_STREAM]
        else:
            envelope = parse_envelope(line)
            if envelope is None:
                continue
            stream = envelope.stream.encode()
        if stream != current:
            current, group = stream, groups.setdefault(stream, _Group())
        if kind == _KIND_FINISHED:
            group.finished.append(line)
            group.finished_at.append(offset)
        elif kind == _KIND_STARTED:
            group.starts.append(line)
        else:
            group.other.append(line)
            group.other_at.append(offset)


def _take_span(part: SessionPart, group: _Group) -> None:
    """Note from where to where the stretch goes, by the ends of each list; where lines are out of order, what is found
    later corrects it.
    """
    part.starts = len(group.starts)
    part.events = len(group.finished) + len(group.starts) + len(group.other)
    ends = [line for kind in (group.finished, group.starts, group.other) if kind for line in (kind[0], kind[-1])]
    envelopes = [envelope for envelope in map(parse_envelope, ends) if envelope is not None]
    if envelopes:
        part.first_seq, part.last_seq = min(e.seq for e in envelopes), max(e.seq for e in envelopes)
        part.first_at, part.last_at = min(e.at for e in envelopes), max(e.at for e in envelopes)


def _take_finished(part: SessionPart, group: _Group, nodes: Nodes) -> None:
    try:
        events = [_decode_finished(line) for line in group.finished]
    except _DECODE_ERRORS:
        events = _decode_each(part, group)
    events = _without_repeats(part, group, events)
    if not events:
        return
    part.finished = len(events)
    part.last_finished_seq = events[-1].seq
    numbers = nodes.numbers
    node = [numbers.setdefault(e.nodeid, len(numbers)) for e in events]
    codes = bytearray([_OUTCOME_CODES.get(e.outcome, _OTHER) for e in events])
    special = [i for i, e in enumerate(events) if e.phase_outcomes is not None or codes[i] != _PASSED or e.crashed]
    try:
        details = [_decode_phases(group.finished[index]) for index in special]
    except _DECODE_ERRORS:
        _drop_malformed(part, group, special)
        _take_finished(part, group, nodes)
        return
    part.outcomes = {name: codes.count(code) for name, code in _OUTCOME_CODES.items() if code in codes}
    part.counts = _terminal_counts(part, events, special, details)
    if "other" in part.outcomes:
        _name_others(part, codes, group, dict(zip(special, details, strict=True)))
    for index in special:
        if events[index].crashed:
            codes[index] |= CRASHED_FLAG
            part.crashed += 1
    attempts = _attempt_column(events)
    part.reruns = len(events) - attempts.count(1)
    part.rows = Rows(
        nodes=array("I", node).tobytes(),
        outcomes=bytes(codes),
        durations=array("q", [e.duration_us for e in events]).tobytes(),
        positions=array("q", group.finished_at).tobytes(),
        attempts=attempts,
        workers=_worker_column(part, events),
    )


def _drop_malformed(part: SessionPart, group: _Group, special: list[int]) -> None:
    """Leave out those attempts that did not simply pass and whose other fields are not those of their type."""
    bad: set[int] = set()
    for index in special:
        try:
            _decode_phases(group.finished[index])
        except _DECODE_ERRORS:
            bad.add(index)
    part.malformed += [group.finished_at[index] for index in sorted(bad)]
    _keep(group, [index for index in range(len(group.finished)) if index not in bad])


def _name_others(part: SessionPart, codes: bytearray, group: _Group, details: dict[int, _Phases]) -> None:
    """Find the names of the outcomes that are `other`, and count them by these."""
    for index, event in details.items():
        if codes[index] == _OTHER:
            unknown = event.outcome if event.outcome != "other" else ""
            name = event.category or unknown or "other"
            part.others[group.finished_at[index]] = name
            _count(part.outcomes, name)
    part.outcomes["other"] -= len(part.others)
    part.outcomes = {name: count for name, count in part.outcomes.items() if count}


def _terminal_counts(
    part: SessionPart, events: list[_Finished], special: list[int], details: list[_Phases]
) -> dict[str, int]:
    """What attempts add to pytest's last line; those that are not `special` passed in every phase."""
    names: list[str] = []
    for index, more in zip(special, details, strict=True):
        names += terminal_categories(more.phases, events[index].phase_outcomes or {})
        for name, count in more.discarded_subtests.items():
            _count(part.subtests, name, -count)
    counts = Counter(passed=len(events) - len(special))
    counts.update(names)
    return {name: count for name, count in counts.items() if count}


def _decode_each(part: SessionPart, group: _Group) -> list[_Finished]:
    """Decode one by one, leaving out what does not fit its type."""
    events: list[_Finished] = []
    kept: list[int] = []
    for index, line in enumerate(group.finished):
        try:
            events.append(_decode_finished(line))
            kept.append(index)
        except _DECODE_ERRORS:
            try:
                events.append(_decode_finished_anyhow(line))
                kept.append(index)
            except _DECODE_ERRORS:
                part.malformed.append(group.finished_at[index])
    _keep(group, kept)
    return events


def _without_repeats(part: SessionPart, group: _Group, events: list[_Finished]) -> list[_Finished]:
    """Leave out events whose seq is not higher than the one before: the same again, after a merge or a fold."""
    last = -1
    for event in events:
        if event.seq <= last:
            break
        last = event.seq
    else:
        return events
    first: dict[int, int] = {}
    for index, event in enumerate(events):
        first.setdefault(event.seq, index)
    _widen(part, [envelope for envelope in map(parse_envelope, group.finished) if envelope is not None])
    keep = [first[seq] for seq in sorted(first)]
    part.events -= len(events) - len(keep)
    _keep(group, keep)
    return [events[index] for index in keep]


def _widen(part: SessionPart, envelopes: Sequence[Envelope]) -> None:
    """Extend the span of a part to events that are not in order, so that the ends of their list do not say it."""
    for envelope in envelopes:
        part.first_seq = min(part.first_seq, envelope.seq)
        part.last_seq = max(part.last_seq, envelope.seq)
        part.first_at = min(part.first_at, envelope.at)
        part.last_at = max(part.last_at, envelope.at)


def _keep(group: _Group, indexes: list[int]) -> None:
    group.finished = [group.finished[index] for index in indexes]
    group.finished_at = [group.finished_at[index] for index in indexes]


def _attempt_column(events: list[_Finished]) -> bytes:
    try:
        return bytes([e.attempt for e in events])
    except ValueError:
        return bytes([min(255, e.attempt) for e in events])


def _worker_column(part: SessionPart, events: list[_Finished]) -> bytes:
    names = [e.worker for e in events]
    known = list(dict.fromkeys(names))
    if known == [""]:
        return b""
    numbers = {name: min(number, 255) for number, name in enumerate(known)}
    part.workers = known
    return bytes([numbers[name] for name in names])


def _match_starts(part: SessionPart, group: _Group, nodes: Nodes) -> None:
    """Find what was started and not finished, and the other way round."""
    started: dict[OpenTest, None] = {}
    seen: set[int] = set()
    last, in_order = -1, True
    for line in group.starts:
        try:
            event = _decode_started(line)
        except _DECODE_ERRORS:
            part.starts -= 1
            continue
        in_order = in_order and event.seq > last
        last = event.seq
        if event.seq in seen:
            part.events -= 1
            part.starts -= 1
            continue
        seen.add(event.seq)
        started[event.nodeid, min(255, event.attempt), event.worker] = None  # as the column has it
    if not in_order:
        _widen(part, [envelope for envelope in map(parse_envelope, group.starts) if envelope is not None])
    early: list[OpenTest] = []
    for key in _attempts_of(part, nodes):
        if key in started:
            del started[key]
        else:
            early.append(key)
    part.open, part.finished_early = list(started), early


def _attempts_of(part: SessionPart, nodes: Nodes) -> Iterator[OpenTest]:
    rows, names = part.rows, nodes.names()
    workers = rows.workers or bytes(len(rows))
    for number, attempt, worker in zip(array("I", rows.nodes), rows.attempts, workers, strict=True):
        yield names[number], attempt, part.workers[worker]


def _take_other(part: SessionPart, group: _Group, fold: Fold, nodes: Nodes) -> None:
    seen: set[int] = set()
    for offset, line in zip(group.other_at, group.other, strict=True):
        envelope = parse_envelope(line)
        if envelope is None or envelope.seq in seen:
            part.events -= 1
            continue
        seen.add(envelope.seq)
        _widen(part, [envelope])
        take = _TAKERS.get(envelope.type)
        if envelope.type == "tests.announced":
            take = partial(_take_announced, nodes)
        if take is None:
            part.unknown += 1
            continue
        try:
            take(part, offset, line, fold)
        except _DECODE_ERRORS:
            part.malformed.append(offset)
            continue
        if envelope.type in _NOTED and len(part.notes) < NOTES_MAX:
            part.notes.append(offset)


def _take_header(part: SessionPart, offset: int, line: bytes, _: Fold) -> None:
    header = _decode_header(line)
    for key in ("v", "type", "stream", "seq", "digest"):
        header.pop(key, None)
    if not isinstance(header.get("session_id"), str) or not isinstance(header.get("sut"), str):
        raise ValueError("a header without session_id and sut")  # noqa: TRY004 - joins the decode errors
    msgspec.msgpack.encode(header)  # what the model cannot keep is malformed here, and not an error later
    part.header, part.header_at = header, offset


def _take_described(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    event = _decode_described(line)
    msgspec.msgpack.encode(event.properties)  # as for the header
    part.dirty = part.dirty if event.dirty is None else event.dirty
    part.properties += event.properties


def _take_announced(nodes: Nodes, part: SessionPart, offset: int, line: bytes, _: Fold) -> None:
    event = _decode_announced(line)
    found = list(map(nodes.numbers.get, event.nodeids))  # most have finished, and so have a number
    if None in found:
        found = [nodes.number(nodeid) for nodeid in event.nodeids]
    column = array("I", cast("list[int]", found)).tobytes()
    part.announced[event.worker] = part.announced.get(event.worker, b"") + column
    part.announced_at.append(offset)
    part.deselected += event.deselected
    part.announced_each = part.announced_each or bool(event.worker)


def _take_collect_failed(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    part.collect_failed.append(_decode_collect(line).nodeid)
    _count(part.subtests, "collection error")


def _take_collect_skipped(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    _decode_collect(line)
    _count(part.subtests, "collection skipped")


def _take_subtest(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    event = _decode_subtest(line)
    name = event.category or ("failed" if event.outcome == "failed" else "")
    if name:
        _count(part.subtests, name)


def _take_warning(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    part.warnings += 1
    nodeid = _decode_warning(line).nodeid
    if nodeid and nodeid not in part.warned:
        part.warned.append(nodeid)


def _take_cut(_: SessionPart, __: int, line: bytes, ___: Fold) -> None:
    _decode_cut(line)  # one that is malformed is no note


def _take_lost_worker(part: SessionPart, _: int, __: bytes, ___: Fold) -> None:
    part.lost_workers += 1


def _take_output(part: SessionPart, offset: int, line: bytes, _: Fold) -> None:
    part.outputs.append((_decode_output(line).name, offset))


def _take_degraded(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    part.dropped = max(part.dropped, _decode_degraded(line).dropped)


def _take_seal(part: SessionPart, _: int, line: bytes, __: Fold) -> None:
    seal = _decode_seal(line)
    part.exit_status, part.duration_us, part.seal_count = seal.exit_status, seal.duration_us, seal.count
    part.interrupted, part.internal_error = seal.interrupted, seal.internal_error
    part.dropped = max(part.dropped, seal.dropped)


def _take_cleared(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    _change(line, fold, "cleared")


def _take_superseded(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    _change(line, fold, "superseded")


def _take_restored(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    _change(line, fold, "restored")


def _take_purged(_: SessionPart, __: int, line: bytes, fold: Fold) -> None:
    event = _decode_purged(line)
    fold.purged.extend((stream, "") for stream in event.streams)
    fold.purged.extend((stream, digest) for stream, _, digest in event.lines)


def _change(line: bytes, fold: Fold, what: ChangeKind) -> None:
    envelope = parse_envelope(line)
    target = _decode_target(line).target
    at = envelope.at if envelope is not None else ""
    fold.changes.setdefault(target, []).append((at, line[-34:-2].decode("ascii"), what))


_NOTED = frozenset(
    {"collection.failed", "collection.skipped", "test.cut", "worker.lost", "recorder.degraded", "warning.recorded"}
)


_TAKERS = {
    "session.started": _take_header,
    "session.described": _take_described,
    "collection.failed": _take_collect_failed,
    "collection.skipped": _take_collect_skipped,
    "subtest.finished": _take_subtest,
    "warning.recorded": _take_warning,
    "test.cut": _take_cut,
    "worker.lost": _take_lost_worker,
    "output.recorded": _take_output,
    "recorder.degraded": _take_degraded,
    "session.finished": _take_seal,
    "session.cleared": _take_cleared,
    "session.superseded": _take_superseded,
    "session.restored": _take_restored,
    "events.purged": _take_purged,
}
"""Every type but `tests.announced` and the two that come once per test; what is not here is carried and counted."""


def _count(counts: dict[str, int], name: str, by: int = 1) -> None:
    counts[name] = counts.get(name, 0) + by


# ------------------------------------------------------------------ joining


def _settle_dirty(part: SessionPart) -> SessionPart:
    """Put what git answered after the header into the header, where the views look for it."""
    vcs = (part.header or {}).get("vcs")
    if part.header is not None and part.dirty is not None and isinstance(vcs, dict):
        part.header = {**part.header, "vcs": {**vcs, "dirty": part.dirty}}
    return part


def join(first: SessionPart, second: SessionPart) -> SessionPart:
    """Return what two stretches of a stream come to together; `second` comes after `first` in the log.

    Events of `second` that `first` has already (by `seq`) must have been left out, see `repeats`.
    """
    workers, second_rows = _join_workers(first.workers, second)
    closed = set(first.open) & set(second.finished_early)
    opened = [key for key in first.open if key not in closed]
    still_early = [key for key in second.finished_early if key not in closed]
    part = SessionPart(
        stream=first.stream,
        events=first.events + second.events,
        first_seq=min(filter(_is_seq, (first.first_seq, second.first_seq)), default=-1),
        last_seq=max(first.last_seq, second.last_seq),
        first_at=min(filter(None, (first.first_at, second.first_at)), default=""),
        last_at=max(first.last_at, second.last_at),
        header=first.header if first.header is not None else second.header,
        header_at=first.header_at if first.header is not None else second.header_at,
        rows=join_rows(first.rows, second_rows),
        workers=workers,
        last_finished_seq=max(first.last_finished_seq, second.last_finished_seq),
        finished=first.finished + second.finished,
        starts=first.starts + second.starts,
        others=first.others | second.others,
        open=[*opened, *second.open],
        finished_early=[*first.finished_early, *still_early],
        counts=_sum(first.counts, second.counts),
        reruns=first.reruns + second.reruns,
        crashed=first.crashed + second.crashed,
        outcomes=_sum(first.outcomes, second.outcomes),
        announced=_behind(first.announced, second.announced),
        announced_at=first.announced_at + second.announced_at,
        announced_each=first.announced_each or second.announced_each,
        deselected=first.deselected + second.deselected,
        subtests=_sum(first.subtests, second.subtests),
        collect_failed=first.collect_failed + second.collect_failed,
        outputs=first.outputs + second.outputs,
        dirty=first.dirty if second.dirty is None else second.dirty,
        properties=first.properties + second.properties,
        notes=(first.notes + second.notes)[:NOTES_MAX],
        warnings=first.warnings + second.warnings,
        warned=list(dict.fromkeys([*first.warned, *second.warned])),
        lost_workers=first.lost_workers + second.lost_workers,
        dropped=max(first.dropped, second.dropped),
        exit_status=first.exit_status if first.exit_status is not None else second.exit_status,
        duration_us=first.duration_us or second.duration_us,
        interrupted=first.interrupted or second.interrupted,
        internal_error=first.internal_error or second.internal_error,
        seal_count=max(first.seal_count, second.seal_count),
        unknown=first.unknown + second.unknown,
        malformed=first.malformed + second.malformed,
    )
    return _settle_dirty(part)


def repeats(first: SessionPart, second: SessionPart) -> bool:
    """Tell whether `second` has a seq within the span of `first`: it may repeat events, so both cannot just add up."""
    return second.first_seq <= first.last_seq


def join_folds(first: Fold, second: Fold) -> tuple[Fold, list[str]]:
    """Join two folds; also return the streams that could not be joined, because they may repeat events."""
    doubtful: list[str] = []
    parts = dict(first.parts)
    for stream, part in second.parts.items():
        known = parts.get(stream)
        if known is None:
            parts[stream] = part
        elif repeats(known, part):
            doubtful.append(stream)
        else:
            parts[stream] = join(known, part)
    changes = {stream: list(found) for stream, found in first.changes.items()}
    for stream, found in second.changes.items():
        changes.setdefault(stream, []).extend(found)
    purged = [*first.purged, *second.purged]
    return Fold(parts=parts, changes=changes, purged=purged, events=first.events + second.events), doubtful


def join_rows(first: Rows, second: Rows) -> Rows:
    """Put the columns of two parts behind each other."""
    workers = b""
    if first.workers or second.workers:
        workers = (first.workers or bytes(len(first))) + (second.workers or bytes(len(second)))
    return Rows(
        nodes=first.nodes + second.nodes,
        outcomes=first.outcomes + second.outcomes,
        durations=first.durations + second.durations,
        positions=first.positions + second.positions,
        attempts=first.attempts + second.attempts,
        workers=workers,
    )


def _join_workers(known: list[str], part: SessionPart) -> tuple[list[str], Rows]:
    """Number the workers of a later part as the earlier one does."""
    if part.workers == known or not len(part.rows):
        return known, part.rows
    workers = list(known)
    for worker in part.workers:
        if worker not in workers:
            workers.append(worker)
    numbers = [min(workers.index(worker), 255) for worker in part.workers]
    column = bytes(numbers[index] for index in part.rows.workers or bytes(len(part.rows)))
    return workers, msgspec.structs.replace(part.rows, workers=column)


def _behind(first: dict[str, bytes], second: dict[str, bytes]) -> dict[str, bytes]:
    """Put the columns of two parts behind each other."""
    return {name: first.get(name, b"") + second.get(name, b"") for name in {**first, **second}}


def _is_seq(seq: int) -> bool:
    return seq >= 0


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    total = dict(first)
    for name, count in second.items():
        total[name] = total.get(name, 0) + count
    return total
