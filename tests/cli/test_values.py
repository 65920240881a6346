"""Single values as text: what is shown says which value it was, and rounding never makes another one of it."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.cli.formatters.values import (
    age_text,
    counted,
    duration_text,
    local_text,
    percent,
    seconds,
    size_text,
    utc_text,
)

US = 1_000_000
DAY_S = 86_400
UNIT_US = {"ms": 1_000, "s": US, "min": 60 * US, "h": 3_600 * US}
UNIT_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def read_units(text, units):
    """Return the value that a text such as `5 min 07 s` shows."""
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+) ([A-Za-z]+)", text))


def error_allowed(text, units):
    """Return half of the last place that a text shows: more than that is no rounding."""
    number, unit = re.findall(r"([\d.]+) ([A-Za-z]+)", text)[-1]
    return units[unit] * 0.5 * 10.0 ** -len(number.partition(".")[2])


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0.0 ms"),
        (1, "0.0 ms"),
        (950, "0.9 ms"),
        (1_000, "1 ms"),
        (12_000, "12 ms"),
        (999_499, "999 ms"),
        (999_999, "1.0 s"),
        (US, "1.0 s"),
        (59_940_000, "59.9 s"),
        (59_990_000, "1 min 00 s"),
        (60 * US, "1 min 00 s"),
        (307 * US, "5 min 07 s"),
        (3_599_700_000, "1 h 00 min"),
        (3_600 * US, "1 h 00 min"),
        (7_500 * US, "2 h 05 min"),
        (100 * 3_600 * US, "100 h 00 min"),
    ],
)
def test_a_duration_has_the_unit_that_it_is_told_in(duration_us, text):
    """At each border of two units the larger one is used as soon as the smaller one would be full."""
    assert duration_text(duration_us) == text


@given(st.integers(0, 10**13))
def test_a_duration_is_off_by_half_of_its_last_place_at_most(duration_us):
    """Read back, the text is the duration up to the rounding that its last digit allows."""
    text = duration_text(duration_us)
    allowed = error_allowed(text, UNIT_US) + (30 * US if text.endswith(" min") else 0)
    assert abs(read_units(text, UNIT_US) - duration_us) <= allowed + 1


@given(st.integers(0, 10**13), st.integers(0, 10**13))
def test_a_longer_duration_never_looks_shorter(one, other):
    """The order of two durations is that of their texts, but for what rounds to the same."""
    low, high = sorted((one, other))
    assert read_units(duration_text(low), UNIT_US) <= read_units(duration_text(high), UNIT_US)


@given(st.integers(0, 10**13))
def test_no_part_of_a_duration_is_a_full_unit(duration_us):
    """There are no 60 seconds, no 1000 milliseconds: that would be one of the next unit."""
    parts = {unit: float(number) for number, unit in re.findall(r"([\d.]+) ([a-z]+)", duration_text(duration_us))}
    assert parts.get("ms", 0) < 1000
    assert parts.get("s", 0) < 60
    assert parts.get("min", 0) < 60


@given(st.floats(0, 10**6))
def test_seconds_are_told_as_the_same_duration(value):
    """Answers count in seconds, logs in microseconds; both look alike."""
    assert seconds(value) == duration_text(round(value * US))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (3_449, "3.4 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (10**6, "1.0 MB"),
        (999_999_999, "1.0 GB"),
        (10**9, "1.0 GB"),
        (10**13, "10000.0 GB"),
    ],
)
def test_a_size_has_the_unit_that_it_is_told_in(size, text):
    """Thousands, as disks are sold; the largest unit takes whatever is left."""
    assert size_text(size) == text


@given(st.integers(0, 10**15))
def test_a_size_is_off_by_half_of_its_last_place_at_most(size):
    """Read back, the text is the size up to rounding, and no unit but the last is full."""
    text = size_text(size)
    assert abs(read_units(text, UNIT_BYTES) - size) <= error_allowed(text, UNIT_BYTES) * 1.0001
    assert read_units(text, dict.fromkeys(UNIT_BYTES, 1)) < 1000 or text.endswith("GB")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 tests"), (1, "1 test"), (2, "2 tests"), (10**9, "1000000000 tests")]
)
def test_only_one_thing_is_told_in_the_singular(count, text):
    """None and many are plural."""
    assert counted(count, "test") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.5, "50.0 %"),
        (1 / 3, "33.3 %"),
        (0.0004, "0.04 %"),
        (0.9996, "99.96 %"),
        (1e-6, "0.0001 %"),
        (1 - 1e-6, "99.9999 %"),
    ],
)
def test_a_share_is_told_with_as_many_digits_as_tell_it_from_none_and_all(share, text):
    """One failure in ten thousand runs is not `0.0 %`, and a pass rate with it is not `100.0 %`."""
    assert percent(share) == text


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_share_of_some_looks_neither_like_none_nor_like_all(some, others):
    """A text that rounds to 0 or 100 is kept for what is exactly that."""
    shown = float(percent(some / (some + others)).removesuffix(" %"))
    assert 0 < shown < 100


@pytest.mark.parametrize(
    "at",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 28, 14, 31, 14, 5, tzinfo=UTC),
        datetime(2026, 11, 28, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_data_has_times_in_utc_to_the_microsecond(at):
    """What `--json` prints is read back by the standard library as the same moment."""
    text = utc_text((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == at


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-11-28 14:31:14"),
        ("Europe/Berlin", "2026-11-28 15:31:14"),
        ("Asia/Kolkata", "2026-11-28 20:01:14"),
        ("Pacific/Kiritimati", "2026-11-29 04:31:14"),
    ],
)
def test_people_read_local_time_to_the_second(zone, text, monkeypatch):
    """The zone is that of the reader, not that of the machine that ran the tests; parts of seconds are cut."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        at = datetime(2026, 11, 28, 14, 31, 14, 999_999, tzinfo=UTC)
        assert local_text((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) == text
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (47 * 3_600, "47 h ago"),
        (2 * DAY_S, "2 d ago"),
        (59 * DAY_S, "59 d ago"),
        (-5, "just now"),
        (-DAY_S + 1, "just now"),
        (-DAY_S, "in the future"),
        (-900 * DAY_S, "in the future"),
    ],
)
def test_an_age_is_told_in_one_unit(ago_s, text):
    """A clock that is ahead by less than a day is no finding; more than that is named."""
    now_us = 1_800_000_000 * US
    assert age_text(now_us - ago_s * US, now_us) == text


def test_an_age_of_two_months_is_a_date():
    """From then on, the day is easier to place than a count of days."""
    now_us = 1_800_000_000 * US
    assert age_text(now_us - 60 * DAY_S * US, now_us) == local_text(now_us - 60 * DAY_S * US)[:10]
