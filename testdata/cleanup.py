"""Cleanup of test data: what is registered, run, repeated, waived and reported."""

import random
import secrets
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from ..eventlog.files.system import SYSTEM
from ..eventlog.journal import Transaction
from . import events as ev
from .callbacks import Durable, as_durable, call_durable, call_here, check_callback, error_text
from .errors import StaleTokenError
from .identity import verdict_on
from .rules import ABANDON_ATTEMPTS, cleanup_order, next_due_us, pause_s
from .state import Cleanup, Hold, Resource, TestDataState
from .store import Store, namespace_stream
from .version_manager import find_anywhere

__all__ = ["REAPER_LOCK", "CleanupRegistry", "Intent", "registration"]

REAPER_LOCK = ("", "reaper")
_BATCH = 500
_local: dict[str, Callable[[], Any]] = {}
"""Callbacks of this process by cleanup id; a forked child has them, but is another owner, and so does not call them."""
_running: set[str] = set()
_running_mutex = threading.Lock()

Key = tuple[str, str]


class Intent:
    """A resource that is about to be made outside: its cleanup is registered already."""

    def __init__(self, resource_id: str, namespace: str) -> None:
        self.resource_id = resource_id
        self.namespace = namespace
        self.data: Any = None
        """Set it to what there is to say about the resource once it exists; recorded at the end of the block."""


class _Outcome(NamedTuple):
    """How one cleanup went."""

    done: bool
    error: BaseException | None = None


