"""Bodies that were damaged or lost, made good by a push that has all lines of the segment."""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, update

from ..database.tables import segment
from ..ingest.segments import pack_segment
from .attaching import bodies_of
from .reading import name_of

log = logging.getLogger(__name__)


def heal_segment(connection: Connection, row: Any, lines: Mapping[int, bytes]) -> bytes | None:
    """Write the body of a damaged segment again, and return its lines; None if they are not among those given.

    It gets a new place in the feed, for readers that went on without it.

    Args:
        connection: in a transaction that has locked the row of the stream.
        row: with `BODY_COLUMNS`.
        lines: without newlines, by seq.

    Raises:
        BodiesUnavailableError: the bucket has not taken it.
    """
    found: list[bytes] = []
    size = 0
    while size < row.bytes and (line := lines.get(row.first + len(found))) is not None:
        found.append(line)
        size += len(line) + 1
    packed = pack_segment(found) if found else {"digest": b""}
    if packed["digest"] != row.digest:
        return None
    same = (segment.c.team == row.team) & (segment.c.stream == row.stream) & (segment.c.first == row.first)
    values: dict[str, Any] = {"position": None}
    store = bodies_of(connection)
    if row.place and store is not None:
        store.write_all({row.place: packed["body"]})
        values["size"] = len(packed["body"])
    else:
        values["body"] = packed["body"]
    connection.execute(update(segment).where(same).values(values))
    log.warning("segment %s: its body was damaged or lost, and was written again", name_of(row))
    return b"".join(line + b"\n" for line in found)
