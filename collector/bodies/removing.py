"""Deletion of objects after the commit that made them superfluous; what is cut off is repeated until it is done."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, text

from ..ingest.locking import lock_streams
from .attaching import bodies_of
from .names import stream_prefix
from .owning import require_owner
from .store import BodyStore
from .working import (
    DELETE,
    SWEEP,
    NotedWork,
    drop_work,
    find_pending,
    finish_deletions,
    forget_deletions,
    note_deletions,
)

_NAMED = text("select place from segment where team = :team and stream = :stream and place = any(:places)")
_DROP_EMPTY: Final = text(
    """
    delete from stream s where team = :team and stream = :stream and top = 0 and low is null and state = 'live'
        and not exists(select from segment g where g.team = s.team and g.stream = s.stream)
    """
)


def delete_purged(engine: Engine, streams: Iterable[UUID]) -> None:
    """Delete what a purge has left of some streams in the bucket, and return when it is gone.

    Raises:
        BodiesUnavailableError: the bucket cannot be used now; it is done later, or by the same push again.
    """
    store = bodies_of(engine)
    if store is not None:
        remove_objects(engine, store, streams)


def remove_objects(engine: Engine, store: BodyStore, streams: Iterable[UUID] | None = None) -> int:
    """Delete objects as it is noted, and return how many there were.

    Args:
        engine: of the database.
        store: the bucket.
        streams: only of these; default: of all.

    Raises:
        BodiesUnavailableError: the bucket cannot be used now.
        SegmentsSettingError: it belongs to another database; nothing is deleted.
    """
    only = None if streams is None else list(streams)
    with engine.connect() as connection:
        kinds = [kind for kind in (SWEEP, DELETE) if find_pending(connection, kind, only=only, most=1)]
    if not kinds:
        return 0
    require_owner(engine, store)
    _sweep_streams(engine, store, only)
    return _delete_objects(engine, store, only)


def forget_old_deletions(engine: Engine) -> None:
    """Drop the names of objects that were deleted long ago."""
    with engine.begin() as connection:
        forget_deletions(connection)


def note_unnamed(engine: Engine, team: int, stream: UUID, places: Sequence[str], work: NotedWork | None = None) -> int:
    """Note those of some objects of a stream that no row names, to delete them; return their number."""
    with engine.begin() as connection:
        lock_streams(connection, team, [stream])
        values = {"team": team, "stream": stream, "places": list(places)}
        named = set(connection.execute(_NAMED, values).scalars())
        unnamed = [place for place in places if place not in named]
        note_deletions(connection, team, stream, unnamed)
        connection.execute(_DROP_EMPTY, {"team": team, "stream": stream})
        if work is not None:
            drop_work(connection, SWEEP, work)
    return len(unnamed)


def _sweep_streams(engine: Engine, store: BodyStore, only: list[UUID] | None) -> None:
    works = _pending(engine, SWEEP, None, only)
    while works:
        listed = store.list_all(stream_prefix(work.team, work.stream) for work in works)
        for work, entries in zip(works, listed, strict=True):
            note_unnamed(engine, work.team, work.stream, [entry.key for entry in entries], work)
        works = _pending(engine, SWEEP, works[-1], only)


def _delete_objects(engine: Engine, store: BodyStore, only: list[UUID] | None) -> int:
    count = 0
    works = _pending(engine, DELETE, None, only)
    while works:
        store.delete_all(work.place for work in works)
        with engine.begin() as connection:
            for team, group in groupby(works, key=lambda work: work.team):
                finish_deletions(connection, team, list(group))
        count += len(works)
        works = _pending(engine, DELETE, works[-1], only)
    return count


def _pending(engine: Engine, kind: str, after: NotedWork | None, only: list[UUID] | None) -> list[NotedWork]:
    with engine.connect() as connection:
        return find_pending(connection, kind, after, only=only)
