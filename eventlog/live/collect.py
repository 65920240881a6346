"""Collect live files: append the lines of a session to the log, as one segment, and remove its file.

A session collects its own file at its end. A file whose process died has a free lock; the next recording process
collects it, and so does `insight log collect`. The bytes are durable in the log before the live file is removed. A
crash in between leaves lines in both, which readers know as the same events.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..files.logfile import Locked, LogFile
from ..files.system import SYSTEM, System, why_unsafe
from ..format import BROKEN_SUFFIX
from ..maintenance.rewrite import free_name
from ..scan import Finding, Scanner
from ..sources import live_dirs, live_files
from .session_file import SessionFile

_CHUNK_BYTES = 1 << 20


@dataclass
class Collected:
    """Result of collecting one live file."""

    path: str
    bytes: int = 0
    """Number of its bytes that are in the log now."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """Parts of it that are not events."""
    set_aside: str = ""
    """Path of a file with findings, which is kept; empty if it was removed."""
    left: str = ""
    """Reason why it was not collected; empty if it was."""


def collect_live_files(
    log: Path, *, sync: bool = True, lock_timeout_s: float = 2.0, system: System = SYSTEM
) -> list[Collected]:
    """Collect every live file of a log whose process has ended.

    Args:
        log: path of the log; it is created if it is not there.
        sync: make the events durable in the log before a live file is removed.
        lock_timeout_s: how long to wait for the lock of the log, in seconds.
        system: the seam to the operating system.

    Raises:
        EventLogError, OSError: the log could not be written; the live files that are not collected stay.
    """
    found = live_files(log)
    if not found:
        return []
    file = LogFile(log, lock_timeout_s=lock_timeout_s, system=system)
    try:
        return [report for path in found if (report := _collect_dead(file, path, sync, system)) is not None]
    finally:
        file.close()
        remove_empty_dirs(log)


def collect_own_file(
    log: Path, own: SessionFile, *, sync: bool, lock_timeout_s: float = 2.0, system: System = SYSTEM
) -> Collected:
    """Collect the live file of a session that ends, which still holds its lock; also one that lost its name.

    Raises:
        EventLogError, OSError: the log could not be written; the live file stays.
    """
    file = LogFile(log, lock_timeout_s=lock_timeout_s, system=system)
    try:
        scanner = None if own.is_clean else Scanner(str(own.path), own.begin)
        report = _append_to_log(file, own.path, own.fd, own.begin, scanner, sync, system)
        if not own.in_log and not own.is_gone():
            _remove(report, own.path, system)
        return report
    finally:
        file.close()


def remove_empty_dirs(log: Path) -> None:
    """Remove the folders of live files that are empty."""
    for folder in live_dirs(log):
        try:
            os.rmdir(folder)  # noqa: PTH106 - the bound function of a Path is looked up late
        except OSError:
            continue


def _collect_dead(  # noqa: PLR0911 - one return a reason
    log: LogFile,
    path: Path,
    sync: bool,  # noqa: FBT001 - one caller
    system: System,
) -> Collected | None:
    """Collect one file if its lock is free; None if another process collected it meanwhile."""
    try:
        fd = system.open_append(str(path), create=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Collected(str(path), left=error.strerror or str(error))
    try:
        info = system.fstat(fd)
        unsafe = "" if not info.st_nlink else why_unsafe(info)
        if unsafe:
            return Collected(str(path), left=unsafe)
        if not system.lock(fd):
            return Collected(str(path), left="its session is running")
        if not system.fstat(fd).st_nlink:
            return None  # another process collected it while we opened it
        report = _append_to_log(log, path, fd, 0, Scanner(str(path)), sync, system)
        _remove(report, path, system)
        return report
    except OSError as error:
        return Collected(str(path), left=error.strerror or str(error))
    finally:
        system.close(fd)


def _append_to_log(
    log: LogFile,
    path: Path,
    fd: int,
    begin: int,
    scanner: Scanner | None,
    sync: bool,  # noqa: FBT001 - two callers in this file
    system: System,
) -> Collected:
    report = Collected(str(path))
    end = system.fstat(fd).st_size
    chunks = _chunks(fd, begin, end, system)
    with Locked(log) as size:
        try:
            after = log.append_pieces_locked(chunks if scanner is None else _whole_lines(chunks, scanner, report), size)
        except _NewerLinesError:
            return Collected(str(path), left="holds lines of a newer release; upgrade to collect it")
        report.bytes = after - size
        if sync and report.bytes:
            system.fsync(log.fd)
            system.sync_dir(str(log.path.parent))
    return report


def _chunks(fd: int, begin: int, end: int, system: System) -> Iterator[bytes]:
    while begin < end:
        data = system.pread(fd, min(_CHUNK_BYTES, end - begin), begin)
        if not data:
            return
        begin += len(data)
        yield data


def _whole_lines(chunks: Iterator[bytes], scanner: Scanner, report: Collected) -> Iterator[bytes]:
    """Yield the events of a file whose writer died, each with its newline, and add findings to the report."""
    last = b"\n"
    for data in chunks:
        last = data[-1:]
        batch = scanner.feed(data)
        _note(batch.findings, report)
        if batch.lines:
            yield b"\n".join(batch.lines) + b"\n"
    if last != b"\n":
        # A last line that lacks only its newline is an event.
        batch = scanner.feed(b"\n")
        _note(batch.findings, report)
        if batch.lines:
            yield b"\n".join(batch.lines) + b"\n"


def _note(findings: list[Finding], report: Collected) -> None:
    if any(finding.reason == "newer-format" for finding in findings):
        raise _NewerLinesError
    report.findings += findings


class _NewerLinesError(Exception):
    """A live file is one of a newer release, which will collect it."""


def _remove(report: Collected, path: Path, system: System) -> None:
    """Remove a file that is in the log now; one with damage is kept under another name."""
    if report.left:
        return
    if report.findings:
        report.set_aside = str(free_name(path, BROKEN_SUFFIX))
        system.rename(str(path), report.set_aside)
    else:
        system.unlink(str(path))


__all__ = ["Collected", "collect_live_files", "collect_own_file", "remove_empty_dirs"]
