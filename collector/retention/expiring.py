"""Removal of streams that are older than what their team keeps.

The rows of `stream` stay, as `expired`: so a client does not push again what was dropped. Months of results that all
teams have dropped go as whole partitions, everything else row by row.
"""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, select, text, update
from sqlalchemy.exc import OperationalError

from ..access.audit import record_action
from ..access.teams import TeamInfo, list_teams
from ..bodies.working import SWEEP, note_work
from ..database.tables import segment, stream, team
from ..database.view_tables import session, test_day
from ..views.locking import lock_projector
from ..views.names import name_sessions
from ..views.partitions import Month, drop_month, list_months
from ..views.removing import remove_from_views
from .settings import keep_days

log = logging.getLogger(__name__)

BELIEVED_FROM: Final = datetime(2010, 1, 1, tzinfo=UTC)
"""Clocks that were never set are in 1970, 1980 or 2000. Of sessions that claim so, or to be of the future, the arrival
counts.
"""

_STREAMS: Final = 500
_LOCK_MS: Final = 1_000
"""Longest time to wait for the lock on the results: questions that come meanwhile wait behind it."""

_EXPIRED: Final = """
    from stream s where s.team = :team and s.state in ('live', 'sealed') and s.started is not null and (
        s.started >= :believed and s.started < :cutoff
        or (s.started < :believed or s.started > :ahead) and not exists (
            select from segment g where g.team = s.team and g.stream = s.stream and g.received >= :cutoff))
"""
_FIND: Final = text(f"select s.stream {_EXPIRED} order by s.stream limit :limit for update skip locked")
_COUNT: Final = text(
    f"""
    select count(*) as streams, coalesce(sum(found.lines), 0) as lines, coalesce(sum(found.bytes), 0) as bytes from (
        select s.stream, (select sum(g.count) from segment g where g.team = s.team and g.stream = s.stream) as lines,
               (select sum(coalesce(g.size, length(g.body)))
                from segment g where g.team = s.team and g.stream = s.stream) as bytes
        {_EXPIRED}) as found
    """  # noqa: S608 - fixed text
)


@dataclass
class ExpiredData:
    """Sessions that a team does not keep any more."""

    team: str
    keep_days: int
    streams: int = 0
    events: int = 0
    bytes: int = 0
    """Of the stored segments."""
    months: list[str] = field(default_factory=list[str])
    """Partitions of results that were dropped as wholes."""


def find_expired(engine: Engine, now: datetime) -> list[ExpiredData]:
    """Return what would be removed, without removing it."""
    found: list[ExpiredData] = []
    with engine.connect() as connection:
        keeps = _keeps_of(connection)
        for info, days in keeps:
            counts = connection.execute(_COUNT, _span(info.id, days, now)).one()
            found.append(ExpiredData(info.name, days, counts.streams, int(counts.lines), int(counts.bytes)))
        for month, teams in _droppable_months(connection, keeps, now):
            for data, (info, _) in zip(found, keeps, strict=True):
                data.months += [month.name] if info.id in teams else []
    return found


def remove_expired(engine: Engine, now: datetime) -> list[ExpiredData]:
    """Remove what is older than its team keeps, in many short transactions; a run that is cut off is repeated."""
    found = find_expired(engine, now)
    with engine.connect() as connection:
        keeps = _keeps_of(connection)
        months = _droppable_months(connection, keeps, now)
    dropped = {month.name for month, teams in months if _drop_month(engine, month, teams)}
    for data, (info, days) in zip(found, keeps, strict=True):
        data.months = [name for name in data.months if name in dropped]
        data.streams = data.events = data.bytes = 0
        while _remove_batch(engine, info.id, _span(info.id, days, now), data):
            pass
        if data.streams:
            with engine.begin() as connection:
                connection.execute(update(team).where(team.c.id == info.id).values(generation=team.c.generation + 1))
                record_action(
                    connection, "streams.expired", team=info.id, streams=data.streams, events=data.events, days=days
                )
    return found


def _keeps_of(connection: Connection) -> list[tuple[TeamInfo, int]]:
    pairs = [(info, keep_days(info.settings)) for info in list_teams(connection)]
    return [(info, days) for info, days in pairs if days is not None]


def _span(team_id: int, days: int, now: datetime) -> dict[str, Any]:
    cutoff = now - timedelta(days=days)
    return {"team": team_id, "cutoff": cutoff, "believed": BELIEVED_FROM, "ahead": now + timedelta(days=1)}


def _droppable_months(
    connection: Connection, keeps: list[tuple[TeamInfo, int]], now: datetime
) -> list[tuple[Month, list[int]]]:
    """Return the months of which no team keeps anything, each with the teams whose keeping has ended."""
    found: list[tuple[Month, list[int]]] = []
    for month in list_months(connection):
        over = [info.id for info, days in keeps if month.end <= now - timedelta(days=days)]
        query = text(f"select exists(select from months.{month.name} where team <> all(:teams))")  # noqa: S608 - digits
        if over and not connection.execute(query, {"teams": over}).scalar():
            found.append((month, over))
    return found


def _drop_month(engine: Engine, month: Month, teams: list[int]) -> bool:
    """Drop the results of a month with the sessions they are of; return whether it could be locked in time."""
    days = (test_day.c.day >= month.begin.date()) & (test_day.c.day < month.end.date())
    started = (session.c.started_at >= month.begin) & (session.c.started_at < month.end)
    try:
        with engine.begin() as connection:
            for team_id in sorted(teams):
                lock_projector(connection, team_id)
                connection.execute(delete(test_day).where(test_day.c.team == team_id, days))
                gone = delete(session).where(session.c.team == team_id, started).returning(session.c.label)
                name_sessions(connection, team_id, set(connection.execute(gone).scalars()))
            connection.execute(text(f"set local lock_timeout = {_LOCK_MS}"))
            drop_month(connection, month)  # last: from here on all others wait for the end of the transaction
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != "55P03":
            raise
        log.warning("results of %s: in use; they are removed row by row", month.name)
        return False
    return True


def _remove_batch(engine: Engine, team_id: int, span: dict[str, Any], data: ExpiredData) -> bool:
    """Remove some streams in one transaction; return whether there were any."""
    with engine.begin() as connection:
        names: list[UUID] = list(connection.execute(_FIND, span | {"limit": _STREAMS}).scalars())
        if not names:
            return False
        mine = (segment.c.team == team_id) & segment.c.stream.in_(names)
        sizes = func.coalesce(segment.c.size, func.length(segment.c.body))
        sums = select(func.sum(segment.c["count"]), func.sum(sizes)).where(mine)
        events, size = connection.execute(sums).one()
        remove_from_views(connection, team_id, names)
        placed = connection.execute(select(segment.c.stream).where(mine, segment.c.place != "").distinct()).scalars()
        note_work(connection, team_id, SWEEP, list(placed))  # their objects are deleted after the commit
        connection.execute(delete(segment).where(mine))
        expired = update(stream).where(stream.c.team == team_id, stream.c.stream.in_(names))
        connection.execute(expired.values(state="expired"))
    data.streams, data.events, data.bytes = (
        data.streams + len(names),
        data.events + (events or 0),
        data.bytes + (size or 0),
    )
    return True
