"""A check of what is stored: every segment is unpacked, every row of a stream is compared with its segments."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Engine, Row, select

from ...eventlog.codec import match_head
from ...eventlog.scan import is_newer_event, is_whole
from ..bodies.reading import ReadSegment, read_segments
from ..bodies.writing import name_object
from .tables import segment, stream

_ROWS: Final = 200


def check_database(engine: Engine) -> Iterator[str]:
    """Yield what is wrong, one sentence each; nothing for a sound database.

    Raises:
        BodiesUnavailableError: the bucket with the bodies cannot be used now.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", stream_results=True) as connection:
        rows = {(row.team, row.stream): row for row in connection.execute(select(stream))}
        query = select(segment).order_by(segment.c.team, segment.c.stream, segment.c.first)
        seen: set[Any] = set()
        with connection.execute(query).yield_per(_ROWS) as result:
            found = (one for part in result.partitions() for one in read_segments(connection, part))
            for key, segments in groupby(found, key=lambda one: (one.row.team, one.row.stream)):
                seen.add(key)
                yield from _check_stream(f"stream {key[1].hex} of team {key[0]}", rows.get(key), segments)
        for key, row in rows.items():
            if key not in seen and row.top and row.state in ("live", "sealed"):
                yield f"stream {row.stream.hex} of team {row.team}: all of its segments are missing; restore a backup"


def _check_stream(name: str, row: Any, segments: Iterator[ReadSegment]) -> Iterator[str]:
    top, following, last = 0, 0, b""
    for item, data, error in segments:
        place = f"{name}, segment {item.first}"
        if item.first < top:
            yield f"{place}: overlaps the one before it"
        if error is not None:
            yield f"{name}: {error}"
        if item.place and item.place != name_object(item.team, item._mapping):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see line_count
            yield f"{place}: its row names the object of another segment, {item.place}"
        lines = data.split(b"\n")[:-1]
        if data:
            yield from _check_lines(place, item, lines)
        count = line_count(item)
        if item.first == following and lines:
            last = bytes.fromhex(lines[-1][-34:-2].decode("ascii", "replace"))
        following = item.first + count if item.first == following else following
        top = item.first + count
    if row is None:
        yield f"{name}: its row is missing"
    elif (row.next, row.top) != (following, top):
        yield f"{name}: its row says next {row.next} and top {row.top}, its segments {following} and {top}"
    elif last and row.last != last:
        yield f"{name}: its row has another digest of the last line than its segments"


def line_count(item: Row[Any]) -> int:
    """Return the column `count` of a segment; the attribute of a row is a method of tuples."""
    return int(item._mapping["count"])  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its documented name


def _check_lines(place: str, item: Row[Any], lines: list[bytes]) -> Iterator[str]:
    if len(lines) != line_count(item):
        yield f"{place}: has {len(lines)} lines, its row says {line_count(item)}"
    for number, line in enumerate(lines, item.first):
        head = match_head(line)
        if head is None or not (is_whole(line) or is_newer_event(line)):
            yield f"{place}: the line of seq {number} is damaged"
        elif (head[3].decode(), int(head[4])) != (item.stream.hex, number):
            yield f"{place}: the line of seq {number} belongs to {head[3].decode()}/{head[4].decode()}"
