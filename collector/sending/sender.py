"""Send the lines of a session: when to send, to wait and to give up."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ...eventlog.home.push_state import PushState
from ..client.pushing import Pusher, PushReport, push_batch
from ..client.requests import TOTAL_S, RemoteError, RemoteUnavailableError
from ..client.retries import FIRST_PAUSE_S, LONGEST_PAUSE_S, RETRY_AFTER_MAX_S, Retries
from .deadlines import raise_after
from .session_lines import SessionLines

SEND_EACH_S = 2.0
SEND_BYTES = 256 * 1024
HELD_BYTES_MAX = 8 << 20
"""Lines in memory; while the collector is away, the others stay where they are."""
AFTER_END_S = 20.0
"""After the end of the session no request is begun later than this."""
_LOOK_S = 0.2


class Place(Pusher, Protocol):
    """A collector or database that lines are sent to."""

    def close(self) -> None:
        """Close the connections; the next `push` opens new ones."""
        ...


@dataclass
class Timing:
    """Clock of a sender; tests replace it.

    Args:
        now: monotonic time in seconds.
        sleep: waits so many seconds.
        draw: random number from 0 to 1.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random


@dataclass
class Sender:
    """Sends the lines of a session until it has ended and everything is stored, or nothing more can be done.

    Args:
        lines: of the session.
        place: the collector or database.
        name: of it, without passwords.
        ended_at: returns when the session was seen to be over, by the same clock; None before.
        report: takes the state.
        timing: clock.
    """

    lines: SessionLines
    place: Place
    name: str
    ended_at: Callable[[], float | None]
    report: Callable[[PushState], None]
    timing: Timing = field(default_factory=Timing)
    _held: list[bytes] = field(default_factory=list[bytes], init=False)
    _held_bytes: int = field(default=0, init=False)
    _held_since: float = field(default=0.0, init=False)
    _not_before: float = field(default=0.0, init=False)
    _is_asked_to_wait: bool = field(default=False, init=False)
    _pause_s: float = field(default=FIRST_PAUSE_S, init=False)
    _reason: str = field(default="there was no time left", init=False)
    _ended_at: float | None = field(default=None, init=False)
    _result: PushReport = field(default_factory=PushReport, init=False)
    _sent: int = field(default=0, init=False)

    def work(self) -> PushState:
        """Send until the end, and return the last state."""
        self._tell("sending")
        while True:
            # This is asked before the files are read: nothing is written after the end.
            ended_at = self.ended_at()
            self._read()
            if self._ended_at is None and (ended_at is not None or self.lines.sealed is not None):
                self._note_end(ended_at)
            try:
                self._send_due()
            except RemoteError as error:
                return self._tell("failed", str(error))
            if self._ended_at is not None and not self._held:
                return self._tell("done", self._describe_losses())
            if self._ended_at is not None and self._gives_up():
                return self._tell("failed", self._reason)
            self.timing.sleep(_LOOK_S)

    def _read(self) -> None:
        room = HELD_BYTES_MAX - self._held_bytes
        if room > 0:
            self._hold(self.lines.read(room))

    def _hold(self, lines: list[bytes]) -> None:
        if lines and not self._held:
            self._held_since = self.timing.now()
        self._held += lines
        self._held_bytes += sum(map(len, lines))

    def _note_end(self, ended_at: float | None) -> None:
        """Note that the session ended. What was read before that may lack lines that another file has by now."""
        self._ended_at = self.timing.now() if ended_at is None else ended_at
        if not self._is_asked_to_wait:
            self._not_before, self._pause_s = 0.0, FIRST_PAUSE_S
        self._read()
        if self.lines.sealed is not None and not self.lines.is_complete and self._held_bytes < HELD_BYTES_MAX:
            self._hold(self.lines.read_all_again())

    def _gives_up(self) -> bool:
        """Return whether the next request would begin too late."""
        return max(self.timing.now(), self._not_before) > (self._ended_at or 0.0) + AFTER_END_S

    def _send_due(self) -> None:
        """Send what is held if it is time.

        Raises:
            RemoteError: there is no point in another try.
        """
        while self._is_due():
            lines, self._held, self._held_bytes = self._held, [], 0
            try:
                self._send(lines)
            except RemoteUnavailableError as error:
                self._held, self._held_bytes = lines, sum(map(len, lines))
                self._wait(error)
                self._reason = f"{error.url}: {error.reason}"
                self._tell("waiting", self._reason)
                return
            self._sent += len(lines)
            self._pause_s = FIRST_PAUSE_S
            self._tell("sending")
            self._read()

    def _is_due(self) -> bool:
        now = self.timing.now()
        if not self._held or now < self._not_before or (self._ended_at is not None and self._gives_up()):
            return False
        is_time = self._ended_at is not None or now - self._held_since >= SEND_EACH_S
        return is_time or self._held_bytes >= SEND_BYTES

    def _send(self, lines: list[bytes]) -> None:
        late = RemoteUnavailableError(self.name, f"no answer within {TOTAL_S:g} s", "run insight sync later")
        try:
            with raise_after(TOTAL_S + 1, late):
                push_batch(self.place, lines, Retries(0), self._result)
        except RemoteUnavailableError:
            self.place.close()  # a connection that was cut off in the middle of an answer is of no use
            raise

    def _wait(self, error: RemoteUnavailableError) -> None:
        asked = error.retry_after_s
        self._is_asked_to_wait = asked is not None
        pause_s = self.timing.draw() * self._pause_s if asked is None else min(asked, RETRY_AFTER_MAX_S)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._not_before = self.timing.now() + pause_s

    def _describe_losses(self) -> str:
        found: list[str] = []
        if self._result.clashes:
            found.append(f"{len(self._result.clashes)} of them conflict with other events there; see insight sync")
        if self._result.refused:
            found.append(f"{len(self._result.refused)} were refused: {self._result.refused[0]}")
        return "; ".join(found)

    def _tell(self, phase: str, reason: str = "") -> PushState:
        state = PushState(phase, self._sent, self.name, reason)
        self.report(state)
        return state
