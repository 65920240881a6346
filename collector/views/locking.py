"""The lock under which the views of a team are written."""

from typing import Final

from sqlalchemy import Connection, text

_LOCK: Final = 0x1251
"""First number of the lock; the second is the team."""


def lock_projector(connection: Connection, team: int, *, wait: bool = True) -> bool:
    """Take the lock under which the views of a team are written, until the transaction ends; return whether it has."""
    lock = {"kind": _LOCK, "team": team}
    if wait:
        connection.execute(text("select pg_advisory_xact_lock(:kind, :team)"), lock)
        return True
    return bool(connection.execute(text("select pg_try_advisory_xact_lock(:kind, :team)"), lock).scalar())
