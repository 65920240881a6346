"""Lines of one session while it is recorded: from its live file, or its log, by position.

A session that ends is moved from its live file to its log, and after an error it goes on in another live file. So each
file is read from where its last whole line ended, and a line counts once by its seq.
"""

from collections.abc import Iterator
from pathlib import Path

from ...eventlog.codec import parse_envelope
from ...eventlog.errors import EventLogError
from ...eventlog.reader import Record, read_batches, read_records
from ...eventlog.sources import live_files, live_stream

_CHUNK_BYTES = 256 * 1024
_SEQ_MAX = 1 << 31
_SEAL = "session.finished"


class SessionLines:
    """Reads the lines of a session, each once.

    Args:
        log: that the session is recorded into.
        stream: of the session.
        start: byte offset in the log before which it has no events.
    """

    def __init__(self, log: Path, stream: str, start: int = 0) -> None:
        self._log = log
        self._stream = stream
        self._positions: dict[Path, int] = {log: start}
        self._taken = bytearray()  # a flag for each seq
        self._needle = f'"stream":"{stream}"'.encode()
        self.sealed: int | None = None
        """Seq of the last event of the session, once it was read."""

    @property
    def is_complete(self) -> bool:
        """Whether the session has ended and every line of it was read."""
        return self.sealed is not None and self._taken[: self.sealed + 1].count(1) == self.sealed + 1

    def read(self, bytes_max: int) -> list[bytes]:
        """Return new lines, in order of each file, until there are no more or so many bytes are reached."""
        lines: list[bytes] = []
        left = bytes_max
        # The live files before the log: what is moved meanwhile is found in the log.
        for path in [*self._own_live_files(), self._log]:
            for piece in self._new_pieces(path):
                lines += piece
                left -= sum(map(len, piece))
                if left <= 0:
                    return lines
        return lines

    def read_all_again(self) -> list[bytes]:
        """Return the lines that were not read, from the whole log: it was rewritten while the session was recorded."""
        try:
            return [
                item.line
                for item in read_records(self._log, stream=self._stream)
                if isinstance(item, Record) and self._take(item.envelope.seq, item.envelope.type)
            ]
        except (OSError, EventLogError):
            return []

    def _own_live_files(self) -> list[Path]:
        try:
            return [path for path in live_files(self._log) if live_stream(path) == self._stream]
        except OSError:
            return []

    def _new_pieces(self, path: Path) -> Iterator[list[bytes]]:
        start = self._positions.get(path, 0)
        try:
            size = path.stat().st_size
            if size < start:
                start = self._positions[path] = 0  # another file of this name
            if size == start:
                return
            for batch in read_batches(path, start, size, _CHUNK_BYTES, strict=True):
                piece = [line for line in batch.lines if self._is_new(line)]
                self._positions[path] = batch.end
                if piece:
                    yield piece
        except (OSError, EventLogError):
            return  # moved to the log meanwhile, or not readable now; the next look shows

    def _is_new(self, line: bytes) -> bool:
        if self._needle not in line:
            return False
        envelope = parse_envelope(line)
        return envelope is not None and envelope.stream == self._stream and self._take(envelope.seq, envelope.type)

    def _take(self, seq: int, kind: str) -> bool:
        """Note a line, and return whether it is the first one of its seq."""
        if seq >= _SEQ_MAX:
            return False
        if seq >= len(self._taken):
            self._taken.extend(bytes(seq + 1 - len(self._taken)))
        is_new = not self._taken[seq]
        self._taken[seq] = 1
        if kind == _SEAL:
            self.sealed = seq
        return is_new
