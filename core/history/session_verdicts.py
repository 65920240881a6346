"""Sessions as analysis and comparison see them: one verdict a test, without texts.

For sessions of a log these come from the columns of the read model; for others from their results.
"""

import gc
import sys
from array import array
from collections import Counter
from collections.abc import Generator, ItemsView, Iterable, Iterator, Mapping, ValuesView
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from ...projections.apply import Notable, SessionRow
from ...projections.fold import CRASHED_FLAG, Rows
from ...projections.rules import BAD, GOOD, OUTCOMES, is_cut, is_flaky, verdict_of
from ..questions.outages import is_outage
from .history import History
from .partial import CUT_SHORT, WHOLE, Selected, selected_of
from .series import Variant, variant_of

if TYPE_CHECKING:
    from ..views.session import TestSession


class TestRun(NamedTuple):
    """What one test came to in one session."""

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


@dataclass(frozen=True)
class Run:
    """A session with the verdicts of its tests."""

    name: str
    stream: str
    sut: str
    started_us: int
    duration_us: int
    status: str
    commit: str
    branch: str
    dirty: bool | None
    tests: "Mapping[str, TestRun]" = field(repr=False)
    verdicts: dict[str, int] | None = field(default=None, repr=False)
    """Tests by verdict, where they are known without looking at `tests`, which may not be all of them."""
    variant: Variant = ()
    selected: Selected = WHOLE
    uncollected: tuple[str, ...] = ()
    """Modules and packages that could not be collected."""

    @property
    def failed_tests(self) -> list[str]:
        """Node ids of the tests that failed."""
        known = self._known("failed")
        return [nodeid for nodeid in known if nodeid in self.tests and self.tests[nodeid].verdict in BAD]

    @property
    def flaky_tests(self) -> list[str]:
        """Node ids of the tests that passed in the end, and did not in some attempt."""
        known = self._known("flaky")
        return [nodeid for nodeid in known if is_flaky(self.tests[nodeid].outcomes)]  # type: ignore[arg-type]

    def _known(self, what: Literal["failed", "flaky"]) -> Iterable[str]:
        """Tests among which all are of which something is true: what is stored saves looking at every one."""
        if isinstance(self.tests, ColumnTests):
            return self.tests.named(getattr(self.tests.notable, what))
        return self.tests

    def passing_durations(self) -> dict[str, int]:
        """Return the durations in microseconds of the tests that passed, by node id."""
        if isinstance(self.tests, ColumnTests):
            return self.tests.passing_durations()
        return {nodeid: test.duration_us for nodeid, test in self.tests.items() if test.verdict in GOOD}

    def durations(self) -> dict[str, int]:
        """Return the durations of the tests' last attempts in microseconds, by node id."""
        if isinstance(self.tests, ColumnTests):
            return self.tests.durations()
        return {nodeid: test.duration_us for nodeid, test in self.tests.items()}

    def some(self, wanted: "Wanted") -> Iterable[str]:
        """Return those of some tests that are in this session."""
        if isinstance(self.tests, ColumnTests):
            return self.tests.some(wanted)
        return wanted.nodeids & self.tests.keys()

    def next_on_worker(self, nodeid: str, most: int) -> list[tuple[str, int]]:
        """Return the attempts that followed the last one of a test on its worker: node ids and positions of events.

        Args:
            nodeid: the test, which ended.
            most: how many attempts are returned at most.
        """
        if isinstance(self.tests, ColumnTests):
            return self.tests.next_on_worker(nodeid, most)
        own = self.tests[nodeid]
        later = [
            (name, test) for name, test in self.tests.items() if test.order > own.order and test.worker == own.worker
        ]
        later.sort(key=lambda one: one[1].order)
        return [(name, test.position) for name, test in later[:most] if test.position >= 0]

    def by_verdict(self) -> dict[str, int]:
        """Return how many tests came to each verdict."""
        if self.verdicts is not None:
            return {verdict: count for verdict, count in self.verdicts.items() if verdict not in _NO_VERDICTS}
        return dict(Counter(test.verdict for test in self.tests.values()))

    @property
    def has_tests(self) -> bool:
        """Whether it has a run of a test, or a module that could not be collected; else it ended before testing."""
        return bool(self.uncollected) or len(self.tests) > 0

    @property
    def considered(self) -> int:
        """Number of tests that passed or failed."""
        return self._count(GOOD) + self._count(BAD)

    @property
    def bad(self) -> int:
        """Number of tests that failed."""
        return self._count(BAD)

    def _count(self, wanted: frozenset[str]) -> int:
        if self.verdicts is not None:
            return sum(self.verdicts.get(verdict, 0) for verdict in wanted)
        return sum(test.verdict in wanted for test in self.tests.values())

    @property
    def is_outage(self) -> bool:
        """Whether nearly everything failed; see `outages.set_aside` for when it is no evidence about single tests."""
        return is_outage(self.bad, self.considered)


