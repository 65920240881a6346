"""Filters of queries: each by an oracle of its own, and laws of combining them: they commute, they never add."""

import fnmatch
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.filters import (
    TEST_FIELDS,
    InvalidQueryParameterError,
    checked_count,
    checked_day,
    checked_midnight,
    checked_moment,
    checked_text,
    matcher_of,
)
from pytest_insight.core.models import TestOutcome, TestResult, TestSession
from pytest_insight.core.query import Query
from pytest_insight.core.session_filters import SessionFilters
from pytest_insight.core.storage import InMemoryStorage
from small_runs import few, scarce

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
OUTCOMES = ["passed", "failed", "error", "skipped", "rerun"]
TAGS = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["a", "b"]))


def make_session(number: int, sut: str, results, tags, warned: bool = False) -> TestSession:
    """A session an hour after the one before; results as `(name, outcome)`, 0.1 s longer each."""
    at = START + timedelta(hours=number)
    made = [
        TestResult(
            f"t.py::{name}",
            outcome,
            at + timedelta(seconds=place),
            duration=round(0.1 * place, 1),
            longreprtext=f"E   {name} in {sut}",
            has_warning=warned,
        )
        for place, (name, outcome) in enumerate(results)
    ]
    session = TestSession(
        sut, {"host": f"host-{number % 2}"}, f"run-{number}", at, session_duration=1.0, session_tags=tags
    )
    session.test_results = made
    session.vcs = {"commit": f"{number % 3:x}" * 40}
    return session


stores = st.lists(
    st.tuples(
        st.sampled_from(["shop", "pay"]),
        st.lists(
            st.tuples(st.sampled_from("xyz"), st.sampled_from(OUTCOMES)), max_size=3, unique_by=lambda one: one[0]
        ),
        TAGS,
        st.booleans(),
    ),
    max_size=6,
).map(lambda found: [make_session(number, *fields) for number, fields in enumerate(found)])

SESSION_FILTERS = {
    "sut": (lambda q: q.for_sut("shop"), lambda s: s.sut_name == "shop"),
    "after": (
        lambda q: q.after(START + timedelta(hours=1)),
        lambda s: s.session_start_time > START + timedelta(hours=1),
    ),
    "before": (
        lambda q: q.before(START + timedelta(hours=4)),
        lambda s: s.session_start_time < START + timedelta(hours=4),
    ),
    "id": (lambda q: q.with_session_id_pattern("run-[13]"), lambda s: fnmatch.fnmatchcase(s.session_id, "run-[13]")),
    "tag": (lambda q: q.with_session_tag("team", "a"), lambda s: s.session_tags.get("team") == "a"),
    "outcome": (lambda q: q.with_outcome("FAILED"), lambda s: any(r.outcome == "failed" for r in s.test_results)),
    "commit": (lambda q: q.with_commit("11"), lambda s: s.vcs["commit"].startswith("11")),
    "system": (lambda q: q.with_testing_system("host-1"), lambda s: s.testing_system["host"] == "host-1"),
    "warning": (lambda q: q.with_warning(), lambda s: any(r.has_warning for r in s.test_results)),
    "calm": (lambda q: q.with_warning(False), lambda s: not any(r.has_warning for r in s.test_results)),
    "test": (lambda q: q.test_nodeid_contains("::x"), lambda s: any("::x" in r.nodeid for r in s.test_results)),
}
"""A filter, and what it means, by name."""
TEST_FILTERS = {
    "pattern": (lambda t: t.with_pattern("*::x"), lambda r: r.nodeid.endswith("::x")),
    "part": (lambda t: t.with_pattern("y"), lambda r: "y" in r.nodeid),
    "regex": (lambda t: t.with_pattern("[xy]$", use_regex=True), lambda r: re.search("[xy]$", r.nodeid)),
    "outcome": (lambda t: t.with_outcome("failed"), lambda r: r.outcome == "failed"),
    "word": (lambda t: t.with_pattern("failed", "outcome"), lambda r: r.outcome == "failed"),
    "error": (lambda t: t.with_error_containing("x in shop"), lambda r: "x in shop" in r.longreprtext),
    "long": (lambda t: t.with_duration_between(0.1, 0.2), lambda r: 0.1 <= r.duration <= 0.2),
    "custom": (lambda t: t.with_custom_filter(lambda r: r.duration == 0), lambda r: r.duration == 0),
    "warning": (lambda t: t.with_warning(), lambda r: r.has_warning),
}


def names(found) -> list[str]:
    """Ids of sessions."""
    return [session.session_id for session in found]


