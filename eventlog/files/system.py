"""The one seam between the event log and the operating system.

Every call that can fail is here once, bound when the module is imported: tests of other people
patch `os.write`, `builtins.open` or the whole file system, and the recorder must not notice. Our own
tests pass a subclass that fails any call at will.
"""

import errno
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# O_NOFOLLOW: a link planted in a shared folder must not lead our writes elsewhere. O_NONBLOCK: opening a planted FIFO
# must not hang; it means nothing to a regular file.
_OPEN_FLAGS: Final = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
_LOCK_OFFSET: Final = 1 << 62
"""On Windows locks are mandatory: a byte far beyond any end of file is locked, so that readers are not."""

_NETWORK_TYPES: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "9p", "glusterfs"})
"""File systems where O_APPEND is emulated and races, and flock may be local to one machine."""

_HIGH_NUMBER: Final = 900
"""Descriptors that are to stay open begin here: above what programs use, below the usual limit of 1024."""

_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})


class System:
    """System calls of the log, each raising OSError as the `os` module does."""

    write: Callable[[int, bytes], int] = staticmethod(os.write)
    fstat: Callable[[int], os.stat_result] = staticmethod(os.fstat)
    fsync: Callable[[int], None] = staticmethod(os.fsync)
    fdatasync: Callable[[int], None] = staticmethod(getattr(os, "fdatasync", os.fsync))
    ftruncate: Callable[[int, int], None] = staticmethod(os.ftruncate)
    close: Callable[[int], None] = staticmethod(os.close)
    getpid: Callable[[], int] = staticmethod(os.getpid)
    unlink: Callable[[str], None] = staticmethod(os.unlink)
    rename: Callable[[str, str], None] = staticmethod(os.replace)
    link: Callable[[str, str], None] = staticmethod(os.link)
    listdir: Callable[[str], list[str]] = staticmethod(os.listdir)
    stat: Callable[[str], os.stat_result] = staticmethod(os.stat)
    lstat: Callable[[str], os.stat_result] = staticmethod(os.lstat)
    sleep: Callable[[float], None] = staticmethod(time.sleep)
    time_ns: Callable[[], int] = staticmethod(time.time_ns)
    _times = staticmethod(os.times)
    _open = staticmethod(os.open)
    _mkdir = staticmethod(os.mkdir)
    _utime = staticmethod(os.utime)
    _chmod: Callable[[int, int], None] | None = staticmethod(os.fchmod) if hasattr(os, "fchmod") else None

    def open_append(self, path: str, *, exclusive: bool = False, create: bool = True) -> int:
        """Open (and create, mode 0600 whatever the umask) a file that is appended to and read back."""
        flags = os.O_RDWR | os.O_APPEND | _OPEN_FLAGS
        if not create:
            return self._open(path, flags)
        if not exclusive:
            try:
                return self._open(path, flags)
            except FileNotFoundError:
                pass
        try:
            fd = self._open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if exclusive:
                raise
            return self._open(path, flags)  # another process created it between our two looks
        if self._chmod is not None:
            self._chmod(fd, 0o600)
        return fd

    def make_private(self, fd: int) -> None:
        """Set the mode of a file to 0600, on platforms with modes."""
        if self._chmod is not None:
            self._chmod(fd, 0o600)

    def move_high(self, fd: int) -> int:
        """Return a descriptor for the same file with a high number, and close the one that was given.

        Code that closes all descriptors and opens its own gets the lowest free numbers, so ours is not among them.
        """
        if sys.platform == "win32":
            return fd
        try:
            moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_NUMBER)
        except OSError:
            return fd  # the limit of this process is lower than that
        self.close(fd)
        return moved

    def open_read(self, path: str) -> int:
        """Open a file for reading; a FIFO does not block."""
        return self._open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to `size` bytes at `offset`."""
        if sys.platform == "win32":
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, size)
        return _pread(fd, size, offset)

    def make_private_dir(self, path: Path) -> None:
        """Create a folder (mode 0700) and its parents; one that exists is left as it is."""
        if path.is_dir():
            return
        self.make_private_dir(path.parent)
        try:
            self._mkdir(path, 0o700)
        except FileExistsError:
            return

    def lock(self, fd: int) -> bool:
        """Try to take the exclusive lock of a log; False if another holds it."""
        try:
            _lock_exclusive(fd, _LOCK)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True

    def unlock(self, fd: int) -> None:
        """Release the lock; closing is not enough, as a forked child may have the file open."""
        _unlock(fd, _UNLOCK)

    def sync_dir(self, path: str) -> None:
        """Make the directory entries of `path` durable, on platforms that have directory entries to sync."""
        if sys.platform == "win32":
            return
        fd = self._open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            self.fsync(fd)
        finally:
            self.close(fd)

    def elapsed_s(self) -> float:
        """Seconds since some fixed moment, by the one clock that time-faking test tools do not fake; 0 if unknown."""
        return self._times().elapsed

    def file_time_ns(self, fd: int) -> int:
        """Return the kernel's own time: touch the file and read what it was stamped with."""
        self._utime(fd)
        return self.fstat(fd).st_mtime_ns

    def is_network(self, path: Path) -> bool:
        """Return whether `path` lies on a network file system, as far as the mount table says."""
        try:
            table = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return _mount_type(table, str(path)) in _NETWORK_TYPES


def _mount_type(table: str, path: str) -> str:
    best, kind = "", ""
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = fields[1].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def why_unsafe(info: os.stat_result) -> str:
    """Return why a file is unsafe as a log; "" if it is regular, belongs to the user and has one name."""
    if not stat.S_ISREG(info.st_mode):
        return "not a regular file"
    if hasattr(os, "geteuid") and os.geteuid() not in (info.st_uid, 0):
        return "belongs to another user"
    if info.st_nlink > 1:
        return "has a second name (hard link)"
    return ""


if sys.platform == "win32":
    _LOCK, _UNLOCK = msvcrt.LK_NBLCK, msvcrt.LK_UNLCK

    def _lock_exclusive(fd: int, mode: int) -> None:
        os.lseek(fd, _LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(fd, mode, 1)

    _unlock = _lock_exclusive
else:
    # flock, not lockf: an fcntl lock vanishes as soon as anything in the process opens and closes the same file.
    _LOCK, _UNLOCK = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN
    _lock_exclusive = _unlock = fcntl.flock
    _pread = os.pread

SYSTEM: Final = System()
"""The real one."""
