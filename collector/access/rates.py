"""Rates of requests: each key has a bucket of tokens that fills again all the time."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..problems import ProblemError

WINDOW_S: Final = 60
"""Seconds in which an empty bucket is full again."""

_BUCKETS_MAX: Final = 10_000
"""Buckets that are remembered; the one that was used least recently is forgotten first."""


@dataclass
class _Bucket:
    """Tokens of one key at a time."""

    tokens: float
    at_s: float


class TokenBuckets:
    """Buckets of tokens; a request takes one token.

    Args:
        quota: tokens of a full bucket, which is also what may be taken in `WINDOW_S` for ever; 0 for no limit.
        clock: returns seconds that never go back.
    """

    def __init__(self, quota: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.quota = quota
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> float:
        """Take a token, and return 0; if there is none, return the seconds until there is one."""
        if not self.quota:
            return 0.0
        per_s = self.quota / WINDOW_S
        with self._lock:
            now_s = self._clock()
            bucket = self._buckets.setdefault(name, _Bucket(self.quota, now_s))
            self._buckets.move_to_end(name)
            if len(self._buckets) > _BUCKETS_MAX:
                self._buckets.popitem(last=False)
            bucket.tokens = min(self.quota, bucket.tokens + (now_s - bucket.at_s) * per_s)
            bucket.at_s = now_s
            if bucket.tokens < 1:
                return (1 - bucket.tokens) / per_s
            bucket.tokens -= 1
            return 0.0

    def charge(self, key_id: str) -> None:
        """Take a token for a request with a key.

        Raises:
            ProblemError: there is none; its headers say when there is one again.
        """
        wait_s = math.ceil(self.take(key_id))
        if wait_s:
            headers = {
                "Retry-After": str(wait_s),
                "RateLimit-Policy": f'"key";q={self.quota};w={WINDOW_S}',
                "RateLimit": f'"key";r=0;t={wait_s}',
            }
            detail = f"API key {key_id}: more than {self.quota} requests in {WINDOW_S} s; repeat it after {wait_s} s"
            raise ProblemError("too-many-requests", detail, headers)
