"""Test data as resources: create, read, update, list and describe."""

import secrets
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ..eventlog.journal import Transaction
from ..eventlog.times import format_time
from .cleaning.callbacks import Durable, as_durable, check_callback
from .cleaning.registration import registration
from .errors import DataConflictError, TestDataNotFound
from .locking.conflicts import detect_conflict
from .locking.lease import Lease
from .locking.locks import check_token
from .model import events as ev
from .model.fold import TestDataState
from .model.records import Resource, VersionRecord
from .model.values import Content, as_content, check_json, check_name
from .model.versions import FIRST_VERSION, check_version, next_version, version_key
from .store.data_store import DataStore
from .store.identity import current_test
from .store.streams import append_version, namespace_stream
from .version_manager import find_anywhere, version_data, version_of

__all__ = ["Resources", "resource_data"]


class Resources:
    """Test data of one store.

    Args:
        store: the store of the test data.
    """

    __test__ = False

    def __init__(self, store: DataStore) -> None:
        self.store = store

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
        """Record test data with its cleanups, and return its id.

        Args:
            data_type: type of the data; prefix of the id.
            data: JSON; a copy is recorded.
            namespace: namespace of the data; opened if it does not exist.
            resource_id: its id; default: `<data_type>_<8 hex digits>`. If live data has this id, the same data changes
                nothing, and other data is a conflict.
            cleanup_callback: function without arguments; only this process can call it.
            version: default `1.0.0`.
            cleanup: `"package.module:function"` or that function, alone or in a pair with a dict of keyword arguments:
                any process can call it, also after this one was killed. It must allow to be called twice.
            depends_on: ids in the same namespace that are cleaned after it.
            metadata: JSON, for a person who must clean by hand.
            ttl: seconds after which it may be reaped although this process lives.
            fencing_token: lease, or the token of the lock named like `resource_id`: refuse if it is not the newest.
            sync: make the event durable against a crash of the machine, too.

        Raises:
            TypeError: `data` is not JSON; the message contains the path.
            DataConflictError: live data with this id has other content; the conflict is recorded.
            TestDataNotFound, CleanupTargetError: `depends_on` or `cleanup` names something that does not exist.
            StaleTokenError: the lock was lost.
            CleanupCallbackError, DataTooLargeError: `cleanup_callback` needs arguments; more than 256 KiB of data.
        """
        draft = _draft(data_type, data, namespace, resource_id, version, metadata)
        durable = _checked_cleanup(cleanup, cleanup_callback)
        with self.store.transact(sync=sync) as tx:
            known = self._find_known(tx, namespace, resource_id, fencing_token)
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
                self._append_creation(tx, event, durable, cleanup_callback)
        if conflict is not None:
            raise conflict
        self.store.renewer.start(self.store.lease_s)
        return key

    def _find_known(
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

    def _append_creation(
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
        """Return a copy of test data.

        Args:
            resource_id: id of the data.
            namespace: its namespace.
            version: a version; default: the current one.
            at: position in the log: the data before the event there, also if it was cleaned since.

        Raises:
            TestDataNotFound: the data does not exist, or was retired.
            VersionNotFound: it does not have this version.
        """
        with self.store.look() as state:
            if at is not None:
                known = state.namespace(namespace).resources.get(resource_id)
                record = known.at(at) if known else None
                if record is None:
                    raise TestDataNotFound(f"no test data {resource_id!r} in namespace {namespace!r} at position {at}")
                return record.value()
            return version_of(_live_resource(state, namespace, resource_id), version).value()

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
        """Add a new version of test data, and return it.

        Args:
            resource_id: id of the data.
            data: JSON.
            namespace: its namespace.
            version: default: the next patch after the current version.
            expected_version: refuse if another version is current.
            fencing_token: lease, or the token of the lock named like the resource: refuse if it is not the newest.

        Raises:
            TestDataNotFound: the data does not exist.
            DataConflictError: the current version is not the expected one, or `version` has other data; recorded.
            StaleTokenError: the lock was lost and granted to another holder since.
            TypeError, ValueError: `data` is not JSON, or `version` is not a version.
            DataTooLargeError: the data has more than 256 KiB.
        """
        content = as_content(data)
        if version is not None:
            check_version(version)
        conflict: DataConflictError | None = None
        with self.store.transact() as tx:
            resource = _live_resource(tx.state, namespace, resource_id)
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
        """Return live test data: `resource_id, namespace, data_type, version, created_at, session, test, cleanups,
        ...`.
        """
        with self.store.look() as state:
            return [resource_data(resource) for resource in state.live() if namespace in (None, resource.namespace)]

    def describe(self, resource_id: str, namespace: str | None = None, *, at: int | None = None) -> dict[str, Any]:
        """Return all details of test data: as `list_test_data`, with `data`, `versions` and `process`.

        Args:
            resource_id: id of the data.
            namespace: its namespace; needed only if several have the id.
            at: position in the log: the data before the event there.

        Raises:
            TestDataNotFound: the data does not exist, or did not exist at that position.
            ValueError: several namespaces have the id.
        """
        with self.store.look() as state:
            resource, record = _find_described(state, resource_id, namespace, at, self.store.session)
            known = state.owners.get(resource.session)
            owner = known.owner if known else None
            return resource_data(resource) | {
                "version": record.version,
                "data": record.value(),
                "versions": [version_data(each) for each in resource.versions.values()],
                "process": f"{owner.pid} on {owner.host} {owner.worker}".strip() if owner else "",
            }


def _checked_cleanup(cleanup: Any, callback: Any) -> Durable | None:
    """Return the durable cleanup, if there is one; check the callback before anything is recorded."""
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
    """Return the event of a creation without the parts that depend on the state; all arguments are checked."""
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


def _live_resource(state: TestDataState, namespace: str, resource_id: str) -> Resource:
    found = state.resource(namespace, resource_id) if namespace else None
    if found is None:
        raise TestDataNotFound(f"no test data {resource_id!r} in namespace {namespace!r}")
    return found


def _find_described(
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
        _live_resource(state, namespace, name)
    return names
