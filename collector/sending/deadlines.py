"""The longest time of a request. A timeout of a socket begins again with each byte that arrives, this one does not."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


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


def end_process_after(seconds: float) -> None:
    """End this process after so many seconds, whatever its main thread does."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
