"""Creating, reading, updating, cleaning, conflicts, contexts, health: the documented behaviour of the manager."""

import asyncio
import json
import os
import sqlite3
import sys
import threading
from contextlib import nullcontext

import pytest
from pytest_insight.eventlog.errors import EventTooLargeError
from pytest_insight.testdata import (
    CleanupError,
    CleanupTargetError,
    DataConflictError,
    DataMigrationHandler,
    MigrationFailed,
    NoMigrationPath,
    TestDataManager,
    TestDataNotFound,
    VersionNotFound,
    get_test_data_manager,
)


def test_data_is_a_copy_both_ways(manager):
    """Who changes what was put in or given out changes nothing else."""
    data = {"tags": ["a"]}
    key = manager.create_test_data("user", data, "n")
    data["tags"].append("b")
    manager.get_test_data(key, "n")["tags"].append("c")
    assert manager.get_test_data(key, "n") == {"tags": ["a"]}
    assert key.startswith("user_")
    assert len(key) == len("user_") + 8


def test_two_managers_see_the_same(manager, other):
    """What one wrote the other reads, and knows whose it is."""
    key = manager.create_test_data("user", {"a": 1}, "n")
    assert other.get_test_data(key, "n") == {"a": 1}
    other.update_test_data(key, {"a": 2}, "n")
    assert manager.get_test_data(key, "n") == {"a": 2}
    assert other.cleanup_test_data() == {}
    assert manager.cleanup_test_data() == {key: True}


def test_what_is_cleaned_or_elsewhere_is_not_there(manager):
    """Retired, unknown and wrong namespace are one answer; a position reads history."""
    key = manager.create_test_data("user", 1, "n")
    position = manager.store.position
    for wrong in (lambda: manager.get_test_data("nobody", "n"), lambda: manager.get_test_data(key)):
        with pytest.raises(TestDataNotFound):
            wrong()
    manager.cleanup_test_data(key)
    with pytest.raises(LookupError):
        manager.get_test_data(key, "n")
    with pytest.raises(ValueError, match="no test data"):
        manager.get_test_data(key, "n")
    assert manager.get_test_data(key, "n", at=position) == 1


def test_creating_again_is_idempotent_or_a_conflict(manager, other):
    """The same content gives the same id; other content is recorded, once, and refused."""
    assert manager.create_test_data("user", {"a": 1, "b": 2}, "n", resource_id="u") == "u"
    assert other.create_test_data("user", {"b": 2, "a": 1}, "n", resource_id="u") == "u"
    for _ in range(2):
        with pytest.raises(DataConflictError, match="with other data") as caught:
            other.create_test_data("user", {"a": 2}, "n", resource_id="u")
        assert isinstance(caught.value, RuntimeError)
    [conflict] = manager.isolation_manager.get_conflicts("n")
    assert conflict["conflict_id"] == caught.value.conflict_id
    assert (conflict["key"], conflict["current_value"], conflict["new_value"]) == ("u", {"a": 1, "b": 2}, {"a": 2})
    assert conflict["actors"] == [manager.store.session, other.store.session]
    assert manager.get_test_data("u", "n") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("how", "value", "version"), [("keep", 1, None), ("take", 2, "1.0.1"), (lambda a, b: a + b, 3, "1.0.1")]
)
def test_a_conflict_is_decided(manager, how, value, version):
    """Keep what is there, take what was refused, or merge both; then it is not open any more."""
    manager.create_test_data("x", 1, "n", resource_id="k")
    with pytest.raises(DataConflictError) as caught:
        manager.create_test_data("x", 2, "n", resource_id="k")
    resolve = manager.isolation_manager.resolve_conflict
    assert resolve(caught.value.conflict_id, how) == version
    assert manager.get_test_data("k", "n") == value
    assert manager.isolation_manager.get_conflicts() == []
    with pytest.raises(TestDataNotFound, match="not open"):
        resolve(caught.value.conflict_id, how)


