"""The files of zip and tar archives, checked as a whole before anything is used.

An archive with a link, a device, a name that leads out of it, too many files or one that grows too much is refused.
Archives of reports have none of these.
"""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from ...eventlog.errors import InputLimitError
from ...eventlog.files.private import open_private
from ...eventlog.merging.staging import Staging, is_archive_name
from ...eventlog.sources import is_by_file
from ...eventlog.times import from_datetime
from ..importers.protocol import Member, RefusedFileError
from .limits import ImportLimits

_CHUNK_BYTES = 1 << 20
_RATIO_FROM_BYTES = 1 << 20
_UNIX, _TYPE_MASK, _LINK = 3, 0o170000, 0o120000
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


REPORT_SUFFIXES = (".xml", ".json", ".jsonl", ".ndjson", ".txt", ".log")
"""Endings of the names of files in folders and archives that are looked at, also before `.gz`."""


def may_be_report(name: str) -> bool:
    """Return whether a file of a folder or an archive is looked at: it may be a report, a log or an archive."""
    lower = name.lower()
    return lower.removesuffix(".gz").endswith(REPORT_SUFFIXES) or is_archive_name(lower)


class ArchivedFile(NamedTuple):
    """A file within an archive."""

    name: str
    size: int
    mtime_us: int
    handle: Any


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip or tar archive, by its content."""
    if zipfile.is_zipfile(path):
        return True
    try:
        with _open_tar(path) as archive:
            return archive.next() is not None
    except (*_DAMAGE, OSError, ValueError):
        return False


@contextmanager
def _open_tar(path: Path) -> Generator[tarfile.TarFile]:
    with tarfile.open(path, "r:*") as archive:
        yield archive


def unpack_archive(path: Path, name: str, limits: ImportLimits, stage: Staging) -> Iterator[Member | RefusedFileError]:
    """Yield the files of an archive, unpacked; one that cannot be, and an archive within it, is named as refused.

    Raises:
        RefusedFileError: the archive is dangerous or damaged.
        InputLimitError: it grows beyond a limit.
    """
    kind = _ZipFiles if zipfile.is_zipfile(path) else _TarFiles
    try:
        with kind(path, name, limits) as files:
            for entry in files.entries:
                if is_by_file(entry.name) or not may_be_report(entry.name):
                    continue
                if is_archive_name(entry.name) and not entry.name.lower().endswith(".xml.gz"):
                    yield RefusedFileError(
                        f"{name}!{entry.name}: an archive within an archive is not opened",
                        "unpack it and import what is in it",
                    )
                    continue
                target = _target(stage, entry.name)
                try:
                    files.copy(entry, target)
                except _DAMAGE as error:  # encrypted, packed by an unknown method, or damaged; the others may be whole
                    reason = f"{name}!{entry.name}: cannot be unpacked: {error}"
                    yield RefusedFileError(reason, "unpack it and import what is in it")
                    continue
                yield Member(f"{name}!{entry.name}", target, entry.name, mtime_us=entry.mtime_us)
    except _DAMAGE as error:
        raise RefusedFileError(
            f"the archive is damaged: {error}", "make it again, or import what can be unpacked"
        ) from error


def _target(stage: Staging, name: str) -> Path:
    """Return a new file in a folder of its own, with the last part of the name: it says the format of some files."""
    folder = stage.new_file()
    folder.mkdir(mode=0o700)
    last = name.rpartition("/")[2][-200:]
    return folder / (last if last.isascii() and last.isprintable() and last not in ("", ".", "..") else "file")


class _CheckedFiles:
    """The files of an archive, checked before the first is unpacked."""

    entries: list[ArchivedFile]
    _close: Callable[[], None]

    def __init__(self, path: Path, name: str, limits: ImportLimits) -> None:
        self._name, self._limits = name, limits
        self._packed = path.stat().st_size
        self._sizes = 0
        self.entries = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _check(self, name: str, size: int, packed: int, *, link: bool = False) -> None:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":" or "\0" in name:
            raise RefusedFileError(f"holds the name {name[:200]!r}, which leads out of the archive", "make it again")
        if link:
            raise RefusedFileError(f"holds {name[:200]!r}, a link or device", "make it again with the files themselves")
        if len(self.entries) >= self._limits.members:
            raise InputLimitError(self._name, f"holds more than {self._limits.members} files")
        if size > self._limits.member_bytes:
            raise InputLimitError(
                self._name, f"{name[:200]!r} unpacks to more than {self._limits.member_bytes >> 20} MiB"
            )
        self._sizes += size
        if self._sizes > _RATIO_FROM_BYTES and self._sizes > self._limits.ratio * max(self._packed, 1):
            raise InputLimitError(self._name, f"unpacks to more than {self._limits.ratio} times its size")
        if size > _RATIO_FROM_BYTES and packed and size > self._limits.ratio * packed:
            raise InputLimitError(
                self._name, f"{name[:200]!r} unpacks to more than {self._limits.ratio} times its size"
            )

    def _copy(self, stream: IO[bytes], target: Path, entry: ArchivedFile) -> None:
        left = entry.size
        with open_private(target) as out:
            while data := stream.read(_CHUNK_BYTES):
                left -= len(data)
                if left < 0:
                    raise InputLimitError(self._name, f"{entry.name[:200]!r} is larger than it says")
                out.write(data)


class _ZipFiles(_CheckedFiles):
    def __init__(self, path: Path, name: str, limits: ImportLimits) -> None:
        super().__init__(path, name, limits)
        self._archive = zipfile.ZipFile(path)
        self._close = self._archive.close
        for info in self._archive.infolist():
            link = info.create_system == _UNIX and (info.external_attr >> 16) & _TYPE_MASK == _LINK
            self._check(info.filename, info.file_size, info.compress_size, link=link)
            if info.is_dir():
                continue
            self.entries.append(ArchivedFile(info.filename, info.file_size, _zip_time(info.date_time), info))

    def copy(self, entry: ArchivedFile, target: Path) -> None:
        """Unpack a file."""
        with self._archive.open(entry.handle) as stream:
            self._copy(stream, target, entry)


class _TarFiles(_CheckedFiles):
    def __init__(self, path: Path, name: str, limits: ImportLimits) -> None:
        super().__init__(path, name, limits)
        self._archive = tarfile.open(path, "r:*")  # noqa: SIM115 - closed at the end of the block of this object
        self._close = self._archive.close
        for info in self._archive:
            self._check(info.name, info.size, 0, link=not (info.isfile() or info.isdir()))
            if info.isfile():
                self.entries.append(
                    ArchivedFile(info.name.removeprefix("./"), info.size, int(info.mtime * 1_000_000), info)
                )

    def copy(self, entry: ArchivedFile, target: Path) -> None:
        """Unpack a file."""
        stream = self._archive.extractfile(entry.handle)
        if stream is not None:
            with stream:
                self._copy(stream, target, entry)


def _zip_time(parts: tuple[int, ...]) -> int:
    try:
        return from_datetime(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return 0


def unpack_gzip(path: Path, name: str, limits: ImportLimits, stage: Staging) -> Path:
    """Return a gzip file as a plain one.

    Raises:
        InputLimitError: it grows beyond a limit.
        RefusedFileError: it is damaged.
    """
    target, size, packed = stage.new_file(), 0, max(path.stat().st_size, 1)
    try:
        with gzip.open(path) as stream, open_private(target) as out:
            while data := stream.read(_CHUNK_BYTES):
                size += len(data)
                if size > limits.member_bytes:
                    raise InputLimitError(name, f"unpacks to more than {limits.member_bytes >> 20} MiB")
                if size > _RATIO_FROM_BYTES and size > limits.ratio * packed:
                    raise InputLimitError(name, f"unpacks to more than {limits.ratio} times its size")
                out.write(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RefusedFileError(
            f"cannot be unpacked: {error}", "make it again, or import what can be unpacked"
        ) from error
    return target
