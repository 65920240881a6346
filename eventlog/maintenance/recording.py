"""Refuse to rewrite a log that a session is being recorded into, and name the session."""

from pathlib import Path

from ..errors import LogUnavailableError
from ..events import SessionStarted
from ..files.liveness import is_being_written
from ..files.system import SYSTEM, System
from ..reader import Record, event_at, read_records, session_start
from ..scan import Finding
from ..sources import live_files, live_stream


def refuse_if_recorded(log: Path, *, system: System = SYSTEM) -> None:
    """Raise if a session writes a log directly, as `--insight-log` does.

    A session that is being collected also has no seal in the log until its last line is there, but it has a live file.
    The check runs twice, since a live file may appear and go between the steps of one check.

    Raises:
        LogUnavailableError: a session is being recorded into the log; the message names it.
    """
    first = _direct_session(log, system)
    if first is None or _direct_session(log, system) != first:
        return
    name, _stream = first
    raise LogUnavailableError(log, f"session {name} is being recorded into it", "try again when its test run has ended")


def _direct_session(log: Path, system: System) -> tuple[str, str] | None:
    """Return the name and the stream of the open session of a locked log, if it has no live file."""
    if not is_being_written(log, system=system):
        return None
    name, stream = _open_session(log)
    if not name or stream in map(live_stream, live_files(log)):
        return None
    return name, stream


def running_sessions(log: Path, *, system: System = SYSTEM) -> list[str]:
    """Return the names of sessions that are being recorded into live files of a log, by the locks on these files."""
    return [session_name(path) for path in live_files(log) if is_being_written(path, system=system)]


def session_name(path: Path) -> str:
    """Return the session id of a live file; the beginning of its stream if it has no header."""
    try:
        event = event_at(path, 0).event()
    except (OSError, LookupError, LogUnavailableError):
        event = None
    return event.session_id if isinstance(event, SessionStarted) else live_stream(path)[:12]


def _open_session(log: Path) -> tuple[str, str]:
    """Return the session id and the stream of the newest session of a log if it has no seal; else two empty strings.

    Nothing but the events of that session can follow its header while it holds the lock.
    """
    name = ""
    stream = ""
    try:
        for item in read_records(log, start=session_start(log), with_parts=False):
            if isinstance(item, Finding):
                continue
            name, stream = _session_after(item, name, stream)
    except OSError:
        return "", ""
    return name, stream


def _session_after(record: Record, name: str, stream: str) -> tuple[str, str]:
    """Return the name and the stream of the session that is open after an event."""
    if record.envelope.type == "session.started":
        event = record.event()
        return (event.session_id if isinstance(event, SessionStarted) else ""), record.envelope.stream
    if record.envelope.type == "session.finished" and record.envelope.stream == stream:
        return "", ""
    return name, stream


__all__ = ["refuse_if_recorded", "running_sessions", "session_name"]
