"""Guards for every test: a private home, no profile from outside, no run recorded by accident."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines: a busy machine is not a defect. Examples differ from run to run; a failing one is printed to be replayed.
settings.register_profile("insight", deadline=None, print_blob=True)
settings.load_profile("insight")

OUTSIDE = ("PYTEST_INSIGHT", "PYTEST_ADDOPTS", "NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_ACTIONS", "GITLAB_CI")

NOT_LOADED = (
    "anyio",
    "asyncio",
    "faker",
    "fakefs",
    "flaky",
    "hypothesispytest",
    "platformdirs",
    "pytest-bdd",
    "pytest-retry",
    "pytest_forked",
    "sugar",
    "testit_adapter_pytest",
    "time_machine",
)
"""Plugins that runs which tests start do not load: those that only some tests are about, and those that take long to import."""

# Also for what fixtures of a module start, before the fixture below has run.
os.environ["PYTEST_ADDOPTS"] = " ".join(f"-p no:{name}" for name in NOT_LOADED)


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the home of pytest-insight, and the user's home, to a folder of the test's own."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(OUTSIDE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in NOT_LOADED))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(home / "insight"))
    # Subprocesses are runs of their own, not nested ones of the test that starts them.
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    return home
