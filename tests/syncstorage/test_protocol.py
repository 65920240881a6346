"""The protocol over real sockets: what each message does, and what every answer looks like."""

import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import quote, quote_plus

import pytest


def nulls(value):
    """Whether there is a null anywhere in a JSON value."""
    if isinstance(value, dict):
        return any(map(nulls, value.values()))
    if isinstance(value, list):
        return any(map(nulls, value))
    return value is None


def test_every_answer_is_an_object_without_nulls(service):
    """S5: each 200 is a JSON object, `is_master` is a boolean, `last_update` is RFC 3339."""
    answers = {
        "health": service.get("/health"),
        "register": service.post("/register", pid="a", testRunId="run", baseUrl="http://x", privateToken="t"),
        "status": service.post("/set_worker_status", pid="a", testRunId="run", status="in_progress"),
        "beat": service.post("/keep_alive", pid="a", testRunId="run"),
        "cut": service.cut(),
        "published": service.get("/in_progress_published", testRunId="run"),
        "force": service.get("/force-completion", testRunId="run"),
        "wait": service.wait(testRunId="run"),
        "state": service.get("/status"),
        "shutdown": service.request("POST", "/shutdown", headers={"Content-Length": "0"}),
    }
    for name, answer in answers.items():
        assert answer.status == 200, name
        assert answer.headers["content-type"] == "application/json", name
        assert isinstance(answer.json, dict), name
        assert not nulls(answer.json), name
    assert answers["register"].json["is_master"] is True
    assert answers["register"].json["pid"] == "a"
    assert answers["register"].json["testRunId"] == "run"
    updated = answers["health"].json["last_update"]
    assert datetime.fromisoformat(updated).utcoffset().total_seconds() == 0


def test_one_connection_serves_many_requests_and_closing_ones_work_too(service, talk):
    """S6: a hundred requests and more over one connection; `Connection: close` is honoured."""
    connection = service.connect()
    for number in range(150):
        answer = talk(connection, "POST", "/register", {"pid": f"w{number}", "testRunId": "run"})
        assert answer.status == 200
    first = connection.sock.getsockname()
    assert talk(connection, "GET", "/health").status == 200
    assert connection.sock.getsockname() == first
    assert talk(connection, "GET", "/health", headers={"Connection": "close"}).headers["connection"] == "close"
    assert connection.sock is None
    connection.close()
    assert len(service.run()["workers"]) == 150


def test_a_repeated_registration_gets_the_same_answer(service):
    """S7: one pid is one worker, however often it registers, and its answer stays."""
    assert service.register("a") is True
    assert service.register("b") is False
    assert [service.register(pid) for pid in "abab"] == [True, False, True, False]
    assert [worker["pid"] for worker in service.run()["workers"]] == ["a", "b"]
    assert service.state().runs["run"].epoch == 1


def test_a_new_pid_for_each_retry_makes_one_master(service):
    """S7: a client that calls itself anew with each try, as the Java one does, is several workers and one master."""
    answers = [service.register(f"worker-1-{time.time_ns()}") for _ in range(3)]
    assert answers == [True, False, False]


def test_two_processes_with_one_pid_show_up(service):
    """S7: the report names the ports that the registrations of one pid came from."""
    service.register("same")
    service.register("same")
    worker = service.worker("same")
    assert worker["registrations"] == 2
    assert len(worker["peer_ports"]) == 2


def test_a_status_takes_an_unknown_worker_in(service):
    """S8: a client that never registered, or whose test run was changed, is taken in by its status."""
    service.register("a", run="one")
    service.status("a", "in_progress", run="two")
    worker = service.worker("a", run="two")
    assert (worker["status"], worker["adopted"]) == ("in_progress", True)
    assert service.worker("a", run="one")["status"] == "registered"


def test_completed_is_not_the_end(service):
    """S8: a worker may go on after `completed`."""
    service.register("a")
    for status in ("in_progress", "completed", "in_progress"):
        service.status("a", status)
        assert service.worker("a")["status"] == status


def test_a_status_without_a_test_run_means_the_one_of_its_worker(service):
    """S8: older clients do not send the test run with a status."""
    service.register("a", run="one")
    service.register("b", run="two")
    assert service.post("/set_worker_status", pid="b", status="in_progress").status == 200
    assert service.worker("b", run="two")["status"] == "in_progress"
    assert service.worker("a", run="one")["status"] == "registered"


