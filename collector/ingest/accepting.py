"""The transaction that stores lines: after its answer they are on disk, each once, in a segment.

Nothing is folded here, so that a defect in a view can lose nothing.
"""

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ...eventlog.times import parse_time, to_datetime
from ..database.tables import conflict, segment, stream
from .overlaps import compare_lines
from .parsing import IncomingLine, LineClash, ParsedBody, split_runs
from .purging import apply_tombstones, find_buried, tombstones_in
from .segments import SEGMENT_BYTES_MAX, pack_segment, unpack_segment

_SEAL = b"session.finished"
EXPIRED = "expired"
"""State of a stream that was dropped by the retention of its team."""


@dataclass
class AcceptedLines:
    """Outcome of a push."""

    accepted: int = 0
    known: int = 0
    conflicts: list[LineClash] = field(default_factory=list[LineClash])
    purged: int = 0
    """Lines that were not stored, as a tombstone names them."""
    removed: int = 0
    """Stored lines that were removed, as a tombstone of this push names them."""
    expired: int = 0
    """Lines that were not stored, as the team does not keep their streams any more."""
    next: dict[UUID, int] = field(default_factory=dict[UUID, int])
    """For each stream of the body the lowest seq that is missing."""


def accept_lines(engine: Engine, team: int, key: str, parsed: ParsedBody, *, may_purge: bool = False) -> AcceptedLines:
    """Store the lines of a body in one transaction, and return after it was committed.

    Args:
        engine: of the database.
        team: of the key.
        key: id of the key.
        parsed: what was sent.
        may_purge: tombstones among the lines take effect; without it they are stored and do nothing.
    """
    result = AcceptedLines(known=parsed.repeated)
    if not parsed.streams:
        return result
    packed: list[dict[str, Any]] = []
    with engine.begin() as connection:
        # Locked in order of their ids: two pushes of the same streams wait for each other, and never in a circle.
        tombstones = tombstones_in(line for lines in parsed.streams.values() for line in lines) if may_purge else None
        named = set[UUID]() if tombstones is None else tombstones.streams | {name for name, _ in tombstones.digests}
        locked = lock_streams(connection, team, sorted(parsed.streams.keys() | named))
        if tombstones is not None and named:
            result.removed = apply_tombstones(connection, team, tombstones)
            locked = lock_streams(connection, team, [row.stream for row in locked])  # as they are now
        buried = find_buried(connection, team, parsed.streams)
        rows = [row for row in locked if row.stream in parsed.streams]
        clashes = [clash for clash in parsed.clashes if (clash.stream, clash.got) not in buried]
        new: dict[UUID, list[IncomingLine]] = {}
        for row in rows:
            if row.state == EXPIRED:
                result.expired, new[row.stream] = result.expired + len(parsed.streams[row.stream]), []
                continue
            sent = [line for line in parsed.streams[row.stream] if (row.stream, line.digest) not in buried]
            result.purged += len(parsed.streams[row.stream]) - len(sent)
            compared = compare_lines(connection, team, row.stream, row.top, sent)
            new[row.stream] = compared.new
            packed += _segments_of(team, key, row.stream, compared.new)
            result.accepted += len(compared.new)
            result.known += compared.known
            clashes += compared.clashes
        if packed:
            connection.execute(insert(segment), packed)
        for row in rows:
            result.next[row.stream] = _advance_stream(connection, row, new[row.stream])
        result.conflicts = _quarantine(connection, team, key, clashes)
    return result


def lock_streams(connection: Connection, team: int, streams: list[UUID]) -> list[Row[Any]]:
    """Return the rows of streams, locked until the transaction ends; missing ones are made."""
    new = [{"team": team, "stream": name} for name in streams]
    connection.execute(upsert(stream).values(new).on_conflict_do_nothing())
    found = select(stream).where(stream.c.team == team, stream.c.stream.in_(streams))
    return list(connection.execute(found.order_by(stream.c.stream).with_for_update()))


