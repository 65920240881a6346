"""The beginning of an answer, its groups of broken tests, and how far a session came: tables by hand."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.partial import Selected
from pytest_insight.core.overview.about import about_runs
from pytest_insight.core.overview.breakage import broken_groups, count_broken
from pytest_insight.core.overview.cut_tests import cut_tests
from pytest_insight.core.overview.headline import outage_now
from pytest_insight.core.overview.sentence import Progress, broken_sentence, progress_of, sentences_of, state_sentence
from pytest_insight.core.questions.broken import broken_tests
from pytest_insight.core.questions.clusters import CUT
from pytest_insight.core.questions.flaky import retry_flaky, same_source_flaky
from small_histories import HOUR_US, make_run, make_sessions
from small_rows import make_row

GOOD, OUT = "a=P b=P c=P d=P e=P", "a=F b=F c=F d=F e=F"


class EventsInMemory:
    """A store whose every failure says where it is."""

    def finished_at(self, positions):
        """Return an event for each position."""
        return [SimpleNamespace(longreprtext=f"E   at {position}", cause=None) for position in positions]

    def session_of(self, stream):
        """Know no session, so that no module has a message."""


def groups_of(runs, **more):
    """Return the groups of broken tests of some sessions."""
    flaky = [*retry_flaky(runs), *same_source_flaky(runs)]
    return broken_groups(EventsInMemory(), runs, broken_tests(runs), flaky, **more)


# ------------------------------------------------------------------ outages that go on


@pytest.mark.parametrize(
    ("kinds", "since", "length", "good"),
    [("gO", "s2", 1, "s1"), ("gOO", "s2", 2, "s1"), ("OgOO", "s3", 2, "s2"), ("OO", "s1", 2, "")],
)
def test_an_outage_goes_on_since_the_first_of_its_row(kinds, since, length, good):
    """And was good in the session before, as far as there is one; the message is that of most failures."""
    runs = make_sessions(*({"g": GOOD, "O": OUT}[kind] for kind in kinds))
    messages = {("", "1"): "db", ("", "2"): "cache", ("", "3"): "db", ("", "4"): "", ("", "5"): "", ("", "6"): ""}
    found = outage_now(runs, lambda asked: messages if asked == runs[-1:] else {})
    assert (found.session, found.since_session, found.sessions, found.good_session) == (
        runs[-1].name,
        since,
        length,
        good,
    )
    assert (found.bad, found.considered, found.message) == (5, 5, "db")


def test_of_equally_frequent_messages_the_first_in_the_alphabet_is_told():
    """So that the answer does not depend on the order of tests; without any there is none."""
    runs = make_sessions(GOOD, OUT)
    assert outage_now(runs, lambda _: {("", "1"): "z", ("", "2"): "y"}).message == "y"
    assert outage_now(runs, lambda _: {}).message == ""


def test_without_an_outage_in_the_newest_session_there_is_none():
    """Whatever was before, and in other branches or variants."""
    assert outage_now(make_sessions(OUT, GOOD), lambda _: {}) is None
    assert outage_now([], lambda _: {}) is None
    runs = [make_run(1, OUT, variant=(("a", "1"),)), make_run(2, GOOD), make_run(3, OUT)]
    assert outage_now(runs, lambda _: {}).sessions == 1


@pytest.mark.parametrize(
    ("letter", "status", "is_told"),
    [("C", "interrupted", True), ("C", "complete", False), ("K", "interrupted", False), ("F", "interrupted", False)],
)
def test_a_test_was_cut_if_it_ran_when_its_session_died(letter, status, is_told):
    """Not if the user interrupted it, or if it has a result; the newest come first."""
    runs = make_sessions(f"a={letter}", f"b={letter}", status=status)
    assert [one.nodeid for one in cut_tests(runs)] == (["t.py::b", "t.py::a"] if is_told else [])
    assert cut_tests(make_sessions(f"a={letter}", status=status, stream="")) == []


# ------------------------------------------------------------------ groups


def test_tests_that_broke_with_one_commit_are_one_group():
    """The newest group first; cases of one test are one row."""
    runs = make_sessions("a=P b=P c[1]=P c[2]=P d=F", "a=F b=P c[1]=P c[2]=P d=F", "a=F b=F c[1]=F c[2]=F d=F")
    found = groups_of(runs)
    assert [([row.nodeid for row in group.rows], group.tests, group.sessions) for group in found] == [
        (["t.py::b", "t.py::c"], 3, 1),
        (["t.py::a"], 1, 2),
        (["t.py::d"], 1, 3),
    ]
    assert [(group.session, group.good_session) for group in found] == [("s3", "s2"), ("s2", "s1"), ("s1", "")]
    assert [row.note for group in found for row in group.rows] == ["new", "new", "2 runs", "never good"]
    assert found[1].rows[0].strip == ["passed", "failed", "failed"]
    assert found[0].rows[1].message == "at 3002"
    assert count_broken(broken_tests(runs)) == 5


def test_only_so_many_rows_of_a_group_have_a_strip_and_a_message():
    """All are named."""
    (group,) = groups_of(make_sessions("a=P b=P c=P", "a=F b=F c=C"), rows=1)
    assert [(row.nodeid, bool(row.strip), bool(row.message)) for row in group.rows] == [
        ("t.py::a", True, True),
        ("t.py::b", False, False),
        ("t.py::c", False, False),
    ]
    (group,) = groups_of(make_sessions("a=P b=P c=P", "a=F b=F c=C"))
    assert [(row.verdict, row.message, row.note) for row in group.rows][2] == ("crashed", CUT, "cut")


def test_commits_group_tests_of_several_sessions():
    """Two sessions of one commit broke them: one group, since the first."""
    commits = ["a", "b", "b"]
    texts = ["x=P y=P", "x=F y=P", "x=F y=F"]
    runs = [make_run(n, text, commit=commits[n] * 40) for n, text in enumerate(texts)]
    found = groups_of(runs)
    assert [(group.commit[:1], group.good_commit[:1], group.tests) for group in found] == [("b", "b", 1), ("b", "a", 1)]
    one_commit = [
        make_run(0, "x=P y=P", commit="a" * 40),
        make_run(1, "x=F", commit="b" * 40),
        make_run(2, "y=F", commit="b" * 40),
    ]
    (group,) = groups_of(one_commit)
    assert (group.session, group.tests, group.sessions) == ("s1", 2, 2)


def test_a_test_was_flaky_if_the_evidence_is_from_before_it_broke():
    """A retry, or a failure on a commit that was good too; the break itself is none."""
    retried = make_sessions("a=rP", "a=P", "a=F")
    assert groups_of(retried)[0].rows[0].note == "was flaky"
    same = [make_run(n, f"a={letter}", commit="c" * 40) for n, letter in enumerate("PFPFF", 1)]
    assert groups_of(same)[0].rows[0].note == "was flaky"
    itself = [make_run(n, f"a={letter}", commit="c" * 40) for n, letter in enumerate("PPFF", 1)]
    assert groups_of(itself)[0].rows[0].note == "2 runs"


# ------------------------------------------------------------------ how far a session came


@given(
    st.dictionaries(
        st.sampled_from(["passed", "failed", "error", "skipped", "flaky", "not_run", "crashed"]), st.integers(0, 5)
    ),
    st.lists(st.sampled_from("xyz"), max_size=4),
)
def test_progress_counts_each_test_once(verdicts, running):
    """Flaky is no verdict of its own; what runs now, or did not run, is not done."""
    row = make_row(1, verdicts=verdicts, running=running, exit_status=None)
    found = progress_of(row, "running")
    total = sum(count for name, count in verdicts.items() if name != "flaky")
    assert found.total == total
    assert found.done == max(total - verdicts.get("not_run", 0) - len(set(running)), 0)
    assert found.bad == verdicts.get("failed", 0) + verdicts.get("error", 0)
    assert found.running == tuple(dict.fromkeys(running))
    assert found.state == "running"


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (Progress("running", 3, 8, ()), "latest session is running: 3 of 8 tests done"),
        (
            Progress("running", 0, 1, ("x", "y", "z")),
            "latest session is running: 0 of 1 test done; x and 2 more runs now",
        ),
        (Progress("killed", 3, 8, ()), "latest session was killed after 3 of 8 tests"),
        (Progress("unknown", 3, 8, ()), "latest session has no end: 3 of 8 tests done"),
        (Progress("errors in collection", 0, 0, (), ("a", "b")), "latest session could not collect 2 modules: a, ..."),
    ],
)
def test_a_state_is_told_with_what_is_known(progress, told):
    """One test has no plural, and nothing is said of what does not run."""
    assert state_sentence(progress, Selected(("-k a", "-x", "--lf"), ("b",))) == told


def test_a_selection_is_told_by_its_first_three_words():
    """Behind the state if it is an everyday one; both sentences if something is broken."""
    done = Progress("failed", 1, 1, (), exit_status=1)
    selected = Selected(("-k a", "-x", "--lf"), ("b",))
    assert state_sentence(done, selected) == "latest session ran only some tests (-k a -x --lf ...)"
    assert sentences_of(done, selected, None, [])[1] == "nothing is broken"
    assert sentences_of(None, selected, None, []) == ["nothing is broken"]
    assert sentences_of(done._replace(exit_status=0), Selected(), None, []) == ["nothing is broken"]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["a=P b=P", "a=F b=F"], "2 tests fail that were good at s1"),
        (["a=P b=P", "a=F b=P", "b=F"], "1 test fails that was good at s2; 1 failed before already"),
        (["a=P b=P", "a=P", "a=F b=F"], "1 test fails that was good at s2, 1 more that were good earlier"),
        (["a=P", "a=F b=F"], "1 test fails that was good at s1, 1 more that never passed"),
        (["a=F", "a=F"], "1 test broken, never good in this span"),
        (["a=F b=F"], "2 tests broken, never good in this span"),
        (["a=P"], "nothing is broken"),
    ],
)
def test_the_sentence_about_broken_tests_counts_those_of_the_newest_break(texts, told):
    """Without commits, sessions are named."""
    assert broken_sentence(None, broken_tests(make_sessions(*texts))) == told


def test_an_answer_names_what_it_speaks_about():
    """Systems, branches and variants that are known, and the span in UTC."""
    runs = [make_run(2, branch="", variant=(("os", "Linux"),)), make_run(1, sut="pay")]
    found = about_runs(runs)
    assert (found.suts, found.branches, found.variants, found.sessions) == (["pay", "shop"], ["main"], ["os=Linux"], 2)
    assert (found.first_at[:16], found.last_at[:16]) == ("1970-01-01T01:00", "1970-01-01T02:00")
    assert about_runs([]).sessions == 0
    assert runs[1].started_us == HOUR_US
