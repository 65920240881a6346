"""Namespaces, locks and conflicts: what keeps tests that run at the same time apart."""

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from ..eventlog.files.system import SYSTEM
from ..eventlog.journal import Transaction
from ..eventlog.times import format_time
from . import events as ev
from .errors import DataConflictError, LockTimeoutError, StaleTokenError, TestDataNotFound
from .identity import current_test
from .locks import Lease
from .rules import LockDecision, decide_lock
from .state import Conflict, Hold, Lock, Resource, TestDataState, VersionRecord
from .store import Store, lock_stream, namespace_stream
from .values import Content, as_content, check_name
from .versions import next_version

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IsolationManager"]

Mode = Literal["exclusive", "shared"]
DEFAULT_TTL_S = 60.0
_POLL_FIRST_S = 0.002
_POLL_MAX_S = 0.05
_VALUE_BYTES_MAX = 60_000


class IsolationManager:
    """Namespaces, named locks with fencing tokens, and recorded conflicts of one store.

    Args:
        store: where.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    # ------------------------------------------------------------ namespaces

    def create_namespace(self, namespace: str, worker_id: str | None = None) -> str:
        """Open a namespace and return its name: `namespace`, or `namespace_worker`.

        Raises:
            ValueError: there is one of that name, or it is no name.
        """
        name = check_name(f"{namespace}_{worker_id}" if worker_id else namespace, "namespace")
        with self._store.transact() as tx:
            if name in tx.state.namespaces and is_in_use(tx.state, name):
                raise ValueError(f"namespace {name!r} exists already; choose another name, or clean it first")
            tx.append(
                namespace_stream(name), ev.NamespaceOpened(namespace=name, session=self._store.session, context=True)
            )
        self._store.keeper.start(self._store.lease_s)
        return name

    def open_context(self, name: str | None) -> str:
        """Open an isolated context: under its name if that is free, else under one that says whose it is."""
        label = check_name(name, "namespace") if name is not None else "context"
        with self._store.transact() as tx:
            chosen = next(
                each for each in self._candidates(label, named=name is not None) if not is_in_use(tx.state, each)
            )
            event = ev.NamespaceOpened(
                namespace=chosen, session=self._store.session, label=label if chosen != label else "", context=True
            )
            tx.append(namespace_stream(chosen), event)
        self._store.keeper.start(self._store.lease_s)
        return chosen

    def close_context(self, namespace: str) -> None:
        """Say that a context is not used any more."""
        with self._store.transact() as tx:
            if tx.state.namespace(namespace).context:
                event = ev.NamespaceClosed(namespace=namespace, session=self._store.session)
                tx.append(namespace_stream(namespace), event)

    def _candidates(self, label: str, *, named: bool) -> Iterator[str]:
        if named:
            yield label
        owner = self._store.owner
        # `--` separates, so one within the label is escaped: two labels never give one name.
        base = f"{label.replace('%', '%25').replace('--', '%2D%2D')}--{owner.session[:8]}-{owner.worker or 'main'}"
        number = 1
        while True:
            yield f"{base}-{number}"
            number += 1

    # ----------------------------------------------------------------- locks

    def lock_resource(
        self,
        namespace: str,
        resource_key: str,
        lock_id: str,
        *,
        ttl: float = DEFAULT_TTL_S,
        wait: float = 0,
        mode: Mode = "exclusive",
    ) -> bool:
        """Take a named lock; neither the namespace nor anything of that key need exist.

        Args:
            namespace: where.
            resource_key: what; by convention the id of a resource.
            lock_id: who, within this process; the same `lock_id` in another process is somebody else.
            ttl: seconds after which others may take it if this process does not renew it any more.
            wait: how long to wait for it, in seconds.
            mode: `exclusive`, or `shared` with others who want it shared.

        Returns:
            True if it is granted, or ours already.
        """
        return self._take(namespace, resource_key, check_name(lock_id, "lock_id"), ttl, wait, mode) is not None

    def acquire(
        self,
        namespace: str,
        resource_key: str,
        lock_id: str | None = None,
        *,
        ttl: float = DEFAULT_TTL_S,
        wait: float = 0,
        mode: Mode = "exclusive",
        must_exist: bool = False,
    ) -> Lease:
        """Take a named lock as a context manager with a fencing token.

        Args:
            namespace: where.
            resource_key: what.
            lock_id: who; default: one of its own for each call.
            ttl: seconds, as for `lock_resource`.
            wait: seconds, as for `lock_resource`.
            mode: `exclusive` or `shared`.
            must_exist: demand that a live resource has that id.

        Raises:
            LockTimeoutError: others hold it; the message says who.
            TestDataNotFound: there is no such resource, so waiting is in vain (`must_exist`).
        """
        if must_exist:
            self._demand(namespace, resource_key)
        hold = self._take(namespace, resource_key, lock_id or f"lease-{secrets.token_hex(4)}", ttl, wait, mode)
        if hold is None:
            raise LockTimeoutError(
                f"lock {resource_key!r} in {namespace!r} is held by {self._who(namespace, resource_key)}"
            )
        return self._lease(namespace, resource_key, hold)

    def acquire_any(self, namespace: str, data_type: str, *, ttl: float = DEFAULT_TTL_S, wait: float = 0) -> Lease:
        """Take any resource of a type that is not locked, as from a pool; its id is the lease's `key`.

        Raises:
            LockTimeoutError: there are some, and none is free.
            TestDataNotFound: there are none of that type in the namespace.
        """
        deadline_s = self._store.elapsed_s() + wait
        lock_id = f"lease-{secrets.token_hex(4)}"
        pause_s = _POLL_FIRST_S
        while True:
            with self._store.look() as state:
                live = state.namespace(namespace).live.values()
                keys = [resource.resource_id for resource in live if resource.life.data_type == data_type]
            if not keys:
                raise TestDataNotFound(f"namespace {namespace!r} has no data of type {data_type!r}")
            for key in keys:
                hold = self._take(namespace, key, lock_id, ttl, 0, "exclusive")
                if hold is not None:
                    return self._lease(namespace, key, hold)
            if self._store.elapsed_s() >= deadline_s:
                raise LockTimeoutError(f"none of {len(keys)} of type {data_type!r} in {namespace!r} is free")
            SYSTEM.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _POLL_MAX_S)

    def unlock_resource(self, namespace: str, resource_key: str, lock_id: str) -> bool:
        """Give a lock back; False, and nothing changes, unless this process holds it under that `lock_id`."""
        session = self._store.session
        with self._store.transact() as tx:
            lock = tx.state.lock(namespace, resource_key)
            mine = _hold_by(lock, lock_id, session)
            if mine is None:
                return False
            event = ev.LockReleased(namespace=namespace, key=resource_key, token=mine.token, session=session)
            tx.append(lock_stream(namespace, resource_key), event)
        return True

    def force_unlock(self, namespace: str, resource_key: str, *, reason: str) -> int:
        """Take a lock from whoever holds it, and return from how many; recorded with the reason.

        A holder that lives notices: its lease is lost, and writes that show its token are refused as soon as the lock
        is granted again.
        """
        with self._store.transact() as tx:
            lock = tx.state.lock(namespace, resource_key)
            holds = list(lock.holds.values()) if lock else []
            for hold in holds:
                event = ev.LockReleased(
                    namespace=namespace, key=resource_key, token=hold.token, session=self._store.session, reason=reason
                )
                tx.append(lock_stream(namespace, resource_key), event)
        return len(holds)

    def locks(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return who holds what: `namespace, key, lock_id, mode, token, owner, granted_at, expires_at, gone, test`."""
        elapsed_s = self._store.elapsed_s()
        with self._store.look() as state:
            return [
                _hold_data(state, lock, hold, self._store.hold_is_gone(state, hold, elapsed_s))
                for lock in state.locks.values()
                if namespace in (None, lock.namespace) and lock.namespace
                for hold in lock.holds.values()
            ]

    def hold_of(self, lease: Lease) -> Hold | None:
        """Return the hold that a lease stands for, if it is still there."""
        with self._store.look() as state:
            lock = state.lock(lease.namespace, lease.key)
            return lock.holds.get(lease.token) if lock else None

    def release(self, lease: Lease) -> bool:
        """Give back what a lease stands for; False if it was lost."""
        self._store.keeper.leases.pop(lease.token, None)
        with self._store.transact() as tx:
            lock = tx.state.lock(lease.namespace, lease.key)
            hold = lock.holds.get(lease.token) if lock else None
            if hold is None or hold.session != self._store.session:
                return False
            event = ev.LockReleased(
                namespace=lease.namespace, key=lease.key, token=lease.token, session=self._store.session
            )
            tx.append(lock_stream(lease.namespace, lease.key), event)
        return True

    def _take(self, namespace: str, key: str, lock_id: str, ttl: float, wait: float, mode: Mode) -> Hold | None:
        _check_lock(namespace, key, ttl, mode)
        return self.take_named(namespace, key, lock_id, ttl_s=ttl, wait_s=wait, mode=mode)

    def take_named(
        self, namespace: str, key: str, lock_id: str, *, ttl_s: float, wait_s: float = 0, mode: Mode = "exclusive"
    ) -> Hold | None:
        """Take a lock, also one of our own that has no namespace; None if it was not to be had in time."""
        deadline_s = self._store.elapsed_s() + wait_s
        pause_s = _POLL_FIRST_S
        while True:
            hold = self._try(namespace, key, lock_id, ttl_s, mode)
            if hold is not None or self._store.elapsed_s() >= deadline_s:
                return hold
            SYSTEM.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _POLL_MAX_S)

    def _try(self, namespace: str, key: str, lock_id: str, ttl_s: float, mode: Mode) -> Hold | None:
        elapsed_s = self._store.elapsed_s()
        with self._store.transact() as tx:
            session = self._store.session

            def gone(hold: Hold) -> bool:
                return bool(self._store.hold_is_gone(tx.state, hold, elapsed_s))

            decision = decide_lock(tx.state.lock(namespace, key), lock_id, session, mode, gone)
            if decision.outcome == "busy":
                return None
            if decision.hold is not None:
                renewal = ev.LockRenewed(namespace=namespace, key=key, token=decision.hold.token)
                tx.append(lock_stream(namespace, key), renewal)
            else:
                self._grant(tx, namespace, key, decision, elapsed_s)
                grant = ev.LockGranted(
                    namespace=namespace,
                    key=key,
                    lock_id=lock_id,
                    session=session,
                    mode=mode,
                    ttl_us=int(ttl_s * 1_000_000),
                    test=current_test(),
                )
                tx.append(lock_stream(namespace, key), grant)
        hold = _hold_by(tx.state.lock(namespace, key), lock_id, session)
        if hold is not None:
            self._store.keeper.start(ttl_s, hold.token)
        return hold

    def _grant(
        self, tx: Transaction[TestDataState], namespace: str, key: str, decision: LockDecision, elapsed_s: float
    ) -> None:
        session = self._store.session
        for hold in decision.expired:
            reason = self._store.hold_is_gone(tx.state, hold, elapsed_s)
            expired = ev.LockExpired(namespace=namespace, key=key, token=hold.token, session=session, reason=reason)
            tx.append(lock_stream(namespace, key), expired)
        if decision.exchanged is not None:
            token = decision.exchanged.token
            event = ev.LockReleased(namespace=namespace, key=key, token=token, session=session, reason="exchanged")
            tx.append(lock_stream(namespace, key), event)

    def _lease(self, namespace: str, key: str, hold: Hold) -> Lease:
        lease = Lease(self, namespace, key, hold)
        self._store.keeper.leases[hold.token] = lease
        return lease

    def _demand(self, namespace: str, key: str) -> None:
        with self._store.look() as state:
            if state.resource(namespace, key) is None:
                raise TestDataNotFound(f"no data {key!r} in namespace {namespace!r}, so nobody can lock it")

    def _who(self, namespace: str, key: str) -> str:
        with self._store.look() as state:
            lock = state.lock(namespace, key)
            names = [owner_text(state, hold) for hold in lock.holds.values()] if lock else []
        return ", ".join(names) or "somebody who has just given it back"

    # ------------------------------------------------------------- conflicts

    def get_conflicts(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return the conflicts that nobody has decided yet, oldest first.

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
        """Decide a conflict.

        Args:
            conflict_id: of `get_conflicts()`.
            resolution: `keep` what stands there; `take` what was refused, as a new version; or a function
                `(current_value, new_value) -> value` whose result becomes a new version.

        Returns:
            the new version, or None with `keep`.

        Raises:
            TestDataNotFound: there is no such open conflict, or what it was about is gone.
            ValueError: `resolution` is neither.
        """
        if resolution == "keep":
            with self._store.transact() as tx:
                self._resolve(tx, conflict_id, "keep")
            return None
        if resolution != "take" and not callable(resolution):
            raise ValueError(f"a conflict is resolved by 'keep', 'take' or a function, not {resolution!r}")
        with self._store.look() as state:
            value = _decided(state, conflict_id, resolution)
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


# -------------------------------------------------- shared by who writes data


def is_in_use(state: TestDataState, name: str) -> bool:
    """Tell whether a namespace has an open context or live data."""
    space = state.namespaces.get(name)
    return space is not None and (space.context or bool(space.live))


def append_version(
    tx: Transaction[TestDataState], session: str, resource: Resource, version: str, content: Content, token: int = 0
) -> None:
    """Say that a resource gets a new version."""
    event = ev.ResourceVersioned(
        namespace=resource.namespace,
        resource_id=resource.resource_id,
        session=session,
        version=version,
        content=content.digest,
        data=content.data,
        test=current_test(),
        token=token,
    )
    tx.append(namespace_stream(resource.namespace), event)


def detect_conflict(
    tx: Transaction[TestDataState],
    session: str,
    kind: str,
    resource: Resource,
    record: VersionRecord,
    content: Content,
    message: str,
) -> DataConflictError:
    """Record that a write was refused, once as long as it is open, and return the error for its writer."""
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


def check_token(state: TestDataState, namespace: str, key: str, fencing: "int | Lease") -> int:
    """Return the number of a fencing token that may write.

    Raises:
        StaleTokenError: somebody has been granted the lock since, or it was never granted with that token.
    """
    if isinstance(fencing, Lease):
        namespace, key, token = fencing.namespace, fencing.key, fencing.token
    else:
        token = fencing
    lock = state.lock(namespace, key)
    highest = lock.highest_token if lock else -1
    hold = lock.holds.get(token) if lock else None
    if token == highest or (hold is not None and hold.mode == "shared"):
        return token
    said = "was never granted" if token > highest else f"is stale: the lock was granted again with token {highest}"
    raise StaleTokenError(f"token {token} of lock {key!r} in {namespace!r} {said}; nothing was written")


def _short(data: msgspec.Raw) -> msgspec.Raw:
    """Leave out a value that would not fit beside another; which it was, its digest says."""
    size = len(bytes(data))
    return data if size <= _VALUE_BYTES_MAX else msgspec.Raw(msgspec.json.encode({"omitted_bytes": size}))


def _check_lock(namespace: str, key: str, ttl: float, mode: str) -> None:
    check_name(namespace, "namespace")
    check_name(key, "resource_key")
    if not 0 < ttl <= 86_400:  # noqa: PLR2004 - a day
        raise ValueError(f"ttl must be more than 0 and at most 86400 seconds, not {ttl}")
    if mode not in ("exclusive", "shared"):
        raise ValueError(f"mode must be 'exclusive' or 'shared', not {mode!r}")


def _hold_by(lock: Lock | None, lock_id: str, session: str) -> Hold | None:
    holds = lock.holds.values() if lock else ()
    return next((hold for hold in holds if (hold.lock_id, hold.session) == (lock_id, session)), None)


def _open_conflict(state: TestDataState, conflict_id: str) -> ev.ConflictDetected:
    conflict = state.conflicts.get(conflict_id)
    if conflict is None:
        raise TestDataNotFound(f"no open conflict {conflict_id!r}")
    return conflict.event


def _decided(state: TestDataState, conflict_id: str, resolution: Any) -> Any:
    conflict = _open_conflict(state, conflict_id)
    resource = state.resource(conflict.namespace, conflict.key)
    record = resource.current if resource else None
    if record is None:
        raise TestDataNotFound(f"conflict {conflict_id}: {conflict.key!r} is gone; resolve it with 'keep'")
    new = msgspec.json.decode(conflict.new_value)
    omitted = isinstance(new, dict) and set(cast("Mapping[str, Any]", new)) == {"omitted_bytes"}
    if omitted and as_content(new).digest != conflict.content:
        raise ValueError(f"conflict {conflict_id}: the refused value was too large to be kept; write it again instead")
    return new if resolution == "take" else resolution(record.value(), new)


def _conflict_data(conflict: Conflict) -> dict[str, Any]:
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


def owner_text(state: TestDataState, hold: Hold) -> str:
    """Return who holds a lock, for people."""
    known = state.owners.get(hold.session)
    owner = known.owner if known else None
    who = f"process {owner.pid} on {owner.host}" if owner else f"session {hold.session}"
    return f"{hold.lock_id!r} of {who}{f' {owner.worker}' if owner and owner.worker else ''}"


def _hold_data(state: TestDataState, lock: Lock, hold: Hold, gone: str) -> dict[str, Any]:
    return {
        "namespace": lock.namespace,
        "key": lock.key,
        "lock_id": hold.lock_id,
        "mode": hold.mode,
        "token": hold.token,
        "session": hold.session,
        "owner": owner_text(state, hold),
        "granted_at": format_time(hold.granted_at_us),
        "expires_at": format_time(hold.renewed_at_us + hold.ttl_us),
        "gone": gone,
        "test": hold.test,
    }
