"""Positions for committed segments, given by one process at a time.

A serial number is drawn before the commit, so that a reader with a cursor over it would miss what commits late. A
position is given under a lock that is kept until the commit, and therefore in the order in which readers see segments.
A push does so for its own segments, the sequencer for those that were stored without one.
"""

import logging
import threading
import time
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

ROUND_S: Final = 0.5
"""Seconds between two rounds when nothing is announced: another process may have died before its own round."""

WAIT_S: Final = 5.0
_RETRY_S: Final = 0.2
POSITION_LOCK: Final = 0x1251_4702
"""Number of the lock under which positions are given, kept until they are committed."""

_ORDER = text(
    """
    update segment set position = ordered.position
    from (select n, nextval('feed_position') as position
          from (select n from segment where position is null order by n) as pending) as ordered
    where segment.n = ordered.n and segment.position is null
    """
)


def give_positions(engine: Engine) -> int:
    """Number all committed segments without a position, and return how many there were."""
    with engine.begin() as connection:
        # The next statement sees all that was committed before it, and the lock is kept until its positions are seen.
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": POSITION_LOCK})
        return connection.execute(_ORDER).rowcount


class Sequencer:
    """A thread that gives positions; one round serves all pushes that wait for it.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._condition = threading.Condition()
        self.rounds = 0
        """Number of rounds that found something: followers of the feed read on when it has changed."""
        self._asked = 0
        self._done = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()

    def order_committed(self, timeout_s: float = WAIT_S) -> bool:
        """Wait until all that was committed before this call has a position; return whether it has in time."""
        with self._condition:
            self._asked += 1
            mine = self._asked
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._done >= mine or self._closing, timeout_s)

    def announce(self) -> None:
        """Wake those who follow the feed: segments have got positions in the transaction of their push."""
        with self._condition:
            self.rounds += 1
            self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._asked > self._done or self._closing, ROUND_S)
                if self._closing:
                    return
                asked = self._asked
            try:
                found = give_positions(self._engine)
            except SQLAlchemyError as error:
                # Without the database there are no pushes either; their segments get positions when it is back.
                log.warning("no positions given: %s", type(error).__name__)
                time.sleep(_RETRY_S)
                continue
            with self._condition:
                self.rounds += found > 0
                self._done = asked
                self._condition.notify_all()
