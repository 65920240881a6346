"""T2: killed at every event boundary and in the middle of every write; then two reapers race."""

import json
import os
import signal
import sys
import time

import pytest
from pytest_insight.eventlog.files.logfile import LogFile
from pytest_insight.testdata import StaleTokenError, TestDataManager

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded")


def scenario(manager, helpers):
    """A test's life: contexts, data that depends on data, an intent, a lock, an update, a snapshot, cleanups."""
    with manager.isolated_data_context("one") as namespace:
        account = manager.create_test_data("account", 1, namespace, cleanup=helpers.durable("account"))
        manager.create_test_data("row", 2, namespace, cleanup=helpers.durable("row"), depends_on=[account])
        with manager.cleanup_registry.intent(helpers.durable("file"), "file", namespace) as intent:
            intent.data = {"path": "x"}
        manager.isolation_manager.lock_resource(namespace, "lock", "me")
        manager.create_snapshot("before", namespace)
        manager.update_test_data(account, 2, namespace)
        manager.create_test_data("record", 3, namespace)
        manager.cleanup_test_data(intent.resource_id, namespace)
    manager.create_test_data("late", 4, cleanup=helpers.durable("late"))
    manager.cleanup_test_data()


def in_child(work):
    """Run something in a forked child, and return how that ended."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            sys.stdout.flush()
            os._exit(0)
    return pid


def dying_after(writes, share):
    """A `_write_whole` that writes a share of the bytes of a certain write, and dies."""
    real = LogFile._write_whole
    left = [writes]

    def write(self, data, size):
        left[0] -= 1
        if left[0]:
            return real(self, data, size)
        os.write(self.fd, data[: int(len(data) * share)])
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return write


def events_of(manager, *types):
    """The whole events of some types in the log, as dicts."""
    lines = manager.store.path.read_bytes().split(b"\n") if manager.store.path.exists() else []
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event["type"] in types:
            found.append(event)
    return found


def writes_of_the_scenario(base, helpers):
    """How often the scenario writes when nobody kills it."""
    counted = []
    real = LogFile._write_whole
    LogFile._write_whole = lambda self, data, size: (counted.append(1), real(self, data, size))[1]
    try:
        manager = TestDataManager(base)
        scenario(manager, helpers)
        manager.store.close()
    finally:
        LogFile._write_whole = real
    assert sorted(helpers.words()) == ["account", "file", "late", "row"]
    return len(counted)


@pytest.mark.parametrize("share", [0, 0.5, 0.999, 1])
def test_killed_anywhere_everything_is_reaped_once(tmp_path, helpers, share, monkeypatch):
    """After each kill two reapers race: every cleanup that was registered is done, none by both, nothing is left."""
    total = writes_of_the_scenario(tmp_path / "whole", helpers)
    assert total > 15
    for kill_at in range(1, total + 1):
        base = tmp_path / f"{share}-{kill_at}"
        helpers.path = tmp_path / f"{share}-{kill_at}.txt"
        with monkeypatch.context() as patch:
            patch.setattr(LogFile, "_write_whole", dying_after(kill_at, share))
            child = in_child(lambda base=base: scenario(TestDataManager(base), helpers))
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        before = helpers.words()
        reapers = [in_child(lambda base=base: TestDataManager(base).cleanup_registry.reap()) for _ in range(2)]
        assert [os.waitpid(pid, 0)[1] for pid in reapers] == [0, 0]
        reaped = helpers.words()[len(before) :]
        manager = TestDataManager(base)
        assert manager.cleanup_registry.reap()["cleaned"] == [], "the two left nothing to the next session"
        assert sorted(reaped) == sorted(set(reaped)), "by one of them only"
        state = manager.store.current()
        assert state.live_count == 0
        assert manager.isolation_manager.locks() == []
        assert not any(space.context for space in state.namespaces.values())
        succeeded = [event["cleanup_id"] for event in events_of(manager, "cleanup.succeeded")]
        assert len(succeeded) == len(set(succeeded))
        registered = {
            event["arguments"]["word"]: event["cleanup_id"] for event in events_of(manager, "cleanup.registered")
        }
        done = {word for word, cleanup_id in registered.items() if cleanup_id in succeeded}
        assert done <= set(helpers.words())
        assert all(manager.run_health_checks().values()) or manager.store.findings
        manager.store.close()


def test_a_reaper_that_is_killed_is_followed_by_the_next(spawn, manager, helpers):
    """The lease of a dead reaper is free at once; what it had begun is done again, what it had done is not."""
    for number in range(4):
        manager.create_test_data("x", number, "n", cleanup=helpers.durable(f"local-{number}"))
    victim = spawn(f"""
        for number in range(3):
            manager.create_test_data("x", number, "m", cleanup=("cleanup_helpers:slow",
                {{"path": {str(helpers.path)!r}, "word": f"r{{number}}", "seconds": 0.4}}))
        say("ready")
        sys.stdin.readline()
    """)
    assert victim.stdout.readline() == "ready\n"
    victim.kill()
    victim.communicate()
    reaper = spawn("manager.cleanup_registry.reap()")
    while len(helpers.words()) < 2:
        time.sleep(0.01)
    reaper.kill()
    reaper.communicate()
    report = manager.cleanup_registry.reap()
    assert helpers.words() == ["r2", "r1", "r1", "r0"]
    assert len(report["cleaned"]) == 2
    assert len(manager.list_test_data()) == 4, "the data of a live process is left alone"


def test_a_paused_reaper_stops_when_another_has_taken_over(spawn, manager, helpers, monkeypatch):
    """Fenced: resumed after its lease, it does not run what the other one runs."""
    from pytest_insight.testdata.cleaning import reaper

    monkeypatch.setattr(reaper, "_TTL_S", 0.5)
    victim = spawn(f"""
        for number in range(3):
            manager.create_test_data("x", number, "m", cleanup=("cleanup_helpers:slow",
                {{"path": {str(helpers.path)!r}, "word": f"r{{number}}", "seconds": 0.3}}))
        say("ready")
        sys.stdin.readline()
    """)
    assert victim.stdout.readline() == "ready\n"
    victim.kill()
    victim.communicate()
    paused = spawn("""
        from pytest_insight.testdata.cleaning import reaper
        reaper._TTL_S = 0.5
        say(manager.cleanup_registry.reap()["lost"])
    """)
    while not helpers.words():
        time.sleep(0.01)
    os.kill(paused.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 300
    while (report := manager.cleanup_registry.reap())["busy"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(paused.pid, signal.SIGCONT)
    lost = paused.communicate(timeout=300)[0]
    assert "another reaper continues" in lost
    # What the stopped one had begun is its own: its process lives, so nobody can say that it will not finish.
    assert helpers.words().count("r1") == helpers.words().count("r0") == 1
    assert helpers.words().count("r2") == 1
    manager.cleanup_registry.reap()
    assert report["token"] > 0
    assert manager.list_test_data("m") == []


def test_a_reaper_without_its_lease_runs_nothing(manager, helpers):
    """The token is checked before every cleanup, and before records are retired."""
    from pytest_insight.testdata.cleaning.runner import REAPER_LOCK

    manager.create_test_data("x", 1, "n", resource_id="durable", cleanup=helpers.durable("never"))
    manager.create_test_data("x", 2, "n", resource_id="record")
    locks = manager.isolation_manager
    hold = locks.take_named(*REAPER_LOCK, "reaper", ttl_s=30)
    locks.force_unlock(*REAPER_LOCK, reason="test")
    for key in ("durable", "record"):
        with pytest.raises(StaleTokenError, match="another reaper continues"):
            manager.cleanup_registry.clean([("n", key)], token=hold.token)
    assert helpers.words() == []
    assert len(manager.list_test_data("n")) == 2


def test_only_what_failed_and_is_due_is_tried_again(spawn, manager, helpers):
    """Over sessions: a growing time between the tries, then it is given up and listed for people."""
    manager.cleanup_registry.abandon_after, manager.cleanup_registry.max_retries = 3, 2
    victim = spawn(f"""
        manager.create_test_data("x", 1, "m", resource_id="bad", cleanup={helpers.durable("bad", "fail")!r})
        manager.create_test_data("x", 2, "m", resource_id="good", cleanup={helpers.durable("good")!r})
    """)
    victim.communicate()
    from datetime import UTC, datetime, timedelta

    report = manager.cleanup_registry.reap()
    assert report["cleaned"] == ["good"]
    assert report["waiting"] == ["bad"]
    assert helpers.words() == ["good", "bad", "bad"]
    assert manager.cleanup_registry.reap()["waiting"] == ["bad"]
    assert helpers.words().count("bad") == 2
    later = datetime.now(UTC) + timedelta(hours=2)
    assert manager.cleanup_registry.reap(now=later)["abandoned"] == ["bad"]
    assert helpers.words().count("bad") == 3
    manager.cleanup_registry.reap(now=later + timedelta(days=9))
    assert helpers.words().count("bad") == 3
    assert manager.cleanup_registry.get_cleanup_report()["abandoned"] == ["bad"]
    assert (
        "RuntimeError: cannot clean bad (cleanup_helpers.py:"
        in manager.cleanup_registry.get_cleanup_report()["errors"]["bad"]
    )


def test_what_only_a_person_can_clean_is_listed_with_what_it_takes(spawn, manager):
    """A callback died with its process: the data says what there is to clean."""
    victim = spawn("""
        manager.create_test_data("vm", {"ip": "192.0.2.7"}, "m", resource_id="vm", metadata={"how": "call the operator"},
            cleanup_callback=print)
        manager.create_test_data("record", 1, "m")
    """)
    victim.communicate()
    report = manager.cleanup_registry.reap()
    assert len(report["cleaned"]) == 1
    [orphan] = report["orphaned"]
    assert (orphan["resource_id"], orphan["data"], orphan["metadata"]) == (
        "vm",
        {"ip": "192.0.2.7"},
        {"how": "call the operator"},
    )
    assert str(victim.pid) in orphan["process"]
    assert manager.cleanup_registry.get_cleanup_report()["orphaned"] == ["vm"]
    assert manager.run_health_checks()["reaper"] is False
    assert manager.cleanup_registry.unregister_resource("vm")
    assert manager.cleanup_registry.reap()["orphaned"] == []
    assert manager.run_health_checks()["reaper"] is True


def test_data_that_outlived_its_time_is_reaped_though_its_owner_lives(manager, helpers):
    """`ttl` is a promise that nobody needs it longer."""
    from datetime import UTC, datetime, timedelta

    manager.create_test_data("x", 1, "n", resource_id="short", ttl=60, cleanup=helpers.durable("short"))
    manager.create_test_data("x", 2, "n", resource_id="long")
    assert manager.cleanup_registry.reap()["cleaned"] == []
    dry = manager.cleanup_registry.reap(now=datetime.now(UTC) + timedelta(seconds=90), dry_run=True)
    assert (dry["runnable"], helpers.words()) == (["short"], [])
    report = manager.cleanup_registry.reap(now=datetime.now(UTC) + timedelta(seconds=90))
    assert (report["cleaned"], helpers.words()) == (["short"], ["short"])
    assert [each["resource_id"] for each in manager.list_test_data()] == ["long"]


def test_a_module_of_the_same_name_elsewhere_is_not_run(spawn, manager, helpers, tmp_path, monkeypatch):
    """The log says where the cleanup was found; another module of that name is not taken for it."""
    spawn(f"manager.create_test_data('x', 1, 'm', resource_id='k', cleanup={helpers.durable('k')!r})").communicate()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cleanup_helpers.py").write_text("def note(path, word): open(path, 'a').write('wrong ')")
    manager.cleanup_registry.max_retries = 1
    monkeypatch.syspath_prepend(str(elsewhere))
    assert manager.cleanup_registry.reap()["waiting"] == ["k"]
    assert "registered from" in manager.cleanup_registry.get_cleanup_report()["errors"]["k"]
    assert helpers.words() == []
