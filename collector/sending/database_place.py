"""Send lines straight to the PostgreSQL database of a collector, by the code that the collector itself uses."""

import contextlib
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from ..access.teams import DEFAULT_TEAM, ensure_team, find_team
from ..bodies.attaching import named_segments
from ..bodies.store import BodiesUnavailableError
from ..client.requests import Clash, PushAnswer, RemoteError, RemoteUnavailableError
from ..database.connections import open_engine
from ..database.migrating import SchemaMismatchError, check_schema
from ..ingest.accepting import AcceptedLines, accept_lines
from ..ingest.parsing import ParsedBody, parse_body

T = TypeVar("T")

KEY_ID = "database"
"""Written in place of the id of a key, for events that came without one."""
_LATER = "nothing is lost; run insight sync later"


class DatabasePlace:
    """A database that takes lines as a collector does.

    Args:
        url: `postgresql://...`
        team: name of the team that the events belong to.
        makes_team: make a team that is missing.

    Raises:
        ValueError: the URL is not one of PostgreSQL.
    """

    def __init__(self, url: str, team: str = DEFAULT_TEAM, *, makes_team: bool = True) -> None:
        self.engine: Engine = open_engine(url, 1, named_segments())
        self.name = name_of_database(url)
        self._team_name = team
        self._makes_team = makes_team
        self._team = 0

    def push(self, lines: bytes) -> PushAnswer:
        """Store lines, and return after they are committed.

        Raises:
            RemoteUnavailableError: the database cannot be reached now.
            RemoteError: it does not take them.
        """
        return self.run(lambda: self._push(lines))

    def run(self, work: Callable[[], T]) -> T:
        """Return the result of work with the database.

        Raises:
            RemoteUnavailableError: the database cannot be reached now.
            RemoteError: it refuses.
        """
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            raise RemoteUnavailableError(self.name, reason_of(error), _LATER) from error
        except SQLAlchemyError as error:
            raise RemoteError(self.name, reason_of(error), "check the rights of this user") from error
        except BodiesUnavailableError as error:
            raise RemoteUnavailableError(self.name, str(error), _LATER) from error
        except SchemaMismatchError as error:
            raise RemoteError(self.name, str(error), _LATER) from error

    def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(SQLAlchemyError):
            self.engine.dispose()

    def team(self) -> int:
        """Return the id of the team, in a database with the schema of this release.

        Raises:
            RemoteError: there is no such team, and it is not to be made.
        """
        if not self._team:
            check_schema(self.engine)
            with self.engine.begin() as connection:
                found = None if self._makes_team else find_team(connection, self._team_name)
                if found is None and not self._makes_team:
                    hint = f"make it with `insight teams create`; {_LATER}"
                    raise RemoteError(self.name, f"there is no team {self._team_name!r}", hint)
                self._team = (found or ensure_team(connection, self._team_name)).id
        return self._team

    def _push(self, lines: bytes) -> PushAnswer:
        parsed = parse_body([lines])
        stored = accept_lines(self.engine, self.team(), KEY_ID, parsed)
        return _answer_of(stored, parsed)


def _answer_of(stored: AcceptedLines, parsed: ParsedBody) -> PushAnswer:
    clashes = [
        Clash(clash.stream.hex, clash.seq, clash.have.decode(), clash.got.decode()) for clash in stored.conflicts
    ]
    findings = [{"reason": finding.reason, "detail": finding.detail} for finding in parsed.findings]
    return PushAnswer(stored.accepted, stored.known, clashes, len(clashes), findings, len(findings))


def name_of_database(url: str) -> str:
    """Return host and name of a database, without user and password."""
    parts = urlsplit(url)
    where = f"{parts.hostname or 'local'}{f':{parts.port}' if parts.port else ''}"
    return f"{where}{parts.path}"


def reason_of(error: SQLAlchemyError) -> str:
    """Return the reason of an error in one line, without the statement and its values."""
    text = str(error.orig if isinstance(error, DBAPIError) else error)
    return text.strip().split("\n", maxsplit=1)[0] or type(error).__name__
