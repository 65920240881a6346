"""Read numbers, times and truth values as other tools write them; what cannot be read is unknown, never a guess."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ...eventlog.times import from_datetime
from ...eventlog.validity import DURATION_US_MAX

_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_GROUPED_BY_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+")
_DECIMAL_COMMA = re.compile(r"\d+,\d+")
_PLAIN = re.compile(r"\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?", re.ASCII)
_SCRIPT_DATE = re.compile(r"\w{3} (\w{3} \d\d \d{4} \d\d:\d\d:\d\d) GMT([+-]\d{4})")
_EPOCH_NUMBER = re.compile(r"\d{10}(?:\.\d+)?|\d{13}", re.ASCII)
_MILLISECONDS_FROM = 10**11
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_FIRST_US = 2 * 86_400_000_000
"""Times before 1970-01-03 are those of a clock that was not set, in whatever time zone."""
_LAST_YEAR = 8999


class ReadMoment(NamedTuple):
    """A time that a file has."""

    us: int
    """Microseconds since the epoch."""
    zone_known: bool
    """Whether the file says the offset from UTC."""


@lru_cache(maxsize=8192)
def seconds_us(text: str | None) -> int | None:
    """Return seconds as microseconds; None if they are missing, not a number, infinite or negative.

    A comma separates groups of three digits (`1,203.1`), or the decimals if it can be nothing else (`0,25`).
    """
    if text is None:
        return None
    text = text.strip()
    if not _PLAIN.fullmatch(text):
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "")
        elif _GROUPED_BY_POINTS.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        else:
            return None
    return number_us(float(text), 1_000_000)


def number_us(value: Any, factor: int) -> int | None:
    """Return a number times a factor as microseconds; None if it is no number that a duration can be."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return round(value * factor) if 0 <= value <= DURATION_US_MAX // factor else None


def parse_moment(text: Any, zone: tzinfo | None = None) -> ReadMoment | None:
    """Return a time as files have it: ISO 8601, RFC 822, `Date` of JavaScript, seconds or milliseconds since the epoch.

    Args:
        text: the time.
        zone: of times without an offset; None for UTC.

    Returns:
        The time; None for a missing one, and for one of a clock that was not set.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return epoch_moment(text)
    if not isinstance(text, str) or not text.strip():
        return None
    text = text.strip()
    if _EPOCH_NUMBER.fullmatch(text):
        return epoch_moment(float(text))
    moment = _parse(text)
    if moment is None or not 1 < moment.year <= _LAST_YEAR:
        return None
    known = moment.tzinfo is not None
    return _possible(from_datetime(moment if known else moment.replace(tzinfo=zone or UTC)), known=known)


def epoch_moment(value: float) -> ReadMoment | None:
    """Return seconds since the epoch, or milliseconds, as a time."""
    if isinstance(value, bool) or not math.isfinite(value) or value <= 0:
        return None
    us = value * (1000 if value >= _MILLISECONDS_FROM else 1_000_000)
    return _possible(round(us), known=True) if us < (_LAST_YEAR - 1970) * 31_556_952_000_000 else None


def _possible(us: int, *, known: bool) -> ReadMoment | None:
    return ReadMoment(us, known) if us >= _FIRST_US else None


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    script = _SCRIPT_DATE.match(text)
    if script:
        try:
            return datetime.strptime(f"{script[1]} {script[2]}", "%b %d %Y %H:%M:%S %z")
        except ValueError:
            return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_zone(text: str) -> tzinfo:
    """Return a time zone by its name or offset: `Europe/Berlin`, `UTC`, `+02:00`, `local`.

    Raises:
        ValueError: there is no such time zone.
    """
    offset = _OFFSET.fullmatch(text)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if text.lower() == "local":
        return _LocalZone()
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"--tz {text}: no such time zone; use a name as Europe/Berlin, +02:00, or local") from None


class _LocalZone(tzinfo):
    """The time zone of this machine, with its rules for each date."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        """Return the offset of a local time."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _: datetime | None, /) -> timedelta | None:
        """Return nothing: it is part of the offset."""
        return None

    def tzname(self, _: datetime | None, /) -> str:
        """Return a name for it."""
        return "local"


def text_at(fields: Any, name: str) -> str:
    """Return a text of an object, or an empty one for anything else."""
    value = fields.get(name) if isinstance(fields, dict) else None  # type: ignore[misc]
    return value if isinstance(value, str) else ""


def message_line(text: str) -> str:
    """Return the first line of a text that says something, shortened."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line[:1000]