def test_an_update_that_expects_another_version_is_refused(manager, other):
    """Compare and write: of two who read the same, the second is told."""
    key = manager.create_test_data("x", {"n": 0}, "n")
    assert manager.update_test_data(key, {"n": 1}, "n", expected_version="1.0.0") == "1.0.1"
    with pytest.raises(DataConflictError, match=r"is at version 1\.0\.1, not 1\.0\.0"):
        other.update_test_data(key, {"n": 2}, "n", expected_version="1.0.0")
    assert other.get_test_data(key, "n") == {"n": 1}
    assert other.get_test_data(key, "n", version="1.0") == {"n": 0}


def test_data_that_does_not_fit_is_refused(manager):
    """Nothing is cut to fit, and nothing of it is written."""
    with pytest.raises(EventTooLargeError):
        manager.create_test_data("x", "y" * 300_000, "n", resource_id="big")
    with pytest.raises(TestDataNotFound):
        manager.get_test_data("big", "n")


def test_a_large_conflict_is_recorded_without_its_values(manager):
    """Two large values do not fit into one event; the conflict does, and says that it cannot be taken."""
    manager.create_test_data("x", "y" * 200_000, "n", resource_id="big")
    with pytest.raises(DataConflictError) as caught:
        manager.create_test_data("x", "z" * 200_000, "n", resource_id="big")
    with pytest.raises(ValueError, match="too large to be recorded"):
        manager.isolation_manager.resolve_conflict(caught.value.conflict_id, "take")
    manager.isolation_manager.resolve_conflict(caught.value.conflict_id, "keep")


# ------------------------------------------------------------------ cleaning


def test_cleanup_runs_dependants_first_then_the_newest(manager):
    """The order of cleanup, with callbacks of one resource last in first out."""
    done = []
    add = lambda name, **more: manager.create_test_data(
        "x", name, "n", resource_id=name, cleanup_callback=lambda: done.append(name), **more
    )
    add("account")
    add("user", depends_on=["account"])
    add("other")
    add("order", depends_on=["user", "other"])
    manager.cleanup_registry.add_cleanup_callback("user", lambda: done.append("user-later"))
    assert manager.cleanup_test_data(namespace="n") == dict.fromkeys(["order", "other", "user", "account"], True)
    assert done == ["order", "other", "user-later", "user", "account"]
    assert manager.cleanup_test_data(namespace="n") == {}
    with pytest.raises(TestDataNotFound):
        add("orphan", depends_on=["account"])


def test_what_others_depend_on_is_not_cleaned_alone(manager):
    """A parent stays as long as a live child needs it, also when the child's cleanup fails."""
    manager.cleanup_registry.sleep = lambda _: None
    parent = manager.create_test_data("parent", 1, "n")
    broken = [True]

    def clean_child():
        if broken[0]:
            raise OSError

    child = manager.create_test_data("child", 1, "n", depends_on=[parent], cleanup_callback=clean_child)
    assert manager.cleanup_test_data(parent) == {parent: False}
    assert manager.cleanup_test_data(namespace="n") == {child: False, parent: False}
    broken[0] = False
    assert manager.cleanup_test_data(namespace="n") == {child: True, parent: True}


def test_only_failed_callbacks_are_repeated_with_growing_pauses(manager):
    """Three attempts for the one that fails, one for the others; the report says so, and is empty after success."""
    calls, pauses = [], []
    manager.cleanup_registry.sleep = pauses.append
    key = manager.create_test_data("x", 1, "n", cleanup_callback=lambda: calls.append("good"))

    def bad():
        calls.append("bad")
        if calls.count("bad") < 5:
            raise ValueError("not yet")

    manager.cleanup_registry.add_cleanup_callback(key, bad)
    assert manager.cleanup_test_data(key) == {key: False}
    assert calls == ["bad", "bad", "bad", "good"]
    assert len(pauses) == 2
    assert pauses[1] > pauses[0] / 3 * 2 > 0
    report = manager.cleanup_registry.get_cleanup_report()
    assert report["failed_cleanups"] == [key]
    assert report["retry_counts"] == {key: 3}
    assert report["cleanup_results"] == {key: False}
    assert "ValueError: not yet" in report["errors"][key]
    assert manager.run_health_checks()["cleanup_registry"] is False
    manager.cleanup_registry._max_retries = 1
    assert manager.cleanup_test_data(key) == {key: False}
    assert calls.count("bad") == 4
    assert manager.cleanup_test_data(key) == {key: True}
    assert calls.count("good") == 1
    report = manager.cleanup_registry.get_cleanup_report()
    assert (report["failed_cleanups"], report["total_resources"]) == ([], 0)
    assert manager.run_health_checks()["cleanup_registry"] is True


