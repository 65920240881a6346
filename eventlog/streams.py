"""Streams with several writers: their ids, and the number of events of each in a log."""

from collections.abc import Callable
from hashlib import blake2b

from .codec import parse_envelope
from .format import DIGEST_SIZE
from .scan import Scanner
from .times import parse_time

_CHUNK_BYTES = 1 << 20


def stream_id(name: str) -> str:
    """Return the stream id of a stream that many writers know by name.

    It is BLAKE2b-128 of `stream:` and the name in UTF-8, as 32 hex digits.
    """
    return blake2b(b"stream:" + name.encode("utf-8", "surrogatepass"), digest_size=DIGEST_SIZE).hexdigest()


class StreamIndex:
    """Follows one stream in a log that others write too; catching up costs only what is new.

    Args:
        stream: 32 hex digits.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.restart()

    def restart(self) -> None:
        """Forget everything: the log was replaced."""
        self.next_seq = 0
        self.last_us = 0
        self._scanner = Scanner("")
        self._read_to = 0

    def catch_up(self, read: Callable[[int, int], bytes], size: int) -> None:
        """Read the log from where the last call ended to byte `size`.

        Args:
            read: `read(count, offset)` returns up to `count` bytes at `offset`.
            size: size of the log in bytes.
        """
        if size < self._read_to:
            self.restart()
        while self._read_to < size:
            data = read(min(_CHUNK_BYTES, size - self._read_to), self._read_to)
            if not data:
                return
            self._read_to += len(data)
            for line in self._scanner.feed(data).lines:
                self._see(line)

    def _see(self, line: bytes) -> None:
        envelope = parse_envelope(line)
        if envelope is not None and envelope.stream == self.stream:
            self.next_seq = max(self.next_seq, envelope.seq + 1)
            self.last_us = max(self.last_us, parse_time(envelope.at))
