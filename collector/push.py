"""The helper process that sends the events of one session, `python -m pytest_insight.collector.push`; pytest starts it.

Its command line names the log, the stream, the byte offset where the session begins, the file for its state, and the
process that records. Where to send to, and the key, are in its environment.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..eventlog.errors import EventLogError
from ..eventlog.home.push_state import PushState, note_failure, write_state
from ..eventlog.live.owner import process_start
from .sending.deadlines import EndWatch
from .sending.session_lines import SessionLines

_NICE = 10


def main(words: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Send a session, and return the exit code."""
    log, stream, start, state_path, pid, mark = words
    with suppress(OSError):
        os.nice(_NICE)
    session = SentSession(Path(state_path), int(pid), mark)
    watch = EndWatch(session.is_over, session.expire)
    watch.start()
    try:
        session.report(_send(SessionLines(Path(log), stream, int(start)), session, watch, environ))
    finally:
        watch.stop()
    session.leave()
    return 0 if session.last.phase == "done" else 1


class SentSession:
    """The session on the other side of a state file.

    Args:
        path: of the file; the session removes it at its end.
        pid: process of the session.
        mark: start time of that process.
    """

    def __init__(self, path: Path, pid: int, mark: str) -> None:
        self._path = path
        self._pid = pid
        self._mark = mark
        self._is_read = True
        self.last = PushState()
        """State that was reported last."""

    def is_over(self) -> bool:
        """Return whether the session has removed its file, or its process is gone."""
        return not self._path.exists() or not _runs(self._pid, self._mark)

    def report(self, state: PushState) -> None:
        """Write a state."""
        self.last = state
        self._is_read = write_state(self._path, state)

    def leave(self) -> None:
        """Keep a failure that the session did not read for the next one, and remove the file of a killed session."""
        is_killed = not _runs(self._pid, self._mark)
        with suppress(OSError, EventLogError):
            if is_killed:
                self._path.unlink(missing_ok=True)
            is_told = self.last.phase == "done" or (self._is_read and not is_killed)
            note_failure("" if is_told else self.last.reason or "there was no time left")

    def expire(self) -> None:
        """End this process."""
        try:
            self._is_read = self._path.exists()
            self.leave()
        finally:
            os._exit(1)


def _send(lines: SessionLines, session: SentSession, watch: EndWatch, environ: Mapping[str, str]) -> PushState:
    try:
        from .sending.sender import Sender  # noqa: PLC0415 - an import that fails is reported, too

        place, name = _open_place(environ)
    except (ImportError, ValueError, EventLogError) as error:
        return PushState("failed", reason=str(error))
    try:
        return Sender(lines, place, name, watch.ended_at, session.report).work()
    finally:
        place.close()


def _open_place(environ: Mapping[str, str]) -> tuple[Any, str]:
    """Return the place to send to, and its name."""
    if environ.get("PYTEST_INSIGHT_STORAGE") == "database":
        from .access.teams import DEFAULT_TEAM  # noqa: PLC0415 - needs the extra `server`
        from .sending.database_place import DatabasePlace  # noqa: PLC0415 - as above

        team = environ.get("INSIGHT_DB_TEAM") or DEFAULT_TEAM
        database = DatabasePlace(environ.get("INSIGHT_DB_URL", ""), team, makes_team=team == DEFAULT_TEAM)
        return database, database.name
    from .client.addresses import read_address  # noqa: PLC0415 - as above
    from .client.requests import Collector  # noqa: PLC0415 - needs the extra `remote`

    address = read_address(None, None, environ)
    return Collector(address), address.url


def _runs(pid: int, mark: str) -> bool:
    """Return whether a process runs; one with another start time is a later one with the same id."""
    if mark:
        return process_start(pid) == mark
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
