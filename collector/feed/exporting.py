"""The whole log of a team in canonical order, as `insight merge` writes it."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, tuple_

from ..bodies.reading import BODY_COLUMNS, read_sound
from ..database.tables import segment, stream

_STREAMS: Final = 200
"""Streams that are read at once."""


def export_log(engine: Engine, team: int) -> Iterator[bytes]:
    """Yield the lines of a team in order of the start of their stream, stream and seq, from one snapshot."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        after: tuple[Any, Any] | None = None
        while True:
            query = select(stream.c.started, stream.c.stream).where(
                stream.c.team == team, stream.c.started.is_not(None)
            )
            if after is not None:
                query = query.where(tuple_(stream.c.started, stream.c.stream) > after)
            found = list(connection.execute(query.order_by(stream.c.started, stream.c.stream).limit(_STREAMS)))
            if not found:
                return
            yield from _lines_of(connection, team, [row.stream for row in found])
            after = (found[-1].started, found[-1].stream)


def _lines_of(connection: Connection, team: int, streams: list[Any]) -> Iterator[bytes]:
    query = select(*BODY_COLUMNS)
    place = {name: number for number, name in enumerate(streams)}
    rows = list(connection.execute(query.where(segment.c.team == team, segment.c.stream.in_(streams))))
    rows.sort(key=lambda row: (place[row.stream], row.first))
    for found in read_sound(connection, rows):
        yield found.data