class CleanupRegistry:
    """Cleanups of one store.

    Args:
        store: where.
        make: creates a resource, as `TestDataManager.create_test_data` does, for `intent`.
        update: gives a resource new data, for `intent`.
    """

    def __init__(self, store: Store, make: Callable[..., str], update: Callable[..., str]) -> None:
        self._store = store
        self._make = make
        self._update = update
        self.max_retries = 3
        """Attempts for each callback in one run; less than 1 counts as 1."""
        self.timeout_s = 60.0
        """How long a durable cleanup may take. Callbacks of this process run in the thread that cleans, without a
        limit: connections often belong to their thread."""
        self.abandon_after = ABANDON_ATTEMPTS
        """Failures over all sessions after which reapers leave it to people."""
        self.sleep: Callable[[float], None] = SYSTEM.sleep

    @property
    def _max_retries(self) -> int:
        """The name that the documents use."""
        return self.max_retries

    @_max_retries.setter
    def _max_retries(self, value: int) -> None:
        self.max_retries = value

    # ----------------------------------------------------------- registering

    def add_cleanup_callback(
        self, resource_id: str, callback: Callable[[], Any] | Any, *, namespace: str | None = None
    ) -> str:
        """Register one more cleanup of live test data; the last registered is the first run.

        Args:
            resource_id: whose.
            callback: a function without arguments, which only this process can call; or a durable cleanup, as
                `create_test_data(cleanup=...)` takes it.
            namespace: of the resource; needed only if several have it.

        Raises:
            KeyError: there is no such live test data.
            CleanupTargetError: a durable cleanup names nothing that can be found.
            CleanupCallbackError: it is neither, or cannot be called without arguments.
        """
        durable = as_durable(callback) if isinstance(callback, str | tuple) else None
        if durable is None:
            check_callback(callback)
        with self._store.transact() as tx:
            state = tx.state
            resource = (
                find_anywhere(state, resource_id, self._store.session)
                if namespace is None
                else state.resource(namespace, resource_id)
            )
            if resource is None:
                raise KeyError(resource_id)
            event = registration(resource.namespace, resource_id, self._store.session, durable, callback)
            tx.append(namespace_stream(resource.namespace), event)
        return event.cleanup_id

    @contextmanager
    def intent(
        self, cleanup: Any, data_type: str = "resource", namespace: str = "default", *, data: Any = None
    ) -> Generator[Intent]:
        """Register a durable cleanup before the resource outside exists; make the resource in the block.

        The cleanup must bear that there is nothing to clean. It is on the disk, synced, before the block begins. If
        the block raises, the cleanup runs at once.

        Args:
            cleanup: as `create_test_data(cleanup=...)` takes it.
            data_type: of the record.
            namespace: of the record.
            data: of the record; the block may give better (`Intent.data`).
        """
        resource_id = self._make(data_type, data, namespace, cleanup=cleanup, sync=True)
        intent = Intent(resource_id, namespace)
        try:
            yield intent
            if intent.data is not None:
                self._update(resource_id, intent.data, namespace)
        except BaseException as error:
            if not self.clean([(namespace, resource_id)])[resource_id]:
                error.add_note(f"the cleanup of {resource_id!r} failed as well; a reaper will try it again")
            raise

    def unregister_resource(self, resource_id: str, *, namespace: str | None = None) -> bool:
        """Say that somebody cleaned it by hand: its cleanups are waived and it is retired. False if it is not there."""
        session = self._store.session
        with self._store.transact() as tx:
            if namespace is None:
                resource = find_anywhere(tx.state, resource_id, session)
            else:
                resource = tx.state.resource(namespace, resource_id)
            if resource is None:
                return False
            names: dict[str, Any] = {"namespace": resource.namespace, "resource_id": resource_id, "session": session}
            waived, retired = ev.CleanupWaived(**names), ev.ResourceRetired(**names, reason="waived")
            tx.append(namespace_stream(resource.namespace), waived, retired)
        return True

    # --------------------------------------------------------------- running

    def clean(self, keys: Iterable[Key], *, token: int = 0, due_at_us: int | None = None) -> dict[str, bool]:
        """Clean test data: run what is open, then retire what nothing is open of.

        Args:
            keys: `(namespace, id)` of what is to be cleaned; what is not live is passed over.
            token: fencing token of a reaper; 0 for the owner.
            due_at_us: leave out what failed and is not due by then.

        Returns:
            id to whether it is cleaned. False: a callback failed, it is locked by another process, something live
            depends on it, or only another process can call its callback.
        """
        results: dict[str, bool] = {}
        plain: list[Resource] = []
        for resource in self._in_order(keys):
            if not resource.open_cleanups():
                plain.append(resource)
                if len(plain) < _BATCH:
                    continue
            self._retire_plain(plain, results, token)
            plain = []
            if resource.open_cleanups():
                _note(results, resource, done=self._clean_one(resource, token, due_at_us))
        self._retire_plain(plain, results, token)
        return results

    def _in_order(self, keys: Iterable[Key]) -> list[Resource]:
        wanted: dict[str, list[str]] = {}
        for namespace, resource_id in keys:
            wanted.setdefault(namespace, []).append(resource_id)
        order: list[Resource] = []
        with self._store.look() as state:
            for name, ids in wanted.items():
                space = state.namespace(name)
                live = [space.live[key] for key in ids if key in space.live]
                order += cleanup_order(live, space.dependants)
        return order

    def _retire_plain(self, resources: list[Resource], results: dict[str, bool], token: int) -> None:
        """Retire records that have nothing to call, many in one batch."""
        if not resources:
            return
        going: set[Key] = set()
        with self._store.transact() as tx:
            self._check_fence(tx.state, token)
            for resource in resources:
                free = self._is_free(tx.state, resource, going) and not resource.open_cleanups()
                if free:
                    going.add((resource.namespace, resource.resource_id))
                    self._retire(tx, resource, token)
                _note(results, resource, done=free)

    def _clean_one(self, resource: Resource, token: int, due_at_us: int | None) -> bool:
        """Run the open cleanups of one resource, and retire it if all of them succeeded."""
        clean = True
        with self._store.look() as state:
            if not self._is_free(state, resource, set()):
                return False
            cleanups = resource.open_cleanups()
        for cleanup in cleanups:
            clean = self._run(resource, cleanup, token, due_at_us) and clean
        return clean and resource.current is None

    def _is_free(self, state: TestDataState, resource: Resource, going: set[Key]) -> bool:
        space = state.namespace(resource.namespace)
        if space.live.get(resource.resource_id) is not resource:
            return False
        return not self.dependants(state, resource, going) and not self.holders(state, resource)

    @staticmethod
    def dependants(state: TestDataState, resource: Resource, going: Iterable[Key] = ()) -> list[str]:
        """Return the ids of live test data that depends on a resource, but for what is `going`."""
        others = state.namespace(resource.namespace).dependants.get(resource.resource_id, set())
        return [other for other in others if (resource.namespace, other) not in going]

    def holders(self, state: TestDataState, resource: Resource) -> list[Hold]:
        """Return how other processes hold the lock named like a resource; a dead one holds nothing up."""
        holds = state.foreign_holds(resource, self._store.session)
        return [hold for hold in holds if not self._store.hold_is_dead(state, hold)]

    def can_run(self, cleanup: Cleanup) -> bool:
        """Tell whether this process can run a cleanup: a durable one, or a callback of its own."""
        return bool(cleanup.target) or (cleanup.session == self._store.session and cleanup.cleanup_id in _local)

    def _run(self, resource: Resource, cleanup: Cleanup, token: int, due_at_us: int | None) -> bool:
        """Run one cleanup, repeatedly if it fails; True if it is done."""
        if not self.can_run(cleanup) or (due_at_us is not None and not self._is_due(cleanup, due_at_us)):
            return False
        with _running_mutex:
            if cleanup.cleanup_id in _running:
                return False  # another thread is at it
            _running.add(cleanup.cleanup_id)
        try:
            attempts = max(self.max_retries, 1)
            for attempt in range(1, attempts + 1):
                if not self._start(resource, cleanup, token):
                    return cleanup.status == "succeeded"
                outcome = self._attempt(resource, cleanup, token)
                if outcome.done or cleanup.status == "abandoned":
                    return outcome.done
                if attempt < attempts:
                    self.sleep(pause_s(attempt, random.random()))  # noqa: S311 - spreads, protects nothing
            return False
        finally:
            with _running_mutex:
                _running.discard(cleanup.cleanup_id)

    def _is_due(self, cleanup: Cleanup, due_at_us: int) -> bool:
        return cleanup.status != "abandoned" and cleanup.next_due_us <= due_at_us

    def _start(self, resource: Resource, cleanup: Cleanup, token: int) -> bool:
        """Say that a cleanup begins; False if it is not ours to run any more."""
        session = self._store.session
        with self._store.transact() as tx:
            self._check_fence(tx.state, token)
            if not cleanup.is_open or not self._is_free(tx.state, resource, set()):
                return False
            if cleanup.running not in ("", session) and not self._is_gone(tx.state, cleanup.running):
                return False  # another process is at it
            names = self._names(resource, cleanup)
            event = ev.CleanupStarted(**names, session=session, attempt=cleanup.attempts + 1, token=token)
            tx.append(namespace_stream(resource.namespace), event)
        return True

    def _is_gone(self, state: TestDataState, session: str) -> bool:
        owner = state.owners.get(session)
        return owner is None or bool(owner.ended) or verdict_on(owner.owner) == "dead"

    def _attempt(self, resource: Resource, cleanup: Cleanup, token: int) -> _Outcome:
        try:
            if cleanup.target:
                durable = Durable(cleanup.target, cleanup.arguments, cleanup.import_root)
                call_durable(durable, self.timeout_s)
            else:
                call_here(_local[cleanup.cleanup_id])
        except KeyboardInterrupt as error:
            self._fail(resource, cleanup, token, error)
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a callback raises is its failure, recorded and reported
            self._fail(resource, cleanup, token, error)
            return _Outcome(done=False, error=error)
        self._succeed(resource, cleanup, token)
        return _Outcome(done=True)

    def _succeed(self, resource: Resource, cleanup: Cleanup, token: int) -> None:
        with self._store.transact() as tx:
            names = self._names(resource, cleanup)
            tx.append(namespace_stream(resource.namespace), ev.CleanupSucceeded(**names, session=self._store.session))
            last = resource.open_cleanups() in ([cleanup], [])
            if last and self._is_free(tx.state, resource, set()):
                self._retire(tx, resource, token)
        _local.pop(cleanup.cleanup_id, None)

    def _fail(self, resource: Resource, cleanup: Cleanup, token: int, error: BaseException) -> None:
        session = self._store.session
        with self._store.transact() as tx:
            attempt = max(cleanup.attempts, 1)
            event = ev.CleanupFailed(
                **self._names(resource, cleanup),
                session=session,
                attempt=attempt,
                error=error_text(error),
                next_due_us=next_due_us(tx.now_us, attempt, random.random()),  # noqa: S311 - spreads, protects nothing
            )
            tx.append(namespace_stream(resource.namespace), event)
            if token and attempt >= self.abandon_after:
                abandoned = ev.CleanupAbandoned(**self._names(resource, cleanup), session=session)
                tx.append(namespace_stream(resource.namespace), abandoned)

    def _retire(self, tx: Transaction[TestDataState], resource: Resource, token: int) -> None:
        event = ev.ResourceRetired(
            namespace=resource.namespace,
            resource_id=resource.resource_id,
            session=self._store.session,
            reason="reaped" if token else "cleaned",
        )
        tx.append(namespace_stream(resource.namespace), event)

    def _check_fence(self, state: TestDataState, token: int) -> None:
        lock = state.lock(*REAPER_LOCK)
        if token and (lock is None or token not in lock.holds):
            raise StaleTokenError(f"this reaper (token {token}) has lost its lease; another one goes on")

    @staticmethod
    def _names(resource: Resource, cleanup: Cleanup) -> dict[str, Any]:
        return {
            "namespace": resource.namespace,
            "resource_id": resource.resource_id,
            "cleanup_id": cleanup.cleanup_id,
        }

    # -------------------------------------------------------------- reporting

    def get_cleanup_report(self) -> dict[str, Any]:
        """Return how cleaning stands.

        Keys: `total_resources`, `namespaces {name: live}`, `cleanup_results {id: bool}` (last result), `retry_counts
        {id: n}` (failed attempts), `failed_cleanups [ids]` (still failing), `locked_resources [ids]`, `pending` (open
        cleanups), `abandoned [ids]`, `orphaned [ids]` (only a process that is gone could call them), `waived [ids]`,
        `errors {id: text}`, `oldest_overdue_s`.
        """
        with self._store.look() as state:
            report = _report(state)
            orphaned = [resource.resource_id for resource in orphans(state)]
        return report | {"orphaned": orphaned}

    def reap(self, now: datetime | None = None, *, dry_run: bool = False, wait_s: float = 0) -> dict[str, Any]:
        """Clean up after processes that are gone, and what has outlived its time; see `reaper.reap`."""
        from .reaper import reap  # noqa: PLC0415 - the reaper uses the registry

        return reap(self._store, self, now, dry_run=dry_run, wait_s=wait_s)


