"""The client classes: what they send, what they make of answers, and that they never fail a run."""

import itertools
import json
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime

import pytest
import warm
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.syncstorage import (
    SyncStorageAdapterInterface,
    SyncStorageConfig,
    SyncStorageRunner,
    SyncStorageStartupTimeout,
    TestResultManager,
)
from pytest_insight.syncstorage.client import keep_alive, service_process, wire
from pytest_insight.syncstorage.client.cut import cut_of

RESULT = {
    "configurationId": "config-id",
    "autoTestExternalId": "test-external-id",
    "outcome": "Passed",
    "startedOn": "2023-01-01T10:00:00Z",
    "completedOn": "2023-01-01T10:00:05Z",
    "duration": 5000,
}
TOKEN = "tok-very-secret-1"


def started(stub, run="run-1"):
    """A registered worker of a stub."""
    worker = SyncStorageRunner(run, stub.port, "https://testit.example.com", TOKEN)
    assert worker.start()
    return worker


def all_calls(worker):
    """Every method of the classes that a test run may call, by name."""
    manager = TestResultManager(worker)
    return {
        "set_worker_status": lambda: worker.set_worker_status("in_progress"),
        "send": lambda: worker.send_in_progress_test_result(RESULT),
        "reset": worker.reset_in_progress_flag,
        "handle": lambda: manager.handle_test_completion(RESULT),
        "finalize": manager.finalize_test_handling,
        "wait": lambda: worker.wait_for_completion(0.5),
        "force": worker.force_completion,
        "is_running": worker.is_running_status,
        "is_process": worker.is_running_as_process,
        "stop": worker.stop,
    }


# ------------------------------------------------------------------ who is master, and what is sent


def test_the_first_worker_is_master_and_its_result_is_held(stub):
    """C2: the master's first result is held, the second only after the first was finalized."""
    worker = started(stub)
    manager = TestResultManager(worker)
    assert worker.is_master
    assert manager.handle_test_completion(RESULT)
    assert not manager.handle_test_completion(RESULT)
    manager.finalize_test_handling()
    assert TestResultManager(worker).handle_test_completion(RESULT | {"autoTestExternalId": "two"})
    sent = stub.bodies("/in_progress_test_result")
    assert [cut["autoTestExternalId"] for cut in sent] == ["test-external-id", "two"]
    worker.stop()


def test_who_is_not_master_sends_no_result(stub):
    """C2: a worker that is not the master reports that it runs tests, and nothing else."""
    first, second = started(stub), started(stub)
    assert (first.is_master, second.is_master) == (True, False)
    assert not TestResultManager(second).handle_test_completion(RESULT)
    TestResultManager(second).finalize_test_handling()
    assert stub.bodies("/in_progress_test_result") == []
    assert stub.bodies("/set_worker_status") == [
        {"pid": second.pid, "status": "in_progress", "testRunId": "run-1"},
    ]
    first.stop()
    second.stop()


@pytest.mark.parametrize("answer", [(500, b"{}"), (204, b""), (200, b"fine"), (200, b"[]"), (200, b'"ok"'), (404, b"")])
def test_a_result_that_was_refused_is_not_held(stub, answer):
    """C2: whatever is no success makes the answer False and leaves the flag free, so that the next one is offered."""
    worker = started(stub)
    stub.answers["/in_progress_test_result"] = answer
    assert not TestResultManager(worker).handle_test_completion(RESULT)
    assert not worker.is_already_in_progress_flag()
    del stub.answers["/in_progress_test_result"]
    assert TestResultManager(worker).handle_test_completion(RESULT)
    worker.stop()


@pytest.mark.parametrize(
    "result", [{}, None, 7, [], {"autoTestExternalId": None}, {"autoTestExternalId": ""}, {"outcome": object()}]
)
def test_a_result_without_a_test_is_left_to_the_caller(stub, caplog, result):
    """C2: a result that names no test is not sent; that is a warning and False, and the flag stays free."""
    worker = started(stub)
    assert TestResultManager(worker).handle_test_completion(result) is False
    assert worker.send_in_progress_test_result(result) is False
    assert not worker.already_in_progress
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING]
    worker.stop()


def test_two_threads_with_a_result_hold_one(stub):
    """C3: of many threads that offer a result at once, exactly one is told that it is held."""
    worker = started(stub)
    for _ in range(20):
        barrier, told = threading.Barrier(4), []

        def offer(barrier=barrier, told=told):
            barrier.wait()
            told.append(worker.send_in_progress_test_result(RESULT))

        threads = [threading.Thread(target=offer) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told) == [False, False, False, True]
        worker.reset_in_progress_flag()
    assert len(stub.bodies("/in_progress_test_result")) == 20
    worker.stop()


