"""S20: the real pytest adapter of Test IT, unmodified, with our service and a test management system that is a fake."""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import warm

PROJECT, CONFIGURATION, WORKFLOW = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
RUN = "3e2d7a6e-0000-4000-8000-000000000001"
TOKEN = "tok-of-the-tms"
CODES = {"Passed": "Succeeded", "Failed": "Failed", "Skipped": "Incomplete", "InProgress": "InProgress"}
WORKFLOW_OF_ALL = {
    "id": WORKFLOW,
    "statuses": [{"id": str(uuid.uuid4()), "code": code, "type": kind} for code, kind in CODES.items()],
}


class FakeTms(ThreadingHTTPServer):
    """As much of a test management system as the adapter asks for; `broken` makes it refuse what is written."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _TmsHandler)
        self.requests = []
        self.broken = False
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()

    def results(self):
        """Types of status that were written to the test run, by test, in order."""
        return [
            (result["autoTestExternalId"], result["statusType"])
            for method, path, body in self.requests
            if method == "POST" and path.endswith(f"/testRuns/{RUN}/test-results")
            for result in body
        ]

    def answer(self, method, path, body):
        if path.startswith("/adapters/projects/"):
            known = {"isFavorite": False, "isDeleted": False, "globalId": 1, "workflowId": WORKFLOW}
            return {"id": PROJECT, "name": "project", "workflow": WORKFLOW_OF_ALL} | known
        if path.startswith("/adapters/workflows/"):
            return WORKFLOW_OF_ALL
        if path == "/adapters/autoTests" and method == "POST":
            return auto_test(body)
        if path == "/adapters/autoTests/bulk" and method == "POST":
            return [auto_test(one) for one in body]
        if path.endswith("/test-results"):
            return [str(uuid.uuid4()) for _ in body]
        return []


def auto_test(body):
    """A test as the system would give it back."""
    known = {"projectId": PROJECT, "isFlaky": False, "globalId": 7}
    return {"id": str(uuid.uuid4()), "name": body["name"], "externalId": body["externalId"]} | known


class _TmsHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        body = json.loads(content) if content else None
        self.server.requests.append((self.command, path, body))
        refused = self.server.broken and self.command != "GET"
        data = json.dumps({} if refused else self.server.answer(self.command, path, body)).encode()
        self.send_response(500 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def tms():
    """A running fake."""
    with closing(FakeTms()) as server:
        yield server


@pytest.fixture
def adapter(tmp_path, tms, free_port):
    """Start pytest with the real adapter: `adapter('-n2')`; returns the process."""

    def start(*args):
        environ = {
            name: value
            for name, value in os.environ.items()
            if name == "PYTEST_INSIGHT_HOME" or not name.startswith("PYTEST_")
        }
        environ |= {"TMS_URL": tms.url, "TMS_PRIVATE_TOKEN": TOKEN, "TMS_PROJECT_ID": PROJECT, "TMS_TEST_RUN_ID": RUN}
        environ |= {"TMS_CONFIGURATION_ID": CONFIGURATION, "TMS_ADAPTER_MODE": "1"}
        environ |= {"TMS_SYNC_STORAGE_PORT": str(free_port), "TMS_CERT_VALIDATION": "false"}
        command = [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "xdist", "-p", "no:cacheprovider"]
        command += ["-p", "testit_adapter_pytest.plugin", "--testit", *args]
        # The adapter names a worker by its thread and the second, which are the same in forks of one process.
        start_process = subprocess.Popen if any(arg.startswith("-n") for arg in args) else warm.Popen
        return start_process(
            command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    return start


SUITE = """
import time
import testit
import pytest
@testit.externalId("one")
def test_one(): time.sleep(0.2)
@testit.externalId("two")
def test_two(): time.sleep(0.2); assert 0
@testit.externalId("three")
def test_three(): time.sleep(0.2)
"""


@pytest.fixture
def suite(tmp_path):
    """The tests that the adapter reports."""
    (tmp_path / "test_it.py").write_text(SUITE)
    return tmp_path


def finished(process):
    """Exit code and output of a process, when it has ended."""
    text, _ = process.communicate(timeout=300)
    return process.returncode, text


QUIET_S = 0.3
"""The quiet period of the service, as its fixture starts it."""


def run_of(service):
    """What the service knows of the adapter's test run."""
    return service.runs().get(RUN, {"status": "unknown", "cuts": [], "workers": []})


