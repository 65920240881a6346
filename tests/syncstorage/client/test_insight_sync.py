"""`pytest --insight --insight-sync`: real pytest processes, real services, and everything that can be wrong with them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from pytest_insight.plugin.header.metadata import find_test_run
from pytest_insight.syncstorage.client.link import AgentLink

SUITE = """
import time
import pytest
@pytest.mark.parametrize("number", range(6))
def test_one(number): time.sleep(0.1)
def test_bad(): assert 0
"""
PYTEST = [sys.executable, "-m", "pytest", "--disable-plugin-autoload"]
PYTEST += ["-p", "pytest_insight.plugin", "-p", "xdist", "-p", "no:cacheprovider"]
OURS = re.compile(r"^insight: .*", re.MULTILINE)


def outside():
    """Return the environment of a run that no test started."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def begin(words, **options):
    """Start a run and do not wait for it."""
    return warm.Popen(words, env=outside(), **options)


class Run:
    """A pytest process that has ended."""

    def __init__(self, process, took_s):
        self.code, self.text, self.errors = process.returncode, process.stdout, process.stderr
        self.took_s = took_s
        self.counts = re.findall(r"\d+ (?:failed|passed|error)", self.text.splitlines()[-1] if self.text else "")
        self.warned = [line for line in OURS.findall(self.text) if line.startswith("insight: not in the test run")]


@pytest.fixture
def suite(tmp_path):
    """An empty project with one module of tests: `suite(text)`."""

    def write(text=SUITE):
        (tmp_path / "test_it.py").write_text(text)
        return tmp_path

    return write


@pytest.fixture
def command(free_port):
    """The command of a run that takes part: `command('-n2', run='7')`; with `sync=False`, one that does not."""

    def make(*args, run=None, port=free_port, sync=True):
        words = [*PYTEST, "--insight"]
        words += ["--insight-sync", f"--insight-sync-port={port}"] if sync else []
        return [*words, *([f"--insight-run={run}"] if run else []), *args]

    return make


@pytest.fixture
def pytest_run(tmp_path):
    """Run a command in the project and return what came of it."""

    def start(words, env=None):
        begun = time.monotonic()
        done = warm.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=outside() | (env or {}))
        return Run(done, time.monotonic() - begun)

    return start


def headers():
    """The headers of all sessions in the default profile."""
    log = Path(os.environ["PYTEST_INSIGHT_HOME"]) / "default.jsonl"
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    return [event for event in events if event["type"] == "session.started"]


def agents():
    """Helper processes of this test's own home."""
    home = os.environ["PYTEST_INSIGHT_HOME"].encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"client.agent" in (folder / "cmdline").read_bytes() and home in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def insight(*args):
    """Run the command line and return its JSON."""
    words = [sys.executable, "-m", "pytest_insight.cli", *args, "--json"]
    return json.loads(warm.run(words, capture_output=True, text=True, check=True, timeout=300).stdout)


# ------------------------------------------------------------------ what it is for


def test_every_process_of_a_distributed_run_is_a_worker(suite, command, pytest_run, service, until):
    """With -n 2 the controller and both workers are registered under the run, with their process ids, and complete."""
    suite()
    run = pytest_run(command("-n2", run="nightly"))
    assert (run.code, run.counts, run.warned) == (1, ["1 failed", "6 passed"], [])
    assert until(lambda: service.runs()["nightly"]["status"] == "completed")
    workers = service.workers("nightly")
    assert {name: worker["status"] for name, worker in workers.items()} == dict.fromkeys(
        ("main", "gw0", "gw1"), "completed"
    )
    assert len({worker["os_pid"] for worker in workers.values()} - {0}) == 3
    assert {worker["session_id"] for worker in workers.values()} == {headers()[0]["session_id"]}
    assert headers()[0]["test_run"] == "nightly"
    assert until(lambda: not agents())


