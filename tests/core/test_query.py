"""Queries: each filter against the same question asked in plain Python."""

import fnmatch
import random
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.core_api import InsightAPI, query
from pytest_insight.core.filters import InvalidQueryParameterError
from pytest_insight.core.models import RerunTestGroup, TestOutcome, TestResult, TestSession
from pytest_insight.core.query import Query
from pytest_insight.core.storage import InMemoryStorage, get_storage_instance
from pytest_insight.projections.readmodel import ReadModel

NOW = datetime.now(UTC)


def make_session(name: str, rng: random.Random) -> TestSession:
    """A session of the last weeks with a few results of any kind."""
    start = NOW - timedelta(hours=rng.uniform(0.1, 800))
    results = [
        TestResult(
            f"t_{rng.choice('abc')}.py::test_{number}",
            rng.choice(list(TestOutcome)),
            start + timedelta(seconds=number),
            duration=round(rng.uniform(0, 2), 3),
            capstdout=rng.choice(["", "out of stock", "fine"]),
            capstderr=rng.choice(["", "warned"]),
            caplog=rng.choice(["", "INFO log"]),
            longreprtext=rng.choice(["", "E   assert 0", "E   TimeoutError: slow"]),
            has_warning=rng.random() < 0.2,
        )
        for number in range(rng.randint(0, 5))
    ]
    return TestSession(
        rng.choice(["shop", "pay"]),
        testing_system={"name": rng.choice(["ci", "laptop"])},
        session_id=name,
        session_start_time=start,
        session_duration=10.0,
        session_tags={"team": rng.choice("xy")} if rng.random() < 0.7 else {},
        test_results=results,
    )


@pytest.fixture(scope="module")
def storage():
    """Sixty sessions in memory."""
    rng = random.Random(5)
    return InMemoryStorage([make_session(f"s{number:02d}", rng) for number in range(60)])


def names(sessions) -> list[str]:
    """The ids, in order."""
    return [session.session_id for session in sessions]


SESSION_FILTERS = {
    "for_sut": (lambda q: q.for_sut("shop"), lambda s: s.sut_name == "shop"),
    "with_sut": (lambda q: q.with_sut("nobody"), lambda s: False),
    "in_last_days": (lambda q: q.in_last_days(7), lambda s: s.session_start_time > NOW - timedelta(days=7)),
    "in_last_hours": (lambda q: q.in_last_hours(100), lambda s: s.session_start_time > NOW - timedelta(hours=100)),
    "in_last_minutes": (
        lambda q: q.in_last_minutes(6000),
        lambda s: s.session_start_time > NOW - timedelta(minutes=6000),
    ),
    "in_last_seconds": (lambda q: q.in_last_seconds(9**9), lambda s: True),
    "after": (lambda q: q.after(NOW - timedelta(days=3)), lambda s: s.session_start_time > NOW - timedelta(days=3)),
    "before": (lambda q: q.before(NOW - timedelta(days=3)), lambda s: s.session_start_time < NOW - timedelta(days=3)),
    "between": (
        lambda q: q.between(NOW - timedelta(days=9), NOW - timedelta(days=3)),
        lambda s: NOW - timedelta(days=9) <= s.session_start_time <= NOW - timedelta(days=3),
    ),
    "with_outcome": (
        lambda q: q.with_outcome("FAILED"),
        lambda s: any(r.outcome is TestOutcome.FAILED for r in s.test_results),
    ),
    "with_outcome enum": (
        lambda q: q.with_outcome(TestOutcome.ERROR),
        lambda s: any(r.outcome is TestOutcome.ERROR for r in s.test_results),
    ),
    "with_warning": (lambda q: q.with_warning(), lambda s: any(r.has_warning for r in s.test_results)),
    "without warning": (lambda q: q.with_warning(False), lambda s: not any(r.has_warning for r in s.test_results)),
    "with_session_id_pattern": (
        lambda q: q.with_session_id_pattern("s1*"),
        lambda s: fnmatch.fnmatchcase(s.session_id, "s1*"),
    ),
    "with_session_tag": (lambda q: q.with_session_tag("team", "x"), lambda s: s.session_tags.get("team") == "x"),
    "with_session_tag or": (
        lambda q: q.with_session_tag("team", "x").with_session_tag("team", "y", combine_with_or=True),
        lambda s: s.session_tags.get("team") in ("x", "y"),
    ),
    "test_nodeid_contains": (
        lambda q: q.test_nodeid_contains("t_a"),
        lambda s: any("t_a" in r.nodeid for r in s.test_results),
    ),
    "with_testing_system": (lambda q: q.with_testing_system("ci"), lambda s: s.testing_system["name"] == "ci"),
    "with_reruns": (lambda q: q.with_reruns(False), lambda s: not s.rerun_test_groups),
}

