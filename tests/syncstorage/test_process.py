"""The process: its flags, its port, its pipes and signals, its limits, its end, and what survives SIGKILL."""

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import warm

SECRET = "s3cr3t-t0k3n-of-nobody"

FLAGS = {
    "none": ["--port", "PORT"],
    "equals": ["--port=PORT", "--testRunId=mine", "--baseURL=https://tms.example.com", f"--privateToken={SECRET}"],
    "two tokens": ["--testRunId", "mine", "--port", "PORT", "--baseURL", "https://x", "--privateToken", SECRET],
    "unknown ones": ["--port", "PORT", "--testRunId", "mine", "--logLevel", "debug", f"--apiToken={SECRET}", "-x", "y"],
    "values with dashes": ["--testRunId", "--odd", "--port", "PORT", "--privateToken", f"-{SECRET}"],
    "other cases": ["--port", "PORT", "--testrunid", "other", "--TESTRUNID=other"],
    "abbreviated": ["--port", "PORT", "--testRun", "other", "--private=x"],
}
MEANT = {"none": "", "other cases": "", "abbreviated": "", "values with dashes": "--odd"}


def run_serve(arguments, **options):
    """Start `insight sync-storage serve` with exactly these arguments."""
    command = [sys.executable, "-m", "pytest_insight.cli", "sync-storage", "serve", *arguments]
    return warm.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_understood_in_every_form(make_service, eventually, name):
    """S1: any subset, `--flag=value`, unknown ones ignored, camel case exact, no abbreviations."""
    service = make_service()
    given = [flag.replace("PORT", str(service.port)) for flag in FLAGS[name]]
    service.process = run_serve([*given, "--quiet", "0.2"])
    eventually(service.is_healthy)
    meant = MEANT.get(name, "mine")
    service.register("a", run="anything")
    # What is meant without a name shows which test run was understood: it is unknown, or the only one there is.
    service.status("a", "completed", run="anything")
    answer = service.wait().json
    assert answer["completed"] is (not meant)
    service.process.send_signal(signal.SIGTERM)
    assert service.end() == 0
    assert SECRET not in service.process.stdout.read().decode() + service.log


def test_the_environment_serves_for_what_is_not_in_the_flags(make_service, eventually, monkeypatch):
    """S1: `TMS_*` variables, so that the token need not be among the arguments."""
    service = make_service()
    monkeypatch.setenv("TMS_SYNC_STORAGE_PORT", str(service.port))
    monkeypatch.setenv("TMS_TEST_RUN_ID", "mine")
    monkeypatch.setenv("TMS_PRIVATE_TOKEN", SECRET)
    service.process = run_serve(["--quiet", "0.2"])
    eventually(service.is_healthy)
    service.register("a", run="mine")
    service.status("a", "completed", run="mine")
    assert service.wait().json["completed"] is True


def test_a_second_service_on_a_port_ends_at_once(service):
    """S2: it says why and exits with 3; the first one does not notice."""
    service.register("a")
    second = run_serve(["--port", str(service.port)])
    output, _ = second.communicate(timeout=300)
    assert second.returncode == 3
    assert f"port {service.port}" in output.decode()
    assert service.register("a") is True
    assert len(service.state().runs["run"].workers) == 1


def test_a_port_taken_on_one_protocol_only_is_taken(make_service):
    """S2: clients would reach the stranger half of the time."""
    service = make_service()
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((host, service.port), family=family):
            second = run_serve(["--port", str(service.port)])
            second.communicate(timeout=300)
            assert second.returncode == 3


def test_of_eight_starters_one_serves_and_one_worker_is_master(make_service, eventually):
    """S2: eight parents find no service, each starts one; seven of these end with 3, all eight workers register."""
    service = make_service()
    with ThreadPoolExecutor(8) as pool:
        children = list(pool.map(lambda _: run_serve(["--port", str(service.port)]), range(8)))
        try:
            eventually(service.is_healthy)
            masters = list(pool.map(lambda number: service.register(f"w{number}"), range(8)))
            eventually(lambda: sum(child.poll() is None for child in children) == 1)
            assert sorted(child.poll() for child in children if child.poll() is not None) == [3] * 7
            assert sum(masters) == 1
            assert len(service.run()["workers"]) == 8
        finally:
            for child in children:
                child.kill()
                child.communicate()


def test_it_is_healthy_on_every_name_of_this_machine(make_service, eventually):
    """S3: over IPv4, IPv6 and `localhost`, well within the five seconds that clients give it; nowhere else."""
    service = make_service().start()
    for host in ("127.0.0.1", "::1", "localhost"):
        assert service.is_healthy(host)
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{service.port:04X}")
    ]
    assert sorted(listening) == sorted(
        [f"0100007F:{service.port:04X}", f"00000000000000000000000001000000:{service.port:04X}"]
    )


