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

_NICE = 10


def main(words: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """Send a session, and return the exit code."""
    log, stream, start, state_path, pid, mark = words
    with suppress(OSError):
        os.nice(_NICE)
    path = Path(state_path)
    state = _send(Path(log), stream, int(start), path, (int(pid), mark), environ)
    is_read = write_state(path, state)
    if not _runs(int(pid), mark):
        path.unlink(missing_ok=True)  # its reader is gone
    with suppress(OSError, EventLogError):
        note_failure("" if state.phase == "done" or is_read else state.reason)
    return 0 if state.phase == "done" else 1


def _send(
    log: Path, stream: str, start: int, state: Path, process: tuple[int, str], environ: Mapping[str, str]
) -> PushState:
    try:
        from .sending.sender import Sender  # noqa: PLC0415 - an import that fails is reported, too
        from .sending.session_lines import SessionLines  # noqa: PLC0415 - as above

        place, name = _open_place(environ)
    except (ImportError, ValueError, EventLogError) as error:
        return PushState("failed", reason=str(error))
    try:
        lines = SessionLines(log, stream, start)
        return Sender(lines, place, name, lambda: _runs(*process), lambda found: _report(state, found)).work()
    finally:
        place.close()


def _open_place(environ: Mapping[str, str]) -> tuple[Any, str]:
    """Return the place to send to, and its name."""
    if environ.get("PYTEST_INSIGHT_STORAGE") == "database":
        from .sending.database_place import DatabasePlace  # noqa: PLC0415 - needs the extra `server`

        database = DatabasePlace(environ.get("INSIGHT_DB_URL", ""))
        return database, database.name
    from .client.addresses import read_address  # noqa: PLC0415 - as above
    from .client.requests import Collector  # noqa: PLC0415 - needs the extra `remote`

    address = read_address(None, None, environ)
    return Collector(address), address.url


def _report(path: Path, state: PushState) -> None:
    write_state(path, state)


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
