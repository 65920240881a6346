"""Sync Storage: several pytest processes as workers of one test run.

The names below are those of `pytest_insight.syncstorage.client`; they are imported when they are first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import (
        SyncStorageAdapterInterface,
        SyncStorageConfig,
        SyncStorageRunner,
        SyncStorageStartupTimeout,
        TestResultManager,
    )

__all__ = [
    "SyncStorageAdapterInterface",
    "SyncStorageConfig",
    "SyncStorageRunner",
    "SyncStorageStartupTimeout",
    "TestResultManager",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import client  # noqa: PLC0415 - the service does not need the client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