def test_a_keep_alive_renews_and_changes_nothing_else(service):
    """S9: 200 for a known worker, 404 with JSON for an unknown one; status and completion stay what they are."""
    service.register("a")
    before = service.state().runs["run"]
    assert service.post("/keep_alive", pid="a", testRunId="run").status == 200
    unknown = service.post("/keep_alive", pid="b", testRunId="run")
    assert unknown.status == 404
    assert unknown.json["status"] == "error"
    assert service.post("/keep_alive", pid="a", testRunId="other").status == 404
    assert service.state().runs == {"run": before}
    service.status("a", "completed")
    assert service.post("/keep_alive", pid="a", testRunId="run").status == 200
    assert service.wait(testRunId="run").json["completed"] is True
    assert service.post("/keep_alive", pid="a", testRunId="run").status == 200
    assert (service.worker("a")["status"], service.run()["status"]) == ("completed", "completed")


CUTS = {
    "null": {"startedOn": None},
    "absent": {},
    "naive": {"startedOn": "2026-01-02T03:04:05"},
    "offset": {"startedOn": "2026-01-02T03:04:05+03:00"},
    "microseconds": {"startedOn": "2026-01-02T03:04:05.678901+00:00"},
    "nanoseconds": {"startedOn": "2026-01-02T03:04:05.678901234Z"},
    "milliseconds": {"startedOn": "2026-01-02T03:04:05.000Z"},
    "unicode": {"autoTestExternalId": "тест-✓-\u2028-🎉"},
    "extra": {"steps": [{"title": None}], "modifiedBy": 7, "nested": {"a": [1]}},
    "capitals": {"statusCode": "Passed"},
    "bare": {"projectId": None, "statusCode": None, "statusType": None},
}


def test_every_form_of_a_cut_is_taken(service):
    """S10: dates of any form, unicode, unknown fields, missing fields; what was sent is kept as it was sent."""
    for name, fields in CUTS.items():
        answer = service.cut(run=name, **fields)
        assert answer.status == 200, (name, answer.raw)
        [cut] = service.state().runs[name].cuts.values()
        assert cut.external_id == fields.get("autoTestExternalId", "test-1"), name
        assert cut.started_on == (fields.get("startedOn") or ""), name


def test_an_identical_cut_is_one_and_different_ones_are_all_kept(service):
    """S10: retries are recognised; two masters may send two cuts."""
    start = "2026-01-02T03:04:05Z"
    for _ in range(3):
        assert service.cut(startedOn=start).status == 200
    service.cut(startedOn=start, statusCode="failed")
    service.cut("test-2", startedOn=start)
    held = [(cut["external_id"], cut["status_code"]) for cut in service.run()["cuts"]]
    assert held == [("test-1", "passed"), ("test-1", "failed"), ("test-2", "passed")]
    assert service.get("/status").json["repeated_cuts"] == 2
    assert sum(line.count(b'"type":"cut.accepted"') for line in service.journal.read_bytes().splitlines()) == 3


def test_published_says_whether_a_result_is_held(service):
    """S11: false, then true, for each test run by itself; a new generation holds nothing yet."""

    def published(run):
        return service.get("/in_progress_published", testRunId=run).json["published"]

    service.register("a", run="one")
    service.register("b", run="two")
    assert (published("one"), published("two"), published("never heard of")) == (False, False, False)
    service.cut(run="one")
    assert (published("one"), published("two")) == (True, False)
    service.status("a", "completed", run="one")
    service.wait(testRunId="one")
    assert published("one") is True
    service.register("c", run="one")
    assert published("one") is False


@pytest.fixture
def later(eventually):
    """Wait for a completion in a thread; the thread, and where its answer appears."""

    def wait(service, **query):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(service.wait(**query)), daemon=True)
        before = service.get("/status").json["waiting"]
        thread.start()
        eventually(lambda: service.get("/status").json["waiting"] == before + 1)
        return thread, answers

    return wait


