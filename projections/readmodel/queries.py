"""Queries over sessions, systems under test, findings and counts; each reads what is folded, without catching up."""

import sqlite3
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from ...eventlog.scan import Finding
from ..clock import latest_start_us
from ..parts import SessionPart
from ..session_row import Notable, SessionRow
from .errors import UnknownSessionError
from .matching import NEWEST_WORDS, check_one_commit, choose_session, like_pattern
from .shapes import Roster, StoredVerdict, StoredVerdicts
from .visibility import KnownVisibility, Visibility, read_latest_changes, read_purged_streams, read_visibility

_Row = tuple[Any, ...]

_SESSIONS = "SELECT stream, label, state, verdicts, missing, failed, rerun, flaky FROM sessions WHERE label IS NOT NULL"
"""Columns of `_session_row`; a stream without a label is not a session."""

_NEWEST_FIRST = "ORDER BY started_us DESC, stream"
_COUNTED_TABLES = ("sessions", "nodes", "findings")


def list_sessions(
    db: sqlite3.Connection, *, sut: str | None, since_us: int | None, limit: int | None, hidden: bool
) -> list[SessionRow]:
    """Return sessions, the newest first; see `ReadModel.sessions`."""
    query, values = _SESSIONS, list[object]()
    if sut is not None:
        query, values = f"{query} AND sut = ?", [*values, sut]
    if since_us is not None:
        query, values = f"{query} AND started_us >= ?", [*values, since_us]
    visibility = read_visibility(db)
    rows: list[SessionRow] = []
    for row in db.execute(f"{query} {_NEWEST_FIRST}", values):
        if hidden or row[0] not in visibility.hidden:
            rows.append(_session_row(row, visibility))
            if limit is not None and len(rows) >= limit:
                break
    return rows


def find_newest_session(db: sqlite3.Connection) -> SessionRow | None:
    """Return the visible session that started last; one that starts in the future only if all do."""
    latest = latest_start_us()
    visibility = read_visibility(db)
    first: _Row | None = None
    for row in db.execute(f"{_SESSIONS} {_NEWEST_FIRST}"):
        if row[0] in visibility.hidden:
            continue
        session = _session_row(row, visibility)
        if session.started_us <= latest:
            return session
        first = first or row
    return _session_row(first, visibility) if first is not None else None


def find_session(db: sqlite3.Connection, prefix: str) -> SessionRow:
    """Return the visible session whose label or stream begins with a text, or that `label~digits` names.

    Args:
        db: the read model.
        prefix: the text; `last` or `latest` for the newest session. Of several matches an exact one is returned.

    Raises:
        UnknownSessionError: no session matches.
        AmbiguousPrefixError: several sessions match.
    """
    if prefix in NEWEST_WORDS:
        newest = find_newest_session(db)
        if newest is not None:
            return newest
        raise UnknownSessionError(prefix)
    label, _, digits = prefix.rpartition("~")
    rows = db.execute(
        f"{_SESSIONS} AND (label LIKE ?1 ESCAPE '\\' OR stream LIKE ?1 ESCAPE '\\'"
        " OR (label = ?2 AND stream LIKE ?3 ESCAPE '\\'))",
        (like_pattern(prefix), label, like_pattern(digits)),
    ).fetchall()
    return choose_session(prefix, _visible_rows(db, rows))


def find_sessions_of_commit(db: sqlite3.Connection, prefix: str) -> list[SessionRow]:
    """Return the visible sessions of a commit, the newest first.

    Args:
        db: the read model.
        prefix: beginning of the hash, in any case of letters.

    Raises:
        AmbiguousCommitError: the hashes of several commits begin so.
    """
    query = f"{_SESSIONS} AND commit_id LIKE ? ESCAPE '\\' {_NEWEST_FIRST}"
    shown = _visible_rows(db, db.execute(query, (like_pattern(prefix.lower()),)).fetchall())
    check_one_commit(prefix, shown)
    return shown


def find_session_by_name(db: sqlite3.Connection, name: str) -> SessionRow | None:
    """Return the visible session that goes by exactly this name (`label` or `label~digits`), or None."""
    label = name.rpartition("~")[0]
    rows = db.execute(f"{_SESSIONS} AND label IN (?, ?)", (name, label)).fetchall()
    return next((row for row in _visible_rows(db, rows) if row.session_id == name), None)


def find_session_by_stream(db: sqlite3.Connection, stream: str, visibility: KnownVisibility) -> SessionRow | None:
    """Return the session of a stream, also a hidden one, or None if the stream is no session."""
    row = db.execute(f"{_SESSIONS} AND stream = ?", (stream,)).fetchone()
    return None if row is None else _session_row(row, visibility.get(db))


def list_visible_sessions(db: sqlite3.Connection, streams: Sequence[str]) -> list[SessionRow]:
    """Return the visible sessions of some streams, in the order of the streams."""
    visibility = read_visibility(db)
    rows = [
        db.execute(f"{_SESSIONS} AND stream = ?", (stream,)).fetchone()
        for stream in streams
        if stream not in visibility.hidden
    ]
    return [_session_row(row, visibility) for row in rows if row is not None]


