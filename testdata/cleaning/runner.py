"""Execution of cleanups: run what is open, repeat what failed, retire what is clean."""

import random
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ...eventlog.files.system import SYSTEM
from ...eventlog.journal import Transaction
from ..errors import StaleTokenError
from ..model import events as ev
from ..model.fold import TestDataState
from ..model.records import Cleanup, Hold, Resource
from ..model.rules import ABANDON_ATTEMPTS, cleanup_order, next_due_us, pause_s
from ..store.data_store import DataStore
from ..store.identity import verdict_on
from ..store.streams import namespace_stream
from .callbacks import Durable, call_durable, call_here, error_text
from .registration import callbacks

REAPER_LOCK = ("", "reaper")
_BATCH = 500
_running: set[str] = set()
"""Ids of the cleanups that a thread of this process is running."""
_running_mutex = threading.Lock()

Key = tuple[str, str]
"""Namespace and id of a resource."""


class _AttemptResult(NamedTuple):
    """Result of one call of a cleanup."""

    done: bool
    error: BaseException | None = None


class CleanupRunner:
    """Runs the cleanups of one store.

    Args:
        store: the store of the test data.
    """

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self.max_retries = 3
        """Attempts for each callback in one run; less than 1 counts as 1."""
        self.timeout_s = 60.0
        """Time limit of a durable cleanup, in seconds. Callbacks of this process run without a limit in the thread that
        cleans, since connections often belong to their thread."""
        self.abandon_after = ABANDON_ATTEMPTS
        """Failures over all sessions after which reapers stop trying."""
        self.sleep: Callable[[float], None] = SYSTEM.sleep

    def clean(self, keys: Iterable[Key], *, token: int = 0, due_at_us: int | None = None) -> dict[str, bool]:
        """Clean test data: run open cleanups, then retire resources without open cleanups.

        Args:
            keys: `(namespace, id)` of the resources; those that are not live are skipped.
            token: fencing token of a reaper; 0 for the owner.
            due_at_us: skip failed cleanups that are due later, in microseconds since the epoch.

        Returns:
            id to whether it is cleaned. False: a callback failed, another process has locked it, live data depends
            on it, or only another process can call its callback.
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
                _add_result(results, resource, done=self._clean_one(resource, token, due_at_us))
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
        """Retire resources without cleanups, many in one batch."""
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
                _add_result(results, resource, done=free)

    def _clean_one(self, resource: Resource, token: int, due_at_us: int | None) -> bool:
        """Run the open cleanups of one resource, and retire it if all succeed."""
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
        """Return the ids of live test data that depends on a resource, without those in `going`."""
        others = state.namespace(resource.namespace).dependants.get(resource.resource_id, set())
        return [other for other in others if (resource.namespace, other) not in going]

    def holders(self, state: TestDataState, resource: Resource) -> list[Hold]:
        """Return the holds of other live processes on the lock named like a resource."""
        holds = state.foreign_holds(resource, self._store.session)
        return [hold for hold in holds if not self._store.hold_is_dead(state, hold)]

    def can_run(self, cleanup: Cleanup) -> bool:
        """Return whether this process can run a cleanup: a durable one, or a callback of its own."""
        return bool(cleanup.target) or (cleanup.session == self._store.session and cleanup.cleanup_id in callbacks)

    def _run(self, resource: Resource, cleanup: Cleanup, token: int, due_at_us: int | None) -> bool:
        """Run one cleanup, and repeat it if it fails; return whether it succeeded."""
        if not self.can_run(cleanup) or (due_at_us is not None and not self._is_due(cleanup, due_at_us)):
            return False
        with _running_mutex:
            if cleanup.cleanup_id in _running:
                return False  # another thread is running it
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
        """Write that a cleanup starts; return False if this process must not run it any more."""
        session = self._store.session
        with self._store.transact() as tx:
            self._check_fence(tx.state, token)
            if not cleanup.is_open or not self._is_free(tx.state, resource, set()):
                return False
            if cleanup.running not in ("", session) and not self._is_gone(tx.state, cleanup.running):
                return False  # another process is running it
            names = self._names(resource, cleanup)
            event = ev.CleanupStarted(**names, session=session, attempt=cleanup.attempts + 1, token=token)
            tx.append(namespace_stream(resource.namespace), event)
        return True

    def _is_gone(self, state: TestDataState, session: str) -> bool:
        owner = state.owners.get(session)
        return owner is None or bool(owner.ended) or verdict_on(owner.owner) == "dead"

    def _attempt(self, resource: Resource, cleanup: Cleanup, token: int) -> _AttemptResult:
        try:
            if cleanup.target:
                durable = Durable(cleanup.target, cleanup.arguments, cleanup.import_root)
                call_durable(durable, self.timeout_s)
            else:
                call_here(callbacks[cleanup.cleanup_id])
        except KeyboardInterrupt as error:
            self._fail(resource, cleanup, token, error)
            raise
        except BaseException as error:  # noqa: BLE001 - any error of a callback is recorded and reported
            self._fail(resource, cleanup, token, error)
            return _AttemptResult(done=False, error=error)
        self._succeed(resource, cleanup, token)
        return _AttemptResult(done=True)

    def _succeed(self, resource: Resource, cleanup: Cleanup, token: int) -> None:
        with self._store.transact() as tx:
            names = self._names(resource, cleanup)
            tx.append(namespace_stream(resource.namespace), ev.CleanupSucceeded(**names, session=self._store.session))
            last = resource.open_cleanups() in ([cleanup], [])
            if last and self._is_free(tx.state, resource, set()):
                self._retire(tx, resource, token)
        callbacks.pop(cleanup.cleanup_id, None)

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
            raise StaleTokenError(f"reaper: token {token} is stale; another reaper continues")

    @staticmethod
    def _names(resource: Resource, cleanup: Cleanup) -> dict[str, Any]:
        return {
            "namespace": resource.namespace,
            "resource_id": resource.resource_id,
            "cleanup_id": cleanup.cleanup_id,
        }


def _add_result(results: dict[str, bool], resource: Resource, *, done: bool) -> None:
    """Add a result; an id in two namespaces is cleaned only if both are."""
    results[resource.resource_id] = results.get(resource.resource_id, True) and done
