"""Sentences of answers, from answers made by hand: what they say, what they leave out, and that they count it."""

import pytest
from pytest_insight.cli.formatters.answers import (
    branch_line,
    broken_text,
    cut_text,
    flaky_text,
    lost_text,
    outage_lines,
)
from pytest_insight.cli.formatters.values import local_text
from pytest_insight.core.overview.headline import CutTest
from pytest_insight.core.questions.broken import BranchState, Broken
from pytest_insight.core.questions.evidence import Occurrence
from pytest_insight.core.questions.flaky import FlakyTest
from pytest_insight.core.questions.lost import LostTest
from pytest_insight.core.questions.stats import Interval
from pytest_insight.core.questions.summary import Summary

EVIL = "\x1b]0;x\x07"
AT_US = 1_790_000_000_000_000


def run(session, commit="", verdict="failed"):
    """Return one run of a test as evidence."""
    return Occurrence(session, session, AT_US, commit, verdict, (verdict,), 0.1, -1)


def broken(last_good=None, first_bad=None, runs=1, **fields):
    """Return a broken test."""
    first_bad = first_bad or run("s2", "b" * 40)
    return Broken("t.py::a", runs, last_good, first_bad, [first_bad], **fields)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (broken(), "broken since session s2, never good before, 1 run ?..bbbbbbbbbbbb"),
        (
            broken(run("s1", "a" * 40, "passed"), runs=3),
            "broken since session s2, last good s1, 3 runs aaaaaaaaaaaa..bbbbbbbbbbbb",
        ),
        (broken(run("s1"), run("s2")), "broken since session s2, last good s1, 1 run "),
        (
            broken(run("s1", "a"), run("s2", "b"), variants=("os=Linux", "os=Windows"), good_variants=1),
            "broken on os=Linux and os=Windows since session s2, last good s1, 1 run a..b; good on 1 other variant",
        ),
        (
            broken(run("s1", "a"), run("s2", "b"), good_variants=2),
            "broken since session s2, last good s1, 1 run a..b; good on 2 other variants",
        ),
    ],
)
def test_a_broken_test_says_since_when_on_which_commits_and_where(one, text):
    """What is not known is left out; one that never passed is not said to have become bad."""
    assert broken_text(one) == text


def flaky(**fields):
    """Return a flaky test."""
    return FlakyTest("t.py::a", "retry", 3, 9, [run("s1"), run("s7")], **fields)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (flaky(), "retry, 3 of 9, last s7"),
        (flaky(good_since=12), "retry, 3 of 9, last s7"),
        (flaky(good_since=30, recovered=True), "retry, 3 of 9, last s7; recovered, 30 good runs since"),
        (flaky(good_since=1, recovered=True), "retry, 3 of 9, last s7; recovered, 1 good run since"),
    ],
)
def test_a_flaky_test_says_by_which_rule_how_often_and_whether_it_is_over(one, text):
    """Good runs count only once they are enough to call it recovered."""
    assert flaky_text(one) == text


def branch(name, broken_tests, sessions=2):
    """Return a branch that an answer leaves out."""
    return BranchState("shop", name, sessions, broken_tests)


@pytest.mark.parametrize(
    ("branches", "text"),
    [
        ([], ""),
        ([branch("fix", [])], "other branches: fix (2 sessions, nothing broken)"),
        ([branch("", ["a"], 1)], "other branches: no branch (1 session, 1 broken: a)"),
        ([branch("fix", ["a", "b", "c"])], "other branches: fix (2 sessions, 3 broken: a, b, c)"),
        ([branch("fix", list("abcd"))], "other branches: fix (2 sessions, 4 broken: a, b, c, ...)"),
    ],
)
def test_other_branches_are_named_with_what_is_broken_there(branches, text):
    """Three tests of each; dots stand for the others, and their number is there."""
    assert branch_line(branches) == text


@pytest.mark.parametrize("count", [1, 5, 6, 500])
def test_of_many_branches_some_are_named_and_all_are_counted(count):
    """Those that are shown and those that are only counted are as many as there are."""
    text = branch_line([branch(f"fix-{number}", []) for number in range(count)])
    shown = text.count("nothing broken")
    left = int(text.rpartition("; and ")[2].split()[0]) if "; and " in text else 0
    assert shown + left == count
    assert shown <= 5


def summary(outages, set_aside=()):
    """Return figures of a history with some outages."""
    return Summary(9, outages, 0, 1, 9, {}, Interval(0.5, 0.4, 0.6), 1, 0, 0, 1.0, tuple(set_aside))


@pytest.mark.parametrize(
    ("outages", "aside", "lines"),
    [
        ([], [], []),
        (["a"], [], ["outages   a: nearly everything failed; counted, as the tests may be broken"]),
        (
            ["a"],
            ["a"],
            [
                "outages   a: nearly everything failed; counted as failures, but set aside for rates, flaky and transitions"
            ],
        ),
        (["a", "b"], ["b"], ["outages   a: ", "outages   b: "]),
    ],
)
def test_outages_say_whether_they_count(outages, aside, lines):
    """One line for those that do and one for those that do not."""
    told = list(outage_lines(summary(outages, aside)))
    assert len(told) == len(lines)
    assert all(line.startswith(start) for line, start in zip(told, lines, strict=True))


@pytest.mark.parametrize("count", [5, 6, 1000])
def test_of_many_outages_the_newest_are_named(count):
    """And how many more there are."""
    (line,) = outage_lines(summary([f"s{number}" for number in range(count)]))
    assert line.partition(":")[0].endswith(f"s{count - 1}" + (f" and {count - 5} more" if count > 5 else ""))


def lost(**fields):
    """Return a test that is gone."""
    known = {"last_session": "s1", "last_us": AT_US, "last_commit": "a", "gone_session": "s2", "gone_us": AT_US}
    return LostTest("t.py::a", "shop", "main", **(known | {"gone_commit": "c" * 40} | fields))


@pytest.mark.parametrize(
    ("one", "end"),
    [
        (lost(), "gone since ccccccccc"),
        (lost(gone_commit=""), "gone since s2"),
        (lost(renamed=("t.py::b",)), "gone since ccccccccc; perhaps renamed to t.py::b"),
        (lost(renamed=("t.py::b", "t.py::c")), "gone since ccccccccc; perhaps renamed to t.py::b or t.py::c"),
    ],
)
def test_a_lost_test_says_when_it_ran_last_and_what_it_may_be_now(one, end):
    """By the commit where it is known."""
    assert lost_text(one) == f"last ran in s1 at {local_text(AT_US)}, {end}"


def test_a_cut_test_names_the_session_that_was_killed():
    """And when that was."""
    text = cut_text(CutTest("t.py::a", run("s3")))
    assert text == f"t.py::a  running when session s3 was killed, {local_text(AT_US)}"


@pytest.mark.parametrize(
    "text",
    [
        broken_text(broken(run(EVIL, EVIL), run(EVIL, EVIL), variants=(EVIL,))),
        flaky_text(FlakyTest(EVIL, "retry", 1, 1, [run(EVIL)])),
        branch_line([branch(EVIL, [EVIL])]),
        "".join(outage_lines(summary([EVIL]))),
        lost_text(lost(last_session=EVIL, gone_commit=EVIL, renamed=(EVIL,))),
        cut_text(CutTest(EVIL, run(EVIL))),
    ],
)
def test_no_sentence_moves_the_cursor(text):
    """Names of sessions, branches, variants and tests come from logs."""
    assert "\\x1b" in text
    assert "\x1b" not in text
