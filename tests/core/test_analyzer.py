"""Questions to an analyzer: which sessions each looks at, and laws that hold for every history in memory."""

from datetime import UTC, datetime, timedelta

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.analyzer import InsightAnalyzer
from pytest_insight.core.history.series import series_of
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.questions.outages import key_of, set_aside
from pytest_insight.core.storage import InMemoryStorage
from small_histories import BAD_LETTERS, DAY_US, make_run, make_sessions, names_of, node

GOOD, OUT = "a=P b=P c=P d=P e=P", "a=F b=F c=F d=F e=F"
OLD, NEW = (("python", "3.11"),), (("python", "3.13"),)
NAMES = "abcde"
sessions = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["P", "P", "F", "E", "S", "C", "K", "rP", "rF"])),
        st.sampled_from(["main", "main", "fix", ""]),
        st.sampled_from([OLD, NEW]),
        st.sampled_from(["", "u", "v"]),
    ),
    max_size=7,
)
laws = settings(max_examples=examples(50))


def runs_of(history, sut="shop", first=1, at=None):
    """Return the sessions of a generated history, an hour apart or all at one time."""
    return [
        make_run(
            number,
            " ".join(f"{name}={letters}" for name, letters in tests.items()),
            sut=sut,
            branch=branch,
            variant=variant,
            commit=commit * 40,
            **({} if at is None else {"started_us": at}),
        )
        for number, (tests, branch, variant, commit) in enumerate(history, first)
    ]


def asked(runs):
    """Return an analyzer of some sessions, in the order in which a store gives them."""
    return InsightAnalyzer(runs=sorted(runs, key=lambda run: (run.started_us, run.stream)))


def answers(runs, sut="shop"):
    """Return everything that is said about the tests of one system."""
    analysis = asked([run for run in runs if run.sut == sut]) if sut else asked(runs)
    questions = (
        analysis.broken_tests,
        analysis.flaky_tests,
        analysis.transition_scores,
        analysis.failure_rates,
        analysis.lost_tests,
        analysis.tests,
        analysis.failing_together,
        analysis.order_suspects,
        analysis.cut_tests,
    )
    return [question() for question in questions]


# ------------------------------------------------------------------ laws


@laws
@given(sessions)
def test_no_test_with_a_bad_run_is_without_a_failure_in_any_answer_about_all_runs(history):
    """The list counts each of them; the history of a test has every run; the summary adds them up."""
    runs = runs_of(history)
    analysis = asked(runs)
    listed = {one.nodeid: one for one in analysis.tests()}
    for name in NAMES:
        letters = [tests[name][-1] for tests, *_ in history if name in tests]
        bad = sum(letter in BAD_LETTERS for letter in letters)
        assert (node(name) in listed) is bool(letters)
        assert not letters or (listed[node(name)].runs, listed[node(name)].failed) == (len(letters), bad)
        verdicts = [one.verdict for one in analysis.history_of(node(name))]
        assert (len(verdicts), sum(v in ("failed", "error", "crashed") for v in verdicts)) == (len(letters), bad)
    assert analysis.summary().runs == sum(one.runs for one in listed.values())
    assert sum(one.failed for one in listed.values()) == sum(one.count for one in analysis.failure_clusters())


@laws
@given(sessions, sessions)
def test_sessions_of_another_system_change_no_answer_about_a_series(history, others):
    """What is decided by series is the same beside any other system; broken tests of both are told."""
    own, foreign = runs_of(history), runs_of(others, sut="pay", first=100)
    together = asked([*own, *foreign])
    alone, beside = asked(own).broken_tests(), asked(foreign).broken_tests()
    key = lambda one: (one.sut, one.branch, one.nodeid)
    assert sorted(together.broken_tests(), key=key) == sorted([*alone, *beside], key=key)
    assert sorted(together.lost_tests(), key=str) == sorted(
        asked(own).lost_tests() + asked(foreign).lost_tests(), key=str
    )
    assert set_aside(together.runs) == set_aside(own) | set_aside(foreign)


@laws
@given(sessions, st.randoms(use_true_random=False))
def test_sessions_of_one_time_have_one_order(history, rng):
    """However they come: their streams decide, so that every answer is the same."""
    runs = runs_of(history, at=DAY_US)
    mixed = runs.copy()
    rng.shuffle(mixed)
    assert answers(mixed) == answers(runs)


@laws
@given(sessions)
def test_branches_and_variants_divide_the_sessions(history):
    """Each session is in one branch and one variant; the branch that is meant and the others make all of them."""
    runs = runs_of(history)
    analysis = asked(runs)
    branches = {key.branch for key in series_of(runs)}
    by_branch = [run.name for branch in branches for run in asked(runs).on_branch(branch).runs]
    assert sorted(by_branch) == sorted(run.name for run in runs)
    by_variant = [run.name for value in ("3.11", "3.13") for run in asked(runs).in_variant(python=value).runs]
    assert sorted(by_variant) == sorted(run.name for run in runs)
    left_out = analysis.other_branches()
    assert len(analysis.asked) + sum(one.sessions for one in left_out) == len(runs)
    for one in left_out:
        assert one.broken == [found.nodeid for found in asked(runs).on_branch(one.branch).broken_tests()]
    aside = {key_of(run) for run in runs} - {key_of(run) for run in analysis.considered}
    assert aside == set_aside(runs)


