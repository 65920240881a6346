"""Collections of results, under the names of the earlier plugin."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from .outcome import TestOutcome
from .output import OutputFields
from .rerun import RerunTestGroup
from .result import TestResult
from .session import TestSession


@dataclass
class TestResults:
    """Results of tests, with access to those of one outcome or one test."""

    __test__: ClassVar[bool] = False

    test_results: list[TestResult] = field(default_factory=list[TestResult])

    def __iter__(self) -> Iterator[TestResult]:
        return iter(self.test_results)

    def __len__(self) -> int:
        return len(self.test_results)

    def with_outcome(self, outcome: str | TestOutcome) -> "TestResults":
        """Return the results that have an outcome.

        Args:
            outcome: a `TestOutcome`, or its name in upper or lower case.

        Raises:
            ValueError: unknown name.
        """
        wanted = outcome if isinstance(outcome, TestOutcome) else TestOutcome.from_str(outcome)
        return TestResults([result for result in self.test_results if result.outcome == wanted])

    def failures(self) -> "TestResults":
        """Return the results that failed or ended in an error."""
        return TestResults([result for result in self.test_results if result.outcome.is_failed()])

    def of_test(self, nodeid: str) -> "TestResults":
        """Return the results of one test, in order of their attempts."""
        return TestResults([result for result in self.test_results if result.nodeid == nodeid])


@dataclass
class Results:
    """All results of one session, without its id and its system under test."""

    session_start_time: datetime
    session_stop_time: datetime
    session_duration: float
    """Seconds."""
    test_results: TestResults
    output_fields: OutputFields
    rerun_test_groups: list[RerunTestGroup]

    @classmethod
    def of_session(cls, session: TestSession) -> "Results":
        """Return the results of a session."""
        return cls(
            session_start_time=session.session_start_time,
            session_stop_time=session.session_stop_time,
            session_duration=session.session_duration,
            test_results=TestResults(list(session.test_results)),
            output_fields=session.output_fields,
            rerun_test_groups=list(session.rerun_test_groups),
        )

    @classmethod
    def from_file(cls, results_file_path: Path | str) -> "Results":
        """Read the results of the newest session of an event log, or of a session that was exported as JSON.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no session. Pickles are not read: reading one runs what it says.
        """
        return cls.of_session(TestSession.from_file(results_file_path))
