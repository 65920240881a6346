"""Cache of records that were generated for a key, with its metrics."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .providers import need

if TYPE_CHECKING:
    pass

__all__ = ["DataCache", "metrics_of"]

KEYS_MAX = 1024

Key = tuple[str, str, str]
"""Entity type, digest of its definition, and `cache_key`."""


class DataCache:
    """Values by key, each for `ttl` seconds; the least recently used key is dropped first. Thread-safe.

    Values are kept as JSON, so callers get independent copies.

    Args:
        ttl: time for which a value is kept, in seconds.
        maxsize: maximum number of keys.
        timer: returns the time in seconds.
    """

    def __init__(self, ttl: float, maxsize: int = KEYS_MAX, timer: Callable[[], float] = time.monotonic) -> None:
        try:
            from cachetools import TTLCache  # noqa: PLC0415 - only a cache needs the extra
        except ModuleNotFoundError as error:
            raise need("cachetools") from error
        self._kept: TTLCache[Key, list[bytes]] = TTLCache(maxsize, ttl, timer)
        self.maxsize = maxsize
        self._mutex = threading.RLock()
        self._hits = self._misses = self._expired = self._evicted = self._warmed = 0

    def get(self, key: Key, count: int) -> list[bytes] | None:
        """Return the first `count` values of a key, or None if there are fewer; count a hit or a miss."""
        with self._mutex:
            self._expired += len(self._kept.expire())
            found = self._kept.get(key)
            if found is None or len(found) < count:
                self._misses += 1
                return None
            self._hits += 1
            return found[:count]

    def holds(self, key: Key, count: int) -> bool:
        """Return whether `count` values of a key are cached, without counting a look-up."""
        with self._mutex:
            return key in self._kept and len(self._kept[key]) >= count

    def put(self, key: Key, values: list[bytes], *, warmed: bool = False) -> None:
        """Cache the values of a key; a shorter list of the same values does not replace a longer one."""
        with self._mutex:
            self._expired += len(self._kept.expire())
            there = self._kept.get(key)
            if there is None and len(self._kept) >= self.maxsize:
                self._kept.popitem()
                self._evicted += 1
            self._kept[key] = there if there is not None and len(there) > len(values) else values
            self._warmed += warmed

    def metrics(self) -> dict[str, Any]:
        """Return the counters and the current size."""
        with self._mutex:
            self._expired += len(self._kept.expire())
            asked = self._hits + self._misses
            return {
                "enabled": True,
                "hit_rate": self._hits / asked if asked else 0.0,
                "hits": self._hits,
                "misses": self._misses,
                "expired": self._expired,
                "evicted": self._evicted,
                "size": len(self._kept),
                "maxsize": self.maxsize,
                "ttl": self._kept.ttl,
                "warmed": self._warmed,
            }


def metrics_of(cache: DataCache | None) -> dict[str, Any]:
    """Return the metrics of a cache; zeros without a cache."""
    if cache is not None:
        return cache.metrics()
    zeros = dict.fromkeys(("hits", "misses", "expired", "evicted", "size", "maxsize", "ttl", "warmed"), 0)
    return {"enabled": False, "hit_rate": 0.0, **zeros}