def _segments_of(team: int, key: str, name: UUID, lines: list[IncomingLine]) -> list[dict[str, Any]]:
    return [
        {"team": team, "stream": name, "first": part[0].seq, "key": key, **pack_segment([line.line for line in part])}
        for run in split_runs(lines)
        for part in _parts_of(run)
    ]


def _parts_of(run: list[IncomingLine]) -> list[list[IncomingLine]]:
    """Cut a run into pieces of at most `SEGMENT_BYTES_MAX`."""
    number = size = 0
    numbers: list[int] = []
    for line in run:
        size += len(line.line) + 1
        if size > SEGMENT_BYTES_MAX:
            number, size = number + 1, len(line.line) + 1
        numbers.append(number)
    pairs = zip(numbers, run, strict=True)
    return [[line for _, line in group] for _, group in groupby(pairs, key=lambda pair: pair[0])]


def _advance_stream(connection: Connection, row: Row[Any], lines: list[IncomingLine]) -> int:
    """Bring the row of a stream up to date with its segments, and return the lowest seq that is missing.

    Args:
        connection: in the transaction.
        row: of the stream, as it was before.
        lines: that were stored now, and no other ones: what conflicts changes nothing.
    """
    if not lines:
        return int(row.next)
    top = max(row.top, lines[-1].seq + 1)
    changes: dict[str, Any] = {"top": top}
    if row.low is None or lines[0].seq < row.low:
        changes |= {"low": lines[0].seq, "started": to_datetime(parse_time(lines[0].at.decode()))}
    seal = next((line.seq for line in lines if line.kind == _SEAL), None)
    if seal is not None and row.sealed is None:
        changes["sealed"] = seal
    sealed = changes.get("sealed", row.sealed)
    changes["next"], changes["last"] = _find_coverage(connection, row, lines)
    following: int = changes["next"]
    if sealed is not None and following > sealed and row.state == "live":
        changes["state"] = "sealed"
    if any(getattr(row, name) != value for name, value in changes.items()):
        connection.execute(update(stream).where(stream.c.team == row.team, stream.c.stream == row.stream), changes)
    return following


def _find_coverage(connection: Connection, row: Row[Any], lines: list[IncomingLine]) -> tuple[int, bytes | None]:
    """Return the lowest seq that no segment covers, and the digest of the line before it."""
    found = select(segment.c.first, segment.c.count).where(
        segment.c.team == row.team, segment.c.stream == row.stream, segment.c.first >= row.next
    )
    following, last = row.next, None
    for first, count in connection.execute(found.order_by(segment.c.first)):
        if first > following:
            break
        following, last = first + count, first
    if last is None:
        return row.next, row.last
    sent = next((line for line in reversed(lines) if line.seq == following - 1), None)
    digest = _last_digest(connection, row, last) if sent is None else bytes.fromhex(sent.digest.decode())
    return following, digest


def _last_digest(connection: Connection, row: Row[Any], first: int) -> bytes:
    found = select(segment.c.body, segment.c.digest).where(
        segment.c.team == row.team, segment.c.stream == row.stream, segment.c.first == first
    )
    body, digest = connection.execute(found).one()
    return bytes.fromhex(unpack_segment(body, digest, f"{row.stream.hex}/{first}")[-35:-3].decode())


def _quarantine(connection: Connection, team: int, key: str, clashes: list[LineClash]) -> list[LineClash]:
    """Keep lines whose identity is taken, each once, in quarantine."""
    rows = [
        {
            "team": team,
            "stream": clash.stream,
            "seq": clash.seq,
            "have": bytes.fromhex(clash.have.decode()),
            "got": bytes.fromhex(clash.got.decode()),
            "line": clash.line,
            "key": key,
        }
        for clash in clashes
    ]
    if rows:
        connection.execute(upsert(conflict).on_conflict_do_nothing(), rows)
    return clashes
