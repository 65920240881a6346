"""`SyncStorageRunner`: one process as a worker of a test run."""

import logging
import os
import platform
import secrets
import threading
import time
import weakref
from typing import Any, Self
from urllib.parse import urlencode

from ..defaults import DEFAULT_PORT
from . import wire
from .cut import cut_of
from .keep_alive import KeepAliveThread
from .released_names import ReleasedNames
from .safety import described, never_fails
from .service_process import LoggedAsDebug, ServiceProcess, SyncStorageStartupTimeout, checked_port
from .wire import AnswerError, ServicePausedError, ServiceSlowError

logger = logging.getLogger("pytest_insight.syncstorage")

PAUSE_AFTER_SILENCE_S = 30.0
_REGISTER_TRIES = 3
_NOT_FOUND = 404


class SyncStorageRunner(ReleasedNames):
    """A worker of a test run: finds or starts the service, registers, and reports what it does.

    Args:
        test_run_id: the test run.
        port: of the service on this machine; without one, `TMS_SYNC_STORAGE_PORT` or 49152.
        base_url: server that the results are for.
        private_token: token for that server; it is sent to the service and is never shown.
    """

    def __init__(
        self,
        test_run_id: str,
        port: str | int | None = None,
        base_url: str | None = None,
        private_token: str | None = None,
    ) -> None:
        self.test_run_id = test_run_id
        self.port = str(port or os.environ.get("TMS_SYNC_STORAGE_PORT") or DEFAULT_PORT)
        self.base_url = base_url
        self.private_token = private_token
        self.is_external_service = False
        self._service = ServiceProcess()
        self._reset()
        _runners.add(self)

    def _reset(self) -> None:
        """Set the attributes of a worker that has not started; a forked child is a new worker."""
        self.pid = f"worker-{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.is_master = False
        self.already_in_progress = False
        self._flag_lock = threading.Lock()
        self._life_lock = threading.RLock()
        self._registered = False
        self._status = ""
        self._keep_alive = KeepAliveThread(self._send_keep_alive)
        self._silent_until = 0.0

    def reset_after_fork(self) -> None:
        """Forget what the parent process has begun."""
        self._service = ServiceProcess()  # the parent ends the service that it started
        self._reset()

    def __repr__(self) -> str:
        return (
            f"SyncStorageRunner(test_run_id={self.test_run_id!r}, port={self.port!r}, base_url={self.base_url!r}, "
            f"pid={self.pid!r}, is_master={self.is_master!r})"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -------------------------------------------------------------- start and stop

    def is_running_status(self) -> bool:
        """Return whether the worker was started and registered, and not stopped."""
        return self._registered

    def is_running_as_process(self) -> bool:
        """Return whether a service that this runner started is running."""
        return self._service.is_running()

    def start(self, *, raise_on_timeout: bool = False) -> bool:
        """Find the service or start it, and register this worker; starting twice changes nothing.

        Args:
            raise_on_timeout: raise if a service that was started does not become healthy, instead of returning False.

        Returns:
            True if this process is a registered worker now.

        Raises:
            SyncStorageStartupTimeout: only if `raise_on_timeout`.
        """
        try:
            with self._life_lock:
                if not self._registered:
                    self._service.find_or_start(self._port(), self.test_run_id, self.base_url, self.private_token)
                    self.is_external_service = not self._service.is_running()
                    self._register()
                    self._keep_alive.start()
                return True
        except SyncStorageStartupTimeout as error:
            if raise_on_timeout:
                raise
            logger.error("sync storage: %s", error)  # noqa: TRY400 - the line tells the reason; no traceback is needed
        except Exception as error:  # noqa: BLE001 - the boundary: the test run goes on without Sync Storage
            logger.error("sync storage: the worker could not be registered: %s", described(error))  # noqa: TRY400
        return False

    def _register(self) -> None:
        body = {"pid": self.pid, "testRunId": self.test_run_id}
        body |= {"baseUrl": self.base_url} if self.base_url else {}
        body |= {"privateToken": self.private_token} if self.private_token else {}
        answer: dict[str, Any] = {}
        for left in reversed(range(_REGISTER_TRIES)):
            try:
                answer = self._call("POST", "/register", body)
                break
            except ServiceSlowError:  # the service may have received it; the same worker may register again
                if not left:
                    raise
                self._silent_until = 0.0
        self.is_master = answer.get("is_master") is True
        self._registered, self._status = True, ""
        logger.info("sync storage: registered %s as %s", self.pid, "master" if self.is_master else "worker")

    @never_fails(default=None)
    def stop(self) -> None:
        """Report this worker as completed, and end a service that this runner started and no other worker uses."""
        with self._life_lock:
            if self._registered:
                self.set_worker_status("completed")
                self._keep_alive.stop()
                self._registered = False
                self.is_master = False
                self._status = ""
            self._service.end_unused(self._call, self.pid)

    # -------------------------------------------------------------- while it runs

    @never_fails(default=None)
    def set_worker_status(self, status: str) -> None:
        """Report the status of this worker.

        Args:
            status: `in_progress` or `completed`.
        """
        self._status = status  # reported once, received or not: otherwise each test would try and wait again
        self._call("POST", "/set_worker_status", {"pid": self.pid, "status": status, "testRunId": self.test_run_id})

    @never_fails(default=None)
    def note_activity(self) -> None:
        """Report once that this worker runs tests; a master that never reports it is replaced by a worker that does."""
        if self._registered and self._status != "in_progress":
            self.set_worker_status("in_progress")

    def set_is_already_in_progress(self, value: bool) -> None:  # noqa: FBT001 - the released signature
        """Set or clear the flag that the service holds a result of this worker."""
        with self._flag_lock:
            self.already_in_progress = value

    def reset_in_progress_flag(self) -> None:
        """Clear the flag, so that the next result may be held."""
        self.set_is_already_in_progress(False)

    @never_fails(default=False)
    def send_in_progress_test_result(self, model: Any) -> bool:
        """Send a result for the service to hold, if this worker is the master and none of its results is held yet.

        Args:
            model: a dictionary with the fields of a result, or a model of the original client.

        Returns:
            True if the service holds it now.
        """
        with self._flag_lock:
            if not self.is_master or self.already_in_progress:
                return False
            self.already_in_progress = True
        try:
            query = urlencode({"testRunId": self.test_run_id})
            self._call("POST", f"/in_progress_test_result?{query}", cut_of(model))
        except BaseException:
            self.reset_in_progress_flag()
            raise
        return True

    @never_fails(default=False)
    def wait_for_completion(self, timeout_s: float = 60.0) -> bool:
        """Wait until all workers of the test run have completed; return whether they did so within `timeout_s`."""
        return self._complete("/wait-completion", timeout_s)

    @never_fails(default=False)
    def force_completion(self) -> bool:
        """Complete the test run now, also if workers are still running; return whether the service did it."""
        return self._complete("/force-completion", wire.CALL_TIMEOUT_S)

    def _complete(self, path: str, timeout_s: float) -> bool:
        query = urlencode({"testRunId": self.test_run_id})
        return wire.call(self._port(), "GET", f"{path}?{query}", timeout_s=timeout_s).get("completed") is True

    # -------------------------------------------------------------- requests

    def _port(self) -> int:
        return checked_port(self.port)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request. After one without an answer, send none for a while, so that tests wait only once."""
        if time.monotonic() < self._silent_until:
            raise ServicePausedError(f"port {self.port}: the service does not answer; no requests for now")
        try:
            return wire.call(self._port(), method, path, body)
        except ServiceSlowError:
            self._silent_until = time.monotonic() + PAUSE_AFTER_SILENCE_S
            raise

    def _send_keep_alive(self, stop: threading.Event) -> None:
        body = {"pid": self.pid, "testRunId": self.test_run_id}
        try:
            wire.call(self._port(), "POST", "/keep_alive", body)
        except AnswerError as error:
            if error.code == _NOT_FOUND and not stop.is_set():
                with LoggedAsDebug("registering again"):  # the service was restarted without its journal
                    self._register()
        except Exception as error:  # noqa: BLE001 - this thread must neither end a run nor be reported by pytest
            logger.debug("sync storage: keep-alive: %s", described(error))


_runners: "weakref.WeakSet[SyncStorageRunner]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for runner in list(_runners):
        runner.reset_after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
