"""Results of one session in columns, from the read model.

A session in which each test ended is taken from the packed columns as they are; any other one from its verdicts as
objects, which takes longer. Both give the same values; a test compares them.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple, TypeVar

from ..core.history.history import History
from ..core.history.modules import FAILED
from ..core.history.verdicts.columns import TestRun
from ..core.history.verdicts.reading import run_of_row
from ..core.questions.clusters import cluster_of, collection_messages, message_of
from ..projections.parts import CRASHED_FLAG
from ..projections.rules import BAD, OUTCOMES, is_flaky
from ..projections.session_row import SessionRow

T = TypeVar("T")
MESSAGE_MAX = 1000
"""Characters of a message that are kept."""


class FailureText(NamedTuple):
    """Texts of a result that failed."""

    message: str
    cluster: str


@dataclass
class SessionResults:
    """Results of one session, in columns of one length; what repeats is a number of a `Values`."""

    row: SessionRow
    nodes: "array[int]"
    """Numbers of the node ids and modules."""
    verdicts: "array[int]"
    """Numbers of verdicts with their outcomes."""
    durations: "array[int]"
    """Microseconds."""
    workers: "array[int]"
    """Numbers of names."""
    failures: dict[int, FailureText]
    """Texts by the place in the columns."""
    modules: int = 0
    """How many of the last rows are modules that could not be collected."""

    def __len__(self) -> int:
        return len(self.nodes)


class Ended(NamedTuple):
    """How a test ended: what most results have in common with many others."""

    verdict: str
    outcomes: tuple[str, ...]
    kind: str = "test"

    @property
    def flaky(self) -> bool:
        """Whether it passed only after another attempt."""
        return is_flaky(self.outcomes) and self.verdict not in BAD  # type: ignore[arg-type]


_PLAIN = [
    Ended("crashed" if code & CRASHED_FLAG else OUTCOMES[code & ~CRASHED_FLAG], (OUTCOMES[code & ~CRASHED_FLAG],))
    if code & ~CRASHED_FLAG < len(OUTCOMES)
    else Ended("", ())
    for code in range(2 * CRASHED_FLAG)
]
"""How a test with one attempt ended, by the code of the attempt."""
_BAD_CODES = bytes(code for code, ended in enumerate(_PLAIN) if ended.verdict in BAD)
_BAD_MARK = bytes(code in _BAD_CODES for code in range(2 * CRASHED_FLAG))


class Values:
    """Values that repeat, by their numbers: names of tests and modules, ends of tests, names of workers.

    Args:
        names: node ids by their numbers in the read model.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.ends = list(_PLAIN)
        self.workers: list[str] = []
        self._modules: dict[str, int] = {}
        self._ends: dict[Ended, int] = {}
        self._workers: dict[str, int] = {}

    def number_of_name(self, name: str, known: dict[str, int]) -> int:
        """Return the number of a node id, or that of a module."""
        number = known.get(name)
        return _number(name, self.names, self._modules) if number is None else number

    def number_of_end(self, ended: Ended) -> int:
        """Return the number of how a test ended."""
        return _number(ended, self.ends, self._ends)

    def number_of_worker(self, name: str) -> int:
        """Return the number of a worker's name."""
        return _number(name, self.workers, self._workers)


def _number(value: T, values: list[T], numbers: dict[T, int]) -> int:
    """Return the number of a value; a new one is added."""
    number = numbers.get(value)
    if number is None:
        number = numbers[value] = len(values)
        values.append(value)
    return number


def is_plain(row: SessionRow) -> bool:
    """Return whether the codes of a session's attempts say all about how its tests ended."""
    part = row.part
    return not (part.open or part.others or part.collect_failed)


def read_results(model: History, row: SessionRow, values: Values) -> SessionResults:
    """Return the results of a session."""
    return _read_plain(model, row, values) if is_plain(row) else read_verdicts(model, row, values)


