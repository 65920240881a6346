"""Bodies that were written or read just before, in memory, within a bound."""

import threading
from collections import OrderedDict
from typing import Final

CACHE_BYTES: Final = 32 << 20
"""Bytes of compressed bodies that a process keeps."""


class BodyCache:
    """The bodies of some objects, the least recently used of which are dropped.

    Args:
        most: bytes in all.
    """

    def __init__(self, most: int = CACHE_BYTES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def get(self, name: str) -> bytes | None:
        """Return a body; None if it is not kept."""
        with self._lock:
            body = self._bodies.get(name)
            if body is not None:
                self._bodies.move_to_end(name)
            return body

    def add(self, name: str, body: bytes) -> None:
        """Keep a body."""
        with self._lock:
            self._size += len(body) - len(self._bodies.pop(name, b""))
            self._bodies[name] = body
            while self._size > self._most:
                _, gone = self._bodies.popitem(last=False)
                self._size -= len(gone)

    def drop(self, name: str) -> None:
        """Keep a body no longer."""
        with self._lock:
            self._size -= len(self._bodies.pop(name, b""))
