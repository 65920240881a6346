"""A folder that is kept open, to notice when it is deleted or replaced."""

import os
import weakref
from pathlib import Path

__all__ = ["HeldFolder"]


class HeldFolder:
    """A folder that is told from one that is made again in its place.

    Args:
        path: of the folder; it exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # While it is open, the system gives its number to no other folder.
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)

    @property
    def is_there(self) -> bool:
        """True while the path leads to this folder."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:
            return False
