"""Set aside a profile's log that holds no event any more, before the next write."""

from pathlib import Path

from ..documents.convert import holds_sessions
from ..files.system import SYSTEM, System
from ..home.paths import is_own_log
from ..reader import read_batches
from ..scan import Finding
from ..sources import is_old_document
from .rewrite import keep_copy, replace_file

CORRUPT_SUFFIX = ".corrupt"
_TEMPORARY_SUFFIX = ".setaside"


def holds_no_event(path: Path) -> bool:
    """Return whether a file is not empty and holds no event, event of a newer format or session document."""
    if not path.stat().st_size or (is_old_document(path) and holds_sessions(path)):
        return False
    return not any(batch.lines or _has_newer(batch.findings) for batch in read_batches(path, settle=True))


def _has_newer(findings: list[Finding]) -> bool:
    return any(finding.reason == "newer-format" for finding in findings)


def set_aside(path: Path, system: System = SYSTEM) -> Path | None:
    """Keep a corrupt log as `NAME.corrupt` and replace it by an empty one; the caller holds the lock.

    Returns:
        Path of the copy; None if it is not the log of a profile in its default place, or holds an event.

    Raises:
        OSError: the copy cannot be written; the log is unchanged.
    """
    if not is_own_log(path) or not holds_no_event(path):
        return None
    backup = keep_copy(path, CORRUPT_SUFFIX, system)
    # A new file, not an empty old one: writers that have the old one open notice that it lost its name.
    replace_file(path, _TEMPORARY_SUFFIX, lambda _: None, system)
    return backup


__all__ = ["CORRUPT_SUFFIX", "holds_no_event", "set_aside"]