def test_two_shards_are_two_sessions_of_one_run(suite, command, port_of_service, until):
    """Two runs at once without a service start one, and are listed as one: their counts add up."""
    folder = suite()
    shards = [
        begin(command(*words, run="ci-7"), cwd=folder, stdout=subprocess.DEVNULL)
        for words in (["-n2", "-k", "test_one"], ["-k", "test_bad"])
    ]
    assert [shard.wait(300) for shard in shards] == [0, 1]
    assert until(lambda: port_of_service.is_up() and "ci-7" in port_of_service.runs())
    assert until(lambda: port_of_service.runs()["ci-7"]["status"] == "completed")
    run = port_of_service.runs()["ci-7"]
    assert len({worker["session_id"] for worker in run["workers"]}) == 2
    assert len(run["workers"]) == 4
    assert sum(worker["is_master"] for worker in run["workers"]) == 1
    listed = insight("session", "list", "--run", "ci-7")["sessions"]
    assert {row["session_id"] for row in listed} == {worker["session_id"] for worker in run["workers"]}
    words = [sys.executable, "-m", "pytest_insight.cli", "session", "list", "--run", "ci-7"]
    shown = warm.run(words, capture_output=True, text=True, env=os.environ | {"COLUMNS": "160"}).stdout
    assert re.search(r"2 in run +failed +1 failed, 6 passed", shown)
    assert insight("session", "list", "--run", "ci-8") == {"sessions": [], "total": None}


def test_who_runs_what_is_known_while_it_runs(suite, command, service, until):
    """The service names the test of each worker; killed with SIGKILL, the workers go offline and are not completed."""
    folder = suite("import time\ndef test_long(): time.sleep(60)\ndef test_longer(): time.sleep(60)\n")
    service.close()
    service.start("--lease", "1", "--quiet", "0.3")
    shard = begin(command("-n2", run="r"), cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True)
    running = lambda: {worker.get("running") for worker in service.workers("r").values()}
    try:
        assert until(
            lambda: "r" in service.runs() and running() >= {"test_it.py::test_long", "test_it.py::test_longer"}
        )
    finally:
        os.killpg(shard.pid, signal.SIGKILL)
        shard.wait()
    assert until(lambda: {worker["status"] for worker in service.workers("r").values()} == {"offline"})
    assert until(lambda: not agents())


def test_a_worker_that_crashed_is_not_completed(suite, command, pytest_run, service, until):
    """The worker in which a test ended the process is not reported as completed; the one in its place is."""
    suite("import os\ndef test_crash(): os._exit(3)\ndef test_fine(): pass\n")
    run = pytest_run(command("-n1", run="r"))
    assert run.code == 1
    assert not run.warned
    assert until(lambda: not agents())
    statuses = {name: worker["status"] for name, worker in service.workers("r").items()}
    assert statuses["main"] == statuses["gw1"] == "completed"
    assert statuses.get("gw0") != "completed"  # it may not have lived long enough to be registered


def test_a_service_that_was_started_anew_knows_the_run(suite, command, service, until):
    """The service is killed and started again while tests run: the workers are known, and complete."""
    folder = suite(
        "import time, pathlib\ndef test_wait():\n    while not pathlib.Path('go').exists(): time.sleep(0.05)\n"
    )
    shard = begin(command(run="r"), cwd=folder, stdout=subprocess.PIPE, text=True)
    assert until(lambda: "r" in service.runs() and service.workers("r")["main"].get("running"))
    service.kill()
    service.start("--quiet", "0.3")
    (folder / "go").touch()
    text, _ = shard.communicate(timeout=300)
    assert shard.returncode == 0
    assert "not in the test run" not in text
    assert until(lambda: service.runs()["r"]["status"] == "completed")


# ------------------------------------------------------------------ the id of the run


@pytest.mark.parametrize(
    ("given", "environ", "name"),
    [
        ("", {}, ""),
        ("mine", {}, "mine"),
        ("", {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "2"}, "github-17-2"),
        ("mine", {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "17"}, "mine"),
        ("", {"GITLAB_CI": "true", "CI_PIPELINE_ID": "9", "CI_JOB_ID": "3"}, "gitlab-9"),
        ("", {"BUILDKITE": "true", "BUILDKITE_BUILD_ID": "b-1"}, "buildkite-b-1"),
        ("", {"CI": "true"}, ""),
        ("", {"GITHUB_RUN_ID": "17"}, ""),
    ],
)
def test_the_run_is_the_one_given_or_that_of_the_ci(given, environ, name):
    """What the user names wins; else provider, run and attempt of the CI make the name; else there is none."""
    assert find_test_run(given, environ) == name


