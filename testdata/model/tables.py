"""Tables of the state of test data: namespaces, resources, owners, locks, snapshots and conflicts, with look-ups."""

from collections.abc import Iterable

from ..generation.log.state import GenerationState
from . import events as ev
from .records import (
    CHECKSUM_MOD,
    Hold,
    Lock,
    Moment,
    Namespace,
    OpenConflict,
    OwnerState,
    Resource,
    Snapshot,
    VersionRecord,
    weight_of,
)


class TestDataTables:
    """All test data of one journal.

    Args:
        generation: state of the generated data. Default: a new one.
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
        self.conflicts: dict[str, OpenConflict] = {}
        self.conflict_of: dict[tuple[str, str, str, str], str] = {}
        self.conflicts_seen = 0
        self.cleanup_results: dict[str, bool] = {}
        self.retry_counts: dict[str, int] = {}
        self.failing: dict[tuple[str, str], Resource] = {}
        """Live resources with a failed cleanup."""
        self.waived: list[str] = []
        self.health_checked: ev.HealthChecked | None = None
        self.health_checked_at_us = 0
        self.last_position = -1
        self.last_at_us = 0

    # ------------------------------------------------------------ looking up

    def namespace(self, name: str) -> Namespace:
        """Return a namespace; an unknown one is empty, and is not stored."""
        return self.namespaces.get(name) or Namespace(name)

    def resource(self, namespace: str, resource_id: str) -> Resource | None:
        """Return a live resource by its id, or a restored copy by the id of its original; None if there is no such
        resource.
        """
        found = self.namespaces.get(namespace)
        if found is None:
            return None
        return found.live.get(resource_id) or found.live.get(found.copies.get(resource_id, ""))

    def live(self) -> Iterable[Resource]:
        """Yield all live resources in namespaces."""
        for namespace in self.namespaces.values():
            if namespace.name:
                yield from namespace.live.values()

    def lock(self, namespace: str, key: str) -> Lock | None:
        """Return a lock that was ever granted; else None."""
        return self.locks.get((namespace, key))

    def foreign_holds(self, resource: Resource, session: str) -> list[Hold]:
        """Return the holds of other sessions on the lock named like the resource."""
        lock = self.locks.get((resource.namespace, resource.resource_id))
        return [hold for hold in lock.holds.values() if hold.session != session] if lock is not None else []

    # ------------------------------------------------- changing, for the folds

    def owner_of(self, session: str) -> OwnerState:
        """Return an owner; an unknown one is stored."""
        owner = self.owners.get(session)
        if owner is None:
            owner = self.owners[session] = OwnerState(session)
        return owner

    def space_of(self, name: str) -> Namespace:
        """Return a namespace; an unknown one is stored."""
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

    def set_version(self, space: Namespace, resource: Resource, position: int, record: VersionRecord | None) -> None:
        """Set the version of a resource from a position on, and update the checksum of its namespace."""
        before = resource.current
        if before is not None:
            space.checksum -= weight_of(resource.resource_id, before)
        if record is not None:
            space.checksum += weight_of(resource.resource_id, record)
        space.checksum %= CHECKSUM_MOD
        if before is not None and record is None:
            self._retire(space, resource)
        elif before is None and record is not None:
            self._revive(space, resource)
        resource.moments.append(Moment(position, record))
