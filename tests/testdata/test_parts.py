"""Parts of the manager, each by itself: health, status, history, conflicts, versions, snapshots, one namespace."""

from types import SimpleNamespace

import msgspec
import pytest
from builders import fold_events, make_created
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.testdata import errors
from pytest_insight.testdata.errors import DataConflictError, TestDataNotFound, VersionNotFound
from pytest_insight.testdata.health import Check, check_health, status_report
from pytest_insight.testdata.history import history_of
from pytest_insight.testdata.locking.conflicts import _resolved_value, _short
from pytest_insight.testdata.model import events as ev
from pytest_insight.testdata.model.values import as_content, check_name
from pytest_insight.testdata.namespace_data import NamespaceData
from pytest_insight.testdata.resources import resource_data
from pytest_insight.testdata.snapshots import cleanups_in_the_way, find_snapshot, snapshot_data
from pytest_insight.testdata.version_manager import VersionManager, find_anywhere, version_of

NAMES = {"namespace": "n", "resource_id": "a", "session": "s"}
LOCK = ev.LockGranted(namespace="n", key="k", lock_id="l", session="gone", mode="exclusive", ttl_us=1)


class Store:
    """A store whose state is given, and in which the session `gone` has ended."""

    def __init__(self, *events, error=None, findings=()):
        self.state = fold_events(*events)
        self.session, self.path, self.position, self.findings = "me", "events.jsonl", 7, list(findings)
        self.error = error

    def elapsed_s(self):
        """No time passes."""
        return 0.0

    def look(self):
        """Return the state for a block."""
        return _Look(self.state)

    def transact(self):
        """Return a transaction for a block, which folds at once."""
        if self.error:
            raise self.error
        append = lambda stream, *events: fold_events(*events, state=self.state, start=1000)
        return _Look(SimpleNamespace(append=append, state=self.state))

    def hold_is_gone(self, state, hold, elapsed_s):
        """Return whether the holder has ended."""
        return "dead" * (hold.session == "gone")

    def owner_is_gone(self, owner, elapsed_s):
        """Return whether the owner has ended."""
        return "dead" * (owner.session == "gone")


class _Look:
    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        return None


RAW = as_content(1).data
CONFLICT = ev.ConflictDetected(
    conflict_id="c", kind="create", namespace="n", key="a", session="s", holder="t", version="1.0.0",
    content=as_content(1).digest, current_value=RAW, new_value=RAW,
)  # fmt: skip
FAILED = ev.CleanupFailed(**NAMES, cleanup_id="1", attempt=1, error="E", next_due_us=0)
FAILING = {
    "cleanup_registry": [make_created("a"), ev.CleanupRegistered(**NAMES, cleanup_id="1"), FAILED],
    "isolation_manager": [CONFLICT],
    "locks": [LOCK],
    "reaper": [make_created("a", session="gone")],
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("has_versions", [True, False])
def test_each_check_fails_for_its_own_reason_alone(name, has_versions):
    """The failing ones are recorded; versions are checked only where there are any."""
    store = Store(*FAILING[name])
    checks = check_health(store, has_versions=has_versions)
    assert [each for each, check in checks.items() if not check.ok] == [name]
    assert ("version_manager" in checks) is has_versions
    assert store.state.health_checked.failing == [name]
    assert all(check.detail for check in checks.values())


def test_a_store_without_problems_is_healthy():
    """Every check, with a detail."""
    checks = check_health(Store(make_created("a")), has_versions=True)
    assert all(check.ok for check in checks.values())
    assert checks["event_store"].detail == "events.jsonl, 7 bytes"


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"error": LogUnavailableError("x", "is a folder", "name a file")}, "x: is a folder; name a file"),
        ({"error": OSError(28, "No space left")}, "No space left"),
        ({"findings": ["torn"]}, "1 damaged places in the log: torn"),
    ],
)
def test_a_log_that_cannot_be_used_fails_every_check(more, detail):
    """With its own reason at the store; nothing is raised."""
    checks = check_health(Store(**more), has_versions=True)
    assert detail in checks.pop("event_store").detail
    assert set(checks.values()) == {Check(ok=False, detail="the log cannot be used")}
    assert len(checks) == 7


def test_the_status_has_numbers_of_everything_and_is_json():
    """Namespaces in use only; the last health check with what failed then."""
    opened = ev.NamespaceOpened(namespace="open", session="s", context=True)
    store = Store(make_created("a"), opened, ev.NamespaceOpened(namespace="empty", session="s"), CONFLICT)
    before = status_report(store, {"pending": 3}, [], has_versions=False)
    assert before["health_checks"] == {"last_run": None, "failing": []}
    check_health(store, has_versions=False)
    report = status_report(store, {"pending": 3}, [{"key": "k"}], has_versions=False)
    assert report["isolation_manager"] == {"namespaces": ["n", "open"], "conflicts": 1}
    assert (report["pending_cleanups"], report["snapshots"], report["version_manager"]) == (3, 0, {"enabled": False})
    assert report["health_checks"]["failing"] == ["isolation_manager"]
    assert msgspec.json.decode(msgspec.json.encode(report)) == report


