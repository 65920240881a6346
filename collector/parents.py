"""The process that has started this one: it holds the other end of standard input, which closes when it dies."""

import os
from typing import Final

_PIECE: Final = 1 << 12


def wait_for_parent() -> None:
    """Return when the process that has started this one has ended.

    The descriptor is read and not `sys.stdin`: the interpreter aborts at its end if a thread waits in a buffered file.
    """
    while os.read(0, _PIECE):
        pass
