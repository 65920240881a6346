"""The helper process ends with pytest, however pytest ended and whatever holds the other end of the socket."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from pytest_insight.syncstorage.client import link, wire
from pytest_insight.syncstorage.client.launch import is_alive, spawn, start_mark

LINKED = """
import contextlib, os, sys, time
from pytest_insight.syncstorage.client.link import AgentLink
link = AgentLink("run", "session", int(sys.argv[1]), "host")
link.worker("main", os.getpid())
exec(sys.argv[2])
time.sleep(600)
"""


def processes(word):
    """Processes of this test's own home with a word in their command."""
    home = os.environ["PYTEST_INSIGHT_HOME"].encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in words and home in environment:
            found.append(int(folder.name))
    return found


def helpers():
    """Helper processes of this test."""
    return processes("client.agent")


@pytest.fixture
def started(stub):
    """Start a process that has a helper and does something with it: `started(code)`."""
    made = []

    def start(code="pass"):
        made.append(subprocess.Popen([sys.executable, "-c", LINKED, str(stub.port), code], stdout=subprocess.PIPE))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.communicate()
    for pid in helpers():
        os.kill(pid, signal.SIGKILL)


TALKS = """
while not child:
    time.sleep(0.01)
    with contextlib.suppress(OSError):  # the helper has ended: that is what the test waits for
        link._socket.send(b'{"op": "nothing"}')
"""


@pytest.mark.parametrize("how", ["is silent", "talks"])
def test_a_forked_child_that_holds_the_socket_does_not_keep_the_helper(started, until, how):
    """Killed, pytest leaves a child that has the socket, and may even say something there again and again."""
    code = "child = os.fork()\nprint(child, flush=True) if child else None\n"
    if how == "talks":
        code += TALKS
    process = started(code)
    child = int(process.stdout.readline())
    try:
        assert until(helpers)
        process.kill()
        process.wait()
        assert until(lambda: not helpers())
        assert is_alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("message", [b"no json", b"[]", b'{"op": "worker", "worker": "main"}', b"\xff"])
def test_a_message_that_makes_no_sense_does_not_keep_the_helper(started, stub, until, message):
    """Afterwards the helper still notices that nobody is there any more."""
    process = started(f"time.sleep(0.5)\nlink._socket.send({message!r})\nprint('sent', flush=True)")
    assert process.stdout.readline()
    process.kill()
    process.wait()
    assert until(lambda: not helpers())


def test_a_helper_that_never_heard_of_a_session_ends_with_the_process_that_started_it(until):
    """The process died before its first word, and another one holds the socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    command = [sys.executable, "-P", "-m", "pytest_insight.syncstorage.client.agent"]
    command += [str(theirs.fileno()), str(parent.pid), start_mark(parent.pid)]
    with ours, theirs:
        helper = spawn(command, pass_fds=(theirs.fileno(),))
        assert until(lambda: helper in helpers())
        parent.kill()
        parent.wait()
        assert until(lambda: not is_alive(helper))


def test_a_process_that_got_the_id_of_the_dead_one_is_not_taken_for_it(stub, until, monkeypatch):
    """What counts is the id together with the start."""
    monkeypatch.setattr(link, "start_mark", lambda _: "1")
    made = link.AgentLink("run", "session", stub.port, "host")
    try:
        assert until(lambda: not helpers())
    finally:
        made.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_helper_and_service_end_with_a_run_that_was_ended_and_its_folder_deleted(tmp_path, free_port, until, number):
    """The service was started by the helper and has an idle limit of many minutes."""
    (tmp_path / "test_it.py").write_text("import time\ndef test_hangs(): time.sleep(600)\n")
    words = [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "pytest_insight.plugin", "--insight"]
    words += ["--insight-sync", f"--insight-sync-port={free_port}", "--insight-run=r", "-p", "no:cacheprovider"]
    run = warm.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def workers():
        try:
            return wire.call(free_port, "GET", "/status")["runs"][0]["workers"]
        except (wire.ServiceError, LookupError):
            return []

    try:
        assert until(lambda: workers() and workers()[0]["status"] == "in_progress")
        assert (len(helpers()), len(processes("sync-storage"))) == (1, 1)
        run.send_signal(number)
        run.wait(300)
        shutil.rmtree(os.environ["PYTEST_INSIGHT_HOME"])
        assert until(lambda: not helpers() and not processes("sync-storage"))
        assert not Path(os.environ["PYTEST_INSIGHT_HOME"]).exists()
    finally:
        run.kill()
        for pid in [*helpers(), *processes("sync-storage")]:
            os.kill(pid, signal.SIGKILL)
