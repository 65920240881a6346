"""Test data in behave: `use_fixture(test_data, context)`.

from behave import use_fixture
from pytest_insight.testdata.behave import reap_leftovers, test_data

def before_all(context):
    reap_leftovers()

def before_scenario(context, scenario):
    use_fixture(test_data, context)
"""

import logging
from collections.abc import Generator
from typing import Any

from .manager import CleanupError, TestDataManager, get_test_data_manager
from .namespace_data import NamespaceData

__all__ = ["namespace_for", "reap_leftovers", "test_data"]

_log = logging.getLogger("pytest_insight.testdata")


def reap_leftovers(base_path: str | None = None) -> dict[str, Any]:
    """Clean up after runs that were killed; for `before_all`. Returns the report of the reaper."""
    return get_test_data_manager(base_path).cleanup_registry.reap()


def namespace_for(element: Any) -> str:
    """Return a name for the data of a scenario or feature: its file and line, which no other has, and its name.

    Scenario names alone are not unique: an outline gives one name to many, and features repeat names.
    """
    return f"{element.filename}:{element.line} {element.name}"[:250]


def test_data(context: Any, *, manager: TestDataManager | None = None) -> Generator[NamespaceData]:  # noqa: PT028 - no test
    """Give `context.test_data`, in a namespace of its own, and clean it when the scenario (or feature) ends.

    A scenario that failed stays failed: if its data cannot be cleaned as well, that is logged, and a reaper tries
    again. If the scenario passed, it becomes a cleanup error.
    """
    chosen = manager or get_test_data_manager()
    element = getattr(context, "scenario", None) or context.feature
    namespace = chosen.isolation_manager.open_context(namespace_for(element))
    context.test_data = NamespaceData(chosen, namespace)
    yield context.test_data
    try:
        chosen.end_context(namespace)
    except CleanupError as error:
        # behave would call the scenario a cleanup error, and count no failure at all.
        if not element.status.has_failed():
            raise
        _log.error("%s", error)


test_data.__test__ = False  # type: ignore[attr-defined] - a name that pytest would take for a test
