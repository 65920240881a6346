"""Open the file of a read model; where that cannot be done, the model is made in memory and the answers are the same.

A file that is not a database, a link, a FIFO or a socket is removed: nothing but the log counts. A folder in its place,
a file system that is full or read-only, and a lock that another program keeps are left as they are.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

from ..eventlog.errors import LogUnavailableError
from ..eventlog.files.system import SYSTEM

BUSY_WAIT_S = 2.0
"""How long a question waits for the lock of the model before it is answered without it."""

_PAUSE_S = 0.02
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_SCHEMA})
"""What passes when another process has made the model."""

_RACE_TRIES = 5
"""How often a file is opened that another process may be putting in place."""

_PRIVATE = 0o600

MakeTables = Callable[[sqlite3.Connection], None]
"""Makes the tables of a new database."""


def open_model(path: Path | None, make_tables: MakeTables) -> tuple[sqlite3.Connection, Path | None]:
    """Return a database with its tables, and its file; None if it is in memory.

    Args:
        path: file of the model; None for memory.
        make_tables: makes the tables of a database without any, unless another process is faster.

    Raises:
        LogUnavailableError: there is no memory for one.
    """
    if path is not None and _prepare(path):
        db = _opened(path, make_tables)
        if db is not None:
            return db, path
    try:
        return _connected(None, make_tables), None
    except sqlite3.DatabaseError as error:
        raise LogUnavailableError("memory", str(error), "check the memory of the machine") from error


def _prepare(path: Path) -> bool:
    """Make the folder and the file of a model, both private; return whether a database may be opened there."""
    try:
        SYSTEM.make_private_dir(path.parent)
        try:
            info = path.lstat()
        except FileNotFoundError:
            os.close(SYSTEM.open_append(str(path)))
            return True
        if stat.S_ISDIR(info.st_mode):
            return False
        if not stat.S_ISREG(info.st_mode):
            path.unlink()
            os.close(SYSTEM.open_append(str(path)))
        elif os.name == "posix" and stat.S_IMODE(info.st_mode) & ~_PRIVATE:
            path.chmod(_PRIVATE)  # its journal gets the same mode
    except OSError:
        return path.is_file() and not path.is_symlink()  # SQLite reads what is there, if it can
    return True


def _opened(path: Path, make_tables: MakeTables) -> sqlite3.Connection | None:
    """Open the file, or return None if that cannot be done now."""
    end = time.monotonic() + BUSY_WAIT_S
    tries = 0
    while True:
        try:
            return _connected(path, make_tables)
        except sqlite3.OperationalError as error:
            tries += 1
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if time.monotonic() > end or (code not in _PASSING and tries >= _RACE_TRIES):
                return None
        except sqlite3.DatabaseError:
            tries += 1
            if tries >= _RACE_TRIES or not _discarded(path):
                return None
        time.sleep(_PAUSE_S)


def _discarded(path: Path) -> bool:
    """Remove a file that is not a database any more, and return whether a new one could be made."""
    return remove_model(path) and _prepare(path)


def _connected(path: Path | None, make_tables: MakeTables) -> sqlite3.Connection:
    db = sqlite3.connect(path or ":memory:", timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        # The model may be lost with the machine, not with a process: a crash of it at worst costs a replay.
        db.execute("PRAGMA synchronous = OFF")
        make_tables(db)
    except BaseException:
        db.close()
        raise
    return db


def wait_at_most(db: sqlite3.Connection, seconds: float) -> None:
    """Set how long a statement waits for the lock of another process."""
    db.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def remove_model(path: Path) -> bool:
    """Remove a model with what SQLite has beside it, and return whether that could be done."""
    try:
        for suffix in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


__all__ = ["BUSY_WAIT_S", "open_model", "remove_model", "wait_at_most"]
