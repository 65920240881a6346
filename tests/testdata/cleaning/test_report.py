"""Reports on cleanups: what is open, who must act, and what a reaper may take."""

import itertools
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from builders import fold_events, make_created
from pytest_insight.testdata.cleaning.reaper import _is_over, _needs_its_owner, _now_us, _plan, _reasons, _who_must_act
from pytest_insight.testdata.cleaning.report import cleanup_report, find_orphans
from pytest_insight.testdata.model import events as ev

NAMES = {"namespace": "n", "resource_id": "a", "session": "s"}


def registered(cleanup_id="1", target="m:f", **more):
    """The event of a registered cleanup."""
    return ev.CleanupRegistered(**NAMES | more, cleanup_id=cleanup_id, target=target)


def failed(cleanup_id="1", due=0, error="E: x (a.py:1)"):
    """The event of a failed cleanup."""
    return ev.CleanupFailed(**NAMES, cleanup_id=cleanup_id, attempt=1, error=error, next_due_us=due)


def abandoned(cleanup_id="1"):
    """The event of an abandoned cleanup."""
    return ev.CleanupAbandoned(**NAMES, cleanup_id=cleanup_id)


def test_a_report_counts_what_is_live():
    """By namespace, with the last results, what fails still, and what is locked."""
    lock = ev.LockGranted(namespace="n", key="a", lock_id="l", session="t", mode="exclusive", ttl_us=1)
    unrelated = ev.LockGranted(namespace="n", key="no data", lock_id="l", session="t", mode="exclusive", ttl_us=1)
    state = fold_events(
        make_created("a"), make_created("b"), make_created("c", namespace="m"), registered(), registered("2", ""), lock,
        unrelated, failed(due=40), ev.ResourceRetired(**NAMES | {"resource_id": "b"}, reason="cleaned"),
    )  # fmt: skip
    report = cleanup_report(state)
    assert (report["total_resources"], report["namespaces"]) == (2, {"n": 1, "m": 1})
    assert report["cleanup_results"] == {"a": False, "b": True}
    assert (report["failed_cleanups"], report["retry_counts"], report["pending"]) == (["a"], {"a": 1}, 2)
    assert (report["locked_resources"], report["errors"]) == (["a"], {"a": "E: x (a.py:1)"})
    assert report["oldest_overdue_s"] == (state.last_at_us - 40) / 1e6 > 0


def test_what_is_clean_is_not_in_the_report():
    """An empty store has the same keys."""
    state = fold_events(make_created("a"), registered(), failed(), ev.CleanupSucceeded(**NAMES, cleanup_id="1"))
    report = cleanup_report(state)
    assert report["failed_cleanups"] == report["locked_resources"] == report["abandoned"] == []
    assert (report["pending"], report["errors"], report["oldest_overdue_s"]) == (0, {}, 0.0)
    assert set(cleanup_report(fold_events())) == set(report)


def test_an_abandoned_and_a_waived_cleanup_are_listed_once():
    """Each by the id of its resource."""
    state = fold_events(make_created("a"), registered(), registered("2"), abandoned(), abandoned("2"))
    assert cleanup_report(state)["abandoned"] == ["a"]
    waived = fold_events(make_created("a"), registered(), ev.CleanupWaived(**NAMES))
    assert (cleanup_report(waived)["waived"], cleanup_report(waived)["pending"]) == (["a"], 0)


@pytest.mark.parametrize(("ended", "target", "orphan"), [(True, "", True), (True, "m:f", False), (False, "", False)])
def test_an_orphan_has_a_callback_that_only_an_ended_process_could_call(ended, target, orphan):
    """A durable cleanup can be called by any process."""
    events = [make_created("a"), registered(target=target)] + [ev.OwnerEnded(session="s", reason="dead")] * ended
    assert [one.resource_id for one in find_orphans(fold_events(*events))] == ["a"] * orphan


