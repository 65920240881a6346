"""Temporary files that a killed pack, purge, repair or conversion left next to a log; they hold recorded text.

These commands write them under the lock of the log only, so a process that holds the lock may remove them.
"""

import re
from pathlib import Path

from ..files.system import SYSTEM, System
from ..sources import live_dirs, pack_dir
from .rewrite import COPY_SUFFIX

_NEXT_TO_LOG = re.compile(
    rf"(\.purge|\.repair|\.pack|\.convert|\.setaside|\.(broken|corrupt)(-\d+)?{re.escape(COPY_SUFFIX)})"
)
"""Suffixes after the name of the log; names that users may give to their own copies do not match."""

_IN_FOLDER = re.compile(r".*(\.jsonl\.gz\.pack|\.jsonl\.purge)", re.DOTALL)
"""Names in the folders of packs and of live files, where users keep no files."""


def remains_of(log: Path, system: System = SYSTEM) -> list[Path]:
    """Return temporary files next to a log, its packs and its live files, in order of name."""
    found = [
        log.parent / name
        for name in _names_in(log.parent, system)
        if name.startswith(log.name) and _NEXT_TO_LOG.fullmatch(name[len(log.name) :])
    ]
    for folder in (pack_dir(log), *live_dirs(log)):
        found += [folder / name for name in _names_in(folder, system) if _IN_FOLDER.fullmatch(name)]
    return [file for file in found if not file.is_dir()]


def _names_in(folder: Path, system: System) -> list[str]:
    try:
        return sorted(system.listdir(str(folder)))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_remains(log: Path, system: System = SYSTEM) -> list[Path]:
    """Remove temporary files that a killed process left; the caller holds the lock of the log.

    Returns:
        The removed files.

    Raises:
        OSError: one cannot be removed.
    """
    found = remains_of(log, system)
    for file in found:
        system.unlink(str(file))
    return found


__all__ = ["remains_of", "remove_remains"]
