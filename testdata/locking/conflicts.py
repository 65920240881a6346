"""Conflicts: writes that were refused because other data is recorded already."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from ...eventlog.journal import Transaction
from ...eventlog.times import format_time
from ..errors import DataConflictError, TestDataNotFound
from ..model import events as ev
from ..model.fold import TestDataState
from ..model.records import OpenConflict, Resource, VersionRecord
from ..model.values import Content, as_content
from ..model.versions import next_version
from ..store.data_store import DataStore
from ..store.identity import current_test
from ..store.streams import append_version, namespace_stream

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALUE_BYTES_MAX = 60_000


class Conflicts:
    """Conflicts of one store.

    Args:
        store: the store of the test data.
    """

    def __init__(self, store: DataStore) -> None:
        self._store = store

    def get_conflicts(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return the open conflicts, oldest first.

        Each has `conflict_id, kind, namespace, key, version, current_value, new_value, detected_at, actors, position,
        test`.
        """
        with self._store.look() as state:
            return [
                _conflict_data(conflict)
                for conflict in state.conflicts.values()
                if namespace in (None, conflict.event.namespace)
            ]

    def resolve_conflict(
        self, conflict_id: str, resolution: Literal["keep", "take"] | Callable[[Any, Any], Any]
    ) -> str | None:
        """Resolve a conflict.

        Args:
            conflict_id: id from `get_conflicts()`.
            resolution: `keep` the recorded data; `take` the refused data as a new version; or a function
                `(current_value, new_value) -> value` whose result becomes a new version.

        Returns:
            the new version, or None with `keep`.

        Raises:
            TestDataNotFound: no open conflict has this id, or its data is gone.
            ValueError: `resolution` is neither.
        """
        if resolution == "keep":
            with self._store.transact() as tx:
                self._resolve(tx, conflict_id, "keep")
            return None
        if resolution != "take" and not callable(resolution):
            raise ValueError(f"resolution: {resolution!r} is unknown; use 'keep', 'take' or a function")
        with self._store.look() as state:
            value = _resolved_value(state, conflict_id, resolution)
        content = as_content(value)
        with self._store.transact() as tx:
            conflict = self._resolve(tx, conflict_id, "take" if resolution == "take" else "merge")
            resource = tx.state.resource(conflict.namespace, conflict.key)
            if resource is None or resource.current is None:
                raise TestDataNotFound(f"conflict {conflict_id}: {conflict.key!r} is gone; resolve it with 'keep'")
            version = next_version(resource.current.version, resource.versions)
            append_version(tx, self._store.session, resource, version, content)
        return version

    def _resolve(self, tx: Transaction[TestDataState], conflict_id: str, outcome: str) -> ev.ConflictDetected:
        conflict = _open_conflict(tx.state, conflict_id)
        event = ev.ConflictResolved(conflict_id=conflict_id, session=self._store.session, outcome=outcome)
        tx.append(namespace_stream(conflict.namespace), event)
        return conflict


def detect_conflict(
    tx: Transaction[TestDataState],
    session: str,
    kind: str,
    resource: Resource,
    record: VersionRecord,
    content: Content,
    message: str,
) -> DataConflictError:
    """Record a refused write, once while it is open, and return the error for the writer."""
    key = (resource.namespace, resource.resource_id, kind, content.digest)
    known = tx.state.conflict_of.get(key)
    if known is not None:
        return DataConflictError(message, known)
    conflict_id = f"conflict_{secrets.token_hex(4)}"
    event = ev.ConflictDetected(
        conflict_id=conflict_id,
        kind=kind,
        namespace=resource.namespace,
        key=resource.resource_id,
        session=session,
        holder=record.session,
        version=record.version,
        content=content.digest,
        current_value=_short(record.data),
        new_value=_short(content.data),
        test=current_test(),
    )
    tx.append(namespace_stream(resource.namespace), event)
    return DataConflictError(message, conflict_id)


def _short(data: msgspec.Raw) -> msgspec.Raw:
    """Return a value, or only its size if it is too large to be recorded together with another one."""
    size = len(bytes(data))
    return data if size <= _VALUE_BYTES_MAX else msgspec.Raw(msgspec.json.encode({"omitted_bytes": size}))


def _open_conflict(state: TestDataState, conflict_id: str) -> ev.ConflictDetected:
    conflict = state.conflicts.get(conflict_id)
    if conflict is None:
        raise TestDataNotFound(f"conflict {conflict_id!r}: not open")
    return conflict.event


def _resolved_value(state: TestDataState, conflict_id: str, resolution: Any) -> Any:
    conflict = _open_conflict(state, conflict_id)
    resource = state.resource(conflict.namespace, conflict.key)
    record = resource.current if resource else None
    if record is None:
        raise TestDataNotFound(f"conflict {conflict_id}: {conflict.key!r} is gone; resolve it with 'keep'")
    new: Any = msgspec.json.decode(conflict.new_value)
    omitted = isinstance(new, dict) and set(cast("Mapping[str, Any]", new)) == {"omitted_bytes"}
    if omitted and as_content(new).digest != conflict.content:
        raise ValueError(f"conflict {conflict_id}: the refused value was too large to be recorded; write it again")
    return cast("Any", new) if resolution == "take" else resolution(record.value(), new)


def _conflict_data(conflict: OpenConflict) -> dict[str, Any]:
    event = conflict.event
    return {
        "conflict_id": event.conflict_id,
        "kind": event.kind,
        "namespace": event.namespace,
        "key": event.key,
        "version": event.version,
        "current_value": msgspec.json.decode(event.current_value),
        "new_value": msgspec.json.decode(event.new_value),
        "detected_at": format_time(conflict.at_us),
        "actors": [event.holder, event.session],
        "position": conflict.position,
        "test": event.test,
    }
