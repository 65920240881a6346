"""The transaction that stores lines: after its answer they are on disk, each once, in a segment.

Nothing is folded here, so that a defect in a view can lose nothing.
"""

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert as upsert

from ...eventlog.times import parse_time, to_datetime
from ..bodies.reading import BODY_COLUMNS, read_lines
from ..bodies.removing import delete_purged
from ..bodies.writing import settle_places, write_bodies
from ..database.tables import conflict, segment
from .locking import lock_streams
from .overlaps import compare_lines
from .parsing import IncomingLine, LineClash, ParsedBody, split_runs
from .purging import BuriedLines, apply_tombstones, find_buried, tombstones_in
from .segments import SEGMENT_BYTES_MAX, pack_segment
from .sharing import share_transaction
from .storing import store_segments

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
    position: int | None = None
    """Of the last segment that was stored; None if nothing was."""
    next: dict[UUID, int] = field(default_factory=dict[UUID, int])
    """For each stream of the body the lowest seq that is missing."""


class IncomingBody(NamedTuple):
    """A body to store."""

    team: int
    key: str
    """Id of the key."""
    parsed: ParsedBody
    packed: dict[UUID, list[dict[str, Any]]]
    """Segments of each stream, if all of its lines are new."""


def accept_lines(engine: Engine, team: int, key: str, parsed: ParsedBody, *, may_purge: bool = False) -> AcceptedLines:
    """Store the lines of a body, and return after they were committed; bodies that come at once share a transaction.

    Args:
        engine: of the database.
        team: of the key.
        key: id of the key.
        parsed: what was sent.
        may_purge: tombstones among the lines take effect; without it they are stored and do nothing.

    Raises:
        BodiesUnavailableError: the bucket of the bodies cannot be used; nothing is stored.
    """
    if not parsed.streams:
        return AcceptedLines(known=parsed.repeated)
    # What costs processor time is done before, and by all threads at once.
    packed = {name: _segments_of(team, key, name, lines) for name, lines in parsed.streams.items()}
    write_bodies(engine, team, packed)
    body = IncomingBody(team, key, parsed, packed)
    tombstones = _tombstones_of(parsed) if may_purge else None
    if tombstones is None:
        return share_transaction(engine, body, accept_bodies)
    with engine.begin() as connection:
        named = tombstones.streams | {name for name, _ in tombstones.digests}
        locked = lock_streams(connection, team, sorted(parsed.streams.keys() | named))
        removed = apply_tombstones(connection, team, tombstones)
        locked = lock_streams(connection, team, [row.stream for row in locked])  # as they are now
        result = _store_bodies(connection, [body], locked)[0]
        result.removed = removed
    delete_purged(engine, named)
    return result


def _tombstones_of(parsed: ParsedBody) -> BuriedLines | None:
    """Return the tombstones of a body, None without one."""
    if not parsed.has_tombstones:
        return None
    found = tombstones_in(line for lines in parsed.streams.values() for line in lines)
    return found if found.streams or found.digests else None


def accept_bodies(engine: Engine, bodies: list[IncomingBody]) -> list[AcceptedLines]:
    """Store some bodies of one team, which have no stream in common, in one transaction."""
    names = sorted(name for body in bodies for name in body.parsed.streams)
    with engine.begin() as connection:
        return _store_bodies(connection, bodies, lock_streams(connection, bodies[0].team, names))


def _store_bodies(connection: Connection, bodies: list[IncomingBody], locked: list[Row[Any]]) -> list[AcceptedLines]:
    rows = {row.stream: row for row in locked}
    team = bodies[0].team
    with_tombstones = [row.stream for row in locked if row.buried]
    buried = find_buried(connection, team, with_tombstones) if with_tombstones else BuriedLines()
    results: list[AcceptedLines] = []
    segments: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for body in bodies:
        result = AcceptedLines(known=body.parsed.repeated)
        clashes = [clash for clash in body.parsed.clashes if (clash.stream, clash.got) not in buried]
        for name, lines in body.parsed.streams.items():
            _store_stream(connection, body, rows[name], lines, buried, result, clashes, segments, changed)
        result.conflicts = _quarantine(connection, team, body.key, clashes)
        results.append(result)
    written = [part for body in bodies for parts in body.packed.values() for part in parts]
    rows = settle_places(connection, team, segments, written)
    position = store_segments(connection, rows, changed) if rows else None
    for result in results:
        result.position = position if result.accepted else None
    return results


