"""The entry point of the Python API.

from pytest_insight.core.core_api import InsightAPI, query

InsightAPI(profile_name="my_profile").query().with_sut("service").in_last_days(7).execute()
query().with_outcome("failed").execute()
"""

from .analyzer import Analysis
from .compare import Comparison
from .query import Query
from .remote_storage import storage_meant

__all__ = ["InsightAPI", "analyze", "compare", "query"]


class InsightAPI:
    """Questions to the sessions of a profile, or of a collector.

    Args:
        profile_name: which; None for the active one. Questions to one that does not exist raise a ValueError that names
            the nearest one.
        url: of a collector instead of a profile.
        api_key: key to it; None for that of the environment.

    Raises:
        ValueError: the name is no profile name, or the URL or key is not usable.
        FileNotFoundError: a URL is given, and the extra `remote` is not installed.
    """

    def __init__(self, profile_name: str | None = None, *, url: str | None = None, api_key: str | None = None) -> None:
        self.profile_name = profile_name
        self.storage = storage_meant(profile_name, url, api_key)

    def query(self) -> Query:
        """Return a new query over the profile's sessions."""
        return Query(self.storage)

    def compare(self) -> Comparison:
        """Return a new comparison of sessions of the profile."""
        return Comparison(self.storage)

    def analyze(self) -> Analysis:
        """Return a new analysis of the profile's sessions."""
        return Analysis(self.storage)

    def with_profile(self, profile_name: str) -> "InsightAPI":
        """Return the same for another profile."""
        return InsightAPI(profile_name)

    def __repr__(self) -> str:
        return f"InsightAPI({self.profile_name!r})"


def query(profile_name: str | None = None) -> Query:
    """Return a new query over the sessions of a profile; None for the active one."""
    return InsightAPI(profile_name).query()


def compare(profile_name: str | None = None) -> Comparison:
    """Return a new comparison of sessions of a profile; None for the active one."""
    return InsightAPI(profile_name).compare()


def analyze(profile_name: str | None = None) -> Analysis:
    """Return a new analysis of the sessions of a profile; None for the active one."""
    return InsightAPI(profile_name).analyze()