def test_a_callback_runs_in_the_thread_that_cleans(manager):
    """Connections that belong to their thread can be closed by a callback."""
    connection = sqlite3.connect(":memory:")
    key = manager.create_test_data("db", 1, cleanup_callback=connection.close)
    assert manager.cleanup_test_data(key) == {key: True}
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")


def test_a_coroutine_is_waited_for(manager):
    """An async callback is run, not dropped."""
    done = []

    async def clean():
        await asyncio.sleep(0)
        done.append(1)

    manager.create_test_data("x", 1, cleanup_callback=clean)
    assert list(manager.cleanup_test_data().values()) == [True]
    assert done == [1]


def test_pytest_fail_in_a_callback_is_a_failure_of_the_callback(manager):
    """What is no Exception, like pytest.fail or sys.exit, does not get away either; ctrl-c does, and is recorded."""
    manager.cleanup_registry.max_retries = 0
    key = manager.create_test_data("x", 1, cleanup_callback=lambda: pytest.fail("no"))
    assert manager.cleanup_test_data(key) == {key: False}
    leaving = manager.create_test_data("x", 3, cleanup_callback=lambda: sys.exit(3))
    assert manager.cleanup_test_data(leaving) == {leaving: False}
    durable = manager.create_test_data("x", 4, cleanup=("sys:exit", {}))
    assert manager.cleanup_test_data(durable) == {durable: False}
    assert "SystemExit" in manager.cleanup_registry.get_cleanup_report()["errors"][durable]

    def interrupt():
        raise KeyboardInterrupt

    other = manager.create_test_data("x", 2, cleanup_callback=interrupt)
    with pytest.raises(KeyboardInterrupt):
        manager.cleanup_test_data(other)
    assert other in manager.cleanup_registry.get_cleanup_report()["failed_cleanups"]


def test_a_durable_cleanup_that_hangs_is_timed_out(manager, helpers):
    """It counts as failed, and the others go on."""
    manager.cleanup_registry.timeout_s, manager.cleanup_registry.max_retries = 0.1, 1
    slow = manager.create_test_data("x", 1, cleanup=helpers.durable("slow", "slow", seconds=5))
    quick = manager.create_test_data("x", 2, cleanup=helpers.durable("quick"))
    assert manager.cleanup_test_data() == {quick: True, slow: False}
    assert "did not end within 0.1 s" in manager.cleanup_registry.get_cleanup_report()["errors"][slow]


def test_a_durable_cleanup_must_be_found_by_others(manager, helpers):
    """Lambdas, nested functions, scripts and misspelt names are refused when they are registered."""
    import cleanup_helpers

    for wrong in ("nonsense", "cleanup_helpers:none", "no_such_module:f", "__main__:f", (lambda: 0), helpers.durable):
        with pytest.raises(CleanupTargetError):
            manager.create_test_data("x", 1, cleanup=wrong)
    with pytest.raises(TypeError, match="cleanup arguments"):
        manager.create_test_data("x", 1, cleanup=("cleanup_helpers:note", {"path": helpers}))
    key = manager.create_test_data("x", 1, cleanup=(cleanup_helpers.note, helpers.durable("f")[1]))
    assert manager.cleanup_test_data(key) == {key: True}
    assert helpers.words() == ["f"]


def test_two_threads_do_not_run_one_callback_twice(manager):
    """The second finds that somebody is at it."""
    entered, leave, results = threading.Event(), threading.Event(), []

    def clean():
        entered.set()
        leave.wait(300)

    key = manager.create_test_data("x", 1, cleanup_callback=clean)
    thread = threading.Thread(target=lambda: results.append(manager.cleanup_test_data(key)))
    thread.start()
    entered.wait(300)
    assert manager.cleanup_test_data(key) == {key: False}
    leave.set()
    thread.join()
    assert results == [{key: True}]