TEST_FILTERS = {
    "substring": (lambda f: f.with_pattern("_b.py"), lambda r: "_b.py" in r.nodeid),
    "glob": (lambda f: f.with_pattern("t_?.py::*1"), lambda r: re.fullmatch(r"t_.\.py::.*1", r.nodeid)),
    "regex": (
        lambda f: f.with_pattern(r"[ab]\.py::test_[12]$", use_regex=True),
        lambda r: re.search(r"[ab]\.py::test_[12]$", r.nodeid),
    ),
    "field": (lambda f: f.with_pattern("Timeout", field_name="longreprtext"), lambda r: "Timeout" in r.longreprtext),
    "nodeid": (lambda f: f.with_nodeid_containing("t_c"), lambda r: "t_c" in r.nodeid),
    "error": (lambda f: f.with_error_containing("assert"), lambda r: "assert" in r.longreprtext),
    "log": (lambda f: f.with_log_containing("INFO"), lambda r: "INFO" in r.caplog),
    "stdout": (lambda f: f.with_stdout_containing("stock"), lambda r: "stock" in r.capstdout),
    "stderr": (lambda f: f.with_stderr_containing("warned"), lambda r: "warned" in r.capstderr),
    "outcome": (lambda f: f.with_outcome("xpassed"), lambda r: r.outcome is TestOutcome.XPASSED),
    "duration": (lambda f: f.with_duration_between(0.5, 1), lambda r: 0.5 <= r.duration <= 1),
    "warning": (lambda f: f.with_warning(), lambda r: r.has_warning),
    "custom": (lambda f: f.with_custom_filter(lambda r: r.nodeid[-1] in "13", "odd"), lambda r: r.nodeid[-1] in "13"),
}


@pytest.mark.parametrize("name", SESSION_FILTERS)
def test_each_filter_of_sessions(storage, name):
    """The result is what a plain loop over all sessions finds, in order of start."""
    ask, plain = SESSION_FILTERS[name]
    found = ask(Query(storage)).execute()
    assert names(found) == names(session for session in storage.load_sessions() if plain(session))
    assert (len(found), found.empty) == (len(found.sessions), not found.sessions)


@pytest.mark.parametrize("name", TEST_FILTERS)
def test_each_filter_of_tests(storage, name):
    """Sessions with a matching test, holding the matching tests only, and all their own fields."""
    ask, plain = TEST_FILTERS[name]
    found = ask(Query(storage).filter_by_test()).apply().execute()
    expected = {
        session.session_id: [r.nodeid for r in session.test_results if plain(r)]
        for session in storage.load_sessions()
        if any(plain(r) for r in session.test_results)
    }
    assert {s.session_id: [r.nodeid for r in s.test_results] for s in found} == expected
    assert expected, "the filter is tried on something"
    whole = storage.get_session_by_id(found[0].session_id)
    assert (found[0].sut_name, found[0].session_tags) == (whole.sut_name, whole.session_tags)


@settings(max_examples=examples(60))
@given(
    st.sets(st.sampled_from(sorted(SESSION_FILTERS)), max_size=3),
    st.sets(st.sampled_from(sorted(TEST_FILTERS)), max_size=2),
)
def test_filters_are_combined_with_and(storage_of_many, sessions, tests):
    """Any few of them together, on one query, tests on one and the same test."""
    q = Query(storage_of_many)
    for name in sorted(sessions):
        SESSION_FILTERS[name][0](q)
    if tests:
        opened = q.filter_by_test()
        for name in sorted(tests):
            TEST_FILTERS[name][0](opened)
        assert opened.apply() is q
    found = q.execute()
    expected = [
        session.session_id
        for session in storage_of_many.load_sessions()
        if all(SESSION_FILTERS[name][1](session) for name in sessions)
        if not tests or any(all(TEST_FILTERS[name][1](r) for name in tests) for r in session.test_results)
    ]
    assert names(found) == expected


