"""Client of Sync Storage: classes that an adapter of a test framework uses to take part in a test run.

Everything here is the standard library, every call has a timeout, and no method fails the test run that calls it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import SyncStorageAdapterInterface
    from .config import SyncStorageConfig
    from .results import TestResultManager
    from .runner import SyncStorageRunner
    from .service_process import SyncStorageStartupTimeout

__all__ = [
    "SyncStorageAdapterInterface",
    "SyncStorageConfig",
    "SyncStorageRunner",
    "SyncStorageStartupTimeout",
    "TestResultManager",
]

_MODULES = {
    "SyncStorageAdapterInterface": "adapter",
    "SyncStorageConfig": "config",
    "SyncStorageRunner": "runner",
    "SyncStorageStartupTimeout": "service_process",
    "TestResultManager": "results",
}


def __getattr__(name: str) -> Any:
    # pytest with --insight-sync imports `client.link` alone; the classes would bring an HTTP parser and logging along.
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
