"""History of test data: events with the process that wrote them."""

from pathlib import Path
from typing import Any

import msgspec

from ..eventlog.codec import EventDecoder
from ..eventlog.journal import Entry, fold_journal
from ..eventlog.times import format_time
from .model import events as ev

__all__ = ["history_of"]

_DETAILS = (
    "data_type",
    "version_from",
    "version",
    "target",
    "lock_id",
    "mode",
    "token",
    "attempt",
    "kind",
    "outcome",
    "handler",
    "error",
    "reason",
    "name",
    "resources",
    "test",
)
"""Fields that are shown for an event."""


class _Collector:
    """Collector of the requested events."""

    def __init__(self, about: str | None, namespace: str | None) -> None:
        self.rows: list[dict[str, Any]] = []
        self._about = about
        self._namespace = namespace
        self._owners: dict[str, ev.Owner] = {}

    def apply(self, entry: Entry, /) -> None:
        """Apply the next event."""
        event = entry.event
        if isinstance(event, ev.OwnerJoined):
            self._owners[event.owner.session] = event.owner
        if not isinstance(event, ev.EVENTS) or not self._fits(event):
            return
        fields = msgspec.structs.asdict(event)
        owner = self._owners.get(str(fields.get("session", "")))
        who = f"{owner.pid} on {owner.host}{f' {owner.worker}' if owner.worker else ''}" if owner else ""
        self.rows.append(
            {
                "position": entry.position,
                "at": format_time(entry.at_us),
                "type": str(type(event).__struct_config__.tag),
                "namespace": str(fields.get("namespace", fields.get("target", ""))),
                "resource_id": str(fields.get("resource_id", "")),
                "key": str(fields.get("key", fields.get("snapshot_id", ""))),
                "session": str(fields.get("session", "")),
                "who": who,
                "detail": " ".join(f"{name}={fields[name]}" for name in _DETAILS if fields.get(name)),
            }
        )

    def _fits(self, event: Any) -> bool:
        named = {getattr(event, name, None) for name in ("resource_id", "key", "snapshot_id", "conflict_id")} - {None}
        if self._about is not None and self._about not in named:
            return False
        space = getattr(event, "namespace", getattr(event, "target", None))
        return self._namespace is None or space == self._namespace


def history_of(path: Path, about: str | None = None, namespace: str | None = None) -> list[dict[str, Any]]:
    """Return the events, oldest first: `position, at, type, namespace, resource_id, key, session, who, detail`.

    Args:
        path: of the log.
        about: only events about this id, lock, snapshot or conflict.
        namespace: only events in this namespace.

    Raises:
        LogUnavailableError: the log cannot be read.
    """
    return fold_journal(path, EventDecoder(ev.EVENTS), _Collector(about, namespace))[0].rows