def test_what_another_process_registered_only_it_can_call(manager, other):
    """A callback of a live process is not counted as a failure of ours."""
    done = []
    key = manager.create_test_data("x", 1, "n", cleanup_callback=lambda: done.append(1))
    assert other.cleanup_test_data(namespace="n") == {key: False}
    assert other.cleanup_registry.get_cleanup_report()["retry_counts"] == {}
    assert manager.cleanup_test_data(namespace="n") == {key: True}
    assert done == [1]


def test_what_another_has_locked_is_not_cleaned(manager, other):
    """The lock named like the resource protects it from the cleanup of others."""
    key = manager.create_test_data("x", 1, "n")
    assert other.isolation_manager.lock_resource("n", key, "me")
    assert manager.cleanup_registry.get_cleanup_report()["locked_resources"] == [key]
    assert manager.cleanup_test_data(key) == {key: False}
    assert other.isolation_manager.unlock_resource("n", key, "me")
    assert manager.cleanup_test_data(key) == {key: True}


def test_an_id_in_several_namespaces_must_be_named_with_one(manager):
    """Nobody guesses which one is meant."""
    for name in ("a", "b"):
        manager.create_test_data("x", name, name, resource_id="k")
    with pytest.raises(ValueError, match="several namespaces"):
        manager.cleanup_test_data("k")
    with pytest.raises(ValueError, match="several namespaces"):
        manager.version_manager.create_version("k", 1)
    assert manager.cleanup_test_data("k", "a") == {"k": True}
    assert manager.cleanup_test_data("k") == {"k": True}


def test_cleaned_by_hand(manager):
    """Waived data leaves the failed ones, and is gone."""
    manager.cleanup_registry.max_retries = 1
    key = manager.create_test_data("x", 1, cleanup_callback=lambda: 1 / 0)
    manager.cleanup_test_data(key)
    assert manager.cleanup_registry.unregister_resource(key) is True
    assert manager.cleanup_registry.unregister_resource(key) is False
    report = manager.cleanup_registry.get_cleanup_report()
    assert (report["failed_cleanups"], report["waived"], report["pending"]) == ([], [key], 0)
    with pytest.raises(KeyError):
        manager.cleanup_registry.add_cleanup_callback(key, print)


def test_an_intent_is_registered_before_its_block(manager, helpers):
    """The cleanup stands in the log while the resource is made; a block that raises is cleaned up after at once."""
    registry = manager.cleanup_registry
    with registry.intent(helpers.durable("row-1"), "row", "n") as intent:
        assert manager.store.current().resource("n", intent.resource_id).open_cleanups()
        intent.data = {"id": 1}
    assert manager.get_test_data(intent.resource_id, "n") == {"id": 1}
    assert helpers.words() == []
    with pytest.raises(ZeroDivisionError), registry.intent(helpers.durable("row-2"), "row", "n"):
        raise ZeroDivisionError
    assert helpers.words() == ["row-2"]
    assert manager.cleanup_test_data(namespace="n") == {intent.resource_id: True}


# ------------------------------------------------------------------ contexts


def test_a_context_is_named_as_asked_or_says_whose_it_is(manager, other):
    """Two at the same time never share a name, whatever their labels."""
    with manager.isolated_data_context("a--b") as one, other.isolated_data_context("a--b") as two:
        assert one == "a--b"
        assert two.startswith(f"a%2D%2Db--{other.store.session[:8]}-")
        with manager.isolated_data_context() as nameless, manager.isolated_data_context() as again:
            assert len({one, two, nameless, again}) == 4
    with other.isolated_data_context("a--b") as free_again:
        assert free_again == "a--b"


