"""`pytest --insight --insight-storage=remote|database`: what a run records arrives, and nothing else about it changes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from collector_homes import Home, merged
from collectors import make_key
from pytest_insight.eventlog.reader import Record, read_records

SUITE = """
import os, sys, time, pytest
print("at import")
@pytest.mark.parametrize("number", range(5))
def test_one(number):
    assert number != 3
def test_that_may_wait():
    gate = os.environ.get("GATE")
    while gate and not os.path.exists(gate):
        time.sleep(0.02)
@pytest.mark.skip(reason="later")
def test_skipped(): pass
def test_modules():
    heavy = {"urllib3", "sqlalchemy", "psycopg"} | {name for name in sys.modules if "insight.collector" in name}
    assert not heavy & set(sys.modules)
"""
OUR_LINE = re.compile(r"^insight: (?:sent|sending|not sent).*\n", re.MULTILINE)
VARYING = re.compile(r"in \d+\.\d+s|[0-9a-f]{12}|log .*\.jsonl")


class Project:
    """A suite, a home, and runs of the one into the other."""

    def __init__(self, folder):
        self.folder = folder
        self.home = Home(folder / "home")
        self.gate = folder / "gate"
        (folder / "suite").mkdir()
        (folder / "suite" / "test_a.py").write_text(SUITE)

    def command(self, *options):
        """Words that run the suite."""
        return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--insight", *options]

    def environment(self, **more):
        """Variables of a run."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("INSIGHT_", "CI"))}
        return outer | {"PYTEST_INSIGHT_HOME": str(self.home.folder), "COLUMNS": "200"} | more

    def run(self, *options, **environ):
        """Run the suite to its end."""
        env = self.environment(**environ)
        result = warm.run(
            self.command(*options), cwd=self.folder / "suite", env=env, capture_output=True, text=True, timeout=120
        )
        result.line = "".join(OUR_LINE.findall(result.stdout))
        result.others = VARYING.sub("X", OUR_LINE.sub("", result.stdout)), result.stderr, result.returncode
        return result

    def start(self, *options, **environ):
        """Start the suite; its test waits for the gate."""
        env = self.environment(GATE=str(self.gate), **environ)
        return subprocess.Popen(
            self.command(*options), cwd=self.folder / "suite", env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def helpers(self):
        """Process ids and command lines of the helpers of this home."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"pytest_insight.collector.push" in words and str(self.home.folder).encode() in words:
                found[int(entry.name)] = words
        return found

    def wait_for(self, condition, seconds=60):
        """Wait until something is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)


@pytest.fixture
def project(tmp_path):
    """A project whose helpers end with the test."""
    found = Project(tmp_path)
    yield found
    for pid in found.helpers():
        os.kill(pid, signal.SIGKILL)


REMOTE = ("--insight-storage=remote", "--insight-remote-url")


def test_a_run_arrives_byte_for_byte_and_says_so(project, served, tmp_path):
    """In CI the end waits for the last event: the log of the collector is that of the home, seal included."""
    local = project.run()
    sent = project.run(*REMOTE, served.url, CI="1", INSIGHT_API_KEY=served.key)
    (session,) = re.findall(r"session show ([0-9a-f]{12})", sent.stdout)
    events = [item.line for item in read_records(project.home.log) if f'"stream":"{session}'.encode() in item.line]
    assert served.get("/api/v1/log").body == b"".join(line + b"\n" for line in events)
    assert b"session.finished" in events[-1]
    assert sent.line == f"insight: sent {len(events)} events to {served.url}\n"
    assert sent.others == local.others
    assert os.listdir(project.home.folder / "remotes") == []
    assert project.home.sync(served)["to_send"] == len(list(read_records(project.home.log))) - len(events)


def test_xdist_has_one_helper_and_a_log_of_its_own_is_sent(project, served, tmp_path):
    """Only the controller sends; `--insight-log` is followed from where the session begins in it."""
    log = tmp_path / "artifact.jsonl"
    other = Home(tmp_path / "other")
    stream = other.record("a")
    log.write_bytes(other.log.read_bytes())
    sent = project.run(*REMOTE, served.url, f"--insight-log={log}", "-n2", CI="1", INSIGHT_API_KEY=served.key)
    assert sent.line.startswith("insight: sent ")
    assert sent.returncode == 1
    new = [line for line in log.read_bytes().splitlines(keepends=True) if stream.encode() not in line]
    assert served.get("/api/v1/log").body == b"".join(new)


def test_a_run_is_written_to_a_database_and_needs_no_key(project, served, database, tmp_path):
    """The same code as that of the collector, which then serves it."""
    options = ("--insight-storage=database", f"--insight-db-url={database}")
    sent = project.run(*options, CI="1")
    assert re.match(r"insight: sent \d+ events to .*/test_\d+\n", sent.line), sent.stdout
    assert served.get("/api/v1/log").body == merged(tmp_path, project.home.log) == served.export()


