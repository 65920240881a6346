"""Tests that became slower by their set-up, recorded by real runs; the figures are those of `pytest --durations`."""

import json
import os
import re
import sys

import pytest
import warm

CONFTEST = """
import os, pytest
from _pytest import timing

now_s = 0.0
timing.perf_counter = lambda: now_s

def spend(name):
    global now_s
    now_s += float(os.environ[name])

@pytest.fixture(scope="session")
def db(): spend("DB_S")

@pytest.fixture
def own(): spend("OWN_S")
"""
"""What takes time moves the clock by which pytest measures durations, so that they are exact on any machine."""
TESTS = """
from conftest import spend

def test_before(): pass
def test_first(db): pass
def test_second(db): pass
def test_third(db): pass
def test_call(): spend("CALL_S")
def test_own_1(own): pass
def test_own_2(own): pass
def test_own_3(own): pass
"""
FAST = {"DB_S": "0.001", "OWN_S": "0.001", "CALL_S": "0.001"}
SLOW = {"DB_S": "0.4", "OWN_S": "0.2", "CALL_S": "0.3"}


class Suite:
    """A suite whose fixtures take as long as the environment says."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self.env |= {"HOME": str(folder), "PYTEST_INSIGHT_HOME": str(folder / "home"), "COLUMNS": "160"}
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "test_it.py").write_text(TESTS)

    def record(self, took: dict[str, str]) -> dict[tuple[str, str], float]:
        """Run the suite, and return the seconds that pytest shows, by test and phase."""
        words = ["-q", "-p", "no:cacheprovider", "--insight", "--insight-sut", "shop", "--durations=0", "-vv"]
        command = [sys.executable, "-m", "pytest", *words]
        env = self.env | took | {"PYTEST_ADDOPTS": os.environ.get("PYTEST_ADDOPTS", "")}
        done = warm.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        rows = re.findall(r"^([\d.]+)s (setup|call)\s+test_it\.py::(\w+)", done.stdout, re.MULTILINE)
        return {(test, phase): float(seconds) for seconds, phase, test in rows}

    def text(self, *words: str) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "pytest_insight.cli", *words]
        done = warm.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Three fast runs and a slow one, with what pytest said of the slow one."""
    suite = Suite(tmp_path_factory.mktemp("slow"))
    for _ in range(3):
        suite.record(FAST)
    suite.shown = suite.record(SLOW)
    return suite


def check_phases(rows, shown):
    """The rows have pytest's figures; the first user of the shared fixture is told from users of their own one."""
    of_test = {row["nodeid"].removeprefix("test_it.py::"): row["phases"] for row in rows}
    phases = {test: of_test[test] for test in ("test_first", "test_call", "test_own_1", "test_own_2", "test_own_3")}
    for test, each in phases.items():
        assert each["after"]["setup_s"] == pytest.approx(shown.get((test, "setup"), 0), abs=0.006)
        assert each["after"]["call_s"] == pytest.approx(shown.get((test, "call"), 0), abs=0.006)
        assert each["before"]["setup_s"] < 0.1
    assert [test for test, each in phases.items() if each["first_user"]] == ["test_first"]
    assert {test for test, each in phases.items() if each["in_setup"]} == set(phases) - {"test_call"}


def test_the_first_screen_tells_set_up_from_the_call(suite):
    """In JSON and in text: a shared fixture, own fixtures, and a test that is slow itself."""
    check_phases(json.loads(suite.text("--json"))["slower"], suite.shown)
    text = suite.text()
    (first,) = re.findall(r"test_first .*", text)
    assert re.search(r"set-up \d+ ms, call .* ms; perhaps first user of a shared fixture", first), text
    assert "set-up" not in "".join(re.findall(r"test_call .*", text))


def test_a_comparison_tells_set_up_from_the_call(suite):
    """The same for `session compare`, below the table."""
    check_phases(json.loads(suite.text("session", "compare", "--json"))["slower_tests"], suite.shown)
    text = suite.text("session", "compare")
    assert re.search(r"test_first: set-up \d+ ms, call .* ms; perhaps first user of a shared fixture", text), text
    assert re.search(r"test_own_1: set-up \d+ ms, call [\d.]+ ms$", text, re.MULTILINE), text
    assert "test_call: set-up" not in text


def test_the_question_of_slower_tests_tells_set_up_from_the_call(suite):
    """`--metric slower` has all that the first screen has no room for."""
    check_phases(json.loads(suite.text("analytics", "analyze", "--metric", "slower", "--json"))["slower"], suite.shown)
    text = suite.text("analytics", "analyze", "--metric", "slower")
    assert re.search(
        r"test_first  .* ms \(2 and 2 runs, unconfirmed\): set-up \d+ ms, call .* perhaps first user", text
    ), text
