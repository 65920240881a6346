"""Open the history of a team: bring its tables up to date, then read all of an answer in one snapshot."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sqlalchemy import Engine, text

from ..bodies.store import BodiesUnavailableError
from ..database.row_security import rows_of_team
from ..views.folding import RULES_VERSION
from ..views.locking import lock_projector
from ..views.projector import project_round
from .cache import HistoryCache
from .tables import DatabaseHistory

WAIT_S: Final = 20.0
"""Seconds that a question waits for the tables."""

_STATE = text(
    """
    select coalesce((select max(position) from segment where team = :team), 0) as last,
           coalesce(c.position, 0) as position, coalesce(c.rules, '') as rules,
           exists(select from folded f where f.team = :team and f.due is not null) as waiting
    from team t left join checkpoint c on c.team = t.id where t.id = :team
    """
)


class HistoryBehindError(RuntimeError):
    """The tables of a team have not reached the end of its feed in time."""


class _TablesState(NamedTuple):
    last: int
    position: int
    rules: str
    waiting: bool


@contextmanager
def open_history(
    engine: Engine, team: int, cache: HistoryCache, wait_s: float = WAIT_S
) -> Generator[tuple[DatabaseHistory, int]]:
    """Yield the history of a team with everything that is in the feed now, and the position that it reaches.

    Args:
        engine: of the database.
        team: id of the team.
        cache: of the process.
        wait_s: longest time until the tables have everything.

    Raises:
        HistoryBehindError: they do not have it in time.
    """
    with rows_of_team(None):  # the projector makes partitions, which the role of requests cannot
        position = _catch_up(engine, team, wait_s)
    with rows_of_team(team), engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            cache.check(connection, team, position)
            cache.sessions.begin_question()
            try:
                yield DatabaseHistory(connection, team, cache), position
            finally:
                cache.sessions.end_question()


def _catch_up(engine: Engine, team: int, wait_s: float) -> int:
    """Fold what is not in the tables, and return the position of the feed that they reach.

    Raises:
        HistoryBehindError: it takes too long, or a newer release makes the tables.
    """
    deadline_s = time.monotonic() + wait_s
    reached: int | None = None
    while True:
        state = _read_state(engine, team)
        reached = state.last if reached is None else reached
        if state.rules == RULES_VERSION and state.position >= reached and not state.waiting:
            return reached
        if time.monotonic() > deadline_s:
            raise HistoryBehindError(f"the tables of the team are made up to position {state.position} of {reached}")
        try:
            done = project_round(engine, team, eager=True)
        except BodiesUnavailableError:
            if state.rules == RULES_VERSION:
                return state.position  # the answer says how far it reaches; what is in the tables needs no bucket
            raise
        if done is None:
            _wait_for_other(engine, team)
        elif not done.streams and done.position < reached:
            raise HistoryBehindError("the tables of the team are made by a server of a newer release; ask that one")


def _read_state(engine: Engine, team: int) -> _TablesState:
    with engine.connect() as connection:
        row = connection.execute(_STATE, {"team": team}).one_or_none()
    return _TablesState(0, 0, RULES_VERSION, waiting=False) if row is None else _TablesState(*row)


def _wait_for_other(engine: Engine, team: int) -> None:
    """Wait until another process has ended its round."""
    with engine.begin() as connection:
        lock_projector(connection, team)
