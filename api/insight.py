"""The entry point for programs that show answers to people: a web page, a chat bot, another command line."""

from datetime import timedelta
from typing import Any

from ..core.analyzer import InsightAnalyzer
from ..core.compare import ComparisonResult
from ..core.models import TestSession
from ..core.remote_storage import storage_meant


class PytestInsight:
    """Answers to the everyday questions about the sessions of a profile.

        insight = PytestInsight()
        insight.get_history(sut="shop", days=7)
        insight.compare_suts("shop", "shop-next")
        insight.get_failure_analysis("shop", timedelta(days=30))

    For single questions with filters of their own use `query()`, `compare()` and `analyze()`.

    Args:
        profile_name: the profile to read; None for the active one.
        url: of a collector to read instead of a profile.
        api_key: key to it; None for that of the environment.

    Raises:
        ValueError: invalid profile name, or the URL or key is not usable.
        FileNotFoundError: a URL is given, and the extra `remote` is not installed.
    """

    def __init__(self, profile_name: str | None = None, *, url: str | None = None, api_key: str | None = None) -> None:
        self.storage = storage_meant(profile_name, url, api_key)
        self.analyzer = InsightAnalyzer(self.storage)

    def get_history(self, sut: str | None = None, days: int = 7) -> list[TestSession]:
        """Return the sessions of the last days, the earliest first.

        Args:
            sut: only of this system under test.
            days: age of the oldest session, in days of 24 hours.
        """
        return self.analyzer.get_test_history(sut=sut, timespan=timedelta(days=days))

    def compare_suts(self, sut1: str, sut2: str, timespan: timedelta | None = None) -> ComparisonResult:
        """Compare the sessions of two systems under test.

        Args:
            sut1: the base of the comparison.
            sut2: its target.
            timespan: only sessions that started within this time; None for all.
        """
        return self.analyzer.compare_suts(sut1, sut2, timespan)

    def get_failure_analysis(self, sut: str, timespan: timedelta | None = None) -> dict[str, Any]:
        """Return how the tests of a system under test fail; see `InsightAnalyzer.analyze_failures`."""
        return self.analyzer.analyze_failures(self.analyzer.get_test_history(sut, timespan))

    def get_sut_summary(self, sut: str, timespan: timedelta | None = None) -> dict[str, Any]:
        """Return the figures of a system under test; see `InsightAnalyzer.get_sut_summary`."""
        return self.analyzer.get_sut_summary(sut, timespan)