def test_the_history_names_events_by_what_they_are_about(manager):
    """Oldest first, with the process that wrote each; filtered by id, lock, snapshot or namespace."""
    key = manager.create_test_data("row", 1, "n", resource_id="a")
    manager.create_test_data("row", 2, "m", resource_id="b")
    manager.isolation_manager.lock_resource("n", "k", "l")
    snapshot = manager.create_snapshot("before", "n")
    rows = history_of(manager.store.path)
    assert [row["type"] for row in rows if row["resource_id"] == key] == ["resource.created"]
    assert {row["namespace"] for row in history_of(manager.store.path, namespace="m")} == {"m"}
    (locked,) = history_of(manager.store.path, about="k")
    assert (locked["type"], locked["key"], "lock_id=l" in locked["detail"]) == ("lock.granted", "k", True)
    assert [row["type"] for row in history_of(manager.store.path, about=snapshot)] == ["snapshot.taken"]
    assert all(row["who"] for row in rows if row["session"])
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
    assert history_of(manager.store.path, "nothing") == []


def test_a_large_value_of_a_conflict_is_known_by_its_size():
    """At the limit it is kept; data that only looks like a left-out value is what it is."""
    at_limit = as_content("x" * (60_000 - 2)).data
    assert _short(at_limit) is at_limit
    assert msgspec.json.decode(_short(as_content("x" * (60_000 - 1)).data)) == {"omitted_bytes": 60_001}


def conflict_about(new_value, refused, *more):
    """The state with a conflict whose refused data is recorded as another value."""
    found = msgspec.structs.replace(CONFLICT, new_value=as_content(new_value).data, content=as_content(refused).digest)
    return fold_events(make_created("a", 5), found, *more)


def test_a_conflict_is_resolved_with_the_refused_data_or_a_function_of_both():
    """Copies of both; the caller decides."""
    assert _resolved_value(conflict_about(7, 7), "c", "take") == 7
    assert _resolved_value(conflict_about(7, 7), "c", lambda current, new: [current, new]) == [5, 7]
    size = {"omitted_bytes": 9}
    assert _resolved_value(conflict_about(size, size), "c", "take") == size


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (conflict_about({"omitted_bytes": 9}, "large"), ValueError, "too large to be recorded; write it again"),
        (conflict_about(7, 7, ev.ResourceRetired(**NAMES, reason="cleaned")), TestDataNotFound, "is gone"),
        (fold_events(), TestDataNotFound, "not open"),
    ],
)
def test_a_conflict_that_cannot_be_resolved_says_why(state, error, message):
    """The data is gone, was never recorded, or the conflict is resolved already."""
    with pytest.raises(error, match=message):
        _resolved_value(state, "c", "take")


HOMES = [  # namespace and session of each resource with the id, session that asks: namespace found
    ([], "s", None),
    ([("n", "t")], "s", "n"),
    ([("n", "t"), ("m", "s")], "s", "m"),
    ([("n", "s"), ("m", "s")], "s", ValueError),
    ([("n", "t"), ("m", "u")], "s", ValueError),
]


@pytest.mark.parametrize(("homes", "session", "found"), HOMES)
def test_an_id_in_several_namespaces_is_that_of_its_only_owner(homes, session, found):
    """Two that could be meant must be told apart by the caller; ids with versions alone are in no namespace."""
    only_versions = make_created("a", namespace="")
    state = fold_events(only_versions, *(make_created("a", namespace=space, session=owner) for space, owner in homes))
    if found is ValueError:
        with pytest.raises(ValueError, match=r"in several namespaces \(m, n\); name one"):
            find_anywhere(state, "a", session)
    else:
        resource = find_anywhere(state, "a", session)
        assert (resource.namespace if resource else None) == found


def test_a_version_is_found_under_any_spelling():
    """The current one without a name; a missing one lists those that are there."""
    resource = fold_events(make_created("a", 5, version="1.0")).resource("n", "a")
    assert [version_of(resource, version).value() for version in (None, "1", "1.0.0", "v1.0")] == [5] * 4
    with pytest.raises(VersionNotFound, match=r"'a' has no version 2; it has 1\.0"):
        version_of(resource, "2")
    state = fold_events(make_created("a", 5), ev.ResourceRetired(**NAMES, reason="cleaned"))
    with pytest.raises(VersionNotFound, match="is retired"):
        version_of(state.namespaces["n"].resources["a"], None)


