"""From the lines of a stream to the rows of the views: pure, with the fold and the rules of the local read model."""

from array import array
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from ...core.history.table_columns import SESSION, read_values
from ...core.history.verdicts.columns import Ends, TestRun, tests_of_rows
from ...eventlog.format import FORMAT_VERSION
from ...eventlog.times import to_datetime
from ...projections.fold import fold_lines
from ...projections.parts import Fold, Nodes, Rows, SessionPart
from ...projections.rules import OUTCOMES, is_cut, is_flaky, verdict_of
from ...projections.rules import RULES_VERSION as SESSION_RULES_VERSION
from ...projections.session_row import SessionRow
from ...projections.settling import failed_positions
from ...projections.whole import WholePart, row_of, settle_whole
from ..history.failures import pack_failures
from ..history.positions import check_seq, first_position, seq_at
from ..history.storable import storable_text

RULES_VERSION: Final = f"{SESSION_RULES_VERSION}.2"
"""Views that were made by other rules are made again from the segments."""

FLAKY_FLAG: Final = 64
"""Set in the code of a verdict if an earlier attempt was bad."""
NO_VERDICT: Final = -1
"""Verdict of an attempt that does not decide its test, and outcome of a test that was left running."""

_VERDICT_CODES: Final = {name: code for code, name in enumerate((*OUTCOMES, "crashed", "cut"))}
_OTHER: Final = _VERDICT_CODES["other"]
_SMALL_MAX: Final = (1 << 15) - 1
_EVENT: Final = b'{"v":%d,' % FORMAT_VERSION


class ResultRow(NamedTuple):
    """A row of the table of results, without the columns that all rows of a session share."""

    node: int
    """Number of the node id in the fold."""
    duration_us: int
    seq: int
    outcome: int
    attempt: int
    verdict: int
    runs: int
    worker: int


class FoldedStream(NamedTuple):
    """Rows that the views have of a stream."""

    stream: UUID
    session: dict[str, Any] | None
    """Columns of the session; None for a stream that is no session."""
    results: list[ResultRow]
    changes: list[tuple[str, str, str, str]]
    """`(target, at, digest, what)` of events that hide or show sessions."""
    whole: WholePart | None = None
    """The folded session; its rows have positions of the tables, and numbers of the fold."""
    failures: bytes | None = None
    """Lines of its failed attempts, packed."""


def fold_stream(stream: UUID, number: int, seqs: Sequence[int], lines: Sequence[bytes], nodes: Nodes) -> FoldedStream:
    """Fold all lines of a stream.

    Args:
        stream: its id.
        number: of its session.
        seqs: sequence numbers in rising order.
        lines: verified lines without newlines. Those of a newer format are left out.
        nodes: numbers of node ids; new ones are added.

    Raises:
        PositionError: it has too many events.
    """
    if not all(line.startswith(_EVENT) for line in lines):
        kept = [(seq, line) for seq, line in zip(seqs, lines, strict=True) if line.startswith(_EVENT)]
        seqs, lines = [seq for seq, _ in kept], [line for _, line in kept]
    check_seq(max(seqs, default=0))
    base = first_position(number)
    fold = fold_lines([base + seq for seq in seqs], lines, nodes)
    part = fold.parts.get(stream.hex)
    changes = _changes_of(fold)
    if part is None:
        return FoldedStream(stream, None, [], changes)
    rows, part.rows = part.rows, Rows()
    whole = settle_whole(part, rows, nodes.number)
    row = row_of(whole)
    if row is None:
        return FoldedStream(stream, None, [], changes)
    columns = _session_columns(stream, row) | {"id": number}
    results = _results_of(rows, whole.head, nodes)
    whole.head.rows = rows
    return FoldedStream(stream, columns, results, changes, whole, _failures_of(rows, seqs, lines))


def _failures_of(rows: Rows, seqs: Sequence[int], lines: Sequence[bytes]) -> bytes | None:
    wanted = {seq_at(position) for position in failed_positions(rows)}
    if not wanted:
        return None
    return pack_failures((seq, line) for seq, line in zip(seqs, lines, strict=True) if seq in wanted)


def _changes_of(fold: Fold) -> list[tuple[str, str, str, str]]:
    changes = [(target, *change) for target, found in fold.changes.items() for change in found]
    changes += [(target, "", "", "purged") for target, digest in fold.purged if not digest]
    return [(storable_text(target), at, digest, what) for target, at, digest, what in dict.fromkeys(changes)]


def _session_columns(stream: UUID, row: SessionRow) -> dict[str, Any]:
    names = [column.name for column, _ in SESSION]
    columns: dict[str, Any] = dict(zip(names, map(_storable, read_values(SESSION, row)), strict=True))
    return columns | {
        "stream": stream,
        "label": storable_text(row.session_id),
        "session_id": None,
        "started_at": to_datetime(row.started_us),
        "verdicts": {storable_text(name): count for name, count in row.verdicts.items()},
        "workers": [storable_text(name) for name in row.part.workers],
        "others": {str(seq_at(at)): storable_text(name) for at, name in row.part.others.items()},
    }


def _results_of(rows: Rows, head: SessionPart, nodes: Nodes) -> list[ResultRow]:
    """Return a row for each attempt, and for each test that was left running; each test has one with its verdict."""
    names = nodes.names()
    numbers = array("I", rows.nodes)
    cut = is_cut(sealed=head.exit_status is not None, interrupted=head.interrupted)
    ends = Ends(head.others, verdict_of((), running=True, cut=cut))
    open_tests = {nodeid: (attempt, worker) for nodeid, attempt, worker in head.open}
    tests = tests_of_rows(rows, head.workers, names, list(open_tests), None, ends)
    verdicts, runs = [NO_VERDICT] * len(rows), [0] * len(rows)
    for nodeid, test in tests.items():
        if nodeid not in open_tests:
            verdicts[test.order], runs[test.order] = _verdict_code(test), min(len(test.outcomes), _SMALL_MAX)
    columns = (
        numbers,
        array("q", rows.durations),
        map(seq_at, array("q", rows.positions)),
        rows.outcomes,
        rows.attempts,
        verdicts,
        runs,
        rows.workers or bytes(len(rows)),
    )
    found = list(map(ResultRow._make, zip(*columns, strict=True)))
    for nodeid, (attempt, worker) in open_tests.items():
        number = head.workers.index(worker) if worker in head.workers else 0
        test = tests[nodeid]
        verdict, ended = _verdict_code(test), min(len(test.outcomes), _SMALL_MAX)
        found.append(ResultRow(nodes.number(nodeid), 0, -1, NO_VERDICT, attempt, verdict, ended, number))
    return found


def _verdict_code(test: TestRun) -> int:
    code = _VERDICT_CODES.get(test.verdict, _OTHER)
    return code | FLAKY_FLAG if is_flaky(test.outcomes) else code  # type: ignore[arg-type]


def _storable(value: Any) -> Any:
    return storable_text(value) if isinstance(value, str) else value
