"""The released `SyncStorageRunner` of testit-python-commons, unmodified, finds or starts our service."""

import json
import subprocess
import sys

import pytest
from pytest_insight.syncstorage.shim import install

START = """
import json, logging, sys
from testit_python_commons.services.sync_storage.sync_storage_runner import SyncStorageRunner
logging.basicConfig(level=logging.INFO)
SyncStorageRunner.SYNC_STORAGE_STARTUP_TIMEOUT = 300  # its five seconds are not enough where the machine is busy
runner = SyncStorageRunner("run", sys.argv[1], "https://tms.example.com", "s3cr3t-t0k3n")
started = runner.start()
print(json.dumps([started, runner.is_master_worker(), runner.is_external]), flush=True)
if started and sys.stdin.readline():
    runner.set_worker_status("in_progress")
    runner.set_worker_status("completed")
"""


def start_runner(port, folder):
    """A process that starts a runner in a folder."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(port)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(children):
    """What the runners said: started, master, external; they report their work when all of them have said it."""
    found = [json.loads(child.stdout.readline()) for child in children]
    errors = [child.communicate("work\n", timeout=300)[1] for child in children]
    return found, errors


def test_runners_connect_to_a_service_that_runs(service, tmp_path):
    """S4: started before, it is found; every `start()` is true and one of four is the master."""
    found, _ = answers([start_runner(service.port, tmp_path) for _ in range(4)])
    assert [started for started, _, _ in found] == [True] * 4
    assert sum(master for _, master, _ in found) == 1
    assert all(external for _, _, external in found)
    assert service.wait(testRunId="run").json["completed"] is True
    assert {worker["status"] for worker in service.run()["workers"]} == {"completed"}


@pytest.mark.parametrize("count", [1, 4])
def test_runners_start_the_service_by_the_shim(make_service, tmp_path, count):
    """S4: with nothing but `install` before it, N runners start N services, one stays; one of N is the master."""
    installed = install(tmp_path)
    assert installed.action == "written"
    service = make_service()
    found, errors = answers([start_runner(service.port, tmp_path) for _ in range(count)])
    try:
        assert [started for started, _, _ in found] == [True] * count, errors
        assert sum(master for _, master, _ in found) == 1
        assert len(service.run()["workers"]) == count
        assert service.wait(testRunId="run").json["completed"] is True
        [process] = [int(pid) for pid in service_pids(service.port)]
        command = (proc(process) / "cmdline").read_bytes()
        assert b"s3cr3t" not in command
        assert b"--testRunId\0run" in command
    finally:
        service.post("/shutdown")


def proc(pid):
    """What Linux says of a process."""
    from pathlib import Path

    return Path(f"/proc/{pid}")


def service_pids(port):
    """The processes that serve a port, by their arguments."""
    found = []
    for path in proc("").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"pytest_insight.cli" in command and str(port).encode() in command:
            found.append(path.name)
    return found
