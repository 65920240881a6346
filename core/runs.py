"""Sessions as analysis and comparison see them: one verdict a test, without texts.

For sessions of a log these come from the columns of the read model; for others from their results.
"""

import gc
from array import array
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..projections.apply import SessionRow
from ..projections.fold import CRASHED_FLAG, Rows
from ..projections.readmodel import ReadModel
from ..projections.rules import OUTCOMES, verdict_of

if TYPE_CHECKING:
    from ..projections.models import TestSession

BAD: frozenset[str] = frozenset({"failed", "error", "crashed"})
GOOD: frozenset[str] = frozenset({"passed", "xfailed", "xpassed"})
"""Verdicts that say something about the code; `skipped`, `rerun` and `not_run` say nothing."""

GUARD_SHARE = 0.8
GUARD_TESTS = 5
DEFAULT_BRANCHES: frozenset[str] = frozenset({"main", "master", "trunk", "default", "develop", ""})
"""Branches whose history is that of the project; a session that does not know its branch is taken as one of these."""


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
    tests: dict[str, TestRun] = field(repr=False)
    verdicts: dict[str, int] | None = field(default=None, repr=False)
    """Tests by verdict, where `tests` are not all of them."""

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
        """Whether so much failed that the machine, not the tests, is the likely cause; analysis leaves it out.

        More than 80 % of at least five tests, as Trunk's guard has it.
        """
        return self.considered >= GUARD_TESTS and self.bad > GUARD_SHARE * self.considered


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
    yield _run_of_results(session)


def run_of_row(model: ReadModel, row: SessionRow, name: str = "", only: str | None = None) -> Run:
    """Return a stored session with its verdicts.

    Args:
        model: where it is stored.
        row: the session.
        name: how to call it; empty for the name it is shown by.
        only: leave out all tests but this one.
    """
    vcs = (row.part.header or {}).get("vcs") or {}
    running = [nodeid for nodeid, _, _ in row.part.open]
    tests = _tests_of_rows(model.columns(row.stream), row.part.workers, model.names(), running, only)
    return Run(
        name=name or row.session_id,
        stream=row.stream,
        sut=row.sut,
        started_us=row.started_us,
        duration_us=row.duration_us,
        status=row.status,
        commit=str(vcs.get("commit") or ""),
        branch=str(vcs.get("branch") or ""),
        dirty=vcs.get("dirty"),
        tests=tests,
        verdicts=None if only is None else row.verdicts,
    )


_VERDICTS = [*OUTCOMES, *([""] * (CRASHED_FLAG - len(OUTCOMES))), *(["crashed"] * len(OUTCOMES))]
"""Verdict by the code of an attempt."""
_OUTCOMES_ONCE = [(OUTCOMES[code & ~CRASHED_FLAG],) if _VERDICTS[code] else () for code in range(len(_VERDICTS))]


def _tests_of_rows(
    rows: Rows, workers: list[str], names: list[str], running: list[str], only: str | None
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
    tests = dict(zip(nodeids, attempts, strict=True))
    if len(tests) < len(attempts):
        _join_attempts(tests, nodeids, attempts)
    for nodeid in running:
        before = tests.get(nodeid)
        tests[nodeid] = TestRun("crashed", before.outcomes if before else (), 0, -1, "", len(rows))
    return tests


def _join_attempts(tests: dict[str, TestRun], nodeids: list[str], attempts: list[TestRun]) -> None:
    """Give tests that ran more than once the outcomes of all their attempts."""
    again = {nodeid for nodeid, count in Counter(nodeids).items() if count > 1}
    outcomes: dict[str, tuple[str, ...]] = {}
    for nodeid, attempt in zip(nodeids, attempts, strict=True):
        if nodeid in again:
            outcomes[nodeid] = (*outcomes.get(nodeid, ()), *attempt.outcomes)
    for nodeid, found in outcomes.items():
        tests[nodeid] = tests[nodeid]._replace(outcomes=found)


def _run_of_results(session: "TestSession") -> Run:
    tests: dict[str, TestRun] = {}
    for order, result in enumerate(session.test_results):
        outcome = result.outcome.to_str()
        before = tests.get(result.nodeid)
        outcomes = (*before.outcomes, outcome) if before is not None else (outcome,)
        verdict = verdict_of(outcomes)  # type: ignore[arg-type]
        tests[result.nodeid] = TestRun(verdict, outcomes, round(result.duration * 1e6), -1, "", order)
    for nodeid in session.running:
        tests[nodeid] = TestRun("crashed", (), 0, -1, "", len(tests))
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
    )