def results_of(found) -> list[tuple[str, str, str]]:
    """Every result, with its session."""
    return [(s.session_id, r.nodeid, str(r.outcome)) for s in found for r in s.test_results]


@scarce
@given(stores, st.lists(st.sampled_from(sorted(SESSION_FILTERS)), max_size=4), st.booleans())
def test_filters_of_sessions_mean_what_they_say_and_commute(sessions, chosen, is_stored):
    """Any of them in any order, on a store or on sessions at hand, find what all of the conditions hold for."""
    expected = [s.session_id for s in sessions if all(SESSION_FILTERS[name][1](s) for name in chosen)]
    storage = InMemoryStorage(sessions)
    for order in (chosen, chosen[::-1]):
        query = Query(storage)
        for name in order:
            SESSION_FILTERS[name][0](query)
        assert names(query.execute(None if is_stored else sessions)) == expected


@scarce
@given(stores, st.lists(st.sampled_from(sorted(TEST_FILTERS)), min_size=1, max_size=3), st.booleans())
def test_filters_of_tests_hold_for_one_and_the_same_attempt(sessions, chosen, is_stored):
    """A session is found with those attempts only; the sessions that were given stay as they are."""
    fits = lambda result: all(TEST_FILTERS[name][1](result) for name in chosen)
    expected = [(s.session_id, r.nodeid, str(r.outcome)) for s in sessions for r in s.test_results if fits(r)]
    before = results_of(sessions)
    query = Query(InMemoryStorage(sessions))
    for name in chosen:
        test_filter = query.filter_by_test()
        assert TEST_FILTERS[name][0](test_filter) is test_filter
        assert test_filter.apply() is query
    assert results_of(query.execute(None if is_stored else sessions)) == expected
    assert results_of(sessions) == before


@scarce
@given(stores, st.lists(st.sampled_from(sorted(SESSION_FILTERS)), max_size=4))
def test_one_more_filter_never_finds_more(sessions, chosen):
    """Each result is a part of the one before it, in its order."""
    found = [set(names(sessions))]
    for count in range(1, len(chosen) + 1):
        query = Query(InMemoryStorage(sessions))
        for name in chosen[:count]:
            SESSION_FILTERS[name][0](query)
        found.append(set(names(query.execute())))
    assert all(later <= earlier for earlier, later in pairwise(found))


@scarce
@given(stores)
def test_a_query_that_was_executed_starts_anew(sessions):
    """The next filter does not add to those before, and `reset` takes them away."""
    query = Query(InMemoryStorage(sessions))
    query.for_sut("shop").execute()
    assert names(query.with_session_id_pattern("*").execute()) == names(sessions)
    assert names(query.for_sut("none").reset().execute()) == names(sessions)
    assert repr(query) == "<Query: everything>"


@scarce
@given(stores, TAGS.filter(lambda tags: len(tags) > 1))
def test_tags_are_joined_with_or_only_where_that_is_said(sessions, tags):
    """Right behind another filter of a tag; the text of the query says so."""
    (first, second) = tags.items()
    either = Query(InMemoryStorage(sessions)).with_session_tag(*first).with_session_tag(*second, combine_with_or=True)
    assert str(either) == f"tag {first[0]}={first[1]} or {second[0]}={second[1]}"
    assert names(either.execute()) == [
        s.session_id for s in sessions if set(tags.items()) & set(s.session_tags.items())
    ]
    with pytest.raises(InvalidQueryParameterError, match="right before"):
        Query(InMemoryStorage()).for_sut("shop").with_session_tag(*first, combine_with_or=True)


def test_spans_of_a_query_have_the_ends_that_are_documented():
    """`between` and days have both ends, `after` and `before` none."""
    sessions = [make_session(number, "shop", [], {}) for number in range(4)]

    def found(narrow):
        return names(narrow(Query(InMemoryStorage(sessions))).execute())

    first, last = sessions[1].session_start_time, sessions[2].session_start_time
    assert found(lambda q: q.between(first, last)) == ["run-1", "run-2"]
    assert found(lambda q: q.after(first)) == ["run-2", "run-3"]
    assert found(lambda q: q.before(last)) == ["run-0", "run-1"]
    assert found(lambda q: q.date_range(first, last)) == ["run-1", "run-2"]
    day = first.astimezone().date()
    assert found(lambda q: q.date_range(day, day)) == [
        s.session_id for s in sessions if s.session_start_time.astimezone().date() == day
    ]
    assert found(lambda q: q.after_date(day - timedelta(days=1)).before_date(day + timedelta(days=2))) == names(
        sessions
    )
    assert found(lambda q: q.before_date(day - timedelta(days=1))) == []


