"""Numbers and times of other tools: exact where they can be read, unknown where not."""

import math
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.interchange.importers.values import number_us, parse_moment, parse_zone, seconds_us

US = st.integers(0, 10**13)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1))


@given(US)
def test_seconds_are_read_as_they_were_written_plain_or_grouped(us):
    """`1234.5`, `1,234.5` and `1.2345e3` are one number."""
    for text in (f"{us / 1e6:.6f}", f"{us / 1e6:,.6f}", f" {us / 1e6!r} ", f"{us / 1e6:.15e}"):
        assert abs(seconds_us(text) - us) <= 1, text


@pytest.mark.parametrize(
    "text",
    [None, "", " ", "NaN", "nan", "inf", "-inf", "Infinity", "-0.003", "-1", "1e400", "abc", "1.2.3", "1,2,3", "0x10", "12:30", "٣", "1_000", "--1"],
)  # fmt: skip
def test_what_is_no_duration_is_unknown(text):
    """It is never 0, and never an error."""
    assert seconds_us(text) is None


@pytest.mark.parametrize(("text", "us"), [("1,203.1", 1_203_100_000), ("0,25", 250_000), ("1.203,5", 1_203_500_000), ("12,5", 12_500_000), (".5", 500_000), ("0", 0), ("1e-3", 1000)])  # fmt: skip
def test_commas_group_three_digits_and_are_decimals_elsewhere(text, us):
    """The common notations of numbers."""
    assert seconds_us(text) == us


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers()))
def test_any_value_is_a_possible_duration_and_a_possible_time_or_unknown(value):
    """Nothing raises, whatever a file holds."""
    for found in (number_us(value, 1000), seconds_us(value) if isinstance(value, str) else None):
        assert found is None or 0 <= found <= 1 << 53
    moment = parse_moment(value)
    assert moment is None or 0 < moment.us < 253_402_300_799_999_999


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_times_are_read_in_each_notation(naive, minutes):
    """ISO 8601 with an offset, RFC 822, and seconds since the epoch name one instant."""
    moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    us = round(moment.timestamp()) * 1_000_000
    zulu = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    for text in (moment.isoformat(), zulu, zulu.replace("T", " "), format_datetime(moment)):
        assert parse_moment(text) == (us, True), text


@given(MOMENTS)
def test_a_time_without_an_offset_is_of_the_zone_that_the_user_names(naive):
    """Without one it is read as UTC, and told as such."""
    assert parse_moment(naive.isoformat()) == ((naive - datetime(1970, 1, 1)) // timedelta(microseconds=1), False)
    zone = parse_zone("+02:00")
    assert parse_moment(naive.isoformat(), zone).us - parse_moment(naive.isoformat()).us == -7_200_000_000


@pytest.mark.parametrize(
    "text",
    ["1970-01-01T00:00:00", "1970-01-01T01:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59", "1969-12-31T23:00:00Z", "", "today", "2026-13-01", 0, -1, math.nan, True],
)  # fmt: skip
def test_times_of_a_clock_that_was_not_set_are_unknown(text):
    """As jest, unittest-xml-reporting and .NET write them."""
    assert parse_moment(text) is None


def test_javascript_dates_and_milliseconds_are_times():
    """`new Date()` as text, and `Date.now()`."""
    assert parse_moment("Fri Nov 20 2026 12:00:00 GMT+0200 (Central European Summer Time)").us == 1_795_168_800_000_000
    assert parse_moment(1_795_168_800_000).us == parse_moment("1795168800").us == 1_795_168_800_000_000


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "+2"])
def test_a_zone_that_does_not_exist_is_named(zone):
    """The message says what to write."""
    with pytest.raises(ValueError, match="no such time zone; use a name"):
        parse_zone(zone)