def register(service):
    """One worker more."""
    service.register("new")
    return lambda run: run.workers["new"].status == "registered"


def report(service):
    """One status more."""
    service.status("known", "in_progress")
    return lambda run: run.workers["known"].status == "in_progress"


def complete(service):
    """One completion of a worker more."""
    service.status("known", "completed")
    return lambda run: run.workers["known"].status == "completed"


def hold(service):
    """One cut more."""
    service.cut("held")
    return lambda run: [cut.external_id for cut in run.cuts.values()] == ["held"]


def force(service):
    """One forced completion more."""
    service.get("/force-completion", testRunId="run")
    return lambda run: run.forced


def beat(service):
    """A keep-alive changes nothing."""
    service.post("/keep_alive", pid="known", testRunId="run")
    return lambda run: run.workers["known"].status == "registered"


@pytest.mark.parametrize("act", [register, report, complete, hold, force, beat])
def test_what_was_acknowledged_survives_sigkill(make_service, act):
    """S15: killed right after each kind of answer and started again, it knows it, and clients go on unregistered."""
    service = make_service().start("--quiet", "30")
    assert service.register("known") is True
    is_there = act(service)
    service.kill()
    assert is_there(service.state().runs["run"])
    service.start()
    assert is_there(service.state().runs["run"])
    assert service.post("/keep_alive", pid="known", testRunId="run").status == 200
    assert service.register("known") is True
    service.status("known", "in_progress")
    assert service.worker("known")["status"] == "in_progress"


def test_nothing_acknowledged_is_lost_by_kills_at_random_moments(make_service, eventually):
    """S15: eight clients write without pause while the service is killed five times; each 200 is in the journal."""
    service = make_service().start("--quiet", "60", "--election", "first")
    acknowledged, stop, random_ = [], threading.Event(), random.Random(5)

    def write(client):
        number = 0
        while not stop.is_set():
            try:
                if service.post("/register", pid=f"{client}-{number}", testRunId="run").status == 200:
                    acknowledged.append(("worker", f"{client}-{number}"))
                if service.cut(f"{client}-{number}").status == 200:
                    acknowledged.append(("cut", f"{client}-{number}"))
                number += 1
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)

    clients = [threading.Thread(target=write, args=(client,)) for client in range(8)]
    for client in clients:
        client.start()
    for kill in range(1, 6):
        eventually(lambda kill=kill: len(acknowledged) > 10 * kill)
        time.sleep(random_.uniform(0.05, 0.3))
        service.kill()
        service.start("--quiet", "60", "--election", "first")
    stop.set()
    for client in clients:
        client.join()
    run = service.state().runs["run"]
    assert len(acknowledged) > 50
    assert {name for kind, name in acknowledged if kind == "worker"} <= set(run.workers)
    assert {name for kind, name in acknowledged if kind == "cut"} <= {cut.external_id for cut in run.cuts.values()}
    assert run.epoch == 1


def test_a_killed_service_gives_recovered_workers_a_fresh_lease(make_service):
    """S15: silence while there was no service is nobody's fault; after it the lease ends as ever."""
    limits = ("--quiet", "0.1", "--lease", "1", "--silent-lease", "1")
    service = make_service().start(*limits)
    service.register("a")
    service.kill()
    time.sleep(1.2)
    service.start(*limits)
    assert service.wait(testRunId="run").json["completed"] is True
    assert service.worker("a")["status"] == "offline"
    state = service.state()
    worker = state.runs["run"].workers["a"]
    assert state.service_since_us - worker.registered_us > 1_000_000, "its first lease was over"
    assert worker.since_us - state.service_since_us > 900_000


def test_a_torn_line_costs_nothing_but_itself(make_service):
    """S15: a power failure may leave half a line; it was not acknowledged, and the next service reads around it."""
    service = make_service().start()
    service.register("a")
    service.kill()
    with service.journal.open("ab") as file:
        file.write(service.journal.read_bytes().splitlines()[-1][:50])
    service.start()
    assert service.register("a") is True
    assert service.get("/status").json["runs"][0]["workers"][0]["pid"] == "a"


def test_a_service_that_was_stopped_ends_no_lease(make_service, eventually):
    """After SIGSTOP and SIGCONT workers get more time: as long as the service was suspended."""
    service = make_service().start("--quiet", "0.1", "--lease", "3", "--silent-lease", "3")
    began = -1.0
    while time.monotonic() - began > 1:  # this process may be slow between the message and the signal
        service.process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        service.register("a")
        service.process.send_signal(signal.SIGSTOP)
    time.sleep(5.5)
    resumed = time.time()
    service.process.send_signal(signal.SIGCONT)
    assert service.wait(testRunId="run").json["completed"] is True
    assert service.worker("a")["status"] == "offline"
    assert service.state().runs["run"].workers["a"].since_us / 1e6 - resumed > 1.5
    assert "was suspended for" in service.log


