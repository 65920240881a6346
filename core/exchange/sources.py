"""Read the sessions of a file, a folder of logs, an archive or standard input, plain or compressed."""

import zipfile
from pathlib import Path

from ...eventlog.errors import InputUnreadableError, LogUnavailableError
from ...eventlog.files.pipes import is_pipe, read_pipe
from ...eventlog.merging.staging import (
    Staged,
    Staging,
    check_archive,
    is_archive_name,
    stage_gzip,
    stage_logs,
    stage_source,
)
from ...eventlog.sources import LogSource, is_by_file, look_for_logs, special_kind
from .formats import ARCHIVE_SUFFIXES, IMPORT_FORMATS
from .incoming import Contents

_SNIFF_BYTES = 64 << 10


def read_contents(path: Path | str, stage: Staging) -> Contents:
    """Return the sessions of a file, a folder of logs, an archive, or standard input (`-`).

    Args:
        path: the file, folder or archive, or `-`.
        stage: temporary folder for unpacked archives; it must exist as long as lines are read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read at all.
        InputLimitError, LogUnavailableError: it is an archive that is damaged or unpacks to too much.
    """
    if is_pipe(path):
        piped = read_pipe(path)
        return read_staged([stage_source(piped, stage)], stage)
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(2, "no such file to import", str(path))
    if path.is_dir():
        found = look_for_logs(path)
        unread = [f"{one}; it was not imported" for one in found.unread]
        if not found.logs and not unread:
            raise InputUnreadableError(f"{path}: no event logs in this folder; name a file to import documents")
        contents = read_staged([stage_source(source, stage) for source in found.logs], stage)
        contents.errors.extend(unread)
        return contents
    kind = special_kind(path)
    if kind:
        raise InputUnreadableError(f"{path}: is {kind}; name a file")
    if zipfile.is_zipfile(path):
        return _of_archive(path, stage)
    if path.suffix == ".gz":
        return read_staged([stage_gzip(str(path), path, stage)], stage)
    return read_staged([stage_logs(path, stage)[0]], stage)


def read_staged(files: list[Staged], stage: Staging) -> Contents:
    """Return the sessions of files that are unpacked: event logs, and documents of sessions."""
    contents = Contents()
    for staged in files:
        if staged.damage:
            contents.errors.append(f"{staged.name}: cannot be unpacked on: {staged.damage}")
        found = _read_file(staged, stage, only=len(files) == 1)
        contents.sessions.extend(found.sessions)
        contents.errors.extend(found.errors)
    return contents


def _read_file(staged: Staged, stage: Staging, *, only: bool) -> Contents:
    with staged.path.open("rb") as stream:
        head = stream.read(_SNIFF_BYTES)
    reader = next(known for known in IMPORT_FORMATS if known.recognizes(staged.name, head))
    return reader.read(staged, stage, only=only)


def _of_archive(path: Path, stage: Staging) -> Contents:
    files: list[Staged] = []
    errors: list[str] = []
    for entry, info in enumerate(check_archive(path, stage.limits)):
        name = info.filename
        if info.is_dir() or is_by_file(name):
            continue
        if name.endswith(ARCHIVE_SUFFIXES):
            try:
                files.append(stage_source(LogSource(path, name, entry), stage))
            except LogUnavailableError as error:
                errors.append(str(error))
        elif is_archive_name(name):
            errors.append(
                f"{path}!{name}: an archive within an archive is not opened; unpack it and import what is in it"
            )
    if not files and not errors:
        raise InputUnreadableError(f"{path}: holds neither event logs (.jsonl) nor documents (.json)")
    contents = read_staged(files, stage)
    contents.errors.extend(errors)
    return contents
