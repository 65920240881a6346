"""Bring the views of all teams up to date."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select, text

from ..database.tables import segment
from ..database.view_tables import checkpoint, folded
from .folding import RULES_VERSION
from .locking import lock_projector
from .projector import project_round

RebuildProgress = Callable[[int, int], None]
"""Receives the number of segments done and in all."""


_BEHIND = text(
    """
    select t.id from team t left join checkpoint c on c.team = t.id
    where coalesce(c.rules, :rules) <> :rules
        or exists (select from segment s where s.team = t.id and s.position > coalesce(c.position, 0))
        or exists (select from folded f where f.team = t.id and f.due <= :now)
    order by t.id
    """
)


class ProjectionState(NamedTuple):
    """How far the views of a team are."""

    position: int
    last: int
    """Position of the newest segment."""
    waiting: int
    """Streams that are folded later, as they still grow."""


def project_all(engine: Engine, now: datetime | None = None) -> bool:
    """Do one round for each team that has something new, and return whether there is more to do at once."""
    moment = now or datetime.now(UTC)
    with engine.connect() as connection:
        found = list(connection.execute(_BEHIND, {"rules": RULES_VERSION, "now": moment}).scalars())
    rounds = [project_round(engine, number, moment) for number in found]
    return any(done is not None and done.more for done in rounds)


def read_state(connection: Connection, team_id: int) -> ProjectionState:
    """Return how far the views of a team are."""
    position = connection.execute(select(checkpoint.c.position).where(checkpoint.c.team == team_id)).scalar() or 0
    last = connection.execute(select(func.max(segment.c.position)).where(segment.c.team == team_id)).scalar() or 0
    query = select(func.count()).where(folded.c.team == team_id, folded.c.due.is_not(None))
    return ProjectionState(position, last, connection.execute(query).scalar_one())


def begin_rebuild(engine: Engine, team_id: int) -> None:
    """Let the views of a team be made from its first segment on: the next round removes what there is."""
    with engine.begin() as connection:
        lock_projector(connection, team_id)
        connection.execute(checkpoint.update().where(checkpoint.c.team == team_id).values(rules="", position=0))


def finish_rebuild(engine: Engine, team_id: int, progress: RebuildProgress | None = None) -> int:
    """Fold until everything that is there now is in the views; return the number of streams that were folded here.

    Other processes may take rounds meanwhile, and a run that was cut off is finished by the next one or by a server.
    """
    total = _count_segments(engine, team_id, None)
    streams = 0
    while True:
        done = project_round(engine, team_id)
        if done is None:
            _wait_for_other(engine, team_id)
        else:
            streams += done.streams
        left = _count_segments(engine, team_id, _position_of(engine, team_id))
        if progress is not None:
            progress(max(total - left, 0), total)
        if not left and done is not None and not done.more:
            return streams


def _wait_for_other(engine: Engine, team_id: int) -> None:
    """Wait until another process has ended its round."""
    with engine.begin() as connection:
        lock_projector(connection, team_id)


def _position_of(engine: Engine, team_id: int) -> int:
    with engine.connect() as connection:
        return read_state(connection, team_id).position


def _count_segments(engine: Engine, team_id: int, after: int | None) -> int:
    query = text("select count(*) from segment where team = :team and position > :after")
    with engine.connect() as connection:
        return connection.execute(query, {"team": team_id, "after": after or 0}).scalar_one()
