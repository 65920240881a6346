"""Why cleaning up failed, once for each kind of failure."""

import socket

import pytest
from pytest_insight.testdata.cleaning.reasons import count_reasons

FAILING = """
def refuse(number):
    raise ConnectionError(f"no database for row {number}")

def break_off(number):
    raise KeyError("row")
"""


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """A module `failing_cleanups` whose functions fail."""
    import sys

    (tmp_path / "failing_cleanups.py").write_text(FAILING)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("failing_cleanups", None)


LEFT = """
    for number in range(5):
        manager.create_test_data("row", number, "n", cleanup=("failing_cleanups:refuse", {"number": number}))
    for number in range(2):
        manager.create_test_data("row", number, "n", cleanup=("failing_cleanups:break_off", {"number": number}))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_reap_says_why_it_failed_once_for_each_kind(spawn, manager, failing):
    """Five that failed alike are one reason with a count, whatever numbers are in their messages."""
    spawn(LEFT).wait()
    manager.cleanup_registry.max_retries = 1
    report = manager.cleanup_registry.reap()
    assert len(report["failed"]) + len(report["waiting"]) == 7
    first, second = report["reasons"]
    assert (first["count"], second["count"]) == (5, 2)
    assert first["error"].startswith("ConnectionError: no database for row ")
    assert "failing_cleanups.py:3" in first["error"]
    assert second["error"].startswith("KeyError: 'row'")
    assert len(set(first["resources"]) | set(second["resources"])) == 7
    again = manager.cleanup_registry.reap()
    assert [reason["count"] for reason in again["reasons"]] == [5, 2]
    assert len(again["waiting"]) == 7


def test_a_reap_names_what_another_process_holds_or_needs(spawn, manager, monkeypatch):
    """It is not cleaned, and not forgotten: it is listed with the reason."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    dead = spawn("""
        for key in ("locked", "needed"):
            manager.create_test_data("x", 1, "n", resource_id=key)
        say("created")
        time.sleep(600)
    """)
    assert dead.stdout.readline() == "created\n"
    holder = spawn("""
        assert manager.isolation_manager.lock_resource("n", "locked", "holder")
        manager.create_test_data("y", 1, "n", depends_on=["needed"])
        say("held")
        time.sleep(600)
    """)
    assert holder.stdout.readline() == "held\n"
    dead.kill()
    dead.wait()
    report = manager.cleanup_registry.reap()
    assert sorted(report["blocked"]) == ["locked", "needed"]
    assert report["runnable"] == []
    reasons = {reason["resources"][0]: reason["error"] for reason in report["reasons"]}
    assert reasons["locked"] == f"locked by 'holder' of process {holder.pid} on {socket.gethostname()}"
    assert "depends on it" in reasons["needed"]


def test_reasons_are_counted_by_kind_and_place():
    """Two places, or two types, are two reasons; the most frequent comes first, and its first text is shown."""
    texts = {
        "a": "ValueError: row 1 (x.py:3)",
        "b": "ValueError: row 2 (x.py:3)",
        "c": "ValueError: row 1 (x.py:4)",
        "d": "TypeError: row 1 (x.py:3)",
        "e": "locked by me",
        "f": "locked by you",
    }
    found = count_reasons(texts.items())
    assert [(reason["error"], reason["count"], reason["resources"]) for reason in found] == [
        ("ValueError: row 1 (x.py:3)", 2, ["a", "b"]),
        ("ValueError: row 1 (x.py:4)", 1, ["c"]),
        ("TypeError: row 1 (x.py:3)", 1, ["d"]),
        ("locked by me", 1, ["e"]),
        ("locked by you", 1, ["f"]),
    ]
