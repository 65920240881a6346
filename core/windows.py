"""Spans of time as people write them, and logs as they were at a time."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from ..eventlog.codec import parse_envelope
from ..eventlog.reader import read_batches
from ..eventlog.sources import LogSource, pack_files, spool_files
from ..eventlog.times import format_time, from_datetime
from ..projections.readmodel import ReadModel
from .selection import parse_age


class Window(NamedTuple):
    """From `since_us` to before `until_us`, in microseconds since the epoch; None is open."""

    since_us: int | None = None
    until_us: int | None = None

    def holds(self, started_us: int) -> bool:
        """Tell whether a time is within."""
        return (self.since_us is None or started_us >= self.since_us) and (
            self.until_us is None or started_us < self.until_us
        )


def parse_window(text: str | None, now_us: int | None = None) -> Window:
    """Return the span that is meant: `7d`, `24h`, `2w` up to now; a day `2026-11-01`; a span `2026-11-01..2026-11-08`.

    Days are those of the local time zone, both ends are in the span, and a missing end is open. Times in ISO 8601 are
    understood instead of days.

    Args:
        text: the span; nothing is all time.
        now_us: the time up to which an age is counted, in microseconds since the epoch; None for now.

    Raises:
        ValueError: it is none of these.
    """
    if not text:
        return Window()
    if ".." in text:
        start, _, end = text.partition("..")
        first = _moment(start, end=False) if start else None
        last = _moment(end, end=True) if end else None
        if first is not None and last is not None and last <= first:
            raise ValueError(f"the span {text!r} ends before it begins")
        return Window(first, last)
    if text[:4].isdigit() and "-" in text:
        return Window(_moment(text, end=False), _moment(text, end=True) if len(text) <= len("2026-11-01") else None)
    now = from_datetime(datetime.now(UTC)) if now_us is None else now_us
    return Window(now - parse_age(text) // timedelta(microseconds=1))


def _moment(text: str, *, end: bool) -> int:
    """A day or a time in microseconds; of a day its beginning, or the beginning of the next one."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            return from_datetime(datetime.fromisoformat(text).astimezone())
        except ValueError:
            raise ValueError(f"not a date or time: {text!r}; write 2026-11-01 or 2026-11-01T12:30") from None
    return from_datetime(datetime.combine(day + timedelta(days=end), time.min).astimezone())


def moment_of(when: str) -> int | None:
    """Return the last instant of a date, or a time, in microseconds; None for a position.

    Raises:
        ValueError: it is none of these.
    """
    return None if when.isdigit() else _moment(when, end=True)


@contextmanager
def model_as_of(log: LogSource, when: str) -> Generator[ReadModel]:
    """Give the views of a log as they were: of what had been recorded by a time, or of its first bytes.

    Args:
        log: the log, with its packs and spool files.
        when: a date, a time, or a position (a byte offset in the log; packs and spool files are left out then).

    Raises:
        ValueError: `when` is none of these.
        LogUnavailableError: the log cannot be read.
    """
    import tempfile  # noqa: PLC0415 - only for this

    with tempfile.TemporaryDirectory(prefix="insight-") as folder:
        past = Path(folder) / "log.jsonl"
        with past.open("wb") as out:
            if when.isdigit():
                for batch in read_batches(log):
                    lines = [line for at, line in zip(batch.offsets, batch.lines, strict=True) if at < int(when)]
                    out.writelines(line + b"\n" for line in lines)
            else:
                latest = format_time(_moment(when, end=True))
                for source in (LogSource(path) for path in (*pack_files(log), log.path, *spool_files(log))):
                    for batch in read_batches(source) if source.exists() else ():
                        out.writelines(line + b"\n" for line in batch.lines if _at(line) <= latest)
        with ReadModel.open(past, Path(folder) / "model.sqlite") as model:
            model.catch_up()
            yield model


def _at(line: bytes) -> str:
    envelope = parse_envelope(line)
    return envelope.at if envelope is not None else ""
