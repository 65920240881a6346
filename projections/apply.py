"""Put folds into the tables of the read model."""

import sqlite3
from array import array
from typing import Any

import msgspec

from ..eventlog.scan import Finding
from ..eventlog.times import parse_time
from .joining import join, repeats
from .parts import Fold, Rows, SessionPart
from .rules import session_status
from .session_row import commit_of
from .settling import join_all
from .whole import label_of, settle_whole


class Applier:
    """Collects folds of consecutive stretches and writes them: complete sessions at once, all others at the end.

    Args:
        db: the read model, in a transaction.
        empty: nothing is in it yet, so nothing has to be looked up.
    """

    def __init__(self, db: sqlite3.Connection, *, empty: bool = False) -> None:
        self._db = db
        self._empty = empty
        self._heads: dict[str, SessionPart] = {}
        self._ids: dict[str, int] = {}
        self._chunks: dict[str, list[Rows]] = {}
        self._chunk_numbers: dict[str, int] = {}
        self._nodes: dict[str, int] = {}
        self._numbers: list[int] = []  # those of the model, by those of the stretches that are added
        self._same_numbers = True
        self._new_nodes: list[tuple[int, str]] = []
        self._next_node = 0 if empty else self._max("nodes", "id") + 1
        self._next_session = 1 if empty else self._max("sessions", "id") + 1
        self._doubtful: set[str] = set()
        self._stored: set[str] = set()

    def add(self, fold: Fold, nodeids: list[str], first_number: int = 0) -> None:
        """Add the fold of the next stretch.

        Args:
            fold: its result.
            nodeids: the node ids by the numbers that its rows use; those of the calls before need not be repeated.
            first_number: number of the first of `nodeids`; 0 begins a new numbering.
        """
        self._number_nodes(nodeids, first_number)
        for stream, part in fold.parts.items():
            head = self._head(stream)
            if stream in self._doubtful:
                continue
            if head is not None and repeats(head, part):
                self._doubtful.add(stream)
                continue
            part.announced = {worker: self._renumber(column) for worker, column in part.announced.items()}
            joined = part if head is None else join(head, part)
            if len(joined.rows):
                joined.rows.nodes = self._renumber(joined.rows.nodes)
                self._chunks.setdefault(stream, []).append(joined.rows)
                joined.rows = Rows()
            self._heads[stream] = joined
            self._stored.discard(stream)
            if self._empty and _is_done(joined):
                self._store(stream, joined)
        if not (fold.changes or fold.purged):
            return
        changes = [(target, *change) for target, found in fold.changes.items() for change in found]
        self._db.executemany("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?)", changes)
        self._db.executemany("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", fold.purged)

    def _number_nodes(self, nodeids: list[str], first_number: int) -> None:
        if not first_number:
            self._numbers, self._same_numbers = [], True
        found = [self._node(nodeid) for nodeid in nodeids]
        self._same_numbers = self._same_numbers and found == list(range(first_number, first_number + len(found)))
        self._numbers += found

    def _renumber(self, column: bytes) -> bytes:
        """Return a column of node ids with the numbers that the model has for them."""
        if self._same_numbers:
            return column
        return array("I", map(self._numbers.__getitem__, array("I", column))).tobytes()

    def add_findings(self, findings: list[Finding]) -> None:
        """Add what is not an event."""
        self._db.executemany("INSERT INTO findings VALUES (?, ?, ?, ?, ?)", findings)

    def forget(self, stream: str) -> None:
        """Remove a session, to be folded again."""
        row = self._db.execute("SELECT id FROM sessions WHERE stream = ?", (stream,)).fetchone()
        if row is not None:
            self._db.execute("DELETE FROM chunks WHERE session = ?", row)
            self._db.execute("DELETE FROM sessions WHERE id = ?", row)

    def finish(self) -> set[str]:
        """Write everything, and return the streams that have to be folded as a whole."""
        for stream, head in self._heads.items():
            if stream not in self._stored:
                self._store(stream, head)
        self._db.executemany("INSERT INTO nodes VALUES (?, ?)", self._new_nodes)
        return self._doubtful

    def _store(self, stream: str, head: SessionPart) -> None:
        """Write a session and those of its attempts that are not written yet."""
        chunks = self._chunks.pop(stream, [])
        number = self._ids.get(stream)
        if number is None:
            number, self._next_session = self._next_session, self._next_session + 1
            self._ids[stream] = number
        rows = [join_all(chunks)] if chunks else []
        first = self._chunk_numbers.get(stream, 0)
        self._chunk_numbers[stream] = first + len(rows)
        self._db.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(number, first + n, *msgspec.structs.astuple(chunk)) for n, chunk in enumerate(rows)],
        )
        self._write_session(number, head, rows if not first else None)
        self._stored.add(stream)

    def _write_session(self, number: int, head: SessionPart, rows: list[Rows] | None) -> None:
        chunks = rows if rows is not None else self._stored_chunks(number)
        head, settled = settle_whole(head, join_all(chunks) if chunks else Rows(), self._node)
        verdicts, _, notable, missing = settled
        header = head.header or {}
        label = label_of(head)
        status = session_status(sealed=head.exit_status is not None, missing=missing)
        tests = sum(count for verdict, count in verdicts.items() if verdict != "flaky")
        self._db.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                head.stream,
                label,
                str(header.get("sut", "unknown-sut")),
                commit_of(header),
                parse_time(head.first_at),
                status,
                tests,
                missing,
                msgspec.json.encode(dict(sorted(verdicts.items()))).decode(),
                msgspec.msgpack.encode(head),
                *notable,
            ),
        )

    def _stored_chunks(self, number: int) -> list[Rows]:
        columns = "nodes, outcomes, durations, positions, attempts, workers"
        query = f"SELECT {columns} FROM chunks WHERE session = ? ORDER BY number"  # noqa: S608 - fixed text
        return [Rows(*row) for row in self._db.execute(query, (number,))]

    def _head(self, stream: str) -> SessionPart | None:
        head = self._heads.get(stream)
        if head is not None or self._empty:
            return head
        row = self._db.execute("SELECT id, state FROM sessions WHERE stream = ?", (stream,)).fetchone()
        if row is None:
            return None
        self._ids[stream] = row[0]
        count = self._db.execute("SELECT coalesce(max(number) + 1, 0) FROM chunks WHERE session = ?", (row[0],))
        self._chunk_numbers[stream] = count.fetchone()[0]
        self._heads[stream] = msgspec.msgpack.decode(row[1], type=SessionPart)
        return self._heads[stream]

    def _node(self, nodeid: str) -> int:
        number = self._nodes.get(nodeid)
        if number is not None:
            return number
        if not self._empty:
            row = self._db.execute("SELECT id FROM nodes WHERE nodeid = ?", (nodeid,)).fetchone()
            if row is not None:
                self._nodes[nodeid] = row[0]
                return row[0]
        number, self._next_node = self._next_node, self._next_node + 1
        self._nodes[nodeid] = number
        self._new_nodes.append((number, nodeid))
        return number

    def _max(self, table: str, column: str) -> int:
        row: Any = self._db.execute(f"SELECT max({column}) FROM {table}").fetchone()  # noqa: S608 - fixed names
        return -1 if row[0] is None else int(row[0])


def _is_done(head: SessionPart) -> bool:
    """Return whether everything of a session is there, from its header to its seal, and no test was left running."""
    return head.events == head.seal_count + 1 and not (head.open or head.finished_early)