def _read_plain(model: History, row: SessionRow, values: Values) -> SessionResults:
    rows = model.columns(row.stream)
    numbers = [values.number_of_worker(name) for name in row.part.workers]
    nodes, durations, positions = array("I", rows.nodes), array("q", rows.durations), array("q", rows.positions)
    workers = array("I", map(numbers.__getitem__, rows.workers) if rows.workers else repeat(numbers[0], len(rows)))
    ends, codes = array("I", iter(rows.outcomes)), rows.outcomes
    last = dict(zip(nodes, range(len(nodes)), strict=True))
    if len(last) < len(nodes):  # some ran again: their last attempts count
        _join_ends(nodes, codes, last, ends, values)
        places = list(last.values())
        nodes = array("I", last)
        ends, workers = (array("I", map(column.__getitem__, places)) for column in (ends, workers))
        durations, positions = (array("q", map(column.__getitem__, places)) for column in (durations, positions))
        codes = bytes(map(codes.__getitem__, places))
    tests = {
        place: TestRun(_PLAIN[codes[place]].verdict, (), 0, positions[place], "", place)
        for place in _places_of_bad(codes)
    }
    return SessionResults(row, nodes, ends, durations, workers, _texts(model, tests))


def _join_ends(nodes: "array[int]", codes: bytes, last: dict[int, int], ends: "array[int]", values: Values) -> None:
    """Set the ends of tests that ran more than once, at the places of their last attempts, to those of all attempts."""
    again = {node for node, count in Counter(nodes).items() if count > 1}
    outcomes: dict[int, tuple[str, ...]] = {}
    for node, code in zip(nodes, codes, strict=True):
        if node in again:
            outcomes[node] = (*outcomes.get(node, ()), *_PLAIN[code].outcomes)
    for node, found in outcomes.items():
        ends[last[node]] = values.number_of_end(Ended(_PLAIN[codes[last[node]]].verdict, found))


def _places_of_bad(outcomes: bytes) -> list[int]:
    marked = outcomes.translate(_BAD_MARK)
    found: list[int] = []
    place = marked.find(1)
    while place >= 0:
        found.append(place)
        place = marked.find(1, place + 1)
    return found


def read_verdicts(model: History, row: SessionRow, values: Values) -> SessionResults:
    """Return the results of any session, from its verdicts as objects."""
    run = run_of_row(model, row)
    known = model.numbers()
    found = SessionResults(row, array("I"), array("I"), array("q"), array("I"), {}, len(run.uncollected))
    tests = list(run.tests.items())
    modules = [(module, FAILED) for module in run.uncollected]
    for kind, items in (("test", tests), ("module", modules)):
        found.nodes.extend([values.number_of_name(nodeid, known) for nodeid, _ in items])
        found.verdicts.extend([values.number_of_end(Ended(test.verdict, test.outcomes, kind)) for _, test in items])
        found.durations.extend([test.duration_us for _, test in items])
        found.workers.extend([values.number_of_worker(test.worker) for _, test in items])
    found.failures = _texts(model, {place: test for place, (_, test) in enumerate(tests) if test.verdict in BAD})
    if modules:
        texts = collection_messages(model, row.stream)
        for place, (module, test) in enumerate(modules, len(tests)):
            text = texts.get((row.stream, module), "")
            found.failures[place] = FailureText(shorten(text), cluster_of(text, test))
    return found


def _texts(model: History, tests: dict[int, TestRun]) -> dict[int, FailureText]:
    """Return the texts of tests that failed, by their places."""
    texts = dict(read_messages(model, {place: test.position for place, test in tests.items() if test.position >= 0}))
    return {
        place: FailureText(shorten(texts.get(place, "")), cluster_of(texts.get(place, ""), test))
        for place, test in tests.items()
    }


def read_messages(model: History, positions: dict[int, int]) -> Iterable[tuple[int, str]]:
    """Yield what the events at some positions say, with the keys of the positions."""
    if positions:
        for key, event in zip(positions, model.finished_at(list(positions.values())), strict=True):
            yield key, message_of(event.longreprtext, event.cause)


def shorten(message: str) -> str:
    """Return a message without what is beyond `MESSAGE_MAX` characters."""
    return message if len(message) <= MESSAGE_MAX else f"{message[: MESSAGE_MAX - 3]}..."
