"""The read model: what the projections yield, kept in SQLite beside nothing but other read models.

It is disposable. Every query first catches up with the log from the checkpoint, and whenever anything does not fit (the
log was replaced or packed, the file is damaged, other rules or another schema made it) it is made anew, in one
transaction. Live files beside the log are folded from where they were folded last. Attempts are stored in packed
columns, one row per session and stretch; captured output and tracebacks stay in the log and are fetched by position.
"""

import json
import sqlite3
import time
from array import array
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Self, cast

import msgspec

from ..eventlog.codec import parse_envelope
from ..eventlog.events import TestFinished
from ..eventlog.live.owner import RunState
from ..eventlog.reader import Record, after_line, event_at, read_batches, records_in
from ..eventlog.scan import Batch, Finding
from ..eventlog.sources import LogSource, as_source, live_stream
from .apply import Applier, Notable, SessionRow, join_all
from .clock import latest_start_us
from .fold import Nodes, Rows, SessionPart, fold_lines
from .logfiles import SOURCE_SHIFT, LogFiles, Numbered
from .modelfile import BUSY_WAIT_S, open_model, remove_model, wait_at_most
from .rules import RULES_VERSION, Change, Labelled, latest_change, visible_names
from .schema import SCHEMA, SCHEMA_VERSION

_NEAR_BYTES = 16 << 10
_FAR_BYTES = 64 << 10
"""Bytes between two events from which it is faster to start reading again than to read on."""

_LOOKED_UP_MAX = 20

_QUESTION_WAIT_S = 30.0
"""How long a question waits for a process that makes the model anew after this one has caught up."""

_HOW_IT_WAS_FOLDED = ("rows", "workers", "finished_early")
"""Fields of a part that depend on where a log was cut; the attempts are compared by name."""
_ASKED_FOR = "asked for"

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


_MAY_BE_OPEN = """verdicts LIKE '%"crashed"%' OR verdicts LIKE '%"cut"%'"""
"""Sessions that may have been cut while a test ran."""


class AmbiguousPrefixError(LookupError):
    """More than one session has an id that starts so."""

    def __init__(self, prefix: str, matches: list[str]) -> None:
        super().__init__(f"{prefix!r} is the beginning of {len(matches)} session ids: {', '.join(sorted(matches)[:5])}")
        self.prefix = prefix
        self.matches = matches


class AmbiguousCommitError(LookupError):
    """More than one commit has a hash that starts so."""

    def __init__(self, prefix: str, commits: list[str]) -> None:
        shown = ", ".join(commit[:12] for commit in commits[:5])
        super().__init__(f"{prefix!r} is the beginning of {len(commits)} commits: {shown}; give more digits")


