"""Fold spool files back into their log.

A writer that could not reach the log went on in `<log>.spool/<stream>.jsonl`, which it holds locked while it lives.
Folding copies the events of spool files whose writer has gone, makes them durable in the log, and only then removes
the file. A crash in between leaves events in both places, which readers know as the same events.
"""

import os
from pathlib import Path

from .format import BROKEN_SUFFIX
from .logfile import LogFile
from .reader import read_batches
from .sources import spool_dir, spool_files
from .system import SYSTEM, System, why_unsafe


def fold_spools(log: LogFile, *, system: System = SYSTEM) -> int:
    """Append the events of every abandoned spool file of `log` to it.

    Returns:
        The number of spool files folded. A file that is in use or cannot be read is left for later.

    Raises:
        EventLogError: the log could not be appended to; the spool file stays.
        OSError: the log could not be made durable; the spool file stays.
    """
    folded = sum(_fold_one(log, path, system) for path in spool_files(log.path))
    if folded:
        _remove_if_empty(spool_dir(log.path))
    return folded


def has_spools(log: Path) -> bool:
    """Tell whether there is a spool folder beside a log, at the cost of one system call."""
    return spool_dir(log).is_dir()


def _fold_one(log: LogFile, path: Path, system: System) -> bool:
    try:
        fd = system.open_append(str(path), create=False)
    except OSError:
        return False
    try:
        if why_unsafe(system.fstat(fd)) or not system.lock(fd):
            return False
        if system.fstat(fd).st_nlink == 0:
            return False  # another writer folded it while we opened it
        damaged = _copy_lines(log, path)
        system.fsync(log.fd)
        if damaged:
            system.rename(str(path), str(path) + BROKEN_SUFFIX)
        else:
            system.unlink(str(path))
    finally:
        system.close(fd)
    return True


def _copy_lines(log: LogFile, path: Path) -> bool:
    damaged = False
    for batch in read_batches(path):
        damaged = damaged or bool(batch.findings)
        if batch.lines:
            log.append(b"\n".join(batch.lines) + b"\n")
    return damaged


def _remove_if_empty(folder: Path) -> None:
    try:
        os.rmdir(folder)  # noqa: PTH106 - the bound function of a Path is looked up late
    except OSError:
        return