def test_a_span_of_durations_has_both_its_ends():
    """Attempts of 0.0, 0.1, 0.2 and 0.3 s."""
    storage = InMemoryStorage([make_session(0, "shop", [(name, "passed") for name in "abcd"], {})])
    found = Query(storage).filter_by_test().with_duration_between(0.1, 0.2).apply().execute()
    assert [one.duration for one in found[0].test_results] == [0.1, 0.2]


def test_the_last_so_many_reach_back_from_now():
    """In four units; more than there is time is everything."""
    now = datetime.now(UTC)
    storage = InMemoryStorage([TestSession("s", {}, "old", now - timedelta(minutes=90), session_duration=1.0)])
    for unit, inside, outside in (("seconds", 6000, 5000), ("minutes", 100, 80), ("hours", 2, 1), ("days", 1, 0)):
        for count, expected in ((inside, ["old"]), (outside, []), (10**12, ["old"])):
            query: SessionFilters = Query(storage)
            assert names(getattr(query, f"in_last_{unit}")(count).execute()) == expected


# ------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (checked_text, ["", None, 3, b"x"]),
        (checked_count, [-1, True, 1.5, "3", None]),
        (checked_moment, ["2026-11-20", date(2026, 11, 20), 5, None]),
        (checked_day, ["2026-13-01", "yesterday", None, 5]),
        (checked_midnight, ["", None]),
    ],
)
def test_a_value_of_another_kind_is_an_error_that_names_the_filter(check, wrong):
    """Never a filter that finds nothing."""
    for value in wrong:
        with pytest.raises(InvalidQueryParameterError, match=r"^with_it: "):
            check(value, "with_it")


def test_values_are_taken_in_each_form_that_is_documented():
    """A day as date, time or text; a moment in any zone; a count up to its limit."""
    noon = datetime(2026, 11, 20, 12).astimezone()
    for day in (noon, noon.date(), "2026-11-20"):
        assert checked_day(day, "w") == date(2026, 11, 20)
        assert checked_midnight(day, "w") == noon - timedelta(hours=12)
    assert checked_moment(noon.replace(tzinfo=None), "w") == noon
    assert (checked_count(0, "w"), checked_count(10**12, "w")) == (0, 999_999_999)


@pytest.mark.parametrize(
    ("narrow", "message"),
    [
        (lambda t: t.with_pattern("x", "path"), f"no field 'path'; use one of {', '.join(TEST_FIELDS)}"),
        (lambda t: t.with_pattern("(", use_regex=True), "not a regular expression"),
        (lambda t: t.with_duration_between(2, 1), "not 0 <= 2 <= 1"),
        (lambda t: t.with_duration_between(-1, 1), "not 0 <= -1 <= 1"),
        (lambda t: t.with_duration_between("1", 2), "two numbers"),
        (lambda t: t.with_custom_filter("x"), "a function of a TestResult"),
        (lambda t: t.with_outcome("falied"), "no outcome 'falied'; use one of passed, failed"),
        (lambda t: t.with_nodeid_containing(""), "a filter on nodeid: a text that is not empty"),
    ],
)
def test_a_filter_that_cannot_work_is_refused(narrow, message):
    """At once, and not when the query is executed."""
    with pytest.raises(InvalidQueryParameterError) as error:
        narrow(Query(InMemoryStorage()).filter_by_test())
    assert message in str(error.value)


@few
@given(st.text("ab*?[]", max_size=5), st.text("ab", max_size=5))
def test_a_pattern_is_a_part_a_glob_or_an_expression(pattern, text):
    """Without glob characters a part; with them the whole text, as fnmatch has it."""
    expected = fnmatch.fnmatchcase(text, pattern) if set(pattern) & set("*?[") else pattern in text
    assert bool(matcher_of(pattern, use_regex=False)(text)) == expected


def test_an_outcome_of_another_plugin_can_be_asked_for_where_it_was_recorded():
    """By name in any case, as enum anywhere; a name that no session has is refused."""
    odd = make_session(1, "shop", [], {})
    odd.test_results = [TestResult("t.py::x", TestOutcome.named("quarantined"), START, duration=1.0)]
    storage = InMemoryStorage([odd])
    assert names(Query(storage).with_outcome("Quarantined").execute()) == ["run-1"]
    assert names(Query(InMemoryStorage()).with_outcome(TestOutcome.named("quarantined")).execute()) == []
    with pytest.raises(InvalidQueryParameterError, match="quarantined"):
        Query(storage).with_outcome("odd")
