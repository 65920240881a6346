"""Verdicts of the tests of one session, from the columns of the read model."""

import sys
from array import array
from collections import Counter
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import islice
from typing import NamedTuple

from ....projections.parts import CRASHED_FLAG, Rows
from ....projections.rules import GOOD, OUTCOMES
from ....projections.session_row import Notable

_FEW = 8
"""Tests that are looked for one by one, as that is faster than to go through all of a session."""
_NUMBER_SIZE = 4
"""Bytes of the number of a node id in a column."""


class TestRun(NamedTuple):
    """Verdict of one test in one session."""

    verdict: str
    outcomes: tuple[str, ...]
    """Of its attempts, in order."""
    duration_us: int
    """Of its last attempt."""
    position: int
    """Of the event of its last attempt in the read model; -1 for a session that is in no log."""
    worker: str
    order: int
    """How many tests finished before it in the session."""

    __test__ = False  # type: ignore[misc]


class Ends(NamedTuple):
    """How tests of a session ended, as far as the columns do not say it."""

    others: Mapping[int, str]
    """Names of the outcomes that are `other`, by position."""
    left_open: str
    """Verdict of what was running when the session ended."""


class Wanted:
    """Some tests that are looked for in many sessions.

    Args:
        nodeids: them.
    """

    def __init__(self, nodeids: set[str]) -> None:
        self.nodeids = nodeids
        self._numbers: tuple[dict[str, int], set[int]] | None = None

    def numbers(self, known: dict[str, int]) -> set[int]:
        """Return their numbers in a read model."""
        if self._numbers is None or self._numbers[0] is not known:
            self._numbers = known, {known[nodeid] for nodeid in self.nodeids if nodeid in known}
        return self._numbers[1]


