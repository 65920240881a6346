"""Removal of purged lines: what an `events.purged` names is deleted from all segments, and never stored again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ...eventlog.events import EventsPurged
from ..bodies.owning import read_settings
from ..bodies.reading import BODY_COLUMNS, read_lines
from ..bodies.working import SWEEP, note_work
from ..bodies.writing import put_off_bodies
from ..database.tables import conflict, segment, stream, team, tombstone
from ..views.removing import remove_from_views
from .parsing import PURGED_KIND, IncomingLine, split_runs
from .segments import pack_segment

_WHOLE = -1
"""Seq of the tombstone of a whole stream."""
_decode = msgspec.json.Decoder(EventsPurged).decode


@dataclass
class BuriedLines:
    """Lines and streams that are never stored again."""

    streams: set[UUID] = field(default_factory=set[UUID])
    digests: set[tuple[UUID, bytes]] = field(default_factory=set[tuple[UUID, bytes]])
    """Digests as hex digits."""

    def __contains__(self, item: tuple[UUID, bytes]) -> bool:
        return item[0] in self.streams or item in self.digests


def tombstones_in(lines: Iterable[IncomingLine]) -> BuriedLines:
    """Return what the tombstones among some lines name; malformed ones are ignored, as when logs are merged."""
    buried = BuriedLines()
    for line in lines:
        if line.kind != PURGED_KIND:
            continue
        try:
            event = _decode(line.line)
            buried.streams.update(map(UUID, event.streams))
            buried.digests.update((UUID(name), digest.encode()) for name, _, digest in event.lines)
        except (msgspec.DecodeError, ValueError):
            continue
    return buried


def apply_tombstones(connection: Connection, team_id: int, new: BuriedLines) -> int:
    """Remember tombstones, remove what they name, and return the number of removed lines.

    Args:
        connection: in a transaction that has locked the rows of the streams concerned.
        team_id: of the key, which has the scope for it.
        new: tombstones.
    """
    rows = [{"team": team_id, "stream": name, "seq": _WHOLE, "digest": b""} for name in sorted(new.streams)]
    rows += [
        {"team": team_id, "stream": name, "seq": 0, "digest": bytes.fromhex(digest.decode())}
        for name, digest in sorted(new.digests)
    ]
    if not rows:
        return 0
    fresh = connection.execute(upsert(tombstone).on_conflict_do_nothing().returning(tombstone.c.stream), rows)
    named = set(fresh.scalars())
    rewritten: set[UUID] = set()
    removed = _remove_streams(connection, team_id, new.streams) + _remove_lines(connection, team_id, new, rewritten)
    remove_from_views(connection, team_id, new.streams | rewritten)
    _put_off_objects(connection, team_id, named, rewritten)
    _remove_from_quarantine(connection, team_id, new)
    if removed:
        # Copies of the log that questions read are made again without the lines.
        connection.execute(update(team).where(team.c.id == team_id).values(generation=team.c.generation + 1))
    return removed


def find_buried(connection: Connection, team_id: int, streams: Iterable[UUID]) -> BuriedLines:
    """Return the tombstones of some streams."""
    query = select(tombstone).where(tombstone.c.team == team_id, tombstone.c.stream.in_(list(streams)))
    buried = BuriedLines()
    for row in connection.execute(query):
        if row.seq == _WHOLE:
            buried.streams.add(row.stream)
        else:
            buried.digests.add((row.stream, bytes(row.digest).hex().encode()))
    return buried


def _remove_streams(connection: Connection, team_id: int, streams: set[UUID]) -> int:
    if not streams:
        return 0
    mine = (segment.c.team == team_id) & segment.c.stream.in_(streams)
    removed = connection.execute(select(func.coalesce(func.sum(segment.c["count"]), 0)).where(mine)).scalar_one()
    connection.execute(delete(segment).where(mine))
    connection.execute(
        update(stream)
        .where(stream.c.team == team_id, stream.c.stream.in_(streams))
        .values(state="purged", next=0, top=0, last=None)
    )
    return int(removed)


def _remove_lines(connection: Connection, team_id: int, new: BuriedLines, rewritten: set[UUID]) -> int:
    """Remove lines, return how many there were, and add their streams to `rewritten`."""
    removed = 0
    for name in sorted({name for name, _ in new.digests} - new.streams):
        query = select(segment).where(segment.c.team == team_id, segment.c.stream == name)
        touched = False
        for row in connection.execute(query.order_by(segment.c.first)).all():
            count = _rewrite_segment(connection, row, new)
            removed, touched = removed + count, touched or bool(count)
        if touched:
            rewritten.add(name)
            renew_stream(connection, team_id, name)
    return removed


def _rewrite_segment(connection: Connection, row: Row[Any], new: BuriedLines) -> int:
    """Store a segment again without the buried lines, and return how many there were."""
    lines = read_lines(connection, row).split(b"\n")[:-1]
    kept = [
        IncomingLine(row.first + place, line[-34:-2], line, b"", b"")
        for place, line in enumerate(lines)
        if (row.stream, line[-34:-2]) not in new.digests
    ]
    if len(kept) == len(lines):
        return 0
    connection.execute(delete(segment).where(segment.c.n == row.n))
    parts = [
        {
            "team": row.team,
            "stream": row.stream,
            "first": run[0].seq,
            "key": row.key,
            "received": row.received,
            **pack_segment([line.line for line in run]),
        }
        for run in split_runs(kept)
    ]
    if parts:
        connection.execute(insert(segment), parts)
    return len(lines) - len(kept)


def renew_stream(connection: Connection, team_id: int, name: UUID) -> None:
    """Bring the row of a stream up to date with its segments, after lines were removed."""
    mine = (segment.c.team == team_id) & (segment.c.stream == name)
    following, top, newest = 0, 0, None
    columns = (*BODY_COLUMNS, segment.c["count"].label("lines"))
    for row in connection.execute(select(*columns).where(mine).order_by(segment.c.first)).all():
        top = row.first + row.lines
        if row.first == following:
            following, newest = top, row
    last = None if newest is None else bytes.fromhex(read_lines(connection, newest)[-35:-3].decode())
    connection.execute(
        update(stream)
        .where(stream.c.team == team_id, stream.c.stream == name)
        .values(next=following, last=last, top=top, state="live")
    )


def _put_off_objects(connection: Connection, team_id: int, named: set[UUID], rewritten: set[UUID]) -> None:
    """Note that the objects of purged lines are deleted after the commit, also those that no row has ever named.

    Args:
        connection: in the transaction of the purge.
        team_id: of the streams.
        named: streams of tombstones that were not known before.
        rewritten: streams of which something is left; it is in rows, and moved to the bucket later.
    """
    if read_settings(connection).url:
        note_work(connection, team_id, SWEEP, named)
        put_off_bodies(connection, team_id, rewritten)


def _remove_from_quarantine(connection: Connection, team_id: int, new: BuriedLines) -> None:
    digests = [bytes.fromhex(digest.decode()) for _, digest in new.digests]
    # Also what was quarantined for a purged line: it is another version of the same event.
    named = or_(conflict.c.stream.in_(new.streams), conflict.c.got.in_(digests), conflict.c.have.in_(digests))
    connection.execute(delete(conflict).where(conflict.c.team == team_id, named))
