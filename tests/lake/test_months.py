"""Months: which are over, which are chosen, how they are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pytest_insight.lake.months import choose_months, day_of, is_closed, month_of, parse_month

FIRST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (FIRST - timedelta(seconds=1), False),
        (FIRST, False),
        (FIRST + timedelta(hours=23, minutes=59), False),
        (FIRST + timedelta(days=1), True),
        (FIRST + timedelta(days=400), True),
        ((FIRST + timedelta(days=1)).astimezone(timezone(timedelta(hours=-9))), True),
        ((FIRST + timedelta(hours=23)).astimezone(timezone(timedelta(hours=9))), False),
    ],
)
def test_a_month_is_over_a_day_after_its_end_in_utc(now, closed):
    """Wherever the exporter runs."""
    assert is_closed("2026-10", now) is closed
    assert not is_closed("2026-11", FIRST + timedelta(days=3))
    assert not is_closed("2027-01", FIRST)


def test_all_months_that_are_over_are_chosen_or_those_that_are_named():
    """In order, each once; one that has no sessions may be named, one that is not over may not."""
    now = FIRST + timedelta(days=5)
    there = ["2026-11", "2026-09", "2025-12", "2030-01"]
    assert choose_months(there, [], now, running=False) == ["2025-12", "2026-09"]
    assert choose_months(there, [], now, running=True) == sorted(there)
    assert choose_months(there, ["2026-10", "2026-09", "2026-10"], now, running=False) == ["2026-09", "2026-10"]
    with pytest.raises(ValueError, match=r"2026-11: this month is not over.*--running"):
        choose_months(there, ["2026-09", "2026-11"], now, running=False)


def test_times_belong_to_months_and_days_of_utc():
    """Microseconds before midnight are the old day; times before the epoch have a month too."""
    last = int(FIRST.timestamp()) * 1_000_000 - 1
    assert (month_of(last), day_of(last)) == ("2026-10", "2026-10-31")
    assert (month_of(last + 1), day_of(last + 1)) == ("2026-11", "2026-11-01")
    assert month_of(-1) == "1969-12"


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "2026", "2026-10-01", "", "2026-10' OR '1'='1"])
def test_what_is_no_month_is_refused(text):
    """It would be part of a condition otherwise."""
    assert parse_month("2026-10") == "2026-10"
    with pytest.raises(ValueError, match="write it as 2026-10"):
        parse_month(text)
