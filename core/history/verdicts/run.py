"""A session as analysis and comparison see it: one verdict for each test, without texts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ....projections.rules import BAD, GOOD, is_flaky
from ..partial import WHOLE, Selected
from ..variants import Variant
from .columns import ColumnTests, TestRun, Wanted


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

    @cached_property
    def failed_tests(self) -> list[str]:
        """Sorted node ids of the tests that failed."""
        known = sorted(self._candidates("failed"))
        return [nodeid for nodeid in known if nodeid in self.tests and self.tests[nodeid].verdict in BAD]

    @cached_property
    def flaky_tests(self) -> list[str]:
        """Sorted node ids of the tests that passed in the end, and did not in some attempt."""
        known = sorted(self._candidates("flaky"))
        return [nodeid for nodeid in known if is_flaky(self.tests[nodeid].outcomes)]  # type: ignore[arg-type]

    def _candidates(self, what: Literal["failed", "flaky"]) -> Iterable[str]:
        """Return tests among which are all that failed or are flaky; the read model knows them beforehand."""
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

    def last_verdicts(self) -> dict[str, str]:
        """Return the verdicts of all tests by node id."""
        if isinstance(self.tests, ColumnTests):
            return self.tests.last_verdicts()
        return {nodeid: test.verdict for nodeid, test in self.tests.items()}

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
        """Return the number of tests by verdict."""
        if self.verdicts is not None:
            return {verdict: count for verdict, count in self.verdicts.items() if verdict not in _NO_VERDICTS}
        return dict(Counter(test.verdict for test in self.tests.values()))

    @property
    def has_tests(self) -> bool:
        """Whether it has a run of a test, or a module that could not be collected; else it ended before testing."""
        return bool(self.uncollected) or len(self.tests) > 0

    @cached_property
    def considered(self) -> int:
        """Number of tests that passed or failed."""
        return self._count(GOOD) + self._count(BAD)

    @cached_property
    def bad(self) -> int:
        """Number of tests that failed."""
        return self._count(BAD)

    def _count(self, wanted: frozenset[str]) -> int:
        if self.verdicts is not None:
            return sum(self.verdicts.get(verdict, 0) for verdict in wanted)
        return sum(test.verdict in wanted for test in self.tests.values())


_NO_VERDICTS = ("flaky", "not_run")
"""Counted along with the verdicts, but of no test that ran, or of one that is counted already."""
