"""Audit: rows that are only added, also for what was refused; no row has a secret."""

from typing import Any

from sqlalchemy import Connection, insert, select

from ..database.tables import audit


def record_action(connection: Connection, action: str, *, team: int | None = None, key: str = "", **what: Any) -> None:
    """Add a row.

    Args:
        connection: in the transaction of the action itself, where there is one.
        action: what was done or refused.
        team: concerned.
        key: id of the key that was used.
        what: more about it; never a secret.
    """
    connection.execute(insert(audit).values(team=team, key=key, action=action, what=what))


def list_actions(connection: Connection, team: int | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Return the newest rows of a team, of all teams without one, the newest first."""
    query = select(audit).order_by(audit.c.n.desc()).limit(limit)
    if team is not None:
        query = query.where(audit.c.team == team)
    return [dict(row) for row in connection.execute(query).mappings()]