def test_two_sessions_with_the_same_worker_name_are_apart(spawn):
    """T5: both are gw0, both want the same namespace; neither sees or cleans the other's data."""
    code = """
        with manager.isolated_data_context("worker_gw0") as namespace:
            key = manager.create_test_data("user", args[0], namespace, resource_id="user")
            say(namespace)
            sys.stdin.readline()
            say(manager.get_test_data("user", namespace), len(manager.list_test_data(namespace)))
    """
    os.environ["PYTEST_XDIST_WORKER"] = "gw0"
    try:
        one = spawn(code, "one")
        first = one.stdout.readline()
        two = spawn(code, "two")
        second = two.stdout.readline()
    finally:
        del os.environ["PYTEST_XDIST_WORKER"]
    assert first != second
    assert "-gw0-" in second
    assert two.communicate("\n")[0] == "two 1\n"
    assert one.communicate("\n")[0] == "one 1\n"


def test_a_context_cleans_whatever_happens(manager):
    """On the way out, after an error and after ctrl-c."""
    done = []
    for error in (None, ValueError, KeyboardInterrupt):
        expected = pytest.raises(error) if error else nullcontext()
        with expected, manager.isolated_data_context("c") as namespace:
            manager.create_test_data("x", 1, namespace, cleanup_callback=lambda: done.append(1))
            if error:
                raise error
    assert done == [1, 1, 1]
    assert manager.list_test_data() == []


def test_a_cleanup_error_never_replaces_the_error_of_the_block(manager):
    """It is told in a note; without an error it is raised."""
    manager.cleanup_registry.max_retries = 1
    with pytest.raises(KeyError, match="the real one") as caught, manager.isolated_data_context() as namespace:
        manager.create_test_data("x", 1, namespace, cleanup_callback=lambda: 1 / 0)
        raise KeyError("the real one")
    assert "ZeroDivisionError" in caught.value.__notes__[0]
    with pytest.raises(CleanupError, match="ZeroDivisionError"), manager.isolated_data_context() as namespace:
        manager.create_test_data("x", 1, namespace, cleanup_callback=lambda: 1 / 0)


def test_contexts_nest_in_threads_and_tasks(manager):
    """Ten threads and ten tasks at the same time: each sees its own data only."""

    def work(name):
        with manager.isolated_data_context("same") as namespace:
            manager.create_test_data("x", name, namespace, resource_id="k")
            with manager.isolated_data_context("same") as inner:
                manager.create_test_data("x", "inner", inner, resource_id="k")
            return manager.get_test_data("k", namespace)

    async def task(name):
        with manager.isolated_data_context("same") as namespace:
            manager.create_test_data("x", name, namespace, resource_id="k")
            await asyncio.sleep(0.01)
            return manager.get_test_data("k", namespace)

    async def tasks():
        return await asyncio.gather(*map(task, range(10)))

    seen = []
    threads = [threading.Thread(target=lambda n=n: seen.append(work(n))) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(10))
    assert asyncio.run(tasks()) == list(range(10))


