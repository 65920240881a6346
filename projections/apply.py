"""Put folds into the tables of the read model."""

import sqlite3
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..eventlog.events import Outcome
from ..eventlog.scan import Finding
from ..eventlog.times import parse_time
from .fold import CRASHED_FLAG, Fold, Rows, SessionPart, join, join_rows, repeats
from .rules import OUTCOMES, SessionStatus, is_flaky, session_status, verdict_of


@dataclass(frozen=True)
class SessionRow:
    """A session as lists show it."""

    session_id: str
    stream: str
    sut: str
    status: SessionStatus
    started_us: int
    """Microseconds since the epoch."""
    finished_us: int
    """When the last event was recorded."""
    duration_us: int
    exit_status: int | None
    counts: dict[str, int]
    """As in pytest's last line."""
    verdicts: dict[str, int]
    """Tests by verdict, and how many of them were `flaky`."""
    missing: int
    """Announced tests without a verdict."""
    part: SessionPart = field(repr=False)
    """Everything else that was folded."""

    @classmethod
    def of(cls, stream: str, label: str, part: SessionPart, verdicts: dict[str, int], missing: int) -> "SessionRow":
        """Make the row of a folded session."""
        started, finished = parse_time(part.first_at), parse_time(part.last_at)
        header = part.header or {}
        return cls(
            session_id=label,
            stream=stream,
            sut=str(header.get("sut", "unknown-sut")),
            status=session_status(sealed=part.exit_status is not None, missing=missing),
            started_us=started,
            finished_us=finished,
            duration_us=part.duration_us if part.exit_status is not None else finished - started,
            exit_status=part.exit_status,
            counts=counts_of(part),
            verdicts=verdicts,
            missing=missing,
            part=part,
        )


def counts_of(part: SessionPart) -> dict[str, int]:
    """Return the counts of a session as pytest's last line has them."""
    counts = Counter(part.counts)
    counts["failed"] += part.subtests.get("failed", 0)
    counts["error"] += part.subtests.get("collection error", 0)
    counts["skipped"] += part.subtests.get("collection skipped", 0)
    counts["deselected"] += part.deselected
    counts["warnings"] += part.warnings
    return {name: count for name, count in counts.items() if count}


