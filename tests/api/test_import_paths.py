"""The import paths that programs of users rely on: each module has its documented names."""

import importlib
import subprocess
import sys

import pytest
from pytest_insight import api
from pytest_insight.core import models as core_models

PATHS = {
    "pytest_insight.api": "PytestInsight",
    "pytest_insight.api.insight": "PytestInsight",
    "pytest_insight.core.analyzer": "InsightAnalyzer Analysis",
    "pytest_insight.core.compare": "Comparison ComparisonResult",
    "pytest_insight.core.core_api": "InsightAPI analyze compare query",
    "pytest_insight.core.filters": "TestFilter InvalidQueryParameterError",
    "pytest_insight.core.models": "Results TestHistory TestResult TestResults TestSession",
    "pytest_insight.core.query": "Query QueryResult",
    "pytest_insight.core.storage": "DatabaseStorage JSONStorage RemoteStorage RemoteStorageConfig StorageBackend "
    "create_profile get_active_profile get_profile_manager get_storage_instance "
    "list_profiles load_sessions switch_profile",
    "pytest_insight.models": "Results TestHistory TestResult TestResults TestSession",
}


@pytest.mark.parametrize("path", PATHS)
def test_each_documented_name_is_imported_from_its_module(path):
    """A path or a name that is gone breaks programs of users."""
    module = importlib.import_module(path)
    assert [name for name in PATHS[path].split() if not callable(getattr(module, name, None))] == []


@pytest.mark.parametrize("path", PATHS)
def test_each_path_can_be_imported_first(path):
    """No path needs another one to be imported before it."""
    subprocess.run([sys.executable, "-c", f"import {path}"], check=True, timeout=60)


def test_the_short_path_has_the_classes_themselves():
    """`pytest_insight.models` has all public classes of `core.models`, and no copies."""
    module = importlib.import_module("pytest_insight.models")
    for name in core_models.__all__:
        assert getattr(module, name) is getattr(core_models, name) is getattr(api, name)
    assert sorted(module.__all__) == sorted(core_models.__all__)
