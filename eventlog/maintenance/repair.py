"""Repair a log: remove the parts that are not events, after copying the original.

The damaged original is kept as `NAME.broken` (or `NAME.broken-2`, ...), as a later release may read more of it.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..files.system import SYSTEM, System
from ..format import BROKEN_SUFFIX
from ..reader import CHUNK_BYTES, read_batches
from ..scan import Batch, Finding, Scanner
from .exclusive import ExclusiveLog, exclusive_log, find_plain_log
from .rewrite import keep_copy

_TEMPORARY_SUFFIX = ".repair"
Append = Callable[[bytes], None]

_KEEP: frozenset[str] = frozenset({"newer-format"})
"""Reasons of findings that are no damage; these lines are copied unchanged."""


@dataclass
class RepairReport:
    """Result of a repair, or of a dry run."""

    log: str
    events: int = 0
    removed: list[Finding] = field(default_factory=list[Finding])
    kept: list[Finding] = field(default_factory=list[Finding])
    """Findings whose bytes were copied unchanged: lines of a newer format."""
    backup: str = ""
    """Path of the original; empty if nothing was damaged."""


def repair_log(log: Path, *, dry_run: bool = False, system: System = SYSTEM) -> RepairReport:
    """Rewrite a log without its damaged parts, under its lock.

    The new file is complete and durable before it takes the name of the old one, so a crash leaves either of them.

    Args:
        log: path of a plain log.
        dry_run: return the report without changing anything.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError, LogBusyError: it cannot be opened or locked.
        OSError: the copy could not be written; the log is unchanged.
    """
    path = find_plain_log(log)
    if dry_run:
        return _look(path, read_batches(path, strict=True, settle=True))
    with exclusive_log(path, _TEMPORARY_SUFFIX, system=system) as held:
        report = _look(path, _settled_batches(path))
        if report.removed:
            _replace(held, report)
    return report


def _settled_batches(path: Path) -> Iterator[Batch]:
    """Yield the batches of a locked log. No process writes its last line, so it counts even without a newline."""
    for batch in read_batches(path, strict=True):
        pending = next((finding for finding in batch.findings if finding.reason == "pending"), None)
        if pending is None:
            yield batch
            continue
        scanner = Scanner(str(path), pending.offset, strict=True)
        with path.open("rb") as stream:
            stream.seek(pending.offset)
            while data := stream.read(CHUNK_BYTES):
                yield scanner.feed(data)
        yield scanner.settle()


def _look(path: Path, batches: Iterable[Batch]) -> RepairReport:
    report = RepairReport(str(path))
    for batch in batches:
        report.events += len(batch.lines)
        for finding in batch.findings:
            (report.kept if finding.reason in _KEEP else report.removed).append(finding)
    return report


def _replace(held: ExclusiveLog, report: RepairReport) -> None:
    path, system = held.path, held.system
    # A copy, not a second name: the old file must lose its last name, as that is how open writers notice.
    known = set(path.parent.iterdir())
    backup = keep_copy(path, BROKEN_SUFFIX, system)
    before = path.stat()
    try:
        held.replace(lambda append: _copy_good(path, append, report))
    except BaseException:
        if backup not in known and os.path.samestat(path.stat(), before):
            system.unlink(str(backup))
        raise
    report.backup = str(backup)


def _copy_good(path: Path, append: Append, report: RepairReport) -> None:
    with path.open("rb") as stream:
        position = 0
        for finding in report.removed:
            last = _copy_range(stream, position, finding.offset, append)
            position = finding.offset + finding.length
            # Foreign bytes may follow an event on its line; the newline is after them.
            if last not in (b"", b"\n"):
                append(b"\n")
            stream.seek(position)
            if stream.read(1) == b"\n":
                position += 1
        if _copy_range(stream, position, None, append) not in (b"", b"\n"):
            append(b"\n")


def _copy_range(stream: IO[bytes], start: int, end: int | None, append: Append) -> bytes:
    """Copy a stretch of a file, and return its last byte."""
    stream.seek(start)
    last = b""
    while data := stream.read(CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - start)):
        append(data)
        start += len(data)
        last = data[-1:]
    return last
