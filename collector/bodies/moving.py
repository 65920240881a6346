"""All bodies from the database to a bucket, and back; a run that is cut off is continued by the next one.

Servers may go on meanwhile: a body is in its new place before the row names that, and the old one is removed after it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select, text, tuple_

from ..database.tables import segment
from ..ingest.locking import lock_streams
from ..ingest.segments import SegmentDamagedError, unpack_segment
from .names import OWNER_NAME
from .owning import (
    BodySettings,
    SegmentsSettingError,
    change_settings,
    claim_bucket,
    owner_id,
    read_settings,
    require_owner,
    share_settings,
)
from .reading import BODY_COLUMNS, name_of
from .removing import remove_objects
from .store import BodyStore
from .working import MOVE, NotedWork, drop_work, find_doomed, find_pending, note_deletions
from .writing import name_object, takes_new

MoveProgress = Callable[[int, int], None]
"""Receives the number of segments done and in all."""

_BATCH: Final = 100
"""Segments that are moved in one transaction."""

_COLUMNS: Final = (*BODY_COLUMNS, segment.c["count"])
_TO_BUCKET = text(
    """
    update segment as s set place = new.place, size = length(s.body), body = null
    from unnest(cast(:streams as uuid[]), cast(:firsts as int[]), cast(:digests as bytea[]), cast(:places as text[]))
        as new(stream, first, digest, place)
    where s.team = :team and s.stream = new.stream and s.first = new.first and s.digest = new.digest and s.place = ''
    """
)
_TO_DATABASE = text(
    """
    update segment as s set place = '', size = null, body = new.body
    from unnest(cast(:streams as uuid[]), cast(:firsts as int[]), cast(:places as text[]), cast(:bodies as bytea[]))
        as new(stream, first, place, body)
    where s.team = :team and s.stream = new.stream and s.first = new.first and s.place = new.place
    """
)


@dataclass
class MovedBodies:
    """Outcome of a run."""

    segments: int = 0
    """That were moved."""
    bytes: int = 0
    """Of their bodies."""
    left: int = 0
    """Segments that are where they were."""
    findings: list[str] = field(default_factory=list[str])
    """Segments that cannot be moved, as they are damaged."""


class PlannedMove:
    """Segments whose bodies are not where they should be.

    Args:
        engine: of the database.
        to_bucket: where they should be.
    """

    def __init__(self, engine: Engine, *, to_bucket: bool) -> None:
        self._engine = engine
        self._where = segment.c.place == "" if to_bucket else segment.c.place != ""

    def count(self) -> tuple[int, int]:
        """Return the number of segments, and the bytes of their bodies."""
        sizes = func.coalesce(func.sum(func.coalesce(segment.c.size, func.length(segment.c.body))), 0)
        with self._engine.connect() as connection:
            count, size = connection.execute(select(func.count(), sizes).where(self._where)).one()
        return int(count), int(size)

    def batches(self, *more: Any) -> Iterator[list[Any]]:
        """Yield the segments of one team at a time, in order, each once.

        Args:
            more: conditions.
        """
        after: tuple[Any, ...] | None = None
        key = (segment.c.team, segment.c.stream, segment.c.first)
        while True:
            query = select(*_COLUMNS).where(self._where, *more)
            if after is not None:
                query = query.where(tuple_(*key) > after)
            with self._engine.connect() as connection:
                rows = list(connection.execute(query.order_by(*key).limit(_BATCH)))
            if not rows:
                return
            same = [row for row in rows if row.team == rows[0].team]
            yield same
            after = (same[-1].team, same[-1].stream, same[-1].first)


def move_to_bucket(engine: Engine, store: BodyStore, progress: MoveProgress | None = None) -> MovedBodies:
    """Move all bodies from the database to a bucket, which gets the new ones from then on.

    Raises:
        SegmentsSettingError: the bucket belongs to another database, or bodies are in another bucket.
        BodiesUnavailableError: the bucket cannot be used now; what was moved stays so.
    """
    claim_bucket(store, owner_id(engine))
    with engine.begin() as connection:
        before = read_settings(connection)
        if before.url not in ("", store.url):
            raise SegmentsSettingError(
                f"database: its bodies are in {before.url}; copy the objects to {store.url} and start servers with"
                " --segments for it, or move them to the database first"
            )
        change_settings(connection, BodySettings(store.url))
    plan, result = PlannedMove(engine, to_bucket=True), MovedBodies()
    total = plan.count()[0]
    for rows in plan.batches():
        _write_rows(engine, store, rows, result)
        _tell(progress, result, total)
    result.left = plan.count()[0]
    return result


def move_to_database(engine: Engine, store: BodyStore, progress: MoveProgress | None = None) -> MovedBodies:
    """Move all bodies from the bucket to the database, which gets the new ones from then on.

    Raises:
        SegmentsSettingError: the bucket belongs to another database.
        BodiesUnavailableError: the bucket cannot be used now; what was moved stays so.
    """
    require_owner(engine, store)
    with engine.begin() as connection:
        change_settings(connection, BodySettings(store.url, to_database=True))
    plan, result = PlannedMove(engine, to_bucket=False), MovedBodies()
    total = plan.count()[0]
    for rows in plan.batches():
        _read_rows(engine, store, rows, result)
        remove_objects(engine, store, {row.stream for row in rows})
        _tell(progress, result, total)
    remove_objects(engine, store)
    result.left = plan.count()[0]
    if not result.left:
        with engine.begin() as connection:
            change_settings(connection, BodySettings())
        store.delete_all([OWNER_NAME])
    return result


def move_pending(engine: Engine, store: BodyStore) -> MovedBodies:
    """Move the bodies that pushes and purges have left in the database, as it is noted."""
    result = MovedBodies()
    work: NotedWork | None = None
    while True:
        with engine.connect() as connection:
            works = find_pending(connection, MOVE, work)
        if not works:
            return result
        for work in works:
            _move_stream(engine, store, work, result)


def _move_stream(engine: Engine, store: BodyStore, work: NotedWork, result: MovedBodies) -> None:
    plan = PlannedMove(engine, to_bucket=True)
    mine = (segment.c.team == work.team) & (segment.c.stream == work.stream)
    put_off = 0
    for rows in plan.batches(mine):
        put_off += len(rows) - _write_rows(engine, store, rows, result)
    if not put_off:
        with engine.begin() as connection:
            lock_streams(connection, work.team, [work.stream])
            drop_work(connection, MOVE, work)


def _write_rows(engine: Engine, store: BodyStore, rows: Sequence[Any], result: MovedBodies) -> int:
    """Write the bodies of some rows of a team to the bucket, then name the objects in the rows; return their number."""
    team = rows[0].team
    places = {_key_of(row): name_object(team, row._mapping) for row in rows}  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its documented name
    with engine.connect() as connection:
        doomed = find_doomed(connection, team, places.values())
    chosen = [row for row in rows if _is_sound(row, row.body, result) and places[_key_of(row)] not in doomed]
    store.write_all({places[_key_of(row)]: row.body for row in chosen})
    with engine.begin() as connection:
        lock_streams(connection, team, sorted({row.stream for row in chosen}))
        if not takes_new(share_settings(connection)):
            return len(rows)  # they stay in the database from now on
        doomed = find_doomed(connection, team, places.values())
        chosen = [row for row in chosen if places[_key_of(row)] not in doomed]
        values = {
            "team": team,
            "streams": [row.stream for row in chosen],
            "firsts": [row.first for row in chosen],
            "digests": [row.digest for row in chosen],
            "places": [places[_key_of(row)] for row in chosen],
        }
        connection.execute(_TO_BUCKET, values)
    result.segments += len(chosen)
    result.bytes += sum(len(row.body) for row in chosen)
    return len(chosen)


def _read_rows(engine: Engine, store: BodyStore, rows: Sequence[Any], result: MovedBodies) -> None:
    """Read the objects of some rows of a team, then put the bodies into the rows, and note the objects to delete."""
    team = rows[0].team
    bodies = store.read_all(row.place for row in rows)
    for row in rows:
        store.cache.drop(row.place)
    chosen = [(row, body) for row in rows if _is_sound(row, body := bodies[row.place], result) and body is not None]
    with engine.begin() as connection:
        lock_streams(connection, team, sorted({row.stream for row, _ in chosen}))
        values = {
            "team": team,
            "streams": [row.stream for row, _ in chosen],
            "firsts": [row.first for row, _ in chosen],
            "places": [row.place for row, _ in chosen],
            "bodies": [body for _, body in chosen],
        }
        connection.execute(_TO_DATABASE, values)
        _note_objects(connection, team, [row for row, _ in chosen])
    result.segments += len(chosen)
    result.bytes += sum(len(body) for _, body in chosen)


def _is_sound(row: Any, body: bytes | None, result: MovedBodies) -> bool:
    """Return whether a body has the lines of its row; note a finding if not."""
    name = f"{name_of(row)} in {row.place}" if row.place else name_of(row)
    if body is None:
        result.findings.append(f"segment {name}: there is no such object")
        return False
    try:
        unpack_segment(body, row.digest, name, row.bytes)
    except SegmentDamagedError as error:
        result.findings.append(str(error))
        return False
    return True


def _note_objects(connection: Connection, team: int, rows: Sequence[Any]) -> None:
    for name in sorted({row.stream for row in rows}):
        note_deletions(connection, team, name, [row.place for row in rows if row.stream == name])


def _key_of(row: Any) -> tuple[Any, int]:
    return row.stream, row.first


def _tell(progress: MoveProgress | None, result: MovedBodies, total: int) -> None:
    if progress is not None:
        progress(min(result.segments + len(result.findings), total), total)
