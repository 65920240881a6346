"""Put folds into the tables of the read model."""

import sqlite3
from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple, cast

import msgspec

from ..eventlog.events import Outcome
from ..eventlog.outcome import missing_tests, not_run_tests
from ..eventlog.scan import Finding
from ..eventlog.times import parse_time
from .fold import CRASHED_FLAG, Fold, OpenTest, Rows, SessionPart, join, join_rows, repeats
from .rules import BAD, OUTCOMES, SessionStatus, is_cut, is_flaky, is_left_open, session_status, verdict_of

_BAD_CODES = tuple(code for code, outcome in enumerate(OUTCOMES) if outcome in BAD)
_WORKER_BITS = 8
_COUNTED_AS = {"collection error": "error", "collection skipped": "skipped"}
_OTHER = OUTCOMES.index("other")
_RERUN = OUTCOMES.index("rerun")
_SPECIAL_CODES = frozenset({_OTHER, *range(CRASHED_FLAG, 2 * CRASHED_FLAG)})
"""Of attempts whose verdict needs more than the code itself."""
_PLAIN_CODES = bytes(code for code in range(256) if code not in _SPECIAL_CODES)
_IS_BAD = bytes(code in _BAD_CODES for code in range(256))


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
    notable: "Notable" = field(repr=False)
    """Which tests failed, ran again, or passed only then."""

    @property
    def commit(self) -> str:
        """Hash of the commit it ran on; empty if that is not known."""
        return _commit_of(self.part.header or {})

    @classmethod
    def of(
        cls, stream: str, label: str, part: SessionPart, verdicts: dict[str, int], missing: int, notable: "Notable"
    ) -> "SessionRow":
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
            notable=notable,
        )


def counts_of(part: SessionPart) -> dict[str, int]:
    """Return the counts of a session as pytest's last line has them."""
    counts = Counter(part.counts)
    for name, count in part.subtests.items():
        counts[_COUNTED_AS.get(name, name)] += count
    counts["deselected"] += part.deselected
    counts["warnings"] += part.warnings
    return {name: count for name, count in counts.items() if count}


class Notable(NamedTuple):
    """Tests of a session that are more than a plain pass: numbers of their node ids, uint32, in rising order."""

    failed: bytes = b""
    """Verdict failed, error or crashed."""
    rerun: bytes = b""
    """More than one attempt: the rerun groups."""
    flaky: bytes = b""
    """Passed in the end, and did not in some attempt."""


class Settled(NamedTuple):
    """What the attempts of a session come to."""

    counts: dict[str, int]
    """Tests by verdict, and how many of them were `flaky`."""
    reported: int
    """Tests (of each worker, where each runs its own) that have a report."""
    notable: Notable
    missing: int = 0
    """Announced tests without a verdict."""


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
            fold: what it came to.
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
            part.announced = {worker: self._renumbered(column) for worker, column in part.announced.items()}
            joined = part if head is None else join(head, part)
            if len(joined.rows):
                joined.rows.nodes = self._renumbered(joined.rows.nodes)
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

    def _renumbered(self, column: bytes) -> bytes:
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
        whole = join_all(chunks) if chunks else Rows()
        if head.open:
            head = msgspec.structs.replace(head, open=still_open(whole, head, self._node_lookup(head)))
        verdicts, _, notable, missing = self._settled(head, whole)
        if head.exit_status is not None and not missing:
            head = msgspec.structs.replace(head, announced={})  # nothing comes behind a seal, and all of them are there
        header = head.header or {}
        is_session = head.header is not None or head.finished or head.starts
        label = str(header.get("session_id", head.stream[:12])) if is_session else None
        status = session_status(sealed=head.exit_status is not None, missing=missing)
        tests = sum(count for verdict, count in verdicts.items() if verdict != "flaky")
        self._db.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                head.stream,
                label,
                str(header.get("sut", "unknown-sut")),
                _commit_of(header),
                parse_time(head.first_at),
                status,
                tests,
                missing,
                msgspec.json.encode(dict(sorted(verdicts.items()))).decode(),
                msgspec.msgpack.encode(head),
                *notable,
            ),
        )

    def _settled(self, head: SessionPart, whole: Rows) -> Settled:
        """Return what the attempts of a session come to; those that never ran are among the counts."""
        is_plain = not (head.reruns or head.open or head.crashed or head.announced_each or head.others)
        if not is_plain:
            settled = settle(whole, head, self._node_lookup(head))
        elif any(head.outcomes.get(name) for name in BAD):
            settled = Settled(dict(head.outcomes), head.finished, Notable(failed=plain_failures(whole)))
        else:
            settled = Settled(dict(head.outcomes), head.finished, Notable())
        missing, not_run = left_of(whole, head, self._node_lookup(head))
        if not_run:
            settled.counts["not_run"] = not_run
        return settled._replace(missing=missing)

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


def _is_done(head: SessionPart) -> bool:
    """Tell whether everything of a session is there, from its header to its seal, and no test was left running."""
    return head.events == head.seal_count + 1 and not (head.open or head.finished_early)


def _commit_of(header: dict[str, Any]) -> str:
    vcs = header.get("vcs")
    return str(cast("dict[str, Any]", vcs).get("commit") or "").lower() if isinstance(vcs, dict) else ""


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


def plain_failures(rows: Rows) -> bytes:
    """Return the tests that failed, of attempts of which each is the only one of its test; as `Notable.failed`."""
    return _numbers(set(compress(array("I", rows.nodes), rows.outcomes.translate(_IS_BAD))))