class UnknownSessionError(LookupError):
    """No session has an id that starts so."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"no session has an id that begins with {prefix!r}")
        self.prefix = prefix


class CatchUp(NamedTuple):
    """What a catch-up or a replay did."""

    events: int
    bytes: int
    findings: int
    seconds: float
    rebuilt: str
    """Why the model was made anew; empty if it was not."""


class Attempted(NamedTuple):
    """One attempt as the read model has it."""

    nodeid: str
    outcome: int
    duration_us: int
    position: int
    attempt: int
    worker: str


class StoredVerdict(NamedTuple):
    """What a session came to."""

    label: str
    what: dict[str, int]
    """Tests by verdict, and the status of the session."""
    tests: dict[str, tuple[str, ...]]
    """Tests that are more than a plain pass: those of `failed`, `rerun` and `flaky` that are true of them."""


class StoredVerdicts(NamedTuple):
    """What the sessions of a log came to, by the rules of some version."""

    rules: str
    sessions: dict[str, StoredVerdict]


class Roster(NamedTuple):
    """Who is in a log, as far as adding to it is concerned."""

    streams: dict[str, tuple[str | None, int]]
    """Label (None for a stream that is no session) and start in microseconds, by stream."""
    changes: dict[str, Change]
    """What was said last, by the stream it is about."""
    buried: set[str]
    """Streams that were purged."""
    buried_lines: set[str]
    """Digests of single lines that were purged."""


class ReadModel:
    """The views of one log; use `ReadModel.open`, and as a context manager.

    Args:
        log: the log; it need not exist.
        path: file of the model, None for memory.
    """

    def __init__(self, log: LogSource, path: Path | None) -> None:
        self.log = log
        self.path = path
        self._node_names: tuple[tuple[int, int], list[str]] | None = None
        self._node_numbers: tuple[list[str], dict[str, int]] | None = None
        self._connect()

    @classmethod
    def open(cls, log: Path | str | LogSource, model: Path | None) -> "ReadModel":
        """Open the read model of a log, an empty one if there is none yet.

        Args:
            log: path of the log.
            model: file of the model; None keeps it in memory.

        Raises:
            LogUnavailableError: there is no memory for a model; a file that cannot be made or opened is done without.
        """
        return cls(as_source(log), model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # -------------------------------------------------------------- catching up

    def catch_up(self, progress: Progress | None = None) -> CatchUp:
        """Fold what was added to the log since the last time; make the model anew if it does not fit the log.

        Raises:
            FileNotFoundError: there is no such log.
            LogUnavailableError: the log cannot be read.
        """
        wait_at_most(self._db, BUSY_WAIT_S)
        try:
            return self._caught_up(progress)
        finally:
            wait_at_most(self._db, _QUESTION_WAIT_S)

    def _caught_up(self, progress: Progress | None) -> CatchUp:
        began = time.monotonic()
        self._reopen_if_replaced()
        try:
            doubt = self._doubt()
            if not doubt and not self._pending():
                return CatchUp(0, 0, 0, time.monotonic() - began, "")
            if not doubt:
                return self._catch_up_in_place(began, progress)
        except sqlite3.DatabaseError as error:
            if _is_about_the_machine(error):
                self._go_to_memory()
            doubt = f"the read model is damaged: {error}"
        return self._rebuild(doubt, progress, None)

    def replay(self, progress: Progress | None = None, workers: int | None = None) -> CatchUp:
        """Make the model from nothing.

        Args:
            progress: told about the bytes done.
            workers: number of processes; None for as many as are worth it.

        Raises:
            FileNotFoundError: there is no such log.
            LogUnavailableError: the log cannot be read.
        """
        return self._rebuild(_ASKED_FOR, progress, workers)

    def check(self) -> list[str]:
        """Return the differences between this model and one made from nothing, in words."""
        self.catch_up()
        with ReadModel(self.log, None) as fresh:
            fresh.replay(workers=1)
            mine, theirs = dict(self._dump()), dict(fresh._dump())
        return [
            f"{key}: {mine.get(key, 'missing')} in the read model, {theirs.get(key, 'missing')} in the log"
            for key in sorted({*mine, *theirs})
            if mine.get(key) != theirs.get(key)
        ]

    def _catch_up_in_place(self, began: float, progress: Progress | None) -> CatchUp:
        from .replay import malformed_findings  # noqa: PLC0415 - as in _fill

        with self._transaction():
            moved = self._forget_collected()
            applier = Applier(self._db)
            events, done, findings = 0, 0, 0
            for numbered in self._files.present():
                if self._files.is_complete(numbered):
                    continue
                number, source = numbered
                start = position = self._files.position(number)
                for batch in _batches_in(numbered, position):
                    nodes = Nodes()
                    fold = fold_lines(_shifted(batch.offsets, number), batch.lines, nodes)
                    applier.add(fold, list(nodes.numbers))
                    kept = [finding for finding in batch.findings if finding.reason != "pending"]
                    kept += malformed_findings(fold, batch, number << SOURCE_SHIFT, source.name)
                    applier.add_findings(kept)
                    events, findings, position = events + len(batch.lines), findings + len(kept), batch.end
                    if progress is not None:
                        progress(done + position - start, done + position - start)
                done += position - start
                self._save(numbered, position)
            doubtful = applier.finish()
            doubtful |= {stream for stream, count in moved.items() if self._events_of(stream) < count}
            if doubtful:
                self._fold_again(doubtful)
        return CatchUp(events, done, findings, time.monotonic() - began, "")

    def _forget_collected(self) -> dict[str, int]:
        """Forget sessions that moved into the log since they were folded, and return how many events each had.

        They are in the part of the log that is folded next.
        """
        moved: dict[str, int] = {}
        for row in self._files.collected():
            stream = live_stream(Path(row.name))
            part = self.part_of(stream)
            if part is not None and part.header_at >> SOURCE_SHIFT == row.number:
                moved[stream] = part.events
                Applier(self._db).forget(stream)
            self._files.let_go(row)
        return moved

    def _events_of(self, stream: str) -> int:
        part = self.part_of(stream)
        return 0 if part is None else part.events

    def _save(self, numbered: Numbered, position: int) -> None:
        """Remember how far a file was folded; a live file that was collected meanwhile is looked at the next time."""
        if numbered.number == 0 or position or numbered.source.exists():
            self._files.save(numbered, position)

    def _rebuild(self, reason: str, progress: Progress | None, workers: int | None) -> CatchUp:
        began = time.monotonic()
        try:
            result = self._refill(reason, progress, workers)
        except sqlite3.DatabaseError as error:
            if _is_about_the_machine(error):
                self._go_to_memory()
            else:
                self._discard()
            result = self._refill(_ASKED_FOR, progress, workers)._replace(rebuilt=reason)
        return result._replace(seconds=time.monotonic() - began)

    def _refill(self, reason: str, progress: Progress | None, workers: int | None) -> CatchUp:
        """Empty the model and fill it again, in one transaction: nobody ever sees half of it.

        The file is not replaced by a new one: SQLite finds a journal by the name of its file, so the journal of a
        process that still had the old file open would be played back into the new one.
        """
        with self._transaction("EXCLUSIVE"):
            if reason != _ASKED_FOR and not self._doubt() and not self._pending():
                return CatchUp(0, 0, 0, 0.0, "")  # another process was faster
            self._node_names = None
            _drop_tables(self._db)
            _make_tables(self._db)
            result = self._fill(progress, workers)
        return result._replace(rebuilt=reason)

    def _go_to_memory(self) -> None:
        """Leave a file that cannot be written (disk full, no permission): answers are made anew, and are right."""
        self._db.close()
        self.path = None
        self._connect()

    def _discard(self) -> None:
        """Throw away a file that is not a database any more; nothing but the log counts."""
        self._db.close()
        if self.path is not None and not remove_model(self.path):
            self.path = None
        self._connect()

    def _fill(self, progress: Progress | None, workers: int | None) -> CatchUp:
        from .replay import fold_parallel  # noqa: PLC0415 - a question to a model that is there needs no processes

        applier = Applier(self._db, empty=True)
        events, done, findings = 0, 0, 0
        for numbered in self._files.present():
            number, source = numbered
            position = 0
            try:
                for stretch in fold_parallel(source, number << SOURCE_SHIFT, workers, progress):
                    applier.add(stretch.fold, stretch.nodeids, stretch.first_number)
                    applier.add_findings(stretch.findings)
                    events, findings = events + stretch.fold.events, findings + len(stretch.findings)
                    position = max(position, stretch.end)
            except FileNotFoundError:
                if number == 0:
                    raise
                continue  # collected meanwhile: it is in the log, which is read last
            done += position
            self._save(numbered, position)
        doubtful = applier.finish()
        if doubtful:
            self._fold_again(doubtful)
        return CatchUp(events, done, findings, 0.0, "")

    def _fold_again(self, streams: set[str]) -> None:
        """Fold whole streams whose events do not simply follow each other: they repeat, or stand in another order."""
        found: dict[str, dict[int, tuple[int, bytes]]] = {stream: {} for stream in streams}
        for numbered in self._files.present():
            here: dict[str, dict[int, tuple[int, bytes]]] = {stream: {} for stream in streams}
            for batch in _batches_in(numbered, 0):
                for offset, line in zip(_shifted(batch.offsets, numbered.number), batch.lines, strict=True):
                    envelope = parse_envelope(line)
                    if envelope is not None and envelope.stream in here:
                        here[envelope.stream].setdefault(envelope.seq, (offset, line))
            for stream, events in here.items():
                found[stream].update(events)  # the log comes last, and its places last longest
        applier = Applier(self._db)
        for stream, events in found.items():
            applier.forget(stream)
            places = [events[seq] for seq in sorted(events)]
            nodes = Nodes()
            applier.add(fold_lines([at for at, _ in places], [line for _, line in places], nodes), list(nodes.numbers))
        applier.finish()

    # -------------------------------------------------------------- does it fit the log

    @property
    def _files(self) -> LogFiles:
        return LogFiles(self._db, self.log)

    def _doubt(self) -> str:
        """Say why the model does not fit its log any more, or nothing."""
        if self._meta("schema") != SCHEMA_VERSION or self._meta("rules") != RULES_VERSION:
            return "made by another release"
        return self._files.doubt()

    def _pending(self) -> bool:
        """Tell whether there is something that was not folded yet."""
        return self._files.have_grown()

    def state_of(self, row: SessionRow) -> RunState:
        """Return whether a session is finished, running, killed, or `unknown` where that cannot be told."""
        state = self._files.state_of(row.stream, row.part)
        if state in ("killed", "unknown") and self._pending():
            # Its file may be free because it ended properly between our last look at the log and the one at its lock.
            self.catch_up()
            row = self.session_of(row.stream) or row
            state = self._files.state_of(row.stream, row.part)
        return state

    # -------------------------------------------------------------- the file

    def _connect(self) -> None:
        self._db, self.path = open_model(self.path, _make_first_tables)
        self._identity = _identity_of(self.path)

    def _reopen_if_replaced(self) -> None:
        """Follow another process that has put a new model in the place of the one that is open here."""
        if self.path is not None and _identity_of(self.path) != self._identity:
            self._db.close()
            self._connect()

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _transaction(self, kind: Literal["IMMEDIATE", "EXCLUSIVE"] = "IMMEDIATE") -> Generator[None]:
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            _roll_back(self._db)
            raise
        self._db.execute("COMMIT")

    # -------------------------------------------------------------- questions

    def sessions(
        self, *, sut: str | None = None, since_us: int | None = None, limit: int | None = None, hidden: bool = False
    ) -> list[SessionRow]:
        """Return sessions, the newest first.

        Args:
            sut: only of this system under test.
            since_us: only those that started at this time or later, in microseconds since the epoch.
            limit: at most so many.
            hidden: also sessions that were cleared or superseded.
        """
        wanted = f"{_SESSIONS} WHERE label IS NOT NULL"
        values: list[object] = []
        if sut is not None:
            wanted, values = f"{wanted} AND sut = ?", [*values, sut]
        if since_us is not None:
            wanted, values = f"{wanted} AND started_us >= ?", [*values, since_us]
        visibility = self._visibility()
        rows: list[SessionRow] = []
        for row in self._db.execute(f"{wanted} ORDER BY started_us DESC, stream", values):
            if hidden or row[0] not in visibility.hidden:
                rows.append(self._session_row(row, visibility.names))
                if limit is not None and len(rows) >= limit:
                    break
        return rows

    def newest_session(self) -> SessionRow | None:
        """Return the visible session that started last; one that claims to be of the future only if all are."""
        latest = latest_start_us()
        visibility = self._visibility()
        first: tuple[object, ...] | None = None
        for row in self._db.execute(f"{_SESSIONS} WHERE label IS NOT NULL ORDER BY started_us DESC, stream"):
            if row[0] in visibility.hidden:
                continue
            session = self._session_row(row, visibility.names)
            if session.started_us <= latest:
                return session
            first = first or row
        return self._session_row(first, visibility.names) if first is not None else None

    def find_session(self, prefix: str) -> SessionRow:
        """Return the session whose label or stream begins with `prefix`; `last` is the newest.

        Raises:
            UnknownSessionError: there is none.
            AmbiguousPrefixError: there are several.
        """
        if prefix in ("last", "latest"):
            newest = self.newest_session()
            if newest is not None:
                return newest
            raise UnknownSessionError(prefix)
        label, _, digits = prefix.rpartition("~")
        rows = self._db.execute(
            f"{_SESSIONS} WHERE label IS NOT NULL"
            " AND (label LIKE ?1 ESCAPE '\\' OR stream LIKE ?1 ESCAPE '\\'"
            " OR (label = ?2 AND stream LIKE ?3 ESCAPE '\\'))",
            (_like(prefix), label, _like(digits)),
        ).fetchall()
        visibility = self._visibility()
        shown = [self._session_row(row, visibility.names) for row in rows if row[0] not in visibility.hidden]
        exact = [row for row in shown if prefix in (row.session_id, row.stream)] or shown
        if not exact:
            raise UnknownSessionError(prefix)
        if len(exact) > 1:
            raise AmbiguousPrefixError(prefix, [row.session_id for row in exact])
        return exact[0]

    def sessions_of_commit(self, prefix: str) -> list[SessionRow]:
        """Return the visible sessions of a commit, given by the beginning of its hash, the newest first.

        Raises:
            AmbiguousCommitError: more than one commit begins so.
        """
        query = f"{_SESSIONS} WHERE label IS NOT NULL AND commit_id LIKE ? ESCAPE '\\' ORDER BY started_us DESC, stream"
        rows = self._db.execute(query, (_like(prefix.lower()),)).fetchall()
        visibility = self._visibility() if rows else _Visibility(set(), {})
        shown = [self._session_row(row, visibility.names) for row in rows if row[0] not in visibility.hidden]
        commits = {row.commit for row in shown}
        if len(commits) > 1:
            raise AmbiguousCommitError(prefix, sorted(commits))
        return shown

    def session_named(self, session_id: str) -> SessionRow | None:
        """Return the visible session that goes by exactly this name, or None."""
        label = session_id.rpartition("~")[0]
        rows = self._db.execute(f"{_SESSIONS} WHERE label IN (?, ?)", (session_id, label)).fetchall()
        visibility = self._visibility() if rows else _Visibility(set(), {})
        shown = [self._session_row(row, visibility.names) for row in rows if row[0] not in visibility.hidden]
        return next((row for row in shown if row.session_id == session_id), None)

    def session_of(self, stream: str) -> SessionRow | None:
        """Return the session of a stream, also one that is not shown, or None."""
        row = self._db.execute(
            f"{_SESSIONS} WHERE stream = ? AND label IS NOT NULL",
            (stream,),
        ).fetchone()
        return None if row is None else self._session_row(row, self._visibility().names)

    def visible_sessions_of(self, streams: list[str]) -> list[SessionRow]:
        """Return those of some streams' sessions that are shown."""
        visibility = self._visibility()
        rows = [
            self._db.execute(
                f"{_SESSIONS} WHERE stream = ? AND label IS NOT NULL",
                (stream,),
            ).fetchone()
            for stream in streams
            if stream not in visibility.hidden
        ]
        return [self._session_row(row, visibility.names) for row in rows if row is not None]

    def nodeids(self, pattern: str = "") -> list[str]:
        """Return the node ids of all tests that contain a text, in order."""
        return sorted(name for name in self.names() if name and pattern in name)

    def stored_verdicts(self) -> "StoredVerdicts":
        """Return what is stored, by whatever rules made it, without catching up."""
        known = {row[1] for row in self._db.execute("PRAGMA table_info(sessions)")}
        columns = ", ".join(
            name if name in known else "x''" for name in Notable._fields
        )  # an earlier release lacks them
        rows = self._db.execute(
            f"SELECT stream, label, status, verdicts, {columns} FROM sessions WHERE label IS NOT NULL"  # noqa: S608
        ).fetchall()
        names = self.names()
        found: dict[str, StoredVerdict] = {}
        for stream, label, status, verdicts, *notable in rows:
            counts = msgspec.json.decode(verdicts, type=dict[str, int])
            found[stream] = StoredVerdict(label, counts | {f"session {status}": 1}, _classes(Notable(*notable), names))
        return StoredVerdicts(self._meta("rules"), found)

    def roster(self) -> "Roster":
        """Return every stream of the log, whose label it bears, and what is visible; for those who add to the log."""
        rows = self._db.execute("SELECT stream, label, started_us FROM sessions").fetchall()
        return Roster(
            {stream: (label, started) for stream, label, started in rows},
            self._latest_changes(),
            {stream for (stream,) in self._db.execute(_BURIED)},
            {digest for (digest,) in self._db.execute("SELECT digest FROM tombstones WHERE digest != ''")},
        )

    def part_of(self, stream: str) -> SessionPart | None:
        """Return what was folded of a stream, or None if there is no such stream."""
        row = self._db.execute("SELECT state FROM sessions WHERE stream = ?", (stream,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=SessionPart)

    def attempts(self, stream: str) -> list[Attempted]:
        """Return the attempts of a session in the order of its log."""
        row = self._db.execute("SELECT id, state FROM sessions WHERE stream = ?", (stream,)).fetchone()
        if row is None:
            return []
        workers = msgspec.msgpack.decode(row[1], type=SessionPart).workers
        found: list[Attempted] = []
        for chunk in self._chunks(int(row[0])):
            numbers = array("I", chunk.nodes)
            names = self._names(set(numbers))
            who = chunk.workers or bytes(len(chunk))
            columns = zip(
                numbers,
                chunk.outcomes,
                array("q", chunk.durations),
                array("q", chunk.positions),
                chunk.attempts,
                who,
                strict=True,
            )
            found.extend(
                Attempted(names[node], code, duration, position, attempt, workers[worker])
                for node, code, duration, position, attempt, worker in columns
            )
        return found

    def columns(self, stream: str) -> Rows:
        """Return the attempts of a session in columns, in order of its log; node ids as their numbers in `names`."""
        row = self._db.execute("SELECT id FROM sessions WHERE stream = ?", (stream,)).fetchone()
        chunks = list(self._chunks(int(row[0]))) if row is not None else []
        return join_all(chunks) if chunks else Rows()

    def names(self) -> list[str]:
        """Return all node ids by their numbers."""
        count = self._db.execute("SELECT coalesce(max(id) + 1, 0) FROM nodes").fetchone()[0]
        version = (count, self._db.execute("PRAGMA data_version").fetchone()[0])  # the latter: another process wrote
        if self._node_names is None or self._node_names[0] != version:
            names = [""] * count
            for number, nodeid in self._db.execute("SELECT id, nodeid FROM nodes"):
                names[number] = nodeid
            self._node_names = version, names
        return self._node_names[1]

    def numbers(self) -> dict[str, int]:
        """Return the numbers of all node ids."""
        names = self.names()
        if self._node_numbers is None or self._node_numbers[0] is not names:
            self._node_numbers = names, {nodeid: number for number, nodeid in enumerate(names)}
        return self._node_numbers[1]

    def sessions_with(self, nodeid: str) -> list[str]:
        """Return the streams of all sessions that have an attempt of a test, also one that was cut."""
        row = self._db.execute("SELECT id FROM nodes WHERE nodeid = ?", (nodeid,)).fetchone()
        if row is None:
            return []
        wanted = array("I", [row[0]]).tobytes()
        query = "SELECT stream, nodes FROM chunks JOIN sessions ON sessions.id = chunks.session"
        found = [stream for stream, nodes in self._db.execute(query) if _holds(nodes, wanted)]
        query = f"SELECT stream, state FROM sessions WHERE label IS NOT NULL AND ({_MAY_BE_OPEN})"  # noqa: S608 - fixed
        for stream, state in self._db.execute(query):
            part = msgspec.msgpack.decode(state, type=SessionPart)
            if any(name == nodeid for name, _, _ in part.open):
                found.append(stream)
        return list(dict.fromkeys(found))

    def suts(self) -> list[tuple[str, int, int, int]]:
        """Return `(name, sessions, first start, last start)` of each system under test, times in microseconds."""
        found: dict[str, tuple[int, int, int]] = {}
        gone = self._visibility().hidden
        rows = self._db.execute("SELECT stream, sut, started_us FROM sessions WHERE label IS NOT NULL")
        for stream, sut, started in rows:
            if stream not in gone:
                count, first, last = found.get(sut, (0, started, started))
                found[sut] = (count + 1, min(first, started), max(last, started))
        return [(sut, *found[sut]) for sut in sorted(found)]

    def sut_names(self) -> list[str]:
        """Return the names of the systems under test, also of those whose sessions were all cleared, in order."""
        query = "SELECT DISTINCT sut FROM sessions WHERE label IS NOT NULL ORDER BY sut"
        return [str(sut) for (sut,) in self._db.execute(query)]

    def findings(self) -> list[Finding]:
        """Return what is in the log that is not an event."""
        rows = self._db.execute("SELECT log, offset, length, reason, detail FROM findings ORDER BY log, offset")
        return [Finding(*row) for row in rows]

    def record_at(self, position: int) -> Record:
        """Return the event at a position of this model.

        Raises:
            LookupError: it is not there any more.
        """
        source, offset = self._place(position)
        return event_at(source, offset)

    def records_of(self, row: SessionRow) -> Iterator[Record]:
        """Yield all events of a session in the order of its log, without reading what comes before and after it."""
        first, offset = self._place(max(row.part.header_at, 0))
        left = row.part.events
        others = [(source, 0) for _, source in self._files.present() if source.name != first.name]
        for source, start in [(first, offset), *others]:
            for item in _records_in(source, start):
                if left <= 0:
                    return
                if item.envelope.stream == row.stream:
                    left -= 1
                    yield item

    def lines_at(self, positions: list[int]) -> list[bytes]:
        """Return the lines at some positions; those that lie near to each other are read together.

        Raises:
            LookupError: there is no event at one of them any more.
        """
        found: dict[int, bytes] = {}
        for stretch in _stretches(sorted(set(positions))):
            source, first = self._place(stretch[0])
            base = stretch[0] - first
            wanted = {position - base for position in stretch}
            span = stretch[-1] - stretch[0]
            for batch in read_batches(source, first, chunk_bytes=min(span + _NEAR_BYTES, 1 << 20), whole=True):
                for offset, line in zip(batch.offsets, batch.lines, strict=True):
                    if offset in wanted:
                        found[base + offset] = line
                if batch.end > stretch[-1] - base:
                    break
        missing = next((position for position in positions if position not in found), None)
        if missing is not None:
            raise LookupError(f"{self.log.name}: no event starts at position {missing}")
        return [found[position] for position in positions]

    def _place(self, position: int) -> tuple[LogSource, int]:
        """Return the file and the byte offset of a position; a session may have moved into the log since."""
        try:
            return self._files.place(position)
        except LookupError:
            self.catch_up()
            return self._files.place(position)

    def finished_at(self, positions: list[int]) -> list[TestFinished]:
        """Return the attempts whose events are at some positions.

        Raises:
            LookupError: there is no such event at one of them any more.
        """
        decode = msgspec.json.Decoder(TestFinished).decode
        return [decode(line) for line in self.lines_at(positions)]

    def counts(self) -> dict[str, int]:
        """Return how much is in the model."""
        tables = ("sessions", "nodes", "findings")
        counts = {name: self._db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608
        attempts = self._db.execute("SELECT coalesce(sum(length(outcomes)), 0) FROM chunks").fetchone()[0]
        return {**counts, "attempts": attempts}

    def _session_row(self, row: tuple[object, ...], names: dict[str, str]) -> SessionRow:
        stream, label, state, verdicts, missing, *notable = row
        part = msgspec.msgpack.decode(cast("bytes", state), type=SessionPart)
        decoded = msgspec.json.decode(cast("str", verdicts), type=dict[str, int])
        name, facts = names.get(str(stream), str(label)), Notable(*cast("list[bytes]", notable))
        return SessionRow.of(str(stream), name, part, decoded, cast("int", missing), facts)

    def _chunks(self, session: int) -> Iterator[Rows]:
        columns = "nodes, outcomes, durations, positions, attempts, workers"
        query = f"SELECT {columns} FROM chunks WHERE session = ? ORDER BY number"  # noqa: S608 - fixed text
        for row in self._db.execute(query, (session,)).fetchall():
            yield Rows(*row)

    def _names(self, numbers: set[int]) -> "dict[int, str] | list[str]":
        """Node ids by their numbers: of a few tests looked up one by one, of many in the list of all."""
        if len(numbers) > _LOOKED_UP_MAX:
            return self.names()
        names: dict[int, str] = {}
        for number in numbers:
            names[number] = self._db.execute("SELECT nodeid FROM nodes WHERE id = ?", (number,)).fetchone()[0]
        return names

    def _latest_changes(self) -> dict[str, Change]:
        """What was said last, by the session it is about."""
        changes: dict[str, list[Change]] = {}
        for target, at, digest, what in self._db.execute("SELECT target, at, digest, what FROM changes"):
            changes.setdefault(target, []).append((at, digest, what))
        return {target: change for target, found in changes.items() if (change := latest_change(found)) is not None}

    def _visibility(self) -> "_Visibility":
        """Which sessions are not shown, and which go by another name than their label."""
        changes = self._latest_changes()
        labelled: dict[str, list[Labelled]] = {}
        for stream, label, started in self._db.execute(_IN_QUESTION):
            labelled.setdefault(label, []).append(Labelled(stream, started, changes.get(stream)))
        found = _Visibility(set(), {})
        for label, sessions in labelled.items():
            names = visible_names(label, sessions)
            found.names.update(names)
            found.hidden.update(session.stream for session in sessions if session.stream not in names)
        found.hidden.update(stream for (stream,) in self._db.execute(_BURIED))
        return found

    def _dump(self) -> Iterator[tuple[str, object]]:
        """Everything that is the same in every model of a log, whatever the way it was made."""
        rows = self._db.execute(
            "SELECT stream, label, sut, commit_id, status, tests, missing, verdicts, failed, rerun, flaky, state"
            " FROM sessions"
        )
        names, name_of = self.names(), self._files.naming()
        for stream, *columns, failed, rerun, flaky, state in rows.fetchall():
            yield f"notable tests of {stream}", sorted(_classes(Notable(failed, rerun, flaky), names).items())
            part = msgspec.structs.asdict(msgspec.msgpack.decode(state, type=SessionPart))
            for name in _HOW_IT_WAS_FOLDED:
                del part[name]
            part["header_at"] = name_of(part["header_at"])
            for name in ("announced_at", "malformed"):
                part[name] = list(map(name_of, part[name]))
            part["outputs"] = [(section, name_of(at)) for section, at in part["outputs"]]
            part["open"] = sorted(part["open"])
            part["announced"] = {
                worker: sorted(names[number] for number in array("I", column))
                for worker, column in part["announced"].items()
            }
            yield f"session {stream}", (*columns, json.dumps(part, sort_keys=True))
            attempts = [(*attempt, name_of(attempt.position)) for attempt in self.attempts(stream)]
            attempts = [(*attempt[:3], *attempt[4:]) for attempt in attempts]
            yield f"attempts of {stream}", attempts
        yield "tombstones", sorted(self._db.execute("SELECT stream, digest FROM tombstones").fetchall())
        yield "changes", sorted(self._db.execute("SELECT target, at, digest, what FROM changes").fetchall())
        yield "findings", [tuple(finding) for finding in self.findings()]


def _classes(notable: Notable, names: list[str]) -> dict[str, tuple[str, ...]]:
    """What is true of each notable test, by its node id."""
    found: dict[str, tuple[str, ...]] = {}
    for word, column in zip(notable._fields, notable, strict=True):
        for number in array("I", column):
            found[names[number]] = (*found.get(names[number], ()), word)
    return found


def _is_about_the_machine(error: sqlite3.DatabaseError) -> bool:
    """Tell trouble with disk, permissions or locks from a file whose content is wrong."""
    return isinstance(error, sqlite3.OperationalError) and not str(error).startswith("no such")


_SESSIONS = "SELECT stream, label, state, verdicts, missing, failed, rerun, flaky FROM sessions"
"""What `ReadModel._session_row` makes a row of."""


class _Visibility(NamedTuple):
    """What is said about sessions, or follows from labels that several of them bear."""

    hidden: set[str]
    names: dict[str, str]


_IN_QUESTION = """
SELECT stream, label, started_us FROM sessions WHERE label IN (
    SELECT label FROM sessions WHERE label IS NOT NULL GROUP BY label HAVING count(*) > 1
    UNION SELECT label FROM sessions JOIN changes ON target = stream WHERE label IS NOT NULL
)
"""
"""Sessions whose label alone does not say whether and how they are shown."""


_BURIED = "SELECT stream FROM tombstones WHERE digest = ''"
"""Streams that were purged."""


def _is_blank(db: sqlite3.Connection) -> bool:
    return not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _holds(column: bytes, value: bytes) -> bool:
    """Tell whether a column of 32-bit numbers has a value; the bytes of two neighbours together do not count."""
    at = column.find(value)
    while at >= 0 and at % len(value):
        at = column.find(value, at + 1)
    return at >= 0


def _batches_in(numbered: Numbered, start: int) -> Iterator[Batch]:
    """Batches of a file; of a live file that was collected meanwhile none, as it is in the log."""
    try:
        yield from read_batches(numbered.source, after_line(numbered.source, start), whole=True)
    except FileNotFoundError:
        if numbered.number == 0:
            raise


def _records_in(source: LogSource, start: int) -> Iterator[Record]:
    for batch in read_batches(source, start, whole=True):
        for item in records_in(source.name, batch):
            if isinstance(item, Record):
                yield item


def _stretches(positions: list[int]) -> Iterator[list[int]]:
    """Sorted positions in groups that are worth being read at once."""
    stretch: list[int] = []
    for position in positions:
        if stretch and (position - stretch[-1] > _FAR_BYTES or position >> SOURCE_SHIFT != stretch[0] >> SOURCE_SHIFT):
            yield stretch
            stretch = []
        stretch.append(position)
    if stretch:
        yield stretch


def _like(prefix: str) -> str:
    return prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _make_tables(db: sqlite3.Connection) -> None:
    """Make the tables of an empty database, within a transaction."""
    for statement in filter(str.strip, SCHEMA.split(";")):
        db.execute(statement)
    db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?), ('rules', ?)", (SCHEMA_VERSION, RULES_VERSION))


def _drop_tables(db: sqlite3.Connection) -> None:
    """Remove all tables, also those of another release, within a transaction."""
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        db.execute(f'DROP TABLE "{name}"')


def _make_first_tables(db: sqlite3.Connection) -> None:
    """Make the tables of a new file, unless another process was faster."""
    if not _is_blank(db):
        return  # also of a file that can only be read
    db.execute("BEGIN IMMEDIATE")
    try:
        if _is_blank(db):
            _make_tables(db)
    except BaseException:
        _roll_back(db)
        raise
    db.execute("COMMIT")


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:  # on a full disk SQLite has done it already
        db.execute("ROLLBACK")


def _identity_of(path: Path | None) -> tuple[int, int]:
    try:
        info = path.stat() if path is not None else None
    except FileNotFoundError:
        return 0, 0
    return (info.st_dev, info.st_ino) if info is not None else (0, 0)


def _shifted(offsets: list[int], number: int) -> list[int]:
    base = number << SOURCE_SHIFT
    return [base + offset for offset in offsets] if base else offsets
