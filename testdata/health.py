"""Health checks and status report of test data. They never raise, and cost little."""

from typing import Any, NamedTuple

from ..eventlog.errors import EventLogError
from ..eventlog.times import format_time
from .model import events as ev
from .model.fold import TestDataState
from .store.data_store import DataStore
from .store.streams import owner_stream

__all__ = ["Check", "check_health", "status_report"]


class Check(NamedTuple):
    """Result of one health check."""

    ok: bool
    detail: str


def check_health(store: DataStore, *, has_versions: bool) -> dict[str, Check]:
    """Return the result of each health check."""
    probe = _probe(store)
    if not probe.ok:
        names = _names(has_versions=has_versions)
        return dict.fromkeys(names, Check(ok=False, detail="the log cannot be used")) | {"event_store": probe}
    elapsed_s = store.elapsed_s()
    with store.look() as state:
        checks = {
            "cleanup_registry": _check_cleanups(state),
            "isolation_manager": _check_conflicts(state),
            "template_manager": Check(ok=True, detail=f"{len(state.generation.templates)} templates"),
            "event_store": probe,
            "locks": _check_locks(store, state, elapsed_s),
            "reaper": _check_leftovers(store, state),
            "cache": Check(ok=True, detail="generators keep their own caches"),
        }
        if has_versions:
            checks["version_manager"] = Check(ok=True, detail=f"{state.live_count} live with versions")
    _record(store, [name for name, check in checks.items() if not check.ok])
    return checks


def status_report(
    store: DataStore, cleanup_report: dict[str, Any], locks: list[dict[str, Any]], *, has_versions: bool
) -> dict[str, Any]:
    """Return the status of everything, as data for JSON."""
    with store.look() as state:
        return {
            "cleanup_registry": cleanup_report,
            "isolation_manager": {
                "namespaces": sorted(
                    space.name for space in state.namespaces.values() if space.name and (space.live or space.context)
                ),
                "conflicts": len(state.conflicts),
            },
            "template_manager": {"templates_count": len(state.generation.templates)},
            "version_manager": {"enabled": has_versions},
            "health_checks": {
                "last_run": format_time(state.health_checked_at_us) if state.health_checked else None,
                "failing": list(state.health_checked.failing) if state.health_checked else [],
            },
            "locks": locks,
            "snapshots": len(state.snapshots),
            "pending_cleanups": cleanup_report["pending"],
            "store": {"path": str(store.path), "position": store.position, "findings": store.findings},
        }


def _names(*, has_versions: bool) -> list[str]:
    names = ["cleanup_registry", "isolation_manager", "template_manager", "event_store", "locks", "reaper", "cache"]
    return names + (["version_manager"] if has_versions else [])


def _probe(store: DataStore) -> Check:
    """Write an event, and read it back."""
    try:
        _record(store, [])
        with store.look() as state:
            seen = state.health_checked is not None
    except (EventLogError, OSError) as error:
        return Check(ok=False, detail=str(error))
    if store.findings:
        return Check(ok=False, detail=f"{len(store.findings)} damaged places in the log: {store.findings[0]}")
    return Check(ok=seen, detail=f"{store.path}, {store.position} bytes")


def _record(store: DataStore, failing: list[str]) -> None:
    with store.transact() as tx:
        tx.append(owner_stream(store.session), ev.HealthChecked(session=store.session, failing=failing))


def _check_cleanups(state: TestDataState) -> Check:
    ids = [resource.resource_id for resource in state.failing.values()]
    return Check(ok=not ids, detail=f"cleanups fail: {', '.join(ids[:10])}" if ids else "no cleanup fails")


def _check_conflicts(state: TestDataState) -> Check:
    count = len(state.conflicts)
    return Check(ok=not count, detail=f"{count} conflicts are open" if count else "no open conflicts")


def _check_locks(store: DataStore, state: TestDataState, elapsed_s: float) -> Check:
    held = [(lock, hold) for lock in state.locks.values() for hold in lock.holds.values()]
    gone = [lock.key for lock, hold in held if store.hold_is_gone(state, hold, elapsed_s)]
    if gone:
        return Check(ok=False, detail=f"held by ended processes: {', '.join(gone[:10])}; run `insight data reap`")
    return Check(ok=True, detail=f"{len(held)} held")


def _check_leftovers(store: DataStore, state: TestDataState) -> Check:
    elapsed_s = store.elapsed_s()
    gone = [owner for owner in state.owners.values() if owner.resources and store.owner_is_gone(owner, elapsed_s)]
    count = sum(len(owner.resources) for owner in gone)
    if count:
        return Check(ok=False, detail=f"{count} left by {len(gone)} ended processes; run `insight data reap`")
    return Check(ok=True, detail="no leftovers")
