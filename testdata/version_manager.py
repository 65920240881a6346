"""Versions of test data, and their migration."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import msgspec

from ..eventlog.times import format_time
from .cleaning.callbacks import error_text
from .errors import DataConflictError, MigrationFailed, NoMigrationPath, VersionNotFound
from .locking.conflicts import detect_conflict
from .model import events as ev
from .model.fold import TestDataState
from .model.records import Resource, VersionRecord
from .model.values import Content, as_content, check_name
from .model.versions import check_version, next_version, plan_migration, version_key
from .store.data_store import DataStore
from .store.streams import append_version, namespace_stream

__all__ = ["ONLY_VERSIONS", "DataMigrationHandler", "VersionManager", "find_anywhere", "version_data", "version_of"]

ONLY_VERSIONS = ""
"""Namespace of ids that were not created as test data: they have versions, and no cleanups."""


class DataMigrationHandler(ABC):
    """Base of migrations from one version to another; register an instance of a subclass."""

    edges: Sequence[tuple[str, str]] = ()
    """Steps `(from, to)` that it offers, so that chains can pass versions that no data has had yet."""

    @abstractmethod
    def can_handle(self, from_version: str, to_version: str) -> bool:
        """Return whether `migrate` can make this step. It must not change anything."""

    @abstractmethod
    def migrate(self, data: Any, from_version: str, to_version: str) -> Any:
        """Return the data in the form of `to_version`; `data` is a copy that may be changed."""


class _MigrationStep(NamedTuple):
    version_from: str
    version: str
    handler: str
    content: Content


class VersionManager:
    """Immutable versions of everything that has an id.

    An id refers to the live test data with that id; if several namespaces have it, pass `namespace`. An id that was not
    created as test data has versions of its own.

    Args:
        store: the store of the test data.
    """

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self._handlers: list[DataMigrationHandler] = []

    def register_migration_handler(self, handler: DataMigrationHandler) -> None:
        """Register a handler. If several can make a step, the last registered one does, with a warning.

        Raises:
            TypeError: it is not a `DataMigrationHandler`.
        """
        given = cast("object", handler)
        if not isinstance(given, DataMigrationHandler):
            raise TypeError(f"{handler!r}: not a DataMigrationHandler; register an instance of a subclass")
        self._handlers.append(handler)

    def create_version(
        self, resource_id: str, data: Any, version: str | None = None, *, namespace: str | None = None
    ) -> str:
        """Add a version, which becomes the current one, and return it.

        Args:
            resource_id: the id.
            data: JSON.
            version: a version of PEP 440; default: the next patch after the current one, `1.0.0` for the first.
            namespace: namespace of the resource; needed only if several have the id.

        Raises:
            DataConflictError: that version has other data. With the same data, nothing happens.
            ValueError: `version` is not a version, or several namespaces have the id.
            TypeError: `data` is not JSON.
        """
        content = as_content(data)
        check_name(resource_id, "resource_id")
        if version is not None:
            check_version(version)
        conflict: DataConflictError | None = None
        with self._store.transact() as tx:
            resource = self._find(tx.state, resource_id, namespace) or Resource(namespace or ONLY_VERSIONS, resource_id)
            if namespace and resource.current is None:
                raise VersionNotFound(f"no data {resource_id!r} in namespace {namespace!r}")
            last = resource.current
            chosen = version or next_version(last.version if last else None, resource.versions)
            same = resource.versions.get(version_key(chosen))
            if same is None:
                append_version(tx, self._store.session, resource, chosen, content)
            elif same.content != content.digest:
                message = f"version {chosen} of {resource_id!r} has other data"
                conflict = detect_conflict(tx, self._store.session, "version", resource, same, content, message)
        if conflict is not None:
            raise conflict
        return chosen

    def get_version(self, resource_id: str, version: str | None = None, *, namespace: str | None = None) -> Any:
        """Return a copy of the data of a version; of the current one by default.

        Raises:
            VersionNotFound: there is no such version.
        """
        with self._store.look() as state:
            return self._record(state, resource_id, version, namespace).value()

    def get_current_version(self, resource_id: str, *, namespace: str | None = None) -> str:
        """Return the current version of an id.

        Raises:
            VersionNotFound: it has no versions.
        """
        with self._store.look() as state:
            return self._record(state, resource_id, None, namespace).version

    def get_version_history(self, resource_id: str, *, namespace: str | None = None) -> list[dict[str, Any]]:
        """Return the versions in the order in which they were added: `version, at, position, origin, session`.

        Raises:
            VersionNotFound: it has no versions.
        """
        with self._store.look() as state:
            resource = self._find(state, resource_id, namespace)
            if resource is None:
                raise VersionNotFound(f"{resource_id!r} has no versions")
            return [version_data(record) for record in resource.versions.values()]

    def migrate_to_version(self, resource_id: str, target_version: str, *, namespace: str | None = None) -> Any:
        """Return the data in the form of a version; migrate it if there is no such version yet.

        A direct handler is used if there is one, else the shortest chain. All steps are recorded together, or none.

        Raises:
            VersionNotFound: the id has no versions.
            NoMigrationPath: no chain of handlers leads to that version.
            MigrationFailed: a handler failed; the failure is recorded, and nothing else changed.
        """
        check_version(target_version)
        while True:
            with self._store.look() as state:
                start = self._record(state, resource_id, None, namespace)
                resource = self._find(state, resource_id, namespace)
                known = dict(resource.versions) if resource else {}
                there = known.get(version_key(target_version))
                where = resource.namespace if resource else ONLY_VERSIONS
            if there is not None:
                return there.value()
            hops = self._run(where, resource_id, start, target_version, known)
            if self._write(where, resource_id, start, hops):
                return self.get_version(resource_id, hops[-1].version, namespace=namespace)

    def _run(
        self, namespace: str, resource_id: str, start: VersionRecord, target: str, known: dict[str, VersionRecord]
    ) -> list[_MigrationStep]:
        hops: list[_MigrationStep] = []
        data = start.value()
        for version_from, version, handler in self._plan(resource_id, start.version, target, known):
            recorded = known.get(version_key(version))
            if recorded is not None:  # a version never changes: the chain goes on from what is there
                data = recorded.value()
                continue
            try:
                content = as_content(handler.migrate(data, version_from, version), f"result of {_name(handler)}")
            except Exception as error:  # any error of a handler is a failed migration
                self._refuse(namespace, resource_id, version_from, version, handler, error)
                raise MigrationFailed(
                    f"migration of {resource_id!r} from {version_from} to {version} by {_name(handler)} failed:"
                    f" {error_text(error)}; it is still at {start.version}"
                ) from error
            hops.append(_MigrationStep(version_from, version, _name(handler), content))
            data = msgspec.json.decode(content.data)
        return hops

    def _plan(
        self, resource_id: str, start: str, target: str, known: dict[str, VersionRecord]
    ) -> list[tuple[str, str, DataMigrationHandler]]:
        names = [record.version for record in known.values()]
        plan = plan_migration(start, target, names, self._handlers)
        if not plan:
            edges = ", ".join(f"{a} to {b}" for handler in self._handlers for a, b in handler.edges) or "none declared"
            raise NoMigrationPath(
                f"{resource_id!r} has version {start}, and no handlers lead from it to {target}; there are versions"
                f" {', '.join(names)} and {len(self._handlers)} handlers (edges: {edges})"
            )
        for version_from, version, handler in plan:
            claims = [_name(other) for other in self._handlers if other.can_handle(version_from, version)]
            if len(claims) > 1:
                text = (
                    f"{' and '.join(claims)} migrate from {version_from} to {version}; {_name(handler)}, the last, does"
                )
                warnings.warn(text, stacklevel=4)
        return plan

    def _write(self, namespace: str, resource_id: str, start: VersionRecord, hops: list[_MigrationStep]) -> bool:
        """Record all steps, unless another process added a version meanwhile; return whether they were recorded."""
        with self._store.transact() as tx:
            resource = tx.state.resource(namespace, resource_id)
            if resource is None or resource.current != start:
                return False
            for hop in hops:
                tx.append(
                    namespace_stream(namespace),
                    ev.ResourceMigrated(
                        namespace=namespace,
                        resource_id=resource_id,
                        session=self._store.session,
                        version_from=hop.version_from,
                        version=hop.version,
                        handler=hop.handler,
                        content=hop.content.digest,
                        data=hop.content.data,
                    ),
                )
        return True

    def _refuse(
        self,
        namespace: str,
        resource_id: str,
        version_from: str,
        version: str,
        handler: DataMigrationHandler,
        error: Exception,
    ) -> None:
        event = ev.MigrationRefused(
            namespace=namespace,
            resource_id=resource_id,
            session=self._store.session,
            version_from=version_from,
            version=version,
            handler=_name(handler),
            error=error_text(error),
        )
        with self._store.transact() as tx:
            tx.append(namespace_stream(namespace), event)

    def _find(self, state: TestDataState, resource_id: str, namespace: str | None) -> Resource | None:
        if namespace is not None:
            return state.resource(namespace, resource_id)
        return find_anywhere(state, resource_id, self._store.session) or state.resource(ONLY_VERSIONS, resource_id)

    def _record(
        self, state: TestDataState, resource_id: str, version: str | None, namespace: str | None
    ) -> VersionRecord:
        resource = self._find(state, resource_id, namespace)
        if resource is None or resource.current is None:
            raise VersionNotFound(f"{resource_id!r} has no versions")
        return version_of(resource, version)


def version_data(record: VersionRecord) -> dict[str, Any]:
    """Return a version as data for JSON, without its content."""
    return {
        "version": record.version,
        "at": format_time(record.at_us),
        "position": record.position,
        "origin": record.origin,
        "session": record.session,
    }


def version_of(resource: Resource, version: str | None) -> VersionRecord:
    """Return a version of live data; the current one by default.

    Raises:
        VersionNotFound: the data does not have this version.
    """
    if version is None:
        if resource.current is None:
            raise VersionNotFound(f"{resource.resource_id!r} is retired")
        return resource.current
    record = resource.versions.get(version_key(version))
    if record is None:
        there = ", ".join(each.version for each in resource.versions.values())
        raise VersionNotFound(f"{resource.resource_id!r} has no version {version}; it has {there}")
    return record


def find_anywhere(state: TestDataState, resource_id: str, session: str) -> Resource | None:
    """Return the live resource with an id in any namespace; of several, the only one that `session` owns.

    Raises:
        ValueError: several namespaces have that id.
    """
    homes = {name: found for name, found in state.live_ids.get(resource_id, {}).items() if name}
    if len(homes) <= 1:
        return next(iter(homes.values()), None)
    mine = [resource for resource in homes.values() if resource.session == session]
    if len(mine) == 1:
        return mine[0]
    raise ValueError(f"{resource_id!r} is in several namespaces ({', '.join(sorted(homes))}); name one")


def _name(handler: DataMigrationHandler) -> str:
    return type(handler).__qualname__
