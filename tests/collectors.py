"""Real collectors for tests: `insight serve` as a process of its own, with a real PostgreSQL."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import warm


@dataclass
class Answer:
    """Answer of a server."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass
class Collector:
    """A running `insight serve`."""

    url: str
    key: str
    """Text of an admin key."""
    process: subprocess.Popen
    database: str = ""
    """URL of its database, for looks behind the interface; empty for a private one."""

    def request(self, method, path, body=None, *, key=None, headers=None, timeout_s=60):
        """Send a request and return the answer, also that of a refusal."""
        head = {"Authorization": f"Bearer {self.key if key is None else key}"} | (headers or {})
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=timeout_s)
        try:
            connection.request(method, path, body, head)
            answer = connection.getresponse()
            return Answer(answer.status, _lower(answer.headers), answer.read())
        finally:
            connection.close()

    def get(self, path, **more):
        """Send a GET request."""
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        """Send a POST request."""
        return self.request("POST", path, body, **more)

    def push(self, lines, **more):
        """Push lines, and return the JSON of the answer."""
        answer = self.post("/api/v1/events", lines, **more)
        assert answer.status == 200, answer.body
        return answer.json()

    def export(self, **more):
        """Return all lines of the feed, page by page."""
        cursor, data = "", b""
        while True:
            answer = self.get(f"/api/v1/events?after={cursor}", **more)
            assert answer.status == 200, answer.body
            data += answer.body
            cursor = answer.headers["insight-cursor"]
            if answer.headers["insight-more"] == "false":
                return data

    def kill(self):
        """Kill the process at once."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ask the process to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.process.stdout.close()


def start_collector(folder: Path, *arguments, port=0, key="", database="", environ=None, start=warm.Popen):
    """Start `insight serve` and return it when it listens.

    Args:
        folder: for its output; and of its private PostgreSQL, if no URL is given.
        arguments: more of the command line.
        port: to listen on; 0 for a free one.
        key: text of an admin key of a database that has keys already.
        database: URL of a database; empty for a private one.
        environ: more environment.
        start: starts a process, as `subprocess.Popen` does.
    """
    where = ["--db-url", database] if database else ["--dir", str(folder)]
    command = [sys.executable, "-m", "pytest_insight.cli", "serve", "--port", str(port), "--json", *where, *arguments]
    errors = open(folder / "serve.err", "ab")
    process = start(command, stdout=subprocess.PIPE, stderr=errors, env=os.environ | (environ or {}))
    errors.close()
    text = process.stdout.readline()
    assert text, (folder / "serve.err").read_text()
    while not text.rstrip().endswith(b"}"):
        more = process.stdout.readline()
        assert more, (folder / "serve.err").read_text()
        text += more
    started = json.loads(text)
    return Collector(started["url"], started["key"] or key, process, database)


def _lower(headers):
    """Headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def context_of(engine, folder, **more):
    """Parts of an application for a test."""
    from pytest_insight.collector.server.context import ServerContext

    return ServerContext(engine, folder / "views", [sys.executable, "-m", "pytest_insight.cli.answering"], **more)


class ThreadCollector(Collector):
    """The same application in a thread of the test, for tests that change parts of it."""

    def __init__(self, context, key):
        from pytest_insight.collector.server.process.http_server import make_http_server, open_socket

        self.context = context
        listening = open_socket("127.0.0.1", 0)
        self.server = make_http_server(context, lifespan="on")
        super().__init__(f"http://127.0.0.1:{listening.getsockname()[1]}", key, None)
        self.thread = threading.Thread(target=self.server.run, args=([listening],))
        self.thread.start()

    def stop(self):
        """End the server."""
        self.context.ending.set()
        self.server.should_exit = True
        self.thread.join()


def make_key(engine, team="default", role="admin", **more):
    """Make a key of a team, and return its text."""
    from pytest_insight.collector.access.keys import ROLES, create_key
    from pytest_insight.collector.access.teams import ensure_team

    with engine.begin() as connection:
        return create_key(connection, ensure_team(connection, team).id, ROLES.get(role, (role,)), **more)[1]


def everything(database):
    """All that the tables have, unpacked."""
    import psycopg
    from pytest_insight.collector.ingest.segments import zstd

    found = b""
    with psycopg.connect(database) as connection:
        for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall():
            for row in connection.execute(f"select * from {name}").fetchall():
                found += repr(row).encode()
                found += b"".join(
                    zstd.decompress(item) for item in row if isinstance(item, bytes) and item[:4] == b"\x28\xb5\x2f\xfd"
                )
    return found
