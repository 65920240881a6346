"""Cursors that know what they are behind, so that a database from the past is noticed, whatever positions it gives.

A copy of the files of PostgreSQL, or of its machine, has the epoch of the original. So a cursor has a part of the
digest of the segment before it, and is refused where another segment, or none, is there. That is also so after a purge
of that segment, and costs a reader one comparison of all events.
"""

from sqlalchemy import Connection, select

from ..database.tables import segment
from ..problems import ProblemError
from .cursors import OTHER_EPOCH, format_cursor, refuse_cursor, split_cursor

_CHECK_BYTES = 4


def check_of(digest: bytes) -> str:
    """Return the part of the digest of a segment that a cursor has."""
    return digest[:_CHECK_BYTES].hex()


def cursor_behind(connection: Connection, team: int, epoch: str, position: int) -> str:
    """Return the cursor behind a position; without a check if no segment of the team is there."""
    digest = _digest_at(connection, team, position)
    return format_cursor(epoch, position, "" if digest is None else check_of(digest))


def resume_position(connection: Connection, team: int, cursor: str, epoch: str) -> int:
    """Return the position of a cursor, 0 for an empty text.

    Raises:
        ProblemError: it is malformed, of another epoch, or not behind the segment that is there.
    """
    position, check = split_cursor(cursor, epoch)
    if check:
        digest = _digest_at(connection, team, position)
        if digest is None or check_of(digest) != check:
            raise refuse_cursor(cursor, epoch)
    return position


def knows_cursor(connection: Connection, team: int, cursor: str, epoch: str) -> bool:
    """Return whether the database has what was before a cursor when it was given; True for an empty text.

    Raises:
        ProblemError: it is malformed.
    """
    try:
        resume_position(connection, team, cursor, epoch)
    except ProblemError as problem:
        if problem.kind != OTHER_EPOCH:
            raise
        return False
    return True


def _digest_at(connection: Connection, team: int, position: int) -> bytes | None:
    query = select(segment.c.digest).where(segment.c.team == team, segment.c.position == position)
    return connection.execute(query).scalar()
