"""Filters: they commute, narrow, and are checked; each value that they take, and each that they refuse."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.filters import (
    InvalidQueryParameterError,
    checked_count,
    checked_day,
    checked_midnight,
    checked_moment,
    checked_text,
    field_of,
    matcher_of,
)
from pytest_insight.core.history.column_view import AttemptSeen, Peek, is_stored
from pytest_insight.core.models import RerunTestGroup, TestResult, TestSession
from pytest_insight.core.query import Query
from pytest_insight.core.storage import InMemoryStorage

NOW = datetime.now(UTC).replace(microsecond=0)


def make_session(number, outcomes="passed", **more):
    """Return a session some hours ago; each outcome is a test."""
    start = NOW - timedelta(hours=number)
    results = [
        TestResult(f"t.py::test_{at}", outcome, start, duration=at / 10, capstdout=f"out {outcome}")
        for at, outcome in enumerate(outcomes.split())
    ]
    fields = {"sut_name": "shop", "session_id": f"s{number}", "session_tags": {"team": "x" if number % 2 else "y"}}
    return TestSession(**(fields | more), session_start_time=start, session_duration=1.0, test_results=results)


SESSIONS = [
    make_session(1),
    make_session(2, "failed passed"),
    make_session(3, "error skipped failed", sut_name="pay"),
    make_session(30, "passed rerun"),
    make_session(50, "xfailed", sut_name="pay"),
    make_session(200, "", session_id="empty"),
]
SESSIONS[3].add_rerun_group(RerunTestGroup("t.py::test_1", SESSIONS[3].test_results))


@given(st.integers(0, 250), st.integers(0, 250))
def test_before_and_after_divide_all_sessions_but_those_of_the_moment(first, second):
    """Neither includes the moment itself; between includes both of its ends."""
    low, high = sorted((first, second))
    early, late = NOW - timedelta(hours=high), NOW - timedelta(hours=low)
    ids = lambda query: {session.session_id for session in query.execute(SESSIONS)}
    everything = {session.session_id for session in SESSIONS}
    storage = InMemoryStorage()
    outside = ids(Query(storage).before(early)) | ids(Query(storage).after(late))
    assert ids(Query(storage).between(early, late)) == everything - outside


def test_a_tag_may_be_another_one_only_behind_a_tag():
    """`combine_with_or` widens the tag filter right before it."""
    query = Query(InMemoryStorage(SESSIONS)).with_session_tag("team", "x").with_session_tag("team", "y", True)
    assert len(query.execute()) == len(SESSIONS)
    assert str(query) == "tag team=x or team=y"
    for begun in (Query(InMemoryStorage()), Query(InMemoryStorage()).for_sut("shop")):
        with pytest.raises(InvalidQueryParameterError, match="needs a tag filter right before"):
            begun.with_session_tag("team", "y", combine_with_or=True)


# ------------------------------------------------------------------ columns


def test_what_the_columns_say_is_what_the_results_say(tmp_path):
    """Of a stored session that was not looked at yet: outcomes, durations, warnings and tests that ran again."""
    from pytest_insight.core.storage import JSONStorage

    JSONStorage(tmp_path / "log.jsonl").save_sessions(SESSIONS)
    for stored in JSONStorage(tmp_path / "log.jsonl").load_sessions():
        assert is_stored(stored)
        with stored.models() as model:
            peek = Peek(model, stored.stream)
            seen, again = peek.test_results, peek.rerun_test_groups
            with pytest.raises(LookupError, match="not stored any more"):
                Peek(model, "f" * 32)
        results = stored.test_results
        assert not is_stored(stored)
        assert seen == [AttemptSeen(o.nodeid, o.outcome, o.duration, o.has_warning) for o in results]
        assert again == [group.nodeid for group in stored.rerun_test_groups]


# ------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("pattern", "use_regex", "text", "fits"),
    [
        ("est_", False, "test_x", True),
        ("t*x", False, "test_x", True),
        ("est*", False, "test_x", False),
        ("test_?", False, "test_x", True),
        ("test_[xy]", False, "test_x", True),
        ("test_[xy]", False, "test_[xy]", False),
        ("a.b", False, "a.b", True),
        ("a.b", False, "axb", False),
        ("a.b", True, "-axb-", True),
        ("^b", True, "ab", False),
        ("T", False, "t", False),
    ],
)
def test_a_pattern_is_a_part_a_glob_of_all_or_an_expression_to_search(pattern, use_regex, text, fits):
    """In the same case."""
    assert bool(matcher_of(pattern, use_regex=use_regex)(text)) is fits


@pytest.mark.parametrize("value", ["", None, 5, b"x"])
def test_a_text_is_needed_that_is_not_empty(value):
    """The message names the method and shows the value."""
    with pytest.raises(InvalidQueryParameterError, match=r"^for_sut: a text that is not empty"):
        checked_text(value, "for_sut")


@pytest.mark.parametrize("value", [-1, True, 1.0, "1", None])
def test_a_count_is_a_whole_number(value):
    """Not a truth value, and not below 0."""
    with pytest.raises(InvalidQueryParameterError, match=r"^in_last_days: a whole number"):
        checked_count(value, "in_last_days")


@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "days"])
@pytest.mark.parametrize("value", [999_999_999, 10**9, 10**30])
def test_a_span_that_no_calendar_can_hold_means_everything(unit, value):
    """In each unit; no limit of the standard library is passed on to the user."""
    query = Query(InMemoryStorage(SESSIONS))
    assert len(getattr(query, f"in_last_{unit}")(value).execute()) == len(SESSIONS)
    assert checked_count(value, "in_last_days") == timedelta.max.days


def test_a_day_is_a_date_a_time_or_a_text():
    """A time is of its local day; the beginning of a day is its local midnight, as UTC."""
    day = date(2026, 11, 2)
    moment = datetime(2026, 11, 2, 13, 5).astimezone()
    for value in (day, "2026-11-02", moment, moment.astimezone(timezone(timedelta(hours=-11)))):
        assert checked_day(value, "date_range") == day
        midnight = checked_midnight(value, "date_range")
        assert (midnight.tzinfo, midnight) == (UTC, datetime(2026, 11, 2).astimezone())
    for value in ("2. 11. 2026", None, 5):
        with pytest.raises(InvalidQueryParameterError, match=r"^date_range: a date or YYYY-MM-DD"):
            checked_day(value, "date_range")
    assert checked_moment(moment, "after") == moment
    with pytest.raises(InvalidQueryParameterError, match=r"^after: a datetime"):
        checked_moment(day, "after")


def test_the_field_of_an_outcome_is_its_name():
    """Other fields are as they are."""
    one = TestResult("t.py::a", "FAILED", NOW, duration=1, caplog="log")
    assert [field_of(one, name) for name in ("outcome", "caplog", "nodeid")] == ["failed", "log", "t.py::a"]
