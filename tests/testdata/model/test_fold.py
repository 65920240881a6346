"""The fold of test data: its tables agree with each other after any events, and each rule with a row written by hand."""

import itertools

import pytest
from builders import fold_events, make_created
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.testdata.generation.log.events import GENERATION_EVENTS
from pytest_insight.testdata.model import events as ev
from pytest_insight.testdata.model.fold import _FOLDS
from pytest_insight.testdata.model.records import checksum_of, checksum_text
from pytest_insight.testdata.model.values import as_content

NAMES = {"namespace": "n", "resource_id": "a", "session": "s"}
IGNORED = {ev.MigrationRefused, ev.SnapshotRestored}


def versioned(key, version, value, namespace="n", cls=ev.ResourceVersioned):
    """The event of a new version."""
    content = as_content(value)
    more = {} if cls is ev.ResourceVersioned else {"version_from": "0", "handler": "h"}
    return cls(
        namespace=namespace,
        resource_id=key,
        session="s",
        version=version,
        content=content.digest,
        data=content.data,
        **more,
    )


def test_every_event_is_folded_or_known_to_change_nothing():
    """A new type is registered in the table of folds, or listed here."""
    assert set(_FOLDS) | IGNORED == set(ev.EVENTS)
    assert not set(_FOLDS) & IGNORED
    assert not set(ev.EVENTS) & set(GENERATION_EVENTS)


KEYS = st.sampled_from(["a", "b", "c"])
SPACES = st.sampled_from(["n", "m"])
SESSIONS = st.sampled_from(["s", "t"])
EVENTS = st.one_of(
    st.builds(
        lambda key, space, session, value, depends: make_created(
            key, value, namespace=space, session=session, depends_on=[one for one in depends if one != key]
        ),
        KEYS, SPACES, SESSIONS, st.integers(0, 3), st.lists(KEYS, max_size=2, unique=True),
    ),
    st.builds(lambda key, space, value: versioned(key, f"1.0.{value}", value, space), KEYS, SPACES, st.integers(0, 3)),
    st.builds(
        lambda key, space: ev.ResourceRetired(namespace=space, resource_id=key, session="s", reason="cleaned"), KEYS, SPACES
    ),
    st.builds(
        lambda key, space, at: ev.ResourceRestored(namespace=space, resource_id=key, session="t", version="1", written=at),
        KEYS, SPACES, st.integers(0, 12).map(lambda number: number * 10),
    ),
)  # fmt: skip


def assert_tables_agree(state):
    """Every table that is kept for speed is what a look at all resources gives."""
    live = {
        (space.name, key): resource
        for space in state.namespaces.values()
        for key, resource in space.resources.items()
        if resource.current is not None
    }
    assert {(space.name, key): one for space in state.namespaces.values() for key, one in space.live.items()} == live
    assert state.live_count == len(live)
    assert {(name, key): one for key, homes in state.live_ids.items() for name, one in homes.items()} == live
    assert {key: one for owner in state.owners.values() for key, one in owner.resources.items()} == live
    assert all(owner.session == one.session for owner in state.owners.values() for one in owner.resources.values())
    for space in state.namespaces.values():
        mine = {key: resource for (name, key), resource in live.items() if name == space.name}
        expected = {other: {key for key, one in mine.items() if other in one.life.depends_on} for other in "abc"}
        assert {key: found for key, found in space.dependants.items() if found} == {
            key: found for key, found in expected.items() if found
        }
        assert checksum_text(space.checksum) == checksum_of((key, one.current) for key, one in mine.items())


@given(st.lists(EVENTS, max_size=12))
def test_the_tables_agree_after_any_events(events):
    """Also those that a writer without our rules would write; and the past is what was folded until then."""
    states = [fold_events(*events[:count]) for count in range(len(events) + 1)]
    whole = states[-1]
    for state in states:
        assert_tables_agree(state)
    for count, then in enumerate(states):
        for name, space in whole.namespaces.items():
            before = {(one.resource_id, record.content) for one, record in space.at(count * 10)}
            assert before == {(key, one.current.content) for key, one in then.namespace(name).live.items()}