@laws
@given(sessions)
def test_every_piece_of_evidence_is_a_run_of_that_test(history):
    """In a session that there is, with the verdict that it has there, and in order of time for one series."""
    runs = {run.name: run for run in runs_of(history)}
    analysis = asked(list(runs.values()))
    found = [
        *analysis.broken_tests(),
        *analysis.flaky_tests(),
        *analysis.failure_rates(),
        *analysis.transition_scores(),
    ]
    for one in found:
        assert one.evidence
        for seen in one.evidence:
            test = runs[seen.session].tests[one.nodeid]
            assert (seen.verdict, seen.outcomes, seen.position) == (test.verdict, test.outcomes, test.position)


# ------------------------------------------------------------------ which sessions


def test_an_outage_that_is_set_aside_counts_for_broken_and_not_for_rates():
    """Every question about all runs has it; those about single tests do not."""
    analysis = asked(make_sessions(GOOD, OUT, GOOD))
    assert analysis.failure_rates() == analysis.transition_scores() == []
    assert [one.failed for one in analysis.tests()] == [1] * 5
    assert analysis.summary().set_aside == ("s2",)
    newest = asked(make_sessions(GOOD, OUT))
    assert len(newest.broken_tests()) == len(newest.failure_rates()) == 5
    assert newest.outage_now().session == "s2"


def test_a_session_of_the_future_is_no_newest_one():
    """Unless there is no other; it still counts as a run."""
    future = make_run(3, "a=F", started_us=1 << 60)
    analysis = asked([make_run(1, "a=P"), future])
    assert analysis.broken_tests() == []
    assert [one.runs for one in analysis.tests()] == [2]
    assert names_of(asked([future]).broken_tests()) == ["a"]


def test_flaky_tests_that_recovered_come_last():
    """Then the most frequent, then by name, each rule for itself."""
    runs = [make_run(n, "a=rP b=rP c=rP") for n in (1, 2)] + [make_run(3, "c=rP d=rP")]
    runs += [make_run(n, "a=P") for n in range(4, 40)]
    found = asked(runs).flaky_tests()
    assert [(name, one.recovered) for name, one in zip(names_of(found), found, strict=True)] == [
        ("c", False),
        ("b", False),
        ("d", False),
        ("a", True),
    ]


def test_slowest_is_by_median_and_most_expensive_by_sum():
    """Limited in number, equal ones by name."""
    analysis = asked(make_sessions("a=P@100 b=P@10 c=P@10", *["b=P@60 c=P@60"] * 4))
    assert names_of(analysis.slowest_tests()) == ["a", "b", "c"]
    assert names_of(analysis.most_expensive_tests(2)) == ["b", "c"]
    assert names_of(analysis.slowest_tests(1)) == ["a"]
    for limit in (1, 2, 3):
        both = analysis.slowest_tests(limit), analysis.most_expensive_tests(limit)
        assert analysis.longest_and_most_expensive_tests(limit) == both


def test_a_test_without_a_recorded_run_has_no_events_to_show():
    """`why` says so instead of showing nothing; messages of sessions in memory are none."""
    analysis = asked(make_sessions("a=F"))
    for nodeid in (node("a"), "unknown"):
        with pytest.raises(LookupError, match="no recorded run of"):
            analysis.why(nodeid)
    assert analysis.messages(analysis.runs) == {}
    assert analysis.history_of("unknown") == []


def test_a_module_that_was_not_collected_has_a_history():
    """An error where it was not collected, and a failure among the clusters."""
    analysis = asked([make_run(1, "m.py::x=P"), make_run(2, uncollected=("m.py",))])
    assert [one.verdict for one in analysis.history_of("m.py")] == ["passed", "error"]
    assert [(one.count, one.tests) for one in analysis.failure_clusters()] == [(1, ["m.py"])]


def test_whole_answers_are_plain_data_of_the_same_questions():
    """The dictionary of failures has what each question says; a span of no time has no sessions."""
    now = datetime.now(UTC)
    stored = [
        TestSession(
            sut,
            session_id=f"s{number}",
            session_start_time=now - timedelta(hours=9 - number),
            session_duration=1,
            test_results=[TestResult("t.py::a", outcome, now - timedelta(hours=9 - number), duration=0.1)],
        )
        for number, (sut, outcome) in enumerate([("shop", "passed"), ("shop", "failed"), ("pay", "passed")])
    ]
    analyzer = InsightAnalyzer(InMemoryStorage(stored))
    assert [one.session_id for one in analyzer.get_test_history("shop")] == ["s0", "s1"]
    assert [one.session_id for one in analyzer.get_test_history(timespan=timedelta(hours=8.5))] == ["s1", "s2"]
    assert analyzer.get_test_history(timespan=timedelta(-1)) == []
    data = analyzer.analyze_failures(stored)
    assert [one["nodeid"] for one in data["broken"]] == ["t.py::a"]
    assert set(data) == {"summary", "broken", "flaky", "failure_rates", "clusters", "failing_together"}
    assert analyzer.get_sut_summary("shop")["runs"] == 2
    result = analyzer.compare_suts("pay", "shop")
    assert (names_of(result.new_failures), result.base, result.target) == (["a"], "pay", "shop")
