"""Results of a month in order of their tests, in bounded memory.

A result is held as 28 bytes: a number for the rank of its test and the place of its session, and numbers of values that
repeat. A month with more results than fit is read several times, each time for the next range of tests, so that no
temporary file is needed and the memory does not grow with the month.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..core.history.history import History
from ..projections.session_row import SessionRow
from .arrow import end_columns, failure_columns, make_batch, seconds_of, shared_columns, split_keys
from .columns import FailureText, SessionResults, Values, read_results
from .engine import ArrowArray, ArrowBatch, ArrowType, pa, pc
from .schema import LakeTable

PASS_ROWS = 4_000_000
"""Results that are sorted at once."""
BATCH_ROWS = 50_000
_BLOCK_ROWS = 250_000


class NameOrder(NamedTuple):
    """Node ids and names of modules in alphabetical order."""

    ranks: "array[int]"
    """Places in that order by the numbers of the names."""
    names: ArrowArray


def order_names(model: History, rows: Iterable[SessionRow], values: Values) -> NameOrder:
    """Return the order of all names in the results of some sessions, and perhaps of others.

    Args:
        model: where they are stored.
        rows: the sessions.
        values: values that repeat; names of modules are added.
    """
    known = model.numbers()
    for row in rows:
        for module in row.part.collect_failed:
            values.number_of_name(module, known)
    order = sorted(range(len(values.names)), key=values.names.__getitem__)
    ranks = array("I", bytes(4 * len(order)))
    for rank, number in enumerate(order):
        ranks[number] = rank
    return NameOrder(ranks, pa.array([values.names[number] for number in order], pa.string()))


def sorted_batches(
    model: History,
    rows: Sequence[SessionRow],
    values: Values,
    order: NameOrder,
    table: LakeTable,
    constants: dict[str, str],
    *,
    pass_rows: int = PASS_ROWS,
) -> Iterator[ArrowBatch]:
    """Yield the results of some sessions, ordered by node id and start of the session.

    Args:
        model: where they are stored.
        rows: the sessions in order of their start.
        values: values that repeat.
        order: order of their names.
        table: columns of the results.
        constants: columns with one value, by name.
        pass_rows: most results that are held at a time, but for those of one test.
    """
    shared = shared_columns(rows)
    for first, last in _split_ranks(model, rows, order.ranks, pass_rows):
        held = _HeldResults(order.ranks, first, last)
        for place, row in enumerate(rows):
            held.add(place, read_results(model, row, values))
        yield from held.sorted_batches(order.names, shared, values, table, constants)


def _split_ranks(
    model: History, rows: Sequence[SessionRow], ranks: "array[int]", pass_rows: int
) -> list[tuple[int, int]]:
    """Return ranges of ranks, each with about `pass_rows` attempts at most."""
    count = len(ranks)
    attempts = sum(sum(row.part.outcomes.values()) + len(row.part.open) + len(row.part.collect_failed) for row in rows)
    if attempts <= pass_rows:
        return [(0, count)]
    counts: Counter[int] = Counter()
    for row in rows:
        counts.update(array("I", model.columns(row.stream).nodes))
    by_rank = array("q", bytes(8 * count))
    for node, times in counts.items():
        by_rank[ranks[node]] = times
    found: list[tuple[int, int]] = []
    first = held = 0
    for rank, times in enumerate(by_rank):
        if held and held + times > pass_rows:
            found.append((first, rank))
            first, held = rank, 0
        held += times
    return [*found, (first, count)]


class _HeldResults:
    """Results of a range of tests.

    Args:
        ranks: ranks of the tests by their numbers.
        first: rank of the first test of the range.
        last: rank behind its last test.
    """

    def __init__(self, ranks: "array[int]", first: int, last: int) -> None:
        self._ranks = ranks
        self._range = None if (first, last) == (0, len(ranks)) else (first << 32, last << 32)
        self._blocks: list[ArrowBatch] = []
        self._failures: list[FailureText] = []
        self._numbers: dict[FailureText, int] = {}
        self._begin_block()

    def _begin_block(self) -> None:
        self._keys, self._ends, self._durations = array("q"), array("I"), array("q")
        self._workers, self._texts = array("I"), array("I")

    def add(self, place: int, results: SessionResults) -> None:
        """Take the results of a session whose tests are in the range."""
        ranks = self._ranks
        texts = array("I", bytes(4 * len(results)))
        for at, failure in results.failures.items():
            if self._range is None or self._range[0] <= ranks[results.nodes[at]] << 32 < self._range[1]:
                texts[at] = self._number_of(failure)
        self._keys.extend([ranks[node] << 32 | place for node in results.nodes])
        self._ends += results.verdicts
        self._durations += results.durations
        self._workers += results.workers
        self._texts += texts
        if len(self._keys) >= _BLOCK_ROWS:
            self._end_block()

    def _number_of(self, failure: FailureText) -> int:
        number = self._numbers.get(failure)
        if number is None:
            self._failures.append(failure)
            number = self._numbers[failure] = len(self._failures)
        return number

    def _end_block(self) -> None:
        columns = {
            "key": _as_arrow(self._keys, pa.int64()),
            "end": _as_arrow(self._ends, pa.uint32()),
            "duration": _as_arrow(self._durations, pa.int64()),
            "worker": _as_arrow(self._workers, pa.uint32()),
            "text": _as_arrow(self._texts, pa.uint32()),
        }
        block = pa.RecordBatch.from_pydict(columns)
        if self._range is not None:
            keys = block.column("key")
            block = block.filter(pc.and_(pc.greater_equal(keys, self._range[0]), pc.less(keys, self._range[1])))
        self._blocks.append(block)
        self._begin_block()

    def sorted_batches(
        self,
        names: ArrowArray,
        shared: dict[str, ArrowArray],
        values: Values,
        table: LakeTable,
        constants: dict[str, str],
    ) -> Iterator[ArrowBatch]:
        """Yield the results in order."""
        self._end_block()
        held = pa.Table.from_batches(self._blocks).combine_chunks()
        self._blocks.clear()
        workers = pa.array(values.workers, pa.string())
        ends, texts = end_columns(values.ends), failure_columns(self._failures)
        order = pc.sort_indices(held.column("key"))
        for start in range(0, len(order), BATCH_ROWS):
            part = held.take(order.slice(start, BATCH_ROWS))
            column = {name: part.column(name).combine_chunks() for name in part.column_names}
            ranks, sessions = split_keys(column["key"])
            found = {name: pc.take(array, sessions) for name, array in shared.items()}
            found |= {name: pc.take(array, column["end"]) for name, array in ends.items()}
            found |= {name: pc.take(array, column["text"]) for name, array in texts.items()}
            found |= {"nodeid": pc.take(names, ranks), "worker": pc.take(workers, column["worker"])}
            found["duration_s"] = seconds_of(column["duration"])
            yield make_batch(table, len(ranks), found | constants)


def _as_arrow(values: "array[int]", kind: ArrowType) -> ArrowArray:
    """Return numbers as an Arrow array over the same memory."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
