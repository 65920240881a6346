"""Partial sessions: which command lines select, and what such a session says about a test that it does not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.partial import STEADY, WHOLE, Selected, selected_of


def selected(*args, **more):
    """What a session with this command line was told to run."""
    header = {"args": list(args), **{name: more.pop(name) for name in ("rootdir",) if name in more}}
    return selected_of(header, **({"deselected": 0, "missing": 0, "sealed": True} | more))


@pytest.mark.parametrize(
    ("line", "options", "paths"),
    [
        ("", (), ()),
        ("-q", (), ()),
        ("tests", (), ()),
        ("./tests/", (), ()),
        (".", (), ()),
        ("test -v", (), ()),
        ("tests/unit", (), ("tests/unit",)),
        ("tests a.py", (), ("a.py",)),
        ("a.py::T::x[1]", (), ("a.py::T::x[1]",)),
        ("-k slow", ("-k slow",), ()),
        ("-k=slow", ("-k slow",), ()),
        ("-kslow", ("-k",), ()),
        ("-m unit a.py", ("-m unit",), ("a.py",)),
        ("--lf", ("--lf",), ()),
        ("--last-failed -q", ("--last-failed",), ()),
        ("--sw", ("--sw",), ()),
        ("--stepwise", ("--stepwise",), ()),
        ("--stepwise-skip", ("--stepwise-skip",), ()),
        ("-x", ("-x",), ()),
        ("-vx", ("-vx",), ()),
        ("-xq", ("-xq",), ()),
        ("-xdist", (), ()),
        ("--exitfirst", ("--exitfirst",), ()),
        ("--maxfail=2", ("--maxfail 2",), ()),
        ("--maxfail 2", ("--maxfail 2",), ()),
        ("--deselect a.py::x b.py", ("--deselect a.py::x",), ("b.py",)),
        ("--ignore=a", ("--ignore a",), ()),
        ("--ignore-glob *x*", ("--ignore-glob *x*",), ()),
        ("--splits=3 --group=1", ("--splits 3", "--group 1"), ()),
        ("--shard-id=0 --num-shards=2", ("--shard-id 0", "--num-shards 2"), ()),
        ("-n 4", (), ()),
        ("-n4 a.py", (), ("a.py",)),
        ("-n 4 a.py", (), ("a.py",)),
        ("-p xdist -c x.ini -o a=b -W error -r a", (), ()),
        ("-ra a.py", (), ("a.py",)),
        ("--tb short --durations 5 --cov pkg --rootdir /r", (), ()),
        ("--tb=short a.py", (), ("a.py",)),
        ("--unknown-option a.py", (), ("a.py",)),
        ("-k", ("-k",), ()),
    ],
)
def test_what_a_command_line_selects(line, options, paths):
    """Options that select, with their values, and the places that are named; a value is no place."""
    found = selected(*line.split())
    assert (found.options, found.paths) == (options, paths)
    assert found.is_whole is (not options and not paths)


def test_places_are_told_from_the_root_of_the_project():
    """An absolute path within it is the same place; arguments that are no list are not known."""
    assert selected("/r/tests/unit", "/other", rootdir="/r").paths == ("tests/unit", "/other")
    assert selected_of({"args": "-k slow"}, 0, 0, sealed=True) == WHOLE
    assert selected_of({}, 0, 0, sealed=True) == WHOLE


@pytest.mark.parametrize(
    ("more", "is_cut"),
    [
        ({}, False),
        ({"missing": 1}, True),
        ({"sealed": False}, True),
        ({"sealed": False, "missing": 2}, True),
    ],
)
def test_a_session_without_its_end_or_without_some_result_was_cut_short(more, is_cut):
    """It may have announced what it does not have."""
    found = selected(**more)
    assert (found.cut_short, found.is_whole) == (is_cut, not is_cut)
    assert selected(deselected=1).is_whole is False


@pytest.mark.parametrize(
    ("path", "nodeid", "is_under"),
    [
        ("tests/unit", "tests/unit/a.py::x", True),
        ("tests/unit/", "tests/unit/a.py::x", True),
        ("./tests/unit", "tests/unit/a.py::x", True),
        ("tests/un", "tests/unit/a.py::x", False),
        ("a.py", "a.py::x", True),
        ("a.py", "a.py", True),
        ("a.py::T", "a.py::T::x", True),
        ("a.py::T", "a.py::Tx::x", False),
        ("a.py::x", "a.py::x[1]", True),
        ("a.py::x", "a.py::xy", False),
        ("a.py::x[1]", "a.py::x[1]", True),
        ("a.py::x[1]", "a.py::x[12]", False),
        ("b.py", "a.py::x", False),
    ],
)
def test_a_session_of_some_places_covers_what_lies_below_them(path, nodeid, is_under):
    """The absence of such a test says that it is gone; other places may be named besides."""
    assert Selected(paths=(path,)).covers(nodeid) is is_under
    assert Selected(paths=("zzz", path)).covers(nodeid) is is_under


selections = st.builds(
    Selected,
    options=st.lists(st.sampled_from(["-k a", "-m b", "--lf", "-x", "--ignore c"]), max_size=2).map(tuple),
    paths=st.sampled_from([(), ("a.py",)]),
    deselected=st.integers(0, 1),
    cut_short=st.booleans(),
)


@given(selections, selections, st.sampled_from(["a.py::x", "b.py::x"]))
def test_only_what_was_told_the_same_and_ended_is_alike(first, second, nodeid):
    """Alike needs the same options and places, steady ones, and two ends; it knows no direction."""
    alike = first.is_like(second)
    assert alike is second.is_like(first)
    steady = {option.split()[0] for option in first.options} <= STEADY
    told = (first.options, first.paths, first.deselected > 0) == (second.options, second.paths, second.deselected > 0)
    assert alike is (told and steady and not (first.cut_short or second.cut_short))
    assert not first.is_whole or (first.covers(nodeid) and first.is_like(WHOLE))
    narrowed = first.options or first.deselected or first.cut_short
    assert first.covers(nodeid) is (not narrowed and (not first.paths or nodeid.startswith("a.py")))
