"""The real time, also inside a test that replaces the clock.

freezegun replaces `time.time` in every module that holds a reference, time-machine patches it in C. Two things stay
true under both: how much real time has passed (`os.times`), and the time the kernel stamps on a file. The wall clock is
believed as long as it moved as far as the former says; when it did not, the latter is asked. A real step of the clock
(NTP) takes the same path, and the kernel's stamp is then right as well.
"""

from .system import SYSTEM, System

_TOLERANCE_S = 2.0
_STEP_US = 1_000_000
"""A clock that moved forward by less than this since it was last asked is believed without another look."""


class SystemClock:
    """Wall-clock time in microseconds that does not follow fakes.

    Args:
        fd: an open file on a local file system that may be touched, or None without one.
        system: the seam to the operating system.
    """

    __slots__ = ("_anchor_elapsed_s", "_anchor_us", "_fd", "_last_us", "_system", "_time_ns")

    def __init__(self, fd: int | None = None, system: System = SYSTEM) -> None:
        self._system = system
        self._fd = fd
        self._time_ns = system.time_ns
        self._anchor_us = self._last_us = system.time_ns() // 1000
        self._anchor_elapsed_s = system.elapsed_s()

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        now_us = self._time_ns() // 1000
        if 0 < now_us - self._last_us < _STEP_US:
            self._last_us = now_us
            return now_us
        self._last_us = self._checked_us(now_us)
        return self._last_us

    def _checked_us(self, now_us: int) -> int:
        elapsed_s = self._system.elapsed_s()
        passed_s = elapsed_s - self._anchor_elapsed_s
        if -_TOLERANCE_S < (now_us - self._anchor_us) / 1e6 - passed_s < _TOLERANCE_S:
            return now_us
        return self._true_us(now_us, elapsed_s)

    def _true_us(self, claimed_us: int, elapsed_s: float) -> int:
        passed_us = int((elapsed_s - self._anchor_elapsed_s) * 1e6)
        if self._fd is None:
            return self._anchor_us + passed_us
        try:
            true_us = self._system.file_time_ns(self._fd) // 1000
        except OSError:
            return self._anchor_us + passed_us
        if abs(true_us - claimed_us) < _TOLERANCE_S * 1e6:
            # The clock was set for good: believe it again from here on.
            self._anchor_us, self._anchor_elapsed_s = claimed_us, elapsed_s
        return true_us
