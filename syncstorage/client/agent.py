"""Helper process that speaks with a Sync Storage service for one pytest session and all its workers.

`link` starts it. It gets messages from the session through a socket, and answers once, at the end. It ends with the
session, and with the process that started it. If that process dies without a message, the keep-alives end too, and the
leases of its workers run out.
"""

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import wire
from .launch import GRACE_S, is_alive, service_command, spawn, start_mark
from .link import MESSAGE_BYTES_MAX
from .wire import AnswerError, ServiceDownError, ServiceError

BEAT_INTERVAL_S = 25.0
REPORT_INTERVAL_S = 0.5
RETRY_INTERVAL_S = 1.0
STARTUP_TIMEOUT_S = 30.0
FAREWELL_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 0.6

_TICK_S = 0.05
_LOOK_S = 1.0
_GATHER_S = 0.02
_NOT_FOUND = 404


class AgentWorker:
    """State of one worker, and the part of it that the service knows."""

    def __init__(self, name: str, pid: str, os_pid: int) -> None:
        self.name = name
        self.pid = pid
        self.os_pid = os_pid
        self.running = ""
        self.seen_running = False
        self.ended = ""  # `done` or `lost`
        self.registered = False
        self.said_in_progress = False
        self.said_running = ""
        self.said_completed = False
        self.beat_at = 0.0

    def is_settled(self) -> bool:
        """Return whether nothing is left to report about this worker."""
        return self.ended == "lost" or self.said_completed


