"""Owners and holders that ended: what a store concludes from what it can observe, without comparing clocks."""

from types import SimpleNamespace

import pytest
from builders import fold_events
from pytest_insight.eventlog.errors import EventTooLargeError
from pytest_insight.testdata.errors import DataTooLargeError
from pytest_insight.testdata.model import events as ev
from pytest_insight.testdata.store import data_store, identity
from pytest_insight.testdata.store.data_store import PATH_VARIABLE, DataStore, default_base_path
from pytest_insight.testdata.store.identity import current_test, observe, own_identity, verdict_on
from pytest_insight.testdata.store.streams import lock_stream, namespace_stream, owner_stream

ME = ev.Owner(session="me", host="h", boot="b", pid=1)
LEASE_US = 10_000_000


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of `me`; the verdict on other processes and the time are set by the test."""
    made = DataStore(tmp_path / "data", owner=ME)
    made.verdict, made.now = "unknown", 0.0
    monkeypatch.setattr(data_store, "verdict_on", lambda owner: made.verdict)
    monkeypatch.setattr(made, "elapsed_s", lambda: made.now)
    return made


def state_with(*events):
    """The state after another owner joined and was granted a lock, and these events."""
    joined = ev.OwnerJoined(owner=ev.Owner(session="o", host="h", boot="b", pid=2), lease_us=LEASE_US)
    lock = ev.LockGranted(namespace="n", key="k", lock_id="l", session="o", mode="exclusive", ttl_us=LEASE_US)
    return fold_events(joined, lock, *events)


ENDED = ev.OwnerEnded(session="o", reason="left")
CASES = [  # verdict, ended, seconds since the renewal was first seen: owner, hold
    ("alive", False, 1000, "", "lapsed"),
    ("alive", False, 5, "", ""),
    ("dead", False, 0, "dead", "dead"),
    ("unknown", False, 10, "", ""),
    ("unknown", False, 10.1, "lapsed", "lapsed"),
    ("alive", True, 0, "left", "dead"),
    ("unknown", True, 0, "left", "dead"),
]


@pytest.mark.parametrize(("verdict", "ended", "later", "owner_gone", "hold_gone"), CASES)
def test_an_owner_or_holder_is_gone_if_that_is_proven_or_its_lease_is_over(
    store, verdict, ended, later, owner_gone, hold_gone
):
    """A live process may lose a lock that it does not renew; it never ends by its own lease."""
    state = state_with(*[ENDED] * ended)
    owner, (hold,) = state.owners["o"], state.lock("n", "k").holds.values()
    store.verdict = verdict
    for look in (0.0, float(later)):
        store.now = look
        found = store.owner_is_gone(owner, look), store.hold_is_gone(state, hold, look)
    assert found == (owner_gone, hold_gone)


def test_a_renewal_begins_the_time_again(store):
    """Measured from the moment at which this process first sees it; the clock of the other one does not matter."""
    state = state_with()
    (hold,) = state.lock("n", "k").holds.values()
    assert store.hold_is_gone(state, hold, 0.0) == ""
    store.now = 9.0
    fold_events(ev.LockRenewed(namespace="n", key="k", token=hold.token), state=state, start=100)
    assert store.hold_is_gone(state, hold, 9.0) == ""
    store.now = 18.0
    assert store.hold_is_gone(state, hold, 18.0) == ""
    assert store.hold_is_gone(state, hold, 19.5) == "lapsed"


def test_this_process_is_never_gone(store):
    """Whatever the log and its leases say."""
    store.verdict = "dead"
    lock = ev.LockGranted(namespace="n", key="k", lock_id="l", session="me", mode="exclusive", ttl_us=1)
    state = fold_events(ev.OwnerJoined(owner=ME, lease_us=1), lock)
    (hold,) = state.lock("n", "k").holds.values()
    for look in (0.0, 1000.0):
        assert (store.owner_is_gone(state.owners["me"], look), store.hold_is_gone(state, hold, look)) == ("", "")
    assert not store.hold_is_dead(state, hold)
    assert not store.is_unknown(state.owners["me"])


@pytest.mark.parametrize(
    ("verdict", "ended", "unknown"), [("unknown", False, True), ("unknown", True, False), ("alive", False, False)]
)
def test_an_owner_is_unknown_if_it_cannot_be_observed(store, verdict, ended, unknown):
    """One that is written to have ended is known."""
    store.verdict = verdict
    assert store.is_unknown(state_with(*[ENDED] * ended).owners["o"]) is unknown


def test_a_holder_that_never_joined_is_not_known_to_be_dead(store):
    """Its lease decides."""
    lock = ev.LockGranted(namespace="n", key="k", lock_id="l", session="x", mode="exclusive", ttl_us=LEASE_US)
    state = fold_events(lock)
    state.owners.clear()
    store.verdict = "dead"
    (hold,) = state.lock("n", "k").holds.values()
    assert not store.hold_is_dead(state, hold)


def test_an_owner_joins_once_and_again_under_another_session_after_it_was_given_up(store):
    """Another process could not observe it and cleaned its data: it goes on as a new owner."""
    for _ in range(2):
        with store.transact():
            pass
    assert list(store.current().owners) == ["me"]
    with store.transact() as tx:
        tx.append(owner_stream("me"), ev.OwnerEnded(session="me", reason="lapsed"))
    with store.transact():
        pass
    assert store.session != "me"
    assert list(store.current().owners) == ["me", store.session]
    store.close()


def test_data_that_is_too_large_is_an_error_of_test_data(store):
    """With its size and the limit; both kinds of error catch it."""
    with (
        pytest.raises(DataTooLargeError, match=r"test data: health\.checked would have") as error,
        store.transact() as tx,
    ):
        tx.append("x", ev.HealthChecked(session="me", failing=["x" * 300_000]))
    assert isinstance(error.value, EventTooLargeError)
    assert error.value.size_bytes > error.value.limit_bytes == 256 * 1024
    assert store.current().owners == {}
    store.close()


def test_the_folder_is_the_given_one_that_of_the_environment_or_one_in_the_working_directory(tmp_path, monkeypatch):
    """An absolute path, so that a later change of directory does not matter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(PATH_VARIABLE, raising=False)
    assert (str(default_base_path()), DataStore().base_path) == ("test_data", tmp_path / "test_data")
    monkeypatch.setenv(PATH_VARIABLE, "elsewhere")
    assert DataStore().base_path == tmp_path / "elsewhere"
    assert DataStore("given").path == tmp_path / "given" / "events.jsonl"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [({}, "alive"), ({"started_ms": 5}, "dead"), ({"boot": "other"}, "dead"), ({"host": "other"}, "unknown"),
     ({"pid_space": "other"}, "unknown"), ({"pid": 2**22 + 1}, "dead"), ({"started_ms": -1}, "unknown"), ({"boot": ""}, "alive")],
)  # fmt: skip
def test_this_process_is_observed_as_it_is(change, verdict):
    """And another one under its number by any difference."""
    import msgspec

    own = own_identity()
    assert verdict_on(msgspec.structs.replace(own, **change)) == verdict
    assert observe(own).pid_exists
    assert verdict_on(None) == "unknown"
    assert own.session != own_identity().session


