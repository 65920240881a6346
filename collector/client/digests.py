"""Which events a log has: their digests by stream and seq, 16 bytes an event.

A log only grows, so that its beginning need not be read again: of streams that end before a mark, the number of events
and the last digest are kept in a file. Whatever needs more reads the whole log.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from ...eventlog.maintenance.burying import PURGED_TYPE, BuriedEvents
from ...eventlog.reader import Record, read_records
from ...eventlog.sources import live_files, live_stream
from .cursors import LogMark, has_mark, mark_log, replace_cache

_SIZE = 16
_NONE = bytes(_SIZE)
_GAP_MAX = 1 << 16
"""A seq that is farther behind the last one is kept apart, so that a wild number costs no memory."""


class _NotLoadedError(LookupError):
    """The digest of an event before the mark is asked for."""


class StreamDigests:
    """Digests of one stream.

    Args:
        first: number of events that are known without their digests.
        last: digest of the last of them; empty if it is not known.
    """

    __slots__ = ("_apart", "_column", "_last", "count", "first", "top")

    def __init__(self, first: int = 0, last: bytes = b"") -> None:
        self._column = bytearray()
        self._apart: dict[int, bytes] = {}
        self._last = last
        self.first = first
        """Digests of events before this seq are not loaded."""
        self.count = first
        """Number of events."""
        self.top = first - 1
        """Highest seq."""

    @property
    def grew(self) -> bool:
        """Whether there are events behind those that are known without their digests."""
        return self.count > self.first

    def add(self, seq: int, digest: bytes) -> None:
        """Add an event; the first one of a seq counts."""
        if seq < self.first or self.get(seq) is not None:
            return
        self.count += 1
        self.top = max(self.top, seq)
        column, place = self._column, seq - self.first
        end = len(column) // _SIZE
        if place > end + _GAP_MAX:
            self._apart[seq] = digest
            return
        if place >= end:
            column.extend(bytes((place + 1 - end) * _SIZE))
        column[place * _SIZE : (place + 1) * _SIZE] = digest

    def get(self, seq: int) -> bytes | None:
        """Return the digest of an event, None without it.

        Raises:
            LookupError: it is not loaded.
        """
        place = seq - self.first
        if place < 0:
            if place < -1 or not self._last:
                raise _NotLoadedError(seq)
            return self._last
        found = bytes(self._column[place * _SIZE : (place + 1) * _SIZE])
        if found and found != _NONE:
            return found
        return self._apart.get(seq)

    def count_from(self, seq: int) -> int:
        """Return the number of events with this seq or a higher one.

        Raises:
            LookupError: some of them are not loaded.
        """
        if seq < self.first:
            raise _NotLoadedError(seq)
        return sum(1 for each, _ in self if each >= seq)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield seq and digest of each event that is loaded, in order of seq."""
        end = self.first + len(self._column) // _SIZE
        for seq in range(self.first, end):
            found = self.get(seq)
            if found is not None:
                yield seq, found
        yield from ((seq, self._apart[seq]) for seq in sorted(self._apart) if seq >= end)


class _Heads(msgspec.Struct):
    """Streams of a log up to a place, as they are kept in a file."""

    mark: LogMark
    streams: dict[str, tuple[int, str]]
    """Number of events and digest of the last one; an empty digest for a stream that is not known well enough."""
    buried: BuriedEvents