def test_a_namespace_is_created_once(manager, other):
    """Also for a worker, whose name is added."""
    create = manager.isolation_manager.create_namespace
    assert create("env", "gw1") == "env_gw1"
    assert create("env") == "env"
    with pytest.raises(ValueError, match="exists already"):
        other.isolation_manager.create_namespace("env")


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded")
def test_one_manager_for_a_folder_and_process(base):
    """Asked again it is the same one; a forked child has its own, with an identity of its own."""
    manager = get_test_data_manager(base)
    assert get_test_data_manager(str(base)) is manager
    mine = manager.store.session
    read, write = os.pipe()
    if not (child := os.fork()):
        own = get_test_data_manager(base)
        differs = own is not manager and own.store.session != mine
        key = own.create_test_data("x", "child", "n", resource_id="child")
        os.write(write, f"{differs} {key}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"True child"
    assert manager.get_test_data("child", "n") == "child"


# ------------------------------------------------------------------ versions


def test_versions_of_ids_that_nobody_created(manager):
    """They have a history, and nothing to clean."""
    versions = manager.version_manager
    assert versions.create_version("u", {"n": 1}) == "1.0.0"
    assert versions.create_version("u", {"n": 1}, "1.0") == "1.0"
    assert versions.create_version("u", {"n": 2}) == "1.0.1"
    with pytest.raises(DataConflictError):
        versions.create_version("u", {"n": 3}, "1.0.0")
    assert versions.get_version("u") == {"n": 2}
    assert versions.get_version("u", "1.0.0") == {"n": 1}
    assert [each["version"] for each in versions.get_version_history("u")] == ["1.0.0", "1.0.1"]
    assert versions.get_current_version("u") == "1.0.1"
    assert manager.cleanup_test_data() == {}
    for wrong in (("u", "7.0"), ("nobody", None)):
        with pytest.raises(VersionNotFound):
            versions.get_version(*wrong)


def test_versions_of_test_data_are_those_of_its_id(manager):
    """What update wrote, the version manager knows, and the other way round."""
    key = manager.create_test_data("user", {"n": 1}, "n")
    manager.version_manager.create_version(key, {"n": 2}, "2.0.0")
    assert manager.get_test_data(key, "n") == {"n": 2}
    assert manager.update_test_data(key, {"n": 3}, "n") == "2.0.1"
    assert manager.version_manager.get_current_version(key) == "2.0.1"
    without = TestDataManager(store=manager.store, enable_versioning=False)
    assert without.version_manager is None
    assert "version_manager" not in without.run_health_checks()


class Step(DataMigrationHandler):
    def __init__(self, start, target, change, declared=True):
        self.hop, self.change = (start, target), change
        self.edges = [self.hop] if declared else []

    def can_handle(self, from_version, to_version):
        return (from_version, to_version) == self.hop

    def migrate(self, data, from_version, to_version):
        return self.change(data)


def with_field(name):
    """A handler's change, made in place."""

    def change(data):
        data[name] = True
        return data

    return change


def test_a_migration_chain_is_recorded_whole(manager):
    """T8: each hop is a version; a handler that changes its argument in place does not change the old version."""
    versions = manager.version_manager
    versions.create_version("u", {"n": 1})
    for start, target in (("1.0.0", "2.0.0"), ("2.0.0", "3.0.0")):
        versions.register_migration_handler(Step(start, target, with_field(f"v{target[0]}")))
    assert versions.migrate_to_version("u", "3.0.0") == {"n": 1, "v2": True, "v3": True}
    assert versions.get_version("u", "2.0.0") == {"n": 1, "v2": True}
    assert versions.get_version("u", "1.0.0") == {"n": 1}
    origins = [each["origin"] for each in versions.get_version_history("u")]
    assert origins == ["versioned", "migrated", "migrated"]
    size = manager.store.path.stat().st_size
    assert versions.migrate_to_version("u", "2.0.0") == {"n": 1, "v2": True}
    assert manager.store.path.stat().st_size == size


def test_a_failing_hop_leaves_everything_as_it_was(manager):
    """T8: of a chain whose second hop fails, not even the first is kept; the failure is recorded."""
    versions = manager.version_manager
    versions.create_version("u", {"n": 1})
    versions.register_migration_handler(Step("1.0.0", "2.0.0", with_field("a")))
    versions.register_migration_handler(Step("2.0.0", "3.0.0", lambda data: data["missing"]))
    with pytest.raises(MigrationFailed, match=r"from 2\.0\.0 to 3\.0\.0 by Step failed: KeyError"):
        versions.migrate_to_version("u", "3.0.0")
    assert versions.get_current_version("u") == "1.0.0"
    assert [each["version"] for each in versions.get_version_history("u")] == ["1.0.0"]
    assert '"type":"migration.failed"' in manager.store.path.read_text()


def test_a_migration_result_that_is_no_json_fails(manager):
    """A handler's result is checked like any data."""
    manager.version_manager.create_version("u", 1)
    manager.version_manager.register_migration_handler(Step("1.0.0", "2.0.0", lambda data: {data}))
    with pytest.raises(MigrationFailed, match="set is not JSON"):
        manager.version_manager.migrate_to_version("u", "2.0.0")


def test_a_chain_through_a_known_version_keeps_it(manager):
    """Versions are immutable: the chain goes on from the data that version 2 already has."""
    versions = manager.version_manager
    versions.create_version("u", {"n": 2}, "2.0.0")
    versions.create_version("u", {"n": 1}, "1.0.0")
    versions.register_migration_handler(Step("1.0.0", "2.0.0", lambda _: {"n": "never"}))
    versions.register_migration_handler(Step("2.0.0", "3.0.0", lambda data: {"n": data["n"] + 1}))
    assert versions.migrate_to_version("u", "3.0.0") == {"n": 3}
    assert versions.get_version("u", "2.0.0") == {"n": 2}


def test_a_version_that_comes_in_between_is_not_lost(manager, other):
    """Somebody writes while a handler works: the migration starts again from what is there then."""
    manager.version_manager.create_version("u", {"n": 1})
    seen = []

    def change(data):
        seen.append(data["n"])
        if len(seen) == 1:
            other.version_manager.create_version("u", {"n": 2}, "1.0.0.post1")
        return {"n": data["n"] * 10}

    for start in ("1.0.0", "1.0.0.post1"):
        manager.version_manager.register_migration_handler(Step(start, "2.0.0", change))
    assert manager.version_manager.migrate_to_version("u", "2.0.0") == {"n": 20}
    assert seen == [1, 2]
    assert [each["version"] for each in other.version_manager.get_version_history("u")] == [
        "1.0.0",
        "1.0.0.post1",
        "2.0.0",
    ]


def test_no_way_and_too_many_ways(manager):
    """No chain: the error lists what there is. Two handlers for one hop: the last one does it, with a warning."""
    versions = manager.version_manager
    versions.create_version("u", {"n": 1})
    versions.register_migration_handler(Step("1.0.0", "2.0.0", with_field("first"), declared=False))
    with pytest.raises(NoMigrationPath, match=r"has version 1\.0\.0, .* there are versions 1\.0\.0 and 1 handlers"):
        versions.migrate_to_version("u", "0.9.0")
    versions.register_migration_handler(Step("1.0.0", "2.0.0", with_field("last"), declared=False))
    with pytest.warns(UserWarning, match="the last, does"):
        assert versions.migrate_to_version("u", "2.0.0") == {"n": 1, "last": True}
    with pytest.raises(TypeError, match="not a DataMigrationHandler"):
        versions.register_migration_handler(print)


# -------------------------------------------------------------------- health


def test_health_and_status_have_the_documented_keys(manager):
    """All is well on an empty folder; the report is JSON."""
    checks = manager.run_health_checks()
    documented = {"cleanup_registry", "isolation_manager", "version_manager", "template_manager"}
    assert set(checks) == documented | {"event_store", "locks", "reaper", "cache"}
    assert all(checks.values())
    key = manager.create_test_data("x", 1, "n", cleanup_callback=print)
    manager.create_snapshot("s", "n")
    report = json.loads(json.dumps(manager.get_status_report()))
    assert report["cleanup_registry"]["total_resources"] == report["snapshots"] == report["pending_cleanups"] == 1
    assert report["cleanup_registry"]["namespaces"] == {"n": 1}
    assert report["isolation_manager"] == {"namespaces": ["n"], "conflicts": 0}
    assert report["template_manager"] == {"templates_count": 0}
    assert report["version_manager"] == {"enabled": True}
    assert report["health_checks"]["last_run"]
    assert report["store"]["position"] == manager.store.path.stat().st_size
    assert manager.cleanup_test_data(key) == {key: True}


def test_health_does_not_raise_where_nothing_can_be_written(tmp_path):
    """The folder is a file: everything is said to be unusable."""
    (tmp_path / "file").write_text("")
    manager = TestDataManager(tmp_path / "file")
    assert not any(manager.run_health_checks().values())
    assert "part of the path is a file" in manager.health_details()["event_store"].detail


def test_damage_in_the_log_is_seen_by_the_health_check(manager):
    """The rest is still there."""
    first = manager.create_test_data("x", 1, "n")
    second = manager.create_test_data("x", 2, "n")
    position = manager.describe(second)["position"]
    manager.store.close()
    data = bytearray(manager.store.path.read_bytes())
    data[position + 40] ^= 1
    manager.store.path.write_bytes(data)
    again = TestDataManager(manager.store.base_path)
    assert again.get_test_data(first, "n") == 1
    with pytest.raises(TestDataNotFound):
        again.get_test_data(second, "n")
    assert again.run_health_checks()["event_store"] is False
    again.store.close()