def test_a_reused_id_begins_a_new_life():
    """With other versions, cleanups and attributes; the old ones are only in the past."""
    registered = ev.CleanupRegistered(**NAMES, cleanup_id="1", target="m:f")
    first = [make_created("a", metadata={"x": 1}), registered, versioned("a", "2.0", 2)]
    retired = ev.ResourceRetired(**NAMES, reason="waived")
    state = fold_events(*first, retired, make_created("a", 3, data_type="other", expires_us=7))
    resource = state.resource("n", "a")
    assert list(resource.versions) == ["1"]
    assert (resource.cleanups, resource.life.data_type, resource.life.metadata, resource.expires_us) == (
        [],
        "other",
        {},
        7,
    )
    assert [record and record.version for record in (resource.at(position) for position in (0, 1, 21, 31, 41))] == [
        *(None, "1.0.0", "2.0", None, "1.0.0"),
    ]


def test_a_restored_version_is_that_of_its_own_history():
    """By the position that wrote it, as an id may have had one version twice; an unknown position changes nothing."""
    life = [make_created("a", 1), ev.ResourceRetired(**NAMES, reason="cleaned"), make_created("a", 2)]
    restore = lambda written: ev.ResourceRestored(**NAMES, version="1.0.0", written=written)
    assert fold_events(*life, restore(0)).resource("n", "a").current.value() == 1
    assert fold_events(*life, restore(99)).resource("n", "a").current.value() == 2
    revived = fold_events(*life[:2], ev.ResourceRestored(**NAMES | {"session": "t"}, version="1.0.0", written=0))
    resource = revived.resource("n", "a")
    assert (resource.session, resource.cleanups, resource.expires_us) == ("t", [], 0)


def test_a_copy_is_found_by_the_id_of_its_original():
    """Until the copy is gone; an own id comes first."""
    copied = make_created("a~1", 5, copied_from="a")
    assert fold_events(copied).resource("n", "a").resource_id == "a~1"
    assert fold_events(copied, make_created("a", 6)).resource("n", "a").resource_id == "a"
    gone = ev.ResourceRetired(**NAMES | {"resource_id": "a~1"}, reason="cleaned")
    assert fold_events(copied, gone).resource("n", "a") is None
    assert fold_events().resource("nowhere", "a") is None


CLEANUP = {**NAMES, "cleanup_id": "1"}
STEPS = {
    "start": ev.CleanupStarted(**CLEANUP, attempt=1),
    "fail": ev.CleanupFailed(**CLEANUP, attempt=1, error="E", next_due_us=50),
    "succeed": ev.CleanupSucceeded(**CLEANUP),
    "abandon": ev.CleanupAbandoned(**CLEANUP),
    "waive": ev.CleanupWaived(**NAMES),
}
STATUS_AFTER = {"start": None, "fail": "failed", "succeed": "succeeded", "abandon": "abandoned", "waive": None}


@pytest.mark.parametrize("steps", list(itertools.product(STEPS, repeat=2)), ids="-".join)
def test_the_status_of_a_cleanup_is_that_of_its_last_result(steps):
    """A start changes no status, and waiving only what is open; `failing` lists what failed and did not succeed."""
    state = fold_events(make_created("a"), ev.CleanupRegistered(**CLEANUP), *(STEPS[step] for step in steps))
    (cleanup,) = state.resource("n", "a").cleanups
    expected = "pending"
    for step in steps:
        is_open = expected in ("pending", "failed", "abandoned")
        expected = "waived" if step == "waive" and is_open else STATUS_AFTER[step] or expected
    assert cleanup.status == expected
    assert cleanup.is_open == (expected in ("pending", "failed", "abandoned"))
    last = [step for step in steps if step in ("fail", "succeed")][-1:]
    assert bool(state.failing) == (last == ["fail"])
    assert state.retry_counts == ({"a": steps.count("fail")} if "fail" in steps else {})
    assert cleanup.running == (
        "s" if steps[-1] == "start" or (steps[0] == "start" and steps[1] in ("abandon", "waive")) else ""
    )