def test_only_a_handler_of_migrations_is_registered():
    """A class or a function would fail only when it is needed."""
    with pytest.raises(TypeError, match="register an instance of a subclass"):
        VersionManager(Store()).register_migration_handler(object)


def test_snapshots_are_data_and_know_what_a_restore_would_clean():
    """Only data that came later and has something to clean is in the way, and only of a restore in place."""
    taken = ev.SnapshotTaken(snapshot_id="x", name="before", namespace="n", session="s", resources=1, checksum="c")
    later = [make_created("b"), make_created("c"), ev.CleanupRegistered(**NAMES | {"resource_id": "b"}, cleanup_id="1")]
    state = fold_events(make_created("a"), ev.CleanupRegistered(**NAMES, cleanup_id="0"), taken, *later)
    assert (find_snapshot(state, "before"), find_snapshot(state, "other")) == ("x", None)
    for target in (None, "n"):
        assert cleanups_in_the_way(state, "x", target) == [("n", "b")]
    assert cleanups_in_the_way(state, "x", "elsewhere") == cleanups_in_the_way(state, "unknown", None) == []
    data = snapshot_data(state.snapshots["x"])
    assert (data["name"], data["position"], data["taken_at"]) == ("before", 20, "1970-01-01T00:00:00.000020Z")
    assert "at_us" not in data


def test_the_details_of_test_data_have_no_content():
    """A list of thousands stays small; the cleanups are named with their state."""
    events = [
        make_created("a", {"secret": 1}, depends_on=["b"], metadata={"m": 1}),
        ev.CleanupRegistered(**NAMES, cleanup_id="1", target="m:f"),
        FAILED,
    ]
    data = resource_data(fold_events(*events).resource("n", "a"))
    assert (data["version"], data["depends_on"], data["metadata"]) == ("1.0.0", ["b"], {"m": 1})
    assert data["cleanups"] == [{"target": "m:f", "status": "failed", "attempts": 1, "error": "E"}]
    assert "secret" not in str(data)


CALLS = {
    "create": (("row", 1), {"version": "2"}, ("create_test_data", ("row", 1, "n"), {"version": "2"})),
    "get": (("a", "1"), {}, ("get_test_data", ("a", "n", "1"), {})),
    "update": (("a", 2), {"version": "2"}, ("update_test_data", ("a", 2, "n"), {"version": "2"})),
    "cleanup": ((), {}, ("cleanup_test_data", (None, "n"), {})),
    "intent": (("m:f", "row"), {"data": 1}, ("intent", ("m:f", "row", "n"), {"data": 1})),
    "lock": (("k",), {"wait": 1}, ("acquire", ("n", "k"), {"wait": 1})),
    "snapshot": (("before",), {}, ("create_snapshot", ("before", "n", None), {})),
    "restore": (("x",), {}, ("restore_snapshot", ("x", "n"), {})),
}


@pytest.mark.parametrize("name", CALLS)
def test_everything_of_a_namespace_is_asked_of_its_manager_with_its_name(name):
    """In the right place among the arguments."""
    args, options, expected = CALLS[name]
    called = []

    class Manager:
        def __getattr__(self, method):
            if method in ("cleanup_registry", "isolation_manager"):
                return self
            return lambda *args, **options: called.append((method, args, options)) or "result"

    assert getattr(NamespaceData(Manager(), "n"), name)(*args, **options) == "result"
    assert called == [expected]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a", None),
        ("x" * 1000, None),
        ("é" * 500, None),
        ("", ValueError),
        ("x" * 1001, ValueError),
        ("é" * 501, ValueError),
        ("\ud800", ValueError),
        (7, TypeError),
    ],
)
def test_a_name_has_1_to_1000_bytes(name, error):
    """Bytes of UTF-8, as they are written; anything else is refused by the name of the argument."""
    if error is None:
        assert check_name(name, "namespace") == name
    else:
        with pytest.raises(error, match="namespace"):
            check_name(name, "namespace")


def test_errors_are_also_what_a_caller_of_python_expects():
    """As the table at the head of the module has them."""
    bases = {
        "TestDataNotFound": (LookupError, ValueError), "VersionNotFound": (TestDataNotFound,),
        "DataConflictError": (RuntimeError,), "StaleTokenError": (RuntimeError,), "LockTimeoutError": (TimeoutError,),
        "MigrationFailed": (RuntimeError,), "NoMigrationPath": (ValueError,), "CleanupTargetError": (ValueError,),
        "CleanupCallbackError": (TypeError,), "DataTooLargeError": (errors.EventTooLargeError,), "TestDataError": (Exception,),
    }  # fmt: skip
    assert set(bases) == set(errors.__all__)
    for name, expected in bases.items():
        assert issubclass(getattr(errors, name), (errors.TestDataError,))
        assert all(issubclass(getattr(errors, name), base) for base in expected)
    assert DataConflictError("text", "c1").conflict_id == "c1"
