"""Completed test runs at a collector that is a real small HTTP server, well-behaved and otherwise."""

import asyncio
import json
import logging
import os
import socket
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pytest_insight.syncstorage import SyncStorageRunner, forwarding
from pytest_insight.syncstorage.forwarding import Forwarding, forwarding_to
from pytest_insight.syncstorage.sinks import CompletedRun, CompletedWorker, Connection, HeldCut

TOKEN = "tok-of-the-collector"
RUN = CompletedRun(
    test_run="nightly",
    generation=2,
    completed_us=1_790_000_000_000_000,
    forced=False,
    cuts=(HeldCut(external_id="ext-ü", status_code="Passed", status_type="Succeeded"),),
    workers=(CompletedWorker(pid="p", status="completed", worker="gw0", session_id="abc", host="h", os_pid=7),),
    connection=Connection("https://elsewhere.example.com", "another-token"),
)


class Collector(ThreadingHTTPServer):
    """Answers with the codes it is given, the last one again and again, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes = [201]
        self.location = ""
        self.requests = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, dict(self.headers), body))
        codes = self.server.codes
        self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def collector():
    """A running collector."""
    with closing(Collector()) as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Do not wait between attempts; how many there are stays as it is."""
    monkeypatch.setattr(forwarding, "DELAYS_S", (0.01, 0.01, 0.01, 0.01))
    monkeypatch.setattr(forwarding, "ATTEMPT_TIMEOUT_S", 0.3)


def announce(sink, times=1):
    """Announce the run so many times."""

    async def tell():
        for _ in range(times):
            await sink.run_completed(RUN)

    asyncio.run(tell())


def test_a_completed_run_is_posted_once_with_everything_but_the_token(collector):
    """One POST to /api/v1/runs carries run, cuts and workers; the token is in the header alone."""
    announce(Forwarding(Connection(collector.url + "/base/", TOKEN)))
    ((path, headers, body),) = collector.requests
    assert path == "/base/api/v1/runs"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "format": 1,
        "test_run": "nightly",
        "generation": 2,
        "completed_at": "2026-09-21T14:13:20.000000Z",
        "forced": False,
        "cuts": [
            {"external_id": "ext-ü", "status_code": "Passed", "status_type": "Succeeded"}
            | {"project_id": "", "started_on": ""}
        ],
        "workers": [
            {"pid": "p", "status": "completed", "worker": "gw0", "session_id": "abc", "host": "h", "os_pid": 7}
        ],
    }


@pytest.mark.parametrize("codes", [[500, 503, 200], [429, 201], [408, 204]])
def test_what_fails_for_the_moment_is_tried_again(collector, codes):
    """A collector in trouble is asked again until it takes the run, each time under the same key."""
    collector.codes = list(codes)
    announce(Forwarding(Connection(collector.url, TOKEN)))
    assert len(collector.requests) == len(codes)
    assert len({headers["Idempotency-Key"] for _, headers, _ in collector.requests}) == 1


@pytest.mark.parametrize(("code", "asked"), [(400, 2), (401, 2), (403, 2), (404, 1), (405, 1), (302, 2)])
def test_a_refusal_is_final(collector, caplog, code, asked):
    """What is refused is not sent again; where there is no such address, nothing is sent any more."""
    collector.codes = [code]
    announce(Forwarding(Connection(collector.url, TOKEN)), times=2)
    assert len(collector.requests) == asked
    assert f"refused with {code}" in caplog.text


def test_a_redirect_is_not_followed(collector):
    """A redirect could take the token to another host: it counts as a refusal."""
    with closing(Collector()) as other:
        collector.codes, collector.location = [307], other.url
        announce(Forwarding(Connection(collector.url, TOKEN)))
        assert other.requests == []


@pytest.mark.parametrize("trouble", ["down", "silent", "no HTTP", "endless line", "hangs up", "500"])
def test_a_collector_in_trouble_costs_a_line_in_the_log(collector, foreign, free_port, caplog, trouble):
    """However a collector fails, the sink returns, says so once, and the token is not in what it says."""
    caplog.set_level(logging.DEBUG)
    greeting = {"no HTTP": b"SSH-2.0\r\n", "endless line": b"x" * 100_000, "hangs up": b" "}.get(trouble, b"")
    collector.codes = [500]
    with foreign(greeting) as port:
        url = {"down": f"http://127.0.0.1:{free_port}", "500": collector.url}.get(trouble, f"http://127.0.0.1:{port}")
        announce(Forwarding(Connection(url, TOKEN)))
    assert [record.levelname for record in caplog.records if record.name.startswith("pytest_insight")] == ["WARNING"]
    assert "nightly" in caplog.text
    assert TOKEN not in caplog.text
    assert len(collector.requests) in (0, len(forwarding.DELAYS_S) + 1)


def test_a_silent_collector_holds_nobody_up():
    """While a collector does not answer, the loop of the service goes on."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = Forwarding(Connection(f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN))

        async def both():
            task = asyncio.create_task(sink.run_completed(RUN))
            beats = 0
            while not task.done():
                await asyncio.sleep(0.01)
                beats += 1
            return beats

        assert asyncio.run(both()) > 20


@pytest.mark.parametrize(
    ("url", "token"),
    [
        *((url, "") for url in ("ftp://x", "localhost:80", "http://", "http://h:99999", "http://a b")),
        *((url, "") for url in ("http://x\r\nA: b", "http://u:p@x")),
        *(("", "t"), ("http://x", "to\r\nken"), ("http://x", "tök")),
    ],
)
def test_what_cannot_be_used_switches_forwarding_off(caplog, url, token):
    """A base URL or token that cannot stand in a request makes no sink, and a line that does not hold the token."""
    assert forwarding_to(Connection(url, token)) == []
    assert bool(caplog.records) is bool(url)
    assert not token or token not in caplog.text


def test_the_token_is_not_shown():
    """The sink's repr names the collector only."""
    assert repr(Forwarding(Connection("https://c.example.com", TOKEN))) == "Forwarding('https://c.example.com')"


def test_a_service_announces_its_runs(collector, port_of_service, until):
    """A service started with --baseURL tells the collector when a run is complete, and writes the token nowhere."""
    port_of_service.start("--quiet", "0.1", "--baseURL", collector.url, "--privateToken", TOKEN)
    with SyncStorageRunner("nightly", port_of_service.port, "https://elsewhere.example.com", "another") as worker:
        assert worker.send_in_progress_test_result({"autoTestExternalId": "ext-1", "outcome": "Failed"})
    assert until(lambda: collector.requests)
    time.sleep(0.2)
    ((path, headers, body),) = collector.requests
    assert (path, headers["Authorization"]) == ("/api/v1/runs", f"Bearer {TOKEN}")
    assert (body["test_run"], [cut["external_id"] for cut in body["cuts"]]) == ("nightly", ["ext-1"])
    assert [worker["status"] for worker in body["workers"]] == ["completed"]
    written = [path for path in Path(os.environ["PYTEST_INSIGHT_HOME"]).rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if TOKEN.encode() in path.read_bytes() or b'"another"' in path.read_bytes()]
