"""Analysis and comparison: statistics against SciPy, each definition against golden histories and a slow second opinion."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.compare import Comparison, compare_runs
from pytest_insight.core.core_api import InsightAPI, analyze, compare
from pytest_insight.core.history.verdicts.columns import TestRun
from pytest_insight.core.history.verdicts.reading import runs_of
from pytest_insight.core.history.verdicts.run import Run
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.questions.clusters import normalise_message
from pytest_insight.core.questions.stats import false_discovery_rates, mann_whitney, median, pettitt, quantile, wilson
from pytest_insight.core.storage import InMemoryStorage, JSONStorage, get_storage_instance
from pytest_insight.projections.rules import BAD, GOOD

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
values = st.lists(st.integers(0, 12), min_size=2, max_size=25)


# ------------------------------------------------------------------ statistics


@given(values, values)
def test_mann_whitney_is_that_of_scipy(first, second):
    """Same p for any two samples with ties; the effect size follows from the same U."""
    from scipy import stats as scipy_stats

    ours = mann_whitney(first, second)
    theirs = scipy_stats.mannwhitneyu(second, first, alternative="two-sided", method="asymptotic")
    if len(set(first + second)) > 1:
        assert ours.p == pytest.approx(theirs.pvalue, abs=1e-12)
    else:
        assert ours.p == 1.0
    assert ours.effect == pytest.approx(2 * theirs.statistic / (len(first) * len(second)) - 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_rates_are_those_of_scipy(p_values):
    """Benjamini and Hochberg, for any list of p-values."""
    from scipy import stats as scipy_stats

    theirs = scipy_stats.false_discovery_control(p_values)
    assert false_discovery_rates(p_values) == pytest.approx(list(theirs), abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
def test_wilson_is_that_of_scipy(good, bad):
    """Both limits, for any counts; without data it says that it knows nothing."""
    from scipy import stats as scipy_stats

    ours = wilson(good, good + bad)
    if not good + bad:
        assert ours == (0.0, 0.0, 1.0)
        return
    theirs = scipy_stats.binomtest(good, good + bad).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.low <= ours.estimate + 1e-12
    assert ours.estimate <= ours.high + 1e-12


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.floats(0, 1))
def test_quantiles_are_those_of_scipy(data, share):
    """Linear between values; the median is one of them."""
    from scipy import stats as scipy_stats

    assert quantile(data, share) == pytest.approx(scipy_stats.mstats.mquantiles(data, share, alphap=1, betap=1)[0])
    assert median(data) == pytest.approx(
        sorted(data)[len(data) // 2]
        if len(data) % 2
        else sum(sorted(data)[len(data) // 2 - 1 : len(data) // 2 + 1]) / 2
    )


@given(values)
def test_pettitt_by_its_definition(data):
    """The statistic is the greatest |sum of signs| between what is before and what is after, as the paper has it."""
    found = pettitt(data)
    if len(data) < 4:
        assert found is None
        return
    sign = lambda a, b: (a < b) - (a > b)
    sums = {t: abs(sum(sign(a, b) for a in data[:t] for b in data[t:])) for t in range(1, len(data))}
    if not any(sums.values()):
        assert found is None
    else:
        assert sums[found.place] == max(sums.values())


def test_pettitt_finds_a_step():
    """A series that steps from one level to another: at the step, and surely."""
    rng = random.Random(1)
    data = [rng.gauss(1, 0.1) for _ in range(20)] + [rng.gauss(2, 0.1) for _ in range(20)]
    found = pettitt(data)
    assert found.place == 20
    assert found.p < 0.001


# ------------------------------------------------------------------ golden histories


def session(
    number: int, commit: str = "", sut: str = "shop", branch: str = "main", dirty=False, **tests
) -> TestSession:
    """A session an hour after the one before; each test as `"failed"`, `"rerun passed"`, or `("passed", seconds)`."""
    start = START + timedelta(hours=number)
    results = []
    for offset, (name, what) in enumerate(tests.items()):
        outcomes, duration = (what, 0.1) if isinstance(what, str) else what
        for attempt, outcome in enumerate(outcomes.split()):
            at = start + timedelta(seconds=offset, milliseconds=attempt)
            text = (
                f"E   AssertionError: {name} at 2026-01-0{number % 9 + 1}T10:00:00 took {number} ms"
                if outcome in BAD
                else ""
            )
            results.append(TestResult(f"t.py::{name}", outcome, at, duration=duration, longreprtext=text))
    made = TestSession(
        sut, session_id=f"s{number:03d}", session_start_time=start, session_duration=60.0, test_results=results
    )
    made.vcs = {"commit": commit * 10, "branch": branch, "dirty": dirty} if commit else {}
    return made


def history(*sessions: TestSession) -> Analysis:
    """An analysis of sessions that are in a log."""
    return Analysis(InMemoryStorage(sessions))


def names(found) -> list[str]:
    """Node ids without their file."""
    return [one.nodeid.removeprefix("t.py::") for one in found]


def test_retry_flaky_is_a_pass_after_a_failed_attempt():
    """Failed and then passed in one session; a failure that stays one, or a skip, is not flaky."""
    found = history(
        session(1, a="rerun passed", b="rerun failed", c="passed", d="skipped"),
        session(2, a="passed", b="failed", c="passed", d="passed"),
        session(3, a="rerun rerun passed", b="passed", c="passed"),
    ).flaky_tests()
    (one,) = [one for one in found if one.rule == "retry"]
    assert (names([one]), one.count, one.considered) == (["a"], 2, 3)
    assert [proof.session for proof in one.evidence] == ["s001", "s003"]
    assert one.evidence[1].outcomes == ("rerun", "rerun", "passed")


def test_same_source_flaky_needs_the_same_clean_commit_and_system():
    """Both verdicts on one commit; a dirty tree, another commit or another system explain a difference."""
    found = history(
        session(1, "a", flaky="passed", fixed="failed", dirt="passed", other="passed"),
        session(2, "a", flaky="failed", other="passed"),
        session(3, "b", fixed="passed"),
        session(4, "a", dirty=True, dirt="failed"),
        session(5, "a", sut="pay", other="failed"),
        session(6, dirt="failed"),
    ).flaky_tests()
    assert [(name, one.rule) for name, one in zip(names(found), found, strict=True)] == [("flaky", "same-source")]
    assert {proof.commit for proof in found[0].evidence} == {"a" * 10}


def test_transitions_are_counted_on_the_default_branch():
    """PPFFF has one change in four possible, PFPFF three; skips say nothing, other branches do not count."""
    a, b = ["P", "P", "F", "F", "F"], ["P", "F", "P", "F", "F"]
    word = {"P": "passed", "F": "failed"}
    sessions = [session(n, "a", steady=word[a[n]], restless=word[b[n]]) for n in range(5)]
    sessions.append(session(6, "a", steady="skipped", restless="skipped"))
    sessions.append(session(7, "a", branch="feature", steady="passed", restless="passed"))
    scores = {
        one.nodeid[6:]: (one.changes, one.considered, one.score) for one in history(*sessions).transition_scores()
    }
    assert scores == {"restless": (3, 5, 0.75), "steady": (1, 5, 0.25)}


def test_failure_rates_have_their_interval_and_say_when_there_is_too_little():
    """1 of 10 against 1 of 2: the rate that is surely higher comes first only with enough runs."""
    sessions = [session(n, often="failed" if n < 4 else "passed", once="passed") for n in range(10)]
    sessions.append(session(11, rare="failed"))
    rates = history(*sessions).failure_rates()
    assert names(rates) == ["often", "rare"]
    assert (rates[0].bad, rates[0].considered, rates[0].enough) == (4, 10, True)
    assert rates[0].rate == wilson(4, 10)
    assert not rates[1].enough


def test_broken_since_which_session_and_which_commits():
    """The unbroken row of failures at the end, from the last good run to the first bad one."""
    (one, never) = history(
        session(1, "a", x="passed", new="failed"),
        session(2, "b", x="failed", new="failed"),
        session(3, "c", x="passed", new="failed"),
        session(4, "d", x="skipped", new="failed"),
        session(5, "e", x="failed", new="failed"),
        session(6, "f", x="failed", new="failed", ok="passed"),
    ).broken_tests()
    assert (names([one]), one.failing_runs, one.last_good.session, one.first_bad.session) == (["x"], 2, "s003", "s005")
    assert one.commit_range == f"{'c' * 10}..{'e' * 10}"
    assert (never.last_good, never.commit_range) == (None, f"?..{'a' * 10}")


def test_an_outage_between_good_sessions_counts_and_is_no_evidence():
    """More than 80 % of at least five tests failed, good before and behind: named and counted, but no rate."""
    tests = {f"t{n}": "passed" for n in range(6)}
    outage = dict.fromkeys(tests, "failed")
    analysis = history(session(1, **tests), session(2, **outage), session(3, **tests), session(4, t0="failed"))
    assert analysis.summary().outages == ["s002"]
    assert names(analysis.broken_tests()) == ["t0"]
    assert names(analysis.failure_rates()) == ["t0"]
    assert analysis.summary().verdicts == {"passed": 12, "failed": 7}


def test_duration_shifts_name_the_session():
    """A test that becomes twice as slow; one that only varies, and one of microseconds, are not named."""
    rng = random.Random(2)
    sessions = [
        session(
            n,
            step=("passed", (0.2 if n < 15 else 0.4) * rng.uniform(0.95, 1.05)),
            noise=("passed", rng.uniform(0.1, 0.3)),
            tiny=("passed", 0.00001 if n < 15 else 0.001),
        )
        for n in range(30)
    ]
    (one,) = history(*sessions).duration_shifts()
    assert (names([one]), one.since.session, one.considered) == (["step"], "s015", 30)
    assert one.after_s / one.before_s == pytest.approx(2, rel=0.05)


def test_failures_are_clustered_by_what_they_say():
    """Times, ids, addresses, paths and numbers are taken out; tests with the same fault come together."""
    clusters = history(
        session(1, a="failed", b="passed"), session(2, a="failed", b="failed"), session(3, a="passed", b="failed")
    ).failure_clusters()
    assert [(cluster.count, cluster.message) for cluster in clusters] == [
        (2, "AssertionError: a at <time> took <duration>"),
        (2, "AssertionError: b at <time> took <duration>"),
    ]
    one = "connect to 10.0.0.1:5432 failed after 30 s, job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 in /srv/a/b.py:17 (0xdeadbeef)"
    two = "connect to 10.9.8.7:5433 failed after 12.5 s, job 6fa459ea-ee8a-3ca4-894e-db77e160355e in /home/x/c.py:99 (0x1)"
    assert normalise_message(one) == normalise_message(two)
    assert normalise_message("expected 3 items") != normalise_message("unexpected 3 items")


def test_tests_that_fail_together_are_grouped():
    """At least three joint failures and a Jaccard index of 0.7; one that fails elsewhere as well is not in."""
    rows = [("failed", "failed", "passed", "failed")] * 4 + [("passed", "passed", "failed", "failed")] * 4
    rows += [("passed",) * 4] * 4
    tests = [
        dict(zip(("a", "b", "c", "everywhere"), row, strict=True)) | {f"ok{n}": "passed" for n in range(9)}
        for row in rows
    ]
    (group,) = history(*[session(n, **row) for n, row in enumerate(tests)]).failing_together()
    assert [name[6:] for name in group.tests] == ["a", "b"]
    assert (group.joint, group.jaccard) == (4, 1.0)


def test_a_test_that_fails_only_after_another_is_a_suspect_of_order():
    """Each failure came after `messy`; without it, or before it, the test passes."""
    suspects = history(
        session(1, messy="passed", victim="failed", calm="passed"),
        session(2, victim="passed", messy="passed", calm="passed"),
        session(3, victim="passed", calm="passed"),
        session(4, calm="passed", messy="passed", victim="failed"),
        session(5, calm="passed", victim="passed"),
    ).order_suspects()
    assert [(one.nodeid[6:], one.after[6:], one.failed_after, one.passed_without) for one in suspects] == [
        ("victim", "messy", 2, 3)
    ]


def test_why_returns_the_events_behind_a_verdict(tmp_path):
    """The recorded lines of every run of the test, in order of time."""
    storage = JSONStorage(tmp_path / "log.jsonl")
    storage.save_sessions([session(1, a="passed", b="failed"), session(2, a="failed")])
    records = Analysis(storage).why("t.py::a")
    assert [record.event().outcome for record in records] == ["passed", "failed"]
    data = (tmp_path / "log.jsonl").read_bytes()
    assert all(data[r.position : r.position + len(r.line)] == r.line for r in records)
    with pytest.raises(LookupError, match="nothing"):
        Analysis(storage).why("nothing")


def test_the_order_in_which_sessions_are_saved_does_not_matter():
    """Answers depend on when sessions ran, not on when they came."""
    sessions = [session(n, "a", x="failed" if n % 3 else "passed", y=("passed", 0.1 * n)) for n in range(12)]
    turned = sessions[::-1]
    random.Random(4).shuffle(turned)
    for question in ("broken_tests", "failure_rates", "transition_scores", "flaky_tests", "duration_shifts"):
        assert getattr(history(*sessions), question)() is not None
        plain = [(one.nodeid, getattr(one, "evidence", [])) for one in getattr(history(*sessions), question)()]
        other = [(one.nodeid, getattr(one, "evidence", [])) for one in getattr(history(*turned), question)()]
        strip = lambda found: [(name, [(o.session, o.verdict) for o in proof]) for name, proof in found]
        assert strip(plain) == strip(other)


# ------------------------------------------------------------------ a slow second opinion


def random_session(rng: random.Random, number: int) -> TestSession:
    """A session with a few tests of any outcome, some of them run again."""
    tests = {}
    for name in rng.sample("abcde", rng.randint(0, 5)):
        last = rng.choice(["passed", "passed", "failed", "error", "skipped", "xfailed", "xpassed"])
        tests[name] = ("rerun " * rng.choice([0, 0, 1]) + last, rng.choice([0.1, 0.2]))
    return session(number, rng.choice("ab"), rng.choice(["shop", "pay"]), dirty=rng.random() < 0.3, **tests)


def outages_that_are_no_evidence(sessions) -> set[str]:
    """Names of the sessions that are set aside, word for word from docs/analysis.md, one session at a time."""

    def shares(one):
        last = {result.nodeid: result.outcome.to_str() for result in one.test_results}
        telling = [outcome for outcome in last.values() if outcome in GOOD | BAD]
        return sum(outcome in BAD for outcome in telling), len(telling)

    def nearly_all(one):
        return shares(one)[1] >= 5 and shares(one)[0] > 0.8 * shares(one)[1]

    def good(one):
        return shares(one)[1] > 0 and shares(one)[0] <= 0.8 * shares(one)[1]

    default = {}
    for sut in {one.sut_name for one in sessions}:
        branches = {one.vcs.get("branch", "") for one in sessions if one.sut_name == sut}
        known = [name for name in ("main", "master", "trunk", "default", "develop") if name in branches]
        default[sut] = known[0] if known else ""
    aside = set()
    for one in filter(nearly_all, sessions):
        place = lambda other: (other.sut_name, other.vcs.get("branch") or default[other.sut_name])
        line = sorted((s for s in sessions if place(s) == place(one)), key=lambda s: (s.session_start_time, s.stream))
        at = line.index(one)
        before, behind = line[:at][-1:], line[at + 1 :][:1]
        same = [s for s in before + behind if one.vcs.get("commit") and s.vcs.get("commit") == one.vcs.get("commit")]
        is_break = not behind or any(map(nearly_all, same))
        between_good = bool(before and behind) and all(map(good, before + behind))
        if not is_break and ((same and all(map(good, same))) or between_good):
            aside.add(one.session_id)
    return aside


@settings(max_examples=examples(80))
@given(st.integers(0, 2**32).map(random.Random))
def test_columns_of_the_read_model_say_what_the_results_say(rng):
    """Runs from columns and runs from results are the same; so are answers to questions about them."""
    sessions = [random_session(rng, n) for n in range(rng.randint(0, 8))]
    storage = InMemoryStorage(sessions)
    fast = runs_of(storage.load_sessions())
    looked_at = storage.load_sessions()
    for one in looked_at:
        _ = one.test_results
    slow = runs_of(looked_at)
    view = lambda runs: [
        (
            r.name,
            r.sut,
            r.commit,
            r.dirty,
            {k: (t.verdict, t.outcomes, t.duration_us, t.order) for k, t in r.tests.items()},
        )
        for r in runs
    ]
    one_by_one = runs_of(storage.load_sessions())
    for run, other in zip(one_by_one, slow, strict=True):
        assert {nodeid: run.tests[nodeid][:3] for nodeid in run.tests} == {k: t[:3] for k, t in other.tests.items()}
        assert (len(run.tests), "no such" in run.tests) == (len(other.tests), False)
        assert set(run.failed_tests) == set(other.failed_tests)
        assert set(run.flaky_tests) == set(other.flaky_tests)
        assert run.durations() == other.durations()
        assert run.passing_durations() == other.passing_durations()
        assert (
            run.last_verdicts() == other.last_verdicts() == {name: test.verdict for name, test in other.tests.items()}
        )
        assert run.by_verdict() == other.by_verdict()
    assert view(fast) == view(slow)
    rates = {one.nodeid: (one.bad, one.considered) for one in Analysis(storage).failure_rates()}
    bad, seen = defaultdict(int), defaultdict(int)
    aside = outages_that_are_no_evidence(sessions)
    for one in sessions:
        last = {result.nodeid: result.outcome.to_str() for result in one.test_results}
        if one.session_id in aside:
            continue
        for nodeid, outcome in last.items():
            seen[nodeid] += outcome in GOOD | BAD
            bad[nodeid] += outcome in BAD
    assert rates == {nodeid: (bad[nodeid], seen[nodeid]) for nodeid in bad if bad[nodeid]}


# ------------------------------------------------------------------ comparison


def run(name: str, **tests: str) -> Run:
    """A run made by hand."""
    made = {
        nodeid: TestRun(verdict, (verdict,), 100_000, -1, "", n) for n, (nodeid, verdict) in enumerate(tests.items())
    }
    return Run(name, name, "s", 0, 0, "complete", "", "", None, made)


def test_a_comparison_puts_every_test_where_it_belongs():
    """Over all pairs of verdicts, and for tests that are on one side only."""
    verdicts = ["passed", "failed", "error", "crashed", "skipped", "xfailed", "xpassed", None]
    before, after = {}, {}
    for old in verdicts:
        for new in verdicts:
            nodeid = f"{old}_{new}"
            before |= {nodeid: old} if old else {}
            after |= {nodeid: new} if new else {}
    result = compare_runs([run("b", **before)], [run("t", **after)])
    pairs = lambda field: {tuple(c.nodeid.split("_")) for c in getattr(result, field)}
    for old in map(str, verdicts):
        for new in map(str, verdicts):
            if (old, new) == ("None", "None"):
                continue
            pair = (old, new)
            assert (pair in pairs("new_failures")) == (old not in BAD | {"None"} and new in BAD)
            assert (pair in pairs("new_passes")) == (old in BAD and new in GOOD)
            assert (pair in pairs("still_failing")) == (old in BAD and new in BAD)
            assert (pair in pairs("missing_tests")) == (new == "None")
            assert (pair in pairs("new_tests")) == (old == "None")
            assert (pair in pairs("newly_skipped")) == (new == "skipped" and old not in ("skipped", "None"))
            assert (pair in pairs("outcome_changes")) == (old != new and "None" not in pair)
    assert result.has_changes()
    assert not compare_runs([run("b", a="passed")], [run("t", a="passed")]).has_changes()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_matrix_that_is_the_same_on_both_sides_has_not_changed(order):
    """Bad in one variant and good in the other, whichever ran last; what changes is told with its variant."""

    def side(name: str, *verdicts: str) -> list[Run]:
        made = [
            replace(run(f"{name}-{db}", t=verdict), variant=(("db", db),))
            for db, verdict in zip(("lite", "full"), verdicts, strict=True)
        ]
        return [made[number] for number in order]

    same = compare_runs(side("a", "passed", "failed"), side("b", "passed", "failed")[::-1])
    assert not same.has_changes()
    assert [(change.nodeid, change.variant) for change in same.still_failing] == [("t", "db=full")]
    worse = compare_runs(side("a", "passed", "failed"), side("b", "failed", "failed"))
    assert [(change.nodeid, change.variant) for change in worse.new_failures] == [("t", "db=lite")]
    one_sided = compare_runs(side("a", "passed", "failed"), [replace(run("b", t="passed"), variant=(("db", "lite"),))])
    assert not one_sided.has_changes()
    apart = compare_runs(side("a", "passed", "passed")[:1], [replace(run("b", t="failed"), variant=(("db", "other"),))])
    assert [change.nodeid for change in apart.new_failures] == ["t"]


def test_slower_tests_need_a_difference_that_is_no_chance():
    """Twenty runs of a third more: slower. The same scatter on both sides: not. Few runs: only the ratio, and it says so."""
    rng = random.Random(3)
    make = lambda n, factor: session(
        n,
        slow=("passed", rng.gauss(0.3, 0.03) * factor),
        same=("passed", rng.uniform(0.2, 0.4)),
        fast=("passed", 0.3 / factor),
    )
    storage = InMemoryStorage([*(make(n, 1.0) for n in range(20)), *(make(n, 1.4) for n in range(100, 120))])
    sessions = storage.load_sessions()
    result = Comparison(storage).execute(sessions[:20], sessions[20:])
    assert [c.nodeid[6:] for c in result.slower_tests] == ["slow"]
    assert [c.nodeid[6:] for c in result.faster_tests] == ["fast"]
    slow = result.slower_tests[0]
    assert slow.q < 0.01
    assert slow.effect > 0.8
    assert slow.samples == (20, 20)
    few = Comparison(storage).execute(sessions[:2], sessions[-2:])
    assert few.slower_tests == [], "1.4 times, by two runs a side, says nothing"
    doubled = InMemoryStorage([*(make(n, 1.0) for n in range(2)), *(make(n, 2.0) for n in range(100, 102))])
    sessions = doubled.load_sessions()
    few = Comparison(doubled).execute(sessions[:2], sessions[2:])
    assert [(c.nodeid[6:], c.q, c.confirmed) for c in few.slower_tests] == [("slow", None, False)]


def test_what_can_be_compared():
    """Systems, sessions by id, spans of time, commits and profiles; narrowed alike on both sides."""
    get_storage_instance("one").save_sessions(
        [session(1, "a", x="passed"), session(2, "b", x="failed"), session(3, "c", sut="pay", x="passed")]
    )
    get_storage_instance("two").save_sessions([session(4, "d", x="passed", y="passed")])
    api = InsightAPI("one")
    assert names(api.compare().between_suts("pay", "shop").execute().new_failures) == ["x"]
    assert names(api.compare().between_sessions("s001", "s002").execute().new_failures) == ["x"]
    assert names(api.compare().between_sessions("s002", "s001").execute().new_passes) == ["x"]
    spans = [(START + timedelta(hours=a), START + timedelta(hours=b)) for a, b in ((0.5, 1.5), (1.5, 2.5))]
    assert names(compare("one").between_periods(*spans).execute().new_failures) == ["x"]
    assert names(compare("one").between_commits("a", "bbb").execute().new_failures) == ["x"]
    result = compare().with_profiles("one", "two").apply_to_both(lambda q: q.for_sut("shop")).execute()
    assert (names(result.new_passes), names(result.new_tests)) == (["x"], ["y"])
    assert (result.base, result.base_sessions, result.target_sessions) == ("one", ["s001", "s002"], ["s004"])
    assert "new_passes 1" in repr(result)
    assert "<table>" in result._repr_html_()
    assert result.to_dict()["new_tests"][0]["nodeid"] == "t.py::y"
    with pytest.raises(LookupError, match="nobody"):
        api.compare().between_sessions("s001", "nobody")


def test_analysis_is_narrowed_like_a_query():
    """By system and any other filter; a result of a query can be analysed as it is."""
    get_storage_instance().save_sessions([session(1, x="failed"), session(2, sut="pay", x="passed")])
    assert names(analyze().for_sut("shop").broken_tests()) == ["x"]
    assert names(analyze().for_sut("pay").broken_tests()) == []
    assert analyze().where(lambda q: q.with_session_id_pattern("*2")).summary().sessions == 1
    found = InsightAPI().query().for_sut("shop").execute()
    assert names(analyze().of(found).broken_tests()) == ["x"]
    assert len(analyze().of(found).why("t.py::x")) == 1
