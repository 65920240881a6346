"""Where the bytes of a log come from: a file, a gzip file, or a member of a zip archive.

Offsets are always those of the decompressed bytes. Everything is streamed; a compressed log is read from its start.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, NamedTuple

from .errors import LogUnavailableError
from .files.system import SYSTEM
from .format import EARLIER_LIVE_SUFFIX, HEAD, LIVE_SUFFIX, LOG_SUFFIX, PACK_SUFFIX

_SNIFF_BYTES = 4096
_GZIP = (".jsonl.gz",)
_MEMBERS = (LOG_SUFFIX, *_GZIP)


@dataclass(frozen=True)
class LogSource:
    """A log to read: a path, and for an archive the name of the member in it."""

    path: Path
    member: str = ""
    entry: int = -1
    """Number of the member in the archive, as two may have one name; -1 for the last of that name."""

    @property
    def on_disk(self) -> bool:
        """Whether it is a file of its own: others may lie beside it, and another process can read it."""
        return True

    @property
    def name(self) -> str:
        """How the log is called in findings and listings."""
        return f"{self.path}!{self.member}" if self.member else str(self.path)

    @property
    def compressed(self) -> bool:
        """Whether the log has to be read from its start."""
        return bool(self.member) or self.path.name.endswith(_GZIP)

    def exists(self) -> bool:
        """Tell whether the file is there."""
        return self.path.exists()

    def size(self) -> int:
        """Return the size of the file in bytes; of a live log it may lie in the middle of a line.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return self.path.stat().st_size

    def open(self, start: int = 0) -> IO[bytes]:
        """Open the log for reading at byte `start`.

        Raises:
            FileNotFoundError: there is no such file.
            LogUnavailableError: it cannot be opened; the message says why.
        """
        try:
            stream = self._open_member() if self.member else self._open_plain(start)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise LogUnavailableError(self.name, "no permission to read", "ask its owner") from error
        except OSError as error:
            raise LogUnavailableError(self.name, str(error), "check that it is a log or an archive of logs") from error
        if self.member:
            _archives().skip(stream, start)
        return stream

    def _open_plain(self, start: int) -> IO[bytes]:
        # the seam's open: a FIFO somebody left in a folder of artifacts must not block us for ever
        raw: IO[bytes] = os.fdopen(SYSTEM.open_read(str(self.path)), "rb", buffering=0)
        if self.compressed:
            return _archives().open_gzip(raw, start)
        if start:
            raw.seek(start)
        return raw

    def _open_member(self) -> IO[bytes]:
        return _archives().open_member(self.path, self.member, self.entry)


def _archives() -> ModuleType:
    from .files import archives  # noqa: PLC0415 - takes longer to import than everything else of a reader

    return archives


def as_source(log: Path | str | LogSource) -> LogSource:
    """Return the source for a path; `archive.zip!member` names a member of an archive."""
    if isinstance(log, LogSource):
        return log
    from .files.pipes import is_pipe, read_pipe  # noqa: PLC0415 - it builds on this module

    path = Path(log)
    if is_pipe(path):
        return read_pipe(path)
    if "!" in str(log) and not path.exists():
        archive, _, member = str(log).partition("!")
        return LogSource(Path(archive), member)
    return LogSource(path)


def is_old_document(path: Path) -> bool:
    """Tell whether a file is one JSON document, as the earlier plugin wrote it, instead of a log."""
    try:
        fd = SYSTEM.open_read(str(path))
    except OSError:
        return False
    try:
        head = SYSTEM.pread(fd, _SNIFF_BYTES, 0).lstrip()
    except OSError:
        return False
    finally:
        SYSTEM.close(fd)
    return head[:1] in (b"{", b"[") and not head.startswith(HEAD)


class Unread(NamedTuple):
    """Something that was given to be read, and why it was not."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class FoundLogs(NamedTuple):
    """What a path stands for."""

    logs: list[LogSource]
    unread: list[Unread]
    """What looks like a log or an archive and cannot be read."""
    passed_over: list[Unread]
    """What is no file; named, and no error."""


def find_logs(path: Path | str | LogSource) -> list[LogSource]:
    """Return the logs that `path` stands for, in order of name: itself, an archive's members, or all below a folder.

    In folders and archives only what begins like an event log counts, as other tools write `.jsonl` as well. Live files
    and packs belong to their log and are not listed, unless the log itself is missing.

    Raises:
        FileNotFoundError: there is no such path.
    """
    return look_for_logs(path).logs


def look_for_logs(path: Path | str | LogSource) -> FoundLogs:
    """Return the logs that `path` stands for, see `find_logs`, and what of it cannot be read or was passed over.

    Raises:
        FileNotFoundError: there is no such path.
        LogUnavailableError: it is neither a file nor a folder.
    """
    source = as_source(path)
    found = FoundLogs([], [], [])
    if source.member or not source.on_disk:
        found.logs.append(source)
    elif source.path.is_dir():
        for file in _walk(source.path):
            _look_at_file(file, found)
    elif not source.path.exists():
        raise FileNotFoundError(2, "no such log", str(source.path))
    elif source.path.name.endswith(".zip"):
        _look_into_archive(source.path, found)
    else:
        _refuse_special(source.path)
        found.logs.append(source)
    return found


def _refuse_special(path: Path) -> None:
    kind = special_kind(path)
    if kind and str(path) != os.devnull:
        raise LogUnavailableError(path, f"is {kind}", "name a file")


def special_kind(path: Path) -> str:
    """Return what a path is that is neither a file nor a folder, or an empty text."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link that leads nowhere" if path.is_symlink() else ""
    return next((name for test, name in _SPECIAL if test(mode)), "")


