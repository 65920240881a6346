"""Repeat requests that may succeed later, with growing random pauses, so that many clients do not come back at once."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from .requests import RemoteUnavailableError

T = TypeVar("T")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
RETRY_AFTER_MAX_S = 600.0


@dataclass
class Retries:
    """How long failing requests are repeated.

    Args:
        patience_s: longest time of pauses in a row; 0 for no repetition.
        sleep: waits so many seconds.
        draw: returns a random number from 0 to 1.
    """

    patience_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = field(default=random.random)

    def run(self, request: Callable[[], T]) -> T:
        """Return the result of a request.

        Raises:
            RemoteUnavailableError: the collector was not reached within the patience.
            RemoteError: any other failure, at once.
        """
        waited_s, longest_s = 0.0, FIRST_PAUSE_S
        while True:
            try:
                return request()
            except RemoteUnavailableError as error:
                pause_s = self._pause_s(error, longest_s)
                if waited_s + pause_s > self.patience_s:
                    raise
            self.sleep(pause_s)
            waited_s, longest_s = waited_s + pause_s, min(longest_s * 2, LONGEST_PAUSE_S)

    def _pause_s(self, error: RemoteUnavailableError, longest_s: float) -> float:
        """Return the pause before the next try: what the collector asks for, or full jitter."""
        if error.retry_after_s is not None:
            return min(error.retry_after_s, RETRY_AFTER_MAX_S)
        return self.draw() * longest_s
