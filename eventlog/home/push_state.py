"""State of the helper process that sends the events of one session, for the session itself: a file in the home.

The session creates the file and removes it at its end. The helper overwrites it in place, so that a full disk does not
keep it from reporting, and never creates it again.
"""

import os
import re
from pathlib import Path

import msgspec

from ..files.private import open_private
from .paths import home_dir

FOLDER = "remotes"
STATE_BYTES = 4096
_FAILURE_FILE = "not-sent"
_REASON_CHARS = 400


class PushState(msgspec.Struct):
    """How far a helper process is.

    Attributes:
        phase: `starting`, `sending`, `waiting` for a collector that is away, `done` or `failed`.
        sent: number of events that are stored there.
        where: name of the collector or database, without passwords.
        reason: why it waits or failed.
    """

    phase: str = "starting"
    sent: int = 0
    where: str = ""
    reason: str = ""

    @property
    def is_final(self) -> bool:
        """Whether the helper has ended."""
        return self.phase in ("done", "failed")


def create_state(stream: str, home: Path | None = None) -> Path:
    """Create the file of a session, and return its path.

    Raises:
        OSError, LogUnavailableError: the home cannot be written.
    """
    folder = (home or home_dir()) / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{stream}.state"
    with open_private(path) as file:
        file.write(_encode(PushState()))
    return path


def write_state(path: Path, state: PushState) -> bool:
    """Overwrite the file of a session, and return whether the session still reads it."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.pwrite(fd, _encode(state), 0)
    except OSError:
        return True  # the session reads an older state
    finally:
        os.close(fd)
    return True


def read_state(path: Path) -> PushState:
    """Return the state; that of a helper that has not reported if there is no file, or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=PushState)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return PushState()


def note_failure(reason: str, home: Path | None = None) -> None:
    """Keep the reason why a session was not sent, for the next session; an empty one removes it.

    Raises:
        OSError, LogUnavailableError: the home cannot be written.
    """
    path = (home or home_dir()) / FOLDER / _FAILURE_FILE
    if not reason:
        path.unlink(missing_ok=True)
        return
    with open_private(path) as file:
        file.write(_one_line(reason).encode())


def last_failure(home: Path | None = None) -> str:
    """Return the reason why the session before was not sent; empty if it was."""
    try:
        return _one_line(((home or home_dir()) / FOLDER / _FAILURE_FILE).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""


def _encode(state: PushState) -> bytes:
    clean = msgspec.structs.replace(state, where=_one_line(state.where), reason=_one_line(state.reason))
    return msgspec.json.encode(clean).ljust(STATE_BYTES)


def _one_line(text: str) -> str:
    """Return a text in one line without control characters, which may come from the answer of any server."""
    return re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\uffff]+", " ", text).strip()[:_REASON_CHARS]