_NO_VERDICTS = ("flaky", "not_run")
"""Counted along with the verdicts, but of no test that ran, or of one that is counted already."""


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
    """The tests of a stored session; made into objects only as far as somebody looks at them.

    Args:
        rows: the attempts in columns.
        workers: names of the workers by their numbers.
        names: node ids by their numbers.
        numbers: numbers by node ids.
        running: tests that were started and have no result.
        notable: those that failed or ran again.
        ends: what the columns do not say of how tests ended.
    """

    __slots__ = ("_all", "_ends", "_names", "_numbers", "_places", "_rows", "_running", "_workers", "notable")

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

    def __getitem__(self, nodeid: str) -> TestRun:
        if self._all is not None or not self._is_plain:
            return self._made()[nodeid]
        return self._once(self._found()[self._numbers[nodeid]])

    def __contains__(self, nodeid: object) -> bool:
        number = self._numbers.get(nodeid)  # type: ignore[arg-type]
        return number in self._found() or nodeid in self._running

    def __iter__(self) -> Iterator[str]:
        names = self._names
        found = self._found()
        yield from (names[number] for number in found)
        yield from (nodeid for nodeid in self._running if self._numbers[nodeid] not in found)

    def __len__(self) -> int:
        return len(self._found()) + sum(self._numbers[nodeid] not in self._found() for nodeid in self._running)

    def items(self) -> ItemsView[str, TestRun]:
        """Return all of them."""
        return self._made().items()

    def values(self) -> ValuesView[TestRun]:
        """Return all of them."""
        return self._made().values()

    def some(self, wanted: "Wanted") -> list[str]:
        """Return those of some tests that are here."""
        names = self._names
        found = [names[number] for number in self._found().keys() & wanted.numbers(self._numbers)]
        return found + [nodeid for nodeid in self._running if nodeid in wanted.nodeids and nodeid not in found]

    def named(self, column: bytes) -> list[str]:
        """Return the node ids of a column of numbers."""
        return [self._names[number] for number in array("I", column)]

    def durations(self) -> dict[str, int]:
        """Return the durations of the last attempts in microseconds, by node id."""
        numbers, names = array("I", self._rows.nodes), self._names
        found = dict(zip([names[number] for number in numbers], array("q", self._rows.durations), strict=True))
        return found | dict.fromkeys(self._running, 0)

    def next_on_worker(self, nodeid: str, most: int) -> list[tuple[str, int]]:
        """Return node ids and positions of the attempts that followed the last one of a test on its worker."""
        place = self._found()[self._numbers[nodeid]]
        who, nodes, positions = self._rows.workers, array("I", self._rows.nodes), array("q", self._rows.positions)
        later = (at for at in range(place + 1, len(nodes)) if not who or who[at] == who[place])
        return [(self._names[nodes[at]], positions[at]) for at in islice(later, most)]

    def passing_durations(self) -> dict[str, int]:
        """Return the durations in microseconds of the tests that passed."""
        if not self._is_plain:
            return {nodeid: test.duration_us for nodeid, test in self.items() if test.verdict in GOOD}
        columns = zip(array("I", self._rows.nodes), array("q", self._rows.durations), self._rows.outcomes, strict=True)
        return {self._names[number]: duration for number, duration, code in columns if _VERDICTS[code] in GOOD}

    @property
    def _is_plain(self) -> bool:
        """Whether every test has one attempt, which ended."""
        return not self._running and len(self._found()) == len(self._rows)

    def _found(self) -> dict[int, int]:
        """Where the last attempt of each test stands in the columns."""
        if self._places is None:
            numbers = array("I", self._rows.nodes)
            self._places = dict(zip(numbers, range(len(numbers)), strict=True))
        return self._places

    def _once(self, place: int) -> TestRun:
        rows = self._rows
        code = rows.outcomes[place]
        duration, position = (
            int.from_bytes(column[8 * place : 8 * place + 8], sys.byteorder, signed=True)
            for column in (rows.durations, rows.positions)
        )
        worker = self._workers[rows.workers[place] if rows.workers else 0]
        return _with_name(TestRun(_VERDICTS[code], _OUTCOMES_ONCE[code], duration, position, worker, place), self._ends)

    def _made(self) -> dict[str, TestRun]:
        if self._all is None:
            self._all = _tests_of_rows(self._rows, self._workers, self._names, self._running, None, self._ends)
        return self._all


