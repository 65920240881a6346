"""Renaming of a large journal, so that the next service starts quickly; nothing is deleted."""

from datetime import UTC, datetime
from pathlib import Path

from ...eventlog.codec import EventDecoder
from ...eventlog.journal import fold_journal
from .events import SYNC_EVENTS
from .state import SyncState

__all__ = ["set_aside"]

SIZE_BYTES_MAX = 4 << 20
"""Size of about ten thousand events, which take a fraction of a second to read."""
RECENT_US = 3_600_000_000
"""Time after which no client repeats a request, in microseconds."""


def set_aside(journal: Path, now_us: int, *, size_bytes_max: int = SIZE_BYTES_MAX) -> Path | None:
    """Rename a large journal without open test runs and without recent events.

    Args:
        journal: journal of a port that the caller listens on.
        now_us: the time, in microseconds since the epoch.
        size_bytes_max: largest size of a journal that keeps its name.

    Returns:
        the new path; None if the journal keeps its name.

    Raises:
        LogUnavailableError: the journal cannot be read.
        OSError: the journal cannot be renamed.
    """
    if not journal.exists() or journal.stat().st_size <= size_bytes_max:
        return None
    state, _ = fold_journal(journal, EventDecoder(SYNC_EVENTS), SyncState())
    if state.open_runs or now_us - state.last_us < RECENT_US:
        return None
    moment = datetime.fromtimestamp(now_us / 1_000_000, UTC)
    return journal.rename(journal.with_name(f"{journal.stem}-{moment:%Y%m%dT%H%M%S}.jsonl"))
