"""A profile's own log in which nothing is an event any more: it is set aside under a new name at the next write."""

from pathlib import Path

from ..documents.convert import holds_sessions
from ..files.system import SYSTEM, System
from ..home.paths import is_own_log
from ..reader import read_batches
from ..scan import Finding
from ..sources import is_old_document
from .rewrite import kept_copy, replace_file

CORRUPT_SUFFIX = ".corrupt"
_TEMPORARY_SUFFIX = ".setaside"


def holds_no_event(path: Path) -> bool:
    """Tell whether a file has bytes, and none of them is an event, an event of a newer format or an old session."""
    if not path.stat().st_size or (is_old_document(path) and holds_sessions(path)):
        return False
    return not any(batch.lines or _has_newer(batch.findings) for batch in read_batches(path, settle=True))


def _has_newer(findings: list[Finding]) -> bool:
    return any(finding.reason == "newer-format" for finding in findings)


def set_aside(path: Path, system: System = SYSTEM) -> Path | None:
    """Keep a corrupt log as `NAME.corrupt` and leave an empty one in its place; the caller holds the lock.

    Returns:
        Where the bytes are now; None if it is not a profile's own log, or holds an event.

    Raises:
        OSError: the copy cannot be written; the log is as it was.
    """
    if not is_own_log(path) or not holds_no_event(path):
        return None
    backup = kept_copy(path, CORRUPT_SUFFIX, system)
    # A new file, not an empty old one: writers that have the old one open notice that it lost its name.
    replace_file(path, _TEMPORARY_SUFFIX, lambda _: None, system)
    return backup


__all__ = ["CORRUPT_SUFFIX", "holds_no_event", "set_aside"]
