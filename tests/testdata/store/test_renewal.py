"""Renewal of locks and leases: what is due, when the next look is, and what is lost; by a clock of the test."""

import logging
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from builders import fold_events
from pytest_insight.eventlog.errors import LogBusyError
from pytest_insight.testdata.model import events as ev
from pytest_insight.testdata.store import renewal
from pytest_insight.testdata.store.renewal import LeaseRenewer

OWNER_LEASE_S, TTL_S = 60, 30
JOINED = ev.OwnerJoined(owner=ev.Owner(session="me", host="h", boot="b", pid=1), lease_us=OWNER_LEASE_S * 1_000_000)
GRANTED = ev.LockGranted(namespace="n", key="k", lock_id="l", session="me", mode="exclusive", ttl_us=TTL_S * 1_000_000)
TOKEN = 10


class Store:
    """A store whose state is a fold of events in a list, and that can fail."""

    def __init__(self, path, *events):
        self.base_path, self.path = path, path / "events.jsonl"
        self.session = "me"
        self.state = fold_events(*events)
        self.written = []
        self.error = None

    @contextmanager
    def look(self):
        """Yield the state."""
        if self.error:
            raise self.error
        yield self.state

    @contextmanager
    def transact(self):
        """Yield a transaction that keeps what is appended."""
        yield SimpleNamespace(state=self.state, append=lambda stream, *events: self.written.extend(events))


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    time = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(renewal.SYSTEM.__class__, "elapsed_s", lambda self: time.now)
    yield time
    renewal._kept.clear()


@pytest.fixture
def make(tmp_path, clock):
    """Make a store with these events and its renewer, without a thread."""

    def made(*events):
        store = Store(tmp_path, *events)
        store.renewer = LeaseRenewer(store)
        store.renewer._owner_renewed_s = clock.now
        return store

    return made


def kinds(store):
    """The types of the written events."""
    return [type(event) for event in store.written]


def test_a_lock_is_renewed_at_a_third_of_its_time(make, clock):
    """Not before, and the next look is when the next thing is due."""
    store = make(JOINED, GRANTED)
    assert store.renewer.run_once() == pytest.approx(TTL_S / 3)
    clock.now += TTL_S / 3 - 0.5
    assert store.renewer.run_once() == pytest.approx(0.5)
    assert store.written == []
    clock.now += 0.5
    assert store.renewer.run_once() == pytest.approx(TTL_S / 3)
    assert kinds(store) == [ev.LockRenewed]
    assert store.written[0].token == TOKEN
    clock.now += TTL_S / 3
    store.renewer.run_once()
    assert kinds(store) == [ev.LockRenewed, ev.LockRenewed, ev.OwnerRenewed]


def test_an_owner_with_data_renews_its_own_lease_and_one_without_anything_ends_the_thread(make, clock):
    """None means that there is nothing to come back for."""
    opened = ev.NamespaceOpened(namespace="n", session="me", context=True)
    store = make(JOINED, opened)
    clock.now += OWNER_LEASE_S / 3
    assert store.renewer.run_once() == pytest.approx(OWNER_LEASE_S / 3)
    assert kinds(store) == [ev.OwnerRenewed]
    assert make(JOINED).renewer.run_once() is None
    assert make().renewer.run_once() is None


def test_a_pause_is_never_longer_than_the_longest(make):
    """A lease of a day is looked at several times a minute, so that a new shorter one is seen in time."""
    long = ev.LockGranted(namespace="n", key="k", lock_id="l", session="me", mode="exclusive", ttl_us=86_400_000_000)
    assert make(JOINED, long).renewer.run_once() == renewal._NAP_MAX_S


class Lease:
    """A lease that notes why it was lost."""

    def __init__(self, ttl_s=TTL_S):
        self.ttl_s = ttl_s
        self.reasons = []

    def lose(self, reason):
        """Note the reason."""
        self.reasons.append(reason)


def test_a_lease_is_lost_when_its_token_is_not_held_any_more(make):
    """Another process took it away."""
    store = make(JOINED, GRANTED)
    held, gone = Lease(), Lease()
    store.renewer.leases[TOKEN], store.renewer.leases[99] = held, gone
    store.renewer.run_once()
    assert (held.reasons, gone.reasons) == ([], ["another process has it"])


def test_a_log_that_cannot_be_written_loses_leases_when_their_time_is_over(make, clock, caplog):
    """It is tried again soon; the same error is logged once."""
    store = make(JOINED, GRANTED)
    lease = Lease()
    store.renewer.leases[TOKEN] = lease
    store.renewer.run_once()
    store.error = LogBusyError(store.path, 30)
    with caplog.at_level(logging.ERROR):
        clock.now += TTL_S
        assert store.renewer.run_once() == renewal._RETRY_S
        assert lease.reasons == []
        clock.now += 0.1
        store.renewer.run_once()
    assert lease.reasons == ["it could not be renewed in time"]
    assert len(caplog.records) == 1


def test_a_deleted_folder_ends_the_renewal(make, tmp_path):
    """There are no locks any more; nothing is logged."""
    store = make(JOINED, GRANTED)
    store.renewer.run_once()
    assert renewal._kept
    store.error, store.base_path = OSError("gone"), tmp_path / "missing"
    assert store.renewer.run_once() is None
    assert renewal._kept == {}


def test_a_store_with_locks_is_kept_and_one_without_is_not(make):
    """A lock is renewed as long as the process lives, also if nothing refers to its manager."""
    store = make(JOINED, GRANTED)
    store.renewer.run_once()
    assert [kept.store for kept in renewal._kept.values()] == [store]
    fold_events(ev.LockReleased(namespace="n", key="k", token=TOKEN, session="me"), state=store.state, start=50)
    assert store.renewer.run_once() is None
    assert renewal._kept == {}


def test_of_two_stores_of_one_owner_one_is_kept_for_both(make):
    """It cannot be stopped while the other may be gone; one that serves only itself can."""
    first, second = make(JOINED, GRANTED), make(JOINED, GRANTED)
    first.renewer.run_once()
    second.renewer.run_once()
    (kept,) = renewal._kept.values()
    assert (kept.store, kept.serves_others) == (first, True)
    first.renewer.stop()
    assert first.renewer.run_once() is not None
    renewal._kept.clear()
    second.renewer.run_once()
    second.renewer.stop()
    assert second.renewer.run_once() is None
    assert renewal._kept == {}


def test_a_renewal_that_was_released_meanwhile_is_not_written(make, clock):
    """Another thread may release a lock between the look and the write."""
    store = make(JOINED, GRANTED)
    store.renewer.run_once()
    fold_events(ev.LockReleased(namespace="n", key="k", token=TOKEN, session="me"), state=store.state, start=50)
    store.renewer._write_renewals(store, [TOKEN], owner_due=False)
    assert store.written == []
    assert clock.now == 1000.0


def test_a_collected_store_has_nothing_to_renew(tmp_path):
    """The renewer refers to it weakly."""
    renewer = LeaseRenewer(Store(tmp_path, JOINED, GRANTED))
    assert renewer.run_once() is None