def test_a_forked_child_is_a_worker_of_its_own(stub):
    """C4: after a fork the child has another id, is not registered, and can register beside its parent."""
    worker = started(stub)
    reading, writing = os.pipe()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("warnings.showwarning", lambda *args: None)
        child = os.fork()
    if child == 0:
        before = [worker.pid, worker.is_master, worker.is_running_status()]
        answer = [*before, worker.start(), worker.is_master, worker.pid]
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.waitpid(child, 0)
    pid, master, running, began, master_then, pid_then = json.loads(os.read(reading, 4096))
    os.close(reading)
    os.close(writing)
    assert (master, running, began, master_then) == (False, False, True, False)
    assert pid == pid_then != worker.pid
    assert worker.is_master
    assert [body["pid"] for body in stub.bodies("/register")] == [worker.pid, pid]
    worker.stop()


def test_ids_of_workers_differ():
    """No two runners have one id, in one thread or in many."""
    ids = [SyncStorageRunner("run").pid for _ in range(200)]
    assert len(set(ids)) == 200


# ------------------------------------------------------------------ configuration

TRUTHS = list(itertools.product([True, False], ["run", "", None], ["https://x", "", None], ["token", "", None]))


@pytest.mark.parametrize(("enabled", "run", "url", "token"), TRUTHS)
def test_a_configuration_is_valid_if_nothing_is_missing(enabled, run, url, token):
    """C5: valid means enabled, and run, server and token are there; the port has a default."""
    config = SyncStorageConfig(enabled, run, None, url, token)
    assert config.is_valid() is (enabled and run == "run" and url == "https://x" and token == "token")
    assert config.port == "49152"


@pytest.mark.parametrize(
    ("given", "enabled"),
    [
        *((word, True) for word in (None, True, "true", "1", "YES", " on ", "")),
        *((word, False) for word in (False, "false", "0", "no", "maybe", 0)),
    ],
)
def test_sync_storage_is_enabled_unless_told_otherwise(given, enabled):
    """C5: the words for yes enable it, an absent or empty property does too, everything else does not."""
    properties = {"testrunid": "r", "url": "u", "privatetoken": "t"}
    if given is not None:
        properties["syncstorage_enabled"] = given
    assert SyncStorageConfig.from_app_properties(properties, {}).is_valid() is enabled


@pytest.mark.parametrize("name", ["syncstorage_port", "syncstorageport", "sync_storage_port"])
def test_the_port_has_several_names(name):
    """C5: each spelling of the property is read, and the environment is read where the properties are silent."""
    assert SyncStorageConfig.from_app_properties({name: 5000}, {}).port == "5000"
    environ = {"TMS_SYNC_STORAGE_PORT": "6000", "TMS_TEST_RUN_ID": "r", "TMS_URL": "u", "TMS_PRIVATE_TOKEN": "t"}
    config = SyncStorageConfig.from_app_properties({name: "5000"}, environ)
    assert (config.port, config.test_run_id, config.base_url, config.is_valid()) == ("5000", "r", "u", True)
    assert SyncStorageConfig.from_app_properties(None, environ).port == "6000"


# ------------------------------------------------------------------ secrets


def test_the_token_is_shown_nowhere(stub, caplog):
    """C7: neither repr nor any log line, on any path good or bad, holds the token; only the registration does."""
    caplog.set_level(logging.DEBUG)
    worker = started(stub)
    config = SyncStorageConfig(True, "run", None, "https://x", TOKEN)
    for call in all_calls(worker).values():
        call()
    stub.answers["/register"] = (500, b"no")
    again = SyncStorageRunner("run", stub.port, "https://x", TOKEN)
    assert not again.start()
    shown = [repr(worker), repr(again), str(config), repr(config), f"{vars(wire)}", caplog.text]
    assert not [text for text in shown if TOKEN in text]
    assert [request.path for request in stub.requests if TOKEN in str(request)] == ["/register", "/register"]


# ------------------------------------------------------------------ a service that is not there


@pytest.mark.parametrize("name", list(all_calls(SyncStorageRunner("run"))))
def test_without_a_service_every_call_returns_at_once(stub, name):
    """C8: with the service gone, each call takes less than 50 ms, raises nothing, and says no."""
    worker = started(stub)
    stub.close()
    call = all_calls(worker)[name]
    times = []
    for _ in range(10):  # the machine may be busy with something else; the call itself is as slow as its fastest
        worker.is_master, worker._registered = True, True
        begun = time.perf_counter()
        answer = call()
        times.append(time.perf_counter() - begun)
        assert not answer or name == "is_running"
    assert min(times) < 0.05
    worker.stop()


