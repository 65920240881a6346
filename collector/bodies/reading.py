"""Lines of segments, wherever their bodies are: in their rows or in the bucket; each is verified."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from ..database.tables import segment
from ..ingest.segments import SegmentDamagedError, unpack_segment
from .attaching import bodies_of
from .owning import read_settings
from .store import BodyStore, BucketNotGivenError

BODY_COLUMNS: Final = (
    segment.c.team,
    segment.c.stream,
    segment.c.first,
    segment.c.digest,
    segment.c.bytes,
    segment.c.place,
    segment.c.body,
)
"""Columns that a row needs, so that its lines can be read."""

_GROUP: Final = 32
"""Segments that are read from the bucket together."""

_SNAPSHOT: Final = "READ COMMITTED"


class ReadSegment(NamedTuple):
    """A segment that was read."""

    row: Any
    data: bytes
    """Its lines, each with its newline; empty if it is damaged."""
    error: SegmentDamagedError | None = None
    """Reason if it is damaged."""


def read_segments(connection: Connection, rows: Sequence[Any]) -> Iterator[ReadSegment]:
    """Yield segments in order; one whose body is damaged or gone has no lines, and an error.

    Args:
        connection: with which the rows were read.
        rows: with `BODY_COLUMNS`.

    Raises:
        BodiesUnavailableError: the bucket does not answer, or is not given.
    """
    for start in range(0, len(rows), _GROUP):
        group = rows[start : start + _GROUP]
        found = _read_objects(connection, [row for row in group if row.place])
        for row in group:
            try:
                yield ReadSegment(row, _read_row(connection, row, found))
            except SegmentDamagedError as error:
                yield ReadSegment(row, b"", error)


def read_sound(connection: Connection, rows: Sequence[Any]) -> Iterator[ReadSegment]:
    """Yield segments in order, none of which is damaged.

    Raises:
        SegmentDamagedError: the body of one is damaged or gone.
        BodiesUnavailableError: the bucket does not answer, or is not given.
    """
    for found in read_segments(connection, rows):
        if found.error is not None:
            raise found.error
        yield found


def read_lines(connection: Connection, row: Any) -> bytes:
    """Return the lines of a segment, each with its newline.

    Raises:
        SegmentDamagedError: its body is damaged or gone.
        BodiesUnavailableError: the bucket does not answer, or is not given.
    """
    return next(read_sound(connection, [row])).data


def name_of(row: Any) -> str:
    """Return the name of a segment in messages."""
    return f"{row.stream.hex}/{row.first}"


def _read_objects(connection: Connection, rows: list[Any]) -> Mapping[str, bytes | None]:
    if not rows:
        return {}
    return _store_of(connection, rows[0]).read_all(row.place for row in rows)


def _store_of(connection: Connection, row: Any) -> BodyStore:
    store = bodies_of(connection)
    if store is None:
        url = read_settings(connection).url or "a bucket"
        raise BucketNotGivenError(
            f"segment {name_of(row)}: its body is in {url}; give --segments, or set INSIGHT_SEGMENTS"
        )
    return store


def _read_row(connection: Connection, row: Any, found: Mapping[str, bytes | None]) -> bytes:
    if not row.place:
        return unpack_segment(row.body, row.digest, name_of(row))
    body = found[row.place]
    if body is None:
        return _read_moved(connection, row)
    try:
        return unpack_segment(body, row.digest, _object_of(row), row.bytes)
    except SegmentDamagedError:
        # What a store, a proxy or the memory has damaged on the way is read once more.
        store = _store_of(connection, row)
        store.cache.drop(row.place)
        body = store.read_all([row.place])[row.place]
        store.cache.drop(row.place)
        if body is None:
            return _read_moved(connection, row)
        return unpack_segment(body, row.digest, _object_of(row), row.bytes)


def _read_moved(connection: Connection, row: Any) -> bytes:
    """Return the lines of a segment whose object is gone: its row may name another place by now."""
    now = _current_row(connection, row)
    if now is None or now.digest != row.digest:
        raise SegmentDamagedError(f"segment {name_of(row)}: it was removed meanwhile; ask again")
    if not now.place:
        return unpack_segment(now.body, now.digest, name_of(row))
    store = _store_of(connection, row)
    body = store.read_all([now.place])[now.place]
    if body is None:
        raise SegmentDamagedError(
            f"segment {_object_of(row)}: there is no such object; restore it, or push its events again"
        )
    return unpack_segment(body, now.digest, _object_of(now), now.bytes)


def _current_row(connection: Connection, row: Any) -> Any:
    if connection.get_isolation_level() == _SNAPSHOT:
        return _find_row(connection, row)
    with connection.engine.connect() as other:  # which sees what was committed since the snapshot
        return _find_row(other, row)


def _find_row(connection: Connection, row: Any) -> Any:
    same = (segment.c.team == row.team) & (segment.c.stream == row.stream) & (segment.c.first == row.first)
    return connection.execute(select(*BODY_COLUMNS).where(same)).one_or_none()


def _object_of(row: Any) -> str:
    return f"{name_of(row)} in {row.place}"