def test_a_run_without_a_name_is_a_run_of_its_own(suite, command, pytest_run, service):
    """Without any id, each session that takes part is a run by itself; without --insight-sync it is in no run."""
    suite("def test_one(): pass")
    pytest_run(command())
    pytest_run(command(sync=False))
    pytest_run(command(sync=False), env={"PYTEST_INSIGHT_RUN": "by-environment"})
    names = [header.get("test_run", "") for header in headers()]
    assert names == [f"run-{headers()[0]['session_id']}", "", "by-environment"]
    assert list(service.runs()) == names[:1]


def test_a_shard_that_never_began_is_a_session_of_the_run(suite, command, pytest_run):
    """A broken conftest.py ends pytest before any test: the session is recorded under its run all the same."""
    (suite() / "conftest.py").write_text("raise RuntimeError")
    assert pytest_run(command(run="ci-7")).code == 4
    assert [header.get("test_run") for header in headers()] == ["ci-7"]


@pytest.mark.parametrize("words", [["--insight-run=" + "x" * 201], ["--insight-run=a\nb"], ["--insight-sync-port=0"]])
def test_what_makes_no_sense_is_a_usage_error(suite, command, pytest_run, words):
    """A name that is too long or cannot be printed, and a port that is none, end the run before it begins."""
    suite("def test_one(): pass")
    run = pytest_run(command(*words))
    assert run.code == 4


# ------------------------------------------------------------------ it never changes a run

WATCHED = """
import os, socket, subprocess, sys, threading, warnings
import pytest
def test_no_thread():
    assert threading.active_count() == 1
    assert len(os.listdir("/proc/self/task")) == 1
def test_no_child():
    with pytest.raises(ChildProcessError):
        os.wait()
def test_fork_without_a_warning():
    child = os.fork()
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
def test_nothing_that_is_not_asked_for():
    loaded = {name for name in sys.modules if name.startswith(("pytest_insight.syncstorage", "starlette", "uvicorn"))}
    assert loaded <= {"pytest_insight.syncstorage", "pytest_insight.syncstorage.client",
                      "pytest_insight.syncstorage.client.link", "pytest_insight.syncstorage.client.launch"}
"""


def test_the_process_of_the_tests_stays_as_it_was(suite, command, service):
    """No thread, no child, no warning of a fork, and no module but two small ones are in the process of the tests."""
    words = command("-W", "error", run="r")  # a process of its own: what it has loaded is the subject
    run = Run(subprocess.run(words, cwd=suite(WATCHED), capture_output=True, text=True, env=outside()), 0.0)
    assert (run.code, run.counts, run.warned) == (0, ["4 passed"], []), run.text + run.errors


def test_without_the_option_nothing_is_imported(suite, command, pytest_run):
    """A recorded run that does not take part imports nothing of Sync Storage, and neither does one not recorded."""
    folder = suite("def test_one(): pass")
    (folder / "conftest.py").write_text(
        "import sys\n"
        "def pytest_sessionfinish():\n"
        "    assert not [name for name in sys.modules if 'syncstorage' in name]\n"
    )
    assert pytest_run(command(sync=False)).code == 0
    assert pytest_run(PYTEST).code == 0


