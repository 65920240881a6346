"""All attempts of a test that was run again within a session."""

from dataclasses import dataclass
from typing import Any

from .outcome import TestOutcome
from .result import TestResult


@dataclass(init=False)
class RerunTestGroup:
    """All attempts of a test that was run again in one session, in order of their start.

    Args:
        nodeid: of the test.
        tests, full_test_list: all attempts; either name may be used.
        final_test: the last attempt, and `forerunners` those before it, if they are given one by one.
        final_outcome: of the last attempt; it is checked, as the attempts say it.

    Raises:
        ValueError: attempts are given twice, or `final_outcome` is not that of the last one.
    """

    nodeid: str
    tests: list[TestResult]

    def __init__(
        self,
        nodeid: str = "",
        tests: list[TestResult] | None = None,
        *,
        final_outcome: TestOutcome | str = "",
        final_test: TestResult | None = None,
        forerunners: list[TestResult] | None = None,
        full_test_list: list[TestResult] | None = None,
    ) -> None:
        self.nodeid = nodeid
        pieces = [*(forerunners or []), *([final_test] if final_test is not None else [])]
        given = [attempts for attempts in (tests, full_test_list, pieces) if attempts]
        if any(attempts != given[0] for attempts in given[1:]):
            raise ValueError("tests, full_test_list, and forerunners with final_test are not the same attempts")
        self.tests = list(given[0]) if given else []
        if final_outcome and self.final_outcome != TestOutcome.named(final_outcome):
            raise ValueError(f"final_outcome is {final_outcome}, but the last attempt is {self.final_outcome}")

    def add_test(self, result: TestResult) -> None:
        """Add an attempt."""
        self.tests.append(result)
        self.tests.sort(key=lambda test: test.start_time)

    @property
    def final_test(self) -> TestResult | None:
        """The last attempt."""
        return self.tests[-1] if self.tests else None

    @property
    def final_outcome(self) -> TestOutcome | None:
        """Outcome of the last attempt."""
        return self.tests[-1].outcome if self.tests else None

    @property
    def forerunners(self) -> list[TestResult]:
        """The attempts before the last."""
        return self.tests[:-1]

    @property
    def full_test_list(self) -> list[TestResult]:
        """All attempts."""
        return list(self.tests)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"nodeid": self.nodeid, "tests": [test.to_dict() for test in self.tests]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "RerunTestGroup":
        """Make a group of what `to_dict` returned."""
        group = cls(str(data["nodeid"]))
        for test in data.get("tests", ()):
            group.add_test(TestResult.from_dict(test))
        return group
