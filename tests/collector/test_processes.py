"""Several processes serve one database: any of them gives the same answers, and the end of one is not noticed."""

import http.client
import time

import psutil
import pytest
from collector_lines import session_lines
from collectors import start_collector

PATHS = ["/events", "/log", "/session-list", "/suts", "/tests", "/flaky?as-of=2026-11-21", "/keys"]


def answers(collector):
    """Answers of a collector, but for what the clock changes."""
    return {path: collector.get(f"/api/v1{path}").body for path in PATHS}


def wait_until(condition):
    """Wait for something that will happen soon."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_servers_on_one_database_give_the_same_answers(database, tmp_path):
    """Each serves what was pushed to the other; after one was killed the other has everything and goes on."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first = start_collector(folders[0], "--dir", str(folders[0]), database=database)
    second = start_collector(folders[1], "--dir", str(folders[1]), database=database, key=first.key)
    lines = [session_lines(number) for number in range(6)]
    for number, part in enumerate(lines[:4]):
        (first, second)[number % 2].push(b"".join(part))
    assert answers(first) == answers(second)
    cursor = first.get("/api/v1/events").headers["insight-cursor"]
    first.kill()
    second.push(b"".join(lines[4]))
    assert second.get(f"/api/v1/events?after={cursor}").body == b"".join(lines[4])
    again = start_collector(folders[0], "--dir", str(folders[0]), database=database, key=first.key)
    again.push(b"".join(lines[5]))
    assert answers(again) == answers(second)
    assert again.get("/api/v1/log").body == b"".join(line for part in lines for line in part)
    again.stop()
    second.stop()


@pytest.fixture
def workers(database, tmp_path):
    """A collector with two processes on one port; gives it and the processes."""
    running = start_collector(tmp_path, "--workers", "2", database=database)

    def alive():
        found = psutil.Process(running.process.pid).children()
        return [each for each in found if any(word.endswith("process.worker") for word in each.cmdline())]

    wait_until(lambda: len(alive()) == 2)
    yield running, alive
    if running.process.poll() is None:
        running.stop()


def push_until_acknowledged(running, lines):
    """Repeat a push whose process was killed meanwhile."""
    while True:
        try:
            return running.push(b"".join(lines))
        except (OSError, http.client.HTTPException):
            continue


def test_a_process_that_was_killed_is_replaced(workers):
    """Pushes go on, nothing acknowledged is lost, and the end leaves no process."""
    running, alive = workers
    before = alive()
    push_until_acknowledged(running, session_lines(0))
    before[0].kill()
    for number in range(1, 10):
        push_until_acknowledged(running, session_lines(number))
    wait_until(lambda: len(alive()) == 2 and before[0] not in alive())
    assert running.get("/api/v1/log").body == b"".join(line for n in range(10) for line in session_lines(n))
    last = alive()
    running.stop()
    assert psutil.wait_procs(last, 30)[1] == []


def test_processes_that_are_asked_to_end_say_nothing(workers, tmp_path):
    """No process is aborted at its end."""
    running, alive = workers
    push_until_acknowledged(running, session_lines(0))
    last = alive()
    running.stop()
    assert psutil.wait_procs(last, 30)[1] == []
    assert (tmp_path / "serve.err").read_text() == ""


def test_processes_end_with_the_one_that_has_started_them(workers):
    """Also if that one is killed."""
    running, alive = workers
    last = alive()
    running.kill()
    assert psutil.wait_procs(last, 30)[1] == []
