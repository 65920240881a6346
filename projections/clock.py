"""Clocks that are wrong: sessions that claim to be of the future."""

import time

FUTURE_US = 86_400_000_000
"""How far ahead of the clock of the reader a session may have started before that is said of it."""


def latest_start_us(now_us: int | None = None) -> int:
    """Return the last start, in microseconds since the epoch, that is not of the future.

    Args:
        now_us: the time to count from; None for now.
    """
    return (time.time_ns() // 1000 if now_us is None else now_us) + FUTURE_US


def is_future(started_us: int, now_us: int | None = None) -> bool:
    """Return whether a session claims to have started more than a day from now."""
    return started_us > latest_start_us(now_us)
