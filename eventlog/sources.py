"""Where the bytes of a log come from: a file, a gzip file, or a member of a zip archive.

Offsets are always those of the decompressed bytes. Everything is streamed; a compressed log is read from its start.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO

from .errors import LogUnavailableError
from .format import EARLIER_LIVE_SUFFIX, HEAD, LIVE_SUFFIX, LOG_SUFFIX, PACK_SUFFIX
from .system import SYSTEM

_SNIFF_BYTES = 4096
_GZIP = (".jsonl.gz",)
_MEMBERS = (LOG_SUFFIX, *_GZIP)


@dataclass(frozen=True)
class LogSource:
    """A log to read: a path, and for an archive the name of the member in it."""

    path: Path
    member: str = ""

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
        return _archives().open_member(self.path, self.member)


def _archives() -> ModuleType:
    from . import archives  # noqa: PLC0415 - takes longer to import than everything else of a reader

    return archives


def as_source(log: Path | str | LogSource) -> LogSource:
    """Return the source for a path; `archive.zip!member` names a member of an archive."""
    if isinstance(log, LogSource):
        return log
    path = Path(log)
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


def find_logs(path: Path | str | LogSource) -> list[LogSource]:
    """Return the logs that `path` stands for, in order of name: itself, an archive's members, or all below a folder.

    In folders and archives only what begins like an event log counts, as other tools write `.jsonl` as well. Live files
    and packs belong to their log and are not listed, unless the log itself is missing.

    Raises:
        FileNotFoundError: there is no such path.
    """
    source = as_source(path)
    if source.member:
        return [source]
    if source.path.is_dir():
        return [log for found in _walk(source.path) for log in _logs_of_file(found) if _looks_like_log(log)]
    if not source.path.exists():
        raise FileNotFoundError(2, "no such log", str(source.path))
    logs = _logs_of_file(source.path)
    return [log for log in logs if _looks_like_log(log)] if source.path.name.endswith(".zip") else logs


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


def _logs_of_file(path: Path) -> list[LogSource]:
    if not path.name.endswith(".zip"):
        return [LogSource(path)]
    members = [name for name in _archives().member_names(path) if name.endswith(_MEMBERS)]
    return [LogSource(path, name) for name in members]


def _looks_like_log(log: LogSource) -> bool:
    name = log.member or log.path.name
    if not name.endswith(_MEMBERS):
        return False
    try:
        with log.open() as stream:
            head = stream.read(len(HEAD)) or b""
    except (OSError, LogUnavailableError):
        return False
    return head == HEAD[: len(head)]