@pytest.fixture(scope="module")
def storage_of_many():
    """Sessions of another seed."""
    rng = random.Random(11)
    return InMemoryStorage([make_session(f"s{number:02d}", rng) for number in range(40)])


def test_clearing_with_a_result_clears_whole_sessions():
    """A result narrowed to some tests stands for its sessions; what was not in it stays."""
    storage = InMemoryStorage([make_session(f"s{n}", random.Random(n)) for n in range(20)])
    found = Query(storage).filter_by_test().with_outcome("failed").apply().execute()
    before = len(storage.load_sessions())
    assert storage.clear_sessions(found) == len(found) > 0
    assert len(storage.load_sessions()) == before - len(found)
    assert Query(storage).filter_by_test().with_outcome("failed").apply().execute().empty


def test_filters_accumulate_until_they_are_reset(storage):
    """A query object remembers; reset makes it new; execute looks among given sessions too."""
    q = Query(storage).for_sut("shop")
    first = q.execute()
    assert len(q.with_outcome("failed").execute()) < len(first)
    assert len(q.reset().execute()) == 60
    assert names(Query(storage).for_sut("pay").execute(first)) == []
    assert "sut shop" in repr(Query(storage).for_sut("shop"))


def test_dates_begin_at_local_midnight():
    """A day is that of the machine's time zone; both ends of a range of days are in it."""
    midnight = datetime(2026, 3, 5).astimezone()
    sessions = [
        TestSession("s", session_id=str(n), session_start_time=midnight + timedelta(minutes=m), session_duration=1.0)
        for n, m in enumerate((-1, 0, 24 * 60 - 1, 24 * 60))
    ]
    storage = InMemoryStorage(sessions)
    assert names(Query(storage).before_date("2026-03-05").execute()) == ["0"]
    assert names(Query(storage).after_date(date(2026, 3, 5)).execute()) == ["1", "2", "3"]
    assert names(Query(storage).date_range("2026-03-05", "2026-03-05").execute()) == ["1", "2"]
    assert names(Query(storage).date_range(midnight, midnight + timedelta(hours=1)).execute()) == ["1"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda q: q.for_sut(""),
        lambda q: q.for_sut(None),
        lambda q: q.in_last_days(-1),
        lambda q: q.in_last_days(1.5),
        lambda q: q.in_last_days(True),
        lambda q: q.before("yesterday"),
        lambda q: q.before_date("05.03.2026"),
        lambda q: q.between(NOW, NOW - timedelta(days=1)),
        lambda q: q.date_range("2026-03-06", "2026-03-05"),
        lambda q: q.with_outcome("exploded"),
        lambda q: q.with_session_tag("a", "b", combine_with_or=True),
        lambda q: q.filter_by_test().with_pattern("[", use_regex=True),
        lambda q: q.filter_by_test().with_pattern("x", field_name="__class__"),
        lambda q: q.filter_by_test().with_duration_between(2, 1),
        lambda q: q.filter_by_test().with_duration_between("a", 1),
        lambda q: q.filter_by_test().with_custom_filter("not callable"),
    ],
)
def test_bad_arguments_are_refused(storage, ask):
    """At once, with an error that is a ValueError and names the filter."""
    with pytest.raises(InvalidQueryParameterError):
        ask(Query(storage))
    assert issubclass(InvalidQueryParameterError, ValueError)


def test_the_entry_points(private_home):
    """InsightAPI and query() look into the profile that is named, or the active one."""
    get_storage_instance("one").save_session(make_session("in-one", random.Random(1)))
    get_storage_instance().save_session(make_session("in-default", random.Random(2)))
    assert names(InsightAPI(profile_name="one").query().execute()) == ["in-one"]
    assert names(query(profile_name="one").execute()) == ["in-one"]
    assert names(query().execute()) == ["in-default"]
    assert names(query().with_profile("one").execute()) == ["in-one"]
    assert names(InsightAPI().with_profile("one").query().execute()) == ["in-one"]


