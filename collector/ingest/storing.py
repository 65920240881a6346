"""Segments into their table, with positions in the feed.

Positions are drawn under the lock of the sequencer, which is kept until the commit: so they are in the order in which
readers see the segments, and a push needs one commit.
"""

from typing import Any, Final

from sqlalchemy import Connection, text

from ..feed.sequencer import POSITION_LOCK

_DRAW = text(
    """
    with held as materialized (select pg_advisory_xact_lock(:lock)::text as lock)
    select nextval('feed_position') from held, generate_series(1, :count) where held.lock is not null
    """
)
# COPY would be faster, and is not supported with row-level security.
_INSERT: Final = """
    insert into segment (team, stream, first, count, bytes, position, digest, key, body)
    select * from unnest(%b::int[], %b::uuid[], %b::int[], %b::int[], %b::int[], %b::bigint[], %b::bytea[], %b::text[],
                         %b::bytea[])
"""
_COLUMNS: Final = ("team", "stream", "first", "count", "bytes", "position", "digest", "key", "body")


def store_segments(connection: Connection, segments: list[dict[str, Any]]) -> int:
    """Store segments, and return the position of the last one; others cannot draw positions until the commit."""
    positions = sorted(connection.execute(_DRAW, {"lock": POSITION_LOCK, "count": len(segments)}).scalars())
    rows = [one | {"position": position} for one, position in zip(segments, positions, strict=True)]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(_INSERT, [[row[name] for row in rows] for name in _COLUMNS])
    return positions[-1]
