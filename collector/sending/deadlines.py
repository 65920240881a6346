"""The longest times of a request, and of the process after the end of its session.

A timeout of a socket begins again with each byte that arrives; these do not.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

END_S = 50.0
"""After the end of a session its helper ends at the latest."""
_LOOK_S = 0.5


@contextmanager
def raise_after(seconds: float, error: Exception) -> Generator[None]:
    """Raise an error in the block after so many seconds; for the main thread alone."""

    def expire(*_: Any) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class EndWatch(threading.Thread):
    """A thread that notes when the session is over, and ends the process some time later, also within a request.

    Args:
        is_over: returns whether the session is over.
        expire: ends the process.
        after_s: how long after the end of the session that is, in seconds.
    """

    def __init__(self, is_over: Callable[[], bool], expire: Callable[[], None], after_s: float = END_S) -> None:
        super().__init__(daemon=True)
        self._is_over = is_over
        self._expire = expire
        self._after_s = after_s
        self._pause = threading.Event()
        self._ended_at: float | None = None

    def run(self) -> None:
        """Look until the time is over."""
        while not self._pause.wait(_LOOK_S):
            ended_at = self.ended_at()
            if ended_at is not None and time.monotonic() - ended_at >= self._after_s:
                self._expire()
                return

    def stop(self) -> None:
        """End the thread: there is nothing left to watch."""
        self._pause.set()

    def ended_at(self) -> float | None:
        """Return when the session was first seen to be over, in seconds of the monotonic clock; None before."""
        if self._ended_at is None and self._is_over():
            self._ended_at = time.monotonic()
        return self._ended_at
