"""Registry of cleanups: functions that run when test data is removed."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from .cleaning.callbacks import as_durable, check_callback
from .cleaning.reaper import reap
from .cleaning.registration import registration
from .cleaning.report import cleanup_report, find_orphans
from .cleaning.runner import CleanupRunner
from .model import events as ev
from .store.data_store import DataStore
from .store.streams import namespace_stream
from .version_manager import find_anywhere

__all__ = ["CleanupRegistry", "Intent"]


class Intent:
    """A resource that is going to be created outside; its cleanup is registered already."""

    def __init__(self, resource_id: str, namespace: str) -> None:
        self.resource_id = resource_id
        self.namespace = namespace
        self.data: Any = None
        """Set it to the data of the resource once it exists; recorded at the end of the block."""


class CleanupRegistry(CleanupRunner):
    """Cleanups of one store.

    Args:
        store: the store of the test data.
        make: creates a resource, as `TestDataManager.create_test_data` does; used by `intent`.
        update: gives a resource new data; used by `intent`.
    """

    def __init__(self, store: DataStore, make: Callable[..., str], update: Callable[..., str]) -> None:
        super().__init__(store)
        self._make = make
        self._update = update

    @property
    def _max_retries(self) -> int:
        """Documented name of `max_retries`."""
        return self.max_retries

    @_max_retries.setter
    def _max_retries(self, value: int) -> None:
        self.max_retries = value

    def add_cleanup_callback(
        self, resource_id: str, callback: Callable[[], Any] | Any, *, namespace: str | None = None
    ) -> str:
        """Register another cleanup of live test data; the last registered cleanup runs first.

        Args:
            resource_id: id of the test data.
            callback: a function without arguments, which only this process can call; or a durable cleanup, as
                `create_test_data(cleanup=...)` takes it.
            namespace: namespace of the resource; needed only if several have the id.

        Raises:
            KeyError: no live test data has this id.
            CleanupTargetError: the function of a durable cleanup cannot be found.
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
        """Register a durable cleanup before the resource outside exists; create the resource in the block.

        The cleanup must succeed if there is nothing to clean. It is synced to the disk before the block begins. If the
        block raises an error, the cleanup runs at once.

        Args:
            cleanup: as `create_test_data(cleanup=...)` takes it.
            data_type: type of the test data.
            namespace: its namespace.
            data: its data; the block may replace it by setting `Intent.data`.
        """
        resource_id = self._make(data_type, data, namespace, cleanup=cleanup, sync=True)
        intent = Intent(resource_id, namespace)
        try:
            yield intent
            if intent.data is not None:
                self._update(resource_id, intent.data, namespace)
        except BaseException as error:
            if not self.clean([(namespace, resource_id)])[resource_id]:
                error.add_note(f"{resource_id!r}: its cleanup failed as well; a reaper will try again")
            raise

    def unregister_resource(self, resource_id: str, *, namespace: str | None = None) -> bool:
        """Mark test data as cleaned by hand: waive its cleanups and retire it; return False if it is not live."""
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

    def get_cleanup_report(self) -> dict[str, Any]:
        """Return the state of all cleanups.

        Keys: `total_resources`, `namespaces {name: live}`, `cleanup_results {id: bool}` (last result), `retry_counts
        {id: n}` (failed attempts), `failed_cleanups [ids]` (still failing), `locked_resources [ids]`, `pending` (open
        cleanups), `abandoned [ids]`, `orphaned [ids]` (only an ended process could call them), `waived [ids]`,
        `errors {id: text}`, `oldest_overdue_s`.
        """
        with self._store.look() as state:
            report = cleanup_report(state)
            orphaned = [resource.resource_id for resource in find_orphans(state)]
        return report | {"orphaned": orphaned}

    def reap(self, now: datetime | None = None, *, dry_run: bool = False, wait_s: float = 0) -> dict[str, Any]:
        """Clean up after processes that ended, and remove expired data; see `testdata.cleaning.reaper.reap`."""
        return reap(self._store, self, now, dry_run=dry_run, wait_s=wait_s)
