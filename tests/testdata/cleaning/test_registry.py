"""The registry of cleanups: what is registered, waived and run, and under which names."""

import pytest
from pytest_insight.testdata.cleaning.registration import callbacks, registration
from pytest_insight.testdata.cleanup import Intent
from pytest_insight.testdata.errors import CleanupCallbackError, CleanupTargetError


@pytest.fixture
def registry(manager):
    """The registry of a manager, which does not wait between attempts."""
    manager.cleanup_registry.sleep = lambda seconds: None
    return manager.cleanup_registry


def test_a_callback_is_kept_in_its_process_and_a_durable_cleanup_in_the_log():
    """The event of a callback names no function, so that another process knows that it cannot run it."""
    from pytest_insight.testdata.cleaning.callbacks import Durable

    mine = registration("n", "a", "s", None, print)
    durable = registration("n", "a", "s", Durable("m:f", {"x": 1}, "/folder"), None)
    assert (mine.target, callbacks.pop(mine.cleanup_id)) == ("", print)
    assert (durable.target, durable.arguments, durable.import_root) == ("m:f", {"x": 1}, "/folder")
    assert durable.cleanup_id not in callbacks


def test_the_last_registered_cleanup_runs_first(manager, registry):
    """Callbacks and durable ones in one order."""
    ran = []
    key = manager.create_test_data("row", 1, "n", cleanup_callback=lambda: ran.append("first"))
    for name in ("second", "third"):
        registry.add_cleanup_callback(key, lambda name=name: ran.append(name))
    assert manager.cleanup_test_data(key, "n") == {key: True}
    assert ran == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("callback", "error"),
    [(None, CleanupCallbackError), (lambda x: x, CleanupCallbackError), ("no_module:f", CleanupTargetError)],
)
def test_what_is_no_cleanup_is_refused(manager, registry, callback, error):
    """And nothing is registered."""
    key = manager.create_test_data("row", 1, "n")
    with pytest.raises(error):
        registry.add_cleanup_callback(key, callback)
    assert registry.get_cleanup_report()["pending"] == 0


def test_only_live_data_has_cleanups(manager, registry):
    """An unknown or cleaned id is a KeyError, with or without its namespace."""
    key = manager.create_test_data("row", 1, "n")
    manager.cleanup_test_data(key, "n")
    for where in ({}, {"namespace": "n"}):
        with pytest.raises(KeyError):
            registry.add_cleanup_callback(key, print, **where)
        assert not registry.unregister_resource(key, **where)


@pytest.mark.parametrize(("retries", "attempts"), [(3, 3), (1, 1), (0, 1), (-5, 1)])
def test_a_failing_callback_is_called_as_often_as_is_set(manager, registry, retries, attempts):
    """At least once; the documented name of the setting is the same value."""
    calls = []

    def fail():
        calls.append(1)
        raise ValueError

    registry._max_retries = retries
    assert registry.max_retries == registry._max_retries == retries
    key = manager.create_test_data("row", 1, "n", cleanup_callback=fail)
    assert manager.cleanup_test_data(key, "n") == {key: False}
    assert len(calls) == attempts
    assert registry.get_cleanup_report()["retry_counts"] == {key: attempts}


def test_what_was_cleaned_by_hand_has_no_duties_and_is_gone(manager, registry):
    """Its callbacks are not called any more, and it is listed as waived."""
    called = []
    key = manager.create_test_data("row", 1, "n", cleanup_callback=lambda: called.append(1))
    assert registry.unregister_resource(key)
    report = registry.get_cleanup_report()
    assert (report["waived"], report["pending"], report["total_resources"]) == ([key], 0, 0)
    assert manager.cleanup_test_data(key, "n") == {}
    assert called == []


def test_an_intent_records_its_data_once_it_exists(manager, registry, helpers):
    """Or the first data, if the block sets none; a block that fails is cleaned at once, and its error raised."""
    with registry.intent(helpers.durable("kept"), "row", "n", data=0) as intent:
        assert isinstance(intent, Intent)
        assert manager.get_test_data(intent.resource_id, "n") == 0
        intent.data = {"id": 5}
    assert manager.get_test_data(intent.resource_id, "n") == {"id": 5}
    with (
        pytest.raises(ValueError, match="no connection") as error,
        registry.intent(helpers.durable("gone"), "row", "n"),
    ):
        raise ValueError("no connection")
    assert helpers.words() == ["gone"]
    assert not hasattr(error.value, "__notes__")
    registry.max_retries = 1
    failing = helpers.durable("failed", "fail")
    with pytest.raises(KeyError) as error, registry.intent(failing, "row", "n"):
        raise KeyError
    assert "its cleanup failed as well" in error.value.__notes__[0]


def test_an_orphan_is_in_the_report_when_its_process_has_ended(manager, registry, other):
    """Only that process could have called it."""
    key = other.create_test_data("row", 1, "n", cleanup_callback=print)
    assert registry.get_cleanup_report()["orphaned"] == []
    with manager.store.transact() as tx:
        from pytest_insight.testdata.model.events import OwnerEnded

        tx.append("tdm/owner/x", OwnerEnded(session=other.store.session, reason="dead"))
    assert registry.get_cleanup_report()["orphaned"] == [key]