_SPECIAL = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def is_by_file(name: str) -> bool:
    """Tell whether a file is one that a system puts beside the user's: AppleDouble, `.DS_Store`, `Thumbs.db`."""
    folders, _, last = name.replace("\\", "/").rpartition("/")
    return last.startswith("._") or last in _BY_FILES or "__MACOSX" in folders.split("/")


_BY_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def _look_at_file(path: Path, found: FoundLogs) -> None:
    if is_by_file(path.name) or not path.name.endswith((*_MEMBERS, ".zip")):
        return
    kind = special_kind(path)
    if kind and not path.is_symlink():
        found.passed_over.append(Unread(str(path), f"is {kind}"))
    elif kind:
        found.unread.append(Unread(str(path), f"is {kind}"))
    elif path.name.endswith(".zip"):
        _look_into_archive(path, found)
    else:
        _take_if_log(LogSource(path), found)


def _look_into_archive(path: Path, found: FoundLogs) -> None:
    try:
        names = _archives().member_names(path)
    except OSError as error:
        found.unread.append(Unread(str(path), str(error)))
        return
    for entry, name in names:
        if name.endswith(_MEMBERS) and not is_by_file(name):
            _take_if_log(LogSource(path, name, entry), found)


def _take_if_log(log: LogSource, found: FoundLogs) -> None:
    try:
        with log.open() as stream:
            head = stream.read(len(HEAD)) or b""
    except (OSError, LogUnavailableError) as error:
        reason = error.reason if isinstance(error, LogUnavailableError) else str(error)
        found.unread.append(Unread(log.name, reason))
        return
    if head == HEAD[: len(head)]:
        found.logs.append(log)


def live_dir(log: Path) -> Path:
    """Return the folder where sessions that are recorded into `log` keep their own files."""
    return log.with_name(log.name.removesuffix(LOG_SUFFIX) + LIVE_SUFFIX)


def live_dirs(log: Path) -> list[Path]:
    """Return all folders that may hold live files of a log: this release's, and the one of earlier releases."""
    return [live_dir(log), log.with_name(log.name + EARLIER_LIVE_SUFFIX)]


def live_stream(path: Path) -> str:
    """Return the stream that a live file holds, by its name."""
    return path.name.split(".")[0]


def is_live_file(path: Path) -> bool:
    """Tell whether a path is that of a live file, by its folder."""
    return path.parent.name.endswith((LIVE_SUFFIX, EARLIER_LIVE_SUFFIX))


def pack_dir(log: Path) -> Path:
    """Return the folder where `insight log pack` puts what is old of `log`."""
    return log.with_name(log.name + PACK_SUFFIX)


def pack_files(log: Path | str | LogSource) -> list[Path]:
    """Return the packs of a log, in order of name."""
    source = as_source(log)
    if source.compressed or not source.on_disk:
        return []
    return _listed(pack_dir(source.path), ".jsonl.gz")


def live_files(log: Path | str | LogSource) -> list[Path]:
    """Return the live files beside a log, in order of name: of sessions that are running, or whose process died."""
    source = as_source(log)
    if source.compressed or not source.on_disk:
        return []
    return [file for folder in live_dirs(source.path) for file in _listed(folder, LOG_SUFFIX)]


def _listed(folder: Path, suffix: str) -> list[Path]:
    try:
        names = SYSTEM.listdir(str(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names) if name.endswith(suffix)]


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _belongs_to_a_log(Path(where, name)))
        yield from (Path(where, name) for name in sorted(files))


def _belongs_to_a_log(folder: Path) -> bool:
    beside = ((LIVE_SUFFIX, LOG_SUFFIX), (LIVE_SUFFIX, ""), (EARLIER_LIVE_SUFFIX, ""), (PACK_SUFFIX, ""))
    return any(
        folder.name.endswith(suffix) and folder.with_name(folder.name.removesuffix(suffix) + end).exists()
        for suffix, end in beside
    )
