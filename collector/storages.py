"""Storages of a team, as the Python API has them: a collector over HTTP, or its database.

Both are also found in `pytest_insight.core.storage`. The libraries that they need are imported when one is made.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from ..core.backends import RemoteStorageConfig
from ..core.exchange.store import SessionStore
from ..core.storage import BaseStorage
from ..core.views.session import TestSession
from ..eventlog.documents.sessions import convert_session
from ..eventlog.home.paths import home_dir
from ..eventlog.times import from_datetime

if TYPE_CHECKING:
    from .views.team_view import TeamView

_SESSIONS = "/api/v1/sessions"
_PAGE = 100


@contextmanager
def _extra(name: str) -> Generator[None]:
    """Name the extra to install in the error of an import in the block."""
    try:
        yield
    except ImportError as error:
        raise ImportError(f"{error}; run: pip install 'pytest-insight[{name}]'") from error


class RemoteStorage(BaseStorage):
    """Sessions of a collector.

    Args:
        config: address and key.

    Raises:
        RemoteAddressError: the URL or the key is missing or not usable (a ValueError).
        ImportError: the extra `remote` is not installed.
    """

    def __init__(self, config: RemoteStorageConfig) -> None:
        with _extra("remote"):
            from .client.addresses import read_address  # noqa: PLC0415 - see above
            from .client.requests import Collector  # noqa: PLC0415 - see above

        self.config = config
        headers = {"Insight-Team": config.team_id} if config.team_id else {}
        self._collector = Collector(read_address(config.url, config.api_key), headers=headers)

    def save_session(self, test_session: TestSession) -> None:
        """Store a session; the same one again changes nothing.

        Raises:
            RemoteError: the collector did not store it.
        """
        self._collector.store_session(test_session.to_dict())

    def load_sessions(self) -> list[TestSession]:
        """Return all sessions of the team, the earliest first.

        Raises:
            RemoteError: the collector did not answer.
        """
        return self.load_matching()

    def load_matching(self, sut_name: str | None = None, since: datetime | None = None) -> list[TestSession]:
        """Return the sessions of a system that started at a time or later, the earliest first."""
        found = {
            session.session_id: session for session in map(TestSession.from_dict, self._documents(sut_name, since))
        }
        return list(found.values())[::-1]

    def clear_sessions(self, sessions_to_clear: Iterable[TestSession] | None = None) -> NoReturn:
        """Raise an error: a collector has no request that removes sessions.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"{self.config.url}: a collector keeps what it has; see insight log purge")

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._collector.close()

    def _documents(self, sut: str | None, since: datetime | None) -> Iterator[dict[str, Any]]:
        query = {"limit": _PAGE} | ({"sut": sut} if sut else {})
        if since is not None:
            query["since"] = since.astimezone().isoformat()
        path = f"{_SESSIONS}?{urlencode(query)}"
        while path:
            page, path = self._collector.sessions(path)
            yield from page

    def __repr__(self) -> str:
        return f"RemoteStorage({self.config!r})"


class DatabaseStorage(BaseStorage):
    """Sessions in the PostgreSQL database of a collector, without the collector.

    Args:
        connection_string: `postgresql://...`
        team: name of the team that the sessions belong to.

    Raises:
        ValueError: it is not the URL of a PostgreSQL database.
        ImportError: the extra `server` is not installed.
    """

    def __init__(self, connection_string: str, team: str = "default") -> None:
        with _extra("server"):
            from sqlalchemy.orm import sessionmaker  # noqa: PLC0415 - see above

            from .sending.database_place import DatabasePlace  # noqa: PLC0415 - see above

        self._place = DatabasePlace(connection_string, team)
        self.engine = self._place.engine
        self.Session = sessionmaker(bind=self.engine)
        self._folder = home_dir() / "remotes" / blake2b(connection_string.encode(), digest_size=16).hexdigest()
        self._view: TeamView | None = None
        self._store: SessionStore | None = None

    def save_session(self, test_session: TestSession) -> None:
        """Store a session; the same one again changes nothing.

        Raises:
            RemoteError: the database did not store it.
        """
        self._place.push(b"".join(line + b"\n" for line in convert_session(test_session.to_dict()).lines))

    def load_sessions(self) -> list[TestSession]:
        """Return all sessions of the team, the earliest first; results are read when they are asked for.

        Raises:
            RemoteError: the database cannot be read.
        """
        return self.load_matching()

    def load_matching(self, sut_name: str | None = None, since: datetime | None = None) -> list[TestSession]:
        """Return the sessions of a system that started at a time or later, the earliest first."""
        since_us = None if since is None else from_datetime(since)
        return self._fresh_store().sessions(sut_name, since_us)

    def clear_sessions(self, sessions_to_clear: Iterable[TestSession] | None = None) -> NoReturn:
        """Raise an error: what a team has collected is not removed here.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"{self._place.name}: a collector keeps what it has; see insight log purge")

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._place.close()

    def _fresh_store(self) -> SessionStore:
        """Return the copy of the team's log in the home, brought up to date."""
        from .views.team_view import TeamView  # noqa: PLC0415 - see above

        if self._view is None:
            self._view = TeamView(self.engine, self._place.run(self._place.team), self._folder)
        self._place.run(self._view.refresh)
        if self._store is None:
            self._store = SessionStore(self._view.log)
        return self._store

    def __repr__(self) -> str:
        return f"DatabaseStorage({self._place.name!r})"
