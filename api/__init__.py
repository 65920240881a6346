"""All public names of the Python API, in one place.

    from pytest_insight.api import PytestInsight, InsightAPI, query

A name is loaded when it is used first, so that importing this package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    from ..core.profiles import ProfileManager, StorageProfile
    from ..core.query import Query, QueryResult
    from ..core.storage import (
        BaseStorage,
        InMemoryStorage,
        JSONStorage,
        create_profile,
        get_active_profile,
        get_profile_manager,
        get_storage_instance,
        list_profiles,
        load_sessions,
        switch_profile,
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
    "..core.profiles": "ProfileManager StorageProfile",
    "..core.query": "Query QueryResult",
    "..core.storage": "BaseStorage InMemoryStorage JSONStorage create_profile get_active_profile get_profile_manager "
    "get_storage_instance list_profiles load_sessions switch_profile",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "Analysis",
    "BaseStorage",
    "Comparison",
    "ComparisonResult",
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
    "RerunTestGroup",
    "Results",
    "SUTGroup",
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


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
