"""Repair a log: take out what is not an event, after copying the original.

A command, never a side effect of reading. The damaged original is kept as `NAME.broken` (or `NAME.broken-2`, ...), so
that nothing is lost should a later release read more of it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .errors import LogUnavailableError
from .format import BROKEN_SUFFIX
from .logfile import LogFile
from .reader import CHUNK_BYTES, read_batches
from .scan import Finding
from .system import SYSTEM, System

_TEMPORARY_SUFFIX = ".repair"
_KEEP: frozenset[str] = frozenset({"newer-format"})
"""Lines that are not ours to judge are copied as they are."""


@dataclass
class RepairReport:
    """What a repair did, or would do."""

    log: str
    events: int = 0
    removed: list[Finding] = field(default_factory=list[Finding])
    kept: list[Finding] = field(default_factory=list[Finding])
    """Findings whose bytes were copied as they are, for instance lines of a newer format."""
    backup: str = ""
    """Where the original is; empty if nothing had to be done."""


def repair_log(log: Path, *, dry_run: bool = False, system: System = SYSTEM) -> RepairReport:
    """Rewrite a log without its damaged parts, under its lock.

    The new file is complete and durable before it takes the name of the old one, so a crash leaves either of them.

    Args:
        log: path of a plain log.
        dry_run: only say what would be done.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError, LogBusyError: it cannot be opened or locked.
        OSError: the copy could not be written; the log is as it was.
    """
    path = Path(os.path.abspath(log))  # noqa: PTH100 - a link is refused when the file is opened, not followed here
    if not path.exists():
        raise FileNotFoundError(2, "no such log", str(path))
    if path.name.endswith((".gz", ".zip")):
        raise LogUnavailableError(path, "is compressed", "unpack it first")
    if dry_run:
        return _look(path)
    file = LogFile(path, system=system)
    file.acquire()
    try:
        report = _look(path)
        if report.removed:
            _replace(path, report, system)
        return report
    finally:
        file.release()
        file.close()


def _look(path: Path) -> RepairReport:
    report = RepairReport(str(path))
    for batch in read_batches(path):
        report.events += len(batch.lines)
        for finding in batch.findings:
            (report.kept if finding.reason in _KEEP else report.removed).append(finding)
    return report


def _replace(path: Path, report: RepairReport, system: System) -> None:
    backup = _free_name(path)
    # A copy, not a second name: the old file must lose its last name, as that is how open writers notice.
    _write_new(str(backup), lambda fd: _copy_all(path, fd, system), system)
    temporary = str(path) + _TEMPORARY_SUFFIX
    if Path(temporary).exists():
        system.unlink(temporary)  # of a repair that was killed; the log itself was not touched then
    _write_new(temporary, lambda fd: _copy_good(path, fd, report, system), system)
    system.rename(temporary, str(path))
    system.sync_dir(str(path.parent))
    report.backup = str(backup)


def _write_new(path: str, fill: Callable[[int], None], system: System) -> None:
    fd = system.open_append(path, exclusive=True)
    try:
        fill(fd)
        system.fsync(fd)
    finally:
        system.close(fd)


def _copy_all(path: Path, target: int, system: System) -> None:
    with path.open("rb") as stream:
        _copy_range(stream.fileno(), 0, system.fstat(stream.fileno()).st_size, target, system)


def _copy_good(path: Path, fd: int, report: RepairReport, system: System) -> None:
    removed = iter([(finding.offset, finding.offset + finding.length) for finding in report.removed])
    gap = next(removed, None)
    with path.open("rb") as stream:
        position = 0
        while gap is not None:
            _copy_range(stream.fileno(), position, gap[0], fd, system)
            position = gap[1]
            gap = next(removed, None)
            _end_line(fd, system)
            if system.pread(stream.fileno(), 1, position) == b"\n":
                position += 1
        _copy_range(stream.fileno(), position, system.fstat(stream.fileno()).st_size, fd, system)


def _copy_range(source: int, start: int, end: int, target: int, system: System) -> None:
    while start < end:
        data = system.pread(source, min(CHUNK_BYTES, end - start), start)
        if not data:
            return
        start += len(data)
        while data:
            data = data[system.write(target, data) :]


def _end_line(fd: int, system: System) -> None:
    """End the line before a gap: of an event with foreign bytes glued to it, the newline stood behind those."""
    size = system.fstat(fd).st_size
    if size and system.pread(fd, 1, size - 1) != b"\n":
        system.write(fd, b"\n")


def _free_name(path: Path) -> Path:
    backup = Path(str(path) + BROKEN_SUFFIX)
    number = 2
    while backup.exists():
        backup = Path(f"{path}{BROKEN_SUFFIX}-{number}")
        number += 1
    return backup