class ColumnTests(Mapping[str, TestRun]):
    """The tests of a stored session; made into objects only as far as they are looked at.

    Args:
        rows: the attempts in columns.
        workers: names of the workers by their numbers.
        names: node ids by their numbers.
        numbers: numbers by node ids.
        running: tests that were started and have no result.
        notable: those that failed or ran again.
        ends: what the columns do not say of how tests ended.
    """

    __slots__ = ("_all", "_ends", "_names", "_numbers", "_places", "_rows", "_running", "_some", "_workers", "notable")

    def __init__(
        self,
        rows: Rows,
        workers: list[str],
        names: list[str],
        numbers: dict[str, int],
        running: list[str],
        notable: Notable,
        ends: "Ends",
    ) -> None:
        self._ends = ends
        self._rows, self._workers, self._names, self._numbers = rows, workers, names, numbers
        self._running = running
        self.notable = notable
        self._places: dict[int, int] | None = None
        self._all: dict[str, TestRun] | None = None
        self._some: tuple[set[int], Iterable[int]] | None = None

    def __getitem__(self, nodeid: str) -> TestRun:
        if self._all is not None:
            return self._all[nodeid]
        places = self._places_of(self._numbers[nodeid])
        if nodeid in self._running:
            outcomes = self._outcomes_at(places)
            return TestRun(self._ends.left_open, outcomes, 0, -1, "", len(self._rows))
        if not places:
            raise KeyError(nodeid)
        last = self._once(places[-1])
        return last if len(places) == 1 else last._replace(outcomes=self._outcomes_at(places))

    def __contains__(self, nodeid: object) -> bool:
        number = self._numbers.get(nodeid)  # type: ignore[arg-type]
        if number is None:
            return False
        found = self._has_number(number) if self._places is None else number in self._places
        return found or nodeid in self._running

    def __iter__(self) -> Iterator[str]:
        names = self._names
        found = self._last_places()
        yield from (names[number] for number in found)
        yield from (nodeid for nodeid in self._running if self._numbers[nodeid] not in found)

    def __len__(self) -> int:
        found = self._last_places()
        return len(found) + sum(self._numbers[nodeid] not in found for nodeid in self._running)

    def attach(self, names: list[str], numbers: dict[str, int]) -> None:
        """Use a newer list of node ids, in which the numbers that were there have the same meaning.

        Args:
            names: node ids by their numbers.
            numbers: numbers by node ids.
        """
        self._names, self._numbers = names, numbers

    def forget(self) -> None:
        """Release the memory of what can be found again from the columns."""
        self._all = self._places = self._some = None

    def items(self) -> ItemsView[str, TestRun]:
        """Return all of them."""
        return self._all_tests().items()

    def values(self) -> ValuesView[TestRun]:
        """Return all of them."""
        return self._all_tests().values()

    def some(self, wanted: "Wanted") -> list[str]:
        """Return those of some tests that are here."""
        numbers = wanted.numbers(self._numbers)
        if self._some is None or self._some[0] != numbers:
            self._some = numbers, self._find_some(numbers)
        found = [self._names[number] for number in self._some[1]]
        return found + [nodeid for nodeid in self._running if nodeid in wanted.nodeids and nodeid not in found]

    def _find_some(self, numbers: set[int]) -> Iterable[int]:
        """Return those of some tests that have an attempt."""
        if len(numbers) <= _FEW:
            return [number for number in numbers if self._has_number(number)]
        return numbers.intersection(array("I", self._rows.nodes))

    def numbered(self) -> tuple[list[str], "array[int]", list[str]]:
        """Return the list of node ids, the numbers of the attempts in it, and the tests without a result."""
        return self._names, array("I", self._rows.nodes), self._running

    def named(self, column: bytes) -> list[str]:
        """Return the node ids of a column of numbers."""
        return [self._names[number] for number in array("I", column)]

    def durations(self) -> dict[str, int]:
        """Return the durations of the last attempts in microseconds, by node id."""
        numbers, names = array("I", self._rows.nodes), self._names
        found = dict(zip([names[number] for number in numbers], array("q", self._rows.durations), strict=True))
        return found | dict.fromkeys(self._running, 0)

    def last_verdicts(self) -> dict[str, str]:
        """Return the verdicts by node id."""
        if self._all is not None or self._ends.others:
            return {nodeid: test.verdict for nodeid, test in self.items()}
        names, codes = self._names, self._rows.outcomes
        found = {names[number]: _VERDICTS[codes[place]] for number, place in self._last_places().items()}
        return found | dict.fromkeys(self._running, self._ends.left_open)

    def next_on_worker(self, nodeid: str, most: int) -> list[tuple[str, int]]:
        """Return node ids and positions of the attempts that followed the last one of a test on its worker."""
        place = self._last_places()[self._numbers[nodeid]]
        who, nodes, positions = self._rows.workers, array("I", self._rows.nodes), array("q", self._rows.positions)
        later = (at for at in range(place + 1, len(nodes)) if not who or who[at] == who[place])
        return [(self._names[nodes[at]], positions[at]) for at in islice(later, most)]

    def passing_durations(self) -> dict[str, int]:
        """Return the durations in microseconds of the tests that passed."""
        if self._ends.others:
            return {nodeid: test.duration_us for nodeid, test in self.items() if test.verdict in GOOD}
        names, codes, durations = self._names, self._rows.outcomes, array("q", self._rows.durations)
        running = {self._numbers[nodeid] for nodeid in self._running}
        return {
            names[number]: durations[place]
            for number, place in self._last_places().items()
            if _IS_GOOD[codes[place]] and number not in running
        }

    def _last_places(self) -> dict[int, int]:
        """Return the place of the last attempt of each test in the columns, by the number of the test."""
        if self._places is None:
            numbers = array("I", self._rows.nodes)
            self._places = dict(zip(numbers, range(len(numbers)), strict=True))
        return self._places

    def _has_number(self, number: int) -> bool:
        """Return whether a test has an attempt, without looking at the others."""
        nodes, wanted = self._rows.nodes, number.to_bytes(_NUMBER_SIZE, sys.byteorder)
        at = nodes.find(wanted)
        while at % _NUMBER_SIZE and at >= 0:
            at = nodes.find(wanted, at + 1)
        return at >= 0

    def _places_of(self, number: int) -> list[int]:
        """Return the places of the attempts of one test in the columns."""
        nodes, wanted = self._rows.nodes, number.to_bytes(_NUMBER_SIZE, sys.byteorder)
        found: list[int] = []
        at = nodes.find(wanted)
        while at >= 0:
            if at % _NUMBER_SIZE == 0:
                found.append(at // _NUMBER_SIZE)
            at = nodes.find(wanted, at + 1)
        return found

    def _outcomes_at(self, places: list[int]) -> tuple[str, ...]:
        return tuple(outcome for place in places for outcome in self._once(place).outcomes)

    def _once(self, place: int) -> TestRun:
        rows = self._rows
        code = rows.outcomes[place]
        duration, position = (
            int.from_bytes(column[8 * place : 8 * place + 8], sys.byteorder, signed=True)
            for column in (rows.durations, rows.positions)
        )
        worker = self._workers[rows.workers[place] if rows.workers else 0]
        return _with_name(TestRun(_VERDICTS[code], _OUTCOMES_ONCE[code], duration, position, worker, place), self._ends)

    def _all_tests(self) -> dict[str, TestRun]:
        if self._all is None:
            self._all = tests_of_rows(self._rows, self._workers, self._names, self._running, None, self._ends)
        return self._all


_VERDICTS = [*OUTCOMES, *([""] * (CRASHED_FLAG - len(OUTCOMES))), *(["crashed"] * len(OUTCOMES))]
"""Verdict by the code of an attempt."""
_IS_GOOD = [verdict in GOOD for verdict in _VERDICTS]


_OUTCOMES_ONCE = [(OUTCOMES[code & ~CRASHED_FLAG],) if _VERDICTS[code] else () for code in range(len(_VERDICTS))]


def tests_of_rows(
    rows: Rows, workers: list[str], names: list[str], running: list[str], only: tuple[str, int] | None, ends: Ends
) -> dict[str, TestRun]:
    """Return the tests of a session with their verdicts, in the order of their first attempt.

    Args:
        rows: the attempts in columns.
        workers: names of the workers by their numbers.
        names: node ids by their numbers.
        running: tests that were started and have no result.
        only: node id and number of the one test that is wanted; None for all.
        ends: how tests ended, as far as the columns do not say it.
    """
    numbers = array("I", rows.nodes)
    wanted: range | list[int] = range(len(numbers))
    if only is not None:
        name, number = only
        wanted = [place for place, node in enumerate(numbers) if node == number]
        running = [nodeid for nodeid in running if nodeid == name]
    nodeids = [names[numbers[place]] for place in wanted]
    who = rows.workers or bytes(len(rows))
    durations, positions = array("q", rows.durations), array("q", rows.positions)
    columns = (
        [_VERDICTS[rows.outcomes[place]] for place in wanted],
        [_OUTCOMES_ONCE[rows.outcomes[place]] for place in wanted],
        [durations[place] for place in wanted],
        [positions[place] for place in wanted],
        [workers[who[place]] for place in wanted],
        wanted,
    )
    attempts = list(map(TestRun._make, zip(*columns, strict=True)))
    if ends.others:
        attempts = [_with_name(attempt, ends) for attempt in attempts]
    tests = dict(zip(nodeids, attempts, strict=True))
    if len(tests) < len(attempts):
        _join_attempts(tests, nodeids, attempts)
    for nodeid in running:
        before = tests.get(nodeid)
        tests[nodeid] = TestRun(ends.left_open, before.outcomes if before else (), 0, -1, "", len(rows))
    return tests


def _with_name(attempt: TestRun, ends: Ends) -> TestRun:
    """Call an outcome that is `other` by its own name."""
    name = ends.others.get(attempt.position)
    return attempt if name is None or attempt.verdict != "other" else attempt._replace(verdict=name, outcomes=(name,))


def _join_attempts(tests: dict[str, TestRun], nodeids: list[str], attempts: list[TestRun]) -> None:
    """Set the outcomes of tests that ran more than once to those of all their attempts."""
    again = {nodeid for nodeid, count in Counter(nodeids).items() if count > 1}
    outcomes: dict[str, tuple[str, ...]] = {}
    for nodeid, attempt in zip(nodeids, attempts, strict=True):
        if nodeid in again:
            outcomes[nodeid] = (*outcomes.get(nodeid, ()), *attempt.outcomes)
    for nodeid, found in outcomes.items():
        tests[nodeid] = tests[nodeid]._replace(outcomes=found)


def count_tests(sessions: Iterable[Mapping[str, TestRun]]) -> int:
    """Return the number of different tests of some sessions; told by their numbers where they can be."""
    numbers: dict[int, set[int]] = {}
    lists: dict[int, list[str]] = {}
    names: set[str] = set()
    for tests in sessions:
        if isinstance(tests, ColumnTests):
            known, own, running = tests.numbered()
            lists[id(known)] = known
            numbers.setdefault(id(known), set()).update(own)
            names.update(running)
        else:
            names.update(tests)
    for place, found in numbers.items():
        known = lists[place]
        if len(numbers) == 1 and not names:
            return len(found)
        names.update(known[number] for number in found)
    return len(names)