class Session:
    """State of the session as pytest reported it; shared by the listening thread and the reporting thread."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.run = ""
        self.session_id = ""
        self.port = 0
        self.host = ""
        self.workers: dict[str, AgentWorker] = {}
        self.finished = False
        self.gone = False
        self.settled = False
        self.starting = True
        self.problem = ""

    def take(self, messages: list[dict[str, Any]]) -> None:
        """Apply messages."""
        with self.changed:
            for message in messages:
                self._note(message)
            self.changed.notify_all()

    def end(self) -> None:
        """Note that pytest ended without a message."""
        with self.changed:
            self.gone = True
            self.changed.notify_all()

    def _note(self, message: dict[str, Any]) -> None:
        match message:
            case {"op": "hello", "run": run, "session": session_id, "host": host, "port": port}:
                self.run, self.session_id, self.host, self.port = run, session_id, host, port
            case {"op": "worker", "worker": name, "os_pid": os_pid}:
                self._worker(name, os_pid)
            case {"op": "running", "worker": name, "nodeid": nodeid}:
                worker = self._worker(name)
                worker.running = nodeid
                worker.seen_running = worker.seen_running or bool(nodeid)
            case {"op": "done" | "lost" as how, "worker": name}:
                worker = self._worker(name)
                worker.ended = worker.ended or how
            case {"op": "finish"}:
                self.finished = True
                for worker in self.workers.values():
                    worker.ended = worker.ended or "done"
            case _:
                return

    def _worker(self, name: str, os_pid: int = 0) -> AgentWorker:
        if name not in self.workers:
            self.workers[name] = AgentWorker(name, f"{self.session_id}-{name}", os_pid)
        return self.workers[name]


class SessionReporter:
    """Reporter of the session to the service."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def work(self) -> None:
        """Find or start the service, and report to it until the session is over and everything is reported."""
        session = self._session
        try:
            problem = self._find_service()
            with session.changed:
                session.starting, session.problem = False, problem
            if not problem:
                self._report_until_end()
        finally:
            with session.changed:
                session.settled = True
                session.changed.notify_all()

    def _find_service(self) -> str:
        """Return "" once the service is healthy, or the reason why there is no service."""
        port = self._session.port
        deadline = time.monotonic() + STARTUP_TIMEOUT_S
        started, ended_at = 0, 0.0
        while not self._session.gone:
            try:
                return (
                    ""
                    if "status" in self._ask("GET", "/health")
                    else f"port {port}: another program has it; choose another port with --insight-sync-port"
                )
            except ServiceDownError:
                started = started or spawn(service_command(port))
                if not is_alive(started):  # if several processes start a service at once, one of them gets the port
                    ended_at = ended_at or time.monotonic()
                    if time.monotonic() - ended_at > GRACE_S:
                        return (
                            f"port {port}: the service could not be started;"
                            f" `insight sync-storage serve --port {port}` shows the reason"
                        )
            except AnswerError:
                return f"port {port}: another program has it; choose another port with --insight-sync-port"
            except ServiceError:
                pass  # it listens already and does not answer yet
            if time.monotonic() > deadline:
                return f"port {port}: the service did not become ready"
            time.sleep(_TICK_S)
        return ""

    def _report_until_end(self) -> None:
        session = self._session
        farewell = 0.0
        while not session.gone:
            problem = self._report_changes()
            with session.changed:  # checked under the lock, or the notice that pytest ended may precede the wait
                session.problem = problem
                if session.gone:
                    return
                if session.finished:
                    farewell = farewell or time.monotonic() + FAREWELL_TIMEOUT_S
                    if not self._unsettled_workers() or time.monotonic() > farewell:
                        return
                if problem:
                    session.changed.wait(RETRY_INTERVAL_S)
                elif not session.finished:
                    session.changed.wait(self._pause())
            if not session.finished:
                time.sleep(_TICK_S)  # many short tests are one message

    def _unsettled_workers(self) -> list[AgentWorker]:
        return [worker for worker in self._session.workers.values() if not worker.is_settled()]

    def _pause(self) -> float:
        """Return the seconds until the next keep-alive, or until the next report of running tests."""
        now = time.monotonic()
        waits = [
            worker.beat_at + (BEAT_INTERVAL_S if worker.running == worker.said_running else REPORT_INTERVAL_S) - now
            for worker in self._unsettled_workers()
        ]
        return max(min(waits, default=BEAT_INTERVAL_S), 0)

    def _report_changes(self) -> str:
        """Report what the service does not know yet; return an error text, or ""."""
        try:
            for worker in self._unsettled_workers():
                for path, body in self._requests_for(worker):
                    self._post(worker, path, body)
        except ServiceError as error:
            return str(error)
        return ""

    def _requests_for(self, worker: AgentWorker) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the requests that update the service; each is noted as done after it succeeded."""
        session = self._session
        if not worker.registered:
            yield (
                "/register",
                {
                    "worker": worker.name,
                    "sessionId": session.session_id,
                    "host": session.host,
                    "osPid": worker.os_pid,
                },
            )
            worker.registered = True
        if worker.seen_running and not worker.said_in_progress:
            yield "/set_worker_status", {"status": "in_progress"}
            worker.said_in_progress = True
        running = "" if worker.ended else worker.running
        if self._is_due(worker, running):
            yield "/keep_alive", {"running": running}
            worker.said_running, worker.beat_at = running, time.monotonic()
        if worker.ended == "done":
            yield "/set_worker_status", {"status": "completed"}
            worker.said_completed = True

    def _is_due(self, worker: AgentWorker, running: str) -> bool:
        """Return whether a keep-alive is due: changes of the running test are sent twice a second at most."""
        since = time.monotonic() - worker.beat_at
        if worker.ended:
            return running != worker.said_running
        return since >= (BEAT_INTERVAL_S if running == worker.said_running else REPORT_INTERVAL_S)

    def _post(self, worker: AgentWorker, path: str, body: dict[str, Any]) -> None:
        try:
            self._ask("POST", path, {"pid": worker.pid, "testRunId": self._session.run} | body)
        except AnswerError as error:
            if error.code == _NOT_FOUND and path == "/keep_alive":
                worker.registered = worker.said_in_progress = False  # the service has lost its state: register again
            raise

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return wire.call(self._session.port, method, path, body)


class Parent(NamedTuple):
    """The pytest process that started this one. It is not the parent process any more."""

    pid: int
    mark: str
    """Start time of the process, which distinguishes it from a later process with the same id; empty if unknown."""

    def has_ended(self) -> bool:
        """Return whether it has ended; False if that is not known."""
        return bool(self.mark) and start_mark(self.pid) != self.mark


def listen(link: socket.socket, session: Session, parent: Parent) -> None:
    """Read messages until the session is finished or gone; one of both is set afterwards in any case."""
    link.settimeout(0)
    poll = select.poll()
    poll.register(link, select.POLLIN)
    looked_s = time.monotonic()
    try:
        while not session.finished and not session.gone:
            if poll.poll(_LOOK_S * 1000):
                _drain(link, session)
                if not session.finished:
                    time.sleep(_GATHER_S)  # waking up for each message would cost its sender more than the message
            if time.monotonic() - looked_s >= _LOOK_S:
                looked_s = time.monotonic()
                if parent.has_ended():
                    return  # a child that a test forked may hold the other end, and even write to it, after pytest died
    finally:
        if not session.finished:
            session.end()


def _drain(link: socket.socket, session: Session) -> None:
    """Read all available messages."""
    messages: list[bytes] = []
    gone = False
    try:
        while data := link.recv(MESSAGE_BYTES_MAX):
            messages.append(data)
        gone = True
    except BlockingIOError:
        pass
    except OSError:
        gone = True
    session.take(list(_decode_messages(messages)))
    if gone and not session.finished:
        session.end()


def _decode_messages(messages: list[bytes]) -> Iterator[dict[str, Any]]:
    """Yield decoded messages. Messages that cannot be decoded, such as those of a test that writes into the socket,
    are left out.
    """
    for message in messages:
        try:
            content = json.loads(message)
        except ValueError:
            continue
        if isinstance(content, dict):
            yield content


def answer(link: socket.socket, session: Session) -> None:
    """Send the result of the reporting as soon as it is known, and within the time that pytest waits."""
    with session.changed:
        session.changed.wait_for(lambda: session.settled or session.starting, ANSWER_TIMEOUT_S)
        late = not session.settled and not session.starting
        problem = session.problem or (f"port {session.port}: the service did not answer in time" if late else "")
    try:
        link.send(json.dumps({"problem": problem}).encode("ascii"))
    except OSError:
        return  # pytest did not wait


def main(descriptor: int, parent: Parent) -> None:
    """Report the session of a process, and end with that process."""
    session = Session()
    with socket.socket(fileno=descriptor) as link:
        reporter = threading.Thread(target=_report, args=(session,))
        listening = threading.Thread(target=listen, args=(link, session, parent))
        listening.start()
        with session.changed:
            session.changed.wait_for(lambda: session.port or session.gone)
        reporter.start()
        listening.join()
        if session.finished:
            answer(link, session)
        reporter.join()


def _report(session: Session) -> None:
    try:
        SessionReporter(session).work()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        with session.changed:
            session.starting, session.problem = False, f"the service could not be started: {error}"


if __name__ == "__main__":
    main(int(sys.argv[1]), Parent(int(sys.argv[2]), sys.argv[3]))
