"""Groups of broken tests, outages that go on, cut tests: what the first screen says, from histories written by hand."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.history.partial import WHOLE
from pytest_insight.core.history.verdicts.reading import run_of_row
from pytest_insight.core.overview.about import about_runs
from pytest_insight.core.overview.breakage import broken_groups, count_broken
from pytest_insight.core.overview.cases import by_test, count_cases
from pytest_insight.core.overview.cut_tests import cut_tests
from pytest_insight.core.overview.sentence import newest_progress, progress_of, sentences_of
from pytest_insight.core.questions.broken import broken_tests
from pytest_insight.core.questions.flaky import retry_flaky, same_source_flaky
from pytest_insight.eventlog.times import format_time
from small_runs import few, make_run, make_test, model_of, runs_of_strips, scripted, small_histories

NO_EVENTS = SimpleNamespace(session_of=lambda stream: None)
"""A store without events: strips and groups need none."""


def groups_of(runs, rows=None):
    """The groups of a history."""
    flaky = [*retry_flaky(runs), *same_source_flaky(runs)]
    return broken_groups(NO_EVENTS, runs, broken_tests(runs), flaky, rows=rows)


# ------------------------------------------------------------------ groups


def test_tests_with_the_same_first_bad_and_last_good_commit_are_one_group():
    """The newest group first; each with its sessions up to now, and a row for each test."""
    runs = runs_of_strips(a="PPFFF", b="PPFFF", c="P SFF", old="PFFFF", fresh=" FFFF")
    found = [(g.session, g.good_session, g.sessions, [row.nodeid for row in g.rows]) for g in groups_of(runs)]
    assert found == [
        ("s3", "s0", 2, ["c"]),
        ("s2", "s1", 3, ["a", "b"]),
        ("s1", "", 4, ["fresh"]),
        ("s1", "s0", 4, ["old"]),
    ]
    newest = groups_of(runs)[0]
    assert (newest.commit, newest.good_commit) == (runs[3].commit, runs[0].commit)
    assert newest.started_at == format_time(runs[3].started_us)


def test_sessions_stand_for_commits_that_are_not_known():
    """Two breaks without commits are two groups."""
    found = groups_of(runs_of_strips(0, {"commit": ""}, a="PPF", b="PFF"))
    assert [(group.session, group.commit, group.good_commit) for group in found] == [("s2", "", ""), ("s1", "", "")]


@few
@given(small_histories())
def test_every_broken_test_is_in_one_row_of_one_group(runs):
    """None is left out, none is told twice, and the numbers add up."""
    groups = groups_of(runs)
    nodeids = [nodeid for group in groups for row in group.rows for nodeid in row.nodeids]
    assert sorted(nodeids) == sorted(one.nodeid for one in broken_tests(runs))
    assert sum(group.tests for group in groups) == count_broken(broken_tests(runs)) == len(nodeids)
    assert [group.started_at for group in groups] == sorted((g.started_at for g in groups), reverse=True)


def test_cases_of_a_test_are_one_row_with_the_worst_of_their_runs():
    """Named by the test; the longest row of failures of its cases counts."""
    runs = [
        make_run(at, {"t.py::x[1]": one, "t.py::x[2]": two, "t.py::y": "P"}, commit="ab"[at > 1] * 40)
        for at, (one, two) in enumerate(["PP", "PP", "FF", "FP", "FF"])
    ]
    (first, second) = groups_of(runs)
    assert [(row.nodeid, row.failing_runs) for row in first.rows + second.rows] == [
        ("t.py::x[2]", 1),
        ("t.py::x[1]", 3),
    ]
    same = [make_run(at, dict.fromkeys(["t.py::x[1]", "t.py::x[2]"], letter)) for at, letter in enumerate("PFF")]
    (group,) = groups_of(same)
    (row,) = group.rows
    assert (row.nodeid, row.nodeids, row.failing_runs, group.tests) == ("t.py::x", ["t.py::x[1]", "t.py::x[2]"], 2, 2)
    assert row.strip == ["passed", "failed", "failed"]
    skipped = [make_run(at, {"t.py::x[1]": one, "t.py::x[2]": two}) for at, (one, two) in enumerate(["PP", "FF", "FS"])]
    assert [row.failing_runs for row in groups_of(skipped)[0].rows] == [2]


@pytest.mark.parametrize(
    ("strips", "note"),
    [
        ({"t": "PPF"}, "new"),
        ({"t": "PFF"}, "2 runs"),
        ({"t": "FF"}, "never good"),
        ({"t": "PP!"}, "cut"),
        ({"t": "FPF"}, "new"),
    ],
)
def test_a_note_says_how_a_test_broke(strips, note):
    """A failure on an earlier commit alone does not make it flaky."""
    (group,) = groups_of(runs_of_strips(**strips))
    assert group.rows[0].note == note


@pytest.mark.parametrize(
    ("commits", "attempts", "was_flaky"),
    [
        ("aab", ["F", "P", "F"], True),
        ("abb", ["F", "P", "F"], False),
        ("abc", ["rP", "P", "F"], True),
        ("abb", ["P", "P", "F"], False),
    ],
)
def test_only_evidence_from_before_the_break_makes_it_a_flaky_one(commits, attempts, was_flaky):
    """Good and bad on one commit before it broke, or a retry; the break itself, on the commit of the last pass, is none."""
    runs = [
        make_run(at, {"t": what}, commit=commit * 40)
        for at, (commit, what) in enumerate(zip(commits, attempts, strict=True))
    ]
    (group,) = groups_of(runs)
    assert (group.rows[0].note == "was flaky") == was_flaky


def test_only_the_rows_that_are_shown_have_strips():
    """The others are still told and counted."""
    (group,) = groups_of(runs_of_strips(a="PF", b="PF", c="PF"), rows=1)
    assert [bool(row.strip) for row in group.rows] == [True, False, False]
    assert group.tests == 3


def test_a_strip_of_a_test_that_is_broken_on_one_variant_shows_that_variant():
    """The good runs of the other are not drawn into it."""
    linux, windows = {"variant": (("os", "Linux"),)}, {"variant": (("os", "Windows"),)}
    runs = [*runs_of_strips(0, linux, t="PPP"), *runs_of_strips(3, windows, t="PFF")]
    (group,) = groups_of(runs)
    assert (group.rows[0].strip, group.rows[0].variants) == (["passed", "failed", "failed"], ["os=Windows"])


def test_a_message_is_that_of_the_newest_failure():
    """Of a result, of a test that never ended, of a module, and of a process that died."""
    lines = [
        scripted("s0", 0, "PPP"),
        scripted("s1", 1, "FF-", seal=False),
        scripted("s2", 2, "", uncollected=("m.py",)),
    ]
    with model_of(*lines) as model:
        runs = [run_of_row(model, row) for row in reversed(model.sessions())]
        rows = [row for group in broken_groups(model, runs, broken_tests(runs), []) for row in group.rows]
        assert {row.nodeid: row.message for row in rows} == {
            "t.py::0": "RuntimeError: db down",
            "t.py::1": "RuntimeError: db down",
            "t.py::2": "running when the session was killed",
            "m.py": "ImportError: no module for m.py",
        }


# ------------------------------------------------------------------ outages and cuts


@pytest.mark.parametrize(
    ("strip", "expected"),
    [
        ("PPF", ("s2", 1, "s1")),
        ("PFF", ("s1", 2, "s0")),
        ("FFF", ("s0", 3, "")),
        ("FPF", ("s2", 1, "s1")),
        ("PFP", None),
        ("P", None),
    ],
)
def test_an_outage_that_goes_on_is_told_from_its_first_session(strip, expected):
    """The unbroken row of sessions at the end in which everything failed, with the one before it."""
    found = Analysis(runs=runs_of_strips(**{f"t{at}": strip for at in range(5)})).outage_now()
    assert (found and (found.since_session, found.sessions, found.good_session)) == expected
    assert found is None or (found.bad, found.considered, found.session) == (5, 5, f"s{len(strip) - 1}")


def test_an_outage_says_what_most_of_its_failures_say():
    """From the log; of equally frequent messages the first in order."""
    with model_of(scripted("s0", 0, "PPPPP"), scripted("s1", 1, "FFFFF")) as model:
        found = Analysis.of_model(model).outage_now()
        assert found.message == "RuntimeError: db down"
    assert Analysis(runs=[]).outage_now() is None


def test_cut_tests_are_those_that_were_running_at_the_end_of_a_killed_session():
    """The newest first; not of a complete session, of an interruption on purpose, or with a recorded crash."""
    hung = {"t": make_test("!")}
    runs = [
        make_run(0, hung, status="interrupted"),
        make_run(1, hung, status="complete"),
        make_run(2, {"t": make_test("/")}, status="interrupted"),
        make_run(3, {"t": make_test("!", position=7)}, status="interrupted"),
        make_run(4, {"t": "P", "u": make_test("!")}, status="incomplete"),
        make_run(5, hung, status="interrupted", stream=""),
    ]
    assert [(one.nodeid, one.run.session) for one in cut_tests(runs)] == [("u", "s4"), ("t", "s0")]


# ------------------------------------------------------------------ progress and sentences


@pytest.mark.parametrize(
    ("results", "more", "expected"),
    [
        ("PFS", {}, ("failed", 3, 3, 1)),
        ("PE-", {"seal": False}, ("killed", 2, 3, 1)),
        ("PP", {"status": 2}, ("interrupted", 2, 2, 0)),
        ("", {"status": 5}, ("no tests", 0, 0, 0)),
        ("PP", {"status": 77}, ("exit status 77", 2, 2, 0)),
    ],
)
def test_progress_counts_results_and_what_was_announced(results, more, expected):
    """State, tests with a result, all tests, bad ones."""
    with model_of(scripted("s0", 0, results, **more)) as model:
        (row,) = model.sessions()
        found = progress_of(row, "killed")
        assert (found.state, found.done, found.total, found.bad) == expected
        assert len(found.running) == results.count("-")
        assert newest_progress(model, run_of_row(model, row)).total == found.total
        assert newest_progress(model, make_run(1, {})) is None


def test_the_sentences_begin_with_what_is_no_everyday_end():
    """A killed session says so, then what is broken; an everyday one says only the latter."""
    runs = runs_of_strips(t="PF")
    with model_of(scripted("s0", 0, "P-", seal=False)) as model:
        progress = progress_of(model.sessions()[0], "killed")
    told = sentences_of(progress, WHOLE, None, broken_tests(runs))
    assert told == [
        "latest session was killed after 1 of 2 tests, while t.py::1 was running",
        f"1 test fails that was good at {runs[0].commit[:9]}",
    ]
    assert sentences_of(None, WHOLE, None, []) == ["nothing is broken"]


# ------------------------------------------------------------------ cases and headings

NODEIDS = st.lists(st.sampled_from(["t.py::a", "t.py::a[1]", "t.py::a[2::x]", "t.py::ab[1]", "d[1]/t.py::a[1]"]))


@few
@given(NODEIDS)
def test_every_case_is_in_the_row_of_its_test(nodeids):
    """No case is lost or told twice; a row is called by its only case, else by the test."""
    rows = by_test(nodeids)
    assert sorted(nodeid for row in rows for nodeid in row.nodeids) == sorted(set(nodeids))
    assert all(row.label == (row.nodeids[0] if len(row.nodeids) == 1 else row.test) for row in rows)
    counts = count_cases([row.test for row in rows], nodeids)
    assert counts == {row.test: sum(n.startswith(f"{row.test}[") for n in nodeids) for row in rows}


@few
@given(small_histories(suts=("shop", "pay"), branches=("main", ""), variants=((), (("os", "Linux"),))))
def test_an_answer_names_what_its_sessions_are_of(runs):
    """Each name once, in order; nothing for what is not known; the span from the first to the last start."""
    about = about_runs(runs)
    assert about.suts == sorted({run.sut for run in runs})
    assert about.branches == sorted({run.branch for run in runs} - {""})
    assert about.variants == (["os=Linux"] if any(run.variant for run in runs) else [])
    assert about.sessions == len(runs)
    starts = sorted(run.started_us for run in runs)
    assert (about.first_at, about.last_at) == ((format_time(starts[0]), format_time(starts[-1])) if runs else ("", ""))
