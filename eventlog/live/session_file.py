"""The file that one session writes: a live file, or a log that is locked for the whole run.

The file has one writer, which holds its lock as long as it lives. Therefore an append is a single `write`, without a
lock, a check of the file or a wait; errors appear in the result of that call.
"""

import errno
import os
from pathlib import Path

from ..errors import EventLogError, LogUnavailableError, LogWriteError
from ..files.logfile import NOT_OURS, check_content, open_log, unavailable
from ..files.system import SYSTEM, System
from ..format import LOG_SUFFIX
from ..sources import live_dir

_TRIES = 100
_PAUSE_S = 0.005


class SessionFile:
    """An open file with one writer.

    Args:
        path: where it is.
        fd: its descriptor, opened for appending.
        in_log: it is the log itself.
        locked: this process holds its lock; False where the file system has none.
        system: the seam to the operating system.
    """

    def __init__(self, path: Path, fd: int, *, in_log: bool, locked: bool, system: System = SYSTEM) -> None:
        self.path = path
        self.fd = system.move_high(fd)
        self.in_log = in_log
        info = system.fstat(self.fd)
        self.begin = info.st_size
        """Byte offset where the events of this session begin."""
        self.is_clean = True
        """Every write so far took all its bytes, so the file needs no check before it is copied."""
        self._end = info.st_size
        self._known = not info.st_size  # the file ends where we believe, and there with a newline
        self._identity = (info.st_dev, info.st_ino)
        self._locked = locked
        self._system = system
        self._write = system.write

    @property
    def end(self) -> int:
        """Byte offset behind the last event."""
        return self._end

    def append(self, data: bytes) -> int:
        """Append whole lines and return the offset of the first.

        Raises:
            LogWriteError: the bytes could not be written; nothing of them counts.
            LogUnavailableError: the descriptor is not ours any more, and the file is gone.
        """
        if self._known:
            start = self._end
            self._known = False  # should the exception of a signal come between the write and our knowledge of it
            try:
                written = self._write(self.fd, data)
            except OSError as error:
                return self._after_error(error, data)
            if written == len(data):
                self._end = start + written
                self._known = True
                return start
            return self._write_rest(data, start, written)
        return self._append_after_look(data)

    def is_gone(self) -> bool:
        """Return whether the file lost its name, or the name belongs to another file now."""
        try:
            info = self._system.lstat(str(self.path))
        except OSError:
            return True
        return (info.st_dev, info.st_ino) != self._identity

    def is_ours(self) -> bool:
        """Return whether the descriptor still belongs to the file."""
        try:
            info = self._system.fstat(self.fd)
        except OSError:
            return False
        return (info.st_dev, info.st_ino) == self._identity

    def close(self) -> None:
        """Release the lock and close the descriptor, if it still belongs to the file."""
        fd = self.fd
        if fd >= 0 and self.is_ours():
            try:
                if self._locked:
                    self._system.unlock(fd)
                self._system.close(fd)
            except OSError:
                pass
        self.fd = -1

    def leave_to_parent(self) -> None:
        """Close the descriptor of a forked child; the lock stays with the parent, and ends with it."""
        if self.fd >= 0 and self.is_ours():
            self._system.close(self.fd)
        self.fd = -1

    # -------------------------------------------------------------- after errors

    def _append_after_look(self, data: bytes) -> int:
        try:
            end = self._system.fstat(self.fd).st_size if self.is_ours() else self._open_again()
            torn = end > 0 and self._system.pread(self.fd, 1, end - 1) != b"\n"
        except OSError as error:
            raise LogWriteError(self.path, error) from error
        if torn:
            if end == self.begin:
                self.begin += 1  # the line of an earlier writer, which died
            else:
                self.is_clean = False
            data = b"\n" + data
        return self._write_rest(data, end, 0) + torn

    def _write_rest(self, data: bytes, start: int, written: int) -> int:
        """Write what a short write left, and cut off our own bytes if that fails."""
        self._known = False
        try:
            while written < len(data):
                count = self._write(self.fd, data[written:])
                if count == 0:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))  # noqa: TRY301 - joins the one way out
                written += count
        except OSError as error:
            self._cut_back(start, written)
            raise LogWriteError(self.path, error) from error
        self._end = start + written
        self._known = True
        return start

    def _after_error(self, error: OSError, data: bytes) -> int:
        if error.errno not in NOT_OURS:
            self._cut_back(self._end, 0)
            raise LogWriteError(self.path, error) from error
        return self._append_after_look(data)

    def _cut_back(self, start: int, written: int) -> None:
        """Remove the bytes of a failed append, unless another program appended after them."""
        try:
            if self._system.fstat(self.fd).st_size == start + written:
                self._system.ftruncate(self.fd, start)
                self._known = True
                return
        except OSError:
            pass
        self.is_clean = False  # the fragment stays; the next append ends its line and readers report it

    def _open_again(self) -> int:
        """Open the file by its path, if it is the same one, and return its size: the tested code closed ours."""
        system = self._system
        self.fd = -1
        try:
            fd = system.open_append(str(self.path), create=False)
        except OSError as error:
            raise unavailable(self.path, error) from error
        info = system.fstat(fd)
        if (info.st_dev, info.st_ino) != self._identity or not (not self._locked or _lock_soon(fd, system)):
            system.close(fd)
            raise LogUnavailableError(self.path, "was replaced or is in use", "check what else writes there")
        self.fd = system.move_high(fd)
        if not system.fstat(self.fd).st_nlink:
            self.close()
            raise LogUnavailableError(self.path, "was removed", "check what else writes there")
        return system.fstat(self.fd).st_size


