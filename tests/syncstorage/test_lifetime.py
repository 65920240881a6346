"""A service ends with its idle limit whatever else happens: to its workers, its waiters, its journal and its disk."""

import fcntl
import os
import resource
import shutil
import subprocess
import sys
import threading
import time

import pytest

LONG = ("--silent-lease", "3600", "--lease", "3600")


@pytest.fixture
def sleeper():
    """A process that only sleeps."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def wait_in_background(service, run="run"):
    """Ask for the completion of a test run in a thread, and return the list that gets the answer."""
    answers = []

    def ask():
        try:
            answers.append(service.wait(testRunId=run))
        except OSError as error:
            answers.append(error)

    threading.Thread(target=ask, daemon=True).start()
    return answers


def test_a_worker_whose_process_is_gone_keeps_no_service_alive(make_service, sleeper):
    """Its lease of an hour does not matter; as long as the process lives, the service does."""
    service = make_service().start_with_worker("a", "--idle-exit", "1", *LONG, osPid=sleeper.pid)
    time.sleep(2.5)
    assert service.process.poll() is None
    sleeper.kill()
    sleeper.wait()
    assert service.end() == 0
    assert service.state().stopped.reason == "idle"
    assert not service.state().runs["run"].completed


def test_a_process_that_was_not_collected_is_gone(make_service, sleeper):
    """A zombie has its process id still, and does nothing any more."""
    service = make_service().start_with_worker("a", "--idle-exit", "1", *LONG, osPid=sleeper.pid)
    sleeper.kill()
    assert service.end() == 0


def test_a_process_of_another_machine_is_not_looked_for_here(make_service, sleeper):
    """Its process id means nothing here: only its lease tells."""
    service = make_service().start_with_worker(
        "a", "--idle-exit", "1", *LONG, osPid=sleeper.pid, host="another.example"
    )
    sleeper.kill()
    sleeper.wait()
    time.sleep(2.5)
    assert service.process.poll() is None


def test_a_restarted_process_under_the_same_name_is_a_live_one(make_service, sleeper):
    """The newest registration says which process it is."""
    with subprocess.Popen(["sleep", "600"]) as first:
        service = make_service().start_with_worker("a", "--idle-exit", "1", *LONG, osPid=first.pid)
        service.register("a", osPid=sleeper.pid)
        first.kill()
    time.sleep(2.5)
    assert service.process.poll() is None


def test_a_waiter_keeps_no_service_alive_for_longer_than_a_silent_worker(make_service, sleeper, eventually):
    """Whom it waits for is gone; after the bound it gets its answer and the service ends."""
    limits = ("--idle-exit", "1", "--silent-lease", "3", "--lease", "3600")
    service = make_service().start_with_worker("a", *limits, osPid=sleeper.pid)
    service.post("/keep_alive", pid="a", testRunId="run")
    began = time.monotonic()
    answers = wait_in_background(service)
    eventually(lambda: service.get("/status").json["waiting"] == 1)
    sleeper.kill()
    assert service.end() == 0
    assert time.monotonic() - began > 2
    assert answers[0].status == 503


def test_a_full_disk_keeps_no_service_alive(make_service):
    """The end of the lease cannot be written, so the test run stays open in the journal, and somebody waits for it."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    service = make_service()
    answer = None
    while answer is None:
        service.start("--idle-exit", "1", "--silent-lease", "1.5", preexec_fn=limit)
        try:
            for number in range(40):
                answer = service.post("/register", pid=f"w{number}", testRunId="run")
                if answer.status != 200:
                    break
        except OSError:  # it ended before this process had filled the disk
            assert service.end() == 0
            service.journal.unlink()
            answer = None
    assert answer.status == 503
    wait_in_background(service)
    assert service.end() == 0


def test_a_journal_that_others_hold_keeps_no_service_alive(make_service):
    """Nothing can be read or written while another process has the lock, and never again if that hangs."""
    service = make_service().start_with_worker("a", "--idle-exit", "1", "--silent-lease", "1.5")
    with service.journal.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert service.end() == 0


def test_a_lock_that_was_held_for_a_while_stops_nothing_for_ever(make_service, eventually):
    """Afterwards leases end, test runs complete, and the service ends as ever."""
    limits = ("--idle-exit", "4", "--silent-lease", "1.5", "--quiet", "0.1")
    service = make_service().start_with_worker("a", *limits)
    with service.journal.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(3)
    eventually(lambda: service.state().runs["run"].completed)
    assert service.end() == 0
    assert service.state().stopped.reason == "idle"


def test_a_deleted_folder_ends_a_service_with_live_workers_and_waiters(make_service):
    """A worker that lives and speaks, and somebody who waits: nothing of it can be kept any more."""
    service = make_service().start("--idle-exit", "3600", *LONG)
    service.register("a", osPid=os.getpid())
    service.post("/keep_alive", pid="a", testRunId="run")
    wait_in_background(service)
    shutil.rmtree(service.home)
    assert service.end() == 0
    assert not service.home.exists()


def test_a_folder_that_was_deleted_and_made_again_is_another_folder(make_service):
    """As the next run does, that has the same home and another port."""
    service = make_service().start("--idle-exit", "3600", *LONG)
    service.register("a", osPid=os.getpid())
    shutil.rmtree(service.journal.parent)
    service.journal.parent.mkdir()
    assert service.end() == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/keep_alive", {"pid": "never registered", "testRunId": "run"}),
        ("POST", "/register", "{"),
        ("GET", "/no/such/path", None),
    ],
)
def test_requests_that_are_refused_keep_no_service_alive(make_service, method, path, body):
    """A client that asks the same in vain for ever is no use of the service."""
    service = make_service().start("--idle-exit", "1", "--quiet", "0.1")
    stop = threading.Event()

    def ask():
        while not stop.wait(0.2):
            try:
                service.request(method, path, body)
            except OSError:
                return

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        assert service.end() == 0
    finally:
        stop.set()
        thread.join()
