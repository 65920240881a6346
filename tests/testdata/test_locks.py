"""Locks that two processes cannot both hold: contention, fencing, leases, dead holders, PIDs used again."""

import itertools
import os
import signal
import time

import msgspec
import pytest
from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pytest_insight.testdata import (
    DataStore,
    LockTimeoutError,
    StaleTokenError,
    TestDataManager,
    TestDataNotFound,
)
from pytest_insight.testdata.store.identity import own_identity

ROUNDS = 100
PROCESSES = 8

CONTENDER = """
    lock, log = args[0], args[1]
    say("ready")
    sys.stdin.readline()
    for round_ in range(int(args[2])):
        with manager.isolation_manager.acquire("shared", "account", wait=60) as lease:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            with open(log, "a") as file:
                file.write(f"{lease.token}\\n")
            os.unlink(lock)
    say("done")
"""


def test_eight_processes_never_hold_one_lock_together(spawn, tmp_path):
    """T3: each holder makes a file that must not exist yet; tokens rise in the order in which the lock was held."""
    log = tmp_path / "tokens.txt"
    processes = [spawn(CONTENDER, tmp_path / "held", log, ROUNDS) for _ in range(PROCESSES)]
    assert all(process.stdout.readline() == "ready\n" for process in processes)
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=600)[0] for process in processes] == ["done\n"] * PROCESSES
    tokens = [int(line) for line in log.read_text().split()]
    assert len(tokens) == ROUNDS * PROCESSES
    assert all(a < b for a, b in itertools.pairwise(tokens))


def test_a_stopped_holder_loses_the_lock_and_cannot_write_any_more(spawn, manager, watch_locks):
    """T3: SIGSTOP past its lease; somebody else gets the lock; resumed, its write is refused and it is told."""
    key = manager.create_test_data("account", {"balance": 0}, "n", resource_id="account")
    holder = spawn("""
        lease = manager.isolation_manager.acquire("n", "account", ttl=0.6)
        say(lease.token)
        sys.stdin.readline()
        try:
            manager.update_test_data("account", {"balance": -1}, "n", fencing_token=lease)
            say("written")
        except StaleTokenError as error:
            lease.lost.wait(300)
            say("refused", lease.lost.is_set())
    """)
    token = int(holder.stdout.readline())
    locks = manager.isolation_manager
    assert not any(watch_locks(manager, 0.6, "account")), "it is renewed while its process lives"
    os.kill(holder.pid, signal.SIGSTOP)
    with locks.acquire("n", "account", wait=30) as lease:
        assert lease.token > token
        manager.update_test_data(key, {"balance": 1}, "n", fencing_token=lease.token)
        os.kill(holder.pid, signal.SIGCONT)
        assert holder.communicate("\n", timeout=300)[0] == "refused True\n"
    assert manager.get_test_data(key, "n") == {"balance": 1}


def test_a_killed_holder_is_noticed_at_once(spawn, manager):
    """Nobody waits for the lease of a process that is provably dead."""
    holder = spawn("say(manager.isolation_manager.lock_resource('n', 'k', 'w', ttl=3600)); sys.stdin.readline()")
    assert holder.stdout.readline() == "True\n"
    assert not manager.isolation_manager.lock_resource("n", "k", "us")
    holder.kill()
    while not (lease := manager.isolation_manager.lock_resource("n", "k", "us")):
        time.sleep(0.01)  # the kernel is taking it down
    assert lease
    [held] = manager.isolation_manager.locks()
    assert held["lock_id"] == "us"


def owner_like_us(**changes):
    """An owner described like this process, but for some facts."""
    return msgspec.structs.replace(own_identity(), **changes)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({}, False),
        ({"started_ms": 5}, True),
        ({"boot": "another"}, True),
        ({"host": "elsewhere"}, False),
        ({"pid_space": "pid:[1]"}, False),
    ],
    ids=["alive", "pid used again", "rebooted", "another machine", "another container"],
)
def test_a_process_is_known_by_more_than_its_pid(base, manager, changes, gone):
    """T4: our own PID with another start or boot is a dead owner; what cannot be looked at is not called dead."""
    them = TestDataManager(store=DataStore(base, owner=owner_like_us(**changes)))
    them.create_test_data("x", 1, "n", resource_id="k")
    assert them.isolation_manager.lock_resource("n", "k", "them")
    report = manager.cleanup_registry.reap()
    assert report["gone"] == ({them.store.session: "dead"} if gone else {})
    assert report["cleaned"] == (["k"] if gone else [])
    assert manager.isolation_manager.lock_resource("n", "k", "us") is gone
    assert bool(report["unknown"]) is bool({"host", "pid_space"} & changes.keys())
    them.store.close()