def test_a_wait_is_held_until_the_last_worker_completes(service, later):
    """S12: the answer comes with the last `completed` and the quiet that follows, not with the first."""
    service.register("a")
    service.register("b")
    service.cut()
    thread, answers = later(service, testRunId="run")
    service.status("a", "completed")
    time.sleep(0.5)
    assert answers == []
    service.status("b", "completed")
    thread.join(300)
    assert answers[0].json == {"completed": True, "message": "1 finalised"}


def test_a_wait_ends_with_the_lease_of_a_dead_worker(make_service):
    """S12: a worker that falls silent is not waited for; one that never sent a keep-alive gets longer."""
    service = make_service().start("--quiet", "0.1", "--lease", "0.5", "--silent-lease", "1.5")
    service.register("beats")
    service.post("/keep_alive", pid="beats", testRunId="run")
    service.register("silent")
    began = time.monotonic()
    assert service.wait(testRunId="run").json["completed"] is True
    assert 1.4 < time.monotonic() - began < 300
    statuses = {worker["pid"]: worker for worker in service.run()["workers"]}
    assert {worker["status"] for worker in statuses.values()} == {"offline"}
    assert statuses["beats"]["since"] < statuses["silent"]["since"]


def test_force_ends_every_wait(service, later):
    """S12: any number of waiters are released by force, which counts whom it abandoned."""
    service.register("a")
    service.register("b")
    service.status("b", "completed")
    service.cut()
    waits = [later(service, testRunId="run") for _ in range(5)]
    forced = service.get("/force-completion", testRunId="run")
    assert forced.json == {"completed": True, "message": "1 finalised, 1 abandoned"}
    for thread, answers in waits:
        thread.join(300)
        assert answers[0].json["completed"] is True
    assert service.run()["status"] == "force_completed"
    assert service.worker("a")["status"] == "abandoned"
    assert service.get("/status").json["waiting"] == 0


def test_a_waiter_that_goes_away_is_forgotten(service, eventually):
    """S12: the slot of a client that hangs up is freed."""
    service.register("a")
    connection = service.connect()
    connection.request("GET", "/wait-completion?testRunId=run")
    eventually(lambda: service.get("/status").json["waiting"] == 1)
    connection.close()
    eventually(lambda: service.get("/status").json["waiting"] == 0)


def test_a_wait_that_names_no_test_run_means_the_one_there_is(make_service, later):
    """S12: the service's own test run, else whatever is going on; with nothing going on the answer comes at once."""
    service = make_service().start()
    assert service.wait().json == {"completed": False, "message": "no test run is open"}
    service.register("a", run="one")
    thread, answers = later(service)
    service.status("a", "completed", run="one")
    thread.join(300)
    assert answers[0].json["completed"] is True
    named = make_service().start("--testRunId", "mine")
    named.register("a", run="other")
    assert named.wait().json == {"completed": False, "message": "unknown test run"}


def test_a_wait_for_an_unknown_test_run_is_answered_at_once(service):
    """S12: `completed` is false and nothing is created."""
    answer = service.wait(testRunId="never heard of")
    assert (answer.status, answer.json["completed"]) == (200, False)
    assert service.state().runs == {}


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_a_test_run_can_have_any_name(service, encode):
    """S12: encoded in either way in a query it is the same test run as in a body."""
    names = ["a b", "a/b?c=d&e", "прогон", "", "+%20", "x" * 4000]
    for run in names:
        service.register("a", run=run)
        query = f"?testRunId={encode(run, safe='')}"
        body = {"autoTestExternalId": "t"}
        assert service.request("POST", f"/in_progress_test_result{query}", body).status == 200
        assert service.get(f"/in_progress_published{query}").json["published"] is True
        service.status("a", "completed", run=run)
        assert service.get(f"/wait-completion{query}").json["completed"] is True
    assert list(service.state().runs) == names


def test_flapping_statuses_complete_nothing(make_service):
    """S13: `completed` and `in_progress` every 50 ms, with a quiet period of 0.5 s, never complete the test run."""
    service = make_service().start("--quiet", "0.5")
    for attempt in itertools.count():
        run = f"run-{attempt}"
        service.register("a", run=run)
        times = [time.monotonic()]
        for number in range(40):
            service.status("a", "completed" if number % 2 else "in_progress", run=run)
            times.append(time.monotonic())
            time.sleep(0.05)
        found = service.run(run)["status"]
        times.append(time.monotonic())
        if max(after - before for before, after in zip(times, times[2:], strict=False)) < 0.5:
            break  # no message was late; else this process was slow, which proves nothing
    assert found == "open"
    assert service.state().runs[run].generation == 1
    assert service.wait(testRunId=run).json["completed"] is True


