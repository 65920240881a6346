"""Locks, leases, tokens and names of namespaces: each decision by a table written by hand."""

from types import SimpleNamespace

import pytest
from builders import fold_events
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.testdata.errors import StaleTokenError
from pytest_insight.testdata.locking.lease import Lease
from pytest_insight.testdata.locking.locks import _check_lock, check_token, owner_text
from pytest_insight.testdata.locking.namespaces import Namespaces, is_in_use
from pytest_insight.testdata.model import events as ev
from pytest_insight.testdata.model.records import Hold, Lock
from pytest_insight.testdata.model.rules import decide_lock

ME, OTHER = ("a", "s1"), ("a", "s2")


def hold(token, who, mode="exclusive"):
    """A holder of the lock."""
    return Hold(token, *who, mode, 1_000_000, token, 0, 0, "")


DECISIONS = [  # holders, gone tokens, mode asked for: outcome, tokens that expire, token given up
    ([], (), "exclusive", "granted", (), None),
    ([(1, ME, "exclusive")], (), "exclusive", "ours", (), None),
    ([(1, ME, "exclusive")], (1,), "exclusive", "ours", (), None),
    ([(1, ME, "shared")], (), "exclusive", "granted", (), 1),
    ([(1, ME, "exclusive")], (), "shared", "granted", (), 1),
    ([(1, ME, "shared"), (2, OTHER, "shared")], (), "exclusive", "busy", (), None),
    ([(1, ME, "shared"), (2, OTHER, "shared")], (2,), "exclusive", "granted", (2,), 1),
    ([(1, OTHER, "exclusive")], (), "exclusive", "busy", (), None),
    ([(1, OTHER, "exclusive")], (), "shared", "busy", (), None),
    ([(1, OTHER, "exclusive")], (1,), "exclusive", "granted", (1,), None),
    ([(1, OTHER, "shared")], (), "shared", "granted", (), None),
    ([(1, OTHER, "shared"), (2, ("b", "s3"), "shared")], (1,), "shared", "granted", (1,), None),
    ([(1, ("b", "s1"), "exclusive")], (1,), "exclusive", "busy", (), None),
    ([(1, ("b", "s1"), "shared")], (), "shared", "granted", (), None),
]


@pytest.mark.parametrize(("holders", "gone", "mode", "outcome", "expired", "exchanged"), DECISIONS)
def test_a_lock_is_ours_granted_or_busy(holders, gone, mode, outcome, expired, exchanged):
    """A holder of this process never expires: it lives, whatever its lease says."""
    lock = Lock("n", "k", 9, {token: hold(token, who, held) for token, who, held in holders})
    decision = decide_lock(lock, *ME, mode, lambda each: each.token in gone)
    assert decision.outcome == outcome
    assert tuple(each.token for each in decision.expired) == expired
    assert (decision.exchanged.token if decision.exchanged else None) == exchanged
    assert (decision.hold is not None) == (outcome == "ours")


def granted(session, mode="exclusive"):
    """A granted lock; its token is the position of the event."""
    return ev.LockGranted(namespace="n", key="k", lock_id="l", session=session, mode=mode, ttl_us=1)


def released(token):
    """The release of that lock."""
    return ev.LockReleased(namespace="n", key="k", token=token, session="s")


TOKENS = [  # events, token: the reason why it may not write
    ((granted("s"),), 0, None),
    ((granted("s"), released(0)), 0, None),
    ((granted("s"), granted("t")), 0, "is stale: the lock was granted again with token 10"),
    ((granted("s"), granted("t")), 10, None),
    ((granted("s", "shared"), granted("t", "shared")), 0, None),
    ((granted("s", "shared"), granted("t", "shared"), released(0)), 0, "is stale"),
    ((granted("s"),), 5, "was never granted"),
    ((), 0, "was never granted"),
]


@pytest.mark.parametrize(("events", "token", "problem"), TOKENS)
def test_only_the_newest_token_and_those_of_shared_holders_may_write(events, token, problem):
    """The newest is fenced by nothing after its release: nobody else had the lock since."""
    state = fold_events(*events)
    if problem is None:
        assert check_token(state, "n", "k", token) == token
    else:
        with pytest.raises(StaleTokenError, match=problem):
            check_token(state, "n", "k", token)


def test_a_lease_names_the_lock_that_is_checked():
    """Not the resource that is written with it."""
    state = fold_events(granted("s"))
    lease = Lease(SimpleNamespace(), "n", "k", state.lock("n", "k").holds[0])
    assert check_token(state, "elsewhere", "x", lease) == 0