FINAL = {("one", "Succeeded"), ("two", "Failed"), ("three", "Succeeded")}


def test_a_single_process_is_the_master_and_its_first_result_is_held(suite, adapter, tms, service, until):
    """S20: one cut with the final status, the same result upstream as in progress, the others with what they came to."""
    code, text = finished(adapter())
    assert (code, text.count("Traceback")) == (1, 0), text
    assert until(lambda: run_of(service)["status"] == "completed")
    run = run_of(service)
    assert [(cut["external_id"], cut["status_type"], cut["project_id"]) for cut in run["cuts"]] == [
        ("one", "Succeeded", PROJECT)
    ]
    assert tms.results() == [("one", "InProgress"), ("two", "Failed"), ("three", "Succeeded")]
    assert [(worker["status"], worker["told_master"]) for worker in run["workers"]] == [("completed", True)]


@pytest.mark.parametrize("start_s", [0, 1.5])
def test_with_xdist_every_result_is_held_or_written(suite, adapter, tms, service, until, start_s):
    """S20: with -n 2 the controller gives way to workers that come a second later; what is held and what is written
    is everything, once.
    """
    (suite / "conftest.py").write_text(
        f"import os, time\nif 'PYTEST_XDIST_WORKER' in os.environ: time.sleep({start_s})\n"
    )
    code, text = finished(adapter("-n2"))
    assert code == 1, text
    assert until(lambda: run_of(service)["status"] == "completed")
    run = run_of(service)
    assert [worker["status"] for worker in run["workers"]] == ["completed"] * 3
    held = {(cut["external_id"], cut["status_type"]) for cut in run["cuts"]}
    written = tms.results()
    if start_s > 1:  # workers that are there sooner may be its siblings, and the first one stays the master
        assert held
    assert held <= FINAL
    assert {name for name, kind in written if kind == "InProgress"} == {name for name, _ in held}
    assert {(name, kind) for name, kind in written if kind != "InProgress"} == FINAL - held


def test_results_that_upstream_refuses_change_nothing_of_the_run(suite, adapter, tms, service, until):
    """S20: the system answers 500 to all that is written: pytest ends as it would, and every result was held in turn."""
    tms.broken = True
    # The adapter tries ten times, up to a second apart; the waiting is all that is taken out.
    (suite / "conftest.py").write_text(
        "import types, testit_python_commons.services.retry as retry\n"
        "retry.random = types.SimpleNamespace(randrange=lambda *_: 0)\n"
        "retry.API_EXCEPTION_RETRIES = 2\n"
    )
    code, text = finished(adapter())
    assert code in (1, 3), text  # 3: the adapter itself lets the last refusal through, with or without our service
    assert until(lambda: run_of(service)["status"] == "completed")
    assert {(cut["external_id"], cut["status_type"]) for cut in run_of(service)["cuts"]} == FINAL


def test_a_held_result_outlives_the_service(suite, adapter, tms, service, until):
    """S20: the service is killed and started again in the middle: what it held is there, and the run completes."""
    (suite / "test_it.py").write_text(
        SUITE + "\n@testit.externalId('last')\ndef test_wait():\n    import pathlib\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.05)\n"
    )
    process = adapter()
    assert until(lambda: ("one", "InProgress") in tms.results())  # so the adapter knows that it is held
    service.kill()
    service.start("--quiet", "0.3")
    assert [cut["external_id"] for cut in run_of(service)["cuts"]] == ["one"]
    assert run_of(service)["status"] == "open"
    (suite / "go").touch()
    code, text = finished(process)
    assert code == 1, text
    assert until(lambda: run_of(service)["status"] == "completed")
    assert [cut["external_id"] for cut in run_of(service)["cuts"]] == ["one"]


