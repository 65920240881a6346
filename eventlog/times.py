"""Times as the log writes them: ISO 8601, UTC, microseconds, 27 characters.

Pure functions between integer microseconds since 1970-01-01T00:00:00Z and text.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

TIME_US_MAX = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last instant that four digits of a year can say."""

YEAR_MIN, YEAR_END = "1970", "9000"
"""Behind the end there is room for durations and time zones before dates end, with the year 9999."""

_SECOND_US = 1_000_000


class TimeFormatter:
    """Formats times quickly by keeping the text of the second it formatted last."""

    __slots__ = ("_prefix", "_second_us")

    def __init__(self) -> None:
        self._second_us = 0
        self._prefix = "1970-01-01T00:00:00."

    def __call__(self, time_us: int) -> str:
        """Return `time_us` (microseconds since the epoch, clamped to years 1970-9999) as text."""
        micro = time_us - self._second_us
        if not 0 <= micro < _SECOND_US:
            second, micro = divmod(min(max(time_us, 0), TIME_US_MAX), _SECOND_US)
            self._second_us = second * _SECOND_US
            self._prefix = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{micro:06d}Z"


def format_time(time_us: int) -> str:
    """Return `time_us`, microseconds since the epoch, as `2026-11-21T01:23:45.123456Z`."""
    return TimeFormatter()(time_us)


def parse_time(text: str) -> int:
    """Return the microseconds since the epoch that `text` names.

    Raises:
        ValueError: `text` is not an ISO 8601 time with an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without an offset from UTC: {text!r}")
    return (moment - _EPOCH) // _US


def is_possible_time(at: str) -> bool:
    """Return whether a text of the shape of a time names one, from the year 1970 on and before 9000."""
    return YEAR_MIN <= at < YEAR_END and _is_time(at[:19])


@lru_cache(maxsize=4096)
def _is_time(second: str) -> bool:
    try:
        parse_time(f"{second}Z")
    except ValueError:
        return False
    return True


def to_datetime(time_us: int) -> datetime:
    """Return `time_us`, microseconds since the epoch, as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=time_us)


def from_datetime(moment: datetime) -> int:
    """Return the microseconds since the epoch of an aware datetime.

    Raises:
        ValueError: `moment` is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("naive datetime: give it a timezone")
    return (moment - _EPOCH) // _US
