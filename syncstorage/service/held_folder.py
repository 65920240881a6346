"""A folder that is kept open, to notice when it is deleted or replaced."""

import os
import weakref
from pathlib import Path

__all__ = ["HeldFolder"]


class HeldFolder:
    """A folder that is distinguished from a folder created later at the same path.

    Args:
        path: path of the folder, which exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # While the folder is open, no other folder gets its inode number.
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)

    @property
    def is_there(self) -> bool:
        """True while the path still leads to this folder."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:
            return False
