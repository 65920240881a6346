"""Pages of the feed of a team."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Select, and_, func, select

from ..bodies.reading import BODY_COLUMNS, read_segments
from ..database.tables import segment, stream
from ..ingest.segments import SegmentDamagedError

_SEGMENTS_MAX = 2_000
"""Segments of one page."""

PAGE_BYTES: Final = 32 << 20
"""Bytes of one page, unless a single segment has more."""


@dataclass(frozen=True)
class FeedFilter:
    """Segments that a reader wants."""

    stream: UUID | None = None
    since: datetime | None = None


class FeedPage(NamedTuple):
    """Some segments of the feed."""

    segments: list[bytes]
    """Lines of each, with newlines."""
    positions: list[int]
    position: int
    """After the last of them."""
    more: bool
    """Whether there may be more after it."""


class DamagedPageError(SegmentDamagedError):
    """The first segment of a page is damaged.

    Attributes:
        position: of the segment; a reader that leaves it out goes on behind it.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def last_position(connection: Connection, team: int) -> int:
    """Return the position of the newest segment of a team, 0 without one."""
    return connection.execute(select(func.max(segment.c.position)).where(segment.c.team == team)).scalar() or 0


def read_page(
    connection: Connection, team: int, after: int, lines: int, wanted: FeedFilter, most_bytes: int = PAGE_BYTES
) -> FeedPage:
    """Return the segments after a position: at least one, and no more than the limits of lines and bytes allow.

    A page ends before a segment that is damaged.

    Raises:
        DamagedPageError: the first segment is damaged; the error has the position after it.
        BodiesUnavailableError: the bucket with the bodies cannot be used now.
    """
    chosen: list[int] = []
    total = size = 0
    rows = list(connection.execute(_page_query(team, after, wanted)))
    for row in rows:
        total, size = total + row.lines, size + row.bytes
        if chosen and (total > lines or size > most_bytes):
            break
        chosen.append(row.position)
    if not chosen:
        return FeedPage([], [], after, more=False)
    more = len(chosen) < len(rows) or len(rows) == _SEGMENTS_MAX
    bodies = select(*BODY_COLUMNS, segment.c.position).where(segment.c.team == team, segment.c.position.in_(chosen))
    found: list[bytes] = []
    for one in read_segments(connection, connection.execute(bodies.order_by(segment.c.position)).all()):
        if one.error is not None:
            if not found:
                raise DamagedPageError(str(one.error), one.row.position) from one.error
            return FeedPage(found, chosen[: len(found)], chosen[len(found) - 1], more=True)
        found.append(one.data)
    return FeedPage(found, chosen, chosen[-1], more)


def _page_query(team: int, after: int, wanted: FeedFilter) -> Select[Any, Any, Any]:
    columns = (segment.c.position, segment.c["count"].label("lines"), segment.c.bytes)
    query = select(*columns).where(segment.c.team == team, segment.c.position > after)
    if wanted.stream is not None:
        query = query.where(segment.c.stream == wanted.stream)
    if wanted.since is not None:
        same = and_(stream.c.team == segment.c.team, stream.c.stream == segment.c.stream)
        query = query.join(stream, same).where(stream.c.started >= wanted.since)
    return query.order_by(segment.c.position).limit(_SEGMENTS_MAX)