def test_two_test_runs_on_one_service_do_not_touch_each_other(service):
    """S14: the same pids in two test runs, interleaved: each has its master, its cut and its completion."""
    masters = {(pid, run): service.register(pid, run=run) for pid in "ab" for run in ("one", "two")}
    assert masters == {("a", "one"): True, ("a", "two"): True, ("b", "one"): False, ("b", "two"): False}
    service.cut("of-one", run="one")
    for pid in "ab":
        service.status(pid, "completed", run="one")
        service.status(pid, "in_progress", run="two")
    assert service.wait(testRunId="one").json == {"completed": True, "message": "1 finalised"}
    assert service.run("two")["status"] == "open"
    assert service.run("two")["cuts"] == []


def test_new_work_opens_the_next_generation(service):
    """A completed test run is opened again by a worker, a status or a cut, and is never an error."""
    service.register("a")
    service.status("a", "completed")
    service.wait(testRunId="run")
    assert service.register("b") is True
    assert (service.run()["generation"], service.run()["status"]) == (2, "open")
    service.status("b", "completed")
    service.wait(testRunId="run")
    service.cut()
    assert (service.run()["generation"], service.run()["published"]) == (3, True)
    service.wait(testRunId="run")
    service.status("a", "in_progress")
    assert service.run()["generation"] == 4


WRONG = {
    "not json": b"{",
    "not an object": b"[1]",
    "text": b'"a"',
    "empty": b"",
    "no pid": b'{"testRunId":"run"}',
    "pid is null": b'{"pid":null,"testRunId":"run"}',
    "pid is a number": b'{"pid":1,"testRunId":"run"}',
    "pid is empty": b'{"pid":"","testRunId":"run"}',
    "pid is endless": json.dumps({"pid": "x" * 5000, "testRunId": "run"}).encode(),
    "not a number": b'{"pid":"a","testRunId":"run","osPid":NaN}',
    "half a character": b'{"pid":"\\ud800","testRunId":"run"}',
    "not utf-8": b'{"pid":"\xff","testRunId":"run"}',
    "nested without end": b'{"pid":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


def test_what_makes_no_sense_is_refused_with_json(service):
    """A body that cannot be used is answered with 400 and an object; nothing is written and the service goes on."""
    paths = ("/register", "/set_worker_status", "/keep_alive", "/in_progress_test_result?testRunId=run")
    for name, body in WRONG.items():
        for path in paths:
            answer = service.request("POST", path, body)
            assert (answer.status, answer.json["status"]) == (400, "error"), (name, path)
    assert service.state().runs == {}
    assert service.is_healthy()


def test_wrong_methods_and_paths_are_refused_with_json(service):
    """405 and 404 are JSON objects too; a status that nobody knows is a mistake."""
    for method, path, status in [
        ("GET", "/register", 405),
        ("POST", "/health", 405),
        ("DELETE", "/force-completion", 405),
        ("GET", "/", 404),
        ("GET", "/wait_completion", 404),
    ]:
        answer = service.request(method, path)
        assert (answer.status, answer.json["status"]) == (status, "error")
    assert service.post("/set_worker_status", pid="a", testRunId="run", status="paused").status == 400


def test_many_clients_at_once_lose_nothing(service):
    """Thirty-two clients register, report and complete at the same time: one master, every worker, every cut."""

    def work(number):
        master = service.register(f"w{number}")
        service.status(f"w{number}", "in_progress")
        service.cut(f"test-{number}")
        service.status(f"w{number}", "completed")
        return master

    with ThreadPoolExecutor(16) as pool:
        masters = list(pool.map(work, range(32)))
    assert service.wait(testRunId="run").json["completed"] is True
    run = service.state().runs["run"]
    assert sum(masters) == run.epoch
    assert {worker.status for worker in run.workers.values()} == {"completed"}
    assert len(run.workers) == 32
    # Workers that were all done before the next came may have ended a generation in between.
    assert run.finalised == 32
