"""Parts of output files that a killed export or merge left: they hold recorded text, and the next one removes them."""

import glob
import os
import re
from pathlib import Path

from ..eventlog.files.system import SYSTEM

_PART = re.compile(r"\.[0-9a-f]{8}\.part")


def remove_stale_parts(path: Path) -> list[Path]:
    """Remove parts of an output that no process writes any more, and return them.

    A part that is being written is locked; one that cannot be opened or removed is left as it is.

    Args:
        path: the output.
    """
    parts = list(path.parent.glob(f".{glob.escape(path.name)}.*.part"))
    return [part for part in parts if _PART.fullmatch(part.name[len(path.name) + 1 :]) and _is_removed(part)]


def _is_removed(part: Path) -> bool:
    try:
        fd = SYSTEM.open_append(str(part), create=False)
    except OSError:
        return False
    try:
        if not SYSTEM.lock(fd):
            return False
        part.unlink()
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


__all__ = ["remove_stale_parts"]
