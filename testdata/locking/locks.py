"""Named locks with fencing tokens."""

import secrets
from typing import Any

from ...eventlog.files.system import SYSTEM
from ...eventlog.journal import Transaction
from ...eventlog.times import format_time
from ..errors import LockTimeoutError, StaleTokenError, TestDataNotFound
from ..model import events as ev
from ..model.fold import TestDataState
from ..model.records import Hold, Lock
from ..model.rules import LockDecision, Mode, decide_lock
from ..model.values import check_name
from ..store.data_store import DataStore
from ..store.identity import current_test
from ..store.streams import lock_stream
from .lease import Lease

DEFAULT_TTL_S = 60.0
_POLL_FIRST_S = 0.002
_POLL_MAX_S = 0.05


class Locks:
    """Named locks of one store.

    Args:
        store: the store of the test data.
    """

    def __init__(self, store: DataStore) -> None:
        self._store = store

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
        """Acquire a named lock. Neither the namespace nor a resource of that name needs to exist.

        Args:
            namespace: namespace of the lock.
            resource_key: name of the lock; by convention the id of a resource.
            lock_id: holder within this process; the same `lock_id` in another process is another holder.
            ttl: seconds after which others may take the lock if this process does not renew it.
            wait: time to wait for the lock, in seconds.
            mode: `exclusive`, or `shared` with other shared holders.

        Returns:
            True if this holder has the lock now.
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
        """Acquire a named lock as a context manager with a fencing token.

        Args:
            namespace: namespace of the lock.
            resource_key: name of the lock.
            lock_id: holder; default: a new one for each call.
            ttl: seconds, as for `lock_resource`.
            wait: seconds, as for `lock_resource`.
            mode: `exclusive` or `shared`.
            must_exist: raise an error unless a live resource has that id.

        Raises:
            LockTimeoutError: others hold the lock; the message names them.
            TestDataNotFound: no live resource has that id (`must_exist`).
        """
        if must_exist:
            self._check_exists(namespace, resource_key)
        hold = self._take(namespace, resource_key, lock_id or f"lease-{secrets.token_hex(4)}", ttl, wait, mode)
        if hold is None:
            raise LockTimeoutError(
                f"lock {resource_key!r} in {namespace!r} is held by {self._holders_text(namespace, resource_key)}"
            )
        return self._lease(namespace, resource_key, hold)

    def acquire_any(self, namespace: str, data_type: str, *, ttl: float = DEFAULT_TTL_S, wait: float = 0) -> Lease:
        """Lock any free resource of a type, as from a pool; its id is the `key` of the lease.

        Raises:
            LockTimeoutError: all resources of that type are locked.
            TestDataNotFound: the namespace has no resource of that type.
        """
        deadline_s = self._store.elapsed_s() + wait
        lock_id = f"lease-{secrets.token_hex(4)}"
        pause_s = _POLL_FIRST_S
        while True:
            with self._store.look() as state:
                live = state.namespace(namespace).live.values()
                keys = [resource.resource_id for resource in live if resource.life.data_type == data_type]
            if not keys:
                raise TestDataNotFound(f"namespace {namespace!r}: no data of type {data_type!r}")
            for key in keys:
                hold = self._take(namespace, key, lock_id, ttl, 0, "exclusive")
                if hold is not None:
                    return self._lease(namespace, key, hold)
            if self._store.elapsed_s() >= deadline_s:
                raise LockTimeoutError(
                    f"namespace {namespace!r}: none of {len(keys)} resources of type {data_type!r} is free; pass wait="
                )
            SYSTEM.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _POLL_MAX_S)

    def unlock_resource(self, namespace: str, resource_key: str, lock_id: str) -> bool:
        """Release a lock; return False, without a change, unless this process holds it under that `lock_id`."""
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
        """Release a lock of any holder with a recorded reason, and return the number of holders.

        The lease of a live holder is marked as lost, and writes with its token are refused as soon as the lock is
        granted again.
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
        """Return all holds: `namespace, key, lock_id, mode, token, owner, granted_at, expires_at, gone, test`."""
        elapsed_s = self._store.elapsed_s()
        with self._store.look() as state:
            return [
                _hold_data(state, lock, hold, self._store.hold_is_gone(state, hold, elapsed_s))
                for lock in state.locks.values()
                if namespace in (None, lock.namespace) and lock.namespace
                for hold in lock.holds.values()
            ]

    def hold_of(self, lease: Lease) -> Hold | None:
        """Return the hold of a lease; None if it was lost."""
        with self._store.look() as state:
            lock = state.lock(lease.namespace, lease.key)
            return lock.holds.get(lease.token) if lock else None

    def release(self, lease: Lease) -> bool:
        """Release the lock of a lease; return False if it was lost."""
        self._store.renewer.leases.pop(lease.token, None)
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
        """Acquire a lock, also an internal one without a namespace; return None after the timeout."""
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
            self._store.renewer.start(ttl_s, hold.token)
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
        self._store.renewer.leases[hold.token] = lease
        return lease

    def _check_exists(self, namespace: str, key: str) -> None:
        with self._store.look() as state:
            if state.resource(namespace, key) is None:
                raise TestDataNotFound(f"namespace {namespace!r}: no data {key!r} to lock")

    def _holders_text(self, namespace: str, key: str) -> str:
        with self._store.look() as state:
            lock = state.lock(namespace, key)
            names = [owner_text(state, hold) for hold in lock.holds.values()] if lock else []
        return ", ".join(names) or "a holder that has just released it"


def check_token(state: TestDataState, namespace: str, key: str, fencing: "int | Lease") -> int:
    """Return the number of a fencing token after checking that it may write.

    Raises:
        StaleTokenError: the lock was granted to another holder since, or never with that token.
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
    problem = "was never granted" if token > highest else f"is stale: the lock was granted again with token {highest}"
    raise StaleTokenError(f"token {token} of lock {key!r} in {namespace!r} {problem}; nothing was written")


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


def owner_text(state: TestDataState, hold: Hold) -> str:
    """Return the holder of a lock as text for people."""
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
