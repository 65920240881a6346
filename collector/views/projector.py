"""Projector: folds the streams that were touched since the checkpoint, and replaces their rows in the views.

The rows of a stream depend on the set of its lines alone. So the order of pushes, repetition and a crash do not matter:
rows and checkpoint are written in one transaction, and a stream that is folded again gets the same rows.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from ...projections.parts import Nodes
from ..bodies.reading import BODY_COLUMNS, read_sound
from ..database.tables import segment, stream
from ..database.view_tables import checkpoint, folded
from ..ingest.segments import SegmentDamagedError
from .folding import RULES_VERSION, FoldedStream, fold_stream
from .locking import lock_projector
from .names import name_sessions
from .partitions import make_months
from .resetting import clear_views
from .rows import add_streams, number_sessions, remove_streams

log = logging.getLogger(__name__)

WAIT_S: Final = (5, 60)
"""Shortest and longest time in seconds between two folds of a stream that still grows."""

_SEGMENTS: Final = 4_000
_LINES: Final = 60_000
_DEFECTS: Final = (SegmentDamagedError, DBAPIError, ValueError, LookupError, TypeError, ArithmeticError)
"""Errors that a single stream may cause; it has no rows then, and the others have theirs."""

_STATES: Final = ("22", "23", "54")
"""States of PostgreSQL that no repetition mends: wrong data, a broken rule of a table, a limit that is exceeded."""


@dataclass
class ProjectedRound:
    """Outcome of a round."""

    streams: int = 0
    lines: int = 0
    more: bool = False
    """Whether there is more to do at once."""
    position: int = 0


@dataclass
class _Touched:
    """Streams to fold, with the position of their last segment among the new ones."""

    streams: dict[UUID, int] = field(default_factory=dict[UUID, int])
    position: int = 0
    more: bool = False


def project_round(
    engine: Engine, team: int, now: datetime | None = None, *, eager: bool = False
) -> ProjectedRound | None:
    """Fold some of what is new of a team, in one transaction; None if another process does so now.

    Args:
        engine: of the database.
        team: its id.
        now: time of the round; default: the clock of this machine.
        eager: fold also streams that still grow and were folded just before: a question wants them as they are.
    """
    with engine.begin() as connection:
        if not lock_projector(connection, team, wait=False):
            return None
        moment = now or datetime.now(UTC)
        position = _read_checkpoint(connection, team, moment)
        if position is None:
            return ProjectedRound()
        touched = _find_touched(connection, team, position)
        due = _settle_due(connection, team, touched, moment, eager=eager)
        lines = _project_streams(connection, team, sorted(due), moment)
        if due or touched.position != position:
            moved = checkpoint.update().where(checkpoint.c.team == team)
            connection.execute(moved.values(position=touched.position, at=moment))
        return ProjectedRound(len(due), lines, touched.more, touched.position)


def _read_checkpoint(connection: Connection, team: int, now: datetime) -> int | None:
    """Return the position up to which everything is folded or noted; None if a newer release makes the views."""
    row = connection.execute(select(checkpoint).where(checkpoint.c.team == team)).one_or_none()
    if row is not None and row.rules == RULES_VERSION:
        return int(row.position)
    if row is not None and _version(row.rules) > _version(RULES_VERSION):
        log.info("views of team %d: made by a newer release; this one leaves them alone", team)
        return None
    clear_views(connection, team)
    connection.execute(
        upsert(checkpoint)
        .values(team=team, rules=RULES_VERSION, position=0, at=now)
        .on_conflict_do_update(index_elements=["team"], set_={"rules": RULES_VERSION, "position": 0})
    )
    return 0


def _version(rules: str) -> tuple[int, ...]:
    return tuple(int(part) for part in rules.split(".") if part.isdigit())


def _find_touched(connection: Connection, team: int, after: int) -> _Touched:
    """Return the streams of the segments behind a position, as many as one round can fold."""
    query = select(segment.c.position, segment.c.stream, segment.c["count"].label("lines")).where(
        segment.c.team == team, segment.c.position > after
    )
    rows = connection.execute(query.order_by(segment.c.position).limit(_SEGMENTS)).all()
    found = _Touched(position=after, more=len(rows) == _SEGMENTS)
    sizes = _sizes_of(connection, team, {row.stream for row in rows})
    total = 0
    for row in rows:
        if row.stream not in found.streams:
            total += sizes.get(row.stream, 0)
            if found.streams and total > _LINES:
                found.more = True
                break
        found.streams[row.stream] = found.position = row.position
    return found


def _sizes_of(connection: Connection, team: int, streams: set[UUID]) -> dict[UUID, int]:
    query = select(stream.c.stream, stream.c.top).where(stream.c.team == team, stream.c.stream.in_(streams))
    return {row.stream: row.top for row in connection.execute(query)}


def _settle_due(connection: Connection, team: int, touched: _Touched, now: datetime, *, eager: bool) -> set[UUID]:
    """Return the streams that are folded now; those that still grow and were folded just before are put off."""
    mine = folded.c.team == team
    waiting = folded.c.due.is_not(None) if eager else folded.c.due <= now
    query = select(folded.c.stream).where(mine, waiting).order_by(folded.c.due).limit(_SEGMENTS // 10)
    due = set(connection.execute(query).scalars())
    columns = (folded.c.stream, folded.c.position, folded.c.at, folded.c.wait_s, folded.c.due)
    known = connection.execute(select(*columns).where(mine, folded.c.stream.in_(list(touched.streams)))).all()
    live = _live_among(connection, team, [row.stream for row in known])
    new = touched.streams.keys() - {row.stream for row in known}
    put_off: list[dict[str, Any]] = []
    for row in known:
        if row.position >= touched.streams[row.stream] or row.stream in due:
            continue
        following = row.at + timedelta(seconds=row.wait_s)
        if eager or row.stream not in live or following <= now:
            new.add(row.stream)
        elif row.due is None:
            put_off.append({"id": row.stream, "due": following})
    if put_off:
        connection.execute(
            text("update folded set due = :due where team = :team and stream = :id"),
            [one | {"team": team} for one in put_off],
        )
    return due | new


def _live_among(connection: Connection, team: int, streams: list[UUID]) -> set[UUID]:
    query = select(stream.c.stream).where(stream.c.team == team, stream.c.stream.in_(streams), stream.c.state == "live")
    return set(connection.execute(query).scalars())


def _project_streams(connection: Connection, team: int, streams: list[UUID], now: datetime) -> int:
    """Replace the rows of some streams; one that cannot be folded is left out and noted. Return the number of lines."""
    if not streams:
        return 0
    try:
        with connection.begin_nested():
            return _replace_streams(connection, team, streams, now)
    except _DEFECTS as error:
        if isinstance(error, DBAPIError) and not _state_of(error).startswith(_STATES):
            raise
        if len(streams) > 1:
            middle = len(streams) // 2
            return sum(_project_streams(connection, team, part, now) for part in (streams[:middle], streams[middle:]))
        reason = f"{type(error).__name__} {_state_of(error)}".strip()
        log.warning("stream %s of team %d is in no view: %s", streams[0].hex, team, reason)
        name_sessions(connection, team, remove_streams(connection, team, streams))
        _note_folded(connection, team, streams, {}, now, reason)
        return 0


def _state_of(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _replace_streams(connection: Connection, team: int, streams: list[UUID], now: datetime) -> int:
    nodes = Nodes()
    found: list[FoldedStream] = []
    positions: dict[UUID, int] = {}
    lines = 0
    numbers = number_sessions(connection, team, streams)
    for name, rows in _read_sound(connection, team, streams).items():
        positions[name] = max(row.position for row in rows)
        seqs, texts = _lines_of(connection, rows)
        lines += len(texts)
        found.append(fold_stream(name, numbers[name], seqs, texts, nodes))
    labels = remove_streams(connection, team, streams)
    make_months(connection, [one.session["started_at"] for one in found if one.session and one.results], now)
    labels |= add_streams(connection, team, found, nodes)
    name_sessions(connection, team, labels)
    _note_folded(connection, team, streams, positions, now)
    return lines


def _read_sound(connection: Connection, team: int, streams: list[UUID]) -> dict[UUID, list[Any]]:
    query = select(*BODY_COLUMNS, segment.c.position).where(
        segment.c.team == team, segment.c.stream.in_(streams), segment.c.position.is_not(None)
    )
    found: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in connection.execute(query.order_by(segment.c.stream, segment.c.first)):
        found[row.stream].append(row)
    return found


def _lines_of(connection: Connection, rows: Sequence[Any]) -> tuple[list[int], list[bytes]]:
    seqs: list[int] = []
    lines: list[bytes] = []
    for found in read_sound(connection, rows):
        part = found.data.split(b"\n")[:-1]
        seqs += range(found.row.first, found.row.first + len(part))
        lines += part
    return seqs, lines


def _note_folded(
    connection: Connection, team: int, streams: list[UUID], positions: dict[UUID, int], now: datetime, problem: str = ""
) -> None:
    """Note when streams were folded; the longer one grows, the more seldom it is folded again."""
    first, most = WAIT_S
    gone = [name for name in streams if name not in positions and not problem]
    if gone:
        connection.execute(delete(folded).where(folded.c.team == team, folded.c.stream.in_(gone)))
    rows = [
        {"team": team, "stream": name, "position": positions.get(name, 0), "at": now, "wait_s": first, "due": None,
         "problem": problem}
        for name in streams
        if name not in gone
    ]  # fmt: skip
    if not rows:
        return
    query = upsert(folded)
    new = query.excluded
    longer = {"wait_s": func.least(folded.c.wait_s * 2, most)}
    values = {name: new[name] for name in ("position", "at", "due", "problem")} | longer
    connection.execute(query.on_conflict_do_update(index_elements=["team", "stream"], set_=values), rows)
