"""Reports of an xdist worker: what is sent can be sent, by the judgement of execnet itself."""

from types import SimpleNamespace
from typing import NamedTuple

import execnet
import pytest
from builders import Raises, make_report
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.plugin.properties import PROPERTIES_KEY
from pytest_insight.plugin.worker import GROUPS_KEY, MARKERS_KEY, WorkerSide, groups_of, sendable


class Text(str):
    """A subclass, which execnet refuses."""

    __slots__ = ()


class Pair(NamedTuple):
    """A named tuple, which execnet refuses."""

    first: int
    second: str


class Number(int):
    """A subclass of int."""


SIMPLE = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False), st.complex_numbers(allow_nan=False),
    st.binary(max_size=5), st.text(max_size=5),
)  # fmt: skip
ODD = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=5), st.builds(Text, st.text(max_size=3)),
    st.builds(Number, st.integers(0, 9)), st.builds(object), st.builds(Raises),
)  # fmt: skip


def nested(values):
    """Containers of these values, to a few levels."""
    containers = lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2), inner, max_size=3)
    )
    return st.recursive(values, containers, max_leaves=10)


@given(nested(st.one_of(SIMPLE, ODD)))
def test_whatever_is_sent_arrives(value):
    """execnet takes it apart and puts the same together."""
    sent = sendable(value)
    assert execnet.loads(execnet.dumps(sent)) == sent


@given(nested(SIMPLE))
def test_what_execnet_can_send_is_sent_as_it_is(value):
    """Nothing is changed without need, neither a value nor its type."""
    assert execnet.dumps(sendable(value)) == execnet.dumps(value)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("\ud800x", "\\ud800x"),
        ("é", "é"),
        (Text("a"), "a"),
        (Number(3), 3),
        ([Text("a")], ["a"]),
        ({Text("k"): Number(1)}, {"k": 1}),
        ({1, 2}, {1, 2}),
        (frozenset([Text("a")]), frozenset(["a"])),
        (pytest.ExitCode.TESTS_FAILED, 1),
        (Pair(1, Text("a")), [1, "a"]),
    ],
)
def test_a_value_of_a_subclass_is_sent_as_that_of_its_base(value, sent):
    """With the exact types of Python, since execnet looks at them."""
    found = sendable(value)
    assert (found, type(found)) == (sent, type(sent))
    assert execnet.loads(execnet.dumps(found)) == sent


def test_an_object_without_a_text_is_named_with_the_error():
    """The report matters more than one value."""
    assert sendable([Raises()]) == ["<Raises: RuntimeError in str()>"]


def test_a_value_within_itself_ends():
    """At a depth that no report has."""
    endless = []
    endless.append(endless)
    text = str(sendable(endless))
    assert "nested too deeply" in text
    assert 40 < text.count("[") < 100


def item(nodeid, *groups, markers=()):
    """A test with some groups of xdist."""
    marks = [mark for group in groups for mark in [SimpleNamespace(args=group[0], kwargs=group[1])]]
    named = lambda name=None: iter(marks if name == "xdist_group" else markers)
    return SimpleNamespace(nodeid=nodeid, iter_markers=named)


def group(*args, **kwargs):
    """Arguments of the marker."""
    return args, kwargs


@pytest.mark.parametrize(
    ("before", "after", "groups", "expected"),
    [
        ("t::a", "t::a@g", [group("g")], ["t::a", "g"]),
        ("t::a", "t::a@g", [group(name="g")], ["t::a", "g"]),
        ("t::a", "t::a@default", [group()], ["t::a", "default"]),
        ("t::a", "t::a@x_y", [group("y"), group("x")], ["t::a", "x_y"]),
        ("t::a[p@q]", "t::a[p@q]@g", [group("g")], ["t::a[p@q]", "g"]),
        ("t::a[p@q]", "t::a[p@q]", [group("g")], ["t::a[p@q]", "g"]),
        ("t::a", "t::a", [group("y"), group("x"), group("y")], ["t::a", "x_y"]),
        ("t::a@g", "t::a@g@g", [group("g")], ["t::a@g", "g"]),
    ],
)
def test_a_name_is_known_without_the_group_that_xdist_adds(before, after, groups, expected):
    """Exactly what was added is the group; a newer pytest keeps xdist from adding it."""
    test = item(after, *groups)
    assert groups_of([test, item("t::other")], {id(test): before}) == {after: expected}


def test_the_names_of_a_run_by_group_are_sent_with_its_collection():
    """All other messages of xdist pass as they are."""
    sent = []
    interactor = SimpleNamespace(sendevent=lambda name, **more: sent.append((name, more)), channel=None)
    test = item("t::a", group("g"))
    session = SimpleNamespace(
        items=[test],
        config=SimpleNamespace(
            getoption=lambda name, default=None: name == "loadgroup",
            pluginmanager=SimpleNamespace(get_plugins=lambda: [object(), interactor]),
        ),
    )
    worker = WorkerSide()
    worker.pytest_insight_remember_names([test])
    worker.pytest_sessionstart(session)
    test.nodeid = "t::a@g"
    interactor.sendevent("collectionfinish", ids=[1])
    interactor.sendevent("logstart", nodeid="x")
    assert sent == [
        ("collectionfinish", {"ids": [1], GROUPS_KEY: {"t::a@g": ["t::a", "g"]}}),
        ("logstart", {"nodeid": "x"}),
    ]


def send(worker, report, data):
    """What the hook of the worker makes of the data of a report."""
    hook = worker.pytest_report_to_serializable(report)
    next(hook)
    with pytest.raises(StopIteration) as stopped:
        hook.send(data)
    return stopped.value.value


def test_markers_are_sent_once_for_each_test_and_properties_with_the_next_report(monkeypatch):
    """With the teardown, which is the last report of a test; a property is sent once."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    worker = WorkerSide()
    worker.pytest_collection_modifyitems(
        [item("t::a", markers=[pytest.Mark("slow", (), {}, _ispytest=True)]), item("t::b")]
    )
    worker._properties += [("a", Raises()), ("b", 2)]
    first = send(worker, make_report("call", nodeid="t::a"), {"x": Text("y")})
    last = send(worker, make_report("teardown", nodeid="t::a"), {})
    other = send(worker, make_report("teardown", nodeid="t::b"), {})
    assert first == {
        "x": "y",
        PROPERTIES_KEY: {"pairs": [["a", "<Raises: RuntimeError in str()>"], ["b", 2]], "worker": "gw3"},
    }
    assert (last, other) == ({MARKERS_KEY: [["slow"], {}]}, {})
    assert send(worker, make_report("teardown", nodeid="t::a"), None) is None


def test_the_text_of_a_warning_can_be_sent():
    """A warning is changed only if it has to be."""
    worker = WorkerSide()
    fine, odd = UserWarning("a", 1), UserWarning("\ud800", Text("b"))
    args = fine.args
    for message in (fine, odd, "no warning"):
        worker.pytest_warning_recorded(SimpleNamespace(message=message))
    assert fine.args is args
    assert odd.args == ("\\ud800", "b")
