"""Cleans up after processes that are gone. One reaper at a time: it holds a renewed lease and shows its token."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..eventlog.files.system import SYSTEM
from ..eventlog.times import format_time, from_datetime
from . import events as ev
from .cleanup import REAPER_LOCK, CleanupRegistry
from .errors import StaleTokenError
from .isolation import IsolationManager, owner_text
from .reasons import count_reasons
from .state import OwnerState, Resource, TestDataState
from .store import Store, lock_stream, namespace_stream, owner_stream

if TYPE_CHECKING:
    from ..eventlog.journal import Transaction

__all__ = ["reap"]

_TTL_S = 30.0
_POLL_S = 0.1
_WITH_REASONS = ("failed", "waiting", "abandoned", "runnable")


class _Plan(NamedTuple):
    """What is to be reaped."""

    gone: dict[str, str]
    """Session to why: `dead` or `lapsed`."""
    unknown: list[str]
    """Sessions of which nothing can be said from here, or not yet."""
    resources: list[Resource]

    @property
    def empty(self) -> bool:
        """There is nothing to do."""
        return not self.gone and not self.resources


def reap(
    store: Store, registry: CleanupRegistry, now: datetime | None = None, *, dry_run: bool = False, wait_s: float = 0
) -> dict[str, Any]:
    """Clean what belonged to processes that are gone, and what has outlived its time; free their locks.

    Gone is who provably died, or cannot be looked at from here (another machine or container) and has not renewed its
    lease while we watched. Live owners are left alone. Callbacks that only a dead process could call are listed as
    `orphaned`.

    Args:
        store: where.
        registry: runs the cleanups.
        now: the time by which data expires and cleanups are due; default: now.
        dry_run: only say what would be done.
        wait_s: how long to watch owners that cannot be looked at, in seconds; their leases are 60 s.

    Returns:
        `busy` (another reaper is at it), `token`, `gone` {session: why}, `unknown` [sessions], `cleaned` [ids],
        `failed` [ids], `waiting` [ids] (failed, not due yet), `abandoned` [ids], `orphaned` [what a person must
        clean], `blocked` [ids] (others use it), `reasons` [why: `error`, `count`, `resources`], `lost`.
    """
    plan = _watch(store, now, wait_s)
    report = _empty_report(plan)
    if dry_run or plan.empty:
        return report | _standing(store, registry, plan, now) | {"dry_run": dry_run}
    locks = IsolationManager(store)
    hold = locks.take_named(*REAPER_LOCK, f"reaper-{id(report)}", ttl_s=_TTL_S)
    if hold is None:
        return report | {"busy": True}
    try:
        plan = _bury(store, hold.token, now)
        keys = [(resource.namespace, resource.resource_id) for resource in plan.resources]
        results = registry.clean(keys, token=hold.token, due_at_us=_now_us(now))
        _close_contexts(store, plan, hold.token)
        cleaned = [key for key, done in results.items() if done]
        standing = _standing(store, registry, plan, now)
        blocked = {"blocked": standing["runnable"], "runnable": []}
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


def _empty_report(plan: _Plan) -> dict[str, Any]:
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


def _watch(store: Store, now: datetime | None, wait_s: float) -> _Plan:
    """Look once, or until nothing can be said to be unknown, or the time is over."""
    deadline_s = store.elapsed_s() + wait_s
    while True:
        elapsed_s = store.elapsed_s()
        with store.look() as state:
            plan = _plan(store, state, elapsed_s, _now_us(now))
        if not plan.unknown or elapsed_s >= deadline_s:
            return plan
        SYSTEM.sleep(_POLL_S)


def _plan(store: Store, state: TestDataState, elapsed_s: float, now_us: int) -> _Plan:
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
    return _Plan(gone, unknown, resources)


def _is_over(state: TestDataState, resource: Resource, now_us: int, *, gone: bool) -> bool:
    """Tell whether the time of a resource has come; data kept for a look at it stays until it was promised."""
    kept_until_us = state.namespace(resource.namespace).kept_until_us
    if kept_until_us:
        return kept_until_us <= now_us
    return gone or 0 < resource.expires_us <= now_us


def _needs_its_owner(resource: Resource, session: str) -> bool:
    """Tell whether a callback is open that a process can call that lives, and is not this one."""
    return any(not cleanup.target and cleanup.session != session for cleanup in resource.open_cleanups())


def _bury(store: Store, token: int, now: datetime | None) -> _Plan:
    """Say under our lease who is gone, and free their locks; what they still do with them is refused from here on."""
    elapsed_s = store.elapsed_s()
    with store.transact() as tx:
        plan = _plan(store, tx.state, elapsed_s, _now_us(now))
        for session, why in plan.gone.items():
            owner = tx.state.owners[session]
            if not owner.ended:
                event = ev.OwnerEnded(session=session, reason=why, token=token)
                tx.append(owner_stream(session), event)
            _expire(tx, owner, store.session)
    return plan


def _expire(tx: "Transaction[TestDataState]", owner: OwnerState, session: str) -> None:
    for token, lock in owner.tokens.items():
        event = ev.LockExpired(namespace=lock.namespace, key=lock.key, token=token, session=session, reason="dead")
        tx.append(lock_stream(lock.namespace, lock.key), event)


def _close_contexts(store: Store, plan: _Plan, token: int) -> None:
    with store.transact() as tx:
        lock = tx.state.lock(*REAPER_LOCK)
        if lock is None or token not in lock.holds:
            raise StaleTokenError(f"this reaper (token {token}) has lost its lease; another one goes on")
        for session in plan.gone:
            for space in tx.state.owners[session].contexts.values():
                if not space.live:
                    event = ev.NamespaceClosed(namespace=space.name, session=store.session)
                    tx.append(namespace_stream(space.name), event)


def _standing(store: Store, registry: CleanupRegistry, plan: _Plan, now: datetime | None) -> dict[str, Any]:
    """Sort what is still there of what was to be reaped by who must act."""
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


def _who_must_act(registry: CleanupRegistry, resource: Resource, now_us: int) -> str:
    cleanups = resource.open_cleanups()
    if any(not registry.can_run(cleanup) for cleanup in cleanups):
        return "orphaned"
    if any(cleanup.status == "abandoned" for cleanup in cleanups):
        return "abandoned"
    if any(cleanup.next_due_us > now_us for cleanup in cleanups):
        return "waiting"
    return "failed" if any(cleanup.status == "failed" for cleanup in cleanups) else "runnable"


def _reasons(registry: CleanupRegistry, state: TestDataState, resource: Resource) -> list[str]:
    """Return why a resource is not cleaned: what its cleanups raised last, else who uses it."""
    errors = [cleanup.error for cleanup in resource.open_cleanups() if cleanup.error]
    if errors:
        return errors
    holders = [f"locked by {owner_text(state, hold)}" for hold in registry.holders(state, resource)]
    return holders or ["other test data depends on it"] * bool(registry.dependants(state, resource))


def _orphan_data(state: TestDataState, resource: Resource) -> dict[str, Any]:
    """Return what a person needs to clean something by hand."""
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
