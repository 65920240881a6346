"""Which events a log has: their digests by stream and seq, 16 bytes an event."""

from collections.abc import Iterator

from ...eventlog.reader import LogPath, Record, read_records

_SIZE = 16
_NONE = bytes(_SIZE)
_GAP_MAX = 1 << 16
"""A seq that is farther behind the last one is kept apart, so that a wild number costs no memory."""


class StreamDigests:
    """Digests of one stream."""

    __slots__ = ("_apart", "_column", "count", "top")

    def __init__(self) -> None:
        self._column = bytearray()
        self._apart: dict[int, bytes] = {}
        self.count = 0
        """Number of events."""
        self.top = -1
        """Highest seq."""

    def add(self, seq: int, digest: bytes) -> None:
        """Add an event; the first one of a seq counts."""
        if self.get(seq) is not None:
            return
        self.count += 1
        self.top = max(self.top, seq)
        column = self._column
        end = len(column) // _SIZE
        if seq > end + _GAP_MAX:
            self._apart[seq] = digest
            return
        if seq >= end:
            column.extend(bytes((seq + 1 - end) * _SIZE))
        column[seq * _SIZE : (seq + 1) * _SIZE] = digest

    def get(self, seq: int) -> bytes | None:
        """Return the digest of an event, None without it."""
        found = bytes(self._column[seq * _SIZE : (seq + 1) * _SIZE])
        if found and found != _NONE:
            return found
        return self._apart.get(seq)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield seq and digest of each event, in order of seq."""
        for seq in range(len(self._column) // _SIZE):
            found = self.get(seq)
            if found is not None:
                yield seq, found
        yield from ((seq, self._apart[seq]) for seq in sorted(self._apart) if seq >= len(self._column) // _SIZE)


class LogDigests(dict[str, StreamDigests]):
    """Digests of all streams of a log."""

    def add(self, stream: str, seq: int, digest: bytes) -> None:
        """Add an event."""
        found = self.get(stream)
        if found is None:
            found = self[stream] = StreamDigests()
        found.add(seq, digest)

    def digest(self, stream: str, seq: int) -> bytes | None:
        """Return the digest of an event, None without it."""
        found = self.get(stream)
        return None if found is None else found.get(seq)


def digests_of_log(log: LogPath) -> LogDigests:
    """Read a log with its packs and live files; an empty result if it does not exist."""
    found = LogDigests()
    try:
        for item in read_records(log):
            if isinstance(item, Record):
                found.add(item.envelope.stream, item.envelope.seq, bytes.fromhex(item.digest))
    except FileNotFoundError:
        pass  # a home that has recorded nothing yet
    return found