def test_without_a_service_the_adapter_goes_on(suite, adapter, tms, service, until):
    """S20: the service is gone for good after the start: every result is written as ever."""
    (suite / "test_it.py").write_text(
        SUITE.replace(
            '@testit.externalId("one")',
            "def test_wait():\n    import pathlib\n"
            "    while not pathlib.Path('go').exists(): time.sleep(0.05)\n@testit.externalId('one')",
            1,
        )
    )
    process = adapter()
    assert until(lambda: RUN in service.runs())
    service.kill()
    (suite / "go").touch()
    code, text = finished(process)
    assert code == 1, text
    assert {pair for pair in tms.results() if pair[0] in ("one", "two", "three")} == FINAL


# So many that no worker is done while the service is away: a `completed` that reached nobody costs a lease.
GATED = (
    SUITE
    + """
import pathlib
@pytest.mark.parametrize("number", range(12))
@testit.externalId("gated")
def test_gated(number):
    while not pathlib.Path("go").exists(): time.sleep(0.05)
"""
)


def journal_of(service):
    """Everything that the journal of the service on this port says, line by line."""
    path = pathlib.Path(os.environ["PYTEST_INSIGHT_HOME"], "sync-storage", f"{service.port}.jsonl")
    return path.read_bytes().splitlines()


def test_install_is_all_that_an_unmodified_adapter_needs(suite, adapter, tms, port_of_service, until):
    """With nothing but `install` before it, -n 4 starts the service, elects, holds one result, and outlives SIGKILL.

    The controller is the master until its first child takes over; the service is killed while tests run, and is started
    again by somebody: every fact that it acknowledged is there, and the test run completes.
    """
    service = port_of_service
    (suite / "test_it.py").write_text(GATED)
    insight = [sys.executable, "-m", "pytest_insight.cli", "sync-storage"]
    assert subprocess.run([*insight, "install"], cwd=suite, capture_output=True).returncode == 0
    process = adapter("-n4")
    # Held, and the adapter knows it: without the answer it would rightly hand over another result.
    assert until(lambda: "InProgress" in {kind for _, kind in tms.results()})
    before, lines = run_of(service), journal_of(service)
    os.kill(service.report()["os_pid"], signal.SIGKILL)
    assert until(lambda: not service.is_up())
    service.start("--quiet", "0.3")
    after = run_of(service)
    assert journal_of(service)[: len(lines)] == lines
    assert (after["status"], after["cuts"], after["master"]) == ("open", before["cuts"], before["master"])
    assert {worker["pid"] for worker in after["workers"]} >= {worker["pid"] for worker in before["workers"]}
    (suite / "go").touch()
    code, text = finished(process)
    assert code == 1, text
    assert until(lambda: run_of(service)["status"] == "completed")
    run = run_of(service)
    assert len(run["workers"]) == 5
    assert {worker["status"] for worker in run["workers"]} == {"completed"}
    # The controller was told so first, and gave way to one worker: the only master that ever had a result to hold.
    assert [worker["is_master"] for worker in run["workers"] if worker["told_master"]] == [False, True]
    [held] = run["cuts"]
    assert (run["generation"], run["finalised"], run["epoch"]) == (1, 1, 2)
    written = tms.results()
    assert [name for name, kind in written if kind == "InProgress"] == [held["external_id"]]
    assert len(written) == 15


