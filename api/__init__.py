"""All public names of the Python API, in one place.

    from pytest_insight.api import PytestInsight, InsightAPI, query

A name is loaded when it is used first, so that importing this package costs next to nothing.
"""

from typing import TYPE_CHECKING

from .internal.lazy import load_lazily

if TYPE_CHECKING:
    from ..core.analyzer import Analysis, InsightAnalyzer
    from ..core.compare import Comparison, ComparisonResult
    from ..core.core_api import InsightAPI, analyze, compare, query
    from ..core.filters import InvalidQueryParameterError, TestFilter
    from ..core.models import (
        OutputField,
        OutputFields,
        RerunTestGroup,
        Results,
        SUTGroup,
        TestHistory,
        TestOutcome,
        TestResult,
        TestResults,
        TestSession,
    )
    from ..core.profiles import (
        ProfileManager,
        StorageProfile,
        create_profile,
        get_active_profile,
        get_profile_manager,
        list_profiles,
        switch_profile,
    )
    from ..core.query import Query, QueryResult
    from ..core.storage import (
        BaseStorage,
        DatabaseStorage,
        InMemoryStorage,
        JSONStorage,
        RemoteStorage,
        RemoteStorageConfig,
        StorageBackend,
        get_storage_instance,
        load_sessions,
    )
    from .insight import PytestInsight

_MODULES = {
    ".insight": "PytestInsight",
    "..core.analyzer": "Analysis InsightAnalyzer",
    "..core.compare": "Comparison ComparisonResult",
    "..core.core_api": "InsightAPI analyze compare query",
    "..core.filters": "InvalidQueryParameterError TestFilter",
    "..core.models": "OutputField OutputFields RerunTestGroup Results SUTGroup TestHistory TestOutcome TestResult "
    "TestResults TestSession",
    "..core.profiles": "ProfileManager StorageProfile create_profile get_active_profile get_profile_manager "
    "list_profiles switch_profile",
    "..core.query": "Query QueryResult",
    "..core.storage": "BaseStorage DatabaseStorage InMemoryStorage JSONStorage RemoteStorage RemoteStorageConfig "
    "StorageBackend get_storage_instance load_sessions",
}
__all__ = [
    "Analysis",
    "BaseStorage",
    "Comparison",
    "ComparisonResult",
    "DatabaseStorage",
    "InMemoryStorage",
    "InsightAPI",
    "InsightAnalyzer",
    "InvalidQueryParameterError",
    "JSONStorage",
    "OutputField",
    "OutputFields",
    "ProfileManager",
    "PytestInsight",
    "Query",
    "QueryResult",
    "RemoteStorage",
    "RemoteStorageConfig",
    "RerunTestGroup",
    "Results",
    "SUTGroup",
    "StorageBackend",
    "StorageProfile",
    "TestFilter",
    "TestHistory",
    "TestOutcome",
    "TestResult",
    "TestResults",
    "TestSession",
    "analyze",
    "compare",
    "create_profile",
    "get_active_profile",
    "get_profile_manager",
    "get_storage_instance",
    "list_profiles",
    "load_sessions",
    "query",
    "switch_profile",
]


__getattr__ = load_lazily(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