class Keeper:
    """The locks, as a lease sees them."""

    def __init__(self):
        self.hold = hold(7, ME)
        self.released = []

    def hold_of(self, lease):
        """Return the hold."""
        return self.hold

    def release(self, lease):
        """Release it."""
        self.released.append(lease.token)
        return self.hold is not None


def test_a_lease_is_released_once_at_the_end_of_its_block():
    """Whatever happens in it."""
    keeper = Keeper()
    with pytest.raises(ValueError), Lease(keeper, "n", "k", keeper.hold) as lease:
        lease.check()
        raise ValueError
    assert keeper.released == [7]
    assert (lease.token, lease.ttl_s, lease.lock_id, lease.mode) == (7, 1.0, "a", "exclusive")


def test_a_lost_lease_is_noticed_with_its_first_reason():
    """It stays lost; a lease that was released is not lost."""
    keeper = Keeper()
    lease = Lease(keeper, "n", "k", keeper.hold)
    assert lease.expires_at.timestamp() == 1.0
    lease.lose("it could not be renewed in time")
    lease.lose("another reason")
    with pytest.raises(StaleTokenError, match="token 7: it could not be renewed in time"):
        lease.check()
    gone = Lease(keeper, "n", "k", keeper.hold)
    keeper.hold = None
    assert gone.expires_at.timestamp() == 0
    with pytest.raises(StaleTokenError, match="another process has it"):
        gone.check()
    given_back = Lease(keeper, "n", "k", hold(8, ME))
    assert given_back.release() is False
    given_back.lose("reason")
    assert not given_back.lost.is_set()


@pytest.mark.parametrize(
    ("ttl", "mode", "error"),
    [
        (0.001, "shared", None), (86_400, "exclusive", None), (0, "shared", "ttl"), (86_400.1, "shared", "ttl"),
        (-1, "shared", "ttl"), (float("nan"), "shared", "ttl"), (1, "both", "mode"),
    ],
)  # fmt: skip
def test_a_lock_lasts_more_than_nothing_and_at_most_a_day(ttl, mode, error):
    """A lease that ends at once, or never, protects nothing."""
    if error is None:
        _check_lock("n", "k", ttl, mode)
    else:
        with pytest.raises(ValueError, match=error):
            _check_lock("n", "k", ttl, mode)


def test_a_holder_is_named_by_what_is_known_of_it():
    """Its process and machine, its worker; a session whose process is not known by itself."""
    owner = ev.Owner(session="s", host="h", boot="", pid=5)
    joined = ev.OwnerJoined(owner=owner, lease_us=1)
    assert owner_text(fold_events(joined), hold(1, ("l", "s"))) == "'l' of process 5 on h"
    worker = ev.OwnerJoined(owner=ev.Owner(session="s", host="h", boot="", pid=5, worker="gw1"), lease_us=1)
    assert owner_text(fold_events(worker), hold(1, ("l", "s"))) == "'l' of process 5 on h gw1"
    assert owner_text(fold_events(), hold(1, ("l", "s"))) == "'l' of session s"


def names_of(label, *, named, session="0123456789abcdef", worker=""):
    """The first three names that a context of this label may get."""
    store = SimpleNamespace(owner=SimpleNamespace(session=session, worker=worker))
    candidates = Namespaces(store)._candidates(label, named=named)
    return [next(candidates) for _ in range(3)]


def test_a_context_has_its_own_name_or_one_with_its_owner():
    """The separator is escaped within the label, so that a reader of the name can tell the two apart."""
    assert names_of("x", named=True) == ["x", "x--01234567-main-1", "x--01234567-main-2"]
    assert names_of("x", named=False, worker="gw3")[0] == "x--01234567-gw3-1"
    assert names_of("x--y", named=False)[0] == "x%2D%2Dy--01234567-main-1"
    assert names_of("50%", named=True)[:2] == ["50%", "50%25--01234567-main-1"]


LABELS = st.text("ab-%2D5", max_size=8)


@given(LABELS, LABELS)
def test_two_labels_never_give_one_name(first, second):
    """Whatever separators are in them."""
    one, other = (names_of(label, named=False)[0] for label in (first, second))
    assert (one == other) == (first == second)


@pytest.mark.parametrize(
    ("events", "in_use"),
    [
        ([], False),
        ([ev.NamespaceOpened(namespace="n", session="s")], False),
        ([ev.NamespaceOpened(namespace="n", session="s", context=True)], True),
        (
            [
                ev.NamespaceOpened(namespace="n", session="s", context=True),
                ev.NamespaceClosed(namespace="n", session="s"),
            ],
            False,
        ),
    ],
)
def test_a_namespace_is_in_use_while_a_context_or_data_is_in_it(events, in_use):
    """An open context may be empty."""
    assert is_in_use(fold_events(*events), "n") is in_use