def test_a_service_that_hangs_is_waited_for_once(stub, monkeypatch):
    """C8: after one call that was not answered in time, nothing is asked for half a minute, whatever is called."""
    worker = started(stub)
    monkeypatch.setattr(wire.call, "__kwdefaults__", {"timeout_s": 0.2})
    stub.hang()
    asked = len(stub.paths())
    for _ in range(50):
        assert not TestResultManager(worker).handle_test_completion(RESULT)
    worker.stop()
    assert len(stub.paths()) == asked + 1


def test_an_answer_that_drips_is_cut_off():
    """Every call ends when its time is over, also if bytes keep coming, one at a time."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                try:
                    while True:
                        connection.sendall(b"H")
                        time.sleep(0.02)
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.perf_counter()
        with pytest.raises(wire.ServiceSlowError):
            wire.call(server.getsockname()[1], "GET", "/health", timeout_s=0.3)
        assert time.perf_counter() - begun < 30
        thread.join()


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\x01\x02", b"HTTP/1.1 200 OK\r\n\r\n<html>"])
def test_a_port_of_another_program_is_an_error_and_no_more(foreign, greeting, caplog):
    """A port taken by something else makes start() False, with one error; nothing is started beside it."""
    with foreign(greeting) as port:
        worker = SyncStorageRunner("run", port, "https://x", TOKEN)
        assert worker.start() is False
        assert not worker.is_running_as_process()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("answer", [(200, b"[]"), (200, b""), (500, b"{}"), (302, b""), (200, b"{")])
def test_a_registration_that_failed_is_not_a_start(stub, answer, caplog):
    """start() is True only if the worker is registered; a refusal is logged as an error."""
    stub.answers["/register"] = answer
    worker = SyncStorageRunner("run", stub.port, "https://x", TOKEN)
    assert worker.start() is False
    assert not worker.is_running_status()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("word", [b'"true"', b"1", b"null"])
def test_only_true_makes_a_master(stub, word):
    """An answer whose is_master is no boolean registers an ordinary worker."""
    stub.answers["/register"] = (200, b'{"is_master": ' + word + b"}")
    worker = started(stub)
    assert worker.is_running_status()
    assert worker.is_master is False
    worker.stop()


def test_a_service_that_never_becomes_ready_is_a_timeout(free_port, monkeypatch):
    """start() returns False when the service does not come up in time, and raises if that was asked for."""
    monkeypatch.setattr(service_process, "STARTUP_TIMEOUT_S", 0.3)
    monkeypatch.setattr(service_process, "service_command", lambda port: ["sh", "-c", "sleep 3"])
    assert SyncStorageRunner("run", free_port).start() is False
    with pytest.raises(SyncStorageStartupTimeout):
        SyncStorageRunner("run", free_port).start(raise_on_timeout=True)


def test_a_service_that_ends_at_once_is_not_waited_for(free_port, monkeypatch):
    """If what was started ends while it starts, start() does not wait for the whole time-out."""
    monkeypatch.setattr(service_process, "service_command", lambda port: ["false"])
    begun = time.perf_counter()
    assert SyncStorageRunner("run", free_port).start() is False
    assert time.perf_counter() - begun < service_process.STARTUP_TIMEOUT_S / 2


@pytest.mark.parametrize("port", ["no-port", "-1", "99999999", "0x10", 1.5])
def test_a_port_that_is_none_fails_no_run(port):
    """Whatever is given as a port, start() says False and the other methods say nothing."""
    worker = SyncStorageRunner("run", port)
    assert worker.start() is False
    for call in all_calls(worker).values():
        assert not call()


# ------------------------------------------------------------------ life


def test_stop_and_start_may_come_in_any_number(stub):
    """C6: stop without start, start twice, stop twice: one registration, one `completed`."""
    worker = SyncStorageRunner("run", stub.port, "https://x", TOKEN)
    worker.stop()
    assert worker.start()
    assert worker.start()
    worker.stop()
    worker.stop()
    assert stub.paths() == ["/health", "/register", "/set_worker_status"]
    assert stub.bodies("/set_worker_status")[0]["status"] == "completed"
    assert not worker.is_running_status()


def test_keep_alive_begins_at_once_and_ends_with_stop(stub, monkeypatch):
    """The first beat follows the registration, beats go on while the worker runs, and stop() ends their thread."""
    monkeypatch.setattr(keep_alive, "KEEP_ALIVE_INTERVAL_S", 0.02)
    with SyncStorageRunner("run", stub.port) as worker:
        deadline = time.monotonic() + 300
        while len(stub.bodies("/keep_alive")) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stub.bodies("/keep_alive")[:2] == [{"pid": worker.pid, "testRunId": "run"}] * 2
    assert not worker._keep_alive.is_alive


def test_a_service_that_forgot_the_worker_is_told_again(stub, monkeypatch):
    """A keep-alive answered with 404 makes the worker register again, under its id."""
    monkeypatch.setattr(keep_alive, "KEEP_ALIVE_INTERVAL_S", 0.02)
    stub.answers["/keep_alive"] = (404, b"{}")
    worker = started(stub)
    deadline = time.monotonic() + 300
    while len(stub.bodies("/register")) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.stop()
    assert {body["pid"] for body in stub.bodies("/register")} == {worker.pid}
    assert len(stub.bodies("/register")) >= 2


def test_both_generations_of_names_mean_the_same(stub):
    """The names of the older and of the released classes give the same values."""
    worker = started(stub)
    assert (worker.pid, worker.is_external_service) == (worker.worker_pid, worker.is_external)
    assert worker.get_worker_pid() == worker.pid
    assert worker.get_test_run_id() == worker.test_run_id == "run-1"
    assert worker.get_url() == f"http://localhost:{stub.port}"
    assert worker.is_master_worker()
    assert worker.is_external
    worker.set_is_already_in_progress(True)
    assert worker.already_in_progress
    assert worker.is_already_in_progress
    assert worker.is_already_in_progress_flag()
    worker.is_already_in_progress = False
    assert not worker.already_in_progress
    assert SyncStorageRunner("run").port == "49152"
    assert SyncStorageRunner("run", 5000).port == SyncStorageRunner("run", "5000").port == "5000"
    worker.stop()


def test_the_classes_are_not_taken_for_tests(tmp_path):
    """C9: a test module that imports the classes collects nothing of them, with warnings as errors."""
    import sys

    (tmp_path / "test_it.py").write_text(
        "from pytest_insight.syncstorage import TestResultManager, SyncStorageRunner, SyncStorageConfig\n"
        "def test_one(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    result = warm.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert "1 passed" in result.stdout
    assert result.returncode == 0


def test_the_interface_needs_no_constructor():
    """A subclass that never calls the base's constructor has no runner, and is not the master."""

    class Adapter(SyncStorageAdapterInterface):
        def __init__(self):
            self.mine = 1

        initialize_sync_storage = start_sync_storage = on_test_case_completed = lambda self, *_: True
        stop_sync_storage = finalize_test_case_handling = lambda self: None

    adapter = Adapter()
    assert (adapter.sync_storage_runner, adapter.test_result_manager, adapter.is_master_worker()) == (None, None, False)
    with pytest.raises(TypeError, match="abstract"):
        SyncStorageAdapterInterface()


