"""Test data from creation to cleanup: the documented interface."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

from ..eventlog.errors import EventLogError
from .cleanup import CleanupRegistry
from .generation import DatabaseTestDataGenerator
from .health import Check, check_health, status_report
from .isolation import IsolationManager
from .model import events as ev
from .model.fold import TestDataState
from .resources import Resources
from .snapshots import (
    OnRestore,
    Restored,
    cleanups_in_the_way,
    find_snapshot,
    restore_snapshot,
    snapshot_data,
    take_snapshot,
)
from .store.data_store import DataStore, default_base_path
from .store.streams import namespace_stream
from .version_manager import VersionManager, find_anywhere

__all__ = ["CleanupError", "TestDataManager", "get_test_data_manager"]


class TestDataManager(Resources):
    """Test data of one folder: created, isolated, versioned, locked, restored and cleaned.

    All managers of one folder see the same data, in any process.

    Args:
        base_path: the folder; default: PYTEST_INSIGHT_TEST_DATA, else `test_data` in the working directory.
        enable_versioning: offer `version_manager`.
        store: use this store instead of one for `base_path`.
    """

    __test__ = False

    def __init__(
        self,
        base_path: str | os.PathLike[str] | None = None,
        enable_versioning: bool = True,  # noqa: FBT001, FBT002 - the documented signature
        *,
        store: DataStore | None = None,
    ) -> None:
        super().__init__(store or DataStore(base_path))
        self.version_manager = VersionManager(self.store) if enable_versioning else None
        self.isolation_manager = IsolationManager(self.store)
        self.cleanup_registry = CleanupRegistry(self.store, self.create_test_data, self.update_test_data)
        self._on_restore: list[OnRestore] = []

    @cached_property
    def generator(self) -> DatabaseTestDataGenerator:
        """Generator that records its data in the same log, with the seed of the run."""
        return DatabaseTestDataGenerator(store=self.store)

    # --------------------------------------------------------------- cleanup

    def cleanup_test_data(
        self, resource_id: str | None = None, namespace: str | None = None, *, everyone: bool = False
    ) -> dict[str, bool]:
        """Clean test data: dependants first, then the newest first. A callback that fails does not raise.

        Args:
            resource_id: id of one resource, in `namespace` if that is given.
            namespace: without an id, all resources in it.
            everyone: without id and namespace, the resources of all processes; default: those of this process.

        Returns:
            id to whether it is cleaned; see `cleanup_registry.get_cleanup_report()` for errors.

        Raises:
            ValueError: several namespaces have the id.
        """
        with self.store.look() as state:
            keys = self._select_keys(state, resource_id, namespace, everyone=everyone)
        return self.cleanup_registry.clean(keys)

    def _select_keys(
        self, state: TestDataState, resource_id: str | None, namespace: str | None, *, everyone: bool
    ) -> list[tuple[str, str]]:
        if resource_id is not None:
            if namespace is None:
                found = find_anywhere(state, resource_id, self.store.session)
            else:
                found = state.resource(namespace, resource_id)
            return [(found.namespace, found.resource_id)] if found else []
        if namespace is not None:
            return [(namespace, key) for key in state.namespace(namespace).live] if namespace else []
        if everyone:
            return [(resource.namespace, resource.resource_id) for resource in state.live()]
        me = state.owners.get(self.store.session)
        return list(me.resources) if me else []

    @contextmanager
    def isolated_data_context(self, name: str | None = None) -> Generator[str]:
        """Yield a namespace that no other context uses, and clean it at the end of the block, also after an exception.

        Its name is `name` if that is free, else `name--<session>-<worker>-<number>`. A cleanup that fails never
        replaces an exception of the block: it becomes a note of that exception, and is raised only without one.

        Raises:
            CleanupError: the block succeeded, and test data could not be cleaned; it remains for a reaper.
        """
        namespace = self.isolation_manager.open_context(name)
        try:
            yield namespace
        except BaseException as error:
            self.end_context(namespace, error)
            raise
        self.end_context(namespace, None)

    def end_context(self, namespace: str, error: BaseException | None = None) -> None:
        """Clean the data of a context and close it; for callers that cannot use `isolated_data_context`.

        Args:
            namespace: the context.
            error: exception that gets a note if test data cannot be cleaned; None to raise an error.

        Raises:
            CleanupError: test data could not be cleaned; it remains for a reaper.
        """
        try:
            results = self.cleanup_test_data(namespace=namespace)
            self.isolation_manager.close_context(namespace)
        except (EventLogError, OSError) as problem:
            if error is None:
                raise
            error.add_note(f"test data of {namespace!r} could not be cleaned: {problem}")
            return
        failed = [key for key, done in results.items() if not done]
        if not failed:
            return
        errors = self.cleanup_registry.get_cleanup_report()["errors"]
        text = "; ".join(f"{key}: {errors.get(key, 'locked, or in use')}" for key in failed)
        if error is None:
            raise CleanupError(f"test data of {namespace!r} could not be cleaned: {text}")
        error.add_note(f"test data of {namespace!r} could not be cleaned: {text}")

    def keep_namespace(self, namespace: str, for_s: float, reason: str = "") -> None:
        """Keep the data of a namespace for inspection; a reaper cleans it later.

        Args:
            namespace: the namespace.
            for_s: time to keep it, in seconds.
            reason: recorded with it.
        """
        with self.store.transact() as tx:
            until_us = tx.now_us + int(for_s * 1_000_000)
            event = ev.NamespaceKept(namespace=namespace, session=self.store.session, until_us=until_us, reason=reason)
            tx.append(namespace_stream(namespace), event)

    # ------------------------------------------------------------- snapshots

    def create_snapshot(self, name: str, namespace: str = "default", metadata: dict[str, Any] | None = None) -> str:
        """Name the current state of a namespace, and return the id of the snapshot. Nothing is copied: it is one
        event.

        Args:
            name: name of the snapshot; several may have it, `find_snapshot` returns the newest.
            namespace: the namespace.
            metadata: JSON.
        """
        return take_snapshot(self.store, name, namespace, metadata)

    def find_snapshot(self, name: str) -> str | None:
        """Return the id of the newest snapshot of a name; None if no snapshot has it."""
        with self.store.look() as state:
            return find_snapshot(state, name)

    def list_snapshots(self) -> list[dict[str, Any]]:
        """Return all snapshots, oldest first."""
        with self.store.look() as state:
            return [snapshot_data(each) for each in state.snapshots.values()]

    def restore_snapshot(self, snapshot_id: str, target_namespace: str | None = None) -> bool:
        """Restore a namespace to a snapshot, as new events: no history is removed.

        This restores *records*. The rows, files or accounts that they describe are not changed; use the hooks of
        `on_restore` for these.

        Args:
            snapshot_id: id from `create_snapshot`.
            target_namespace: None for the namespace itself: data created since the snapshot is cleaned and retired.
                Another namespace gets copies with new ids (the old ids find them there, too) and without cleanups.

        Returns:
            False, and nothing is restored, if the snapshot is unknown, its data is damaged, or data created since could
            not be cleaned.
        """
        with self.store.look() as state:
            first = cleanups_in_the_way(state, snapshot_id, target_namespace)
        if not all(self.cleanup_registry.clean(first).values()):
            return False
        restored = restore_snapshot(self.store, snapshot_id, target_namespace)
        if restored is None:
            return False
        self.store.renewer.start(self.store.lease_s)
        for hook in self._on_restore:
            hook(restored)
        return True

    def on_restore(self, hook: Callable[[Restored], Any]) -> None:
        """Register a function that is called with a `Restored` after each restore by this manager.

        Raises:
            TypeError: it is not a function.
        """
        if not callable(hook):
            raise TypeError(f"on_restore: {hook!r} is not a function; give a function that takes a Restored")
        self._on_restore.append(hook)

    # ---------------------------------------------------------------- health

    def run_health_checks(self) -> dict[str, bool]:
        """Return for each health check whether it passed. Never raises.

        Names: `cleanup_registry, isolation_manager, version_manager` (if enabled)`, template_manager, event_store,
        locks, reaper, cache`.
        """
        return {name: check.ok for name, check in self.health_details().items()}

    def health_details(self) -> dict[str, Check]:
        """Return the health checks with reasons."""
        return check_health(self.store, has_versions=self.version_manager is not None)

    def get_status_report(self) -> dict[str, Any]:
        """Return the status of everything, as data for JSON."""
        return status_report(
            self.store,
            self.cleanup_registry.get_cleanup_report(),
            self.isolation_manager.locks(),
            has_versions=self.version_manager is not None,
        )


class CleanupError(Exception):
    """Test data could not be cleaned at the end of a block that succeeded."""


def get_test_data_manager(base_path: str | os.PathLike[str] | None = None) -> TestDataManager:
    """Return the manager of a folder: the same one each time within a process, another one in a forked child."""
    path = os.path.abspath(default_base_path() if base_path is None else base_path)  # noqa: PTH100 - links stay
    return _manager_of(os.getpid(), path)


@cache
def _manager_of(_pid: int, path: str) -> TestDataManager:
    return TestDataManager(path)
