"""Histories for a process that answers one question after the other."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..bodies.attaching import named_segments
from ..database.connections import open_engine
from .cache import HistoryCache
from .opening import HistoryBehindError, open_history
from .tables import DatabaseHistory

URL_VARIABLE: Final = "INSIGHT_ANSWERS_DB_URL"
"""The URL has a password: it is in the environment, which other users cannot see, and not in the arguments."""


class TeamHistories:
    """Histories of the teams of a database.

    Args:
        url: of the database; nothing is connected before the first question.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._cache = HistoryCache()

    @contextmanager
    def open(self, team: int) -> Generator[tuple[DatabaseHistory, int]]:
        """Yield the history of a team, and the position of the feed that it reaches.

        Raises:
            HistoryBehindError: the tables are not up to date in time, or the database cannot be used now.
        """
        if self._engine is None:
            self._engine = open_engine(self._url, pool_size=2, segments=named_segments())
        try:
            with open_history(self._engine, team, self._cache) as opened:
                yield opened
        except SQLAlchemyError as error:
            raise HistoryBehindError(f"the database cannot be used now: {type(error).__name__}") from error


__all__ = ["URL_VARIABLE", "HistoryBehindError", "TeamHistories"]
