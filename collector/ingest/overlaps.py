"""Comparison of incoming lines with the stored ones of the same stream, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, select

from ..bodies.healing import heal_segment
from ..bodies.reading import BODY_COLUMNS, read_segments
from ..database.tables import segment
from .parsing import IncomingLine, LineClash


@dataclass
class ComparedLines:
    """Incoming lines, sorted by what is stored already."""

    new: list[IncomingLine] = field(default_factory=list[IncomingLine])
    known: int = 0
    clashes: list[LineClash] = field(default_factory=list[LineClash])


def compare_lines(
    connection: Connection, team: int, stream: UUID, top: int, lines: list[IncomingLine]
) -> ComparedLines:
    """Compare lines with the stored segments that they overlap; only those are unpacked.

    Args:
        connection: in a transaction that has locked the row of the stream.
        team: of the key.
        stream: of the lines.
        top: seq after the highest stored one; lines from there on are new without a look at a segment.
        lines: in order of seq.
    """
    result = ComparedLines()
    if not lines or lines[0].seq >= top:
        result.new = lines
        return result
    old = [line for line in lines if line.seq < top]
    stored = _stored_digests(connection, team, stream, old) if old else {}
    for line in lines:
        have = stored.get(line.seq)
        if have is None:
            result.new.append(line)
        elif have == line.digest:
            result.known += 1
        else:
            result.clashes.append(LineClash(stream, line.seq, have, line.digest, line.line))
    return result


def _stored_digests(connection: Connection, team: int, stream: UUID, lines: Sequence[IncomingLine]) -> dict[int, bytes]:
    """Return the digests, as hex digits, of the stored lines of the segments that touch the span of some lines.

    A damaged segment all of whose lines are among these is written again.
    """
    low, high = lines[0].seq, lines[-1].seq
    rows = connection.execute(
        select(*BODY_COLUMNS).where(
            segment.c.team == team,
            segment.c.stream == stream,
            segment.c.first <= high,
            segment.c.first + segment.c.count > low,
        )
    ).all()
    digests: dict[int, bytes] = {}
    for found in read_segments(connection, rows):
        if found.error is not None:
            data = heal_segment(connection, found.row, {line.seq: line.line for line in lines})
            if data is None:
                raise found.error
        else:
            data = found.data
        for place, line in enumerate(data.split(b"\n")[:-1]):
            digests[found.row.first + place] = line[-34:-2]
    return digests