def _store_stream(
    connection: Connection,
    body: IncomingBody,
    row: Row[Any],
    lines: list[IncomingLine],
    buried: BuriedLines,
    result: AcceptedLines,
    clashes: list[LineClash],
    segments: list[dict[str, Any]],
    changed: list[dict[str, Any]],
) -> None:
    """Compare the lines of a stream with what is stored, and add what is new to `segments` and `changed`."""
    if row.state == EXPIRED:
        result.expired += len(lines)
        result.next[row.stream] = int(row.next)
        return
    sent = [line for line in lines if (row.stream, line.digest) not in buried] if row.buried else lines
    result.purged += len(lines) - len(sent)
    compared = compare_lines(connection, body.team, row.stream, row.top, sent)
    result.accepted += len(compared.new)
    result.known += compared.known
    clashes += compared.clashes
    if compared.new is lines:
        segments += body.packed[row.stream]
    else:
        segments += _segments_of(body.team, body.key, row.stream, compared.new)
    changes = _changes_of(connection, row, compared.new, body.parsed.seals.get(row.stream))
    result.next[row.stream] = changes["next"] if changes else int(row.next)
    if changes:
        changed.append(changes)


def _segments_of(team: int, key: str, name: UUID, lines: list[IncomingLine]) -> list[dict[str, Any]]:
    return [
        {"team": team, "stream": name, "first": part[0].seq, "key": key, **pack_segment([line.line for line in part])}
        for run in split_runs(lines)
        for part in _parts_of(run)
    ]


def _parts_of(run: list[IncomingLine]) -> list[list[IncomingLine]]:
    """Cut a run into pieces of at most `SEGMENT_BYTES_MAX`."""
    sizes = [len(line.line) + 1 for line in run]
    if sum(sizes) <= SEGMENT_BYTES_MAX:
        return [run]
    number = size = 0
    numbers: list[int] = []
    for length in sizes:
        size += length
        if size > SEGMENT_BYTES_MAX:
            number, size = number + 1, length
        numbers.append(number)
    pairs = zip(numbers, run, strict=True)
    return [[line for _, line in group] for _, group in groupby(pairs, key=lambda pair: pair[0])]


def _changes_of(
    connection: Connection, row: Row[Any], lines: list[IncomingLine], seal: int | None
) -> dict[str, Any] | None:
    """Return the row of a stream as it is with new lines; None without one.

    Args:
        connection: in the transaction.
        row: of the stream, as it was before.
        lines: that are stored now, and no other ones: what conflicts changes nothing.
        seal: seq of an end of the session that was sent.
    """
    if not lines:
        return None
    new = {name: getattr(row, name) for name in ("team", "stream", "low", "started", "sealed", "state")}
    new["top"] = max(row.top, lines[-1].seq + 1)
    if row.low is None or lines[0].seq < row.low:
        new |= {"low": lines[0].seq, "started": to_datetime(parse_time(lines[0].at.decode()))}
    if seal is not None and row.sealed is None and any(line.seq == seal for line in reversed(lines)):
        new["sealed"] = seal
    new["next"], new["last"] = _find_coverage(connection, row, lines)
    if new["sealed"] is not None and new["next"] > new["sealed"] and row.state == "live":
        new["state"] = "sealed"
    return new


def _find_coverage(connection: Connection, row: Row[Any], lines: list[IncomingLine]) -> tuple[int, bytes | None]:
    """Return the lowest seq that is missing, and the digest of the line before it."""
    runs = {run[0].seq: run for run in split_runs(lines)}
    stored: dict[int, int] = {}
    if row.top > row.next:  # there are islands behind a gap
        found = select(segment.c.first, segment.c["count"].label("lines")).where(
            segment.c.team == row.team, segment.c.stream == row.stream, segment.c.first >= row.next
        )
        stored = {one.first: one.lines for one in connection.execute(found)}
    following, last = row.next, row.last
    while True:
        if following in runs:
            run = runs[following]
            following, last = following + len(run), bytes.fromhex(run[-1].digest.decode())
        elif following in stored:
            first, following = following, following + stored[following]
            last = None if following in runs or following in stored else _last_digest(connection, row, first)
        else:
            return following, last


def _last_digest(connection: Connection, row: Row[Any], first: int) -> bytes:
    found = select(*BODY_COLUMNS).where(
        segment.c.team == row.team, segment.c.stream == row.stream, segment.c.first == first
    )
    return bytes.fromhex(read_lines(connection, connection.execute(found).one())[-35:-3].decode())


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
