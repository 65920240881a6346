"""Client of Sync Storage: classes that an adapter of a test framework uses to take part in a test run.

Everything here is the standard library, every call has a timeout, and no method fails the test run that calls it.

- `adapter`: interface of the adapter of a test framework.
- `agent`: helper process that speaks with the service for one pytest session and all its workers.
- `config`: settings of Sync Storage in adapters.
- `cut`: the five fields of a test result that Sync Storage holds.
- `keep_alive`: the thread that sends keep-alives.
- `launch`: start of a process that is not a child of this one.
- `link`: connection between pytest and the agent.
- `released_names`: names of attributes and methods in released versions of the original client.
- `results`: decision for each finished test: hold its result, or write it to the server.
- `runner`: `SyncStorageRunner`: one process as a worker of a test run.
- `safety`: errors of the client classes.
- `service_process`: the service process: found on its port, or started and ended by a runner.
- `wire`: one request to the service and its answer.
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
