"""Hold a log for rewriting: refuse, lock, remove remains, replace, release."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..errors import LogUnavailableError
from ..files.logfile import Locked, LogFile
from ..files.system import SYSTEM, System
from .recording import refuse_if_recorded
from .remains import remove_remains
from .rewrite import Fill, replace_file

LOCK_TIMEOUT_S = 30.0


class ExclusiveLog(NamedTuple):
    """A log whose lock is held by a command that may replace the file."""

    path: Path
    temporary_suffix: str
    remains: list[Path]
    """Temporary files of killed commands that were removed."""
    system: System

    def replace(self, fill: Fill) -> None:
        """Write a new file and give it the name of the log.

        Args:
            fill: writes the new content.

        Raises:
            OSError: the file could not be written; the log is unchanged.
        """
        replace_file(self.path, self.temporary_suffix, fill, self.system)


def find_plain_log(log: Path, hint: str = "unpack it first") -> Path:
    """Return the absolute path of a log that exists and is not compressed.

    Args:
        log: the path; a symbolic link is not followed, since opening it is refused later.
        hint: advice for a compressed log.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: it is compressed.
    """
    path = Path(os.path.abspath(log))  # noqa: PTH100 - `resolve` would follow a link
    if not path.exists():
        raise FileNotFoundError(2, "no such log", str(path))
    if path.name.endswith((".gz", ".zip")):
        raise LogUnavailableError(path, "is compressed", hint)
    return path


@contextmanager
def exclusive_log(
    path: Path, temporary_suffix: str, *, dry_run: bool = False, system: System = SYSTEM
) -> Generator[ExclusiveLog]:
    """Hold the lock of a log that is to be rewritten.

    Temporary files that a killed command left next to the log are removed first: they are written under this lock
    only, so no other process uses them.

    Args:
        path: absolute path of a plain log.
        temporary_suffix: suffix of the new file until it takes the name of the log.
        dry_run: leave the temporary files of killed commands in place.
        system: the calls to the operating system.

    Raises:
        LogUnavailableError: a session is being recorded into the log, or it cannot be opened.
        LogBusyError: the lock could not be acquired within `LOCK_TIMEOUT_S`.
        OSError: a temporary file cannot be removed.
    """
    refuse_if_recorded(path, system=system)
    file = LogFile(path, lock_timeout_s=LOCK_TIMEOUT_S, rewrites=True, system=system)
    try:
        with Locked(file):
            remains = [] if dry_run else remove_remains(path, system)
            yield ExclusiveLog(path, temporary_suffix, remains, system)
    finally:
        file.close()


__all__ = ["LOCK_TIMEOUT_S", "ExclusiveLog", "exclusive_log", "find_plain_log"]