def _note(results: dict[str, bool], resource: Resource, *, done: bool) -> None:
    """Note a result; of one id in two namespaces, both must be done."""
    results[resource.resource_id] = results.get(resource.resource_id, True) and done


def registration(
    namespace: str, resource_id: str, session: str, durable: Durable | None, callback: Any
) -> ev.CleanupRegistered:
    """Return the event that registers a cleanup; a callback is remembered in this process."""
    cleanup_id = f"cleanup_{secrets.token_hex(6)}"
    if durable is None:
        _local[cleanup_id] = callback
        return ev.CleanupRegistered(
            namespace=namespace, resource_id=resource_id, cleanup_id=cleanup_id, session=session
        )
    return ev.CleanupRegistered(
        namespace=namespace,
        resource_id=resource_id,
        cleanup_id=cleanup_id,
        session=session,
        target=durable.target,
        arguments=durable.arguments,
        import_root=durable.import_root,
    )


def orphans(state: TestDataState) -> list[Resource]:
    """Return live test data with a callback that only a process could call that is gone."""
    found: list[Resource] = []
    for owner in state.owners.values():
        if owner.ended:
            found += [
                resource
                for resource in owner.resources.values()
                if any(not cleanup.target for cleanup in resource.open_cleanups())
            ]
    return found


def _report(state: TestDataState) -> dict[str, Any]:
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
