"""Segments into their table, with positions in the feed.

Positions are drawn under the lock of the sequencer, which is kept until the commit: so they are in the order in which
readers see the segments, and a push needs one commit.
"""

import struct
from typing import Any, Final

from sqlalchemy import Connection, insert, text

from ..database.row_security import copying_rows
from ..database.tables import segment
from ..feed.sequencer import POSITION_LOCK

_DRAW = text(
    """
    with held as materialized (select pg_advisory_xact_lock(:lock)::text as lock)
    select nextval('feed_position') from held, generate_series(1, :count) where held.lock is not null
    """
)
_COPY: Final = """
    copy segment (team, stream, first, count, bytes, position, digest, key, body) from stdin (format binary)
"""
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_pack = struct.Struct(">h ii i16s ii ii ii iq i").pack
_size = struct.Struct(">i").pack


def store_segments(connection: Connection, segments: list[dict[str, Any]]) -> int:
    """Store segments, and return the position of the last one; others cannot draw positions until the commit."""
    positions = sorted(connection.execute(_DRAW, {"lock": POSITION_LOCK, "count": len(segments)}).scalars())
    placed = list(zip(segments, positions, strict=True))
    with copying_rows(connection, "segment") as can_copy:
        if can_copy:
            _copy_segments(connection, placed)
        else:
            connection.execute(insert(segment), [one | {"position": position} for one, position in placed])
    return positions[-1]


def _copy_segments(connection: Connection, placed: list[tuple[dict[str, Any], int]]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(_HEAD)
        for one, position in placed:
            copy.write(_binary_row(one, position))
        copy.write(_END)


def _binary_row(one: dict[str, Any], position: int) -> bytes:
    """Return a row of the binary format: its number of columns, then size and value of each."""
    numbers = (4, one["first"], 4, one["count"], 4, one["bytes"], 8, position)
    digest, key, body = one["digest"], one["key"].encode(), one["body"]
    head = _pack(9, 4, one["team"], 16, one["stream"].bytes, *numbers, len(digest))
    return b"".join((head, digest, _size(len(key)), key, _size(len(body)), body))
