"""One log file, open for appending whole lines, without damage to the lines of other writers.

Each append holds the lock. It checks that the descriptor still belongs to the file, ends the unfinished line of a
writer that died, writes all bytes in one call, and after an error removes only its own bytes.
"""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..codec import parse_version
from ..errors import EventLogError, LogBusyError, LogUnavailableError, LogWriteError, NewerFormatError
from ..format import EMPTY_LOG_SUFFIXES, FORMAT_VERSION, HEAD
from .system import SYSTEM, System, why_unsafe

_LOCK_POLL_S = 0.005
_REOPEN_MAX = 50
_SNIFF_BYTES = 64 * 1024
_LOG_MODE = 0o600
# Errors of a descriptor that the tested code closed, or whose number it gave to a socket.
NOT_OURS = frozenset({errno.EBADF, errno.EINVAL, errno.ESPIPE})


class LogFile:
    """An append-only file that many processes write.

    Args:
        path: absolute path of the log; folder and file are created (0700, 0600).
        lock_timeout_s: how long to wait for the lock, in seconds.
        rewrites: the caller copies lines unchanged, so lines of a newer format are accepted.

    Raises:
        LogUnavailableError: the path cannot be used as a log.
        NewerFormatError: the log was written by a newer release.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout_s: float = 2.0,
        rewrites: bool = False,
        system: System = SYSTEM,
    ) -> None:
        self.path = path
        self.reopened = 0
        self.set_aside: Path | None = None
        """Copy of a log that held no event any more; None if it was not replaced."""
        self._lock_timeout_s = lock_timeout_s
        self._rewrites = rewrites
        self._system = system
        self._fd = -1
        self._identity = (0, 0)
        self._own_end = -1  # file size right after our last complete append
        try:
            system.make_private_dir(path.parent)
        except OSError as error:
            raise unavailable(path.parent, error) from error
        self._refuse_empty_file_of_another_kind()
        self._open()
        try:
            check_content(path, self._fd, system, rewrites=rewrites)
        except OSError as error:
            raise unavailable(path, error) from error
        except LogUnavailableError:
            if not self._set_aside():
                self.close()
                raise
        except EventLogError:
            self.close()
            raise

    @property
    def fd(self) -> int:
        """The open descriptor."""
        return self._fd

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self._system.fstat(self._fd).st_size

    def append_locked(self, data: bytes, size: int) -> int:
        """Append whole lines while the lock is held; `size` is the size of the file now."""
        start = size
        if size not in (0, self._own_end) and self._last_byte(size) != b"\n":
            # The line's writer died. Its fragment becomes a line of its own, reported by readers.
            data = b"\n" + data
            start += 1
        self._own_end = -1
        self._write_whole(data, size)
        self._own_end = size + len(data)
        return start

    def append_pieces_locked(self, pieces: Iterable[bytes], size: int) -> int:
        """Append whole lines that come in pieces while the lock is held: all of them, or none if it fails.

        Raises:
            LogWriteError: the bytes could not be written; what was there before is as it was.
        """
        end = size
        try:
            for piece in pieces:
                if end == size:
                    start = self.append_locked(piece, end)
                    end = start + len(piece)
                else:
                    self._write_whole(piece, end)
                    end += len(piece)
        except BaseException:
            self._own_end = -1
            self._cut_back(size, end - size)
            raise
        self._own_end = end
        return end

    def end_line_locked(self, size: int) -> int:
        """End the line of a writer that died, while the lock is held, and return the size of the file then.

        A line that lacks only its newline becomes an event. Callers that read before they append need to see it.
        """
        if size in (0, self._own_end) or self._last_byte(size) == b"\n":
            return size
        self._write_whole(b"\n", size)
        return size + 1

    def acquire(self) -> int:
        """Acquire the lock of the file that has the name of the log now, and return its size; `release` must follow."""
        for _ in range(_REOPEN_MAX):
            if self._fd < 0:
                self._reopen(close=False)  # opening it failed the last time
            try:
                if not self._system.lock(self._fd):
                    self._wait_for_lock()
                info = self._system.fstat(self._fd)
            except OSError as error:
                if error.errno not in NOT_OURS:
                    raise LogWriteError(self.path, error) from error
                self._reopen(close=False)
                continue
            if (info.st_dev, info.st_ino) == self._identity and info.st_nlink:
                return info.st_size
            self._reopen(close=(info.st_dev, info.st_ino) == self._identity)
        raise LogUnavailableError(self.path, "is replaced again and again", "check what else writes there")

    def release(self) -> None:
        """Release the lock."""
        try:
            self._system.unlock(self._fd)
        except OSError:
            return  # the descriptor is gone, and the lock with it

    def read(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes at `offset`."""
        return self._system.pread(self._fd, size, offset)

    def close(self) -> None:
        """Close the descriptor, if it is still ours."""
        fd, self._fd = self._fd, -1
        self._own_end = -1
        if fd < 0:
            return
        try:
            info = self._system.fstat(fd)
            if (info.st_dev, info.st_ino) == self._identity:
                self._system.unlock(fd)
                self._system.close(fd)
        except OSError:
            return  # the tested code closed it already; nothing is left to free

    # -------------------------------------------------------------- opening

    def _open(self) -> None:
        self._fd, info = open_log(self.path, self._system)
        self._identity = (info.st_dev, info.st_ino)
        self._own_end = -1

    def _refuse_empty_file_of_another_kind(self) -> None:
        """Refuse an empty file that is there for another purpose, such as `__init__.py`.

        One that another writer made a moment ago, before its first line, has the mode of a log.
        """
        if self.path.suffix in EMPTY_LOG_SUFFIXES:
            return
        try:
            info = self._system.lstat(str(self.path))
        except OSError:
            return
        if stat.S_ISREG(info.st_mode) and not info.st_size and stat.S_IMODE(info.st_mode) != _LOG_MODE:
            raise LogUnavailableError(
                self.path, "is an empty file of another kind", "choose another file; nothing was written"
            )

    def _reopen(self, *, close: bool) -> None:
        """Open the path again: the descriptor was closed or reused, or the log was deleted or replaced."""
        if close:
            self.close()
        elif self._fd >= 0:
            self.release()
        self.reopened += 1
        self._open()

    def _set_aside(self) -> bool:
        """Set a profile's own log aside if nothing in it is an event any more, and open a new one."""
        from ..maintenance.corruption import set_aside  # noqa: PLC0415 - needed only when a log was overwritten

        if not self._system.lock(self._fd):
            return False
        try:
            self.set_aside = set_aside(self.path, self._system)
        finally:
            self._system.unlock(self._fd)
        if self.set_aside is None:
            return False
        self._reopen(close=True)
        self.reopened = 0
        return True

    # -------------------------------------------------------------- writing

    def _wait_for_lock(self) -> None:
        # Counted naps instead of a deadline: the tested code may have faked every clock.
        naps = max(int(self._lock_timeout_s / _LOCK_POLL_S), 1)
        for _ in range(naps):
            self._system.sleep(_LOCK_POLL_S)
            if self._system.lock(self._fd):
                return
        raise LogBusyError(self.path, self._lock_timeout_s)

    def _last_byte(self, size: int) -> bytes:
        try:
            return self._system.pread(self._fd, 1, size - 1)
        except OSError as error:
            raise LogWriteError(self.path, error) from error

    def _write_whole(self, data: bytes, size: int) -> None:
        written = 0
        try:
            written = self._system.write(self._fd, data)
            if written == len(data):
                return
            while written < len(data):
                count = self._system.write(self._fd, data[written:])
                if count == 0:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))  # noqa: TRY301 - joins the one way out
                written += count
        except OSError as error:
            self._cut_back(size, written)
            raise LogWriteError(self.path, error) from error

    def _cut_back(self, size: int, written: int) -> None:
        """Remove the bytes of a failed write, unless another program appended after them."""
        try:
            if self._system.fstat(self._fd).st_size == size + written:
                self._system.ftruncate(self._fd, size)
        except OSError:
            return  # the fragment stays; the next append ends its line and readers report it


