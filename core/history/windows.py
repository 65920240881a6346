"""Spans of time as people write them, and logs as they were at a time."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from ...eventlog.codec import parse_envelope
from ...eventlog.files.private import open_private
from ...eventlog.reader import read_batches
from ...eventlog.sources import LogSource, live_files, pack_files
from ...eventlog.times import format_time, from_datetime
from ...projections.clock import latest_start_us
from ...projections.readmodel import ReadModel
from .references import Span
from .selection import is_age, parse_age


class Window(NamedTuple):
    """From `since_us` to before `until_us`, in microseconds since the epoch; None is open."""

    since_us: int | None = None
    until_us: int | None = None

    def holds(self, started_us: int) -> bool:
        """Return whether a time is within the span."""
        return (self.since_us is None or started_us >= self.since_us) and (
            self.until_us is None or started_us < self.until_us
        )


Lookup = Callable[[str], Span | None]
"""Finds the sessions that a text means: those of a commit, or a session."""


def parse_window(text: str | None, now_us: int | None = None, lookup: Lookup | None = None) -> Window:
    """Return the span that is meant.

    | text | span |
    |---|---|
    | `7d`, `24h`, `2w` | so long up to now; a clock that is ahead by a day at most is within |
    | `2026-11-01` | that day, in the local time zone |
    | `2026-11-01T12:30` | from then on |
    | a commit or a session | its sessions |
    | `A..B` | from the beginning of A to the end of B; either may be missing, `2w..1w` counts both back from now |

    Args:
        text: the span; nothing is all time.
        now_us: the time up to which an age is counted, in microseconds since the epoch; None for now.
        lookup: knows commits and sessions; without it they are not understood.

    Raises:
        ValueError: the text has another form.
        LookupError: a commit or session is not unique.
    """
    if not text:
        return Window()
    now = from_datetime(datetime.now(UTC)) if now_us is None else now_us
    if ".." in text:
        start, _, end = text.partition("..")
        first = _moment(start, now, lookup).since_us if start else None
        last = _moment(end, now, lookup).until_us if end else None
        if first is not None and last is not None and last <= first:
            raise ValueError(f"the span {text!r} ends before it begins")
        return Window(first, last)
    found = _moment(text, now, lookup)
    if is_age(text):
        return Window(found.since_us, latest_start_us(now) + 1)
    return Window(found.since_us) if found.since_us == found.until_us else found


def _moment(text: str, now_us: int, lookup: Lookup | None) -> Window:
    """A day, the sessions of a commit, or a session, as a span; a time or an age as one that ends where it begins."""
    if is_age(text):
        ago = now_us - parse_age(text) // timedelta(microseconds=1)
        return Window(ago, ago)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        midnight = [datetime.combine(day + timedelta(days=days), time.min).astimezone() for days in (0, 1)]
        return Window(*map(from_datetime, midnight))
    try:
        moment = from_datetime(datetime.fromisoformat(text).astimezone())
    except ValueError:
        found = lookup(text) if lookup is not None else None
        if found is None:
            raise ValueError(_NO_MOMENT.format(text)) from None
        return Window(found.first_us, found.last_us + 1)
    return Window(moment, moment)


_NO_MOMENT = (
    "not a date, time, commit or session: {!r}; write 7d, 2026-11-01, 2026-11-01T12:30, or the beginning of a commit or"
    " session that is recorded"
)


def moment_of(when: str, lookup: Lookup | None = None) -> int | None:
    """Return the instant as of which something is asked, in microseconds since the epoch; None for a position.

    It is the last instant of a date, a time, or when the last event of a commit's sessions, or a session, was recorded.

    Raises:
        ValueError: the text has another form.
        LookupError: a commit or session is not unique.
    """
    if when.isdigit():
        return None
    try:
        return _moment(when, from_datetime(datetime.now(UTC)), None).until_us
    except ValueError:
        found = lookup(when) if lookup is not None else None
        if found is None:
            raise ValueError(_NO_MOMENT.format(when)) from None
        return found.ended_us


@contextmanager
def model_as_of(log: LogSource, when: str, until_us: int | None) -> Generator[ReadModel]:
    """Yield a read model of a log as it was: of the events recorded by a time, or of its first bytes.

    Args:
        log: the log, with its packs and live files.
        when: what was asked for; a position if `until_us` is None: a byte offset in the log (packs and live files are
            left out then).
        until_us: the time, in microseconds since the epoch.

    Raises:
        LogUnavailableError: the log cannot be read.
    """
    import tempfile  # noqa: PLC0415 - only for this

    with tempfile.TemporaryDirectory(prefix="insight-") as folder:
        past = Path(folder) / "log.jsonl"
        with open_private(past) as out:
            if until_us is None:
                for batch in read_batches(log):
                    lines = [line for at, line in zip(batch.offsets, batch.lines, strict=True) if at < int(when)]
                    out.writelines(line + b"\n" for line in lines)
            else:
                latest = format_time(until_us)
                for source in (LogSource(path) for path in (*pack_files(log), *live_files(log), log.path)):
                    for batch in read_batches(source) if source.exists() else ():
                        out.writelines(line + b"\n" for line in batch.lines if _at(line) <= latest)
        with ReadModel.open(past, Path(folder) / "model.sqlite") as model:
            model.catch_up()
            yield model


def _at(line: bytes) -> str:
    envelope = parse_envelope(line)
    return envelope.at if envelope is not None else ""
