"""T7: snapshots are positions, restores are new history; and the fold agrees with a slow one."""

import tempfile

import pytest
from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from pytest_insight.testdata import TestDataManager

NAMESPACES = ["a", "b"]


def content(manager, namespace):
    """What is live in a namespace: id to version, data and kind."""
    rows = manager.list_test_data(namespace)
    return {
        row["resource_id"]: (row["version"], manager.get_test_data(row["resource_id"], namespace), row["data_type"])
        for row in rows
    }


class RestoreMachine(RuleBasedStateMachine):
    """Random lives of two namespaces, beside dicts that are copied where the log only remembers a position."""

    snapshots = Bundle("snapshots")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.manager = TestDataManager(self.folder.name)
        self.model = {name: {} for name in NAMESPACES}
        self.past = []
        self.bytes = b""

    namespace = st.sampled_from(NAMESPACES)
    key = st.sampled_from("xyz")
    value = st.integers(0, 3)

    @rule(namespace=namespace, key=key, value=value, kind=st.sampled_from(["user", "row"]))
    def create_or_update(self, namespace, key, value, kind):
        """An id that is free gets data; one that is not, a new version."""
        there = self.model[namespace].get(key)
        if there is None:
            self.manager.create_test_data(kind, value, namespace, resource_id=key, metadata={"kind": kind})
            self.model[namespace][key] = ("1.0.0", value, kind)
        else:
            version = self.manager.update_test_data(key, value, namespace)
            self.model[namespace][key] = (version, value, there[2])

    @rule(namespace=namespace, key=key, value=value)
    def again_as_something_else(self, namespace, key, value):
        """An id is cleaned and used anew, for another kind of data."""
        there = self.model[namespace].get(key)
        kind = "row" if there is None or there[2] == "user" else "user"
        self.manager.cleanup_test_data(key, namespace)
        self.manager.create_test_data(kind, value, namespace, resource_id=key)
        self.model[namespace][key] = ("1.0.0", value, kind)

    @rule(namespace=namespace, key=key)
    def clean(self, namespace, key):
        """One or nothing."""
        there = key in self.model[namespace]
        assert self.manager.cleanup_test_data(key, namespace) == ({key: True} if there else {})
        self.model[namespace].pop(key, None)

    @rule(target=snapshots, namespace=namespace)
    def snapshot(self, namespace):
        """Costs one line, whatever is in it."""
        size = self.manager.store.path.stat().st_size if self.manager.store.path.exists() else 0
        made = self.manager.create_snapshot("same name", namespace)
        assert size == 0 or self.manager.store.path.stat().st_size - size < 600
        assert self.manager.find_snapshot("same name") == made
        return made, namespace, dict(self.model[namespace])

    @rule(snapshot=snapshots)
    def restore_in_place(self, snapshot):
        """Exactly what it was: versions, data and kinds, without what came later."""
        made, namespace, then = snapshot
        assert self.manager.restore_snapshot(made) is True
        self.model[namespace] = dict(then)

    @rule(snapshot=snapshots, number=st.integers(0, 2))
    def restore_elsewhere(self, snapshot, number):
        """Copies with ids of their own, found by the old ids, too; the source stays as it is."""
        made, _, then = snapshot
        target = f"copy-{number}"
        before = set(content(self.manager, target))
        assert self.manager.restore_snapshot(made, target) is True
        after = content(self.manager, target)
        assert sorted(value for key, value in after.items() if key not in before) == sorted(then.values())
        assert {key: self.manager.get_test_data(key, target) for key in then} == {key: v[1] for key, v in then.items()}

    @rule()
    def look_back(self):
        """Remember what every id is now, to ask for it later by position."""
        self.past.append((self.manager.store.position, {name: dict(items) for name, items in self.model.items()}))

    @invariant()
    def the_present_is_right(self):
        """Ids, versions, data and kinds."""
        for name in NAMESPACES:
            assert content(self.manager, name) == self.model[name]

    @invariant()
    def the_past_is_untouched(self):
        """Every earlier moment reads as it was, and no byte of the log has changed."""
        for position, then in self.past:
            for name, items in then.items():
                for key, (_, data, _) in items.items():
                    assert self.manager.get_test_data(key, name, at=position) == data
        now = self.manager.store.path.read_bytes() if self.manager.store.path.exists() else b""
        assert now.startswith(self.bytes)
        self.bytes = now

    def teardown(self):
        """Another reader of the same log comes to the same state, also when it reads it in one go."""
        fresh = TestDataManager(self.folder.name)
        assert {name: content(fresh, name) for name in NAMESPACES} == self.model
        old = fresh.store.as_of(fresh.store.current().last_position + 1)
        assert {name: set(old.namespace(name).live) for name in NAMESPACES} == {
            n: set(m) for n, m in self.model.items()
        }
        assert old.namespace("a").checksum == self.manager.store.current().namespace("a").checksum
        for manager in (fresh, self.manager):
            manager.store.close()
        self.folder.cleanup()


