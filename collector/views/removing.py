"""Remove streams from the views, in the transaction that removes their lines."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, text

from ..database.view_tables import folded, packed, result, session
from .locking import lock_projector
from .names import name_sessions
from .rows import remove_streams

_DROP_NODES: Final = text(
    """
    delete from node n where n.id = any(:ids) and n.team = :team
        and not exists (select from result r where r.team = n.team and r.node = n.id)
        and not exists (select from test_day d where d.team = n.team and d.node = n.id)
        and not exists (select from packed p where p.team = n.team and n.id = any(p.unreported))
    """
)


def remove_from_views(connection: Connection, team: int, streams: Iterable[UUID]) -> None:
    """Remove all rows of some streams, also the node ids that no other session has.

    A projector that has read the lines before waits or is waited for, so that it does not write them afterwards. What
    is left of a stream has new segments, which are folded soon.
    """
    names = sorted(streams)
    if not names:
        return
    lock_projector(connection, team)
    ids = select(session.c.id).where(session.c.team == team, session.c.stream.in_(names))
    query = select(result.c.node).where(result.c.session.in_(ids))
    announced = select(func.unnest(packed.c.unreported)).where(packed.c.session.in_(ids))
    nodes = list(connection.execute(query.union(announced)).scalars())
    name_sessions(connection, team, remove_streams(connection, team, names))
    connection.execute(delete(folded).where(folded.c.team == team, folded.c.stream.in_(names)))
    if nodes:
        connection.execute(_DROP_NODES, {"ids": nodes, "team": team})