# ------------------------------------------------------------------ the cut


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        *((code, "Succeeded") for code in ("Passed", "passed")),
        *((code, "Incomplete") for code in ("Skipped", "Blocked", "whatever")),
        *(("FAILED", "Failed"), ("InProgress", "InProgress"), ("Pending", "Pending")),
    ],
)
def test_the_type_of_a_status_follows_from_its_code(outcome, kind):
    """The code is passed on as it is, and its type is the one of the protocol's table."""
    cut = cut_of(RESULT | {"outcome": outcome}, "project")
    assert cut == {
        "projectId": "project",
        "autoTestExternalId": "test-external-id",
        "statusCode": outcome,
        "statusType": kind,
        "startedOn": "2023-01-01T10:00:00+00:00",
    }


@given(moment=st.datetimes(timezones=st.sampled_from([None, UTC])), text=st.booleans())
def test_times_of_results_arrive_as_they_were(moment, text):
    """A time given as text or as a datetime, with or without a zone, is the same moment on the wire."""
    given_as = moment.isoformat() if text else moment
    assert datetime.fromisoformat(cut_of(RESULT | {"startedOn": given_as})["startedOn"]) == moment


@pytest.mark.parametrize("value", ["yesterday", 12, None, "", {}])
def test_what_is_no_time_is_left_out(value):
    """A startedOn that is no time is null on the wire, as the original adapter sends it."""
    assert cut_of(RESULT | {"startedOn": value})["startedOn"] is None


def test_a_stopped_service_delays_a_call_by_its_timeout(tmp_path, free_port):
    """A service frozen by SIGSTOP answers nothing: the call ends with its own time-out, not with the service's."""
    import subprocess
    import sys

    code = (
        f"import http.server as h; h.HTTPServer(('127.0.0.1', {free_port}), h.BaseHTTPRequestHandler).serve_forever()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            try:
                wire.call(free_port, "GET", "/health")
            except wire.AnswerError:
                break
            except wire.ServiceError:
                time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(wire.ServiceSlowError):
            wire.call(free_port, "GET", "/health", timeout_s=0.3)
    finally:
        process.kill()
        process.wait()
