"""`ReadModel`: the names and arguments that other rooms use, and what its import loads."""

import inspect
import subprocess
import sys

from pytest_insight.projections import readmodel
from pytest_insight.projections.readmodel import ReadModel

METHODS = {
    "attempts": ["stream"],
    "catch_up": ["progress"],
    "check": [],
    "close": [],
    "columns": ["stream"],
    "columns_of": ["stream", "nodeid"],
    "counts": [],
    "find_session": ["prefix"],
    "findings": [],
    "finished_at": ["positions"],
    "kept_of": ["row"],
    "lines_at": ["positions"],
    "names": [],
    "newest_session": [],
    "nodeids": ["pattern"],
    "numbers": [],
    "open": ["log", "model"],
    "part_of": ["stream"],
    "record_at": ["position"],
    "records_of": ["row", "start"],
    "replay": ["progress", "workers"],
    "roster": [],
    "session_named": ["session_id"],
    "session_of": ["stream"],
    "sessions": ["sut", "since_us", "limit", "hidden"],
    "sessions_of_commit": ["prefix"],
    "sessions_with": ["nodeid", "since_us"],
    "state_of": ["row"],
    "stored_verdicts": [],
    "sut_names": [],
    "suts": [],
    "visible_sessions_of": ["streams"],
}


def test_the_methods_are_these():
    """Names and arguments; another one is a decision that changes this table."""
    methods = {
        name: method for name, method in vars(ReadModel).items() if name[0] != "_" and name not in ("name", "path")
    }
    found = {name: list(inspect.signature(getattr(ReadModel, name)).parameters) for name in methods}
    assert {name: [word for word in words if word != "self"] for name, words in found.items()} == METHODS


def test_the_package_exports_the_facade_its_results_and_its_errors():
    """Everything in `__all__` exists, and the classes are those of the package."""
    assert [name for name in readmodel.__all__ if not hasattr(readmodel, name)] == []
    assert sorted(readmodel.__all__) == readmodel.__all__
    assert {"AmbiguousPrefixError", "Attempted", "CatchUp", "ReadModel", "UnknownSessionError"} <= set(
        readmodel.__all__
    )


def test_the_import_loads_nothing_that_only_a_replay_needs():
    """A question to a model that is up to date starts no process."""
    unwanted = {
        "pytest_insight.projections.readmodel.differences",
        "subprocess",
        "threading",
        "queue",
        "pytest",
        "pytest_insight.projections.replay",
    }
    code = "import sys; import pytest_insight.projections.readmodel; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "pytest_insight.projections.readmodel.facade" in loaded
    assert unwanted & loaded == set()
