"""Names that sessions are shown by, and which of them are hidden: by the rules of the local read model."""

from collections.abc import Sequence
from hashlib import md5
from typing import Any, cast

from sqlalchemy import Connection, and_, func, select, text

from ...eventlog.times import from_datetime
from ...projections.readmodel.visibility import decide_visibility, select_latest_changes
from ...projections.rules import ChangeKind
from ..database.view_tables import change, session
from .rows import count_days

_PURGED = "purged"
_RENAME = text("update session set session_id = :name where id = :id")


def name_sessions(connection: Connection, team: int, labels: set[str]) -> None:
    """Set the names that the sessions of some labels are shown by, and count the tests of those that are shown."""
    if not labels:
        return
    found = _sessions_of(connection, team, sorted(labels))
    names = _names_of(connection, team, found)
    renamed = [{"id": row.id, "name": names[row.id]} for row in found if row.session_id != names[row.id]]
    if renamed:
        connection.execute(_RENAME, renamed)
    shown = [row.id for row in found if row.session_id is None and names[row.id] is not None]
    hidden = [row.id for row in found if row.session_id is not None and names[row.id] is None]
    count_days(connection, shown, 1)
    count_days(connection, hidden, -1)


def _sessions_of(connection: Connection, team: int, labels: list[str]) -> "Sequence[Any]":
    hashes = [md5(label.encode(), usedforsecurity=False).hexdigest() for label in labels]
    columns = (session.c.id, session.c.stream, session.c.label, session.c.session_id, session.c.started_at)
    query = select(*columns).where(
        session.c.team == team, func.md5(session.c.label).in_(hashes), session.c.label.in_(labels)
    )
    return connection.execute(query).all()


def _names_of(connection: Connection, team: int, found: "Sequence[Any]") -> dict[int, str | None]:
    streams = [row.stream.hex for row in found]
    changes = connection.execute(
        select(change.c.target, change.c.at, change.c.digest, change.c.what).where(
            and_(change.c.team == team, change.c.target.in_(streams))
        )
    ).all()
    kinds: list[tuple[str, str, str, ChangeKind]] = [
        (str(row.target), str(row.at), str(row.digest), cast("ChangeKind", row.what))
        for row in changes
        if row.what != _PURGED
    ]
    purged = [row.target for row in changes if row.what == _PURGED]
    sessions = [(row.stream.hex, row.label, from_datetime(row.started_at)) for row in found]
    visible = decide_visibility(sessions, select_latest_changes(kinds), purged)
    return {
        row.id: None if row.stream.hex in visible.hidden else visible.names.get(row.stream.hex, row.label)
        for row in found
    }
