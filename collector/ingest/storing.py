"""Segments into their table, with positions in the feed, and the rows of their streams: one statement for all.

Positions are drawn under the lock of the sequencer, which is kept until the commit: so they are in the order in which
readers see the segments, and a push needs one commit.
"""

from typing import Any, Final

from sqlalchemy import Connection, text

from ..feed.sequencer import POSITION_LOCK

_SEGMENT: Final = {
    "team": "int",
    "stream": "uuid",
    "first": "int",
    "count": "int",
    "bytes": "int",
    "digest": "bytea",
    "key": "text",
    "body": "bytea",
    "place": "text",
    "size": "int",
}
_STREAM: Final = {
    "team": "int",
    "stream": "uuid",
    "next": "int",
    "top": "int",
    "last": "bytea",
    "low": "int",
    "started": "timestamptz",
    "sealed": "int",
    "state": "text",
}


def _arrays(columns: dict[str, str], prefix: str) -> str:
    return ", ".join(f"cast(:{prefix}_{name} as {kind}[])" for name, kind in columns.items())


_STORE = text(
    f"""
    with changed as (
        update stream as s set next = new.next, top = new.top, last = new.last, low = new.low, started = new.started,
            sealed = new.sealed, state = new.state
        from unnest({_arrays(_STREAM, "s")}) as new ({", ".join(_STREAM)})
        where s.team = new.team and s.stream = new.stream
    ), held as materialized (select pg_advisory_xact_lock(:lock)::text as lock)
    insert into segment ({", ".join(_SEGMENT)}, position)
    select new.*, nextval('feed_position')
    from held, unnest({_arrays(_SEGMENT, "g")}) as new ({", ".join(_SEGMENT)}) where held.lock is not null
    returning position
    """  # noqa: S608 - names and types of the tables above
)


def store_segments(connection: Connection, segments: list[dict[str, Any]], streams: list[dict[str, Any]]) -> int:
    """Store segments and the rows of their streams; others cannot draw positions until the commit.

    Args:
        connection: in a transaction that has locked the streams.
        segments: new segments.
        streams: rows as they are with them.

    Returns:
        The position of the last segment.
    """
    values: dict[str, Any] = {f"g_{name}": [one[name] for one in segments] for name in _SEGMENT}
    values |= {f"s_{name}": [one[name] for one in streams] for name in _STREAM}
    return max(connection.execute(_STORE, values | {"lock": POSITION_LOCK}).scalars())