class LogDigests(dict[str, StreamDigests]):
    """Digests of all streams of a log, with its packs and live files; empty if the log does not exist.

    Args:
        log: path of the log.
        heads: file with what an earlier run found; None for none.
    """

    def __init__(self, log: Path, heads: Path | None = None) -> None:
        super().__init__()
        self._log = log
        self._end = 0
        self.base = LogMark()
        """Place in the log up to which events are known without their digests; the beginning if all are loaded."""
        self.buried = BuriedEvents()
        """Events that tombstones of the log name."""
        kept = _load_heads(heads)
        if kept is not None and has_mark(log, kept.mark):
            self.base, self._end, self.buried = kept.mark, kept.mark.size, kept.buried
            self |= {name: StreamDigests(count, bytes.fromhex(last)) for name, (count, last) in kept.streams.items()}
        self.refresh()

    def load_all(self) -> None:
        """Read the whole log."""
        self.clear()
        self.base, self._end, self.buried = LogMark(), 0, BuriedEvents()
        self.refresh()

    def refresh(self) -> None:
        """Read what was added to the log since the last look, and its live files."""
        if self._end and mark_log(self._log).size < self._end:
            self.load_all()  # it was written again, and is shorter
            return
        try:
            for item in read_records(self._log, start=self._end, newer=True):
                if isinstance(item, Record):
                    self.add(item.envelope.stream, item.envelope.seq, bytes.fromhex(item.digest))
                    if item.envelope.type == PURGED_TYPE:
                        self.buried.add_line(item.line)
                    if item.log == str(self._log):
                        self._end = max(self._end, item.position + len(item.line) + 1)
        except FileNotFoundError:
            pass  # a home that has recorded nothing yet

    def add(self, stream: str, seq: int, digest: bytes) -> None:
        """Add an event."""
        found = self.get(stream)
        if found is None:
            found = self[stream] = StreamDigests()
        found.add(seq, digest)

    def digest(self, stream: str, seq: int) -> bytes | None:
        """Return the digest of an event, None without it."""
        found = self.get(stream)
        if found is None:
            return None
        try:
            return found.get(seq)
        except _NotLoadedError:
            self.load_all()
            return self.digest(stream, seq)

    def count_from(self, stream: str, seq: int) -> int:
        """Return the number of events of a stream with this seq or a higher one."""
        try:
            return self[stream].count_from(seq)
        except _NotLoadedError:
            self.load_all()
            return self[stream].count_from(seq)

    def changed(self) -> list[str]:
        """Return the streams with events behind the mark, in order of name; all streams if the whole log is loaded."""
        return sorted(name for name, found in self.items() if found.grew)

    def names_any(self, buried: BuriedEvents) -> bool:
        """Return whether the log has an event that tombstones name."""
        return any(name in self for name in buried.streams) or any(self._has(*line) for line in buried.lines)

    def count_named(self, buried: BuriedEvents) -> int:
        """Return the number of events of the log that tombstones name."""
        whole = sum(self[name].count for name in buried.streams if name in self)
        return whole + sum(self._has(*line) for line in buried.lines if line[0] not in buried.streams)

    def _has(self, stream: str, seq: int, digest: str) -> bool:
        ours = self.digest(stream, seq)
        return ours is not None and ours.hex() == digest

    def mark(self) -> LogMark:
        """Return the place in the log up to which it is known."""
        return mark_log(self._log, self._end)

    def save(self, heads: Path) -> None:
        """Keep what is known of the log in a file, for the next run."""
        mark = self.mark()
        if mark == self.base:
            return
        live = {live_stream(path) for path in live_files(self._log)}
        streams = {name: _head_of(found, is_live=name in live) for name, found in self.items()}
        replace_cache(heads, msgspec.msgpack.encode(_Heads(mark, streams, self.buried)))


def _head_of(found: StreamDigests, *, is_live: bool) -> tuple[int, str]:
    """Return the head of a stream; one with gaps, or whose events may be lost with a live file, is read when needed."""
    count = found.top + 1
    if is_live or found.count != count or not count:
        return count, ""
    try:
        return count, (found.get(count - 1) or b"").hex()
    except _NotLoadedError:
        return count, ""


def _load_heads(path: Path | None) -> _Heads | None:
    try:
        return None if path is None else msgspec.msgpack.decode(path.read_bytes(), type=_Heads)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def digests_of_log(log: Path) -> LogDigests:
    """Read a log with its packs and live files; an empty result if it does not exist."""
    return LogDigests(log)
