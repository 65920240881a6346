"""Snapshots: named positions in the log. A snapshot copies nothing, and a restore appends events and removes none."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..eventlog.times import format_time
from .model import events as ev
from .model.fold import TestDataState
from .model.records import Namespace, Resource, Snapshot, VersionRecord, checksum_of, checksum_text
from .model.values import check_json, check_name
from .store.data_store import DataStore
from .store.identity import current_test
from .store.streams import namespace_stream

if TYPE_CHECKING:
    from ..eventlog.journal import Transaction

__all__ = ["Restored", "cleanups_in_the_way", "find_snapshot", "restore_snapshot", "snapshot_data", "take_snapshot"]

OnRestore = Callable[["Restored"], Any]


class Restored(NamedTuple):
    """Result of a restore, for hooks that change the world outside accordingly."""

    snapshot_id: str
    source: str
    """Namespace of the snapshot."""
    target: str
    """Namespace that was restored."""
    revived: dict[str, str]
    """Id in the snapshot to id in the target, for data that is live again or was copied."""
    changed: list[str]
    """Ids that have another version now."""
    retired: list[str]
    """Ids that are not in the snapshot and were retired."""


def take_snapshot(store: DataStore, name: str, namespace: str, metadata: dict[str, Any] | None) -> str:
    """Name the current state of a namespace, at a cost that does not depend on its size."""
    check_name(name, "name")
    check_name(namespace, "namespace")
    check_json(metadata or {}, "metadata")
    snapshot_id = f"snapshot_{secrets.token_hex(4)}"
    with store.transact() as tx:
        space = tx.state.namespace(namespace)
        event = ev.SnapshotTaken(
            snapshot_id=snapshot_id,
            name=name,
            namespace=namespace,
            session=store.session,
            resources=len(space.live),
            checksum=checksum_text(space.checksum),
            metadata=metadata or {},
            test=current_test(),
        )
        tx.append(namespace_stream(namespace), event)
    return snapshot_id


def restore_snapshot(store: DataStore, snapshot_id: str, target: str | None) -> Restored | None:
    """Append the events that restore the target; return None if the snapshot is unknown or its data is damaged."""
    if target is not None:
        check_name(target, "target_namespace")
    with store.transact() as tx:
        snapshot = tx.state.snapshots.get(snapshot_id)
        if snapshot is None:
            return None
        wanted = list(tx.state.namespace(snapshot.namespace).at(snapshot.position))
        if not _is_whole(snapshot, wanted):
            return None
        name = snapshot.namespace if target is None else target
        event = ev.SnapshotRestored(snapshot_id=snapshot_id, target=name, session=store.session, resources=len(wanted))
        tx.append(namespace_stream(name), event)
        if name == snapshot.namespace:
            return _restore_in_place(tx, store.session, snapshot, wanted)
        return _restore_copy(tx, store.session, snapshot, wanted, name)


def find_snapshot(state: TestDataState, name: str) -> str | None:
    """Return the id of the newest snapshot of a name."""
    return state.newest_snapshot.get(name)


def _is_whole(snapshot: Snapshot, wanted: list[tuple[Resource, VersionRecord]]) -> bool:
    found = checksum_of((resource.resource_id, record) for resource, record in wanted)
    return len(wanted) == snapshot.resources and found == snapshot.checksum


def _restore_in_place(
    tx: "Transaction[TestDataState]", session: str, snapshot: Snapshot, wanted: list[tuple[Resource, VersionRecord]]
) -> Restored:
    space = tx.state.namespace(snapshot.namespace)
    stream = namespace_stream(space.name)
    result = Restored(snapshot.snapshot_id, space.name, space.name, {}, [], [])
    goal = {resource.resource_id: record for resource, record in wanted}
    for key in [key for key in space.live if key not in goal]:
        names: dict[str, Any] = {"namespace": space.name, "resource_id": key, "session": session}
        tx.append(stream, ev.ResourceRetired(**names, reason="restored"))
        result.retired.append(key)
    for key, record in goal.items():
        current = space.resources[key].current
        if current is not None and current.position == record.position:
            continue
        tx.append(stream, _restore_event(space, session, key, record))
        if current is None:
            result.revived[key] = key
        else:
            result.changed.append(key)
    return result


def _restore_event(space: Namespace, session: str, key: str, record: VersionRecord) -> ev.ResourceRestored:
    return ev.ResourceRestored(
        namespace=space.name, resource_id=key, session=session, version=record.version, written=record.position
    )


def _restore_copy(
    tx: "Transaction[TestDataState]",
    session: str,
    snapshot: Snapshot,
    wanted: list[tuple[Resource, VersionRecord]],
    target: str,
) -> Restored:
    """Copy data into another namespace, with new ids and without cleanups."""
    stream = namespace_stream(target)
    space = tx.state.namespace(target)
    if target not in tx.state.namespaces:
        tx.append(stream, ev.NamespaceOpened(namespace=target, session=session))
    mapping: dict[str, str] = {}
    for resource, _ in wanted:
        mapping[resource.resource_id] = _new_id(space, resource.resource_id)
    for resource, record in wanted:
        event = ev.ResourceCreated(
            namespace=target,
            resource_id=mapping[resource.resource_id],
            data_type=record.life.data_type,
            session=session,
            version=record.version,
            content=record.content,
            data=record.data,
            test=current_test(),
            depends_on=[mapping[key] for key in record.life.depends_on if key in mapping],
            metadata=record.life.metadata,
            copied_from=resource.resource_id,
        )
        tx.append(stream, event)
    return Restored(snapshot.snapshot_id, snapshot.namespace, target, mapping, [], [])


def _new_id(space: Namespace, original: str) -> str:
    while True:
        chosen = f"{original}~{secrets.token_hex(4)}"
        if chosen not in space.live:
            return chosen


def cleanups_in_the_way(state: TestDataState, snapshot_id: str, target: str | None) -> list[tuple[str, str]]:
    """Return `(namespace, id)` of the data with open cleanups that a restore in place would retire."""
    snapshot = state.snapshots.get(snapshot_id)
    if snapshot is None or target not in (None, snapshot.namespace):
        return []
    space = state.namespace(snapshot.namespace)
    return [
        (space.name, key)
        for key, resource in space.live.items()
        if resource.at(snapshot.position) is None and resource.open_cleanups()
    ]


def snapshot_data(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as data for JSON."""
    fields = snapshot._asdict()
    return fields | {"taken_at": format_time(fields.pop("at_us"))}