def create_live_file(log: Path, stream: str, *, system: System = SYSTEM) -> SessionFile:
    """Create the live file of a session, and lock it.

    Raises:
        LogUnavailableError: it cannot be created.
    """
    folder = live_dir(log)
    number = 1
    for _ in range(_TRIES):
        path = folder / (stream + (f".{number}" if number > 1 else "") + LOG_SUFFIX)
        try:
            system.make_private_dir(folder)
            if folder.is_symlink():
                raise LogUnavailableError(folder, "is a symbolic link", "remove it")
            fd = system.open_append(str(path), exclusive=True)
        except FileExistsError:
            number += 1
            continue
        except FileNotFoundError:
            continue  # its folder was empty, and another process removed it
        except OSError as error:
            raise unavailable(path, error) from error
        found = _own_new_file(path, fd, system)
        if found is not None:
            return found
    raise LogUnavailableError(folder, "new files are taken away again and again", "check what else writes there")


def _own_new_file(path: Path, fd: int, system: System) -> SessionFile | None:
    """Lock a file that was just created; None if a process that collects live files was faster and removed it."""
    try:
        locked = _lock_soon(fd, system)
        if locked and system.fstat(fd).st_nlink:
            return SessionFile(path, fd, in_log=False, locked=True, system=system)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return SessionFile(path, fd, in_log=False, locked=False, system=system)
        system.close(fd)
        raise unavailable(path, error) from error
    system.close(fd)
    return None


def take_log(path: Path, *, system: System = SYSTEM) -> SessionFile | None:
    """Open a log and lock it for the whole run; None if another process holds its lock.

    Raises:
        LogUnavailableError, NewerFormatError: it cannot be used as a log.
    """
    try:
        system.make_private_dir(path.parent)
    except OSError as error:
        raise unavailable(path.parent, error) from error
    fd, _ = open_log(path, system)
    try:
        check_content(path, fd, system)
        if not _lock_soon(fd, system, tries=_TRIES // 10) or not system.fstat(fd).st_nlink:
            system.close(fd)
            return None
    except OSError as error:
        system.close(fd)
        if error.errno in _NO_LOCKS:
            return None
        raise unavailable(path, error) from error
    except EventLogError:
        system.close(fd)
        raise
    return SessionFile(path, fd, in_log=True, locked=True, system=system)


_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""Errors of `flock` on file systems without locks."""


def _lock_soon(fd: int, system: System, tries: int = _TRIES) -> bool:
    """Lock a file that another process may hold for a moment only, because it looks whether its owner died."""
    for _ in range(tries):
        if system.lock(fd):
            return True
        system.sleep(_PAUSE_S)
    return False


__all__ = ["SessionFile", "create_live_file", "take_log"]