def test_who_cannot_be_looked_at_is_judged_by_its_lease(base, manager, watch_locks, watch_owner):
    """A holder in another container keeps lock and data while it renews, and loses both when it stops."""
    them = TestDataManager(store=DataStore(base, owner=owner_like_us(host="elsewhere"), lease_s=0.5))
    them.create_test_data("x", 1, "n", resource_id="k")
    assert them.isolation_manager.lock_resource("n", "lock", "them", ttl=0.5)
    assert not any(watch_locks(manager, 0.5, "lock"))
    assert not any(watch_owner(manager, 0.5, them.store.session))
    them.store.renewer.stop()
    assert manager.isolation_manager.lock_resource("n", "lock", "us", wait=60)
    report = manager.cleanup_registry.reap(wait_s=60)
    assert report["gone"] == {them.store.session: "lapsed"}
    assert report["cleaned"] == ["k"]
    before = them.store.session
    them.create_test_data("x", 2, "n", resource_id="k")
    assert them.store.session != before, "it was taken for gone, and goes on as another"
    assert them.cleanup_test_data() == {"k": True}
    them.store.close()


def test_the_same_lock_id_in_another_process_is_somebody_else(manager, other):
    """`gw0` here is not `gw0` there; asking again keeps the token; only the holder gives it back."""
    mine, theirs = manager.isolation_manager, other.isolation_manager
    assert mine.lock_resource("n", "k", "gw0")
    token = mine.locks()[0]["token"]
    assert mine.lock_resource("n", "k", "gw0")
    assert mine.locks()[0]["token"] == token
    assert not theirs.lock_resource("n", "k", "gw0")
    assert not theirs.unlock_resource("n", "k", "gw0")
    assert not mine.unlock_resource("n", "k", "other")
    assert mine.unlock_resource("n", "k", "gw0")
    assert not mine.unlock_resource("n", "k", "gw0")
    assert theirs.lock_resource("n", "k", "gw0")
    assert theirs.locks()[0]["token"] > token


def test_shared_and_exclusive(manager, other):
    """Readers hold together, a writer alone; a lone reader may become a writer, with a new token."""
    mine, theirs = manager.isolation_manager, other.isolation_manager
    reader = mine.acquire("n", "k", "r", mode="shared")
    with theirs.acquire("n", "k", mode="shared") as second:
        assert second.token > reader.token
        with pytest.raises(LockTimeoutError, match="is held by 'r' of process"):
            theirs.acquire("n", "k")
        assert not mine.lock_resource("n", "k", "r", mode="exclusive")
        manager.create_test_data("x", 1, "n", resource_id="k", fencing_token=reader)
    assert mine.lock_resource("n", "k", "r", mode="exclusive")
    assert mine.locks()[0]["token"] > second.token
    with pytest.raises(StaleTokenError):
        reader.check()


def test_none_is_free_is_not_there_is_none(manager, other):
    """A pool of two accounts: both taken is another answer than no accounts at all."""
    locks = other.isolation_manager
    with pytest.raises(TestDataNotFound, match="no data of type 'account'"):
        locks.acquire_any("n", "account")
    for name in ("a", "b"):
        manager.create_test_data("account", name, "n", resource_id=name)
    with locks.acquire_any("n", "account") as one, locks.acquire_any("n", "account") as two:
        assert {one.key, two.key} == {"a", "b"}
        with pytest.raises(LockTimeoutError, match="none of 2"):
            manager.isolation_manager.acquire_any("n", "account", wait=0.05)
    with pytest.raises(TestDataNotFound, match="to lock"):
        locks.acquire("n", "c", must_exist=True)
    assert locks.lock_resource("nowhere", "never created", "me")


