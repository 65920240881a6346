"""Partial sessions: command lines with what they select, and what the absence of a test then says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.partial import WHOLE, Selected, selected_of
from small_runs import few


def selected(line: str, deselected: int = 0, missing: int = 0, *, sealed: bool = True, rootdir: str = "") -> Selected:
    """What the session of a command line was told to run."""
    return selected_of({"args": line.split(), "rootdir": rootdir}, deselected, missing, ended=sealed)


@pytest.mark.parametrize(
    ("line", "options", "paths"),
    [
        ("", (), ()),
        ("-q --tb=short", (), ()),
        ("-k refund", ("-k refund",), ()),
        ("-krefund", ("-k refund",), ()),
        ("-ka=b", ("-k a=b",), ()),
        ("-k=refund", ("-k refund",), ()),
        ("-m slow tests/api", ("-m slow",), ("tests/api",)),
        ("--lf", ("--lf",), ()),
        ("--last-failed", ("--last-failed",), ()),
        ("--sw", ("--sw",), ()),
        ("-x", ("-x",), ()),
        ("-xvs", ("-xvs",), ()),
        ("-vx", ("-vx",), ()),
        ("-vv", (), ()),
        ("--exitfirst", ("--exitfirst",), ()),
        ("--maxfail=1", ("--maxfail 1",), ()),
        ("--maxfail 1", ("--maxfail 1",), ()),
        ("--deselect a.py::x", ("--deselect a.py::x",), ()),
        ("--ignore=tests/slow", ("--ignore tests/slow",), ()),
        ("--ignore-glob=*slow*", ("--ignore-glob *slow*",), ()),
        ("--splits=4 --group=1", ("--splits 4", "--group 1"), ()),
        ("-n 4", (), ()),
        ("-n4 tests/a.py", (), ("tests/a.py",)),
        ("-p no:cov -c x.ini a.py", (), ("a.py",)),
        ("--cov src a.py", (), ("a.py",)),
        ("tests", (), ()),
        ("./tests/", (), ()),
        (".", (), ()),
        ("test", (), ()),
        ("tests/api tests/ui", (), ("tests/api", "tests/ui")),
        ("a.py::C::test_x", (), ("a.py::C::test_x",)),
        ("-k", ("-k",), ()),
    ],
)
def test_a_command_line_selects_by_options_and_places(line, options, paths):
    """Values of other options are no places; the usual folder of all tests is no place."""
    found = selected(line)
    assert (found.options, found.paths) == (options, paths)
    assert found.is_whole == (not options and not paths)


@pytest.mark.parametrize(
    ("facts", "is_whole", "cut_short"),
    [
        ({}, True, False),
        ({"deselected": 1}, False, False),
        ({"missing": 1}, False, True),
        ({"sealed": False}, False, True),
    ],
)
def test_a_session_is_whole_if_it_ran_everything_to_the_end(facts, is_whole, cut_short):
    """Deselected or missing tests, or no last event, make it partial."""
    found = selected("", **facts)
    assert (found.is_whole, found.cut_short) == (is_whole, cut_short)
    assert found.covers("a.py::x") == is_whole


def test_absolute_places_are_told_from_the_root():
    """The folder of the project is taken off; a header without arguments selects nothing."""
    assert selected("/srv/shop/tests/api", rootdir="/srv/shop").paths == ("tests/api",)
    assert selected("/srv/other/tests", rootdir="/srv/shop").paths == ("/srv/other/tests",)
    for header in ({}, {"args": None}, {"args": "-x"}):
        assert selected_of(header, 0, 0, ended=True) == WHOLE


@pytest.mark.parametrize(
    ("path", "nodeid", "is_covered"),
    [
        ("tests/api", "tests/api/a.py::x", True),
        ("tests/api/", "tests/api/a.py::x", True),
        ("./tests/api", "tests/api/a.py::x", True),
        ("tests/api", "tests/api_v2/a.py::x", False),
        ("a.py", "a.py::x", True),
        ("a.py", "b/a.py::x", False),
        ("a.py::x", "a.py::x", True),
        ("a.py::x", "a.py::x[1]", True),
        ("a.py::x", "a.py::xy", False),
        ("a.py::C", "a.py::C::x", True),
        ("a.py::x[1]", "a.py::x[2]", False),
    ],
)
def test_a_place_covers_what_is_below_it(path, nodeid, is_covered):
    """Whole parts of a name only: a folder, a file, a class, or the cases of a test."""
    assert Selected(paths=(path,)).covers(nodeid) == is_covered
    assert Selected(paths=("elsewhere", path)).covers(nodeid) == is_covered
    assert not Selected(("-k x",), (path,)).covers(nodeid)


@pytest.mark.parametrize(
    ("one", "other", "is_like"),
    [
        ("-k a", "-k a", True),
        ("-k a", "-k b", False),
        ("-ka", "-kb", False),
        ("-ka", "-k a", True),
        ("-m a tests/x", "-m a tests/x", True),
        ("a.py", "b.py", False),
        ("", "", True),
        ("--lf", "--lf", False),
        ("-x", "-x", False),
        ("--deselect a.py::x", "--deselect a.py::x", True),
        ("--ignore=a --ignore-glob=b", "--ignore=a --ignore-glob=b", True),
        ("-k a --sw", "-k a --sw", False),
    ],
)
def test_two_sessions_are_alike_if_the_same_words_select_the_same_tests(one, other, is_like):
    """What depends on an earlier run, or on a failure, does not select the same tests each time."""
    first, second = selected(one), selected(other)
    assert first.is_like(second) == second.is_like(first) == is_like


words = st.sampled_from(["-k a", "-x", "--lf", "-q", "tests/a", "b.py::x", "-m slow", "-n 2", "--tb=no"])
lines = st.lists(words, max_size=4, unique=True).map(" ".join)


@few
@given(lines, st.integers(0, 2), st.integers(0, 2), st.booleans())
def test_a_whole_session_covers_everything(line, deselected, missing, sealed):
    """One that was cut is like no other; one that covers nothing is not whole."""
    found = selected(line, deselected, missing, sealed=sealed)
    if found.is_whole:
        assert found.covers("any.py::test")
        assert found == WHOLE
    if found.cut_short:
        assert not found.is_like(found)
