"""Single values as text: numbers, times, durations, sizes, names."""

from datetime import UTC, datetime

from ..terminal.safe import safe_line
from ..terminal.screen import Listing

_SECOND_US = 1_000_000
_DIGITS_MAX = 12
"""Digits behind the point that a share has at most."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 session`, `2 sessions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size_text(size: int) -> str:
    """Return a number of bytes for people: `812 B`, `3.4 kB`, `1.2 MB`."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if round(value, 1) < 1000:  # noqa: PLR2004 - a thousand, also if only rounding makes it one
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def utc_text(time_us: int) -> str:
    """Return microseconds since the epoch as ISO 8601 in UTC, for data."""
    return datetime.fromtimestamp(time_us / _SECOND_US, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def local_text(time_us: int) -> str:
    """Return microseconds since the epoch as local time to the second, for people."""
    moment = datetime.fromtimestamp(time_us // _SECOND_US, UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def duration_text(duration_us: int) -> str:
    """Return a duration for people: `12 ms`, `3.4 s`, `5 min 07 s`, `2 h 05 min`."""
    if round(duration_us / 1000) < 1000:  # noqa: PLR2004 - 999.6 ms are told as 1.0 s
        return f"{duration_us / 1000:.0f} ms" if duration_us >= 1000 else f"{duration_us / 1000:.1f} ms"  # noqa: PLR2004
    seconds = duration_us / _SECOND_US
    if round(seconds, 1) < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    if minutes < _MINUTE_S:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{hours} h {minutes:02d} min"


def table(*columns: str) -> Listing:
    """Return a table; a column that begins with `>` is set to the right."""
    return Listing(*columns)


def seconds(value: float) -> str:
    """Return seconds for people."""
    from .values import duration_text

    return duration_text(round(value * 1e6))


def percent(value: float) -> str:
    """Return a share as per cent, with enough digits that only 0 and 1 are shown as 0 % and 100 %."""
    if not 0 < value < 1:
        return f"{value * 100:.0f} %"
    text = ""
    for digits in range(1, _DIGITS_MAX):
        text = f"{value * 100:.{digits}f}"
        if 0 < float(text) < 100:  # noqa: PLR2004 - per cent
            break
    return f"{text} %"


def when(time_us: int) -> str:
    """Return a time for people."""
    return local_text(time_us)


def name(text: str) -> str:
    """Return a name from a log, safe to print."""
    return safe_line(text)


_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def age_text(time_us: int, now_us: int) -> str:
    """Return how long ago a time is: `just now`, `5 min ago`, `2 h ago`, `3 d ago`; a date after 60 days."""
    seconds = (now_us - time_us) // 1_000_000
    if seconds < _MINUTE_S:
        return "just now" if seconds > -_DAY_S else "in the future"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min ago"
    if seconds < 2 * _DAY_S:
        return f"{seconds // _HOUR_S} h ago"
    if seconds < 60 * _DAY_S:
        return f"{seconds // _DAY_S} d ago"
    from .values import local_text

    return local_text(time_us)[:10]
