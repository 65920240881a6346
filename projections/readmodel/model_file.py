"""Open, create and remove the file of a read model.

If the file cannot be used, the model is kept in memory and the answers are the same. A file that is not a database, a
link, a FIFO or a socket is removed: it holds nothing that the log does not hold. A folder at its path, a file system
that is full or read-only, and a lock that another program keeps are left as they are.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

from ...eventlog.errors import LogUnavailableError
from ...eventlog.files.pipes import PipedLog
from ...eventlog.files.system import SYSTEM
from ...eventlog.home.paths import model_path
from ...eventlog.sources import LogSource

BUSY_WAIT_S = 2.0
"""Seconds to wait for the lock of the model before it is kept in memory."""

_PAUSE_S = 0.02
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_SCHEMA})
"""Error codes that go away when another process has finished the model."""

_RACE_TRIES = 5
"""Attempts to open a file that another process may be creating or replacing."""

_PRIVATE = 0o600

MakeTables = Callable[[sqlite3.Connection], None]
"""Callback that creates the tables of a new database."""


def open_model(path: Path | None, make_tables: MakeTables) -> tuple[sqlite3.Connection, Path | None]:
    """Return a database with its tables, and the path of its file, or None if it is in memory.

    Args:
        path: file of the model; None for memory.
        make_tables: creates the tables of a database that has none, unless another process is faster.

    Raises:
        LogUnavailableError: there is no memory for a database.
    """
    if path is not None and _prepare(path):
        db = _open_file(path, make_tables)
        if db is not None:
            return db, path
    try:
        return _connect(None, make_tables), None
    except sqlite3.DatabaseError as error:
        raise LogUnavailableError("memory", str(error), "check the memory of the machine") from error


def _prepare(path: Path) -> bool:
    """Create the folder and the file of a model, both private; return whether a database may be opened there."""
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


def _open_file(path: Path, make_tables: MakeTables) -> sqlite3.Connection | None:
    """Return a database of the file, or None if it cannot be opened within `BUSY_WAIT_S`."""
    end = time.monotonic() + BUSY_WAIT_S
    tries = 0
    while True:
        try:
            return _connect(path, make_tables)
        except sqlite3.OperationalError as error:
            tries += 1
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if time.monotonic() > end or (code not in _PASSING and tries >= _RACE_TRIES):
                return None
        except sqlite3.DatabaseError:
            tries += 1
            if tries >= _RACE_TRIES or not _recreate_file(path):
                return None
        time.sleep(_PAUSE_S)


def _recreate_file(path: Path) -> bool:
    """Replace a file that is not a database any more by an empty one; return whether that was possible."""
    return remove_model(path) and _prepare(path)


def _connect(path: Path | None, make_tables: MakeTables) -> sqlite3.Connection:
    """Return a connection to a file, or to memory for None, with its tables."""
    db = sqlite3.connect(path or ":memory:", timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        # A crash of the machine may lose the model, which costs a replay; the end of a process may not.
        db.execute("PRAGMA synchronous = OFF")
        make_tables(db)
    except BaseException:
        db.close()
        raise
    return db


def set_lock_timeout(db: sqlite3.Connection, seconds: float) -> None:
    """Set how many seconds a statement waits for the lock of another process."""
    db.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def remove_model(path: Path) -> bool:
    """Remove a model and its journals, and return whether that was possible."""
    try:
        for suffix in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


__all__ = ["BUSY_WAIT_S", "open_model", "remove_model", "set_lock_timeout"]


def model_file_of(source: LogSource) -> Path | None:
    """Return where the read model of a log is kept; None for a log that exists only for this process."""
    return None if isinstance(source, PipedLog) or not source.on_disk else model_path(Path(source.name))