HOSTILE = {
    "closes all descriptors": "import os\ndef test_it():\n    os.closerange(3, 200)\ndef test_after(): pass\n",
    "puts its file in our place": """
import os
def test_it():
    for number in range(3, 60):
        try: name = os.readlink(f"/proc/self/fd/{number}")
        except OSError: continue
        if name.startswith("socket:"):
            os.close(number)
            os.dup2(os.open("mine.txt", os.O_CREAT | os.O_RDWR), number)
def test_after(): pass
def test_end(): assert not os.path.exists("mine.txt") or open("mine.txt").read() == ""
""",
    "mocks what a network needs": """
import os, socket, time
from unittest import mock
def test_it():
    for name in ("socket.socket", "time.monotonic", "json.dumps", "select.poll", "os.getpid"):
        mock.patch(name, side_effect=RuntimeError).start()
def test_after(): mock.patch.stopall()
""",
    "changes everything around it": """
import os
def test_it(tmp_path):
    os.chdir(tmp_path); os.environ.clear()
def test_after(): pass
""",
    "stands in a folder with modules of the standard library's names": """
import pathlib, time
def test_it():
    assert pathlib.Path("json.py").exists()
    time.sleep(0.5)
""",
    "kills the helper": """
import os, signal, pathlib, time
def test_it():
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"client.agent" in (folder / "cmdline").read_bytes() and \\
                    os.environ["PYTEST_INSIGHT_HOME"].encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError: pass
    time.sleep(0.2)
def test_after(): pass
""",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tests_end_as_without_it(suite, command, pytest_run, service, name, until):
    """Exit code and counts are those of a run that does not take part; at most one line says that something was wrong."""
    folder = suite(HOSTILE[name])
    if "standard library" in name:  # there while the helper starts, and not yet when pytest itself does
        (folder / "conftest.py").write_text(
            "import pathlib\nmodule = pathlib.Path('json.py')\nmodule.write_text('1/0')\n"
            "def pytest_unconfigure(): module.unlink()\n"
        )
    alone = pytest_run(command(sync=False))
    run = pytest_run(command(run="r"))
    assert (run.code, run.counts) == (alone.code, alone.counts), run.text
    assert len(run.warned) <= 1
    assert until(lambda: not agents())


@pytest.mark.parametrize(
    "greeting", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]
)
def test_a_foreign_program_on_the_port_costs_one_line(suite, command, pytest_run, foreign, greeting):
    """A port that is taken by another program, one that speaks or one that is silent, changes nothing of the run."""
    suite()
    with foreign(greeting) as port:
        run = pytest_run(command(run="r", port=port))
        assert (run.code, run.counts) == (1, ["1 failed", "6 passed"])
        assert len(run.warned) <= 1
        if greeting:
            assert f"port {port}: another program has it" in run.warned[0]


@pytest.mark.parametrize("path", ["/register", "/keep_alive", "/set_worker_status"])
@pytest.mark.parametrize("answer", [(500, b"{}"), (404, b"{}"), (200, b"no JSON"), (400, b"{}")])
def test_a_service_that_refuses_costs_one_line(suite, command, pytest_run, stub, path, answer):
    """Whatever a service refuses, the run ends as it would, and one line names it."""
    suite("def test_one(): pass\ndef test_two(): assert 0\n")
    stub.answers[path] = answer
    run = pytest_run(command(run="r", port=stub.port))
    assert (run.code, run.counts) == (1, ["1 failed", "1 passed"])
    assert len(run.warned) <= 1


def test_a_service_that_falls_silent_costs_one_line(suite, command, stub, until, tmp_path):
    """A service that accepts requests and answers none of them holds up neither tests nor the end of the run."""
    folder = suite(
        "import time, pathlib\ndef test_wait():\n    while not pathlib.Path('go').exists(): time.sleep(0.05)\n"
    )
    shard = begin(command(run="r", port=stub.port), cwd=folder, stdout=subprocess.PIPE, text=True)
    assert until(lambda: any(body["running"] for body in stub.bodies("/keep_alive")))
    stub.hang()
    (folder / "go").touch()
    text, _ = shard.communicate(timeout=300)
    assert shard.returncode == 0
    assert (
        len(
            re.findall(
                r"^insight: not in the test run: port .*: (no answer|the service did not answer)", text, re.MULTILINE
            )
        )
        == 1
    )


def test_a_service_that_dies_costs_one_line(suite, command, service, until):
    """The service is killed while tests run and nobody starts another: the run says so in one line."""
    folder = suite(
        "import time, pathlib\ndef test_wait():\n    while not pathlib.Path('go').exists(): time.sleep(0.05)\n"
    )
    shard = begin(command(run="r"), cwd=folder, stdout=subprocess.PIPE, text=True)
    assert until(lambda: "r" in service.runs() and service.workers("r")["main"].get("running"))
    service.kill()
    (folder / "go").touch()
    text, _ = shard.communicate(timeout=300)
    assert shard.returncode == 0
    assert text.count(": no service") == 1


