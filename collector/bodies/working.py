"""Work on objects that is noted in the transaction that makes it necessary, and done after the commit.

A name that is to be deleted is noted until a day after its deletion, and no row may name it meanwhile: a push that has
written the object before it was deleted keeps the body in its row instead. All that note names of a stream, or check
them, have locked the row of the stream.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

SWEEP: Final = "sweep"
"""Delete the objects of a stream that no row names."""

DELETE: Final = "delete"
"""Delete one object."""

MOVE: Final = "move"
"""Move the bodies of a stream from their rows to the bucket."""

KEPT_DAYS: Final = 1
"""Days that the name of a deleted object is noted: longer than a push may take between its object and its row."""

_NOTE = text(
    """
    insert into object_work (team, stream, kind, place)
    select :team, new.stream, :kind, new.place
    from unnest(cast(:streams as uuid[]), cast(:places as text[])) as new(stream, place) order by 1, 2, 4
    on conflict (team, stream, kind, place) do update set at = now(), done = null
    """
)
_DOOMED = text("select place from object_work where team = :team and kind = 'delete' and place = any(:places)")
_PENDING = text(
    """
    select team, stream, place, at from object_work where kind = :kind and done is null
        and (team, stream, place) > (:team, cast(:stream as uuid), :place)
        and (cast(:only as uuid[]) is null or stream = any(cast(:only as uuid[])))
    order by team, stream, place limit :most
    """
)
_FINISH = text(
    """
    update object_work set done = now()
    from unnest(cast(:streams as uuid[]), cast(:places as text[])) as old(stream, place)
    where object_work.team = :team and object_work.kind = 'delete'
        and object_work.stream = old.stream and object_work.place = old.place
    """
)
_DROP = text(
    "delete from object_work where team = :team and stream = :stream and kind = :kind and place = '' and at = :at"
)
_FORGET = text("delete from object_work where done < now() - make_interval(days => :days)")


class NotedWork(NamedTuple):
    """Work that is noted."""

    team: int
    stream: UUID
    place: str
    """Name of the object for `DELETE`; else empty."""
    at: datetime
    """When it was noted last."""


_FIRST: Final = NotedWork(0, UUID(int=0), "", datetime.min.replace(tzinfo=UTC))


def note_work(connection: Connection, team: int, kind: str, streams: Iterable[UUID]) -> None:
    """Note work on streams, whose rows the transaction has locked."""
    names = list(streams)
    if names:
        _note(connection, team, kind, names, [""] * len(names))


def note_deletions(connection: Connection, team: int, stream: UUID, places: Sequence[str]) -> None:
    """Note objects of one stream to delete, which no row names; the transaction has locked the row of the stream."""
    if places:
        _note(connection, team, DELETE, [stream] * len(places), list(places))


def _note(connection: Connection, team: int, kind: str, streams: list[UUID], places: list[str]) -> None:
    connection.execute(_NOTE, {"team": team, "kind": kind, "streams": streams, "places": places})


def find_doomed(connection: Connection, team: int, places: Iterable[str]) -> set[str]:
    """Return those of some names that are to be deleted, or were so just before: no row may name them now."""
    return set(connection.execute(_DOOMED, {"team": team, "places": list(places)}).scalars())


def find_pending(
    connection: Connection,
    kind: str,
    after: NotedWork | None = None,
    *,
    only: Iterable[UUID] | None = None,
    most: int = 200,
) -> list[NotedWork]:
    """Return work that is not done, in order.

    Args:
        connection: of the database.
        kind: of the work.
        after: the last one that was returned before.
        only: streams; default: all.
        most: number of works.
    """
    values: dict[str, Any] = (after or _FIRST)._asdict()
    values |= {"kind": kind, "most": most, "only": None if only is None else list(only)}
    return [NotedWork(*row) for row in connection.execute(_PENDING, values)]


def finish_deletions(connection: Connection, team: int, works: Sequence[NotedWork]) -> None:
    """Note that objects of a team were deleted."""
    values = {"streams": [work.stream for work in works], "places": [work.place for work in works]}
    connection.execute(_FINISH, values | {"team": team})


def drop_work(connection: Connection, kind: str, work: NotedWork) -> None:
    """Drop work on a stream that is done, unless it was noted again meanwhile."""
    connection.execute(_DROP, {"team": work.team, "stream": work.stream, "kind": kind, "at": work.at})


def forget_deletions(connection: Connection) -> None:
    """Drop the names of objects that were deleted long ago."""
    connection.execute(_FORGET, {"days": KEPT_DAYS})
