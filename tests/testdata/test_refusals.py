"""What can never be cleaned or kept is refused at once, with what to do instead, and nothing of it is recorded."""

import functools
from unittest.mock import Mock

import pytest
from pytest_insight.eventlog.errors import EventTooLargeError
from pytest_insight.testdata import (
    CleanupCallbackError,
    CleanupTargetError,
    DataTooLargeError,
    TestDataError,
    TestDataNotFound,
)


def needs_one(argument):
    """A function that nobody can call without an argument."""


NOT_CALLABLE = ["shop:delete", ("shop:delete", {"number": 7}), 5, [print], False, {}, needs_one, lambda a, b: None]
CALLABLE = [print, lambda: None, functools.partial(needs_one, 1), Mock(), dict, lambda *_, **__: None, lambda a=1: a]


@pytest.mark.parametrize("callback", NOT_CALLABLE)
def test_a_callback_that_cannot_be_called_is_refused_before_anything_is_recorded(manager, callback):
    """The error says what it is, and is of test data; the log is not even made."""
    with pytest.raises(CleanupCallbackError, match="cleanup_callback") as caught:
        manager.create_test_data("x", 1, "n", cleanup_callback=callback)
    assert isinstance(caught.value, TestDataError)
    assert isinstance(caught.value, TypeError)
    assert not manager.store.path.exists()


@pytest.mark.parametrize("callback", CALLABLE)
def test_whatever_can_be_called_without_arguments_is_a_callback(manager, callback):
    """It is called when the data is cleaned."""
    key = manager.create_test_data("x", 1, "n", cleanup_callback=callback)
    assert manager.cleanup_test_data(key) == {key: True}


@pytest.mark.parametrize("callback", [5, None, [print], needs_one])
def test_one_more_callback_is_checked_alike(manager, callback):
    """Nothing is added to the log."""
    key = manager.create_test_data("x", 1, "n")
    size = manager.store.path.stat().st_size
    with pytest.raises(CleanupCallbackError):
        manager.cleanup_registry.add_cleanup_callback(key, callback)
    assert manager.store.path.stat().st_size == size


@pytest.mark.parametrize("arguments", [{}, {"path": "p"}, {"path": "p", "word": "w", "more": 1}, {"other": 1}])
def test_a_durable_cleanup_with_arguments_that_its_function_does_not_take_is_refused(manager, helpers, arguments):
    """It would fail in each process that tries it."""
    with pytest.raises(CleanupTargetError, match="cleanup_helpers:note"):
        manager.create_test_data("x", 1, "n", cleanup=("cleanup_helpers:note", arguments))
    assert not manager.store.path.exists()


def test_a_hook_of_restores_that_cannot_be_called_is_refused(manager):
    """At once, not in the middle of a restore."""
    with pytest.raises(TypeError, match="on_restore"):
        manager.on_restore("shop:rebuild")


LARGE = "y" * 300_000
WAYS = {
    "create": lambda manager, key: manager.create_test_data("x", LARGE, "n"),
    "update": lambda manager, key: manager.update_test_data(key, LARGE, "n"),
    "version": lambda manager, key: manager.version_manager.create_version(key, {"rows": LARGE}, "2.0.0"),
    "metadata": lambda manager, key: manager.create_test_data("x", 1, "n", metadata={"dump": LARGE}),
    "arguments": lambda manager, key: manager.create_test_data(
        "x", 1, "n", cleanup=("cleanup_helpers:note", {"path": "p", "word": LARGE})
    ),
    "snapshot": lambda manager, key: manager.create_snapshot("s", "n", {"why": LARGE}),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_too_large_is_an_error_of_test_data_with_advice(manager, helpers, way):
    """Size, limit, and what to do; whoever caught the error of the log catches this one, and nothing is changed."""
    key = manager.create_test_data("x", 1, "n")
    size = manager.store.path.stat().st_size
    with pytest.raises(DataTooLargeError) as caught:
        WAYS[way](manager, key)
    error = caught.value
    assert isinstance(error, TestDataError)
    assert isinstance(error, EventTooLargeError)
    assert error.size_bytes > 300_000 > error.limit_bytes
    for word in (str(error.size_bytes), str(error.limit_bytes), "file", "path"):
        assert word in str(error)
    assert "split the event" not in str(error)
    assert manager.store.path.stat().st_size == size
    assert manager.get_test_data(key, "n") == 1


def test_large_data_with_a_name_is_not_there_afterwards(manager):
    """Nothing is cut to fit."""
    with pytest.raises(DataTooLargeError):
        manager.create_test_data("x", LARGE, "n", resource_id="big")
    with pytest.raises(TestDataNotFound):
        manager.get_test_data("big", "n")
