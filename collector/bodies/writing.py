"""Objects before the rows that name them: PUT, INSERT, COMMIT, and only then the acknowledgement.

A push that is cut off leaves objects that no row names; the same lines name the same objects when they are sent again.
What is not known before the transaction, such as the new lines of a push that overlaps what is stored, is stored in the
rows, and moved to the bucket soon after.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, text

from .attaching import bodies_of
from .names import ObjectName
from .owning import BodySettings, read_settings, share_settings
from .store import BodiesUnavailableError
from .working import MOVE, SWEEP, find_doomed, note_work

LATEST_S: Final = 1800.0
"""Seconds in which a row has to follow its object: the name of a deleted object is noted for longer."""

_KEPT_S: Final = 5.0
_kept: WeakKeyDictionary[Engine, tuple[float, BodySettings]] = WeakKeyDictionary()

_OLD = text(
    """
    select s.stream, s.top, s.state not in ('live', 'sealed')
        or exists(select from tombstone t where t.team = s.team and t.stream = s.stream) as closed
    from stream s where s.team = :team and s.stream = any(cast(:streams as uuid[]))
    """
)


def write_bodies(engine: Engine, team: int, packed: Mapping[UUID, Sequence[dict[str, Any]]]) -> None:
    """Write the bodies of segments to the bucket, if there is one, and note their names in them.

    Streams of which something is stored behind the first new line, or which were purged, are left out.

    Args:
        engine: of the database.
        team: of the segments.
        packed: segments by stream, in order.

    Raises:
        BodiesUnavailableError: the bucket has not taken all of them.
    """
    store = bodies_of(engine)
    if store is None or not packed:
        return
    with engine.connect() as connection:
        if not takes_new(read_settings(connection)):
            return
        rows = connection.execute(_OLD, {"team": team, "streams": list(packed)}).all()
    old = {row.stream for row in rows if row.closed or row.top > packed[row.stream][0]["first"]}
    began_s = time.monotonic()
    bodies: dict[str, bytes] = {}
    for name, parts in packed.items():
        for part in () if name in old else parts:
            part["place"], part["written_s"] = name_object(team, part), began_s
            bodies[part["place"]] = part["body"]
    store.write_all(bodies)


def name_object(team: int, part: Mapping[str, Any]) -> str:
    """Return the name of the object for a segment."""
    return ObjectName(team, part["stream"], part["first"], part["count"], part["digest"]).text()


def settle_places(
    connection: Connection, team: int, segments: Sequence[dict[str, Any]], written: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of segments, each with its body or the name of its object.

    Args:
        connection: in a transaction that has locked the rows of their streams.
        team: of the segments.
        segments: to store.
        written: segments whose objects were written before; those that are not stored leave objects to delete.

    Raises:
        BodiesUnavailableError: the objects were written too long ago.
    """
    if bodies_of(connection) is None:
        put_off_bodies(connection, team, {part["stream"] for part in segments})
        return [_row_of(part, usable=False) for part in segments]
    settings = share_settings(connection)
    places = [part["place"] for part in written if part.get("place")]
    doomed = find_doomed(connection, team, places) if places else set[str]()
    late_s = time.monotonic() - LATEST_S
    if any(part["written_s"] < late_s for part in segments if part.get("place")):
        raise BodiesUnavailableError("the transaction has waited too long; send the events again")
    takes = takes_new(settings)
    rows = [_row_of(part, usable=takes and part.get("place") not in doomed) for part in segments]
    used = {row["place"] for row in rows}
    note_work(
        connection, team, SWEEP, {part["stream"] for part in written if part.get("place") and part["place"] not in used}
    )
    if takes:
        note_work(connection, team, MOVE, {row["stream"] for row in rows if not row["place"]})
    return rows


def put_off_bodies(connection: Connection, team: int, streams: set[UUID]) -> None:
    """Note that bodies were stored in the rows of streams, which the transaction has locked, for the bucket."""
    if streams and takes_new(_recent_settings(connection)):
        note_work(connection, team, MOVE, streams)


def _recent_settings(connection: Connection) -> BodySettings:
    """Return the settings, not older than some seconds: most databases have no bucket, and shall not be asked often."""
    now_s = time.monotonic()
    read_s, settings = _kept.get(connection.engine, (float("-inf"), BodySettings()))
    if now_s - read_s > _KEPT_S:
        settings = read_settings(connection)
        _kept[connection.engine] = now_s, settings
    return settings


def _row_of(part: Mapping[str, Any], *, usable: bool) -> dict[str, Any]:
    if usable and part.get("place"):
        return {**part, "body": None, "size": len(part["body"])}
    return {**part, "place": "", "size": None}


def takes_new(settings: BodySettings) -> bool:
    """Return whether new bodies go to the bucket."""
    return bool(settings.url) and not settings.to_database
