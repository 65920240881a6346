"""Fold verified lines into session parts: pure, mergeable, fast.

A `SessionPart` is the result of folding some of a session's events. `fold_lines` makes parts from any stretch of a log,
`join` adds a later stretch to an earlier one; folding two halves and joining them equals folding the whole.
That is what catch-up, parallel replay and any later engine rely on.

Lines are grouped by stream on their raw bytes and decoded in bulk, with structs that name only the fields needed.
Starts of tests are decoded only where they matter: in a sealed session as many starts as finishes leave nothing open.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from ..eventlog.codec import Envelope, parse_envelope
from ..eventlog.lines.heads import LineRun, runs_of
from .joining import settle_dirty
from .lines import (
    DECODE_ERRORS,
    FinishedLine,
    PhasesLine,
    decode_finished,
    decode_finished_anyhow,
    decode_phases,
    decode_started,
)
from .parts import CRASHED_FLAG, NOTES_MAX, Fold, Nodes, OpenTest, Rows, SessionPart, add_count
from .rules import OUTCOMES, terminal_categories
from .session_lines import NOTED, TAKERS, take_announced

_OUTCOME_CODES: dict[str, int] = {outcome: code for code, outcome in enumerate(OUTCOMES)}


_OTHER = _OUTCOME_CODES["other"]


# Positions of fields in a line of format 1: `{"v":1,"type":"` is 15 bytes, `","stream":"` behind the type 12.
_TYPE_AT = 15


_FINISHED = b'test.finished","stream":"'


_STARTED = b'test.started","stream":"'


_FINISHED_STREAM = slice(_TYPE_AT + len(_FINISHED), _TYPE_AT + len(_FINISHED) + 32)


_STARTED_STREAM = slice(_TYPE_AT + len(_STARTED), _TYPE_AT + len(_STARTED) + 32)


# One byte tells the two types that come with every test from all others that begin with `t`.
_KIND_AT = _TYPE_AT + len("test.")


_T, _KIND_FINISHED, _KIND_STARTED = b"tfs"


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
    for stream, group in _group_lines(offsets, runs or runs_of(lines)).items():
        part = SessionPart(stream=stream.decode("ascii", "replace"))
        _take_span(part, group)
        _take_finished(part, group, nodes)
        _take_other(part, group, fold, nodes)
        whole = part.events == part.seal_count + 1  # from header to seal, nothing twice
        if not whole or part.starts != part.finished:
            _match_starts(part, group, nodes)
        settle_dirty(part)
        if part.events:
            fold.parts[part.stream] = part
    return fold


def _group_lines(offsets: Sequence[int], runs: Iterable[LineRun]) -> dict[bytes, _Group]:
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
        events = [decode_finished(line) for line in group.finished]
    except DECODE_ERRORS:
        events = _decode_each(part, group)
    events = _without_repeats(part, group, events)
    if not events:
        return
    part.finished = len(events)
    part.last_finished_seq = events[-1].seq
    codes = _code_column(events)
    special = [i for i, e in enumerate(events) if e.phase_outcomes is not None or e.outcome != "passed" or e.crashed]
    try:
        details = [decode_phases(group.finished[index]) for index in special]
    except DECODE_ERRORS:
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
        nodes=_node_column(events, nodes),
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
            decode_phases(group.finished[index])
        except DECODE_ERRORS:
            bad.add(index)
    part.malformed += [group.finished_at[index] for index in sorted(bad)]
    _keep(group, [index for index in range(len(group.finished)) if index not in bad])


def _name_others(part: SessionPart, codes: bytearray, group: _Group, details: dict[int, PhasesLine]) -> None:
    """Find the names of the outcomes that are `other`, and count them by these."""
    for index, event in details.items():
        if codes[index] == _OTHER:
            unknown = event.outcome if event.outcome != "other" else ""
            name = event.category or unknown or "other"
            part.others[group.finished_at[index]] = name
            add_count(part.outcomes, name)
    part.outcomes["other"] -= len(part.others)
    part.outcomes = {name: count for name, count in part.outcomes.items() if count}


def _terminal_counts(
    part: SessionPart, events: list[FinishedLine], special: list[int], details: list[PhasesLine]
) -> dict[str, int]:
    """Return what attempts add to the last line of pytest; those that are not `special` passed in every phase."""
    names: list[str] = []
    for index, more in zip(special, details, strict=True):
        names += terminal_categories(more.phases, events[index].phase_outcomes or {})
        for name, count in more.discarded_subtests.items():
            add_count(part.subtests, name, -count)
    counts = Counter(passed=len(events) - len(special))
    counts.update(names)
    return {name: count for name, count in counts.items() if count}


def _decode_each(part: SessionPart, group: _Group) -> list[FinishedLine]:
    """Decode one by one, leaving out what does not fit its type."""
    events: list[FinishedLine] = []
    kept: list[int] = []
    for index, line in enumerate(group.finished):
        try:
            events.append(decode_finished(line))
            kept.append(index)
        except DECODE_ERRORS:
            try:
                events.append(decode_finished_anyhow(line))
                kept.append(index)
            except DECODE_ERRORS:
                part.malformed.append(group.finished_at[index])
    _keep(group, kept)
    return events


def _without_repeats(part: SessionPart, group: _Group, events: list[FinishedLine]) -> list[FinishedLine]:
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


def _code_column(events: list[FinishedLine]) -> bytearray:
    codes = _OUTCOME_CODES
    try:
        return bytearray([codes[e.outcome] for e in events])
    except KeyError:
        return bytearray([codes.get(e.outcome, _OTHER) for e in events])


def _node_column(events: list[FinishedLine], nodes: Nodes) -> bytes:
    numbers = nodes.numbers
    try:
        found = [numbers[e.nodeid] for e in events]  # most tests ran before
    except KeyError:
        found = [numbers.setdefault(e.nodeid, len(numbers)) for e in events]
    return array("I", found).tobytes()


def _attempt_column(events: list[FinishedLine]) -> bytes:
    try:
        return bytes([e.attempt for e in events])
    except ValueError:
        return bytes([min(255, e.attempt) for e in events])


def _worker_column(part: SessionPart, events: list[FinishedLine]) -> bytes:
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
            event = decode_started(line)
        except DECODE_ERRORS:
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
        take = TAKERS.get(envelope.type)
        if envelope.type == "tests.announced":
            take = partial(take_announced, nodes)
        if take is None:
            part.unknown += 1
            continue
        try:
            take(part, offset, line, fold)
        except DECODE_ERRORS:
            part.malformed.append(offset)
            continue
        if envelope.type in NOTED and len(part.notes) < NOTES_MAX:
            part.notes.append(offset)
