"""Report on cleanups: open, failed and orphaned ones."""

from typing import Any

from ..model.fold import TestDataState
from ..model.records import Resource


def cleanup_report(state: TestDataState) -> dict[str, Any]:
    """Return the state of all cleanups; see `CleanupRegistry.get_cleanup_report`."""
    live = list(state.live())
    cleanups = [(resource, cleanup) for resource in live for cleanup in resource.open_cleanups()]
    overdue = [c.next_due_us for _, c in cleanups if c.status == "failed" and c.next_due_us < state.last_at_us]
    return {
        "total_resources": len(live),
        "namespaces": {space.name: len(space.live) for space in state.namespaces.values() if space.name and space.live},
        "cleanup_results": dict(state.cleanup_results),
        "retry_counts": dict(state.retry_counts),
        "failed_cleanups": [resource.resource_id for resource in state.failing.values()],
        "locked_resources": [
            key for (namespace, key), lock in state.locks.items() if lock.holds and state.resource(namespace, key)
        ],
        "pending": len(cleanups),
        "abandoned": list(dict.fromkeys(r.resource_id for r, c in cleanups if c.status == "abandoned")),
        "waived": list(state.waived),
        "errors": {resource.resource_id: cleanup.error for resource, cleanup in cleanups if cleanup.error},
        "oldest_overdue_s": max(((state.last_at_us - due) / 1e6 for due in overdue), default=0.0),
    }


def find_orphans(state: TestDataState) -> list[Resource]:
    """Return live test data with an open callback of a process that has ended."""
    found: list[Resource] = []
    for owner in state.owners.values():
        if owner.ended:
            found += [
                resource
                for resource in owner.resources.values()
                if any(not cleanup.target for cleanup in resource.open_cleanups())
            ]
    return found