@contextmanager
def many_objects() -> Generator[None]:
    """Keep the garbage collector from looking again and again through very many new objects, none of them garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def runs_of(sessions: "Iterable[TestSession]") -> list[Run]:
    """Return sessions with their verdicts, in order of their start."""
    with many_objects():
        runs = [run for session in sessions for run in _run_of(session)]
    return sorted(runs, key=lambda run: (run.started_us, run.stream))


def _run_of(session: "TestSession") -> Iterator[Run]:
    models = session.models
    if models is not None and session.is_untouched:
        with models() as model:
            row = model.session_of(session.stream)
            if row is not None:
                yield run_of_row(model, row, session.session_id)
                return
    yield _run_of_results(session, _header_of(session))


def _header_of(session: "TestSession") -> Mapping[str, object]:
    """Fields of the first event of a session, as far as they are known."""
    if session.models is not None and session.stream:
        with session.models() as model:
            row = model.session_of(session.stream)
            if row is not None:
                return row.part.header or {}
    return {"testing_system": session.testing_system}


def run_of_row(model: History, row: SessionRow, name: str = "", only: str | None = None) -> Run:
    """Return a stored session with its verdicts.

    Args:
        model: where it is stored.
        row: the session.
        name: how to call it; empty for the name it is shown by.
        only: leave out all tests but this one.
    """
    vcs = (row.part.header or {}).get("vcs") or {}
    running = list(dict.fromkeys(nodeid for nodeid, _, _ in row.part.open))
    status: str = row.status
    verdicts = row.verdicts
    if running and model.state_of(row) == "running":  # what runs now has no verdict yet
        verdicts = dict(Counter(verdicts) - Counter(crashed=len(running)))
        status, running = "running", []
    rows, workers, names = model.columns(row.stream), row.part.workers, model.names()
    cut = is_cut(sealed=row.exit_status is not None, interrupted=row.part.interrupted)
    ends = Ends(row.part.others, verdict_of((), running=True, cut=cut))
    if only is None:
        tests = ColumnTests(rows, workers, names, model.numbers(), running, row.notable, ends)
    else:
        tests = _tests_of_rows(rows, workers, names, running, only, ends)
    return Run(
        name=name or row.session_id,
        stream=row.stream,
        sut=row.sut,
        started_us=row.started_us,
        duration_us=row.duration_us,
        status=status,
        commit=str(vcs.get("commit") or ""),
        branch=str(vcs.get("branch") or ""),
        dirty=vcs.get("dirty"),
        tests=tests,
        verdicts=verdicts,
        variant=variant_of(row.part.header or {}),
        selected=selected_of(
            row.part.header or {}, row.part.deselected, row.missing, ended=row.exit_status not in CUT_SHORT
        ),
        uncollected=tuple(dict.fromkeys(row.part.collect_failed)),
    )


_VERDICTS = [*OUTCOMES, *([""] * (CRASHED_FLAG - len(OUTCOMES))), *(["crashed"] * len(OUTCOMES))]
"""Verdict by the code of an attempt."""
_OUTCOMES_ONCE = [(OUTCOMES[code & ~CRASHED_FLAG],) if _VERDICTS[code] else () for code in range(len(_VERDICTS))]


def _tests_of_rows(
    rows: Rows, workers: list[str], names: list[str], running: list[str], only: str | None, ends: Ends
) -> dict[str, TestRun]:
    numbers = array("I", rows.nodes)
    wanted: range | list[int] = range(len(numbers))
    if only is not None:
        number = names.index(only)
        wanted = [place for place, node in enumerate(numbers) if node == number]
        running = [nodeid for nodeid in running if nodeid == only]
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
    """Give tests that ran more than once the outcomes of all their attempts."""
    again = {nodeid for nodeid, count in Counter(nodeids).items() if count > 1}
    outcomes: dict[str, tuple[str, ...]] = {}
    for nodeid, attempt in zip(nodeids, attempts, strict=True):
        if nodeid in again:
            outcomes[nodeid] = (*outcomes.get(nodeid, ()), *attempt.outcomes)
    for nodeid, found in outcomes.items():
        tests[nodeid] = tests[nodeid]._replace(outcomes=found)


def _run_of_results(session: "TestSession", header: Mapping[str, object]) -> Run:
    tests: dict[str, TestRun] = {}
    for order, result in enumerate(session.test_results):
        outcome = result.outcome.to_str()
        before = tests.get(result.nodeid)
        outcomes = (*before.outcomes, outcome) if before is not None else (outcome,)
        verdict = verdict_of(outcomes)  # type: ignore[arg-type]
        tests[result.nodeid] = TestRun(verdict, outcomes, round(result.duration * 1e6), -1, "", order)
    for nodeid in session.running:
        cut = is_cut(sealed=session.status != "interrupted", interrupted="yes" if session.exit_status == 2 else "")  # noqa: PLR2004 - pytest's exit status of an interrupted run
        tests[nodeid] = TestRun(verdict_of((), running=True, cut=cut), (), 0, -1, "", len(tests))
    return Run(
        name=session.session_id,
        stream=session.stream,
        sut=session.sut_name,
        started_us=round(session.session_start_time.timestamp() * 1e6),
        duration_us=round(session.session_duration * 1e6),
        status=session.status,
        commit=str(session.vcs.get("commit") or ""),
        branch=str(session.vcs.get("branch") or ""),
        dirty=session.vcs.get("dirty"),
        tests=tests,
        variant=variant_of(header),
    )
