"""Locks on the rows of streams: who stores or removes lines of a stream has its row locked."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

_LOCK_STREAMS = text(
    """
    insert into stream as s (team, stream) select :team, unnest(cast(:streams as uuid[]))
    on conflict (team, stream) do update set team = excluded.team
    returning s.*, exists(select from tombstone t where t.team = s.team and t.stream = s.stream) as buried
    """
)


def lock_streams(connection: Connection, team: int, streams: list[UUID]) -> list[Row[Any]]:
    """Return the rows of streams, locked until the transaction ends; missing ones are made.

    Args:
        connection: in a transaction.
        team: of the streams.
        streams: in order of their ids: two pushes of the same streams wait for each other, and never in a circle.
    """
    return list(connection.execute(_LOCK_STREAMS, {"team": team, "streams": streams}))
