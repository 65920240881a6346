"""Properties that tests record for the session, observed without a change for the tests."""

from types import SimpleNamespace

import pytest
from pytest_insight.plugin.properties import PROPERTIES_KEY, PropertyTap, tap_fixture


def make_session(module, recorded):
    """A session with a fixture of this module that keeps what it is called with."""

    def record_testsuite_property(request):
        def record(name, value):
            """Record."""
            recorded.append((request, name, value))

        return record

    record_testsuite_property.__module__ = module
    definition = SimpleNamespace(func=record_testsuite_property)
    manager = SimpleNamespace(
        getfixturedefs=lambda name, node: (definition,) if name == "record_testsuite_property" else ()
    )
    return SimpleNamespace(_fixturemanager=manager), definition


def test_a_property_reaches_pytest_and_then_the_recorder():
    """With the same arguments; the wrapped fixture looks like the one of pytest."""
    recorded, taken = [], []
    session, definition = make_session("_pytest.junitxml", recorded)
    tap_fixture(session, lambda name, value: taken.append((name, value)))
    record = definition.func(request="request")
    record("a", 1)
    assert recorded == [("request", "a", 1)]
    assert taken == [("a", 1)]
    assert (record.__name__, record.__doc__) == ("record", "Record.")


def test_a_value_that_pytest_refuses_is_not_taken():
    """pytest raises in the test, as without the recorder."""
    taken = []

    def broken(request):
        def record(name, value):
            raise TypeError(name)

        return record

    session, definition = make_session("_pytest.junitxml", [])
    definition.func = broken
    broken.__module__ = "_pytest.junitxml"
    tap_fixture(session, lambda name, value: taken.append(name))
    with pytest.raises(TypeError, match="a"):
        definition.func(request=None)("a", 1)
    assert taken == []


def test_a_fixture_of_the_tests_with_the_same_name_is_left_alone():
    """It records what it wants to."""
    session, definition = make_session("conftest", [])
    before = definition.func
    tap_fixture(session, lambda name, value: None)
    assert definition.func is before


@pytest.mark.parametrize("session", [SimpleNamespace(), SimpleNamespace(_fixturemanager=None)])
def test_a_pytest_without_the_fixture_is_collected_all_the_same(session):
    """Only these properties are missing then."""
    hook = PropertyTap(lambda pairs, worker: None).pytest_collection(session)
    next(hook)
    with pytest.raises(StopIteration) as stopped:
        hook.send("collected")
    assert stopped.value.value == "collected"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, []),
        ({PROPERTIES_KEY: None}, []),
        ({PROPERTIES_KEY: {"pairs": [["a", 1], ["b", [2]]], "worker": "gw0"}}, [([("a", 1), ("b", [2])], "gw0")]),
    ],
)
def test_what_a_worker_sent_is_taken_out_of_its_report(sent, expected):
    """pytest itself makes the report from the rest."""
    taken = []
    data = {"nodeid": "a", **sent}
    PropertyTap(lambda pairs, worker: taken.append((pairs, worker))).pytest_report_from_serializable(data)
    assert taken == expected
    assert data == {"nodeid": "a"}