@pytest.mark.parametrize(
    ("events", "can_run", "who"),
    [
        ([], True, "runnable"),
        ([registered()], True, "runnable"),
        ([registered(), failed(due=100)], True, "failed"),
        ([registered(), failed(due=101)], True, "waiting"),
        ([registered(), failed(), abandoned()], True, "abandoned"),
        ([registered(), registered("2"), failed("2", 101), abandoned()], True, "abandoned"),
        ([registered(), registered("2"), failed(due=100), failed("2", 101)], True, "waiting"),
        ([registered(), failed(), abandoned()], False, "orphaned"),
    ],
)
def test_who_must_act_is_decided_by_the_open_cleanups(events, can_run, who):
    """A person first, then one who mends an abandoned cleanup, then time, then the next reaper."""
    resource = fold_events(make_created("a"), *events).resource("n", "a")
    registry = SimpleNamespace(can_run=lambda cleanup: can_run)
    assert _who_must_act(registry, resource, 100) == who


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("kept_until", [0, 99, 100, 101])
@pytest.mark.parametrize("expires", [0, 99, 100, 101])
def test_data_may_be_reaped_when_its_owner_is_gone_or_its_time_is_over(gone, kept_until, expires):
    """Data that is kept for a look stays until the promised time, and no longer."""
    events = [make_created("a", expires_us=expires)]
    if kept_until:
        events.append(ev.NamespaceKept(namespace="n", session="s", until_us=kept_until))
    state = fold_events(*events)
    expected = kept_until <= 100 if kept_until else gone or 0 < expires <= 100
    assert _is_over(state, state.resource("n", "a"), 100, gone=gone) is expected


@pytest.mark.parametrize(("target", "session"), list(itertools.product(["", "m:f"], ["s", "t"])))
def test_data_of_a_live_owner_that_only_it_can_clean_is_left_to_it(target, session):
    """Also if its time is over; its own callbacks a process can call itself."""
    resource = fold_events(make_created("a"), registered(target=target, session=session)).resource("n", "a")
    assert _needs_its_owner(resource, "s") is (target == "" and session != "s")


def plan_of(*events, gone=None, unknown=()):
    """The plan of a reaper in session `me`, with these owners gone."""
    store = SimpleNamespace(
        session="me",
        owner_is_gone=lambda owner, elapsed_s: (gone or {}).get(owner.session, ""),
        is_unknown=lambda owner: owner.session in unknown,
    )
    return _plan(store, fold_events(*events), 0.0, 100)


def test_a_plan_has_the_data_of_ended_owners_and_what_expired():
    """Live owners keep the rest; one that cannot be observed is named."""
    events = [
        make_created("dead", session="d"), make_created("alive", session="l"), make_created("unknown", session="u"),
        make_created("old", session="l", expires_us=50), make_created("bound", session="l", expires_us=50),
        ev.CleanupRegistered(namespace="n", resource_id="bound", cleanup_id="c", session="l"),
    ]  # fmt: skip
    plan = plan_of(*events, gone={"d": "dead"}, unknown={"u"})
    assert (plan.gone, plan.unknown) == ({"d": "dead"}, ["u"])
    assert sorted(one.resource_id for one in plan.resources) == ["dead", "old"]
    assert not plan.empty
    assert plan_of(make_created("alive", session="l")).empty
    assert plan_of().empty


def test_an_owner_that_holds_nothing_is_not_looked_at():
    """Thousands of ended processes are in a log; only those with something left cost a look."""
    owner = ev.Owner(session="d", host="h", boot="", pid=1)
    assert plan_of(ev.OwnerJoined(owner=owner, lease_us=1), gone={"d": "dead"}).empty


@pytest.mark.parametrize(
    ("errors", "holders", "dependants", "reasons"),
    [
        (["E1"], ["h"], ["b"], ["E1"]),
        ([], ["h"], ["b"], ["locked by 'l' of session t"]),
        ([], [], ["b"], ["other test data depends on it"]),
        ([], [], [], []),
    ],
)
def test_the_reason_is_the_last_error_else_the_holder_else_what_depends_on_it(errors, holders, dependants, reasons):
    """In this order: an error says most."""
    lock = ev.LockGranted(namespace="n", key="a", lock_id="l", session="t", mode="exclusive", ttl_us=1)
    state = fold_events(make_created("a"), registered(), lock, *(failed(error=error) for error in errors))
    registry = SimpleNamespace(
        holders=lambda *_: state.foreign_holds(state.resource("n", "a"), "s") if holders else [],
        dependants=lambda *_: dependants,
    )
    assert _reasons(registry, state, state.resource("n", "a")) == reasons


def test_the_time_of_a_reap_may_be_given():
    """For data whose time is over at that moment."""
    assert _now_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1_000_000
    assert _now_us(None) > 10**15
