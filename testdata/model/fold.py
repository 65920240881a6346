"""The state of test data: a pure fold of its events, each at the cost of its own work."""

from collections.abc import Callable
from typing import Any

from ...eventlog.journal import Entry
from . import events as ev
from .records import Cleanup, Hold, Life, Lock, OpenConflict, Resource, Snapshot, VersionRecord
from .tables import TestDataTables
from .versions import version_key

__all__ = ["TestDataState"]


class TestDataState(TestDataTables):
    """All test data of one journal.

    Args:
        generation: state of the generated data, which also gets every entry. Default: a new one.
    """

    __test__ = False

    def apply(self, entry: Entry) -> None:
        """Apply the next event; an event of an unknown type changes nothing."""
        self.last_position, self.last_at_us = entry.position, entry.at_us
        fold = _FOLDS.get(type(entry.event))
        if fold is not None:
            fold(self, entry, entry.event)
        self.generation.apply(entry)


def _record(entry: Entry, event: Any, origin: str, life: Life) -> VersionRecord:
    return VersionRecord(
        event.version, event.content, event.data, entry.position, entry.at_us, event.session, origin, life
    )


def _join_owner(state: TestDataTables, entry: Entry, event: ev.OwnerJoined) -> None:
    owner = state.owner_of(event.owner.session)
    owner.owner, owner.lease_us, owner.joined_at_us = event.owner, event.lease_us, entry.at_us
    owner.renewed, owner.renewed_at_us = entry.position, entry.at_us


def _renew_owner(state: TestDataTables, entry: Entry, event: ev.OwnerRenewed) -> None:
    owner = state.owner_of(event.session)
    owner.renewed, owner.renewed_at_us = entry.position, entry.at_us


def _end_owner(state: TestDataTables, _: Entry, event: ev.OwnerEnded) -> None:
    state.owner_of(event.session).ended = event.reason


def _open_namespace(state: TestDataTables, entry: Entry, event: ev.NamespaceOpened) -> None:
    space = state.space_of(event.namespace)
    space.session, space.context, space.opened_at_us = event.session, event.context, entry.at_us
    space.kept_until_us = 0
    if event.context:
        state.owner_of(event.session).contexts[space.name] = space


def _close_namespace(state: TestDataTables, _: Entry, event: ev.NamespaceClosed) -> None:
    space = state.space_of(event.namespace)
    space.context, space.kept_until_us = False, 0
    state.owner_of(space.session).contexts.pop(space.name, None)


def _keep_namespace(state: TestDataTables, _: Entry, event: ev.NamespaceKept) -> None:
    space = state.space_of(event.namespace)
    space.kept_until_us, space.kept_reason = event.until_us, event.reason


def _create_resource(state: TestDataTables, entry: Entry, event: ev.ResourceCreated) -> None:
    space = state.space_of(event.namespace)
    key = event.resource_id
    resource = space.resources.get(key)
    if resource is None:
        resource = space.resources[key] = Resource(event.namespace, key)
    if resource.current is not None:  # by a writer without these rules: the later event counts
        state.set_version(space, resource, entry.position, None)
    if event.copied_from:
        space.copies[event.copied_from] = key
    resource.life = Life(event.data_type, event.test, tuple(event.depends_on), event.metadata, event.copied_from)
    resource.session, resource.position, resource.at_us = event.session, entry.position, entry.at_us
    resource.expires_us, resource.cleanups = event.expires_us, []
    record = _record(entry, event, "created", resource.life)
    resource.versions = {version_key(event.version): record}
    state.set_version(space, resource, entry.position, record)


def _add_version(state: TestDataTables, entry: Entry, event: ev.ResourceVersioned | ev.ResourceMigrated) -> None:
    space = state.space_of(event.namespace)
    resource = space.resources.get(event.resource_id)
    if resource is None:
        resource = space.resources[event.resource_id] = Resource(event.namespace, event.resource_id)
        resource.session, resource.position, resource.at_us = event.session, entry.position, entry.at_us
    origin = "migrated" if isinstance(event, ev.ResourceMigrated) else "versioned"
    record = _record(entry, event, origin, resource.life)
    resource.versions[version_key(event.version)] = record
    state.set_version(space, resource, entry.position, record)


