"""Log that a run is recorded into."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...eventlog.errors import EventLogError
from ...eventlog.home.paths import DEFAULT_PROFILE, PROFILES_FILE, expand_user, home_dir, profile_log, resolve_profile
from ...eventlog.sources import is_old_document

if TYPE_CHECKING:
    from ...eventlog.targets.log_targets import MemoryTarget

_MEMORY_PROFILES = EventLogError.__module__.replace(".errors", ".targets.memory_profiles")


def log_target(log: str, profile: str, folder: Path) -> tuple[Path, str]:
    """Return the absolute path of the log, and the name of the profile, which is empty for a log given by its path.

    A new profile is created, and a document of an earlier plugin at the path of its log is converted.

    Args:
        log: path given by the user, may be relative to `folder`.
        profile: name given by the user, may be empty.
        folder: working directory of the pytest run.

    Raises:
        ValueError: the name is not a valid profile name.
        LogUnavailableError: `profiles.json` or an old document cannot be read.
    """
    if log:
        return Path(os.path.abspath(folder / expand_user(Path(log)))), ""  # noqa: PTH100 - links are refused, not followed
    name = resolve_profile(profile)
    path = profile_log(name)
    with suppress(OSError):  # the error of opening the log is clearer
        _convert_old(path)
    with suppress(EventLogError, OSError):  # the run is recorded all the same, and the next one tries again
        _register(name)
    return path, name


def memory_log(log: str, profile: str) -> "tuple[MemoryTarget, str] | None":
    """Return the log and the name of a memory profile of this process; None if the run uses no memory profile.

    Args:
        log: path given by the user; it wins over a profile.
        profile: name given by the user, may be empty.

    Raises:
        ValueError: the name is not a valid profile name.
        LogUnavailableError: `profiles.json` cannot be read.
    """
    profiles = sys.modules.get(_MEMORY_PROFILES)
    if log or profiles is None:
        return None  # the API was not used in this process
    name = resolve_profile(profile)
    target = profiles.find_memory_log(home_dir() / PROFILES_FILE, name)
    return None if target is None else (target, name)


def _convert_old(path: Path) -> None:
    if is_old_document(path):
        from ...eventlog.documents.convert import convert_in_place  # noqa: PLC0415 - hardly ever needed

        convert_in_place(path)


def _register(name: str) -> None:
    if name != DEFAULT_PROFILE:
        from ...eventlog.home.profiles import register_profile  # noqa: PLC0415 - only where there are profiles at all

        register_profile(name)