def many_requests(service, count):
    """Fill what a service may write."""
    for number in range(count):
        service.register("w" * 200 + str(number))


def test_it_outlives_a_parent_that_died_with_the_pipe(make_service, eventually):
    """S16: the pipe breaks with the parent; the service goes on answering, also without SIGHUP's terminal."""
    service = make_service()
    command = [sys.executable, "-m", "pytest_insight.cli", "sync-storage", "serve", "--port", str(service.port)]
    parent = f"import subprocess, sys, time; p = subprocess.Popen({command!r}, stdout=subprocess.PIPE, stderr="
    parent += "subprocess.STDOUT); print(p.pid, flush=True); time.sleep(60)"
    starter = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    child = int(starter.stdout.readline())
    try:
        eventually(service.is_healthy)
        starter.kill()
        starter.communicate()
        many_requests(service, 20)
        os.kill(child, signal.SIGHUP)
        os.kill(child, signal.SIGPIPE)
        many_requests(service, 20)
        assert service.is_healthy()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_pipe_that_is_never_read_blocks_nothing(make_service):
    """S16: more log lines than a pipe holds go to the file, which is renewed, not into the pipe of the parent."""
    service = make_service().start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    folder = service.home / "sync-storage"
    with (folder / f"{service.port}.log").open("a") as stream:  # nearly as long as it may get
        stream.write(("x" * 99 + "\n") * 9_500)
    connection = service.connect()
    for _ in range(1_500):
        connection.request("POST", f"/in_progress_test_result?testRunId={'run' * 300}", body="{")
        assert connection.getresponse().read()
    connection.close()
    assert sum(path.stat().st_size for path in folder.glob(f"{service.port}.log*")) > 1_000_000
    assert (folder / f"{service.port}.log.1").exists()
    assert service.is_healthy()
    service.process.stdout.close()
    service.process.stderr.close()


def test_500_slow_clients_do_not_stand_in_the_way(service):
    """S17: five hundred connections that send half a request, or a body drop by drop; another is served at once."""
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(500)]
    head = b"POST /register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    try:
        for number, sock in enumerate(slow):
            sock.sendall([b"", b"GET /hea", head, head + b"\r\n" + b'{"pid":'][number % 4])
        taken = []
        for number in range(50):
            began = time.monotonic()
            service.register(f"w{number}")
            taken.append(time.monotonic() - began)
        # Nobody waits for a slow one, whose time-out is ten seconds.
        assert sorted(taken)[25] < 5
    finally:
        for sock in slow:
            sock.close()


def test_a_request_that_does_not_arrive_is_given_up(make_service):
    """S17: after a time; in the middle of the head the connection is closed, in the body it is answered."""
    service = make_service().start("--request-timeout", "1.5")
    head = b"POST /register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    silent, half, body = (socket.create_connection(("127.0.0.1", service.port), timeout=300) for _ in range(3))
    half.sendall(head)
    body.sendall(head + b'\r\n{"pid":')
    with contextlib.suppress(ConnectionError):  # it is given up while this process is slow
        for _ in range(4):
            time.sleep(0.25)
            half.sendall(b"X-Drop: 1\r\n")
    answer = b""
    while data := body.recv(1000):
        answer += data
    assert answer.startswith(b"HTTP/1.1 408")
    assert silent.recv(1) == b""
    with contextlib.suppress(ConnectionResetError):  # if a drop came after the end
        assert half.recv(1) == b""
    for sock in (silent, half, body):
        sock.close()


