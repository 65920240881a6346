"""Wait until the feed of a team reaches a position, as a client asks that reads what it has just pushed."""

import time
from typing import Final

from sqlalchemy import Engine

from ..database.epoch import recent_epoch
from ..problems import ProblemError
from .cursors import parse_cursor
from .reading import last_position

WAIT_S: Final = 5.0
"""Seconds that a question waits for the events after which it is asked."""

_PAUSE_S: Final = 0.05


def wait_for_cursor(engine: Engine, team: int, after: str) -> str:
    """Wait until the feed reaches a cursor, and return the epoch.

    Raises:
        ProblemError: the cursor is malformed or of another epoch, or is not reached in time.
    """
    deadline_s = time.monotonic() + WAIT_S
    epoch = recent_epoch(engine)
    wanted = parse_cursor(after, epoch)
    while wanted:
        with engine.connect() as connection:
            if last_position(connection, team) >= wanted:
                break
        if time.monotonic() > deadline_s:
            detail = f"after {after}: the feed has not reached it after {WAIT_S:g} s; ask again"
            raise ProblemError("unavailable", detail, {"Retry-After": "1"})
        time.sleep(_PAUSE_S)
    return epoch
