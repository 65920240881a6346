"""Keys that were found valid a few seconds ago, by the hash of what names them: no secret is kept in memory."""

import threading
import time
from typing import Final

from .keys import ApiKey

CACHE_S: Final = 5.0
"""Seconds for which a valid key is not looked up again; a revoked key works at most so long."""

_CACHED_MAX: Final = 10_000


class RecentKeys:
    """Keys by a hash.

    Args:
        cache_s: seconds for which one is remembered.
    """

    def __init__(self, cache_s: float = CACHE_S) -> None:
        self.cache_s = cache_s
        self._kept: dict[bytes, tuple[float, ApiKey]] = {}
        self._lock = threading.Lock()

    def get(self, name: bytes) -> ApiKey | None:
        """Return a key that was found not long ago."""
        with self._lock:
            cached = self._kept.get(name)
        return cached[1] if cached is not None and time.monotonic() - cached[0] < self.cache_s else None

    def put(self, name: bytes, found: ApiKey) -> None:
        """Remember a key that is valid now."""
        with self._lock:
            if len(self._kept) >= _CACHED_MAX:
                self._kept.clear()
            self._kept[name] = time.monotonic(), found

    def forget(self, name: bytes) -> None:
        """Look a key up again when it is used next."""
        with self._lock:
            self._kept.pop(name, None)
