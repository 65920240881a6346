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
    """Clean up after runs that were killed, and return the report of the reaper; for `before_all`."""
    return get_test_data_manager(base_path).cleanup_registry.reap()


def namespace_for(element: Any) -> str:
    """Return a namespace for a scenario or feature: its file, line and name, which are unique together.

    Scenario names alone are not unique: an outline gives one name to many, and features repeat names.
    """
    return f"{element.filename}:{element.line} {element.name}"[:250]


def test_data(context: Any, *, manager: TestDataManager | None = None) -> Generator[NamespaceData]:  # noqa: PT028 - not a test
    """Set `context.test_data` in a namespace of its own, and clean it when the scenario (or feature) ends.

    If the data cannot be cleaned, a passed scenario becomes a cleanup error. A failed scenario stays failed; the
    problem is logged, and a reaper tries again.
    """
    chosen = manager or get_test_data_manager()
    element = getattr(context, "scenario", None) or context.feature
    namespace = chosen.isolation_manager.open_context(namespace_for(element))
    context.test_data = NamespaceData(chosen, namespace)
    yield context.test_data
    try:
        chosen.end_context(namespace)
    except CleanupError as error:
        # behave would report the scenario as a cleanup error, and not count the failure.
        if not element.status.has_failed():
            raise
        _log.error("%s", error)


test_data.__test__ = False  # type: ignore[attr-defined] - pytest would collect a function of this name as a test
