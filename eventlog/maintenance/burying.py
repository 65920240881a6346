"""Remove what tombstones name from a log, after a purge of another copy of it. The tombstones stay."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from ..codec import EventDecodeError, line_digest, parse_envelope, session_events
from ..events import EventsPurged
from ..files.system import SYSTEM, System
from ..reader import read_batches
from .exclusive import exclusive_log, find_plain_log

PURGED_TYPE = "events.purged"
_SUFFIX = ".purge"


class BuriedEvents(msgspec.Struct):
    """Events that tombstones name."""

    streams: set[str] = msgspec.field(default_factory=set[str])
    digests: set[str] = msgspec.field(default_factory=set[str])
    """Of single events."""
    lines: list[tuple[str, int, str]] = msgspec.field(default_factory=list[tuple[str, int, str]])
    """Stream, seq and digest of single events."""

    def add(self, event: EventsPurged) -> None:
        """Add what a tombstone names."""
        self.streams.update(event.streams)
        for stream, seq, digest in event.lines:
            if digest not in self.digests:
                self.digests.add(digest)
                self.lines.append((stream, seq, digest))

    def add_line(self, line: bytes) -> None:
        """Add what the line of a tombstone names; a malformed one has no effect, as when logs are merged."""
        try:
            event = session_events.decode(line, PURGED_TYPE)
        except EventDecodeError:
            return
        if isinstance(event, EventsPurged):
            self.add(event)

    def has(self, stream: str, digest: str) -> bool:
        """Return whether a tombstone names an event."""
        return stream in self.streams or digest in self.digests


def remove_buried(log: Path, buried: BuriedEvents, system: System = SYSTEM) -> int:
    """Rewrite a log without the events that tombstones name, and return how many there were.

    Args:
        log: path of a plain log; its packs and live files are left as they are.
        buried: the events.
        system: the calls to the operating system.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: a session is being recorded into the log, or it cannot be used as a log.
        LogBusyError: it cannot be locked.
        OSError: the new file could not be written; the log is unchanged.
    """
    path = find_plain_log(log)
    with exclusive_log(path, _SUFFIX, system=system) as held:
        removed = sum(_is_buried(line, buried) for batch in _batches(path) for line in batch.lines)
        if removed:
            held.replace(lambda append: _fill(path, buried, append))
    return removed


def _fill(path: Path, buried: BuriedEvents, append: Callable[[bytes], None]) -> None:
    for batch in _batches(path):
        lines = [line for line in batch.lines if not _is_buried(line, buried)]
        if lines:
            append(b"\n".join(lines) + b"\n")


def _batches(path: Path):  # noqa: ANN202 - of the reader
    return read_batches(path, strict=True, newer=True)


def _is_buried(line: bytes, buried: BuriedEvents) -> bool:
    if line_digest(line) in buried.digests:
        return True
    envelope = parse_envelope(line) if buried.streams else None
    return envelope is not None and envelope.stream in buried.streams


__all__ = ["PURGED_TYPE", "BuriedEvents", "remove_buried"]
