"""Inputs of a merge or an import as plain files, with limits: a small archive must not fill a disk.

Compressed inputs are unpacked into a private temporary folder under generated names. A path in an archive therefore
has no effect, and a link in an archive is only a short text.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..errors import InputLimitError, LogUnavailableError
from ..files.private import open_private
from ..sources import LogSource, Unread, live_files, look_for_logs, pack_files

_CHUNK_BYTES = 1 << 20
_RATIO_FROM_BYTES = 16 << 20
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z")


@dataclass(frozen=True)
class InputLimits:
    """Limits of unpacking."""

    total_bytes: int = 8 << 30
    """Unpacked bytes of all inputs."""
    ratio: int = 500
    """Unpacked per packed byte, once 16 MiB are unpacked; event logs have 10 to 40."""
    entries: int = 10_000
    """Files in one archive."""


LIMITS = InputLimits()


@dataclass(frozen=True)
class Staged:
    """An input as a plain file."""

    name: str
    """Name for messages: a path, or `archive!member`."""
    path: Path
    damage: str = ""
    """Reason why the rest of it could not be unpacked; empty if it is complete."""
    also: tuple[Path, ...] = ()
    """Packs and copies of live files that belong to it; only `stage_logs` fills it."""


@dataclass
class Staging:
    """A temporary folder of unpacked inputs; use `staging()`."""

    folder: Path
    limits: InputLimits = LIMITS
    used_bytes: int = 0
    _count: int = field(default=0)

    def unpack(self, name: str, stream: IO[bytes], packed_bytes: int) -> Staged:
        """Copy a decompressing stream to a file.

        Raises:
            InputLimitError: it grows beyond a limit.
        """
        target = self.new_file()
        damage, size = "", 0
        with open_private(target) as out:
            while True:
                try:
                    data = stream.read(_CHUNK_BYTES)
                except OSError as error:
                    damage = str(error)
                    break
                if not data:
                    break
                size += len(data)
                self._check(name, size, len(data), packed_bytes)
                out.write(data)
        return Staged(name, target, damage)

    def unpack_pack(self, pack: Path) -> Path:
        """Return a pack as a plain file.

        Raises:
            LogUnavailableError: it is damaged.
        """
        staged = stage_source(LogSource(pack), self)
        if staged.damage:
            raise LogUnavailableError(pack, staged.damage, "restore it from a copy, or move it away")
        return staged.path

    def copies(self, live: list[Path]) -> list[Path]:
        """Return copies of live files; a session that ends removes its file, and its lines are in the log then."""
        found: list[Path] = []
        for path in live:
            target = self.new_file()
            try:
                shutil.copyfile(path, target)
            except FileNotFoundError:
                continue
            found.append(target)
        return found

    def new_file(self) -> Path:
        """Return the path of a new file in the folder."""
        self._count += 1
        return self.folder / f"{self._count:06d}"

    def _check(self, name: str, size: int, more: int, packed_bytes: int) -> None:
        self.used_bytes += more
        if self.used_bytes > self.limits.total_bytes:
            raise InputLimitError(name, f"unpacks to more than {self.limits.total_bytes >> 20} MiB")
        if size > _RATIO_FROM_BYTES and size > self.limits.ratio * max(packed_bytes, 1):
            raise InputLimitError(name, f"unpacks to more than {self.limits.ratio} times its size")


@contextmanager
def staging(limits: InputLimits = LIMITS) -> Generator[Staging]:
    """Yield a temporary folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="insight-"))
    try:
        yield Staging(folder, limits)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage_logs(path: Path, stage: Staging, unread: list[Unread] | None = None) -> list[Staged]:
    """Return the logs at a path (a file, a folder or an archive) as plain files, with their packs and live files.

    Args:
        path: where they are.
        stage: where archives are unpacked.
        unread: takes what cannot be read; without it, that is an error.

    Raises:
        FileNotFoundError: there is no such path.
        InputLimitError: an archive grows beyond a limit.
        LogUnavailableError: it cannot be opened.
    """
    if path.suffix == ".zip":
        check_archive(path, stage.limits)
    found = look_for_logs(path)
    if unread is None and found.unread:
        first = found.unread[0]
        raise LogUnavailableError(first.name, first.reason, "leave it out, or make it readable")
    if unread is not None:
        unread.extend(found.unread)
    return [stage_source(source, stage) for source in found.logs]


def check_archive(path: Path, limits: InputLimits = LIMITS) -> list[zipfile.ZipInfo]:
    """Return the entries of a zip archive, folders too, in their order.

    Raises:
        InputLimitError: there are too many.
        LogUnavailableError: it is no archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise LogUnavailableError(path, f"is not a zip archive: {error}", "check how it was made") from error
    if len(members) > limits.entries:
        raise InputLimitError(str(path), f"holds {len(members)} files, more than {limits.entries}")
    return members


def is_archive_name(name: str) -> bool:
    """Return whether a file within an archive is an archive itself; those are not opened."""
    return name.lower().endswith(_ARCHIVES) and not name.lower().endswith((".jsonl.gz", ".json.gz"))


def stage_gzip(name: str, path: Path, stage: Staging) -> Staged:
    """Unpack a gzip file."""
    from ..files.archives import open_gzip  # noqa: PLC0415 - takes longer to import than everything else of a reader

    with path.open("rb") as raw, open_gzip(raw) as stream:
        return stage.unpack(name, stream, path.stat().st_size)


def stage_source(source: LogSource, stage: Staging) -> Staged:
    """Return a log as a plain file, with its packs and live files.

    Raises:
        InputLimitError: it grows beyond a limit.
        LogUnavailableError: it cannot be opened.
    """
    if not source.compressed:
        packs = [stage_source(LogSource(pack), stage) for pack in pack_files(source)]
        damage = "; ".join(f"{pack.name}: {pack.damage}" for pack in packs if pack.damage)
        live = stage.copies(live_files(source))
        return Staged(source.name, source.path, damage, (*(pack.path for pack in packs), *live))
    packed = source.path.stat().st_size
    with source.open() as stream:
        # Unbuffered on purpose: a buffer would lose what was unpacked right before a damaged place.
        return stage.unpack(source.name, stream, packed)
