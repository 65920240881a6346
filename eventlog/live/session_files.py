"""The files of one session: its live file or the log itself, and a new live file after a failed fsync."""

from pathlib import Path

from ..errors import EventLogError, LogUnavailableError
from ..files.logfile import LogFile
from ..files.system import SYSTEM, System
from ..sources import live_files
from .acks import Place
from .collect import collect_live_files, collect_own_file, remove_empty_dirs
from .session_file import SessionFile, create_live_file, take_log

_READ_BYTES = 1 << 20


class SessionFiles:
    """The files of one session.

    Args:
        path: the log.
        stream: the stream of the session.
        direct: write the log itself, unless another process holds its lock.
        sync: make everything durable in the log before a live file is removed.
        lock_timeout_s: how long collecting may wait for another process, in seconds.
        system: the seam to the operating system.

    Raises:
        LogUnavailableError, NewerFormatError: the path cannot be used as a log.
    """

    def __init__(
        self,
        path: Path,
        stream: str,
        *,
        direct: bool,
        sync: bool,
        lock_timeout_s: float,
        system: System = SYSTEM,
    ) -> None:
        self.path = path
        self.stream = stream
        self.header = b""
        """First line of the session; every further file begins with it."""
        self.troubles: list[str] = []
        """Problems while recording, one message each."""
        self.current: SessionFile | None = None
        """The file that is written."""
        self._sync = sync
        self._lock_timeout_s = lock_timeout_s
        self._system = system
        self._synced_to = 0
        self._earlier: list[SessionFile] = []  # files that are not written any more, as fsync failed on them
        self._dir_synced: set[Path] = set()
        self._is_network = system.is_network(path.parent)
        self._open(direct=direct)

    @property
    def has_unsynced(self) -> bool:
        """Whether something was written since it was made durable last."""
        return self.current is not None and self.current.end > self._synced_to

    def close(self) -> None:
        """Collect the files of this session and of ended processes into the log, and close all files."""
        files = [*self._earlier, *([self.current] if self.current is not None else [])]
        self._earlier, self.current = [], None
        for file in files:
            self._finish(file)
        self._collect_others()

    def leave_to_parent(self) -> None:
        """Close the descriptors of a forked child, and nothing else."""
        for file in (*self._earlier, self.current):
            if file is not None:
                file.leave_to_parent()

    def write(self, data: bytes) -> tuple[Place, int | None]:
        """Append whole lines; return where they are, and the byte offset of the first there."""
        file = self.current
        try:
            if file is None:
                return "live", self._write_new(data)
            position = file.append(data)
        except LogUnavailableError as error:
            # The tested code closed our descriptor and removed the file; what was in it is gone.
            self.note(str(error))
            self.current = None
        except (EventLogError, OSError) as error:
            self.note(str(error))
            return "held", None
        else:
            return "log" if file.in_log else "live", position
        try:
            return "live", self._write_new(data)
        except (EventLogError, OSError) as error:
            self.note(str(error))
            return "held", None

    def _write_new(self, data: bytes) -> int:
        """Continue in a new live file. It begins with the header, which names the session of the events."""
        file = create_live_file(self.path, self.stream, system=self._system)
        try:
            start = b"" if data.startswith(self.header) else self.header
            position = file.append(start + data)
        except BaseException:
            file.close()
            self._remove_new(file.path)
            raise
        self.current, self._synced_to = file, 0
        return position + len(start)

    def _remove_new(self, path: Path) -> None:
        try:
            self._system.unlink(str(path))
        except OSError:
            return  # an empty file; the next process that collects removes it

    def make_durable(self) -> bool:
        """Fsync the file, and return whether that succeeded; after a failure a new file is written."""
        file = self.current
        if file is None:
            return False
        folder = file.path.parent
        try:
            self._system.fdatasync(file.fd)
            if folder not in self._dir_synced:
                self._system.sync_dir(str(folder))
                if not file.in_log:
                    self._system.sync_dir(str(folder.parent))
                self._dir_synced.add(folder)
        except OSError as error:
            self.note(f"{file.path}: fsync: {error.strerror}")
            return self._write_again(file)
        self._synced_to = file.end
        return True

    def _write_again(self, file: SessionFile) -> bool:
        """Write the bytes that a failed fsync may have lost to a new file, and return whether that succeeded.

        The kernel marks pages clean after a failed fsync, so a second one on the same file succeeds without having
        written anything. The bytes are still readable now; they are copied and the file is not written again.
        """
        begin = max(self._synced_to, file.begin)
        try:
            data = b"".join(self._read(file, begin))
            new = create_live_file(self.path, self.stream, system=self._system)
            if not data.startswith(self.header):
                data = self.header + data
            new.append(data)
            self._system.fdatasync(new.fd)
        except (EventLogError, OSError) as error:
            self.note(str(error))
            return False
        self._earlier.append(file)
        self.current, self._synced_to = new, new.end
        return True

    def _read(self, file: SessionFile, begin: int) -> list[bytes]:
        pieces: list[bytes] = []
        while begin < file.end:
            pieces.append(self._system.pread(file.fd, min(_READ_BYTES, file.end - begin), begin))
            if not pieces[-1]:
                break
            begin += len(pieces[-1])
        return pieces

    def _open(self, *, direct: bool) -> None:
        if self._is_network:
            # Appending to a file that other hosts write is not safe there; a file of its own is.
            self._system.make_private_dir(self.path.parent)
        else:
            log = LogFile(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
            log.close()
            if log.set_aside is not None:
                self.note(f"{self.path}: held no event any more; it is kept as {log.set_aside.name}")
            self._collect_others()
        if direct:
            self.current = take_log(self.path, system=self._system)
        if self.current is None:
            self.current = self._create_live_file()
        self._synced_to = self.current.begin

    def _create_live_file(self) -> SessionFile:
        """Create the live file, or open the log itself if that is not possible, as in a read-only folder."""
        try:
            return create_live_file(self.path, self.stream, system=self._system)
        except LogUnavailableError:
            file = None if self._is_network else take_log(self.path, system=self._system)
            if file is None:
                raise
            return file

    def _finish(self, file: SessionFile) -> None:
        """Collect a live file; a log that was written directly has everything already, if it is still there."""
        try:
            if not self._is_network and (not file.in_log or file.is_gone()):
                collect_own_file(
                    self.path,
                    file,
                    sync=self._sync,
                    lock_timeout_s=self._lock_timeout_s,
                    system=self._system,
                )
        except (EventLogError, OSError) as error:
            self.note(f"{file.path}: is collected later: {error}")
        file.close()
        if not file.in_log:
            remove_empty_dirs(self.path)

    def _collect_others(self) -> None:
        """Collect the live files of sessions whose process ended."""
        if self._is_network or not live_files(self.path):
            return
        try:
            collect_live_files(self.path, lock_timeout_s=self._lock_timeout_s, system=self._system)
        except (EventLogError, OSError) as error:
            self.note(f"{self.path}: live files of earlier sessions stay: {error}")

    def note(self, reason: str) -> None:
        """Keep the message of a problem."""
        if reason not in self.troubles:
            self.troubles.append(reason)


__all__ = ["SessionFiles"]