def _retire_resource(state: TestDataTables, entry: Entry, event: ev.ResourceRetired) -> None:
    space = state.namespaces.get(event.namespace)
    resource = space.live.get(event.resource_id) if space else None
    if space is None or resource is None:
        return
    if event.reason in ("cleaned", "reaped"):
        state.cleanup_results[event.resource_id] = True
    state.set_version(space, resource, entry.position, None)


def _restore_resource(state: TestDataTables, entry: Entry, event: ev.ResourceRestored) -> None:
    space = state.space_of(event.namespace)
    resource = space.resources.get(event.resource_id)
    if resource is None:
        return
    records = (moment.record for moment in reversed(resource.moments) if moment.record is not None)
    record = next((each for each in records if each.position == event.written), None)
    if record is None:
        return
    if resource.current is None:
        resource.session, resource.cleanups, resource.expires_us = event.session, [], 0
        resource.versions = {}
    elif resource.life != record.life:
        state.set_version(space, resource, entry.position, None)
    resource.life = record.life
    resource.versions.setdefault(version_key(record.version), record)
    state.set_version(space, resource, entry.position, record)


def _add_snapshot(state: TestDataTables, entry: Entry, event: ev.SnapshotTaken) -> None:
    state.snapshots[event.snapshot_id] = Snapshot(
        event.snapshot_id,
        event.name,
        event.namespace,
        entry.position,
        entry.at_us,
        event.resources,
        event.checksum,
        event.metadata,
        event.session,
        event.test,
    )
    state.newest_snapshot[event.name] = event.snapshot_id


def _register_cleanup(state: TestDataTables, _: Entry, event: ev.CleanupRegistered) -> None:
    resource = state.resource(event.namespace, event.resource_id)
    if resource is not None:
        resource.cleanups.append(
            Cleanup(event.cleanup_id, event.session, event.target, event.arguments, event.import_root)
        )


def _find_cleanup(state: TestDataTables, event: Any) -> tuple[Resource, Cleanup] | None:
    resource = state.resource(event.namespace, event.resource_id)
    if resource is None:
        return None
    # Usually the last one, since cleanups run in reverse order.
    for cleanup in reversed(resource.cleanups):
        if cleanup.cleanup_id == event.cleanup_id:
            return resource, cleanup
    return None


def _start_cleanup(state: TestDataTables, _: Entry, event: ev.CleanupStarted) -> None:
    found = _find_cleanup(state, event)
    if found is not None:
        found[1].attempts, found[1].running = max(found[1].attempts, event.attempt), event.session


def _note_success(state: TestDataTables, _: Entry, event: ev.CleanupSucceeded) -> None:
    found = _find_cleanup(state, event)
    if found is not None:
        resource, cleanup = found
        cleanup.status, cleanup.error, cleanup.running = "succeeded", "", ""
        if not any(other.status in ("failed", "abandoned") for other in resource.cleanups):
            state.failing.pop((resource.namespace, resource.resource_id), None)


def _note_failure(state: TestDataTables, _: Entry, event: ev.CleanupFailed) -> None:
    found = _find_cleanup(state, event)
    if found is not None:
        resource, cleanup = found
        cleanup.status, cleanup.error, cleanup.running = "failed", event.error, ""
        cleanup.attempts, cleanup.next_due_us = max(cleanup.attempts, event.attempt), event.next_due_us
        state.cleanup_results[resource.resource_id] = False
        state.retry_counts[resource.resource_id] = state.retry_counts.get(resource.resource_id, 0) + 1
        state.failing[resource.namespace, resource.resource_id] = resource


