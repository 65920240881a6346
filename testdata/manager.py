"""Test data from creation to cleanup: the documented interface."""

import os
import secrets
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import msgspec

from ..eventlog.errors import EventLogError
from ..eventlog.journal import Transaction
from ..eventlog.times import format_time
from .cleaning.callbacks import Durable, as_durable, check_callback
from .cleaning.runner import CleanupRegistry, registration
from .errors import DataConflictError, TestDataNotFound
from .generation import DatabaseTestDataGenerator
from .health import Check, check_health, status_report
from .locking.lease import Lease
from .locking.locks import IsolationManager, append_version, check_token, detect_conflict
from .model import events as ev
from .model.fold import Resource, TestDataState, VersionRecord
from .model.values import Content, as_content, check_json, check_name
from .model.versions import FIRST_VERSION, check_version, next_version, version_key
from .snapshots import (
    OnRestore,
    Restored,
    cleanups_in_the_way,
    find_snapshot,
    restore_snapshot,
    snapshot_data,
    take_snapshot,
)
from .store.data_store import Store, default_base_path, namespace_stream
from .store.identity import current_test
from .version_manager import VersionManager, find_anywhere, version_data, version_of

__all__ = ["TestDataManager", "get_test_data_manager"]


class TestDataManager:
    """Test data of one folder: created, isolated, versioned, locked, restored and cleaned.

    Managers of one folder see the same data, in whatever process they are.

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
        store: Store | None = None,
    ) -> None:
        self.store = store or Store(base_path)
        self.version_manager = VersionManager(self.store) if enable_versioning else None
        self.isolation_manager = IsolationManager(self.store)
        self.cleanup_registry = CleanupRegistry(self.store, self.create_test_data, self.update_test_data)
        self._on_restore: list[OnRestore] = []

    @cached_property
    def generator(self) -> DatabaseTestDataGenerator:
        """A generator that records what it makes in the same log; its seed is that of the run."""
        return DatabaseTestDataGenerator(store=self.store)

    # ------------------------------------------------------------------ data

    def create_test_data(
        self,
        data_type: str,
        data: Any,
        namespace: str = "default",
        *,
        resource_id: str | None = None,
        cleanup_callback: Callable[[], Any] | None = None,
        version: str | None = None,
        cleanup: Any = None,
        depends_on: Iterable[str] = (),
        metadata: dict[str, Any] | None = None,
        ttl: float | None = None,
        fencing_token: int | Lease | None = None,
        sync: bool = False,
    ) -> str:
        """Record a piece of test data with what cleans it, and return its id.

        Args:
            data_type: what it is; begins the id.
            data: JSON; a copy is kept.
            namespace: where; opened if need be.
            resource_id: its id; default: `<data_type>_<8 hex digits>`. If live data has it already, the same data
                changes nothing, other data is a conflict.
            cleanup_callback: function without arguments; only this process can call it.
            version: default `1.0.0`.
            cleanup: `"package.module:function"` or that function, alone or in a pair with a dict of keyword arguments:
                any process can call it, also after this one was killed. It should bear to be called twice.
            depends_on: ids in the same namespace that are cleaned after it.
            metadata: JSON, for a person who must clean by hand.
            ttl: seconds after which it may be reaped though this process lives.
            fencing_token: lease, or the token of the lock named like `resource_id`: refuse if it is not the newest.
            sync: make it durable against a crash of the machine, too.

        Raises:
            TypeError: `data` is no JSON; names the path.
            DataConflictError: the id is there with other data; recorded.
            TestDataNotFound, CleanupTargetError: `depends_on` or `cleanup` names what is not there.
            StaleTokenError: the lock was lost.
            CleanupCallbackError, DataTooLargeError: `cleanup_callback` needs arguments; more than 256 KiB of data.
        """
        draft = _draft(data_type, data, namespace, resource_id, version, metadata)
        durable = _checked_cleanup(cleanup, cleanup_callback)
        with self.store.transact(sync=sync) as tx:
            known = self._known(tx, namespace, resource_id, fencing_token)
            conflict = self._same_or_conflict(tx, known, draft) if known is not None else None
            key = resource_id or _new_id(tx.state, namespace, data_type)
            if known is None:
                event = msgspec.structs.replace(
                    draft,
                    resource_id=key,
                    session=self.store.session,
                    depends_on=_checked_dependencies(tx.state, namespace, depends_on),
                    expires_us=tx.now_us + int(ttl * 1_000_000) if ttl is not None else 0,
                )
                self._stage(tx, event, durable, cleanup_callback)
        if conflict is not None:
            raise conflict
        self.store.keeper.start(self.store.lease_s)
        return key

    def _known(
        self, tx: Transaction[TestDataState], namespace: str, resource_id: str | None, fencing: int | Lease | None
    ) -> Resource | None:
        if resource_id is None:
            if isinstance(fencing, Lease):
                check_token(tx.state, namespace, "", fencing)
            return None
        if fencing is not None:
            check_token(tx.state, namespace, resource_id, fencing)
        return tx.state.namespace(namespace).live.get(resource_id)

    def _same_or_conflict(
        self, tx: Transaction[TestDataState], known: Resource, draft: ev.ResourceCreated
    ) -> DataConflictError | None:
        record = version_of(known, None)
        if record.content == draft.content and known.life.data_type == draft.data_type:
            return None
        message = f"{known.resource_id!r} is in namespace {known.namespace!r} already, with other data"
        content = Content(draft.data, draft.content)
        return detect_conflict(tx, self.store.session, "create", known, record, content, message)

    def _stage(
        self,
        tx: Transaction[TestDataState],
        event: ev.ResourceCreated,
        durable: Durable | None,
        callback: Callable[[], Any] | None,
    ) -> None:
        stream = namespace_stream(event.namespace)
        if event.namespace not in tx.state.namespaces:
            tx.append(stream, ev.NamespaceOpened(namespace=event.namespace, session=self.store.session))
        tx.append(stream, event)
        names = (event.namespace, event.resource_id, self.store.session)
        if durable is not None:
            tx.append(stream, registration(*names, durable, None))
        if callback is not None:
            tx.append(stream, registration(*names, None, callback))

    def get_test_data(
        self, resource_id: str, namespace: str = "default", version: str | None = None, *, at: int | None = None
    ) -> Any:
        """Return test data, a copy each time.

        Args:
            resource_id: whose.
            namespace: where.
            version: a version by name; default: the current one.
            at: a position in the log: what it was before the event there, also if it has been cleaned since.

        Raises:
            TestDataNotFound: it is not there, or not any more.
            VersionNotFound: it has no such version.
        """
        with self.store.look() as state:
            if at is not None:
                known = state.namespace(namespace).resources.get(resource_id)
                record = known.at(at) if known else None
                if record is None:
                    raise TestDataNotFound(f"no test data {resource_id!r} in namespace {namespace!r} at position {at}")
                return record.value()
            return version_of(_demand(state, namespace, resource_id), version).value()

    def update_test_data(
        self,
        resource_id: str,
        data: Any,
        namespace: str = "default",
        *,
        version: str | None = None,
        expected_version: str | None = None,
        fencing_token: int | Lease | None = None,
    ) -> str:
        """Give test data a new version, and return it.

        Args:
            resource_id: whose.
            data: JSON.
            namespace: where.
            version: default: the patch after the current one.
            expected_version: refuse if another one is current.
            fencing_token: lease, or the token of the lock named like the resource: refuse if it is not the newest.

        Raises:
            TestDataNotFound: it is not there.
            DataConflictError: the current version is not the expected one, or `version` has other data; recorded.
            StaleTokenError: the lock was lost, and somebody else has had it since.
            TypeError, ValueError: `data` is no JSON, `version` is none.
            DataTooLargeError: the data has more than 256 KiB.
        """
        content = as_content(data)
        if version is not None:
            check_version(version)
        conflict: DataConflictError | None = None
        with self.store.transact() as tx:
            resource = _demand(tx.state, namespace, resource_id)
            token = 0 if fencing_token is None else check_token(tx.state, namespace, resource_id, fencing_token)
            chosen = version or next_version(version_of(resource, None).version, resource.versions)
            conflict = self._update_conflict(tx, resource, chosen, expected_version, content)
            if conflict is None and version_key(chosen) not in resource.versions:
                append_version(tx, self.store.session, resource, chosen, content, token)
        if conflict is not None:
            raise conflict
        return chosen

    def _update_conflict(
        self, tx: Transaction[TestDataState], resource: Resource, version: str, expected: str | None, content: Content
    ) -> DataConflictError | None:
        current = version_of(resource, None)
        same = resource.versions.get(version_key(version))
        if expected is not None and version_key(expected) != version_key(current.version):
            message = f"{resource.resource_id!r} is at version {current.version}, not {expected}"
        elif same is not None and same.content != content.digest:
            message = f"version {version} of {resource.resource_id!r} has other data"
        else:
            return None
        return detect_conflict(tx, self.store.session, "update", resource, current, content, message)

    def list_test_data(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return what is live: `resource_id, namespace, data_type, version, created_at, session, test, cleanups,
        ...`.
        """
        with self.store.look() as state:
            return [resource_data(resource) for resource in state.live() if namespace in (None, resource.namespace)]

    def describe(self, resource_id: str, namespace: str | None = None, *, at: int | None = None) -> dict[str, Any]:
        """Return everything there is to say about test data: as `list_test_data`, with `data`, `versions` and
        `process`.

        Args:
            resource_id: of which.
            namespace: where; needed only if several have it.
            at: a position in the log: as it was before the event there.

        Raises:
            TestDataNotFound: it is not there, or was not.
            ValueError: several namespaces have the id.
        """
        with self.store.look() as state:
            resource, record = _described(state, resource_id, namespace, at, self.store.session)
            known = state.owners.get(resource.session)
            owner = known.owner if known else None
            return resource_data(resource) | {
                "version": record.version,
                "data": record.value(),
                "versions": [version_data(each) for each in resource.versions.values()],
                "process": f"{owner.pid} on {owner.host} {owner.worker}".strip() if owner else "",
            }

    # --------------------------------------------------------------- cleanup

    def cleanup_test_data(
        self, resource_id: str | None = None, namespace: str | None = None, *, everyone: bool = False
    ) -> dict[str, bool]:
        """Clean test data: what depends on others first, then the newest first. A callback that fails does not raise.

        Args:
            resource_id: this one, in `namespace` if that is given.
            namespace: without an id, everything in it.
            everyone: with neither, what other processes created as well; default: what this process created.

        Returns:
            id to whether it is cleaned; see `cleanup_registry.get_cleanup_report()` for what failed.

        Raises:
            ValueError: several namespaces have the id; name one.
        """
        with self.store.look() as state:
            keys = self._selected(state, resource_id, namespace, everyone=everyone)
        return self.cleanup_registry.clean(keys)

    def _selected(
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
        """Give a namespace that nobody else uses, and clean it at the end, whatever happened.

        Its name is `name` if that is free, else `name--<session>-<worker>-<number>`. A cleanup that fails never
        replaces an exception of the block; it is told in a note of that exception, and raised if there is none.

        Raises:
            CleanupError: the block went well, and something could not be cleaned; it stays for a reaper.
        """
        namespace = self.isolation_manager.open_context(name)
        try:
            yield namespace
        except BaseException as error:
            self.end_context(namespace, error)
            raise
        self.end_context(namespace, None)

    def end_context(self, namespace: str, error: BaseException | None = None) -> None:
        """Clean what is in a context and close it; for those who cannot use `isolated_data_context`.

        Args:
            namespace: the context.
            error: what is told in a note if something cannot be cleaned, instead of raising.

        Raises:
            CleanupError: something could not be cleaned; it stays for a reaper.
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
        """Leave the data of a namespace where it is, for a look at it; a reaper cleans it after so many seconds."""
        with self.store.transact() as tx:
            until_us = tx.now_us + int(for_s * 1_000_000)
            event = ev.NamespaceKept(namespace=namespace, session=self.store.session, until_us=until_us, reason=reason)
            tx.append(namespace_stream(namespace), event)

    # ------------------------------------------------------------- snapshots

    def create_snapshot(self, name: str, namespace: str = "default", metadata: dict[str, Any] | None = None) -> str:
        """Name the state that a namespace has now, and return an id for it. Nothing is copied: it costs one event.

        Args:
            name: several snapshots may have it; `find_snapshot` gives the newest.
            namespace: of which.
            metadata: JSON.
        """
        return take_snapshot(self.store, name, namespace, metadata)

    def find_snapshot(self, name: str) -> str | None:
        """Return the id of the newest snapshot of that name; None if there is none."""
        with self.store.look() as state:
            return find_snapshot(state, name)

    def list_snapshots(self) -> list[dict[str, Any]]:
        """Return all snapshots, oldest first."""
        with self.store.look() as state:
            return [snapshot_data(each) for each in state.snapshots.values()]

    def restore_snapshot(self, snapshot_id: str, target_namespace: str | None = None) -> bool:
        """Make a namespace what it was at a snapshot, as new history: nothing of what happened is removed.

        This restores *records*. What they stand for outside - rows, files, accounts - is not touched: the hooks of
        `on_restore` are for that.

        Args:
            snapshot_id: of `create_snapshot`.
            target_namespace: None for the namespace itself, which becomes exactly what it was: what was created since
                is cleaned and retired. Another namespace gets copies with ids of their own (the old ids find them
                there, too) and without duties to clean anything.

        Returns:
            False, and nothing is restored, if there is no such snapshot, if what it points to is damaged, or if
            something created since could not be cleaned.
        """
        with self.store.look() as state:
            first = cleanups_in_the_way(state, snapshot_id, target_namespace)
        if not all(self.cleanup_registry.clean(first).values()):
            return False
        restored = restore_snapshot(self.store, snapshot_id, target_namespace)
        if restored is None:
            return False
        self.store.keeper.start(self.store.lease_s)
        for hook in self._on_restore:
            hook(restored)
        return True

    def on_restore(self, hook: Callable[[Restored], Any]) -> None:
        """Call a function with a `Restored` after each restore by this manager, to bring the world outside into
        line.

        Raises:
            TypeError: it is no function.
        """
        if not callable(hook):
            raise TypeError(f"on_restore: {hook!r} cannot be called; give a function that takes a Restored")
        self._on_restore.append(hook)

    # ---------------------------------------------------------------- health

    def run_health_checks(self) -> dict[str, bool]:
        """Return what is well: `cleanup_registry, isolation_manager, version_manager` (if enabled)`, template_manager,
        event_store, locks, reaper, cache`. Never raises.
        """
        return {name: check.ok for name, check in self.health_details().items()}

    def health_details(self) -> dict[str, Check]:
        """Return the same with reasons."""
        return check_health(self)

    def get_status_report(self) -> dict[str, Any]:
        """Return how everything stands, as data for JSON."""
        return status_report(self)


class CleanupError(Exception):
    """Something could not be cleaned at the end of a block that went well."""


def get_test_data_manager(base_path: str | os.PathLike[str] | None = None) -> TestDataManager:
    """Return the manager of a folder: the same one each time within a process, another one in a forked child."""
    path = os.path.abspath(default_base_path() if base_path is None else base_path)  # noqa: PTH100 - links stay
    return _manager_of(os.getpid(), path)


@cache
def _manager_of(_pid: int, path: str) -> TestDataManager:
    return TestDataManager(path)


def _checked_cleanup(cleanup: Any, callback: Any) -> Durable | None:
    """Return the durable cleanup, if there is one; refuse what cannot be called before anything is recorded."""
    if callback is not None:
        check_callback(callback)
    return None if cleanup is None else as_durable(cleanup)


def resource_data(resource: Resource) -> dict[str, Any]:
    """Return live test data as data for JSON, without its content."""
    record = resource.current
    return {
        "resource_id": resource.resource_id,
        "namespace": resource.namespace,
        "data_type": resource.life.data_type,
        "version": record.version if record else None,
        "created_at": format_time(resource.at_us),
        "position": resource.position,
        "session": resource.session,
        "test": resource.life.test,
        "depends_on": list(resource.life.depends_on),
        "metadata": resource.life.metadata,
        "cleanups": [
            {"target": cleanup.target, "status": cleanup.status, "attempts": cleanup.attempts, "error": cleanup.error}
            for cleanup in resource.cleanups
        ],
    }


def _draft(
    data_type: str, data: Any, namespace: str, resource_id: str | None, version: str | None, metadata: Any
) -> ev.ResourceCreated:
    """Return the event of a creation as far as it does not depend on what is there already; all is checked."""
    check_name(data_type, "data_type")
    check_name(namespace, "namespace")
    if resource_id is not None:
        check_name(resource_id, "resource_id")
    content = as_content(data)
    check_json(metadata or {}, "metadata")
    return ev.ResourceCreated(
        namespace=namespace,
        resource_id=resource_id or "",
        data_type=data_type,
        session="",
        version=check_version(version or FIRST_VERSION),
        content=content.digest,
        data=content.data,
        test=current_test(),
        metadata=metadata or {},
    )


def _demand(state: TestDataState, namespace: str, resource_id: str) -> Resource:
    found = state.resource(namespace, resource_id) if namespace else None
    if found is None:
        raise TestDataNotFound(f"no test data {resource_id!r} in namespace {namespace!r}")
    return found


def _described(
    state: TestDataState, resource_id: str, namespace: str | None, at: int | None, session: str
) -> tuple[Resource, VersionRecord]:
    if at is None:
        anywhere = namespace is None
        found = find_anywhere(state, resource_id, session) if anywhere else state.resource(namespace or "", resource_id)
        if found is not None:
            return found, version_of(found, None)
    else:
        spaces = [space for space in state.namespaces.values() if namespace in (None, space.name)]
        known = [space.resources[resource_id] for space in spaces if resource_id in space.resources]
        there = [(resource, record) for resource in known if (record := resource.at(at)) is not None]
        if len(there) == 1:
            return there[0]
        if there:
            raise ValueError(f"{resource_id!r} was in several namespaces; name one")
    where = f" in namespace {namespace!r}" if namespace is not None else ""
    raise TestDataNotFound(f"no test data {resource_id!r}{where}{f' at position {at}' if at is not None else ''}")


def _new_id(state: TestDataState, namespace: str, data_type: str) -> str:
    taken = state.namespace(namespace).resources
    while True:
        key = f"{data_type}_{secrets.token_hex(4)}"
        if key not in taken:
            return key


def _checked_dependencies(state: TestDataState, namespace: str, depends_on: Iterable[str]) -> list[str]:
    names = [depends_on] if isinstance(depends_on, str) else list(depends_on)
    for name in names:
        _demand(state, namespace, name)
    return names