RestoreMachine.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=40, deadline=None)
TestRestoreMachine = RestoreMachine.TestCase


def test_a_snapshot_of_what_is_damaged_is_not_restored(manager):
    """The sum does not agree any more: False, and nothing changes."""
    keys = [manager.create_test_data("x", number, "n") for number in range(3)]
    position = manager.describe(keys[1])["position"]
    snapshot = manager.create_snapshot("s", "n")
    manager.store.close()
    data = bytearray(manager.store.path.read_bytes())
    data[position + 60] ^= 1
    manager.store.path.write_bytes(data)
    again = TestDataManager(manager.store.base_path)
    before = again.list_test_data()
    assert again.restore_snapshot(snapshot) is False
    assert again.restore_snapshot(snapshot, "elsewhere") is False
    assert again.restore_snapshot("no such") is False
    assert again.list_test_data() == before
    assert len(before) == 2
    again.store.close()


def test_the_state_when_a_test_failed_comes_back_after_cleanup(manager):
    """Into another namespace, with what depends on what; hooks are told, to bring the outside into line."""
    account = manager.create_test_data("account", {"n": 1}, "n", metadata={"db": "main"})
    row = manager.create_test_data("row", {"n": 2}, "n", depends_on=[account])
    snapshot = manager.create_snapshot("failed:test_x", "n", {"why": "assert 0"})
    manager.cleanup_test_data(namespace="n")
    told = []
    manager.on_restore(told.append)
    assert manager.restore_snapshot(manager.find_snapshot("failed:test_x"), "look") is True
    [restored] = told
    assert (restored.source, restored.target, set(restored.revived)) == ("n", "look", {account, row})
    copy = manager.describe(restored.revived[row])
    assert copy["depends_on"] == [restored.revived[account]]
    assert manager.describe(restored.revived[account])["metadata"] == {"db": "main"}
    assert manager.cleanup_test_data(namespace="look") == dict.fromkeys(restored.revived.values(), True)
    assert manager.list_snapshots()[0]["snapshot_id"] == snapshot


def test_restoring_in_place_cleans_what_came_later(manager):
    """Data that is retired by a restore has its cleanups run; if they fail, nothing is restored."""
    manager.cleanup_registry.max_retries = 1
    done, broken = [], [True]

    def clean():
        done.append(1)
        if broken[0]:
            raise OSError("disk")

    first = manager.create_test_data("x", 1, "n")
    snapshot = manager.create_snapshot("s", "n")
    manager.update_test_data(first, 2, "n")
    manager.create_test_data("x", 3, "n", cleanup_callback=clean)
    assert manager.restore_snapshot(snapshot) is False
    assert manager.get_test_data(first, "n") == 2
    broken[0] = False
    assert manager.restore_snapshot(snapshot) is True
    assert content(manager, "n") == {first: ("1.0.0", 1, "x")}
    assert done == [1, 1]


def test_what_a_restore_revives_has_no_duties(manager):
    """Its cleanup has been run once, and what it stood for is gone; the record alone is there again."""
    done = []
    key = manager.create_test_data("x", 1, "n", cleanup_callback=lambda: done.append(1))
    snapshot = manager.create_snapshot("s", "n")
    manager.cleanup_test_data(key)
    assert manager.restore_snapshot(snapshot) is True
    assert manager.get_test_data(key, "n") == 1
    assert manager.cleanup_test_data(key) == {key: True}
    assert done == [1]


@pytest.mark.parametrize("count", [0, 1, 700])
def test_a_restore_of_any_size_is_one_batch(manager, count):
    """All of it counts, or nothing: the lines carry one batch id."""
    import json

    for number in range(count):
        manager.create_test_data("x", number, "n")
    snapshot = manager.create_snapshot("s", "n")
    size = manager.store.path.stat().st_size
    assert manager.restore_snapshot(snapshot, "copy") is True
    lines = [json.loads(line) for line in manager.store.path.read_bytes()[size:].splitlines()]
    assert len({line["batch"] for line in lines}) == 1
    assert len(manager.list_test_data("copy")) == count
