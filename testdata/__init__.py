"""Test data management: data, locks, cleanups, versions and snapshots as events of one log that all processes share.

from pytest_insight.testdata import TestDataManager
"""

from .errors import (
    CleanupCallbackError,
    CleanupTargetError,
    DataConflictError,
    DataTooLargeError,
    LockTimeoutError,
    MigrationFailed,
    NoMigrationPath,
    StaleTokenError,
    TestDataError,
    TestDataNotFound,
    VersionNotFound,
)
from .locking.lease import Lease
from .manager import CleanupError, TestDataManager, get_test_data_manager
from .snapshots import Restored
from .store.data_store import DataStore
from .version_manager import DataMigrationHandler

__all__ = [
    "CleanupCallbackError",
    "CleanupError",
    "CleanupTargetError",
    "DataConflictError",
    "DataMigrationHandler",
    "DataStore",
    "DataTooLargeError",
    "Lease",
    "LockTimeoutError",
    "MigrationFailed",
    "NoMigrationPath",
    "Restored",
    "StaleTokenError",
    "TestDataError",
    "TestDataManager",
    "TestDataNotFound",
    "VersionNotFound",
    "get_test_data_manager",
]
