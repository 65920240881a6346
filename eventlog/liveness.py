"""Tell whether a process is writing a file, by the lock that it holds as long as it lives."""

from pathlib import Path

from .system import SYSTEM, System


def is_being_written(path: Path, *, system: System = SYSTEM) -> bool:
    """Tell whether a process holds the lock of a file; False where there is no such file, or no lock can be asked."""
    try:
        fd = system.open_read(str(path))
    except OSError:
        return False
    try:
        return not system.lock(fd)
    except OSError:
        return False
    finally:
        system.close(fd)


__all__ = ["is_being_written"]
