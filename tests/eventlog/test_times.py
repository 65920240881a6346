"""Times of the log against `datetime`, the standard library's own idea of them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.times import (
    TIME_US_MAX,
    TimeFormatter,
    format_time,
    from_datetime,
    is_possible_time,
    parse_time,
    to_datetime,
)

INSTANTS = st.integers(0, TIME_US_MAX)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slow_format(time_us):
    """The text by the standard library."""
    text = (EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


@given(st.lists(st.one_of(INSTANTS, INSTANTS.map(lambda us: us // 1_000_000 * 1_000_000)), min_size=1))
def test_one_formatter_gives_for_each_time_what_a_new_one_gives(times):
    """In any order, forwards and backwards: the kept second is never that of another time."""
    formatter = TimeFormatter()
    for time_us in times:
        for near in (time_us, max(time_us - 1, 0), min(time_us + 1, TIME_US_MAX), time_us):
            assert formatter(near) == format_time(near) == slow_format(near)


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1970-01-01T00:00:00.000000Z"),
        (-(10**18), "1970-01-01T00:00:00.000000Z"),
        (TIME_US_MAX, "9999-12-31T23:59:59.999999Z"),
        (TIME_US_MAX + 1, "9999-12-31T23:59:59.999999Z"),
        (10**30, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_beyond_four_digits_of_a_year_is_the_nearest_one_within(time_us, text):
    """A clock that is wrong does not stop recording."""
    assert format_time(time_us) == text


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_time_with_any_offset_is_one_instant(moment, minutes):
    """Text, datetime and microseconds agree, whatever the zone that names the instant."""
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    time_us = (aware - EPOCH) // timedelta(microseconds=1)
    assert from_datetime(aware) == parse_time(aware.isoformat()) == time_us
    assert to_datetime(time_us) == aware
    assert parse_time(format_time(time_us)) == time_us


@pytest.mark.parametrize("text", ["2026-11-21T01:23:45", "2026-13-01T00:00:00Z", "now", "", "2026-11-21T24:00:01Z"])
def test_what_is_no_instant_is_refused(text):
    """A time without an offset may be any of 27 hours."""
    with pytest.raises(ValueError):
        parse_time(text)


def test_a_naive_datetime_is_refused():
    """It names no instant."""
    with pytest.raises(ValueError, match="timezone"):
        from_datetime(datetime(2026, 1, 1))


@given(
    st.integers(1960, 9999),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
)
def test_a_time_can_be_if_the_calendar_has_it(year, month, day, hour, minute, second):
    """From 1970 on and before 9000, with the length of each month, and without leap seconds."""
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000000Z"
    try:
        datetime(year, month, day, hour, minute, second)
        exists = 1970 <= year < 9000
    except ValueError:
        exists = False
    if hour == 24 and minute == second == 0:
        return  # midnight under its other name, which newer releases of Python accept
    assert is_possible_time(text) is exists


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("1970-01-01T00:00:00.000000Z", True),
        ("1969-12-31T23:59:59.999999Z", False),
        ("8999-12-31T23:59:59.999999Z", True),
        ("9000-01-01T00:00:00.000000Z", False),
    ],
)
def test_the_years_of_a_log_end_before_9000(text, possible):
    """Behind them there is room for durations and time zones."""
    assert is_possible_time(text) is possible