def _abandon_cleanup(state: TestDataTables, _: Entry, event: ev.CleanupAbandoned) -> None:
    found = _find_cleanup(state, event)
    if found is not None:
        found[1].status = "abandoned"


def _waive_cleanups(state: TestDataTables, _: Entry, event: ev.CleanupWaived) -> None:
    resource = state.resource(event.namespace, event.resource_id)
    if resource is not None:
        for cleanup in resource.open_cleanups():
            cleanup.status = "waived"
        state.waived.append(resource.resource_id)


def _grant_lock(state: TestDataTables, entry: Entry, event: ev.LockGranted) -> None:
    lock = state.locks.get((event.namespace, event.key))
    if lock is None:
        lock = state.locks[event.namespace, event.key] = Lock(event.namespace, event.key)
    token = entry.position
    lock.highest_token = token
    lock.holds[token] = Hold(
        token,
        event.lock_id,
        event.session,
        event.mode,
        event.ttl_us,
        entry.position,
        entry.at_us,
        entry.at_us,
        event.test,
    )
    state.owner_of(event.session).tokens[token] = lock


def _renew_lock(state: TestDataTables, entry: Entry, event: ev.LockRenewed) -> None:
    lock = state.locks.get((event.namespace, event.key))
    hold = lock.holds.get(event.token) if lock else None
    if hold is not None:
        hold.renewed, hold.renewed_at_us = entry.position, entry.at_us


def _remove_hold(state: TestDataTables, _: Entry, event: ev.LockReleased | ev.LockExpired) -> None:
    lock = state.locks.get((event.namespace, event.key))
    hold = lock.holds.pop(event.token, None) if lock else None
    if hold is not None:
        state.owner_of(hold.session).tokens.pop(event.token, None)


def _open_conflict(state: TestDataTables, entry: Entry, event: ev.ConflictDetected) -> None:
    state.conflicts[event.conflict_id] = OpenConflict(event, entry.position, entry.at_us)
    state.conflict_of[event.namespace, event.key, event.kind, event.content] = event.conflict_id
    state.conflicts_seen += 1


def _resolve_conflict(state: TestDataTables, _: Entry, event: ev.ConflictResolved) -> None:
    conflict = state.conflicts.pop(event.conflict_id, None)
    if conflict is not None:
        found = conflict.event
        state.conflict_of.pop((found.namespace, found.key, found.kind, found.content), None)


def _note_health(state: TestDataTables, entry: Entry, event: ev.HealthChecked) -> None:
    state.health_checked, state.health_checked_at_us = event, entry.at_us


_FOLDS: dict[type, Callable[[TestDataTables, Entry, Any], None]] = {
    ev.OwnerJoined: _join_owner,
    ev.OwnerRenewed: _renew_owner,
    ev.OwnerEnded: _end_owner,
    ev.NamespaceOpened: _open_namespace,
    ev.NamespaceClosed: _close_namespace,
    ev.NamespaceKept: _keep_namespace,
    ev.ResourceCreated: _create_resource,
    ev.ResourceVersioned: _add_version,
    ev.ResourceMigrated: _add_version,
    ev.ResourceRetired: _retire_resource,
    ev.ResourceRestored: _restore_resource,
    ev.SnapshotTaken: _add_snapshot,
    ev.CleanupRegistered: _register_cleanup,
    ev.CleanupStarted: _start_cleanup,
    ev.CleanupSucceeded: _note_success,
    ev.CleanupFailed: _note_failure,
    ev.CleanupAbandoned: _abandon_cleanup,
    ev.CleanupWaived: _waive_cleanups,
    ev.LockGranted: _grant_lock,
    ev.LockRenewed: _renew_lock,
    ev.LockReleased: _remove_hold,
    ev.LockExpired: _remove_hold,
    ev.ConflictDetected: _open_conflict,
    ev.ConflictResolved: _resolve_conflict,
    ev.HealthChecked: _note_health,
}
"""Fold of each event type; `migration.failed`, `snapshot.restored` and events of later releases change nothing."""