class Psutil:
    """The library, with a process that answers as the test says."""

    STATUS_ZOMBIE = "zombie"
    NoSuchProcess = type("NoSuchProcess", (Exception,), {})
    AccessDenied = type("AccessDenied", (Exception,), {})

    def __init__(self, status="running", error=None):
        self.process = SimpleNamespace(status=lambda: status, create_time=lambda: 105.0)
        self.error = error

    def Process(self, pid):
        """Return the process."""
        if self.error:
            raise getattr(self, self.error)
        return self.process

    def boot_time(self):
        """Return the boot."""
        return 100.0


@pytest.mark.parametrize(
    ("psutil", "started"),
    [
        (Psutil(), 5000),
        (Psutil("zombie"), None),
        (Psutil(error="NoSuchProcess"), None),
        (Psutil(error="AccessDenied"), -1),
    ],
)
def test_the_start_of_a_process_is_counted_from_the_boot(monkeypatch, psutil, started):
    """A zombie has ended; one that may not be looked at exists, with an unknown start."""
    monkeypatch.setattr(identity, "_psutil", lambda: psutil)
    assert identity._started_ms(1) == started


@pytest.mark.parametrize(
    ("value", "test"),
    [("t.py::a (call)", "t.py::a"), ("t.py::a[x (y)] (setup)", "t.py::a[x (y)]"), ("", ""), ("t.py::a", "")],
)
def test_the_running_test_is_known_without_its_phase(monkeypatch, value, test):
    """A blank and a bracket may be in its name."""
    monkeypatch.setenv("PYTEST_CURRENT_TEST", value)
    assert current_test() == test


def test_streams_of_other_things_have_other_names():
    """A namespace, a lock and an owner of one name are three streams."""
    assert len({owner_stream("a/b"), namespace_stream("a/b"), lock_stream("a", "b"), lock_stream("a/b", "")}) == 4