def list_suts(db: sqlite3.Connection) -> list[tuple[str, int, int, int]]:
    """Return `(name, visible sessions, first start, last start)` of each system under test that has one, by name.

    Times are microseconds since the epoch.
    """
    found: dict[str, tuple[int, int, int]] = {}
    hidden = read_visibility(db).hidden
    for stream, sut, started in db.execute("SELECT stream, sut, started_us FROM sessions WHERE label IS NOT NULL"):
        if stream not in hidden:
            count, first, last = found.get(sut, (0, started, started))
            found[sut] = (count + 1, min(first, started), max(last, started))
    return [(sut, *found[sut]) for sut in sorted(found)]


def list_sut_names(db: sqlite3.Connection) -> list[str]:
    """Return the sorted names of the systems under test, also of those whose sessions are all hidden."""
    query = "SELECT DISTINCT sut FROM sessions WHERE label IS NOT NULL ORDER BY sut"
    return [str(sut) for (sut,) in db.execute(query)]


def list_findings(db: sqlite3.Connection) -> list[Finding]:
    """Return the lines of the log that are not events, by file and offset."""
    rows = db.execute("SELECT log, offset, length, reason, detail FROM findings ORDER BY log, offset")
    return [Finding(*row) for row in rows]


def count_contents(db: sqlite3.Connection) -> dict[str, int]:
    """Return the number of sessions, nodes, findings and attempts in the read model."""
    counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _COUNTED_TABLES}  # noqa: S608
    attempts = db.execute("SELECT coalesce(sum(length(outcomes)), 0) FROM chunks").fetchone()[0]
    return {**counts, "attempts": attempts}


def read_part(db: sqlite3.Connection, stream: str) -> SessionPart | None:
    """Return the folded state of a stream, or None if the log has no such stream."""
    row = db.execute("SELECT state FROM sessions WHERE stream = ?", (stream,)).fetchone()
    return None if row is None else msgspec.msgpack.decode(row[0], type=SessionPart)


def read_roster(db: sqlite3.Connection) -> Roster:
    """Return the streams, visibility events and tombstones of the log."""
    rows = db.execute("SELECT stream, label, started_us FROM sessions").fetchall()
    return Roster(
        {stream: (label, started) for stream, label, started in rows},
        read_latest_changes(db),
        read_purged_streams(db),
        {digest for (digest,) in db.execute("SELECT digest FROM tombstones WHERE digest != ''")},
    )


def read_stored_verdicts(db: sqlite3.Connection, rules: str, names: Sequence[str]) -> StoredVerdicts:
    """Return the stored verdicts of all sessions, also from the tables of an earlier release.

    Args:
        db: the read model.
        rules: version of the rules that made the verdicts.
        names: node ids by their numbers.
    """
    known = {row[1] for row in db.execute("PRAGMA table_info(sessions)")}
    columns = ", ".join(name if name in known else "x''" for name in Notable._fields)  # an earlier release lacks them
    query = f"SELECT stream, label, status, verdicts, {columns} FROM sessions WHERE label IS NOT NULL"  # noqa: S608
    found: dict[str, StoredVerdict] = {}
    for stream, label, status, verdicts, *notable in db.execute(query).fetchall():
        counts = msgspec.json.decode(verdicts, type=dict[str, int])
        tests = list_notable_tests(Notable(*notable), names)
        found[stream] = StoredVerdict(label, counts | {f"session {status}": 1}, tests)
    return StoredVerdicts(rules, found)


def list_notable_tests(notable: Notable, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the classes (`failed`, `rerun`, `flaky`) of each test that has one, by node id.

    Args:
        notable: numbers of the tests of each class.
        names: node ids by their numbers.
    """
    found: dict[str, tuple[str, ...]] = {}
    for word, column in zip(notable._fields, notable, strict=True):
        for number in array("I", column):
            found[names[number]] = (*found.get(names[number], ()), word)
    return found


def _visible_rows(db: sqlite3.Connection, rows: list[_Row]) -> list[SessionRow]:
    """Return the visible sessions of some rows; the visibility is not read for no rows."""
    if not rows:
        return []
    visibility = read_visibility(db)
    return [_session_row(row, visibility) for row in rows if row[0] not in visibility.hidden]


def _session_row(row: _Row, visibility: Visibility) -> SessionRow:
    """Return a row of `_SESSIONS` as a session with its visible name."""
    stream, label, state, verdicts, missing, *notable = row
    part = msgspec.msgpack.decode(state, type=SessionPart)
    decoded = msgspec.json.decode(verdicts, type=dict[str, int])
    name = visibility.names.get(stream) or str(label)
    return SessionRow.of(stream, name, part, decoded, missing, Notable(*notable))
