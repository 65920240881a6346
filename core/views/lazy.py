"""Results of a session that are read when one of them is first asked for."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Self

from .output import OutputFields
from .rerun import RerunTestGroup
from .result import TestResult


class LazyResults:
    """Results, rerun groups and output of a session, given or read from where the session is stored.

    Args:
        test_results: all attempts.
        rerun_test_groups: tests that were run again.
        output_fields: sections of the terminal output.
    """

    session_id: str
    stream: str
    """Identity of the stored session; empty for one that was made in memory."""

    def __init__(
        self, test_results: list[TestResult], rerun_test_groups: list[RerunTestGroup], output_fields: OutputFields
    ) -> None:
        self._test_results = test_results
        self._rerun_test_groups = rerun_test_groups
        self._output_fields = output_fields
        self._not_run: list[str] = []
        self._load: Callable[[LazyResults], None] | None = None
        self._is_part = False
        self._outcomes: dict[str, int] | None = None

    def load_later(self, load: "Callable[[LazyResults], None]", outcomes: dict[str, int] | None = None) -> None:
        """Fill in results, rerun groups, output and `not_run` by `load(session)` when one of them is first asked for.

        Args:
            load: fills the session.
            outcomes: attempts by outcome, as far as they are known before.
        """
        self._load = load
        self._outcomes = outcomes

    def part(self, load: "Callable[[LazyResults], None]", outcomes: dict[str, int]) -> Self:
        """Return a copy that has only some of the results; arguments as of `load_later`."""
        some = copy.copy(self)
        some.load_later(load, outcomes)
        some._is_part = True  # noqa: SLF001 - a copy of this object
        return some

    def head(self) -> Self:
        """Return a copy that shares what was read and reads by itself what was not."""
        return copy.copy(self)

    @property
    def is_untouched(self) -> bool:
        """Whether its results were not looked at yet, and so are what the log says; all of them."""
        return self._load is not None and not self._is_part

    def _load_now(self) -> None:
        if self._load is not None:
            load, self._load = self._load, None
            try:
                load(self)
            except BaseException:
                self._load = load  # what could not be read now may be readable later; it is not an empty session
                raise

    @property
    def test_results(self) -> list[TestResult]:
        """All attempts, in the order of their reports."""
        self._load_now()
        return self._test_results

    @test_results.setter
    def test_results(self, results: list[TestResult]) -> None:
        self._load_now()
        self._test_results = results

    @property
    def rerun_test_groups(self) -> list[RerunTestGroup]:
        """Tests that were run again."""
        self._load_now()
        return self._rerun_test_groups

    @rerun_test_groups.setter
    def rerun_test_groups(self, groups: list[RerunTestGroup]) -> None:
        self._load_now()
        self._rerun_test_groups = groups

    @property
    def output_fields(self) -> OutputFields:
        """Sections of the terminal output."""
        self._load_now()
        return self._output_fields

    @output_fields.setter
    def output_fields(self, fields: OutputFields) -> None:
        self._load_now()
        self._output_fields = fields

    @property
    def not_run(self) -> list[str]:
        """Announced tests that never started."""
        self._load_now()
        return self._not_run

    @not_run.setter
    def not_run(self, nodeids: list[str]) -> None:
        self._load_now()
        self._not_run = nodeids

    @property
    def outcome_counts(self) -> dict[str, int]:
        """Attempts by outcome in lower case."""
        if self._load is not None and self._outcomes is not None:
            return dict(self._outcomes)
        return dict(Counter(result.outcome.to_str() for result in self.test_results))
