"""A real service in a process of its own, on a port of its own, and plain HTTP to talk to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
import warm
from pytest_insight.eventlog.codec import EventDecoder
from pytest_insight.eventlog.journal import fold_journal
from pytest_insight.syncstorage.service.events import SYNC_EVENTS
from pytest_insight.syncstorage.service.state import SyncState

QUICK = ("--quiet", "0.2")
COMMAND = [sys.executable, "-m", "pytest_insight.cli", "sync-storage"]


def free_port():
    """A port that nobody has at the moment, on either protocol."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as four:
            port = four.getsockname()[1]
            try:
                with socket.create_server(("::1", port), family=socket.AF_INET6):
                    return port
            except OSError:
                continue


def eventually(question, *, timeout_s=300.0):
    """The first true answer to a question that is asked again and again."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Answer:
    """What a service answered."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = body

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.raw)


@pytest.fixture(name="eventually")
def _eventually():
    """Wait for something that is to happen soon."""
    return eventually


@pytest.fixture(name="talk")
def _talk():
    """Send a request over a connection that stays."""
    return talk


def talk(connection, method, path, body=None, headers=None):
    """Send one request over a connection."""
    data = json.dumps(body) if isinstance(body, dict | list) else body
    connection.request(method, path, body=data, headers={"Content-Type": "application/json"} | (headers or {}))
    response = connection.getresponse()
    return Answer(response.status, dict(response.getheaders()), response.read())


class Service:
    """One service, which can be started again on its port."""

    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.process = None

    @property
    def journal(self):
        """Where its journal lies."""
        return self.home / "sync-storage" / f"{self.port}.jsonl"

    @property
    def log(self):
        """What it logged."""
        return (self.home / "sync-storage" / f"{self.port}.log").read_text()

    def state(self):
        """What its journal says, whether or not it runs."""
        state, findings = fold_journal(self.journal, EventDecoder(SYNC_EVENTS), SyncState())
        assert findings == []
        return state

    def launch(self, *arguments, **options):
        """Start the process and do not wait for it to serve."""
        command = [*COMMAND, "serve", "--port", str(self.port), *arguments]
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
        self.process = warm.Popen(command, **options)
        return self.process

    def start(self, *arguments, **options):
        """Start the process and wait until it serves."""
        self.launch(*QUICK, *arguments, **options)
        eventually(lambda: self.process.poll() is not None or self.is_healthy())
        assert self.process.poll() in (None, 0), "the service ended at once"
        return self

    def start_with_worker(self, pid, *arguments, **more):
        """Start the process and register a worker; again if its idle time was over before this process was ready."""
        while True:
            self.launch(*QUICK, *arguments)
            eventually(lambda: self.process.poll() is not None or self.is_healthy())
            try:
                self.register(pid, **more)
            except OSError:
                assert self.end() == 0
            else:
                return self

    def is_healthy(self, host="127.0.0.1"):
        """Whether it answers."""
        try:
            return self.get("/health", host=host).status == 200
        except OSError:
            return False

    def kill(self):
        """End it as a power failure would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self, timeout_s=300):
        """Wait for its end and return its exit code."""
        return self.process.wait(timeout_s)

    def end_by(self, number):
        """Send a signal, wait for the end and return the exit code."""
        self.process.send_signal(number)
        return self.end()

    def connect(self, host="127.0.0.1", timeout_s=300):
        """A connection to it."""
        return http.client.HTTPConnection(host, self.port, timeout=timeout_s)

    def request(self, method, path, body=None, headers=None, *, host="127.0.0.1"):
        """Send one request over a connection of its own."""
        connection = self.connect(host)
        try:
            return talk(connection, method, path, body, {"Connection": "close"} | (headers or {}))
        finally:
            connection.close()

    def get(self, path, host="127.0.0.1", **query):
        """GET, with a query."""
        return self.request("GET", path + ("?" + urlencode(query) if query else ""), host=host)

    def post(self, path, **body):
        """POST these fields."""
        return self.request("POST", path, body)

    def register(self, pid, run="run", **more):
        """Register a worker and return whether it is the master."""
        answer = self.post("/register", pid=pid, testRunId=run, **more)
        assert answer.status == 200, answer.raw
        return answer.json["is_master"]

    def status(self, pid, status, run="run"):
        """Report a status."""
        answer = self.post("/set_worker_status", pid=pid, status=status, testRunId=run)
        assert answer.status == 200, answer.raw
        return answer

    def cut(self, external_id="test-1", run="run", **more):
        """Send a cut."""
        body = {"projectId": "p", "autoTestExternalId": external_id, "statusCode": "passed", "statusType": "Succeeded"}
        return self.request("POST", "/in_progress_test_result?" + urlencode({"testRunId": run}), body | more)

    def wait(self, **query):
        """Wait for the completion of a test run."""
        return self.get("/wait-completion", **query)

    def run(self, name="run"):
        """What it knows of a test run."""
        [run] = self.get("/status", testRunId=name).json["runs"]
        return run

    def worker(self, pid, run="run"):
        """What it knows of a worker."""
        return next(worker for worker in self.run(run)["workers"] if worker["pid"] == pid)


@pytest.fixture(autouse=True)
def interruptible():
    """A shell ignores SIGINT for what it starts in the background, and programs inherit that: not these."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def home(private_home):
    """The home of pytest-insight in this test."""
    return Path(os.environ["PYTEST_INSIGHT_HOME"])


@pytest.fixture
def make_service(home):
    """Make services that are gone when the test is."""
    made = []

    def make():
        made.append(Service(home))
        return made[-1]

    yield make
    for service in made:
        if service.process is not None:
            service.kill()
            for pipe in (service.process.stdout, service.process.stderr):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def service(make_service):
    """A service that runs, with a short quiet period."""
    return make_service().start()
