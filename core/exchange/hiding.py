"""Clear sessions, so that they are not shown any more, and restore them."""

from collections.abc import Iterable

from ...eventlog.events import SessionCleared, SessionRestored
from ...eventlog.targets.log_targets import statement_lines
from .ingest import Labels
from .store import SessionStore


def clear(store: SessionStore, streams: Iterable[str] | None, reason: str = "") -> int:
    """Clear sessions, and return how many were visible before.

    The sessions that a cleared one hides are cleared too; otherwise they would appear in its place.

    Args:
        store: the log.
        streams: the sessions to clear; None for all visible ones.
        reason: kept in the event.

    Raises:
        EventLogError, OSError: the log cannot be written; nothing was cleared.
    """
    wanted = None if streams is None else set(streams)
    if wanted is not None and not wanted:
        return 0
    if store.path is not None and not store.target.source.exists():
        return 0
    with store.target.locked() as append:
        with store.model() as model:
            labels = Labels(model.roster())
            rows = [row for row in model.sessions() if wanted is None or row.stream in wanted]
        targets: dict[str, None] = {}
        latest = 0
        for row in rows:
            targets.update(dict.fromkeys([row.stream, *_hidden_by(row.stream, labels)]))
            latest = max(latest, row.finished_us)
        if targets:
            latest = max(latest, *(labels.changed_us(stream) for stream in targets))
            append(statement_lines((SessionCleared(target=stream, reason=reason) for stream in targets), latest))
    return len(rows)


def _hidden_by(stream: str, labels: Labels) -> list[str]:
    """Return the sessions that are hidden only by an earlier one with their label, and would appear without it."""
    label = labels.label_of[stream]
    if label is None or stream in labels.changes:
        return []
    visible = labels.visible(label)
    return [other for other in labels.streams_of(label) if other not in visible and other not in labels.changes]


def restore(store: SessionStore, streams: Iterable[str]) -> int:
    """Restore sessions that were cleared, and return how many were hidden before.

    Raises:
        EventLogError, OSError: the log cannot be written.
    """
    wanted = set(streams)
    with store.target.locked() as append:
        with store.model() as model:
            labels = Labels(model.roster())
        hidden = [
            stream
            for stream in sorted(wanted & labels.label_of.keys())
            if stream not in labels.visible(labels.label_of[stream] or "")
        ]
        if hidden:
            latest = max(labels.changed_us(stream) for stream in hidden)
            append(statement_lines((SessionRestored(target=stream) for stream in hidden), latest))
    return len(hidden)
