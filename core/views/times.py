"""Times and durations of the view classes: aware, UTC; seconds."""

from datetime import UTC, datetime, timedelta


def as_utc(moment: datetime) -> datetime:
    """Return a time in UTC; a naive one is local time."""
    return moment.astimezone(UTC)


def utc_text(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with `Z`."""
    return as_utc(moment).isoformat().replace("+00:00", "Z")


def seconds_of(duration: "float | timedelta") -> float:
    """Return a duration in seconds, however it was given."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


def moment_of(value: object) -> datetime:
    """Return a time, given as it is or in ISO 8601.

    Raises:
        ValueError: another value.
    """
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"not a time in ISO 8601: {value!r}") from None