def test_a_rerun_is_found():
    """Sessions with a test that was run again."""
    start = NOW
    attempts = [TestResult("t::a", outcome, start, duration=0.1) for outcome in ("rerun", "passed")]
    attempts[1].start_time += timedelta(seconds=1)
    session = TestSession("s", session_id="r", session_start_time=start, session_duration=1.0, test_results=attempts)
    session.add_rerun_group(RerunTestGroup("t::a", attempts))
    storage = InMemoryStorage([session, make_session("n", random.Random(3))])
    assert names(Query(storage).with_reruns().execute()) == ["r"]


def test_what_the_read_model_knows_is_not_read_from_the_log(storage, monkeypatch):
    """Names, outcomes, durations, warnings and reruns decide without the log; results are read when they are looked at."""
    reads = []
    lines_at = ReadModel.lines_at
    monkeypatch.setattr(
        ReadModel, "lines_at", lambda model, places: reads.append(len(places)) or lines_at(model, places)
    )
    q = Query(storage).with_reruns(False).test_nodeid_contains("t_a").filter_by_test()
    found = q.with_nodeid_containing("t_a").with_outcome("passed").with_duration_between(0, 1).apply().execute()
    assert len(found) > 1
    counted = found[0].outcome_counts
    assert set(counted) == {"passed"}
    assert reads == []
    assert {result.outcome for result in found[0].test_results} == {TestOutcome.PASSED}
    assert reads == [counted["passed"]], "only what is in the result"
    assert not found[1].is_untouched, "an analysis of the result is about the tests in it"


def test_rerun_groups_of_a_narrowed_session_stay_whole():
    """A test whose last attempt fits the filter keeps its earlier ones in its group."""
    start = NOW
    sessions = []
    for n, outcomes in enumerate([("rerun", "passed"), ("rerun", "failed"), ("passed",), ("rerun", "rerun", "passed")]):
        session = TestSession("shop", session_id=f"s{n}", session_start_time=start, session_duration=1.0)
        for nodeid in ("t::a", "t::b"):
            for outcome in outcomes if nodeid == "t::a" else ("passed",):
                session.add_test_result(TestResult(nodeid, outcome, start, duration=0.1))
        sessions.append(session)
    storage = InMemoryStorage(sessions)
    whole = {s.session_id: {g.nodeid: len(g.tests) for g in s.rerun_test_groups} for s in storage.load_sessions()}
    found = Query(storage).with_reruns().filter_by_test().with_outcome("passed").apply().execute()
    seen = 0
    for session in found:
        nodeids = {result.nodeid for result in session.test_results}
        groups = {group.nodeid: len(group.tests) for group in session.rerun_test_groups}
        assert groups == {nodeid: n for nodeid, n in whole[session.session_id].items() if nodeid in nodeids}
        seen += len(groups)
    assert seen > 0


def test_the_first_filter_after_execute_starts_a_new_query(storage):
    """As the documented examples do it: one object, several questions, none of which narrows the next."""
    asked = Query(storage)
    shop = names(asked.for_sut("shop").execute())
    assert names(asked.execute()) == shop, "without a new filter it is the same question"
    assert names(asked.for_sut("pay").execute()) == names(Query(storage).for_sut("pay").execute())
    assert names(asked.in_last_days(10).execute()) == names(Query(storage).in_last_days(10).execute())
    failing = names(asked.filter_by_test().with_outcome("failed").apply().execute())
    assert failing == names(Query(storage).filter_by_test().with_outcome("failed").apply().execute())
    tagged = names(asked.with_session_tag("team", "x").execute())
    assert tagged == names(Query(storage).with_session_tag("team", "x").execute())
    assert all([shop, failing, tagged])


@pytest.mark.parametrize("key", ["name", "host", "hostname"])
def test_a_machine_is_found_by_whichever_name_was_recorded(key):
    """The recorder writes `host`, what was made by other means has `hostname`, and the name is what the user gave."""
    sessions = [
        TestSession(
            "shop", session_id=f"on-{name}", session_start_time=NOW, session_duration=1.0, testing_system={key: name}
        )
        for name in ("ci-7", "ci-8")
    ]
    found = Query(InMemoryStorage(sessions)).with_testing_system("ci-7").execute()
    assert [session.session_id for session in found] == ["on-ci-7"]
