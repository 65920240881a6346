"""Cleanup after processes that ended. Only one reaper works at a time: it holds a renewed lock and uses its token."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ...eventlog.files.system import SYSTEM
from ...eventlog.times import format_time, from_datetime
from ..errors import StaleTokenError
from ..locking.locks import Locks, owner_text
from ..model import events as ev
from ..model.fold import TestDataState
from ..model.records import OwnerState, Resource
from ..store.data_store import DataStore
from ..store.streams import lock_stream, namespace_stream, owner_stream
from .reasons import count_reasons
from .runner import REAPER_LOCK, CleanupRunner

if TYPE_CHECKING:
    from ...eventlog.journal import Transaction

__all__ = ["reap"]

_TTL_S = 30.0
_POLL_S = 0.1
_WITH_REASONS = ("failed", "waiting", "abandoned", "runnable")


class _ReapPlan(NamedTuple):
    """Processes and resources for a reaper."""

    gone: dict[str, str]
    """Session to reason: `dead` or `lapsed`."""
    unknown: list[str]
    """Sessions whose state is unknown from here, or not known yet."""
    resources: list[Resource]

    @property
    def empty(self) -> bool:
        """True if there is nothing to do."""
        return not self.gone and not self.resources


def reap(
    store: DataStore,
    registry: CleanupRunner,
    now: datetime | None = None,
    *,
    dry_run: bool = False,
    wait_s: float = 0,
) -> dict[str, Any]:
    """Clean the data of processes that ended, and expired data; release the locks of these processes.

    A process has ended if that can be observed, or if it cannot be observed from here (another machine or container)
    and has not renewed its lease during the call. Data of live owners is not touched. Callbacks that only an ended
    process could call are listed as `orphaned`.

    Args:
        store: the store of the test data.
        registry: runs the cleanups.
        now: time for expiry and due cleanups; default: the current time.
        dry_run: only report what would be done.
        wait_s: time to watch owners that cannot be observed, in seconds; their leases are 60 s.

    Returns:
        `busy` (another reaper is running), `token`, `gone` {session: reason}, `unknown` [sessions], `cleaned` [ids],
        `failed` [ids], `waiting` [ids] (failed, not due yet), `abandoned` [ids], `orphaned` [resources that a person
        must clean], `blocked` [ids] (in use by others), `reasons` [`error`, `count`, `resources`], `lost`.
    """
    plan = _watch(store, now, wait_s)
    report = _empty_report(plan)
    if dry_run or plan.empty:
        return report | _remaining(store, registry, plan, now) | {"dry_run": dry_run}
    locks = Locks(store)
    hold = locks.take_named(*REAPER_LOCK, f"reaper-{id(report)}", ttl_s=_TTL_S)
    if hold is None:
        return report | {"busy": True}
    try:
        plan = _expire_owners(store, hold.token, now)
        keys = [(resource.namespace, resource.resource_id) for resource in plan.resources]
        results = registry.clean(keys, token=hold.token, due_at_us=_now_us(now))
        _close_contexts(store, plan, hold.token)
        cleaned = [key for key, done in results.items() if done]
        standing = _remaining(store, registry, plan, now)
        blocked: dict[str, list[str]] = {"blocked": standing["runnable"], "runnable": []}
        return report | {"token": hold.token, "cleaned": cleaned} | standing | blocked
    except StaleTokenError as error:
        return report | {"token": hold.token, "lost": str(error)}
    finally:
        with store.transact() as tx:
            lock = tx.state.lock(*REAPER_LOCK)
            if lock is not None and hold.token in lock.holds:
                namespace, key = REAPER_LOCK
                event = ev.LockReleased(namespace=namespace, key=key, token=hold.token, session=store.session)
                tx.append(lock_stream(namespace, key), event)


def _empty_report(plan: _ReapPlan) -> dict[str, Any]:
    return {
        "busy": False,
        "dry_run": False,
        "token": 0,
        "lost": "",
        "gone": plan.gone,
        "unknown": plan.unknown,
        "cleaned": [],
        "failed": [],
        "waiting": [],
        "abandoned": [],
        "orphaned": [],
        "runnable": [],
        "blocked": [],
        "reasons": [],
    }


def _now_us(now: datetime | None) -> int:
    return from_datetime(now) if now is not None else SYSTEM.time_ns() // 1000


def _watch(store: DataStore, now: datetime | None, wait_s: float) -> _ReapPlan:
    """Return the plan of one look, or of repeated looks until no owner is unknown or the time is over."""
    deadline_s = store.elapsed_s() + wait_s
    while True:
        elapsed_s = store.elapsed_s()
        with store.look() as state:
            plan = _plan(store, state, elapsed_s, _now_us(now))
        if not plan.unknown or elapsed_s >= deadline_s:
            return plan
        SYSTEM.sleep(_POLL_S)


def _plan(store: DataStore, state: TestDataState, elapsed_s: float, now_us: int) -> _ReapPlan:
    gone: dict[str, str] = {}
    unknown: list[str] = []
    resources: list[Resource] = []
    for owner in state.owners.values():
        if not owner.holds_anything:
            continue
        why = store.owner_is_gone(owner, elapsed_s)
        if why:
            gone[owner.session] = why
        elif store.is_unknown(owner):
            unknown.append(owner.session)
        over = [each for each in owner.resources.values() if _is_over(state, each, now_us, gone=bool(why))]
        resources += [each for each in over if why or not _needs_its_owner(each, store.session)]
    return _ReapPlan(gone, unknown, resources)


def _is_over(state: TestDataState, resource: Resource, now_us: int, *, gone: bool) -> bool:
    """Return whether a resource may be reaped; kept data stays until its promised time."""
    kept_until_us = state.namespace(resource.namespace).kept_until_us
    if kept_until_us:
        return kept_until_us <= now_us
    return gone or 0 < resource.expires_us <= now_us


def _needs_its_owner(resource: Resource, session: str) -> bool:
    """Return whether a callback is open that only another live process can call."""
    return any(not cleanup.target and cleanup.session != session for cleanup in resource.open_cleanups())


def _expire_owners(store: DataStore, token: int, now: datetime | None) -> _ReapPlan:
    """Write which owners have ended and release their locks; later writes with these locks are refused."""
    elapsed_s = store.elapsed_s()
    with store.transact() as tx:
        plan = _plan(store, tx.state, elapsed_s, _now_us(now))
        for session, why in plan.gone.items():
            owner = tx.state.owners[session]
            if not owner.ended:
                event = ev.OwnerEnded(session=session, reason=why, token=token)
                tx.append(owner_stream(session), event)
            _expire_locks(tx, owner, store.session)
    return plan


def _expire_locks(tx: "Transaction[TestDataState]", owner: OwnerState, session: str) -> None:
    for token, lock in owner.tokens.items():
        event = ev.LockExpired(namespace=lock.namespace, key=lock.key, token=token, session=session, reason="dead")
        tx.append(lock_stream(lock.namespace, lock.key), event)


def _close_contexts(store: DataStore, plan: _ReapPlan, token: int) -> None:
    with store.transact() as tx:
        lock = tx.state.lock(*REAPER_LOCK)
        if lock is None or token not in lock.holds:
            raise StaleTokenError(f"reaper: token {token} is stale; another reaper continues")
        for session in plan.gone:
            for space in tx.state.owners[session].contexts.values():
                if not space.live:
                    event = ev.NamespaceClosed(namespace=space.name, session=store.session)
                    tx.append(namespace_stream(space.name), event)


def _remaining(store: DataStore, registry: CleanupRunner, plan: _ReapPlan, now: datetime | None) -> dict[str, Any]:
    """Return the remaining resources by who must act."""
    now_us = _now_us(now)
    standing: dict[str, Any] = {name: [] for name in ("failed", "waiting", "abandoned", "orphaned", "runnable")}
    with store.look() as state:
        for resource in plan.resources:
            if state.resource(resource.namespace, resource.resource_id) is resource:
                standing[_who_must_act(registry, resource, now_us)].append(resource)
        not_cleaned = [each for name in _WITH_REASONS for each in standing[name]]
        texts = [(each.resource_id, text) for each in not_cleaned for text in _reasons(registry, state, each)]
        standing["orphaned"] = [_orphan_data(state, resource) for resource in standing["orphaned"]]
    standing["reasons"] = count_reasons(texts)
    for name in ("failed", "waiting", "abandoned", "runnable"):
        standing[name] = [resource.resource_id for resource in standing[name]]
    return standing


def _who_must_act(registry: CleanupRunner, resource: Resource, now_us: int) -> str:
    cleanups = resource.open_cleanups()
    if any(not registry.can_run(cleanup) for cleanup in cleanups):
        return "orphaned"
    if any(cleanup.status == "abandoned" for cleanup in cleanups):
        return "abandoned"
    if any(cleanup.next_due_us > now_us for cleanup in cleanups):
        return "waiting"
    return "failed" if any(cleanup.status == "failed" for cleanup in cleanups) else "runnable"


def _reasons(registry: CleanupRunner, state: TestDataState, resource: Resource) -> list[str]:
    """Return the reasons why a resource is not cleaned: the last errors of its cleanups, else its users."""
    errors = [cleanup.error for cleanup in resource.open_cleanups() if cleanup.error]
    if errors:
        return errors
    holders = [f"locked by {owner_text(state, hold)}" for hold in registry.holders(state, resource)]
    return holders or ["other test data depends on it"] * bool(registry.dependants(state, resource))


def _orphan_data(state: TestDataState, resource: Resource) -> dict[str, Any]:
    """Return the details that a person needs to clean a resource by hand."""
    known = state.owners.get(resource.session)
    owner = known.owner if known else None
    return {
        "resource_id": resource.resource_id,
        "namespace": resource.namespace,
        "data_type": resource.life.data_type,
        "data": resource.current.value() if resource.current else None,
        "metadata": resource.life.metadata,
        "created_at": format_time(resource.at_us),
        "test": resource.life.test,
        "process": f"{owner.pid} on {owner.host}" if owner else "",
    }
