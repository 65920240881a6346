"""Logs of the memory profiles of this process: created by the API, found by the recorder by name."""

import threading
from pathlib import Path

from .log_targets import MemoryTarget

_targets: dict[tuple[Path, str], MemoryTarget] = {}
_mutex = threading.Lock()


def open_memory_log(profiles_file: Path, name: str) -> MemoryTarget:
    """Return the log of a memory profile; the first call creates it.

    Args:
        profiles_file: path of the `profiles.json` that the profile belongs to.
        name: of the profile.
    """
    with _mutex:
        return _targets.setdefault((profiles_file, name), MemoryTarget())


def find_memory_log(profiles_file: Path, name: str) -> MemoryTarget | None:
    """Return the log of a memory profile, or None if this process has no such profile."""
    with _mutex:
        return _targets.get((profiles_file, name))


def drop_memory_log(profiles_file: Path, name: str) -> None:
    """Forget the log of a memory profile."""
    with _mutex:
        _targets.pop((profiles_file, name), None)
