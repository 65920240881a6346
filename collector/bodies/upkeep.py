"""The thread of a server that does what pushes, purges and retention have put off in the bucket."""

import logging
import threading
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from .attaching import bodies_of
from .moving import move_pending
from .owning import SegmentsSettingError
from .removing import forget_old_deletions, remove_objects
from .store import BodiesUnavailableError

log = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
_RETRY_S: Final = 5.0
_LOCK: Final = 0x1251_4704
"""Number of the lock that only one process holds while it works; the others have nothing to do."""


def do_upkeep(engine: Engine) -> bool:
    """Do what is put off; return whether this process has done it, and not another one.

    Raises:
        BodiesUnavailableError: the bucket cannot be used now.
        SegmentsSettingError: it belongs to another database.
    """
    store = bodies_of(engine)
    if store is None:
        return False
    with engine.begin() as connection:
        if not connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}).scalar():
            return False
        remove_objects(engine, store)
        move_pending(engine, store)
        forget_old_deletions(engine)
    return True


def start_upkeep(engine: Engine) -> None:
    """Start the thread, if there is a bucket; it ends with the process."""
    if bodies_of(engine) is not None:
        threading.Thread(target=_run, args=(engine,), name="objects-upkeep", daemon=True).start()


def _run(engine: Engine) -> None:
    pause = threading.Event()
    while True:
        try:
            do_upkeep(engine)
            pause.wait(PAUSE_S)
        except (SQLAlchemyError, BodiesUnavailableError) as error:
            log.warning("work on objects is put off: %s", type(error).__name__)
            pause.wait(_RETRY_S)
        except SegmentsSettingError as error:
            log.error("no object is deleted or moved: %s", error)  # noqa: TRY400 - its text says all
            pause.wait(60 * _RETRY_S)
