"""The copy of a team's log that questions about the past read; a cache, brought up to date before each of them."""

import fcntl
import os
import shutil
import threading
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine, select

from ...eventlog.home.paths import model_path
from ...projections.readmodel import ReadModel
from ..database.epoch import read_epoch
from ..database.tables import team
from ..feed.cursors import format_cursor
from ..feed.reading import FeedFilter, read_page

_FOLD_BYTES: Final = 16 << 20
"""Bytes of new lines that are folded before a question is asked, and not by the process that answers it."""

_PAGE_LINES: Final = 20_000
_MODE: Final = 0o600


class _CopyState(msgspec.Struct):
    """How far a copy reaches."""

    epoch: str = ""
    generation: int = 0
    """Of the team: it rises when stored lines are removed."""
    position: int = 0
    size: int = 0
    """Bytes of the copy at that position; what is behind them was written by a process that died."""


class TeamView:
    """The copy of one team's log.

    Args:
        engine: of the database.
        team_id: id of the team.
        folder: of the copy, of this team alone.
    """

    def __init__(self, engine: Engine, team_id: int, folder: Path) -> None:
        self.log = folder / "log.jsonl"
        self.home = folder / "home"
        self._engine = engine
        self._team = team_id
        self._folder = folder
        self._lock = threading.Lock()
        self._is_folded = False

    def refresh(self) -> str:
        """Copy what is new in the feed, and return the cursor of the copy."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock, (self._folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of the server use the same copy
            with self._engine.connect() as connection:
                state = self._usable_state(read_epoch(connection), self._generation(connection))
                before = state.size
                self._copy_pages(connection, state)
            if state.size - before > _FOLD_BYTES or not self._is_folded:
                self._fold()
        return format_cursor(state.epoch, state.position)

    def _fold(self) -> None:
        """Bring the read model up to date, however long it takes.

        A process that answers a question is ended after a minute: it would never reach the end of a large log, and
        the next one would begin again.
        """
        if self.log.exists():
            with ReadModel.open(self.log, self._model_path) as model:
                model.catch_up()
        self._is_folded = True

    @property
    def _model_path(self) -> Path:
        return model_path(self.log, {"PYTEST_INSIGHT_HOME": str(self.home)})

    def _generation(self, connection: Connection) -> int:
        return connection.execute(select(team.c.generation).where(team.c.id == self._team)).scalar_one()

    def _usable_state(self, epoch: str, generation: int) -> _CopyState:
        """Return the state of the copy; one that does not belong to this database is removed."""
        try:
            state = msgspec.json.decode(self._state_path.read_bytes(), type=_CopyState)
            size = self.log.stat().st_size
        except (OSError, msgspec.DecodeError):
            state, size = _CopyState(), 0
        if (state.epoch, state.generation) != (epoch, generation) or size < state.size:
            self.log.unlink(missing_ok=True)
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(mode=0o700)
            state, size = _CopyState(epoch, generation), 0
        if size > state.size:
            os.truncate(self.log, state.size)
        return state

    @property
    def _state_path(self) -> Path:
        return self._folder / "state.json"

    def _copy_pages(self, connection: Connection, state: _CopyState) -> None:
        fd = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        with os.fdopen(fd, "ab") as copy:
            before = state.position
            while True:
                page = read_page(connection, self._team, state.position, _PAGE_LINES, FeedFilter())
                for lines in page.segments:
                    copy.write(lines)
                    state.size += len(lines)
                state.position = page.position
                if not page.more:
                    break
            if state.position == before:
                return
            copy.flush()
            os.fsync(copy.fileno())
        temporary = self._state_path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.encode(state))
        temporary.replace(self._state_path)


class TeamViews:
    """The copies of all teams.

    Args:
        engine: of the database.
        folder: of all copies.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._views: dict[int, TeamView] = {}
        self._lock = threading.Lock()

    def of_team(self, team: int) -> TeamView:
        """Return the copy of a team."""
        with self._lock:
            if team not in self._views:
                self._views[team] = TeamView(self._engine, team, self._folder / str(team))
            return self._views[team]
