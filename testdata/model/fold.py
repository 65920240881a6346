"""What the events of test data come to: a pure fold, each event at the cost of its own work.

Everything is kept with its positions, so the state of a namespace at any position is read off without folding again.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ...eventlog.journal import Entry
from ..generation.log.state import GenerationState
from . import events as ev
from .versions import version_key

__all__ = [
    "Cleanup",
    "Conflict",
    "Hold",
    "Life",
    "Lock",
    "Namespace",
    "OwnerState",
    "Resource",
    "Snapshot",
    "TestDataState",
    "VersionRecord",
    "checksum_of",
    "checksum_text",
]

_CHECKSUM_MOD = 1 << 128


class Life(NamedTuple):
    """What a resource is from its creation to its end; an id may be used again for something else."""

    data_type: str = ""
    test: str = ""
    depends_on: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it: the state is read only
    copied_from: str = ""


_NO_LIFE = Life()


class VersionRecord(NamedTuple):
    """One version of one resource; never changes."""

    version: str
    content: str
    data: msgspec.Raw
    position: int
    at_us: int
    session: str
    origin: str
    """`created`, `versioned` or `migrated`."""
    life: Life

    def value(self) -> Any:
        """Return the data, a new copy each time."""
        return msgspec.json.decode(self.data)


class Moment(NamedTuple):
    """From this position on a resource has this version; None means that it is retired."""

    position: int
    record: VersionRecord | None


@dataclass(slots=True)
class Cleanup:
    """Something that is to be done when a resource goes."""

    cleanup_id: str
    session: str
    target: str
    arguments: dict[str, Any]
    import_root: str
    status: str = "pending"
    """`pending`, `succeeded`, `failed`, `abandoned`, `waived`."""
    attempts: int = 0
    running: str = ""
    """Session that has begun it and has not said how it went."""
    error: str = ""
    next_due_us: int = 0

    @property
    def is_open(self) -> bool:
        """It is still to be done."""
        return self.status in ("pending", "failed", "abandoned")


@dataclass(slots=True)
class Resource:
    """A piece of test data over its life, or over its lives if its id was used again."""

    namespace: str
    resource_id: str
    life: Life = _NO_LIFE
    session: str = ""
    """Its owner."""
    position: int = -1
    """Where it was created last."""
    at_us: int = 0
    expires_us: int = 0
    versions: dict[str, VersionRecord] = field(default_factory=dict)
    """Of this life, by `version_key`, in order."""
    moments: list[Moment] = field(default_factory=list)
    """Of all lives."""
    cleanups: list[Cleanup] = field(default_factory=list)

    @property
    def current(self) -> VersionRecord | None:
        """The version it has now; None if it is retired."""
        return self.moments[-1].record if self.moments else None

    def at(self, position: int) -> VersionRecord | None:
        """Return the version it had before the event at `position`; None if it was not there."""
        index = bisect_left(self.moments, position, key=lambda moment: moment.position)
        return self.moments[index - 1].record if index else None

    def open_cleanups(self) -> list[Cleanup]:
        """Return what is still to be done, in the order in which it is done: last registered, first done."""
        return [cleanup for cleanup in reversed(self.cleanups) if cleanup.is_open]


@dataclass(slots=True)
class Namespace:
    """A name under which ids are unique."""

    name: str
    session: str = ""
    """Who opened it last."""
    context: bool = False
    """An isolated context is using it."""
    opened_at_us: int = 0
    kept_until_us: int = 0
    kept_reason: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    """Everything that ever was in it."""
    live: dict[str, Resource] = field(default_factory=dict)
    dependants: dict[str, set[str]] = field(default_factory=dict)
    """Id to the live ids that depend on it."""
    copies: dict[str, str] = field(default_factory=dict)
    """Id in a snapshot to the id of the copy that was restored here last."""
    checksum: int = 0

    def at(self, position: int) -> Iterator[tuple[Resource, VersionRecord]]:
        """Yield what was in it before the event at `position`, in order of creation."""
        for resource in self.resources.values():
            record = resource.at(position)
            if record is not None:
                yield resource, record


class Snapshot(NamedTuple):
    """A position by name."""

    snapshot_id: str
    name: str
    namespace: str
    position: int
    at_us: int
    resources: int
    checksum: str
    metadata: dict[str, Any]
    session: str
    test: str


@dataclass(slots=True)
class Hold:
    """One holder of a lock."""

    token: int
    lock_id: str
    session: str
    mode: str
    ttl_us: int
    renewed: int
    """Position of the grant or of the last renewal."""
    granted_at_us: int
    renewed_at_us: int
    test: str


@dataclass(slots=True)
class Lock:
    """A named lock: who holds it, and the highest token it ever gave."""

    namespace: str
    key: str
    highest_token: int = -1
    holds: dict[int, Hold] = field(default_factory=dict)


@dataclass(slots=True)
class OwnerState:
    """A process as the log knows it."""

    session: str
    owner: ev.Owner | None = None
    joined_at_us: int = 0
    lease_us: int = 0
    renewed: int = -1
    """Position of the last sign of life."""
    renewed_at_us: int = 0
    ended: str = ""
    resources: dict[tuple[str, str], Resource] = field(default_factory=dict)
    """Live ones that it created."""
    tokens: dict[int, Lock] = field(default_factory=dict)
    contexts: dict[str, Namespace] = field(default_factory=dict)

    @property
    def holds_anything(self) -> bool:
        """There is something that must be cleaned or freed after it."""
        return bool(self.resources or self.tokens or self.contexts)


class Conflict(NamedTuple):
    """Something that was refused, and has not been decided."""

    event: ev.ConflictDetected
    position: int
    at_us: int


class TestDataState:
    """All test data of one journal.

    Args:
        generation: folds the events of generated data; gets every entry. Default: a new one.
    """

    __test__ = False

    def __init__(self, generation: GenerationState | None = None) -> None:
        self.generation = generation or GenerationState()
        self.namespaces: dict[str, Namespace] = {}
        self.live_ids: dict[str, dict[str, Resource]] = {}
        """Id to its live resources by namespace."""
        self.live_count = 0
        self.owners: dict[str, OwnerState] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.newest_snapshot: dict[str, str] = {}
        """Name to the id of the newest snapshot of that name."""
        self.locks: dict[tuple[str, str], Lock] = {}
        self.conflicts: dict[str, Conflict] = {}
        self.conflict_of: dict[tuple[str, str, str, str], str] = {}
        self.conflicts_seen = 0
        self.cleanup_results: dict[str, bool] = {}
        self.retry_counts: dict[str, int] = {}
        self.failing: dict[tuple[str, str], Resource] = {}
        """Live resources of which a cleanup failed."""
        self.waived: list[str] = []
        self.health_checked: ev.HealthChecked | None = None
        self.health_checked_at_us = 0
        self.last_position = -1
        self.last_at_us = 0

    def apply(self, entry: Entry) -> None:
        """Take the next event; one of a type that is not known here changes nothing."""
        self.last_position, self.last_at_us = entry.position, entry.at_us
        fold = _FOLDS.get(type(entry.event))
        if fold is not None:
            fold(self, entry, entry.event)
        self.generation.apply(entry)

    # ------------------------------------------------------------ looking up

    def namespace(self, name: str) -> Namespace:
        """Return a namespace; one that was never heard of is empty, and is not remembered."""
        return self.namespaces.get(name) or Namespace(name)

    def resource(self, namespace: str, resource_id: str) -> Resource | None:
        """Return a live resource; a restored copy is found by the id of its original, too."""
        found = self.namespaces.get(namespace)
        if found is None:
            return None
        return found.live.get(resource_id) or found.live.get(found.copies.get(resource_id, ""))

    def live(self) -> Iterable[Resource]:
        """All live resources that are more than versions of an id."""
        for namespace in self.namespaces.values():
            if namespace.name:
                yield from namespace.live.values()

    def lock(self, namespace: str, key: str) -> Lock | None:
        """Return a lock that was ever granted."""
        return self.locks.get((namespace, key))

    def foreign_holds(self, resource: Resource, session: str) -> list[Hold]:
        """Return how others than `session` hold the lock named like the resource."""
        lock = self.locks.get((resource.namespace, resource.resource_id))
        return [hold for hold in lock.holds.values() if hold.session != session] if lock is not None else []

    # ------------------------------------------------- changing, for the folds

    def owner_of(self, session: str) -> OwnerState:
        """Return an owner; one that was never heard of is remembered from here on."""
        owner = self.owners.get(session)
        if owner is None:
            owner = self.owners[session] = OwnerState(session)
        return owner

    def space_of(self, name: str) -> Namespace:
        """Return a namespace; one that was never heard of is remembered from here on."""
        space = self.namespaces.get(name)
        if space is None:
            space = self.namespaces[name] = Namespace(name)
        return space

    def _revive(self, space: Namespace, resource: Resource) -> None:
        key = resource.resource_id
        space.live[key] = resource
        self.live_ids.setdefault(key, {})[space.name] = resource
        self.live_count += bool(space.name)
        if space.name:
            self.owner_of(resource.session).resources[space.name, key] = resource
        for other in resource.life.depends_on:
            space.dependants.setdefault(other, set()).add(key)

    def _retire(self, space: Namespace, resource: Resource) -> None:
        key = resource.resource_id
        del space.live[key]
        homes = self.live_ids[key]
        del homes[space.name]
        if not homes:
            del self.live_ids[key]
        self.live_count -= bool(space.name)
        self.owner_of(resource.session).resources.pop((space.name, key), None)
        self.failing.pop((space.name, key), None)
        for other in resource.life.depends_on:
            space.dependants.get(other, set()).discard(key)

    def turn(self, space: Namespace, resource: Resource, position: int, record: VersionRecord | None) -> None:
        """Give a resource its version from here on, and keep the sum of the namespace."""
        before = resource.current
        if before is not None:
            space.checksum -= _weight(resource.resource_id, before)
        if record is not None:
            space.checksum += _weight(resource.resource_id, record)
        space.checksum %= _CHECKSUM_MOD
        if before is not None and record is None:
            self._retire(space, resource)
        elif before is None and record is not None:
            self._revive(space, resource)
        resource.moments.append(Moment(position, record))


def _record(entry: Entry, event: Any, origin: str, life: Life) -> VersionRecord:
    return VersionRecord(
        event.version, event.content, event.data, entry.position, entry.at_us, event.session, origin, life
    )


def checksum_text(checksum: int) -> str:
    """Return the sum of a namespace as an event holds it."""
    return f"{checksum:032x}"


def checksum_of(records: Iterable[tuple[str, VersionRecord]]) -> str:
    """Return the sum that a namespace with these ids and versions has."""
    return checksum_text(sum(_weight(key, record) for key, record in records) % _CHECKSUM_MOD)


def _weight(resource_id: str, record: VersionRecord) -> int:
    text = f"{resource_id}\0{version_key(record.version)}\0{record.content}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big")


# ---------------------------------------------------------------- the folds


def _joined(state: TestDataState, entry: Entry, event: ev.OwnerJoined) -> None:
    owner = state.owner_of(event.owner.session)
    owner.owner, owner.lease_us, owner.joined_at_us = event.owner, event.lease_us, entry.at_us
    owner.renewed, owner.renewed_at_us = entry.position, entry.at_us


def _renewed(state: TestDataState, entry: Entry, event: ev.OwnerRenewed) -> None:
    owner = state.owner_of(event.session)
    owner.renewed, owner.renewed_at_us = entry.position, entry.at_us


def _ended(state: TestDataState, _: Entry, event: ev.OwnerEnded) -> None:
    state.owner_of(event.session).ended = event.reason


def _opened(state: TestDataState, entry: Entry, event: ev.NamespaceOpened) -> None:
    space = state.space_of(event.namespace)
    space.session, space.context, space.opened_at_us = event.session, event.context, entry.at_us
    space.kept_until_us = 0
    if event.context:
        state.owner_of(event.session).contexts[space.name] = space


def _closed(state: TestDataState, _: Entry, event: ev.NamespaceClosed) -> None:
    space = state.space_of(event.namespace)
    space.context, space.kept_until_us = False, 0
    state.owner_of(space.session).contexts.pop(space.name, None)


def _kept(state: TestDataState, _: Entry, event: ev.NamespaceKept) -> None:
    space = state.space_of(event.namespace)
    space.kept_until_us, space.kept_reason = event.until_us, event.reason


def _created(state: TestDataState, entry: Entry, event: ev.ResourceCreated) -> None:
    space = state.space_of(event.namespace)
    key = event.resource_id
    resource = space.resources.get(key)
    if resource is None:
        resource = space.resources[key] = Resource(event.namespace, key)
    if resource.current is not None:  # by a writer without our rules: the later one counts
        state.turn(space, resource, entry.position, None)
    if event.copied_from:
        space.copies[event.copied_from] = key
    resource.life = Life(event.data_type, event.test, tuple(event.depends_on), event.metadata, event.copied_from)
    resource.session, resource.position, resource.at_us = event.session, entry.position, entry.at_us
    resource.expires_us, resource.cleanups = event.expires_us, []
    record = _record(entry, event, "created", resource.life)
    resource.versions = {version_key(event.version): record}
    state.turn(space, resource, entry.position, record)


def _versioned(state: TestDataState, entry: Entry, event: ev.ResourceVersioned | ev.ResourceMigrated) -> None:
    space = state.space_of(event.namespace)
    resource = space.resources.get(event.resource_id)
    if resource is None:
        resource = space.resources[event.resource_id] = Resource(event.namespace, event.resource_id)
        resource.session, resource.position, resource.at_us = event.session, entry.position, entry.at_us
    origin = "migrated" if isinstance(event, ev.ResourceMigrated) else "versioned"
    record = _record(entry, event, origin, resource.life)
    resource.versions[version_key(event.version)] = record
    state.turn(space, resource, entry.position, record)


def _retired(state: TestDataState, entry: Entry, event: ev.ResourceRetired) -> None:
    space = state.namespaces.get(event.namespace)
    resource = space.live.get(event.resource_id) if space else None
    if space is None or resource is None:
        return
    if event.reason in ("cleaned", "reaped"):
        state.cleanup_results[event.resource_id] = True
    state.turn(space, resource, entry.position, None)


def _restored(state: TestDataState, entry: Entry, event: ev.ResourceRestored) -> None:
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
        state.turn(space, resource, entry.position, None)
    resource.life = record.life
    resource.versions.setdefault(version_key(record.version), record)
    state.turn(space, resource, entry.position, record)


def _snapshot(state: TestDataState, entry: Entry, event: ev.SnapshotTaken) -> None:
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


def _registered(state: TestDataState, _: Entry, event: ev.CleanupRegistered) -> None:
    resource = state.resource(event.namespace, event.resource_id)
    if resource is not None:
        resource.cleanups.append(
            Cleanup(event.cleanup_id, event.session, event.target, event.arguments, event.import_root)
        )


def _cleanup_of(state: TestDataState, event: Any) -> tuple[Resource, Cleanup] | None:
    resource = state.resource(event.namespace, event.resource_id)
    if resource is None:
        return None
    # Of several it is nearly always the last, as they are done in reverse.
    for cleanup in reversed(resource.cleanups):
        if cleanup.cleanup_id == event.cleanup_id:
            return resource, cleanup
    return None


def _started(state: TestDataState, _: Entry, event: ev.CleanupStarted) -> None:
    found = _cleanup_of(state, event)
    if found is not None:
        found[1].attempts, found[1].running = max(found[1].attempts, event.attempt), event.session


def _succeeded(state: TestDataState, _: Entry, event: ev.CleanupSucceeded) -> None:
    found = _cleanup_of(state, event)
    if found is not None:
        resource, cleanup = found
        cleanup.status, cleanup.error, cleanup.running = "succeeded", "", ""
        if not any(other.status in ("failed", "abandoned") for other in resource.cleanups):
            state.failing.pop((resource.namespace, resource.resource_id), None)


def _failed(state: TestDataState, _: Entry, event: ev.CleanupFailed) -> None:
    found = _cleanup_of(state, event)
    if found is not None:
        resource, cleanup = found
        cleanup.status, cleanup.error, cleanup.running = "failed", event.error, ""
        cleanup.attempts, cleanup.next_due_us = max(cleanup.attempts, event.attempt), event.next_due_us
        state.cleanup_results[resource.resource_id] = False
        state.retry_counts[resource.resource_id] = state.retry_counts.get(resource.resource_id, 0) + 1
        state.failing[resource.namespace, resource.resource_id] = resource


def _abandoned(state: TestDataState, _: Entry, event: ev.CleanupAbandoned) -> None:
    found = _cleanup_of(state, event)
    if found is not None:
        found[1].status = "abandoned"


def _waived(state: TestDataState, _: Entry, event: ev.CleanupWaived) -> None:
    resource = state.resource(event.namespace, event.resource_id)
    if resource is not None:
        for cleanup in resource.open_cleanups():
            cleanup.status = "waived"
        state.waived.append(resource.resource_id)


def _granted(state: TestDataState, entry: Entry, event: ev.LockGranted) -> None:
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


def _lock_renewed(state: TestDataState, entry: Entry, event: ev.LockRenewed) -> None:
    lock = state.locks.get((event.namespace, event.key))
    hold = lock.holds.get(event.token) if lock else None
    if hold is not None:
        hold.renewed, hold.renewed_at_us = entry.position, entry.at_us


def _lock_gone(state: TestDataState, _: Entry, event: ev.LockReleased | ev.LockExpired) -> None:
    lock = state.locks.get((event.namespace, event.key))
    hold = lock.holds.pop(event.token, None) if lock else None
    if hold is not None:
        state.owner_of(hold.session).tokens.pop(event.token, None)


def _conflict(state: TestDataState, entry: Entry, event: ev.ConflictDetected) -> None:
    state.conflicts[event.conflict_id] = Conflict(event, entry.position, entry.at_us)
    state.conflict_of[event.namespace, event.key, event.kind, event.content] = event.conflict_id
    state.conflicts_seen += 1


def _resolved(state: TestDataState, _: Entry, event: ev.ConflictResolved) -> None:
    conflict = state.conflicts.pop(event.conflict_id, None)
    if conflict is not None:
        found = conflict.event
        state.conflict_of.pop((found.namespace, found.key, found.kind, found.content), None)


def _health(state: TestDataState, entry: Entry, event: ev.HealthChecked) -> None:
    state.health_checked, state.health_checked_at_us = event, entry.at_us


_FOLDS: dict[type, Callable[[TestDataState, Entry, Any], None]] = {
    ev.OwnerJoined: _joined,
    ev.OwnerRenewed: _renewed,
    ev.OwnerEnded: _ended,
    ev.NamespaceOpened: _opened,
    ev.NamespaceClosed: _closed,
    ev.NamespaceKept: _kept,
    ev.ResourceCreated: _created,
    ev.ResourceVersioned: _versioned,
    ev.ResourceMigrated: _versioned,
    ev.ResourceRetired: _retired,
    ev.ResourceRestored: _restored,
    ev.SnapshotTaken: _snapshot,
    ev.CleanupRegistered: _registered,
    ev.CleanupStarted: _started,
    ev.CleanupSucceeded: _succeeded,
    ev.CleanupFailed: _failed,
    ev.CleanupAbandoned: _abandoned,
    ev.CleanupWaived: _waived,
    ev.LockGranted: _granted,
    ev.LockRenewed: _lock_renewed,
    ev.LockReleased: _lock_gone,
    ev.LockExpired: _lock_gone,
    ev.ConflictDetected: _conflict,
    ev.ConflictResolved: _resolved,
    ev.HealthChecked: _health,
}
"""What an event does; `migration.failed`, `snapshot.restored` and events of later releases do nothing to the state."""
