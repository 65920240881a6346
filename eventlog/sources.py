"""Find logs by the paths that users name, with the packs and live files that belong to them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .errors import LogUnavailableError
from .files.log_source import LogSource, load_archives
from .files.system import SYSTEM
from .format import EARLIER_LIVE_SUFFIX, HEAD, LIVE_SUFFIX, LOG_SUFFIX, PACK_SUFFIX

_SNIFF_BYTES = 4096
_GZIP = (".jsonl.gz",)
_MEMBERS = (LOG_SUFFIX, *_GZIP)


def as_source(log: Path | str | LogSource) -> LogSource:
    """Return the source for a path; `archive.zip!member` names a member of an archive."""
    if isinstance(log, LogSource):
        return log
    from .files.pipes import is_pipe, read_pipe  # noqa: PLC0415 - pipes are rare

    path = Path(log)
    if is_pipe(path):
        return read_pipe(path)
    if "!" in str(log) and not path.exists():
        archive, _, member = str(log).partition("!")
        return LogSource(Path(archive), member)
    return LogSource(path)


def is_old_document(path: Path) -> bool:
    """Return whether a file is one JSON document, as the earlier plugin wrote it, and not a log."""
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
    """An input that was not read, and the reason."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class FoundLogs(NamedTuple):
    """The logs at a path, and the inputs that were not read."""

    logs: list[LogSource]
    unread: list[Unread]
    """Inputs that look like a log or an archive and cannot be read."""
    passed_over: list[Unread]
    """Inputs that are no regular files; they are reported and are not errors."""


def find_logs(path: Path | str | LogSource) -> list[LogSource]:
    """Return the logs at `path`, in order of name: the file itself, the members of an archive, or all below a folder.

    In folders and archives only files that begin like an event log count, as other tools write `.jsonl` as well. Live
    files and packs belong to their log and are not listed, unless the log itself is missing.

    Raises:
        FileNotFoundError: there is no such path.
    """
    return look_for_logs(path).logs


def look_for_logs(path: Path | str | LogSource) -> FoundLogs:
    """Return the logs at `path`, see `find_logs`, and the inputs that cannot be read or were passed over.

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
    """Return the kind of a path that is neither a file nor a folder, in words; "" for a file or folder."""
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
    """Return whether an operating system creates files of this name, such as `.DS_Store` and `Thumbs.db`."""
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
        names = load_archives().member_names(path)
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
    """Return whether a path is that of a live file, by its folder."""
    return path.parent.name.endswith((LIVE_SUFFIX, EARLIER_LIVE_SUFFIX))


def pack_dir(log: Path) -> Path:
    """Return the folder where `insight log pack` puts old sessions of `log`."""
    return log.with_name(log.name + PACK_SUFFIX)


def pack_files(log: Path | str | LogSource) -> list[Path]:
    """Return the packs of a log, in order of name."""
    source = as_source(log)
    if source.compressed or not source.on_disk:
        return []
    return _list_files(pack_dir(source.path), ".jsonl.gz")


def live_files(log: Path | str | LogSource) -> list[Path]:
    """Return the live files of a log, in order of name: of sessions that run or whose process died."""
    source = as_source(log)
    if source.compressed or not source.on_disk:
        return []
    return [file for folder in live_dirs(source.path) for file in _list_files(folder, LOG_SUFFIX)]


def _list_files(folder: Path, suffix: str) -> list[Path]:
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
    owners = ((LIVE_SUFFIX, LOG_SUFFIX), (LIVE_SUFFIX, ""), (EARLIER_LIVE_SUFFIX, ""), (PACK_SUFFIX, ""))
    return any(
        folder.name.endswith(suffix) and folder.with_name(folder.name.removesuffix(suffix) + end).exists()
        for suffix, end in owners
    )
