"""Guards for every test: a private home, no profile from outside, no run recorded by accident."""

import gc
import itertools
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from examples import examples
from hypothesis import HealthCheck, settings
from typer_signatures import remember_signatures

# No deadlines, and examples may be slow to make: a busy machine is not a defect. Examples differ from run to run; a
# failing one is printed to be replayed.
settings.register_profile(
    "insight", deadline=None, print_blob=True, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("insight")

remember_signatures()

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


SLOW_FIRST = (
    "test_real_history.py",
    "test_questions.py",
    "test_packaging.py",
    "test_crash.py",
    "test_fold_and_model.py",
    "test_docs.py",
    "test_scale.py",
    "test_purge_and_pack.py",
)
"""Files with the longest tests and set-ups: run first, so that no worker is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest tests begin first."""
    items.sort(key=lambda item: item.path.name not in SLOW_FIRST)


REAL_HOME = os.path.expanduser("~/.pytest_insight")
CHANGES = ("sqlite3.connect", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod")
"""Audit events of what changes a folder, beside `open`."""

written_in_real_home: set[str] = set()


def note_changes(event: str, arguments: tuple) -> None:
    """Note what this process changes in the real home; of other processes nothing is known, so none is blamed."""
    if event == "open":
        path, _, flags = arguments
        paths = (path,) if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else ()
    else:
        paths = arguments if event in CHANGES else ()
    for path in paths:
        if isinstance(path, (str, bytes, os.PathLike)) and REAL_HOME in os.fsdecode(path):
            written_in_real_home.add(f"{event} {os.fsdecode(path)}")


sys.addaudithook(note_changes)


@pytest.fixture(scope="session", autouse=True)
def home_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point the homes elsewhere also for fixtures of modules and what they start; fail if the real one was changed."""
    home = tmp_path_factory.mktemp("session-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("PYTEST_INSIGHT_HOME", str(home / "insight"))
        yield
    assert sorted(written_in_real_home) == [], f"tests changed {REAL_HOME}"


@pytest.fixture(scope="session")
def home_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders for the homes of tests; `mktemp` for each would look at all that are there."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def private_home(home_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the home of pytest-insight, and the user's home, to a folder of the test's own."""
    home = next(home_folders)
    home.mkdir()
    for name in list(os.environ):
        if name.startswith(OUTSIDE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in NOT_LOADED))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(home / "insight"))
    # Subprocesses are runs of their own, not nested ones of the test that starts them.
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    return home


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """Look for no garbage while tests are collected, and not among them afterwards: they stay."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()