class Applier:
    """Collects folds of consecutive stretches and writes them at the end.

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
        self._new_nodes: list[tuple[int, str]] = []
        self._next_node = 0 if empty else self._max("nodes", "id") + 1
        self._next_session = 1 if empty else self._max("sessions", "id") + 1
        self._doubtful: set[str] = set()

    def add(self, fold: Fold, nodeids: list[str]) -> None:
        """Add the fold of the next stretch.

        Args:
            fold: what it came to.
            nodeids: the node ids by the numbers that its rows use.
        """
        numbers = [self._node(nodeid) for nodeid in nodeids]
        for stream, part in fold.parts.items():
            head = self._head(stream)
            if stream in self._doubtful:
                continue
            if head is not None and repeats(head, part):
                self._doubtful.add(stream)
                continue
            joined = part if head is None else join(head, part)
            if len(joined.rows):
                nodes = array("I", [numbers[node] for node in array("I", joined.rows.nodes)]).tobytes()
                self._chunks.setdefault(stream, []).append(msgspec.structs.replace(joined.rows, nodes=nodes))
            self._heads[stream] = msgspec.structs.replace(joined, rows=Rows())
        changes = [(target, *change) for target, found in fold.changes.items() for change in found]
        self._db.executemany("INSERT OR IGNORE INTO changes VALUES (?, ?, ?, ?)", changes)
        self._db.executemany("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", fold.purged)

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
        self._db.executemany("INSERT INTO nodes VALUES (?, ?)", self._new_nodes)
        for stream, head in self._heads.items():
            chunks = self._chunks.get(stream, [])
            number = self._ids.get(stream)
            if number is None:
                number, self._next_session = self._next_session, self._next_session + 1
            rows = [join_all(chunks)] if chunks else []
            first = self._chunk_numbers.get(stream, 0)
            self._db.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, first + n, *msgspec.structs.astuple(chunk)) for n, chunk in enumerate(rows)],
            )
            self._write_session(number, head, rows if not first else None)
        return self._doubtful

    def _write_session(self, number: int, head: SessionPart, rows: list[Rows] | None) -> None:
        verdicts, reported = self._verdicts(number, head, rows)
        missing = max(head.announced - reported, 0)
        header = head.header or {}
        is_session = head.header is not None or head.finished or head.starts
        label = str(header.get("session_id", head.stream[:12])) if is_session else None
        status = session_status(sealed=head.exit_status is not None, missing=missing)
        tests = sum(count for verdict, count in verdicts.items() if verdict != "flaky")
        self._db.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                head.stream,
                label,
                str(header.get("sut", "unknown-sut")),
                parse_time(head.first_at),
                status,
                tests,
                missing,
                msgspec.json.encode(dict(sorted(verdicts.items()))).decode(),
                msgspec.msgpack.encode(head),
            ),
        )

    def _verdicts(self, number: int, head: SessionPart, rows: list[Rows] | None) -> tuple[dict[str, int], int]:
        """Return tests by verdict, and how many tests (of each worker, where each runs its own) have a report."""
        if not (head.reruns or head.open or head.crashed or head.announced_each):
            counts = dict(head.outcomes)
            reported = seen = head.finished
        else:
            chunks = rows if rows is not None else self._stored_chunks(number)
            counts, reported = verdict_counts(join_all(chunks) if chunks else Rows(), head, self._node_lookup(head))
            seen = sum(count for verdict, count in counts.items() if verdict != "flaky")
        if head.announced > seen:
            counts["not_run"] = head.announced - seen
        return counts, reported

    def _stored_chunks(self, number: int) -> list[Rows]:
        columns = "nodes, outcomes, durations, positions, attempts, workers"
        query = f"SELECT {columns} FROM chunks WHERE session = ? ORDER BY number"  # noqa: S608 - fixed text
        return [Rows(*row) for row in self._db.execute(query, (number,))]

    def _node_lookup(self, head: SessionPart) -> dict[str, int]:
        return {nodeid: self._node(nodeid) for nodeid, _, _ in head.open}

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


def join_all(chunks: list[Rows]) -> Rows:
    """Put the columns of consecutive chunks behind each other."""
    rows = chunks[0]
    if len(chunks) == 2:  # noqa: PLR2004 - a pair
        return join_rows(*chunks)
    if len(chunks) > 2:  # noqa: PLR2004
        has_workers = any(chunk.workers for chunk in chunks)
        columns = {name: b"".join(getattr(chunk, name) for chunk in chunks) for name in Rows.__struct_fields__}
        columns["workers"] = b"".join(c.workers or bytes(len(c)) for c in chunks) if has_workers else b""
        rows = Rows(**columns)
    return rows


def verdict_counts(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> tuple[dict[str, int], int]:
    """Return tests by verdict with the number of flaky ones, and the number of tests that have a report.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    numbers = array("I", rows.nodes)
    if head.announced_each and rows.workers:
        keys = [node << 8 | worker for node, worker in zip(numbers, rows.workers, strict=True)]
    else:
        keys = list(numbers)
    again = (
        {key for key, count in Counter(keys).items() if count > 1} if head.reruns or head.announced_each else set[int]()
    )
    workers = {worker: index for index, worker in enumerate(head.workers)}
    running = {_key(nodes[name], workers.get(worker, 0), head) for name, _, worker in head.open}
    attempts: dict[int, list[int]] = {}
    verdicts: Counter[str] = Counter()
    singles = bytearray()
    for key, code in zip(keys, rows.outcomes, strict=True):
        if key in again or key in running or code & CRASHED_FLAG:
            attempts.setdefault(key, []).append(code)
        else:
            singles.append(code)
    for code, outcome in enumerate(OUTCOMES):
        verdicts[outcome] += singles.count(code)
    for key in {*attempts, *running}:
        verdicts[_verdict(attempts.get(key, []), running=key in running)] += 1
    verdicts["flaky"] = sum(is_flaky(_outcomes(codes)) for codes in attempts.values())
    return {verdict: count for verdict, count in verdicts.items() if count}, len(singles) + len(
        attempts.keys() - running
    )


def _key(node: int, worker: int, head: SessionPart) -> int:
    return node << 8 | worker if head.announced_each else node


def _outcomes(codes: list[int]) -> list[Outcome]:
    return [OUTCOMES[code & ~CRASHED_FLAG] for code in codes]


def _verdict(codes: list[int], *, running: bool) -> str:
    return verdict_of(_outcomes(codes), crashed=bool(codes and codes[-1] & CRASHED_FLAG), running=running)