def open_log(path: Path, system: System) -> tuple[int, os.stat_result]:
    """Open a log for appending, and create it if it is not there.

    Raises:
        LogUnavailableError: it cannot be opened, or is not safe to write to.
    """
    try:
        fd = system.open_append(str(path))
    except OSError as error:
        raise unavailable(path, error) from error
    try:
        info = system.fstat(fd)
    except OSError as error:
        system.close(fd)
        raise unavailable(path, error) from error
    reason = why_unsafe(info)
    if reason:
        system.close(fd)
        raise LogUnavailableError(path, reason, "choose another file")
    return fd, info


def check_content(path: Path, fd: int, system: System, *, rewrites: bool = False) -> None:
    """Refuse to append to a file that is not an event log, or to one of a newer format.

    Raises:
        LogUnavailableError, NewerFormatError: it is one of these.
        OSError: it cannot be read.
    """
    size = system.fstat(fd).st_size
    if not size:
        return
    head = system.pread(fd, _SNIFF_BYTES, 0)
    tail = system.pread(fd, _SNIFF_BYTES, max(size - _SNIFF_BYTES, 0))
    last_line = tail.rstrip(b"\n").rpartition(b"\n")[2]
    for line in (head, last_line):
        version = parse_version(line)
        if version is not None and version > FORMAT_VERSION and not rewrites:
            raise NewerFormatError(path, version)
    # A damaged log is still a log: one line in either piece is enough.
    if not any(piece.startswith(HEAD) or b"\n" + HEAD in piece for piece in (head, tail)) and head != HEAD[:size]:
        raise LogUnavailableError(path, "is not an event log", "choose another file; nothing was written")


class Locked:
    """Holds the lock of a log file: `with Locked(file) as size: ...`; `size` is its size in bytes under the lock."""

    def __init__(self, file: LogFile) -> None:
        self._file = file

    def __enter__(self) -> int:
        return self._file.acquire()

    def __exit__(self, *_: object) -> None:
        self._file.release()


def unavailable(path: Path, error: OSError) -> LogUnavailableError:
    """Return the error for a path that cannot be used, with the reason and a hint."""
    hints = {
        errno.EACCES: "check its permissions",
        errno.EPERM: "check its permissions",
        errno.ELOOP: "it is a symbolic link; name the file itself",
        errno.EROFS: "choose a place that can be written",
        errno.ENOSPC: "free space",
        errno.ENOTDIR: "a part of the path is a file",
        errno.EISDIR: "name a file, not a folder",
        errno.ENXIO: "it is not a regular file",
    }
    hint = hints.get(error.errno or 0, "choose another place")
    return LogUnavailableError(path, error.strerror or str(error), hint)
