"""Times of the events of one writer: never earlier than the one before, and made quickly."""

from ..times import format_time
from .clock import SystemClock
from .system import SYSTEM, System

_SECOND_US = 1_000_000


class EventTimes:
    """Times of events, as text.

    Args:
        clock: the real time.
        system: the seam to the operating system.

    Attributes:
        clock: the real time.
        last_at: the time that was returned last, as `times.format_time` writes it; empty before the first.
    """

    __slots__ = ("_micro", "_prefix", "_second_us", "_time_ns", "clock", "last_at")

    def __init__(self, clock: SystemClock, system: System = SYSTEM) -> None:
        self.clock = clock
        self.last_at = ""
        self._time_ns = system.time_ns
        self._second_us = 0
        """The second of the last time, in microseconds since the epoch; its text is the prefix."""
        self._micro = 0
        self._prefix = ""

    @property
    def last_us(self) -> int:
        """The time that was returned last, in microseconds since the epoch; 0 before the first."""
        return self._second_us + self._micro

    def next(self) -> str:
        """Return the time of the next event."""
        micro = self._time_ns() // 1000 - self._second_us
        if self._micro < micro < _SECOND_US:
            # Later, and in the second of the event before: the clock need not be checked.
            self._micro = micro
            self.last_at = at = f"{self._prefix}{micro:06d}Z"
            return at
        return self._next_checked()

    def _next_checked(self) -> str:
        now_us = max(self.clock.now_us(), self.last_us)
        self.last_at = at = format_time(now_us)
        self._micro = now_us % _SECOND_US
        self._second_us = now_us - self._micro
        self._prefix = at[: -len("000000Z")]
        return at


class TimedWriter:
    """Base of the writers of a session: the times that they tell."""

    _times: EventTimes

    @property
    def last_us(self) -> int:
        """Time of the last event in microseconds since the epoch."""
        return self._times.last_us

    @property
    def last_at(self) -> str:
        """Time of the last event, as it was written."""
        return self._times.last_at

    def now_us(self) -> int:
        """Return the time in microseconds since the epoch, also while the tested code replaces the clock."""
        return self._times.clock.now_us()
