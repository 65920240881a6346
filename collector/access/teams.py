"""Teams: what one team has stored, no other one can see."""

import re
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select

from ..database.tables import team

DEFAULT_TEAM: Final = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TeamInfo(NamedTuple):
    """A team."""

    id: int
    name: str
    settings: dict[str, Any]


def ensure_team(connection: Connection, name: str) -> TeamInfo:
    """Return the team of a name; a missing one is made.

    Raises:
        ValueError: no team can have this name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"team {name!r}: a name has letters, digits, '.', '_' and '-', at most 64")
    found = find_team(connection, name)
    if found is None:
        row = connection.execute(insert(team).values(name=name).returning(team)).one()
        found = TeamInfo(row.id, row.name, row.settings)
    return found


def find_team(connection: Connection, name: str) -> TeamInfo | None:
    """Return the team of a name, or None."""
    row = connection.execute(select(team).where(team.c.name == name)).one_or_none()
    return None if row is None else TeamInfo(row.id, row.name, row.settings)


def list_teams(connection: Connection) -> list[TeamInfo]:
    """Return all teams by name."""
    rows = connection.execute(select(team).order_by(team.c.name))
    return [TeamInfo(row.id, row.name, row.settings) for row in rows]


def known_team(connection: Connection, name: str) -> TeamInfo:
    """Return the team of a name.

    Raises:
        LookupError: there is no such team.
    """
    found = find_team(connection, name)
    if found is None:
        raise LookupError(f"team {name!r}: there is no such team; make it with `insight teams create {name}`")
    return found
