"""A small Sync Storage service that remembers every request, and other programs that may listen on a port."""

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
import warm
from pytest_insight.syncstorage.client import wire


class Request(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    query: dict
    body: object
    headers: dict


class Stub(ThreadingHTTPServer):
    """Answers as the protocol says; `answers[path] = (code, bytes)` makes it answer otherwise."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = []
        self.answers = {}
        self.masters = {}
        self.mutex = threading.Lock()
        self.released = threading.Event()
        self.released.set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def paths(self):
        """The paths asked for, in order, without the keep-alives of a thread."""
        return [request.path for request in self.requests if request.path != "/keep_alive"]

    def bodies(self, path):
        return [request.body for request in self.requests if request.path == path]

    def hang(self):
        """Accept and never answer, until `close`."""
        self.released.clear()

    def close(self):
        self.released.set()
        self.shutdown()
        self.server_close()

    def answer(self, request):
        body = request.body if isinstance(request.body, dict) else {}
        said = {"status": "ok", "message": "done"}
        if request.path == "/health":
            return {"status": "healthy", "last_update": "2026-11-21T10:00:00Z"}
        if request.path == "/register":
            with self.mutex:
                master = self.masters.setdefault(body["testRunId"], body["pid"])
            return said | {"pid": body["pid"], "testRunId": body["testRunId"], "is_master": master == body["pid"]}
        if request.path in ("/wait-completion", "/force-completion"):
            return {"completed": True, "message": "all workers are done"}
        return said


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            json.loads(content) if content else None,
            dict(self.headers),
        )
        stub = self.server
        stub.requests.append(request)
        stub.released.wait(300)
        code, data = stub.answers.get(request.path) or (200, json.dumps(stub.answer(request)).encode())
        try:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            return  # who asked has gone

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def stub():
    """A running stub of the service."""
    with closing(Stub()) as service:
        yield service


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def foreign():
    """Start a program that listens and speaks something else: `foreign(b'SSH-2.0')`; without bytes it says nothing."""

    @contextmanager
    def listen(greeting=b""):
        with closing(socket.socket()) as server:
            server.bind(("127.0.0.1", 0))
            server.listen(50)
            kept = []

            def serve():
                while True:
                    try:
                        connection, _ = server.accept()
                    except OSError:
                        return
                    kept.append(connection)
                    if greeting:
                        connection.sendall(greeting)
                        connection.close()

            threading.Thread(target=serve, daemon=True).start()
            yield server.getsockname()[1]
            server.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()

    return listen


SERVE = [sys.executable, "-m", "pytest_insight.cli", "sync-storage", "serve"]


class Service:
    """A real service on a port: starts, is looked at, dies, is ended."""

    def __init__(self, port):
        self.port = port
        self.process = None

    def start(self, *options):
        command = [*SERVE, "--port", str(self.port), *options]
        self.process = warm.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert until(self.is_up)
        return self

    def is_up(self):
        try:
            return "status" in wire.call(self.port, "GET", "/health")
        except wire.ServiceError:
            return False

    def runs(self):
        """What the service knows, by test run."""
        return {run["test_run"]: run for run in self.report()["runs"]}

    def report(self):
        """Everything that the service knows."""
        return wire.call(self.port, "GET", "/status", timeout_s=300)

    def workers(self, run):
        """The workers of a test run by their names."""
        return {worker["worker"] or worker["pid"]: worker for worker in self.runs()[run]["workers"]}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self._ask_to_end()
        if self.process is not None:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        while self.is_up():  # on a busy machine a request may have had no answer in its time
            self._ask_to_end()
            time.sleep(0.05)

    def _ask_to_end(self):
        with suppress(wire.ServiceError):  # not started, gone, or slow
            wire.call(self.port, "POST", "/shutdown")


def until(fact, timeout_s=300.0):
    """Wait until something is so; tell whether it became so."""
    deadline = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture
def port_of_service(free_port):
    """A free port, and a hand on whatever service is started there by anybody; it is ended with the test."""
    service = Service(free_port)
    yield service
    service.close()


@pytest.fixture
def service(port_of_service):
    """A real service that is up."""
    return port_of_service.start("--quiet", "0.3")
