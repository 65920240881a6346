"""Sides of a comparison: each word with the sessions it means, each row of the table of the session before."""

from datetime import UTC, datetime, timedelta

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.naming.meanings import Meanings, has_tests, is_whole
from pytest_insight.core.naming.nearest import did_you_mean, nearest_name
from pytest_insight.core.naming.newest import NewestRows
from pytest_insight.core.naming.sides import Chooser
from small_runs import few, model_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_US = round(NOW.timestamp() * 1_000_000)
PASS = [("t.py::x", "passed")]


def session(name: str, hours: float, *, branch="main", commit="a", args=(), results=PASS, **more) -> bytes:
    """A session so many hours before now; `vcs` and arguments as a header has them."""
    vcs = {"commit": commit * (40 // len(commit)), "branch": branch} if commit else {}
    return write_session(
        name, 0, results, vcs=vcs, args=list(args), rootdir="/r", start=NOW - timedelta(hours=hours), **more
    )


def choose(lines, base=None, target=None, mode=None):
    """The two sides as lists of names, with their modes and notes."""
    with model_of(*lines) as model:
        found = Chooser(model, NewestRows(model), NOW_US).sides(base, target, mode)
    return [[row.session_id for row in side.rows] for side in (found.base, found.target)], found


STORE = [
    session("s1", 90, commit="a1"),
    session("s2", 80, commit="b2"),
    session("s3", 70, commit="b2", python="3.13.0"),
    session("f1", 60, commit="c3", branch="fix"),
    session("p1", 50, commit="d4", sut="pay"),
    session("k1", 40, commit="e5", args=["-k", "x"]),
    session("s4", 30, commit="f6"),
    session("s5", 20, commit="f6"),
]


@pytest.mark.parametrize(
    ("base", "target", "sides", "modes"),
    [
        (None, None, (["s4"], ["s5"]), ("session", "session")),
        (None, "last", (["s4"], ["s5"]), ("session", "session")),
        ("last", None, (["s4"], ["s5"]), ("session", "session")),
        (None, "s4", (["s2"], ["s4"]), ("session", "session")),
        ("s1", None, (["s1"], ["s5"]), ("session", "session")),
        ("s1", "s2", (["s1"], ["s2"]), ("session", "session")),
        ("s2", "s1", (["s2"], ["s1"]), ("session", "session")),
        ("fix", None, (["f1"], ["s5"]), ("branch", "session")),
        ("main", "fix", (["s2"], ["f1"]), ("branch", "branch")),
        ("shop", "pay", (["s1", "s2", "s3", "f1", "k1", "s4", "s5"], ["p1"]), ("sut", "sut")),
        ("a1a1", "f6f6", (["s1"], ["s4", "s5"]), ("commit", "commit")),
        ("b2b2", "s5", (["s2"], ["s5"]), ("commit", "session")),
        ("b2b2", "last", (["s2"], ["s5"]), ("commit", "session")),
        ("1w..35h", "35h", (["s1", "s2", "s3", "f1", "p1", "k1"], ["s4", "s5"]), ("period", "period")),
        (None, "k1", (["s2"], ["k1"]), ("session", "session")),
        (None, "s3", (["s2"], ["s3"]), ("session", "session")),
    ],
)
def test_a_word_means_the_sessions_of_the_table(base, target, sides, modes):
    """Names, branches, commits and spans, and the side that suits a word without another."""
    names, found = choose(STORE, base, target)
    assert tuple(names) == sides
    assert (found.base.mode, found.target.mode) == modes


@pytest.mark.parametrize(
    ("base", "target", "message"),
    [
        ("s5", None, "session s5 is the newest of shop; no session follows it"),
        (None, "s1", "session s1 is the first of shop; no session precedes it"),
        (None, "p1", "the first of pay"),
        ("s4", "s4", "both sides are the same"),
        ("mian", None, "no session, system, branch, span of time or commit is called 'mian'; did you mean main?"),
        ("zzzz", None, "there are systems shop, pay; branches main, fix; sessions s5, s4, k1, p1, f1, ..."),
        ("2w..1w", None, "no session started within 2w..1w"),
    ],
)
def test_a_side_that_is_missing_says_what_there_is(base, target, message):
    """A session is never compared with itself."""
    with pytest.raises(LookupError) as error:
        choose(STORE, base, target)
    assert message in str(error.value)


def test_a_mode_takes_a_word_as_nothing_else():
    """A branch that is called like a session, and a system that is called like neither."""
    lines = [session("fix", 9, commit="a1"), session("s2", 8, commit="b2", branch="fix"), session("s3", 7, commit="c3")]
    assert choose(lines, "fix", "s3")[0] == [["fix"], ["s3"]]
    assert choose(lines, "fix", "s3", None)[1].base.mode == "session"
    with model_of(*lines) as model:
        meanings = Meanings(model, NewestRows(model), NOW_US)
        assert [row.session_id for row in meanings.side("fix", "branch").rows] == ["s2"]
        with pytest.raises(LookupError, match="no system under test is called 'fix'"):
            meanings.side("fix", "sut")


def test_a_store_without_a_session_says_how_one_is_recorded():
    """Whatever the words are."""
    with pytest.raises(LookupError, match="record one with `pytest --insight`"):
        choose([])
    with pytest.raises(LookupError, match="no session is recorded"):
        choose([], "a", "b")


# ------------------------------------------------------------------ the session before

NEWEST = session("new", 1, commit="ff", branch="fix", args=["tests/api"])
BEFORE = {
    "ended": session("ended", 20, branch="fix", args=["tests/api"]),
    "alike": session("alike", 19, branch="fix", args=["tests/api"], seal=False),
    "whole": session("whole", 18, branch="fix"),
    "default": session("default", 17),
    "here": session("here", 16, branch="fix", args=["-k", "y"]),
    "same": session("same", 15, branch="other"),
    "any": session("any", 14, branch="other", python="3.13.0"),
}
"""One session for each row of the table, the better the older, so that time alone never decides rightly."""
NOTES = {
    "ended": "session alike is between them, but did not run all its tests",
    "whole": "the two were not told to run the same tests",
    "default": "no session before on branch fix; compared with main",
    "any": "no session before of the same variant",
}


@pytest.mark.parametrize("left_out", range(len(BEFORE)))
def test_the_session_before_is_the_best_that_there_is(left_out):
    """Rows of the table from the top, one after the other taken away."""
    names = list(BEFORE)[left_out:]
    sides, found = choose([*(BEFORE[name] for name in names), NEWEST])
    assert sides == [[names[0]], ["new"]]
    assert (NOTES.get(names[0], "") in found.notes) == (names[0] in NOTES)
    assert bool(found.notes) == (names[0] != "alike")


@pytest.mark.parametrize(
    "elsewhere",
    [
        session("later", 0.5, commit="ee"),
        session("pay", 3, sut="pay"),
        session("empty", 3, results=[], status=5),
        session("future", -48),
    ],
)
def test_what_is_later_elsewhere_or_empty_is_not_the_session_before(elsewhere):
    """Also a session that claims to be of the day after tomorrow."""
    old, new = session("old", 9, commit="a1"), session("new", 1, commit="b2")
    assert choose([old, new, elsewhere], None, "new")[0] == [["old"], ["new"]]


def test_a_newer_session_that_ran_only_some_tests_is_left_out_and_named():
    """A whole one is compared; the note says how to name the other."""
    lines = [
        session("s1", 9, commit="a1"),
        session("s2", 8, commit="b2"),
        session("k", 7, commit="c3", args=["-k", "x"]),
    ]
    sides, found = choose(lines, "s1")
    assert sides == [["s1"], ["s2"]]
    assert found.notes == ("session k is newer, but did not run all tests; --target names it",)
    assert choose(lines, "s1", "k")[0] == [["s1"], ["k"]]


def test_the_newest_whole_session_of_a_branch_is_meant_by_its_name():
    """Of the system and the variant of the other side; one that ran some tests only if there is no whole one."""
    newest = session("new", 1, commit="ff")
    lines = [
        session("whole", 9, branch="fix"),
        session("part", 8, branch="fix", args=["-k", "x"]),
        session("other", 7, branch="fix", python="3.13.0"),
        session("pay", 6, branch="fix", sut="pay"),
    ]
    assert choose([*lines, newest], "fix", "new")[0] == [["whole"], ["new"]]
    assert choose([*lines[1:], newest], "fix", "new")[0] == [["part"], ["new"]]
    assert choose([*lines[2:], newest], "fix", "new")[0] == [["other"], ["new"]]
    assert choose([*lines[3:], newest], "fix", "new")[0] == [["pay"], ["new"]]


def test_shards_of_a_test_run_are_one_side():
    """Both of the newest run, against both of the run before."""
    lines = [
        session(f"{run}-{shard}", 10 - 3 * at - shard / 10, commit=commit, test_run=run)
        for at, (run, commit) in enumerate([("r1", "a1"), ("r2", "b2")])
        for shard in (1, 2)
    ]
    assert choose(lines)[0] == [["r1-1", "r1-2"], ["r2-1", "r2-2"]]
    assert choose(lines, None, "r2-1")[0] == [["r1-1", "r1-2"], ["r2-1", "r2-2"]]


@pytest.mark.parametrize(
    ("more", "whole", "tests"),
    [
        ({}, True, True),
        ({"args": ["-k", "x"]}, False, True),
        ({"seal": False}, False, True),
        ({"uncollected": ["m.py"]}, False, True),
        ({"results": [("t.py::x", None)], "seal": False}, False, True),
        ({"results": [], "status": 5}, True, False),
    ],
)
def test_a_session_is_whole_or_has_something_to_compare(more, whole, tests):
    """A module that could not be collected, or a test that hung, is something to compare."""
    with model_of(session("one", 1, **more)) as model:
        (row,) = model.sessions()
        assert (is_whole(row), has_tests(row)) == (whole, tests)


# ------------------------------------------------------------------ nearest names


@few
@given(st.text("abcXYZ-", min_size=1, max_size=12), st.lists(st.text("abcxyz-", min_size=1, max_size=12)))
def test_a_name_that_is_known_is_the_nearest(text, names):
    """Whatever else there is, in any case; what is offered is always a name that there is."""
    assert nearest_name(text, [*names, text.lower()]).lower() == text.lower()
    assert nearest_name(text, names) in {*names, ""}
    assert did_you_mean(text, names) in {"", *(f"; did you mean {name}?" for name in names)}