def test_what_is_too_large_is_refused(service):
    """S17: a body of more than a megabyte, announced or chunked, and a head of more than 32 kilobytes."""
    assert service.request("POST", "/register", b" " * (1 << 20) + b" ").status == 413
    chunked = iter([b"x" * 65536] * 20)
    connection = service.connect()
    try:
        connection.request("POST", "/register", body=chunked, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # the service had closed before all was sent
    finally:
        connection.close()
    assert service.request("GET", "/health", headers={"X-Long": "x" * 40_000}).status in (400, 403)
    large = service.cut("t" * 30_000, projectId="ü" * 30_000)
    assert large.status == 200
    assert service.cut("t" * 40_000).status == 400
    assert service.is_healthy()


def test_web_pages_are_refused(service):
    """S18: an `Origin`, another site, or a name that is not this machine's: 403, and nothing is done."""
    refused = [
        {"Origin": "http://localhost:49152"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example.com"},
        {"Host": f"127.0.0.1.example.com:{service.port}"},
        {"Host": "localhost.example.com"},
        {"Host": "[::1].example.com"},
    ]
    service.register("a")
    for headers in refused:
        answer = service.request("GET", "/force-completion?testRunId=run", headers=headers)
        assert (answer.status, answer.json["status"]) == (403, "error"), headers
    assert service.run()["status"] == "open"
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", f"[::1]:{service.port}", "127.1.2.3"):
        assert service.request("GET", "/health", headers={"Host": host}).status == 200
    assert service.request("GET", "/health", headers={"Sec-Fetch-Site": "none"}).status == 200


def test_the_token_is_in_no_file(make_service, tmp_path):
    """S18: not that of the arguments, not that of a registration; not in the journal, the log, or any answer."""
    service = make_service().start("--privateToken", SECRET, "--baseURL", f"https://user:{SECRET}@tms.example.com")
    service.register("a", baseUrl=f"https://user:{SECRET}@tms.example.com", privateToken=SECRET)
    service.request("POST", "/register", f'{{"pid":1,"privateToken":"{SECRET}"}}')
    service.cut()
    answers = [service.get("/status").raw, service.get("/force-completion").raw]
    assert service.end_by(signal.SIGTERM) == 0
    files = [path for path in service.home.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert not any(SECRET.encode() in answer for answer in answers)
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_a_service_without_work_ends_by_itself(make_service):
    """S19: after the idle time without workers, waiters and requests; not while a worker is live."""
    limits = ("--idle-exit", "1", "--silent-lease", "2", "--quiet", "0.1")
    service = make_service().start_with_worker("a", *limits)
    assert service.end() == 0
    state = service.state()
    assert state.stopped.reason == "idle"
    assert state.runs["run"].completed
    assert state.last_us - state.runs["run"].workers["a"].registered_us > 2_900_000, "the lease, and the idle time"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(make_service, eventually, number):
    """S19: those who wait are told, open test runs stay open, the exit code is 0."""
    service = make_service().start()
    service.register("a")
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(service.wait(testRunId="run")))
    waiter.start()
    eventually(lambda: service.get("/status").json["waiting"] == 1)
    assert service.end_by(number) == 0
    waiter.join(300)
    assert (answers[0].status, answers[0].json["completed"]) == (503, False)
    assert service.state().stopped.reason == number.name
    assert not service.state().runs["run"].completed


def test_shutdown_answers_and_then_ends(make_service):
    """S19: 200 first, then those who wait get 503, then it ends with 0 within two seconds; nothing is finalised."""
    took_s = []
    while len(took_s) < 5 and not any(took < 2 for took in took_s):  # a busy machine may delay one, not all
        service = make_service().start()
        service.register("a")
        service.cut()
        idle = service.connect()
        idle.request("GET", "/health")
        idle.getresponse().read()
        answer = service.request("POST", "/shutdown", headers={"Content-Length": "0"})
        began = time.monotonic()
        assert answer.status == 200
        assert service.end() == 0
        took_s.append(time.monotonic() - began)
        idle.close()
        run = service.state().runs["run"]
        assert (run.completed, run.published, service.state().stopped.reason) == (False, True, "shutdown")
    assert min(took_s) < 2


def test_a_stop_that_its_starter_ignores_is_ignored(make_service):
    """A service started with SIGINT ignored, as the shim does, outlives the Ctrl-C that is meant for the tests."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        service = make_service().start()
    finally:
        signal.signal(signal.SIGINT, previous)
    service.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert service.is_healthy()


def test_a_journal_that_is_none_is_an_error_that_is_seen(make_service):
    """Whoever starts it is told what is wrong with which file, and gets exit code 3; the file stays as it is."""
    service = make_service()
    service.journal.parent.mkdir(parents=True)
    service.journal.write_text("my notes\n")
    failed = run_serve(["--port", str(service.port)])
    output, _ = failed.communicate(timeout=300)
    assert failed.returncode == 3
    assert f"{service.journal}: is not an event log" in output.decode()
    assert service.journal.read_text() == "my notes\n"


def test_a_full_disk_is_answered_and_nothing_is_promised(make_service):
    """When the journal cannot grow, a registration gets 503, and is not known afterwards."""
    import resource

    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    service = make_service().start(preexec_fn=limit)
    known = []
    for number in range(40):
        answer = service.post("/register", pid=f"w{number}", testRunId="run")
        if answer.status != 200:
            assert (answer.status, answer.json["status"]) == (503, "error")
            break
        known.append(f"w{number}")
    else:
        pytest.fail("the limit was not reached")
    assert service.is_healthy()
    service.kill()
    assert list(service.state().runs["run"].workers) == known
