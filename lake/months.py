"""Months of sessions: which they are, and which are over."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

GRACE = timedelta(days=1)
"""How long after its end a month may still get sessions that are on their way."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def month_of(started_us: int) -> str:
    """Return the month of a time in microseconds since the epoch, in UTC, as `2026-10`."""
    return f"{datetime.fromtimestamp(started_us // 1_000_000, UTC):%Y-%m}"


def day_of(started_us: int) -> str:
    """Return the day of a time in microseconds since the epoch, in UTC, as `2026-10-31`."""
    return f"{datetime.fromtimestamp(started_us // 1_000_000, UTC):%Y-%m-%d}"


def parse_month(text: str) -> str:
    """Return a month that is written as `2026-10`.

    Raises:
        ValueError: it is written in another way.
    """
    if not is_month(text):
        raise ValueError(f"--month: {text!r} is no month; write it as 2026-10")
    return text


def is_month(text: object) -> bool:
    """Return whether a value is a month that is written as `2026-10`."""
    return isinstance(text, str) and _MONTH.fullmatch(text) is not None


def is_closed(month: str, now: datetime) -> bool:
    """Return whether a month has ended, in UTC, at least a day ago."""
    return month < f"{now.astimezone(UTC) - GRACE:%Y-%m}"


def choose_months(there: Iterable[str], wanted: Iterable[str], now: datetime, *, running: bool) -> list[str]:
    """Return the months to export, the earliest first.

    Args:
        there: months that have sessions.
        wanted: months that were named; none for all that are closed.
        now: the time.
        running: also months that are not closed.

    Raises:
        ValueError: a month that was named is not closed.
    """
    named = sorted(set(wanted))
    early = [month for month in named if not (running or is_closed(month, now))]
    if early:
        raise ValueError(
            f"{early[0]}: this month is not over, or only for less than a day; add --running to write it now"
        )
    if named:
        return named
    return sorted({month for month in there if running or is_closed(month, now)})
