"""The files of a path: a file, a folder, an archive, or standard input."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ...eventlog.errors import InputLimitError
from ...eventlog.files.pipes import is_pipe, read_pipe
from ...eventlog.merging.staging import Staging
from ...eventlog.sources import is_by_file, special_kind
from ..importers.protocol import Member, RefusedFileError
from .archives import REPORT_SUFFIXES, is_archive, unpack_archive, unpack_gzip
from .limits import ImportLimits

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_GZIP = b"\x1f\x8b"
_ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"BZh", b"\xfd7zXZ")


def list_members(path: Path | str, limits: ImportLimits, stage: Staging) -> Iterator[Member | RefusedFileError]:
    """Yield the files of a path as plain files, and what of them is refused, in the order of their names.

    Raises:
        FileNotFoundError: there is no such path.
        RefusedFileError: the path is nothing that can be read.
        InputLimitError: an archive grows beyond a limit.
    """
    if is_pipe(path):
        piped = read_pipe(path)
        yield from _members_of_file(piped.path, piped.name, piped.name, limits, stage, named=True)
        return
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(2, "no such file to import", str(path))
    if path.is_dir():
        yield from _members_of_folder(path, limits, stage)
        return
    kind = special_kind(path)
    if kind:
        raise RefusedFileError(f"{path}: is {kind}", "name a file")
    yield from _members_of_file(path, str(path), path.as_posix(), limits, stage, named=True)


def _members_of_folder(folder: Path, limits: ImportLimits, stage: Staging) -> Iterator[Member | RefusedFileError]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith((".live", ".packs"))
        )
        for name in sorted(files):
            path = Path(at, name)
            relative = path.relative_to(folder).as_posix()
            lower = name.lower()
            archive = lower.endswith(_ARCHIVE_SUFFIXES)
            plain = lower.removesuffix(".gz").endswith(REPORT_SUFFIXES)
            if is_by_file(relative) or name.startswith(".") or not (archive or plain):
                continue
            if path.is_symlink():
                target = path.resolve()
                if not target.is_relative_to(folder.resolve()):
                    yield RefusedFileError(f"{path}: a link that leads out of the folder", "import what it names")
                continue  # a link within the folder is another name of a file that is there
            if not stat.S_ISREG(path.stat().st_mode):
                continue
            try:
                yield from _members_of_file(path, str(path), relative, limits, stage, named=False)
            except (RefusedFileError, InputLimitError) as error:
                yield RefusedFileError(*_reason_of(path, error))
            except OSError as error:
                yield RefusedFileError(f"{path}: cannot be read: {error.strerror}", "make it readable")


def _reason_of(path: Path, error: Exception) -> tuple[str, str]:
    reason, _, hint = str(error).rpartition("; ")
    return (reason if reason.startswith(str(path)) else f"{path}: {reason}"), hint


def _members_of_file(
    path: Path, name: str, relative: str, limits: ImportLimits, stage: Staging, *, named: bool
) -> Iterator[Member | RefusedFileError]:
    with path.open("rb") as stream:
        head = stream.read(512)
    if _may_be_archive(name, head) and is_archive(path):
        for member in unpack_archive(path, name, limits, stage):
            yield _unpack(member, limits, stage) if isinstance(member, Member) else member
        return
    yield _unpack(Member(name, path, relative, mtime_us=path.stat().st_mtime_ns // 1000, named=named), limits, stage)


def _may_be_archive(name: str, head: bytes) -> bool:
    lower = name.lower()
    if lower.endswith(_ARCHIVE_SUFFIXES) or head.startswith(_ARCHIVE_STARTS) or head[257:262] == b"ustar":
        return True
    return head.startswith(_GZIP) and not lower.endswith((".jsonl.gz", ".xml.gz", ".json.gz"))


def _unpack(member: Member, limits: ImportLimits, stage: Staging) -> Member | RefusedFileError:
    """Return a gzip file as a plain one."""
    with member.path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    size = member.path.stat().st_size
    if not packed:
        if size > limits.member_bytes:
            return RefusedFileError(
                f"{member.name}: is larger than {limits.member_bytes >> 20} MiB",
                "raise it by --limit member=... if you trust it",
            )
        return member
    try:
        plain = unpack_gzip(member.path, member.name, limits, stage)
    except (RefusedFileError, InputLimitError) as error:
        reason, _, hint = str(error).rpartition("; ")
        return RefusedFileError(reason if reason.startswith(member.name) else f"{member.name}: {reason}", hint)
    return Member(member.name, plain, member.relative, mtime_us=member.mtime_us, named=member.named)