def test_a_run_is_written_to_a_team_of_a_database_that_is_there(project, served, engine, database, tmp_path):
    """Its key sees the run and that of `default` does not; a team that is not there is named and gets nothing."""
    key = make_key(engine, team="payments")
    options = ("--insight-storage=database", f"--insight-db-url={database}")
    sent = project.run(*options, "--insight-db-team=payments", CI="1")
    assert sent.line.startswith("insight: sent "), sent.stdout
    of_default, of_payments = (served.get("/api/v1/log", key=name).body for name in (None, key))
    assert (of_default, of_payments) == (b"", merged(tmp_path, project.home.log))
    wrong = project.run(*options, CI="1", INSIGHT_DB_TEAM="paymnets")
    assert "there is no team 'paymnets'" in wrong.line
    assert wrong.others == sent.others


@pytest.fixture
def silent():
    """URL of a port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_no_fault_of_the_collector_changes_a_run(project, served, silent, tmp_path):
    """Dead, silent, refusing: result, exit code and all other output are the same, and the next sync sends all."""
    local = project.run()
    wrong = {"INSIGHT_API_KEY": "ik_00000000_" + "x" * 43}
    database = "--insight-db-url=postgresql://u:canary@127.0.0.1:9/d"
    cases = {
        "dead": (0.2, *REMOTE, "http://127.0.0.1:9"),
        "silent": (0.2, *REMOTE, silent),
        "dead database": (0.2, "--insight-storage=database", database),
        "401": (60, *REMOTE, served.url),
    }
    for name, (wait_s, *options) in cases.items():
        sent = project.run(*options, f"--insight-push-wait={wait_s}", **wrong)
        assert sent.others == local.others, name
        assert re.match(r"insight: (sent 0 events to .* not all|not sent: )", sent.line), sent.stdout
        assert sent.line.count("\n") == 1
        assert "canary" not in sent.stdout + project.home.log.read_text()
    assert "there is no such key" in sent.line
    assert served.get("/api/v1/log").body == b""
    project.home.sync(served)
    assert served.get("/api/v1/log").body == merged(tmp_path, project.home.log)


def test_the_end_waits_for_nothing_outside_of_ci(project, silent):
    """The line says that sending goes on; it comes before the counts of pytest, which stay the last line."""
    sent = project.run(*REMOTE, silent, INSIGHT_API_KEY="ik_x")
    assert re.fullmatch(r"insight: sending to (http://\S+|the collector) goes on, 0 events so far\n", sent.line)
    assert " passed" in sent.stdout.splitlines()[-1]
    assert os.listdir(project.home.folder / "remotes") == []


def test_a_killed_helper_loses_nothing(project, served, tmp_path):
    """The run goes on, its line names it, and the next sync sends the rest. The key is on no command line."""
    run = project.start(*REMOTE, served.url, INSIGHT_API_KEY=served.key)
    project.wait_for(lambda: b"test_one[4]" in served.get("/api/v1/log").body)
    ((helper, words),) = project.helpers().items()
    assert served.key.encode() not in words
    os.kill(helper, signal.SIGKILL)
    project.gate.touch()
    out, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert b"insight: not sent: the process that sends ended after" in out
    project.home.sync(served)
    assert served.get("/api/v1/log").body == merged(tmp_path, project.home.log)
    assert served.key.encode() not in project.home.log.read_bytes()


def test_the_helper_of_a_killed_run_sends_the_rest_and_ends(project, served):
    """All that was recorded until then, without a sync; and no file of its own is left."""
    run = project.start(*REMOTE, served.url, INSIGHT_API_KEY=served.key)
    project.wait_for(lambda: b"test_one[4]" in served.get("/api/v1/log").body)
    run.kill()
    run.communicate()
    project.wait_for(lambda: not project.helpers())
    events = [item.line + b"\n" for item in read_records(project.home.log) if isinstance(item, Record)]
    assert served.get("/api/v1/log").body == b"".join(events)
    assert os.listdir(project.home.folder / "remotes") == []


def test_a_key_on_the_command_line_is_warned_about_and_redacted(project, served):
    """The header records the command line, without the key."""
    sent = project.run(*REMOTE, served.url, "--insight-api-key", served.key, CI="true")
    assert "--insight-api-key: other users of this machine see the key" in sent.line
    log = project.home.log.read_text()
    assert "--insight-api-key=" in log
    assert served.key.rpartition("_")[2] not in log + sent.stdout
    assert served.get("/api/v1/log").body


def test_a_home_that_cannot_be_written_is_one_line(project, served, tmp_path):
    """Recording into another place goes on."""
    home = tmp_path / "home"
    (home / "remotes").touch()
    log = tmp_path / "artifact.jsonl"
    sent = project.run(*REMOTE, served.url, f"--insight-log={log}", INSIGHT_API_KEY=served.key)
    assert sent.returncode == 1
    assert "remotes" in sent.line
    assert b"session.finished" in log.read_bytes()