def test_an_operator_can_take_a_lock_away(manager, other):
    """Recorded with a reason; when it is granted again, the old token is stale."""
    manager.create_test_data("x", 1, "n", resource_id="k")
    lease = manager.isolation_manager.acquire("n", "k")
    assert other.isolation_manager.force_unlock("n", "k", reason="stuck since noon") == 1
    assert "stuck since noon" in manager.store.path.read_text()
    with pytest.raises(StaleTokenError, match="another process has it"):
        lease.check()
    with other.isolation_manager.acquire("n", "k"), pytest.raises(StaleTokenError, match="is stale"):
        manager.update_test_data("k", 2, "n", fencing_token=lease)
    with pytest.raises(StaleTokenError, match="was never granted"):
        manager.update_test_data("k", 2, "n", fencing_token=1 << 40)
    assert manager.get_test_data("k", "n") == 1


@pytest.mark.parametrize("wrong", [{"ttl": 0}, {"ttl": float("nan")}, {"mode": "both"}])
def test_wrong_arguments_are_refused(manager, wrong):
    """A lock without an end or of no mode is a mistake, not a lock."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        manager.isolation_manager.lock_resource("n", "k", "me", **wrong)


class LockMachine(RuleBasedStateMachine):
    """Three owners take, give back, lose and steal two locks; a model of dicts says who must hold what."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        stores = [DataStore(self.folder.name, owner=owner_like_us(session=f"{n:016d}")) for n in range(3)]
        self.managers = [TestDataManager(store=store) for store in stores]
        self.held = {"a": {}, "b": {}}
        self.highest = {"a": -1, "b": -1}

    who = st.integers(0, 2)
    key = st.sampled_from("ab")
    mode = st.sampled_from(["exclusive", "shared"])

    @rule(who=who, key=key, mode=mode)
    def lock(self, who, key, mode):
        """Granted exactly if the model has nobody else who excludes it; a new grant has a higher token than any before."""
        others = {m for w, (m, _) in self.held[key].items() if w != who}
        allowed = not others if mode == "exclusive" else others <= {"shared"}
        locks = self.managers[who].isolation_manager
        assert locks.lock_resource("n", key, "me", mode=mode) is allowed
        if not allowed:
            return
        token = next(each["token"] for each in locks.locks() if (each["key"], each["session"]) == (key, f"{who:016d}"))
        before = self.held[key].get(who)
        if before is not None and before[0] == mode:
            assert token == before[1]
        else:
            assert token > self.highest[key]
        self.highest[key] = max(self.highest[key], token)
        self.held[key][who] = (mode, token)

    @rule(who=who, key=key)
    def unlock(self, who, key):
        """True for a holder, and only once."""
        assert self.managers[who].isolation_manager.unlock_resource("n", key, "me") is (who in self.held[key])
        self.held[key].pop(who, None)

    @rule(who=who, key=key)
    def force(self, who, key):
        """Everybody loses it."""
        assert self.managers[who].isolation_manager.force_unlock("n", key, reason="test") == len(self.held[key])
        self.held[key].clear()

    @rule(who=who, key=key, old=st.integers(0, 3))
    def write(self, who, key, old):
        """A token that is not the newest, nor that of a reader that holds, is refused."""
        manager = self.managers[who]
        for name in ("a", "b"):
            manager.create_test_data("x", 0, "n", resource_id=name)
        token = self.highest[key] - old
        holds = {t for _, t in self.held[key].values()}
        if token >= 0 and (old == 0 or token in holds):
            manager.update_test_data(key, old, "n", fencing_token=token)
            manager.restore_snapshot(manager.create_snapshot("same", "n"))
            manager.cleanup_registry.unregister_resource(key, namespace="n")
        elif token >= 0:
            with pytest.raises(StaleTokenError):
                manager.update_test_data(key, old, "n", fencing_token=token)

    @invariant()
    def all_see_the_same_holders(self):
        """Whoever asks."""
        for manager in self.managers:
            seen = {(each["key"], int(each["session"]), each["token"]) for each in manager.isolation_manager.locks()}
            assert seen == {(key, who, t) for key, holds in self.held.items() for who, (_, t) in holds.items()}

    def teardown(self):
        for manager in self.managers:
            manager.store.close()
        self.folder.cleanup()


LockMachine.TestCase.settings = settings(max_examples=examples(25), stateful_step_count=20, deadline=None)
TestLockMachine = LockMachine.TestCase