def left_of(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> tuple[int, int]:
    """Return how many of the announced tests of a session have no result, and how many of these were not started.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    if not head.announced:
        return 0, 0
    workers = {worker: index for index, worker in enumerate(head.workers)}
    announced: set[int] = set()
    for worker, column in head.announced.items():
        number = workers.setdefault(worker, len(workers))
        numbers = array("I", column)
        announced.update([_key(node, number, head) for node in numbers] if head.announced_each else numbers)
    started = {_key(nodes[name], workers.setdefault(worker, len(workers)), head) for name, _, worker in head.open}
    reported = set(_keys_of(rows, head)) - started
    missing = missing_tests(announced, reported)
    if not missing:
        return 0, 0
    return len(missing), len(not_run_tests(announced, reported, started))


def still_open(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> list[OpenTest]:
    """Return the tests that are left running: started, and not outranked by a finish of the same test.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    workers = {worker: index for index, worker in enumerate(head.workers)}
    keys = [_key(nodes[name], workers.get(worker, -1), head) for name, _, worker in head.open]
    last = dict.fromkeys(keys, 0)
    settled: set[int] = set()
    for key, attempt, code in zip(_keys_of(rows, head), rows.attempts, rows.outcomes, strict=True):
        if key in last:
            last[key] = max(last[key], attempt)
            if code & ~CRASHED_FLAG != _RERUN:
                settled.add(key)
    sealed = head.exit_status is not None
    return [
        test
        for key, test in zip(keys, head.open, strict=True)
        if is_left_open(sealed=sealed, attempt=test[1], last_finished=last[key], settled=key in settled)
    ]


def settle(rows: Rows, head: SessionPart, nodes: dict[str, int]) -> Settled:
    """Return what the attempts of a session come to, some of which may be of one test.

    Args:
        rows: all attempts of a session.
        head: the session.
        nodes: numbers of the node ids in `head.open`.
    """
    keys = _keys_of(rows, head)
    again = _repeated(keys) if head.reruns or head.announced_each else set[int]()
    workers = {worker: index for index, worker in enumerate(head.workers)}
    running = {_key(nodes[name], workers.setdefault(worker, len(workers)), head) for name, _, worker in head.open}
    cut = is_cut(sealed=head.exit_status is not None, interrupted=head.interrupted)
    attempts: dict[int, list[int]] = {}
    named: dict[int, str] = {}
    positions = array("q", rows.positions) if head.others else ()
    codes = rows.outcomes
    apart = again | running
    if codes.translate(None, _PLAIN_CODES):
        special = [place for place, key in enumerate(keys) if key in apart or codes[place] in _SPECIAL_CODES]
    else:
        special = [place for place, key in enumerate(keys) if key in apart] if apart else []
    for place in special:
        key, code = keys[place], codes[place]
        attempts.setdefault(key, []).append(code)
        if code == _OTHER:
            named[key] = head.others.get(positions[place], "other") if positions else "other"
    singles = Counter(codes)  # of tests with one attempt
    singles.subtract(codes[place] for place in special)
    verdicts = {key: _verdict(attempts.get(key, []), running=key in running, cut=cut) for key in {*attempts, *running}}
    flaky = {key for key, codes in attempts.items() if is_flaky(_outcomes(codes))}
    counts = Counter(named[key] if verdict == "other" else verdict for key, verdict in verdicts.items())
    counts.update({OUTCOMES[code]: count for code, count in singles.items() if count})
    counts["flaky"] = len(flaky)
    failed = {key for key, verdict in verdicts.items() if verdict in BAD}
    if any(singles[code] for code in _BAD_CODES):
        beside = set(special)
        failed |= {keys[at] for at in compress(range(len(codes)), codes.translate(_IS_BAD)) if at not in beside}
    rerun = {key for key, codes in attempts.items() if len(codes) + (key in running) > 1}
    shift = _WORKER_BITS if head.announced_each else 0
    return Settled(
        {verdict: count for verdict, count in counts.items() if count},
        singles.total() + len(attempts.keys() - running),
        Notable(*(_numbers({key >> shift for key in found}) for found in (failed, rerun, flaky))),
    )


def _keys_of(rows: Rows, head: SessionPart) -> "array[int] | list[int]":
    """What tells one test from another, for each attempt."""
    numbers = array("I", rows.nodes)
    if not head.announced_each:
        return numbers
    workers = rows.workers or bytes(len(rows))
    return [node << _WORKER_BITS | worker for node, worker in zip(numbers, workers, strict=True)]


def _repeated(keys: "array[int] | list[int]") -> set[int]:
    """Return the keys that come more than once."""
    if len(set(keys)) == len(keys):
        return set()
    return {key for key, count in Counter(keys).items() if count > 1}


def _numbers(found: set[int]) -> bytes:
    return array("I", sorted(found)).tobytes()


def _key(node: int, worker: int, head: SessionPart) -> int:
    return node << _WORKER_BITS | worker if head.announced_each else node


def _outcomes(codes: list[int]) -> list[Outcome]:
    return [OUTCOMES[code & ~CRASHED_FLAG] for code in codes]


def _verdict(codes: list[int], *, running: bool, cut: bool) -> str:
    crashed = bool(codes and codes[-1] & CRASHED_FLAG)
    return verdict_of(_outcomes(codes), crashed=crashed, running=running, cut=cut)