def test_a_helper_that_cannot_be_started_costs_one_line(suite, command, pytest_run):
    """Where no process can be started, the run says so, and is recorded all the same."""
    folder = suite()
    (folder / "conftest.py").write_text(
        "import subprocess\n"
        "def pytest_configure():\n"
        "    def refuse(*args, **kwargs): raise OSError(12, 'no memory')\n"
        "    subprocess.run = refuse\n"
    )
    run = pytest_run(command(run="r"))
    assert (run.code, run.counts) == (1, ["1 failed", "6 passed"])
    assert "could not be started" in run.warned[0]
    assert len(headers()) == 1


@pytest.mark.parametrize("mode", ["silent", "stopped"])
def test_the_end_of_a_run_is_held_up_for_less_than_a_second(foreign, until, mode):
    """However the other side behaves, `finish` returns within its time, and thousands of messages cost no waiting."""
    with foreign() as port:
        link = AgentLink("run", "session", port, "host")
        try:
            link.worker("main", os.getpid())
            if mode == "stopped":
                assert until(agents)
                for pid in agents():
                    os.kill(pid, signal.SIGSTOP)
            begun = time.monotonic()
            for number in range(5000):
                link.running("main", f"test_{number}")
            assert link.finish() if mode == "stopped" else link.finish() == ""
            assert time.monotonic() - begun < 60  # 0.8 s and what a busy machine adds
            assert link.finish() == ""
        finally:
            for pid in agents():
                os.kill(pid, signal.SIGKILL)
            link.close()


# ------------------------------------------------------------------ tail


def test_tail_names_who_is_stuck_and_who_is_gone(suite, command, until, tmp_path):
    """While a test hangs, tail -f names it with its worker; killed, the session is named as gone with what it ran."""
    folder = suite("import time\ndef test_hangs(): time.sleep(60)\n")
    log = Path(os.environ["PYTEST_INSIGHT_HOME"]) / "default.jsonl"
    words = [sys.executable, "-m", "pytest_insight.cli", "tail", "-f", "--stuck", "0.5", "--run", "r", str(log)]
    out = tmp_path / "tail.txt"
    log.parent.mkdir(exist_ok=True)
    with out.open("w") as file:
        tail = subprocess.Popen(words, stdout=file, stderr=subprocess.DEVNULL)
        other = begin(command("--collect-only", sync=False), cwd=folder, stdout=subprocess.DEVNULL)
        shard = begin(command("-n1", run="r", sync=False), cwd=folder, stdout=subprocess.DEVNULL)
        try:
            other.wait(300)
            assert until(
                lambda: len(re.findall(r"^STUCK   test_it.py::test_hangs \[gw0\]", out.read_text(), re.MULTILINE)) >= 2
            )
            shard.kill()
            shard.wait()
            assert until(lambda: "GONE" in out.read_text())
        finally:
            shard.kill()
            tail.terminate()
            assert tail.wait(300) == 0
    text = out.read_text()
    assert ", run r" in text
    assert re.search(
        rf"^GONE    session \w+, process {shard.pid} ended .*, running test_it.py::test_hangs \[gw0\]",
        text,
        re.MULTILINE,
    )
    assert text.count("GONE") == 1


def test_the_plugin_imports_only_the_link_and_the_start_of_processes():
    """The arrow from plugin/ to syncstorage/ leads to two modules, and only within the functions that need them."""
    import ast

    root = Path(__file__).parents[3]
    found = {
        (path.name, node.module, node in tree.body)
        for path in (root / "plugin").rglob("*.py")
        for tree in [ast.parse(path.read_text())]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and "syncstorage" in (node.module or "")
    }
    assert found == {
        ("sync.py", "syncstorage.client.link", False),
        ("sending.py", "syncstorage.client.launch", False),
    }
