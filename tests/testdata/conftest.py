"""Managers on a folder of the test's own, and other processes that use it."""

import subprocess
import sys
import textwrap
import time

import pytest
import warm
from pytest_insight.testdata import DataStore, TestDataManager
from pytest_insight.testdata.store.identity import own_identity


@pytest.fixture
def base(tmp_path):
    """A folder for test data."""
    return tmp_path / "data"


@pytest.fixture
def manager(base):
    """A manager as a program would make it."""
    made = TestDataManager(base)
    yield made
    made.store.close()


@pytest.fixture
def other(base):
    """A manager of another owner on the same folder, in this process."""
    made = TestDataManager(store=DataStore(base, owner=own_identity()))
    yield made
    made.store.close()


@pytest.fixture
def spawn(base, tmp_path):
    """Start Python code in a process of its own, with `manager` made and `tmp_path` importable."""
    processes = []

    def start(code, *args):
        head = """
            import os, signal, sys, time
            sys.path.insert(0, sys.argv[2])
            from pytest_insight.testdata import *
            manager = TestDataManager(sys.argv[1])
            args = sys.argv[3:]
            def say(*words): print(*words, flush=True)
        """
        program = textwrap.dedent(head) + textwrap.dedent(code)
        command = [sys.executable, "-c", program, str(base), str(tmp_path), *map(str, args)]
        process = warm.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def watch_renewals(store, lease_s, renewals, ask):
    """Ask during some leases of others, and return the answers.

    The clock of the store that asks goes on by most of a lease whenever each of the `renewals` has changed, so that it
    does not matter how fast the machine is.
    """
    clock_s = store.elapsed_s()
    store.elapsed_s = lambda: clock_s
    answers = [ask()]
    for _ in range(4):
        before = renewals()
        deadline = time.monotonic() + 300
        while not all(now > then for now, then in zip(renewals(), before, strict=True)):
            assert time.monotonic() < deadline, "nothing is renewed"
            time.sleep(0.01)
        clock_s += 0.9 * lease_s
        answers.append(ask())
    del store.elapsed_s
    return answers


def lock_renewals(store, *keys):
    """Return the newest renewal of each lock of the namespace `n`."""
    with store.look() as state:
        return [max(hold.renewed for hold in state.lock("n", key).holds.values()) for key in keys]


@pytest.fixture
def watch_locks():
    """A way to try to take locks that others renew, during some of their leases; returns all answers."""

    def watch(manager, lease_s, *keys):
        locks, store = manager.isolation_manager, manager.store
        return watch_renewals(
            store,
            lease_s,
            lambda: lock_renewals(store, *keys),
            lambda: any([locks.lock_resource("n", key, "another") for key in keys]),  # noqa: C419 - each is tried
        )

    return watch


@pytest.fixture
def watch_owner():
    """A way to look for ended owners while one renews its lease, during some of its leases; returns all answers."""

    def watch(manager, lease_s, session):
        store = manager.store
        return watch_renewals(
            store,
            lease_s,
            lambda: [store.current().owners[session].renewed],
            lambda: manager.cleanup_registry.reap()["gone"],
        )

    return watch


HELPERS = '''
import os, time
from pathlib import Path

def note(path, word):
    """Append a word to a file: what was cleaned, and how often."""
    with open(path, "a") as file:
        file.write(word + "\\n")

def slow(path, word, seconds):
    note(path, word)
    time.sleep(seconds)

def fail(path, word):
    note(path, word)
    raise RuntimeError("cannot clean " + word)
'''


class Helpers:
    """Durable cleanups of a module that any process can find, and what they wrote down."""

    def __init__(self, path):
        self.path = path

    def durable(self, word, function="note", **more):
        """A cleanup that writes `word` down."""
        return f"cleanup_helpers:{function}", {"path": str(self.path), "word": word, **more}

    def words(self):
        """What was cleaned, in order."""
        return self.path.read_text().split() if self.path.exists() else []


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    """A module `cleanup_helpers` on the path."""
    (tmp_path / "cleanup_helpers.py").write_text(HELPERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Helpers(tmp_path / "cleaned.txt")
    sys.modules.pop("cleanup_helpers", None)
