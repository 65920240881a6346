"""The process that keeps the views up to date and drops what is too old; it ends with the server that started it.

It is a process of its own so that the server answers pushes meanwhile. Any number of servers may have one: each round
is done by the one that gets the lock.
"""

import logging
import os
import threading
import time
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..bodies.attaching import named_segments
from ..bodies.store import BodiesUnavailableError
from ..bodies.upkeep import start_upkeep
from ..database.connections import open_engine
from ..parents import wait_for_parent
from ..retention.daily import apply_daily_retention
from .projecting import project_all

log = logging.getLogger(__name__)

URL_VARIABLE: Final = "INSIGHT_VIEWS_DB_URL"
"""The URL has a password: it is in the environment, which other users cannot see, and not in the arguments."""

_PAUSE_S: Final = 0.2
_RETRY_S: Final = 1.0
_RETENTION_S: Final = 600.0
_NICE: Final = 5
_CONNECTIONS: Final = 5
"""With those of the thread that works on objects."""


def main() -> None:
    """Work until standard input ends: the server holds the other end, also if it is killed."""
    logging.basicConfig(level=logging.WARNING)
    threading.Thread(target=_end_with_server, name="end-with-server", daemon=True).start()
    os.nice(_NICE)
    engine = open_engine(os.environ[URL_VARIABLE], _CONNECTIONS, named_segments())
    start_upkeep(engine)
    checked_s = float("-inf")
    while True:
        try:
            if time.monotonic() - checked_s > _RETENTION_S:
                apply_daily_retention(engine)
                checked_s = time.monotonic()
            _catch_up(engine)
        except (SQLAlchemyError, BodiesUnavailableError) as error:
            log.warning("the views are behind: segments cannot be read: %s", type(error).__name__)
            time.sleep(_RETRY_S)
        time.sleep(_PAUSE_S)


def _catch_up(engine: Engine) -> None:
    while project_all(engine):
        pass


def _end_with_server() -> None:
    wait_for_parent()
    os._exit(0)  # a transaction that is cut off leaves nothing


if __name__ == "__main__":
    main()
