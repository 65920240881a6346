"""The service process: found on its port, or started and ended by a runner."""

import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

from . import wire
from .launch import GRACE_S, is_alive, service_command, spawn
from .safety import described
from .wire import AnswerError, ServiceDownError, ServiceError

logger = logging.getLogger("pytest_insight.syncstorage")

STARTUP_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
_POLL_S = 0.05
_PORT_MAX = 65535
_SIGTERM = 15
_GONE = frozenset({"completed", "offline", "abandoned"})


class SyncStorageStartupTimeout(TimeoutError):  # noqa: N818 - the documented name
    """The service was started and did not become healthy in time."""


class ServiceProcess:
    """The service on one port, as seen by one runner.

    Attributes:
        own_pid: process id of a service that this runner started; 0 for none.
    """

    def __init__(self) -> None:
        self.own_pid = 0

    def is_running(self) -> bool:
        """Return whether a service that this runner started is running."""
        return bool(self.own_pid) and is_alive(self.own_pid)

    def find_or_start(self, port: int, test_run_id: str, base_url: str | None, private_token: str | None) -> None:
        """Return once the service on the port answers; start it if nothing listens there.

        Args:
            port: of the service on this machine.
            test_run_id: default test run of a service that is started.
            base_url: server that the results are for.
            private_token: token for that server; passed to a new service in its environment.

        Raises:
            SyncStorageStartupTimeout: a service was started and did not become healthy in time.
            ServiceError: another program has the port, or the service ended while it started.
        """
        try:
            check_health(port)
        except ServiceDownError:
            self._start(port, test_run_id, base_url, private_token)

    def _start(self, port: int, test_run_id: str, base_url: str | None, private_token: str | None) -> None:
        options = [("--testRunId", test_run_id), ("--baseURL", base_url)]
        command = service_command(port)
        command += [word for name, value in options if value for word in (name, str(value))]
        # The token goes by the environment: all users of the machine can read the arguments of a process.
        env = {"TMS_PRIVATE_TOKEN": str(private_token)} if private_token else {}
        pid = spawn(command, env=env)
        deadline, ended_at = time.monotonic() + STARTUP_TIMEOUT_S, 0.0
        while not _is_healthy(port):
            if time.monotonic() > deadline:
                raise SyncStorageStartupTimeout(
                    f"port {port}: the service was not ready within {STARTUP_TIMEOUT_S:g} s"
                )
            if not is_alive(pid):
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > GRACE_S:
                    raise ServiceDownError(f"port {port}: the service ended while it started")
            time.sleep(_POLL_S)
        # Of several services that are started at the same time, one gets the port; the others end at once.
        self.own_pid = pid if is_alive(pid) and _owns_port(port, pid) else 0

    def end_unused(self, call: Callable[[str, str], dict[str, Any]], own_worker: str) -> None:
        """End a service that this runner started, unless other workers are still running.

        Args:
            call: sends a request to the service; `(method, path)`.
            own_worker: worker id of the runner.
        """
        pid, self.own_pid = self.own_pid, 0
        if not pid or not is_alive(pid) or _others_are_live(call, own_worker):
            return
        with LoggedAsDebug("shutdown"):
            call("POST", "/shutdown")
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if is_alive(pid):
            os.kill(pid, _SIGTERM)


class LoggedAsDebug:
    """Context manager that logs errors of a service which may have ended already, instead of raising them.

    Args:
        what: the operation, for the log.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, (ServiceError, OSError, subprocess.SubprocessError)):
            return False
        logger.debug("sync storage: %s: %s", self._what, described(error))
        return True


def checked_port(port: str) -> int:
    """Return a port as a number.

    Raises:
        ValueError: it is not a port.
    """
    number = int(port)
    if not 0 < number <= _PORT_MAX:
        raise ValueError(f"{number} is not a port; use 1 to {_PORT_MAX}")
    return number


def check_health(port: int) -> None:
    """Raise an error unless a Sync Storage service answers on a port.

    Raises:
        ServiceError: nothing listens there, there is no answer in time, or it is another program.
    """
    answer = wire.call(port, "GET", "/health", timeout_s=wire.HEALTH_TIMEOUT_S)
    if "status" not in answer:
        raise AnswerError(f"port {port}: the program that listens there is not a Sync Storage service")


def _is_healthy(port: int) -> bool:
    try:
        check_health(port)
    except ServiceError:
        return False
    return True


def _owns_port(port: int, pid: int) -> bool:
    """Return whether the service that answers is the process `pid`; True if it does not tell its process id."""
    try:
        answering = wire.call(port, "GET", "/status").get("os_pid")
    except ServiceError:
        return True
    return answering in (None, pid)


def _others_are_live(call: Callable[[str, str], dict[str, Any]], own_worker: str) -> bool:
    try:
        state = call("GET", "/status")
    except ServiceError:
        return True  # not known; an unused service ends by itself
    return any(worker.get("pid") != own_worker and _is_live(worker) for worker in _workers_of(state))


def _workers_of(state: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield the workers of all test runs in an answer of `/status`."""
    runs: Any = state.get("runs")
    for run in _dicts_of(runs) if isinstance(runs, list) else [state]:
        yield from _dicts_of(run.get("workers"))


def _dicts_of(items: Any) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", item) for item in items or () if isinstance(item, dict)]


def _is_live(worker: dict[str, Any]) -> bool:
    return worker.get("status", worker.get("state")) not in _GONE
