"""`profiles.json`: the names of the profiles, the paths of their logs, and the active profile.

The file is read, changed and replaced under a lock, so that no process loses the change of another, and a crash leaves
the old or the new file whole. Keys that this release does not know are kept.
"""

import getpass
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from ..errors import LogBusyError, LogUnavailableError
from ..files.system import SYSTEM, System
from ..format import LOG_SUFFIX
from ..maintenance.rewrite import replace_file
from .paths import DEFAULT_PROFILE, PROFILES_FILE, RemoteEntry, check_profile_name, home_dir

_LOCK_SUFFIX = ".lock"
_TEMPORARY_SUFFIX = ".new"
_LOCK_TIMEOUT_S = 10.0
_LOCK_POLL_S = 0.01

Document = dict[str, Any]
"""The parsed file: `active_profile`, and `profiles` by name."""


class ProfilesFile:
    """The file with the profiles.

    Args:
        path: of the file; None for `profiles.json` in the home. Logs of profiles without a path of their own are in
            the same folder.
    """

    def __init__(self, path: Path | None = None, system: System = SYSTEM) -> None:
        self.path = Path(os.path.abspath(path)) if path else home_dir() / PROFILES_FILE  # noqa: PTH100 - as it is
        self._system = system

    def default_log(self, name: str) -> Path:
        """Return the path of the log of a profile without a path of its own."""
        return self.path.parent / (name + LOG_SUFFIX)

    def read(self) -> Document:
        """Return the file's content; an empty document if the file does not exist.

        Raises:
            LogUnavailableError: it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return {"active_profile": "", "profiles": {}}
        except OSError as error:
            raise LogUnavailableError(self.path, error.strerror or str(error), "check its permissions") from error
        try:
            document = msgspec.json.decode(data, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LogUnavailableError(self.path, f"cannot be read: {error}", "correct or remove the file") from error
        profiles: object = document.setdefault("profiles", {})
        shape = cast("dict[str, object]", profiles) if isinstance(profiles, dict) else {"": None}
        if not all(isinstance(item, dict) for item in shape.values()):
            reason = "`profiles` is not an object of objects"
            raise LogUnavailableError(self.path, reason, "correct or remove the file")
        document.setdefault("active_profile", "")
        return document

    def change(self, change: Callable[[Document], None]) -> Document:
        """Change the file under its lock, and return its new content.

        Args:
            change: changes the document in place; if it raises, nothing is written.

        Raises:
            LogUnavailableError: the file cannot be read.
            LogBusyError: the lock could not be acquired within 10 s.
            OSError: it cannot be written; it is as it was.
        """
        self._system.make_private_dir(self.path.parent)
        fd = self._system.open_append(str(self.path) + _LOCK_SUFFIX)
        try:
            self._wait(fd)
            document = self.read()
            before = msgspec.json.encode(document)
            change(document)
            if msgspec.json.encode(document) != before or not self.path.exists():
                document["last_modified"] = now_text()
                document["modified_by"] = user_name()
                data = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
                replace_file(self.path, _TEMPORARY_SUFFIX, lambda append: append(data), self._system)
            self._system.unlock(fd)
            return document
        finally:
            self._system.close(fd)

    def _wait(self, fd: int) -> None:
        began = time.monotonic()
        while not self._system.lock(fd):
            if time.monotonic() - began > _LOCK_TIMEOUT_S:
                raise LogBusyError(self.path, _LOCK_TIMEOUT_S)
            self._system.sleep(_LOCK_POLL_S)


def new_entry(name: str, file_path: Path, remote: RemoteEntry | None = None) -> Document:
    """Return the entry of a new profile with a log, and of a remote one with its collector."""
    now, user = now_text(), user_name()
    more = {} if remote is None else {key: value for key, value in remote._asdict().items() if value}
    return {
        "name": name,
        "storage_type": "json" if remote is None else remote.storage_type,
        "file_path": str(file_path),
        **more,
        "created": now,
        "last_modified": now,
        "created_by": user,
        "last_modified_by": user,
    }


def register_profile(name: str) -> None:
    """Put a profile into `profiles.json` unless it is there; the default one is there without an entry.

    Raises:
        ValueError: the name is not a profile name.
        EventLogError, OSError: the file cannot be read or written.
    """
    check_profile_name(name)
    file = ProfilesFile()
    if name == DEFAULT_PROFILE or name in file.read()["profiles"]:
        return
    entry = new_entry(name, file.default_log(name))
    file.change(lambda document: cast("Document", document["profiles"]).setdefault(name, entry))


def now_text() -> str:
    """Return the current time in the format of the file."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def user_name() -> str:
    """Return the name of the user; `unknown` if the system does not have one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
