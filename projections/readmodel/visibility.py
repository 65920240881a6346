"""Which sessions are shown, and under which names: the rules, and the rows of the read model that they need."""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from ..rules import Change, ChangeKind, Labelled, latest_change, visible_names

_LABELLED = """
SELECT stream, label, started_us FROM sessions WHERE label IN (
    SELECT label FROM sessions WHERE label IS NOT NULL GROUP BY label HAVING count(*) > 1
    UNION SELECT label FROM sessions JOIN changes ON target = stream WHERE label IS NOT NULL
)
"""
"""Sessions that share their label with others or with one that has a visibility event; all others are shown by label.
"""

_PURGED = "SELECT stream FROM tombstones WHERE digest = ''"


class Visibility(msgspec.Struct, frozen=True):
    """Exceptions from the rule that a session is shown under its label."""

    hidden: set[str]
    """Streams of sessions that are not shown."""
    names: dict[str, str]
    """Name of a session, by stream; a session that is missing here goes by its label."""


def decide_visibility(
    sessions: Iterable[tuple[str, str, int]], changes: Mapping[str, Change], purged: Iterable[str]
) -> Visibility:
    """Return which sessions are hidden, and the names of the others; see `rules.visible_names`.

    Args:
        sessions: `(stream, label, start in microseconds)` of all sessions of each label that is to be decided.
        changes: latest visibility event, by stream.
        purged: streams that were purged; they are hidden whatever the events say.
    """
    labelled: dict[str, list[Labelled]] = {}
    for stream, label, started in sessions:
        labelled.setdefault(label, []).append(Labelled(stream, started, changes.get(stream)))
    found = Visibility(set(purged), {})
    for label, group in labelled.items():
        names = visible_names(label, group)
        found.names.update(names)
        found.hidden.update(session.stream for session in group if session.stream not in names)
    return found


def select_latest_changes(events: Iterable[tuple[str, str, str, ChangeKind]]) -> dict[str, Change]:
    """Return the visibility event that counts, by the stream that it is about.

    Args:
        events: `(stream, time, digest, kind)` in any order.
    """
    changes: dict[str, list[Change]] = {}
    for target, at, digest, kind in events:
        changes.setdefault(target, []).append((at, digest, kind))
    return {target: change for target, found in changes.items() if (change := latest_change(found)) is not None}


def read_visibility(db: sqlite3.Connection) -> Visibility:
    """Return the visibility of the sessions of a read model."""
    return decide_visibility(db.execute(_LABELLED), read_latest_changes(db), read_purged_streams(db))


class KnownVisibility:
    """Visibility of the sessions of a read model, which is read again only when the model has changed.

    It is about all sessions, so that reading it for each of many sessions would take a time that grows as their square.
    """

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None
        self._version = (0, 0)
        self._known = Visibility(set(), {})

    def get(self, db: sqlite3.Connection) -> Visibility:
        """Return the visibility of a model as it is now."""
        (by_others,) = db.execute("PRAGMA data_version").fetchone()
        version = (by_others, db.total_changes)
        if self._db is not db or self._version != version:
            self._known = read_visibility(db)
            self._db, self._version = db, version
        return self._known


def read_latest_changes(db: sqlite3.Connection) -> dict[str, Change]:
    """Return the visibility event that counts, by the stream that it is about."""
    return select_latest_changes(db.execute("SELECT target, at, digest, what FROM changes"))


def read_purged_streams(db: sqlite3.Connection) -> set[str]:
    """Return the streams that were purged as a whole."""
    return {stream for (stream,) in db.execute(_PURGED)}
