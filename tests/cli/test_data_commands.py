"""`insight data`: what it shows of test data, its exit codes, and that names in it cannot act on a terminal."""

import json
import os
import re
import subprocess
import sys

import pytest
import warm
from pytest_insight.testdata import DataConflictError, TestDataManager

INSIGHT = [sys.executable, "-m", "pytest_insight.cli"]
EVIL = "\x1b[2J\x1b]0;owned\x07 [bold]x[/bold] \u202e"
RAW_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")

LEFT_BEHIND = """
import sys
from pytest_insight.testdata import *
manager = TestDataManager(sys.argv[1])
manager.create_test_data("vm", {"ip": "192.0.2.7"}, "n", resource_id="vm", cleanup_callback=print)
manager.create_test_data("row", 1, "n", resource_id="row", cleanup=("os:getenv", {"key": "HOME"}))
manager.isolation_manager.lock_resource("n", "left", "w")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Test data of a live process (this one) and of one that is gone."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "test_data"
    subprocess.run([sys.executable, "-c", LEFT_BEHIND, str(path)], check=True)
    manager = TestDataManager(path)
    manager.create_test_data("user", {"name": "ann"}, "n", resource_id="user", metadata={"how": "by hand"})
    manager.update_test_data("user", {"name": "bob"}, "n")
    manager.isolation_manager.lock_resource("n", "held", "me")
    with pytest.raises(DataConflictError):
        manager.create_test_data("user", {"name": "eve"}, "n", resource_id="user")
    manager.create_snapshot("before", "n")
    manager.create_test_data(EVIL, EVIL, EVIL, metadata={EVIL: EVIL}, cleanup_callback=print)
    yield path
    manager.store.close()


def insight(*args, code=0, **more_env):
    """Run a command and check its exit code."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    env |= {"COLUMNS": "160"} | more_env
    result = warm.run(
        [*INSIGHT, "data", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
        env=env,
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == code, f"{args}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result


def document(*args, **options):
    """The JSON that a command prints."""
    return json.loads(insight(*args, "--json", **options).stdout)


def test_list_and_show(folder):
    """What is live, and one of them whole; by id, namespace and position."""
    assert [row["resource_id"] for row in document("list", "--namespace", "n")] == ["vm", "row", "user"]
    assert "os:getenv pending" in insight("list", "--test-data", folder).stdout
    found = document("show", "user")
    assert (found["data"], found["version"], found["metadata"]) == ({"name": "bob"}, "1.0.1", {"how": "by hand"})
    earlier = document("show", "user", "--at", found["versions"][1]["position"])
    assert (earlier["data"], earlier["version"]) == ({"name": "ann"}, "1.0.0")
    shown = insight("show", "user").stdout
    assert '"name": "bob"' in shown
    assert str(os.getpid()) in shown
    assert "no test data 'nobody'" in insight("show", "nobody", code=1).stderr


def test_show_prints_characters_as_they_are(folder):
    """Text of any language is readable, not escaped; what could act on a terminal is."""
    manager = TestDataManager(folder)
    manager.create_test_data("user", {"name": "Zoë 日本 „x“ \x1b[2J"}, "n", resource_id="zoe")
    shown = insight("show", "zoe", PYTHONIOENCODING="utf-8").stdout
    assert "Zoë 日本 „x“" in shown
    assert not RAW_CONTROLS.search(shown)


def test_history_tells_who_did_what(folder):
    """From creation to conflict, with the process."""
    rows = document("history", "user")
    assert [row["type"] for row in rows] == ["resource.created", "resource.versioned", "conflict.detected"]
    assert all(row["who"].startswith(f"{os.getpid()} on ") for row in rows)
    assert "cleanup.registered" in [row["type"] for row in document("history", "--namespace", "n")]
    assert "lock.granted" in insight("history", "held").stdout


def test_locks_conflicts_and_snapshots(folder):
    """Who holds what and lives or not; what was refused; what can be restored."""
    locks = {row["key"]: row["gone"] for row in document("locks")}
    assert locks == {"left": "dead", "held": ""}
    assert "2 locks held" in insight("locks").stdout
    [conflict] = document("conflicts")
    assert conflict["new_value"] == {"name": "eve"}
    assert conflict["conflict_id"] in insight("conflicts").stdout
    [snapshot] = document("snapshots", "--namespace", "n")
    assert (snapshot["name"], snapshot["resources"]) == ("before", 3)
    assert "before" in insight("snapshots").stdout


def test_reap_cleans_what_it_can_and_names_the_rest(folder):
    """Exit 1 as long as a person must act; a look before changes nothing."""
    dry = document("reap", "--dry-run")
    assert (dry["runnable"], [each["resource_id"] for each in dry["orphaned"]]) == (["row"], ["vm"])
    assert len(document("list", "--namespace", "n")) == 3
    report = insight("reap", code=1).stdout
    assert "cleaned: row" in report
    assert "to be cleaned by hand: vm in n: {'ip': '192.0.2.7'}" in report
    assert document("health", code=1)["reaper"]["ok"] is False
    assert document("reap", code=1)["cleaned"] == []
    assert document("reap", "--by-hand", "vm")["orphaned"] == []
    assert "nothing is left over" in insight("reap").stdout
    assert "no test data 'vm'" in insight("reap", "--by-hand", "vm", code=1).stderr


def test_reap_says_why_it_failed(folder, tmp_path, monkeypatch):
    """Once for each kind, with how often; also as JSON, and the exit code is 1 until nothing is left."""
    (tmp_path / "broken_cleanups.py").write_text("def refuse(number):\n    raise OSError(f'no database {number}')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "import sys; from pytest_insight.testdata import TestDataManager; m = TestDataManager(sys.argv[1])\n"
    code += "for number in range(3):\n    m.create_test_data('db', 1, 'm', cleanup=('broken_cleanups:refuse',"
    code += " {'number': number}))\n"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=True, env=os.environ | {"PYTHONPATH": str(tmp_path)}
    )
    shown = insight("reap", code=1, PYTHONPATH=str(tmp_path)).stdout
    assert shown.count("why (3 times): OSError: no database ") == 1
    assert "broken_cleanups.py:2" in shown
    [reason] = document("reap", code=1, PYTHONPATH=str(tmp_path))["reasons"]
    assert (reason["count"], len(reason["resources"])) == (3, 3)
    by_hand = [word for resource in ["vm", *reason["resources"]] for word in ("--by-hand", resource)]
    assert document("reap", *by_hand)["reasons"] == []


def test_health_says_what_is_not_well(folder):
    """The exit code, and a reason for each."""
    found = document("health", code=1)
    assert {name for name, check in found.items() if check.get("ok") is False} == {
        "isolation_manager",
        "locks",
        "reaper",
    }
    assert found["status"]["cleanup_registry"]["total_resources"] == 4
    assert "NOT OK  locks: held by ended processes: left" in insight("health", code=1).stdout


def test_a_folder_without_test_data_is_said_and_not_made(tmp_path, monkeypatch):
    """The environment names it too; looking creates nothing."""
    monkeypatch.chdir(tmp_path)
    assert "name its folder with --test-data" in insight("list", code=3).stderr
    assert str(tmp_path / "x") in insight("list", code=3, PYTEST_INSIGHT_TEST_DATA=str(tmp_path / "x")).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["list", "history", "locks", "conflicts", "snapshots", "health"])
def test_nothing_in_the_data_controls_the_terminal(folder, command):
    """Names and values are shown, not executed."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    result = warm.run([*INSIGHT, "data", command], capture_output=True, text=True, timeout=300, env=env)
    assert not RAW_CONTROLS.search(result.stdout.replace("\n", ""))
    if command in ("list", "history"):
        assert "\\x1b" in result.stdout
        assert "[bold]" in re.sub(r"\s+", "", result.stdout)