def test_cleanups_run_in_the_reverse_order_of_their_registration():
    """Those that are open."""
    registered = [ev.CleanupRegistered(**NAMES, cleanup_id=name) for name in "123"]
    state = fold_events(make_created("a"), *registered, ev.CleanupSucceeded(**NAMES, cleanup_id="2"))
    assert [one.cleanup_id for one in state.resource("n", "a").open_cleanups()] == ["3", "1"]


LOCK = {"namespace": "n", "key": "k"}


def granted(session="s", **more):
    """The event of a granted lock."""
    return ev.LockGranted(**LOCK, lock_id="l", session=session, mode="shared", ttl_us=100, **more)


def test_a_token_is_the_position_of_its_grant_and_rises():
    """The highest is known after all holders are gone; a renewal moves the lease and not the token."""
    state = fold_events(granted(), granted("t"), ev.LockRenewed(**LOCK, token=0))
    lock = state.lock("n", "k")
    assert (list(lock.holds), lock.highest_token) == ([0, 10], 10)
    assert (lock.holds[0].renewed, lock.holds[0].granted_at_us) == (20, 0)
    fold_events(
        ev.LockReleased(**LOCK, token=0, session="s"), ev.LockExpired(**LOCK, token=10, session="s", reason="dead"),
        ev.LockReleased(**LOCK, token=99, session="s"), state=state, start=30,
    )  # fmt: skip
    assert (lock.holds, lock.highest_token) == ({}, 10)
    assert all(not owner.tokens for owner in state.owners.values())


def test_an_owner_holds_something_as_long_as_it_has_data_a_lock_or_a_context():
    """Each of the three alone is a reason to renew its lease."""
    opened = ev.NamespaceOpened(namespace="m", session="s", context=True)
    for begin, end in (
        (make_created("a"), ev.ResourceRetired(**NAMES, reason="cleaned")),
        (granted(), ev.LockReleased(**LOCK, token=0, session="s")),
        (opened, ev.NamespaceClosed(namespace="m", session="s")),
    ):
        assert fold_events(begin).owners["s"].holds_anything
        assert not fold_events(begin, end).owners["s"].holds_anything


def test_an_open_conflict_is_known_by_its_refused_data_until_it_is_resolved():
    """So the same refused write is recorded once."""
    raw = as_content(1).data
    found = ev.ConflictDetected(
        conflict_id="c", kind="create", **LOCK, session="s", holder="t", version="1", content="d",
        current_value=raw, new_value=raw,
    )  # fmt: skip
    state = fold_events(found)
    assert (list(state.conflicts), state.conflict_of) == (["c"], {("n", "k", "create", "d"): "c"})
    state = fold_events(found, ev.ConflictResolved(conflict_id="c", session="s", outcome="keep"))
    assert (state.conflicts, state.conflict_of, state.conflicts_seen) == ({}, {}, 1)


def test_the_newest_snapshot_of_a_name_is_found():
    """Each keeps its own position."""
    taken = lambda number: ev.SnapshotTaken(
        snapshot_id=str(number), name="before", namespace="n", session="s", resources=0, checksum=""
    )
    state = fold_events(taken(1), taken(2))
    assert state.newest_snapshot == {"before": "2"}
    assert [snapshot.position for snapshot in state.snapshots.values()] == [0, 10]


def test_kept_data_is_promised_until_it_is_used_again():
    """Opening or closing the namespace ends the promise."""
    kept = ev.NamespaceKept(namespace="n", session="s", until_us=500, reason="failed")
    opened = ev.NamespaceOpened(namespace="n", session="t")
    closed = ev.NamespaceClosed(namespace="n", session="t")
    assert fold_events(opened, kept).namespace("n").kept_until_us == 500
    for then in (opened, closed):
        assert fold_events(opened, kept, then).namespace("n").kept_until_us == 0


def test_a_migration_is_a_version_of_its_own_origin():
    """As are those that were created and added."""
    state = fold_events(
        make_created("a"),
        versioned("a", "2", 2),
        versioned("a", "3", 3, cls=ev.ResourceMigrated),
        versioned("b", "1", 1, ""),
    )
    assert [one.origin for one in state.resource("n", "a").versions.values()] == ["created", "versioned", "migrated"]
    assert state.live_count == 1
    assert [one.resource_id for one in state.live()] == ["a"]
    assert state.resource("", "b").current.value() == 1
