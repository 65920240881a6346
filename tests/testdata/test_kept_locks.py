"""A lock lasts as long as its process, whoever still knows it there; one of a dead process holds nothing up."""

import gc
import shutil
import signal
import threading
import time

import msgspec
import pytest
from pytest_insight.testdata import DataStore, TestDataManager
from pytest_insight.testdata.store.identity import own_identity

LEASE_S = 0.6


def owner_elsewhere():
    """An owner of whom only its renewals tell anything here."""
    return msgspec.structs.replace(own_identity(), host="another.example")


@pytest.fixture(autouse=True)
def few_objects():
    """Make collecting garbage cheap: what was there before is not looked at."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def collect_until(condition):
    """Collect garbage until a condition holds."""
    deadline = time.monotonic() + 300
    while not condition():
        gc.collect()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def renewal_threads():
    """Threads that renew."""
    return [thread for thread in threading.enumerate() if thread.name == "test-data-renewal"]


def take(manager, key, seconds):
    """Try to take a lock for so long; True if it was to be had."""
    return manager.isolation_manager.lock_resource("n", key, "another", wait=seconds)


@pytest.mark.parametrize("how", ["lock", "lease"])
def test_a_lock_of_a_forgotten_manager_is_renewed(base, other, watch_locks, how):
    """Neither the manager, nor its store, nor the lease is referenced any more; the process lives."""
    owner = owner_elsewhere()
    made = TestDataManager(store=DataStore(base, owner=owner))
    locks = made.isolation_manager
    if how == "lock":
        assert locks.lock_resource("n", "account", "me", ttl=LEASE_S)
    else:
        locks.acquire("n", "account", ttl=LEASE_S)
    del made, locks
    gc.collect()
    assert not any(watch_locks(other, LEASE_S, "account"))


def test_a_lock_can_be_given_back_by_another_manager_and_its_renewal_ends(base, other):
    """Then nothing is held any more, and nobody renews."""
    before = len(renewal_threads())
    owner = owner_elsewhere()
    TestDataManager(store=DataStore(base, owner=owner)).isolation_manager.lock_resource(
        "n", "account", "me", ttl=LEASE_S
    )
    gc.collect()
    assert len(renewal_threads()) == before + 1
    second = TestDataManager(store=DataStore(base, owner=owner))
    assert second.isolation_manager.unlock_resource("n", "account", "me")
    del second
    collect_until(lambda: len(renewal_threads()) <= before)
    assert take(other, "account", 0)


def test_locks_of_many_forgotten_managers_are_renewed_by_one_thread(base, other, watch_locks):
    """A helper function that makes a manager for each call costs no thread for each call."""
    before = len(renewal_threads())
    owner = owner_elsewhere()
    for number in range(20):
        made = TestDataManager(store=DataStore(base, owner=owner))
        assert made.isolation_manager.lock_resource("n", f"account-{number}", "me", ttl=LEASE_S)
        del made
    collect_until(lambda: len(renewal_threads()) <= before + 1)
    assert not any(watch_locks(other, LEASE_S, *(f"account-{number}" for number in range(20))))


def test_the_manager_that_renews_for_forgotten_ones_may_be_closed(base, other, watch_locks):
    """Closing it ends nothing that another manager of the process has locked."""
    owner = owner_elsewhere()
    first = TestDataManager(store=DataStore(base, owner=owner))
    assert first.isolation_manager.lock_resource("n", "first", "me", ttl=LEASE_S)
    TestDataManager(store=DataStore(base, owner=owner)).isolation_manager.lock_resource(
        "n", "second", "me", ttl=LEASE_S
    )
    first.store.close()
    del first
    gc.collect()
    assert not any(watch_locks(other, LEASE_S, "second"))


def test_a_manager_that_was_closed_renews_nothing(base, other):
    """Its lock can be taken when its time is over."""
    made = TestDataManager(store=DataStore(base, owner=owner_elsewhere()))
    assert made.isolation_manager.lock_resource("n", "account", "me", ttl=LEASE_S)
    made.store.close()
    assert take(other, "account", 60)


def test_a_forgotten_manager_that_holds_no_lock_is_collected(base):
    """What it made is its process's all the same; its file is closed."""
    import weakref

    made = TestDataManager(base)
    made.create_test_data("x", 1, "n")
    kept = weakref.ref(made.store)
    del made
    collect_until(lambda: kept() is None)


def test_a_deleted_folder_ends_the_renewal_of_a_forgotten_manager(base, caplog):
    """There is nothing to renew any more: no thread stays, and no error is logged again and again."""
    before = len(renewal_threads())
    TestDataManager(base).isolation_manager.lock_resource("n", "account", "me", ttl=LEASE_S)
    shutil.rmtree(base)
    collect_until(lambda: len(renewal_threads()) <= before)
    assert caplog.records == []
    assert not base.exists()


HOLDER = """
    manager.create_test_data("mine", 1, "n", resource_id="mine")
    assert manager.isolation_manager.lock_resource("n", "account", "holder", ttl=3600)
    assert manager.isolation_manager.lock_resource("n", "plain", "holder", ttl=3600, mode="shared")
    say("held")
    time.sleep(600)
"""


def test_a_lock_of_a_dead_process_does_not_hold_up_cleaning(spawn, manager, helpers):
    """Its lease of an hour does not matter; that of a living process holds the cleaning up."""
    account = manager.create_test_data("x", 1, "n", resource_id="account", cleanup=helpers.durable("account"))
    plain = manager.create_test_data("x", 1, "n", resource_id="plain")
    holder = spawn(HOLDER)
    assert holder.stdout.readline() == "held\n"
    assert manager.cleanup_test_data(account) | manager.cleanup_test_data(plain) == {account: False, plain: False}
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert manager.cleanup_test_data(account) | manager.cleanup_test_data(plain) == {account: True, plain: True}
    assert helpers.words() == ["account"]


def test_a_reaper_cleans_what_a_dead_process_had_locked(spawn, manager, helpers):
    """Both the data of the living that outlived its time, and the data of the dead, in the first round."""
    manager.create_test_data("x", 1, "n", resource_id="account", cleanup=helpers.durable("account"), ttl=0.01)
    holder = spawn(HOLDER)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    report = manager.cleanup_registry.reap()
    assert sorted(report["cleaned"]) == ["account", "mine"]
    assert manager.isolation_manager.locks() == []
