"""A journal that has grown is set aside, so that the next service is healthy at once; nothing is deleted."""

from datetime import UTC, datetime
from pathlib import Path

from ...eventlog.codec import EventDecoder
from ...eventlog.journal import fold_journal
from .events import SYNC_EVENTS
from .state import SyncState

__all__ = ["set_aside"]

SIZE_BYTES_MAX = 4 << 20
"""Some ten thousand events, which take a fraction of a second to read."""
RECENT_US = 3_600_000_000
"""A client may repeat what it sent; so long after, in microseconds, none does."""


def set_aside(journal: Path, now_us: int, *, size_bytes_max: int = SIZE_BYTES_MAX) -> Path | None:
    """Rename a large journal in which nothing is open and nothing is recent.

    Args:
        journal: that of a port that the caller has.
        now_us: the time, in microseconds since the epoch.
        size_bytes_max: a journal of this size stays.

    Returns:
        what it is called from now on; None if it stays.

    Raises:
        LogUnavailableError: it cannot be read.
        OSError: it cannot be renamed.
    """
    if not journal.exists() or journal.stat().st_size <= size_bytes_max:
        return None
    state, _ = fold_journal(journal, EventDecoder(SYNC_EVENTS), SyncState())
    if state.open_runs or now_us - state.last_us < RECENT_US:
        return None
    moment = datetime.fromtimestamp(now_us / 1_000_000, UTC)
    return journal.rename(journal.with_name(f"{journal.stem}-{moment:%Y%m%dT%H%M%S}.jsonl"))
