"""The SQLite connection of a read model, its tables and transactions."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from ..rules import RULES_VERSION
from .model_file import open_model, remove_model
from .schema import SCHEMA, SCHEMA_VERSION


class ModelConnection:
    """Connection to the database of a read model, which may be opened again at another place.

    Args:
        path: file of the model, None for memory. A file that cannot be opened is replaced by memory.

    Raises:
        LogUnavailableError: there is no memory for a model.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.generation = 0
        """Rises whenever the contents may be others than before: with each opening and each emptying."""
        self._open()

    def _open(self) -> None:
        self.db, self.path = open_model(self.path, _create_first_tables)
        self._identity = _file_identity(self.path)
        self.generation += 1

    def close(self) -> None:
        """Close the database."""
        self.db.close()

    def reopen_if_replaced(self) -> None:
        """Open the file again if another process has replaced or removed it."""
        if self.path is not None and _file_identity(self.path) != self._identity:
            self.db.close()
            self._open()

    def switch_to_memory(self) -> None:
        """Continue with an empty database in memory: the file cannot be used (disk full, no permission, locked)."""
        self.db.close()
        self.path = None
        self._open()

    def replace_file(self) -> None:
        """Remove a file that is not a database any more and continue with an empty one; in memory if that fails."""
        self.db.close()
        if self.path is not None and not remove_model(self.path):
            self.path = None
        self._open()

    def recreate_tables(self) -> None:
        """Remove all tables, also those of another release, and create empty ones; within a transaction.

        The file itself is not replaced: SQLite finds a journal by the name of its file, so the journal of a process
        that still has the old file open would be played back into the new one.
        """
        self.generation += 1
        for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            self.db.execute(f'DROP TABLE "{name}"')
        _create_tables(self.db)

    def is_of_this_release(self) -> bool:
        """Return whether the tables and the rules that filled them are those of this release."""
        return self.read_meta("schema") == SCHEMA_VERSION and self.read_meta("rules") == RULES_VERSION

    def read_meta(self, key: str) -> str:
        """Return a value of the table `meta`, or "" if it has none.

        Args:
            key: `schema` or `rules`.
        """
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def transaction(self, kind: Literal["IMMEDIATE", "EXCLUSIVE"] = "IMMEDIATE") -> Generator[None]:
        """Commit what the block writes, or nothing of it if the block raises.

        Args:
            kind: EXCLUSIVE also keeps other processes from reading.
        """
        self.db.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            _roll_back(self.db)
            raise
        self.db.execute("COMMIT")


def is_environment_error(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error is about the disk, permissions or locks; not about the contents of the file."""
    return isinstance(error, sqlite3.OperationalError) and not str(error).startswith("no such")


def _create_first_tables(db: sqlite3.Connection) -> None:
    """Create the tables of a new database, unless another process was faster."""
    if not _is_empty(db):
        return  # also of a file that can only be read
    db.execute("BEGIN IMMEDIATE")
    try:
        if _is_empty(db):
            _create_tables(db)
    except BaseException:
        _roll_back(db)
        raise
    db.execute("COMMIT")


def _create_tables(db: sqlite3.Connection) -> None:
    """Create the tables in an empty database, within a transaction."""
    for statement in filter(str.strip, SCHEMA.split(";")):
        db.execute(statement)
    db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?), ('rules', ?)", (SCHEMA_VERSION, RULES_VERSION))


def _is_empty(db: sqlite3.Connection) -> bool:
    """Return whether a database has no tables."""
    return not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _roll_back(db: sqlite3.Connection) -> None:
    """Roll the current transaction back, unless SQLite has done it already, as it does on a full disk."""
    if db.in_transaction:
        db.execute("ROLLBACK")


def _file_identity(path: Path | None) -> tuple[int, int]:
    """Return device and inode of a file; zeros for memory and for a file that is missing."""
    try:
        info = path.stat() if path is not None else None
    except FileNotFoundError:
        return 0, 0
    return (info.st_dev, info.st_ino) if info is not None else (0, 0)
