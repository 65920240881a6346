"""Test data of one namespace, as tests use it."""

from contextlib import AbstractContextManager
from typing import Any

from .cleanup import Intent
from .generation import DatabaseTestDataGenerator
from .locking.lease import Lease
from .manager import TestDataManager

__all__ = ["NamespaceData"]


class NamespaceData:
    """A manager bound to one namespace.

    Args:
        manager: manager of the test data.
        namespace: the namespace.
    """

    def __init__(self, manager: TestDataManager, namespace: str) -> None:
        self.manager = manager
        self.namespace = namespace

    @property
    def generator(self) -> DatabaseTestDataGenerator:
        """Generator of data that is the same for the same test and seed; records it in the log of the test data."""
        return self.manager.generator

    def create(self, data_type: str, data: Any, **options: Any) -> str:
        """Record test data and return its id; options as of `TestDataManager.create_test_data`."""
        return self.manager.create_test_data(data_type, data, self.namespace, **options)

    def get(self, resource_id: str, version: str | None = None) -> Any:
        """Return test data, a copy each time."""
        return self.manager.get_test_data(resource_id, self.namespace, version)

    def update(self, resource_id: str, data: Any, **options: Any) -> str:
        """Add a new version of test data and return it; options as of `TestDataManager.update_test_data`."""
        return self.manager.update_test_data(resource_id, data, self.namespace, **options)

    def cleanup(self, resource_id: str | None = None) -> dict[str, bool]:
        """Clean one resource, or all resources of the namespace, now."""
        return self.manager.cleanup_test_data(resource_id, self.namespace)

    def intent(self, cleanup: Any, data_type: str = "resource", *, data: Any = None) -> AbstractContextManager[Intent]:
        """Register a durable cleanup before the block creates the resource; see `CleanupRegistry.intent`."""
        return self.manager.cleanup_registry.intent(cleanup, data_type, self.namespace, data=data)

    def lock(self, key: str, **options: Any) -> Lease:
        """Acquire a lock in the namespace; options as of `IsolationManager.acquire`."""
        return self.manager.isolation_manager.acquire(self.namespace, key, **options)

    def snapshot(self, name: str, metadata: dict[str, Any] | None = None) -> str:
        """Name the current state of the namespace and return the snapshot's id."""
        return self.manager.create_snapshot(name, self.namespace, metadata)

    def restore(self, snapshot_id: str) -> bool:
        """Restore the namespace to one of its snapshots, or copy the snapshot of another namespace into it."""
        return self.manager.restore_snapshot(snapshot_id, self.namespace)
