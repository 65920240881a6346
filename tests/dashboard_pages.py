"""Pages of the dashboard, asked in this process without a server, and of a process of its own."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_insight.cli.commands.pages.dashboard import choose_sessions
from pytest_insight.dashboard.access.guard import PageGuard
from pytest_insight.dashboard.access.tokens import Door
from pytest_insight.dashboard.app import Dashboard
from pytest_insight.eventlog.sources import LogSource

INSIGHT = [sys.executable, "-m", "pytest_insight.cli"]
PATIENT_S = 60
OWN = ((b"host", b"127.0.0.1:8080"),)


class Answer(NamedTuple):
    """An answer of the application."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def text(self) -> str:
        """Its body as text."""
        return self.body.decode()

    def header(self, name: str) -> str:
        """Return a header; empty if there is none."""
        return next((value.decode() for each, value in self.headers if each == name.encode()), "")


class Asked:
    """The dashboard about a log within this process.

    Args:
        log: which one; it need not exist.
        door: who may look; None for everybody.
        time: the span of time that the command was given.
    """

    def __init__(self, log: Path, door: Door | None = None, time: str | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.dashboard = Dashboard(LogSource(log), lambda model, sut: choose_sessions(model, sut or None, time))
        self.dashboard.attach(self.loop)
        self.entered = 0
        self.app = PageGuard(self.dashboard.app(), door or Door(8080, is_open=True), self._note)

    def _note(self) -> None:
        self.entered += 1

    def follow(self) -> None:
        """Look at the log, as the watching thread does after a change."""
        self.dashboard.follow_change()
        self.loop.run_until_complete(asyncio.sleep(0))

    def settle(self) -> None:
        """Wait until answers that are being renewed are there."""
        while tasks := asyncio.all_tasks(self.loop):
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=PATIENT_S))

    def get(self, address: str, method: str = "GET", headers=OWN) -> Answer:
        """Return the answer to a request."""
        path, _, query = address.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(name, value) for name, value in headers], "http_version": "1.1", "scheme": "http", "root_path": "",
        }  # fmt: skip
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        self.loop.run_until_complete(asyncio.wait_for(self.app(scope, receive, send), PATIENT_S))
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], sent[0]["headers"], body)


class Served(NamedTuple):
    """A dashboard in a process of its own."""

    process: subprocess.Popen
    address: str
    """As it was printed, with its token."""

    @property
    def site(self) -> str:
        """The address without path and token."""
        return re.match(r"http://[^/]+", self.address)[0]

    def get(self, path: str) -> str:
        """Return a page."""
        connection = http.client.HTTPConnection(self.site.removeprefix("http://"), timeout=PATIENT_S)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()


def start_dashboard(*words: str, **variables: str) -> Served:
    """Start a dashboard, and return it when it has printed its address."""
    process = subprocess.Popen(
        [*INSIGHT, "dashboard", *words], stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )
    return Served(process, process.stdout.readline().strip())


@contextlib.contextmanager
def served_dashboard(*words: str, **variables: str):
    """Yield a dashboard in a process of its own, which is ended afterwards."""
    served = start_dashboard(*words, **variables)
    try:
        yield served
    finally:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENT_S) == 0
        served.process.stdout.close()


def wait_until(fits: Callable[[], object]) -> None:
    """Wait until something is true."""
    import time

    end = time.monotonic() + PATIENT_S
    while not fits():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.05)
