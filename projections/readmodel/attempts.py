"""Attempts of a session, and the node ids behind their numbers."""

import sqlite3
from array import array
from collections.abc import Iterator

import msgspec

from ..parts import Rows, SessionPart
from ..settling import join_all
from .connection import ModelConnection
from .shapes import Attempted

_SINGLE_LOOKUPS_MAX = 20
"""Up to this many node ids are looked up one by one; more are taken from the list of all."""

_MAY_BE_OPEN = """verdicts LIKE '%"crashed"%' OR verdicts LIKE '%"cut"%'"""
"""Sessions that may have ended while a test ran."""


class NodeNames:
    """Node ids by their numbers, and numbers by node ids; kept until the read model changes.

    Args:
        connection: the read model.
    """

    def __init__(self, connection: ModelConnection) -> None:
        self._connection = connection
        self._version: tuple[int, int, int] | None = None
        self._names: list[str] = []
        self._numbers: tuple[list[str], dict[str, int]] | None = None

    def all_names(self) -> list[str]:
        """Return all node ids by their numbers; "" for a number that is not used."""
        db = self._connection.db
        count = db.execute("SELECT coalesce(max(id) + 1, 0) FROM nodes").fetchone()[0]
        data_version = db.execute("PRAGMA data_version").fetchone()[0]  # rises when another process writes
        version = (self._connection.generation, count, data_version)
        if version != self._version:
            names = [""] * count
            for number, nodeid in db.execute("SELECT id, nodeid FROM nodes"):
                names[number] = nodeid
            self._version, self._names = version, names
        return self._names

    def all_numbers(self) -> dict[str, int]:
        """Return the numbers of all node ids."""
        names = self.all_names()
        if self._numbers is None or self._numbers[0] is not names:
            self._numbers = names, {nodeid: number for number, nodeid in enumerate(names)}
        return self._numbers[1]

    def names_of(self, numbers: set[int]) -> dict[int, str] | list[str]:
        """Return the node ids of some numbers, and perhaps of others, by number."""
        if len(numbers) > _SINGLE_LOOKUPS_MAX:
            return self.all_names()
        query = "SELECT nodeid FROM nodes WHERE id = ?"
        return {number: self._connection.db.execute(query, (number,)).fetchone()[0] for number in numbers}


def list_attempts(db: sqlite3.Connection, nodes: NodeNames, stream: str) -> list[Attempted]:
    """Return the attempts of a session in the order of its log; none for an unknown stream."""
    row = db.execute("SELECT id, state FROM sessions WHERE stream = ?", (stream,)).fetchone()
    if row is None:
        return []
    workers = msgspec.msgpack.decode(row[1], type=SessionPart).workers
    found: list[Attempted] = []
    for chunk in _read_chunks(db, row[0]):
        numbers = array("I", chunk.nodes)
        names = nodes.names_of(set(numbers))
        used_workers = chunk.workers or bytes(len(chunk))
        columns = zip(
            numbers,
            chunk.outcomes,
            array("q", chunk.durations),
            array("q", chunk.positions),
            chunk.attempts,
            used_workers,
            strict=True,
        )
        found.extend(
            Attempted(names[node], code, duration, position, attempt, workers[worker])
            for node, code, duration, position, attempt, worker in columns
        )
    return found


def read_columns(db: sqlite3.Connection, stream: str) -> Rows:
    """Return the attempts of a session in columns, in the order of its log; empty ones for an unknown stream."""
    row = db.execute("SELECT id FROM sessions WHERE stream = ?", (stream,)).fetchone()
    chunks = list(_read_chunks(db, row[0])) if row is not None else []
    return join_all(chunks) if chunks else Rows()


def find_streams_with(db: sqlite3.Connection, nodeid: str) -> list[str]:
    """Return the streams that have an attempt of a test, also one that was started and never finished."""
    row = db.execute("SELECT id FROM nodes WHERE nodeid = ?", (nodeid,)).fetchone()
    if row is None:
        return []
    wanted = array("I", [row[0]]).tobytes()
    query = "SELECT stream, nodes FROM chunks JOIN sessions ON sessions.id = chunks.session"
    found = [stream for stream, nodes in db.execute(query) if contains_number(nodes, wanted)]
    query = f"SELECT stream, state FROM sessions WHERE label IS NOT NULL AND ({_MAY_BE_OPEN})"  # noqa: S608 - fixed
    for stream, state in db.execute(query):
        part = msgspec.msgpack.decode(state, type=SessionPart)
        if any(name == nodeid for name, _, _ in part.open):
            found.append(stream)
    return list(dict.fromkeys(found))


def contains_number(column: bytes, number: bytes) -> bool:
    """Return whether a column of numbers contains one; bytes that span two neighbours do not count.

    Args:
        column: numbers of equal size behind each other.
        number: the bytes of one number.
    """
    at = column.find(number)
    while at >= 0 and at % len(number):
        at = column.find(number, at + 1)
    return at >= 0


def _read_chunks(db: sqlite3.Connection, session: int) -> Iterator[Rows]:
    """Yield the stored stretches of attempts of a session, in the order of its log."""
    columns = "nodes, outcomes, durations, positions, attempts, workers"
    query = f"SELECT {columns} FROM chunks WHERE session = ? ORDER BY number"  # noqa: S608 - fixed text
    for row in db.execute(query, (session,)).fetchall():
        yield Rows(*row)
