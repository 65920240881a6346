"""Files for recorded text: mode 0600, independent of the umask."""

import os
from pathlib import Path
from typing import IO

from .system import SYSTEM


def open_private(path: Path) -> IO[bytes]:
    """Open a file for writing, empty; a new one has mode 0600.

    Raises:
        OSError: it cannot be made.
    """
    fd = SYSTEM.open_append(str(path))
    SYSTEM.ftruncate(fd, 0)
    return os.fdopen(fd, "wb")


__all__ = ["open_private"]
