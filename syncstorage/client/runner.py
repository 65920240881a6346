"""One process as a worker of a test run: finds or starts the service, registers, and says what it does."""

import logging
import os
import platform
import secrets
import subprocess
import threading
import time
import weakref
from collections.abc import Iterable
from typing import Any, Self
from urllib.parse import urlencode

from . import wire
from .launch import GRACE_S, is_alive, service_command, spawn
from .results import cut_of
from .safety import described, never_fails
from .wire import DEFAULT_PORT, AnswerError, ServiceDownError, ServiceError, ServicePausedError, ServiceSlowError

logger = logging.getLogger("pytest_insight.syncstorage")

STARTUP_TIMEOUT_S = 10.0
KEEP_ALIVE_INTERVAL_S = 30.0
PAUSE_AFTER_SILENCE_S = 30.0
STOP_TIMEOUT_S = 5.0

_POLL_S = 0.05
_REGISTER_TRIES = 3
_NOT_FOUND = 404
_PORT_MAX = 65535
_JOIN_S = 0.2
_GONE = frozenset({"completed", "offline", "abandoned"})


class SyncStorageStartupTimeout(TimeoutError):  # noqa: N818 - the documented name
    """The service was started and did not become healthy in time."""


class SyncStorageRunner:
    """A worker of a test run.

    Args:
        test_run_id: the test run.
        port: of the service on this machine; without one, `TMS_SYNC_STORAGE_PORT` or 49152.
        base_url: of the server that the results are for.
        private_token: for that server; it is sent to the service and is never shown.
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
        self._own_service = 0  # process id of a service that we started
        self._begin_life()
        _runners.add(self)

    def _begin_life(self) -> None:
        """Set what belongs to this process; a forked child is another worker, which has not been started."""
        self.pid = f"worker-{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.is_master = False
        self.already_in_progress = False
        self._flag_lock = threading.Lock()
        self._life_lock = threading.RLock()
        self._registered = False
        self._status = ""
        self._beat_stop = threading.Event()
        self._beat_thread: threading.Thread | None = None
        self._silent_until = 0.0

    def _begin_life_of_child(self) -> None:
        self._own_service = 0  # the parent's, who ends it
        self._begin_life()

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

    # -------------------------------------------------------------- names of the released classes

    @property
    def worker_pid(self) -> str:
        """The worker's id: `pid` by its newer name."""
        return self.pid

    @property
    def is_external(self) -> bool:
        """`is_external_service` by its newer name."""
        return self.is_external_service

    @property
    def is_already_in_progress(self) -> bool:
        """`already_in_progress` by its newer name."""
        return self.already_in_progress

    @is_already_in_progress.setter
    def is_already_in_progress(self, value: bool) -> None:
        self.already_in_progress = value

    def get_worker_pid(self) -> str:
        """Return the id of this worker."""
        return self.pid

    def get_test_run_id(self) -> str:
        """Return the test run."""
        return self.test_run_id

    def get_url(self) -> str:
        """Return the address of the service."""
        return f"http://localhost:{self.port}"

    def is_master_worker(self) -> bool:
        """Tell whether this worker is the master."""
        return self.is_master

    def is_running_status(self) -> bool:
        """Tell whether the worker was started and registered, and not stopped."""
        return self._registered

    def is_running_as_process(self) -> bool:
        """Tell whether a service that we started runs."""
        return bool(self._own_service) and is_alive(self._own_service)

    def is_already_in_progress_flag(self) -> bool:
        """Tell whether a result of this worker is held."""
        return self.already_in_progress

    def set_is_already_in_progress(self, value: bool) -> None:  # noqa: FBT001 - the released signature
        """Set or clear the flag that a result of this worker is held."""
        with self._flag_lock:
            self.already_in_progress = value

    def reset_in_progress_flag(self) -> None:
        """Clear the flag, so that the next result may be held."""
        self.set_is_already_in_progress(False)

    # -------------------------------------------------------------- start and stop

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
                    self._find_or_start_service()
                    self._register()
                    self._start_beats()
                return True
        except SyncStorageStartupTimeout as error:
            if raise_on_timeout:
                raise
            logger.error("sync storage: %s", error)  # noqa: TRY400 - the line says it; a traceback would only frighten
        except Exception as error:  # noqa: BLE001 - the boundary: the test run goes on without Sync Storage
            logger.error("sync storage: the worker could not be registered: %s", described(error))  # noqa: TRY400
        return False

    def _find_or_start_service(self) -> None:
        self.is_external_service = False
        try:
            self._health()
            self.is_external_service = not self.is_running_as_process()
        except ServiceDownError:
            self._start_service()

    def _health(self) -> None:
        answer = wire.call(self._port(), "GET", "/health", timeout_s=wire.HEALTH_TIMEOUT_S)
        if "status" not in answer:
            raise AnswerError(f"what listens on port {self.port} is no Sync Storage service")

    def _start_service(self) -> None:
        options = [("--testRunId", self.test_run_id), ("--baseURL", self.base_url)]
        command = service_command(self._port())
        command += [word for name, value in options if value for word in (name, str(value))]
        # The token goes by the environment: everybody on the machine can read the arguments of a process.
        env = {"TMS_PRIVATE_TOKEN": str(self.private_token)} if self.private_token else {}
        pid = spawn(command, env=env)
        deadline, ended_at = time.monotonic() + STARTUP_TIMEOUT_S, 0.0
        while not self._is_healthy():
            if time.monotonic() > deadline:
                raise SyncStorageStartupTimeout(
                    f"the service on port {self.port} was not ready within {STARTUP_TIMEOUT_S:g} s"
                )
            if not is_alive(pid):
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > GRACE_S:
                    raise ServiceDownError(f"the service on port {self.port} ended while it started")
            time.sleep(_POLL_S)
        # Of several who start one at the same time, one gets the port; the services of the others end at once.
        self._own_service = pid if is_alive(pid) and self._owns_port(pid) else 0
        self.is_external_service = not self._own_service

    def _is_healthy(self) -> bool:
        try:
            self._health()
        except ServiceError:
            return False
        return True

    def _owns_port(self, pid: int) -> bool:
        """Tell whether the service that answers is ours, where it says its process id; a late loser may still run."""
        try:
            answering = wire.call(self._port(), "GET", "/status").get("os_pid")
        except ServiceError:
            return True
        return answering in (None, pid)

    def _register(self) -> None:
        body = {"pid": self.pid, "testRunId": self.test_run_id}
        body |= {"baseUrl": self.base_url} if self.base_url else {}
        body |= {"privateToken": self.private_token} if self.private_token else {}
        answer: dict[str, Any] = {}
        for left in reversed(range(_REGISTER_TRIES)):
            try:
                answer = self._call("POST", "/register", body)
                break
            except ServiceSlowError:  # it may have been heard; the same worker may register again
                if not left:
                    raise
                self._silent_until = 0.0
        self.is_master = answer.get("is_master") is True
        self._registered, self._status = True, ""
        logger.info("sync storage: registered %s as %s", self.pid, "master" if self.is_master else "worker")

    @never_fails(default=None)
    def stop(self) -> None:
        """Say that this worker has completed, and end a service that we started and nobody else uses."""
        with self._life_lock:
            if self._registered:
                self.set_worker_status("completed")
                self._stop_beats()
                self._registered = False
                self.is_master = False
                self._status = ""
            own, self._own_service = self._own_service, 0
            if own and is_alive(own) and not self._others_live():
                self._end_service(own)

    def _others_live(self) -> bool:
        try:
            state = self._call("GET", "/status")
        except ServiceError:
            return True  # nobody knows; a service ends by itself when nobody uses it
        return any(worker.get("pid") != self.pid and _is_live(worker) for worker in _workers_of(state))

    def _end_service(self, pid: int) -> None:
        with _logged_as_debug("shutdown"):
            self._call("POST", "/shutdown")
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if is_alive(pid):
            os.kill(pid, 15)

    # -------------------------------------------------------------- while it runs

    @never_fails(default=None)
    def set_worker_status(self, status: str) -> None:
        """Say what this worker does.

        Args:
            status: `in_progress` or `completed`.
        """
        self._status = status  # said once, heard or not: each test would try anew, and wait anew
        self._call("POST", "/set_worker_status", {"pid": self.pid, "status": status, "testRunId": self.test_run_id})

    @never_fails(default=None)
    def note_activity(self) -> None:
        """Say once that this worker runs tests; a worker that never says so gives the mastership to one that does."""
        if self._registered and self._status != "in_progress":
            self.set_worker_status("in_progress")

    @never_fails(default=False)
    def send_in_progress_test_result(self, model: Any) -> bool:
        """Have a result held by the service, if this worker is the master and none of its results is held yet.

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
        """Wait until all workers of the test run have completed; return whether they have, within that time."""
        return self._complete("/wait-completion", timeout_s)

    @never_fails(default=False)
    def force_completion(self) -> bool:
        """End the test run now, whatever its workers do; return whether that was done."""
        return self._complete("/force-completion", wire.CALL_TIMEOUT_S)

    def _complete(self, path: str, timeout_s: float) -> bool:
        query = urlencode({"testRunId": self.test_run_id})
        return wire.call(self._port(), "GET", f"{path}?{query}", timeout_s=timeout_s).get("completed") is True

    # -------------------------------------------------------------- requests

    def _port(self) -> int:
        port = int(self.port)
        if not 0 < port <= _PORT_MAX:
            raise ValueError(f"{port} is no port")
        return port

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request; after one without an answer nothing is asked for a while, so that tests wait once."""
        if time.monotonic() < self._silent_until:
            raise ServicePausedError(f"the service on port {self.port} does not answer; nothing is sent to it for now")
        try:
            return wire.call(self._port(), method, path, body)
        except ServiceSlowError:
            self._silent_until = time.monotonic() + PAUSE_AFTER_SILENCE_S
            raise

    # -------------------------------------------------------------- keep-alive

    def _start_beats(self) -> None:
        self._beat_stop = threading.Event()
        self._beat_thread = threading.Thread(
            target=self._beats, args=(self._beat_stop,), name="sync-storage-keep-alive", daemon=True
        )
        self._beat_thread.start()

    def _stop_beats(self) -> None:
        self._beat_stop.set()
        thread = self._beat_thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=_JOIN_S)

    def _beats(self, stop: threading.Event) -> None:
        while True:
            self._beat(stop)
            if stop.wait(KEEP_ALIVE_INTERVAL_S):
                return

    def _beat(self, stop: threading.Event) -> None:
        body = {"pid": self.pid, "testRunId": self.test_run_id}
        try:
            wire.call(self._port(), "POST", "/keep_alive", body)
        except AnswerError as error:
            if error.code == _NOT_FOUND and not stop.is_set():
                with _logged_as_debug("registering again"):  # a service that was started anew, without its log
                    self._register()
        except Exception as error:  # noqa: BLE001 - a thread of ours must not end a run, nor be reported by pytest
            logger.debug("sync storage: keep-alive: %s", described(error))


class _logged_as_debug:  # noqa: N801 - reads as a statement
    """Let what goes wrong with a service that may well be gone be no more than a line for debugging."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, (ServiceError, OSError, subprocess.SubprocessError)):
            return False
        logger.debug("sync storage: %s: %s", self._what, described(error))
        return True


def _workers_of(state: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield the workers of all test runs in an answer of `/status`."""
    runs = state.get("runs")
    for run in runs if isinstance(runs, list) else [state]:
        workers = run.get("workers") if isinstance(run, dict) else None
        yield from (worker for worker in workers or () if isinstance(worker, dict))


def _is_live(worker: dict[str, Any]) -> bool:
    return worker.get("status", worker.get("state")) not in _GONE


_runners: "weakref.WeakSet[SyncStorageRunner]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for runner in list(_runners):
        runner._begin_life_of_child()  # noqa: SLF001 - the module's own class


os.register_at_fork(after_in_child=_after_fork_in_child)
