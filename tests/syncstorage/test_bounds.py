"""How much a service takes in, and what it says while its journal cannot be read."""

import asyncio
import json
import shutil

import pytest
from pytest_insight.syncstorage import inquiry
from pytest_insight.syncstorage.defaults import SilenceLimits
from pytest_insight.syncstorage.service import capacity as bounds
from pytest_insight.syncstorage.service.coordinator import Coordinator
from pytest_insight.syncstorage.service.http.app import SyncStorage


class InProcess:
    """The application without sockets: one request after another."""

    def __init__(self, folder):
        self.core = Coordinator(folder / "sync" / "1.jsonl", limits=SilenceLimits())
        self.core.start(port=1, os_pid=1, version="0")
        self.app = SyncStorage(self.core, lambda: None)

    def ask(self, method, path, query="", **body):
        """Return status and JSON of the answer."""
        return asyncio.run(self._ask(method, path, query, json.dumps(body).encode()))

    async def _ask(self, method, path, query, data):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 1),
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app.asgi()(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    def register(self, pid, run="run", **more):
        """Register a worker, and return status and JSON."""
        return self.ask("POST", "/register", pid=pid, testRunId=run, osPid=0, **more)


@pytest.fixture
def service(tmp_path):
    """A service without a process."""
    made = InProcess(tmp_path)
    yield made
    made.core.journal.close()


def test_too_many_workers_are_refused_with_429(service, monkeypatch):
    """Those that are known go on, the journal does not grow, and a completed test run makes room."""
    monkeypatch.setattr(bounds, "WORKERS_MAX", 3)
    assert [service.register(f"w{number}", f"run-{number}")[0] for number in range(3)] == [200] * 3
    size = service.core.journal.path.stat().st_size
    for asked in (
        service.register("w3", "run-0"),
        service.register("w3", "run-9"),
        service.ask("POST", "/set_worker_status", pid="w3", testRunId="run-0", status="in_progress"),
    ):
        status, answer = asked
        assert (status, answer["status"]) == (429, "error")
        assert "3 workers" in answer["message"]
        assert "force-completion" in answer["message"]
    assert service.core.journal.path.stat().st_size == size
    assert service.register("w0", "run-0")[0] == 200
    assert service.ask("POST", "/set_worker_status", pid="w0", testRunId="run-0", status="in_progress")[0] == 200
    assert service.ask("POST", "/keep_alive", pid="w3", testRunId="run-0")[0] == 404
    assert service.ask("GET", "/force-completion", "testRunId=run-0")[0] == 200
    assert service.register("w3", "run-1")[0] == 200


def test_too_many_open_test_runs_are_refused_with_429(service, monkeypatch):
    """By registration and by a result that is handed over; a test run that is open already takes more workers."""
    monkeypatch.setattr(bounds, "RUNS_MAX", 2)
    assert [service.register("a", f"run-{number}")[0] for number in range(2)] == [200] * 2
    assert service.register("a", "run-2")[0] == 429
    assert service.ask("POST", "/in_progress_test_result", "testRunId=run-2", autoTestExternalId="t")[0] == 429
    assert service.register("b", "run-1")[0] == 200
    assert set(service.core.state.runs) == {"run-0", "run-1"}


def test_too_many_results_are_refused_with_429(service, monkeypatch):
    """One that is held already may be sent again."""
    monkeypatch.setattr(bounds, "CUTS_MAX", 2)
    sent = [
        service.ask("POST", "/in_progress_test_result", "testRunId=run", autoTestExternalId=name)[0]
        for name in ("t1", "t2", "t3", "t1")
    ]
    assert sent == [200, 200, 429, 200]


@pytest.mark.parametrize("name", ["pid", "testRunId", "worker", "sessionId", "host", "baseUrl", "privateToken"])
def test_long_names_are_refused_with_400(service, name):
    """What goes into the journal, or stays in memory, has a limit; just below it is taken."""
    given = {"pid": "a", "testRunId": "run"}
    status, answer = service.ask("POST", "/register", **(given | {name: "x" * 4097}))
    assert (status, "4096" in answer["message"]) == (400, True)
    assert service.ask("POST", "/register", **(given | {name: "x" * 4096, "osPid": 0}))[0] == 200


@pytest.mark.parametrize("os_pid", [-1, 2**31, 10**30])
def test_what_is_no_process_id_is_refused_with_400(service, os_pid):
    """Nothing of it is written."""
    assert service.ask("POST", "/register", pid="a", testRunId="run", osPid=os_pid)[0] == 400
    assert service.core.state.runs == {}


def test_the_status_of_a_service_whose_folder_is_gone_is_still_ours(service, monkeypatch):
    """It says what it knew, and what is wrong; `stop` and `status` take it for the service that it is."""
    service.register("a")
    shutil.rmtree(service.core.journal.path.parent)
    status, answer = service.ask("GET", "/status")
    assert (status, answer["service"], answer["running"]) == (200, "pytest-insight sync-storage", True)
    assert answer["problem"] == "the folder of the journal is gone"
    assert [run["test_run"] for run in answer["runs"]] == ["run"]
    assert not service.core.journal.path.parent.exists()
    monkeypatch.setattr(inquiry, "_request", lambda *_: json.dumps(answer).encode())
    assert inquiry.is_running(1)
    assert inquiry.report(1)["problem"]