def test_statuses_that_flap_do_not_complete_a_run(service, until):
    """S20: `completed` after every scenario, as behave sends it with the real client, completes nothing early."""
    from testit_python_commons.services.sync_storage.sync_storage_runner import SyncStorageRunner

    longest_s, number = QUIET_S, 0
    while longest_s >= QUIET_S:  # else no message was late, which would be a reason to complete the run
        number += 1
        run = f"{RUN}-{number}"
        runner = SyncStorageRunner(run, str(service.port), "https://tms.example.com", TOKEN)
        try:
            assert runner.start()
            begins, ends, statuses = [], [], []
            for _ in range(25):
                runner.set_worker_status("in_progress")
                ends.append(time.monotonic())
                statuses.append(service.runs()[run]["status"])
                begins.append(time.monotonic())
                runner.set_worker_status("completed")
                threading.Event().wait(0.05)
                statuses.append(service.runs()[run]["status"])
            ends.append(time.monotonic())
        finally:
            runner._stop_keep_alive()
        longest_s = max(end - begin for begin, end in zip(begins, ends[1:], strict=True))
    assert set(statuses) == {"open"}
    assert until(lambda: service.runs()[run]["status"] == "completed")
    assert service.runs()[run]["generation"] == 1


# ------------------------------------------------------------------ our client beside the original one

RECORDED = [
    ("GET", "/health", {}, None),
    ("POST", "/register", {}, {"pid": "P", "testRunId": RUN, "baseUrl": "https://tms", "privateToken": TOKEN}),
    ("POST", "/set_worker_status", {}, {"pid": "P", "status": "in_progress", "testRunId": RUN}),
    (
        "POST",
        "/in_progress_test_result",
        {"testRunId": [RUN]},
        {
            "projectId": PROJECT,
            "autoTestExternalId": "ext-1",
            "statusType": "Succeeded",
            "statusCode": "Passed",
            "startedOn": "2026-01-02T03:04:05.678901+00:00",
        },
    ),
]
"""What the released client was seen to send."""


def conversation(runner, model, stub):
    """What a runner sends while it registers and has one result held, its own id replaced; and which result it got."""
    pid = runner.worker_pid
    assert runner.start()
    runner.set_worker_status("in_progress")
    assert runner.send_in_progress_test_result(model)
    sent = []
    for request in stub.requests:
        body = request.body and {name: "P" if value == pid else value for name, value in request.body.items()}
        assert body is None or request.headers["Content-Type"] == "application/json"
        sent.append((request.method, request.path, request.query, body))
    return sent


@pytest.mark.parametrize("which", ["original", "ours"])
def test_our_client_sends_what_the_original_sends(stub, until, which):
    """C10: request for request and field for field, both clients send what was recorded of the released one."""
    from api_client_syncstorage.model.test_result_cut_api_model import TestResultCutApiModel
    from pytest_insight.syncstorage import SyncStorageRunner as Ours
    from testit_python_commons.services.sync_storage.sync_storage_runner import SyncStorageRunner as Original

    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
    model = TestResultCutApiModel(
        project_id=PROJECT,
        auto_test_external_id="ext-1",
        status_type="Succeeded",
        status_code="Passed",
        started_on=moment,
    )
    runner = {"original": Original, "ours": Ours}[which](RUN, str(stub.port), "https://tms", TOKEN)
    try:
        sent = conversation(runner, model, stub)
        assert until(lambda: stub.bodies("/keep_alive"))
        assert [request for request in sent if request[1] != "/keep_alive"] == RECORDED
        assert stub.bodies("/keep_alive") == [{"pid": runner.worker_pid, "testRunId": RUN}]
        assert runner.is_master_worker()
        assert runner.is_already_in_progress_flag()
    finally:
        runner._keep_alive.stop() if which == "ours" else runner._stop_keep_alive()


def test_what_waits_and_forces_is_sent_as_recorded(stub):
    """C10: waiting and forcing are GETs with the run in the query, form-encoded."""
    from pytest_insight.syncstorage import SyncStorageRunner

    runner = SyncStorageRunner("a run/ü", stub.port)
    assert runner.wait_for_completion()
    assert runner.force_completion()
    assert [(request.method, request.path, request.query, request.body) for request in stub.requests] == [
        ("GET", "/wait-completion", {"testRunId": ["a run/ü"]}, None),
        ("GET", "/force-completion", {"testRunId": ["a run/ü"]}, None),
    ]
