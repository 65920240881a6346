"""Homes that record sessions, for tests of several machines and one collector."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import warm
from pytest_insight.cli import app as main
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.writer import LogWriter


class Home:
    """A home of insight with one profile.

    Args:
        folder: of the home.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "default.jsonl"

    def record(self, name, tests=3, *, collect=True):
        """Record a session as the plugin does; without `collect` its process dies before the end."""
        writer = LogWriter(self.log, durability="never")
        writer.append(SessionStarted(session_id=name, sut="shop"))
        for number in range(tests):
            nodeid = f"test_{name}.py::test_{number}"
            writer.append(TestStarted(nodeid=nodeid))
            writer.append(TestFinished(nodeid=nodeid, outcome="passed" if number else "failed", capstdout=name * 50))
        writer.seal(lambda count, root: SessionFinished(exit_status=1, count=count, root=root))
        if collect:
            writer.close()
        else:
            os.close(writer._files.current.fd)
        return writer.stream

    def insight(self, *arguments, check=True, **environ):
        """Run a command with this home, and return its result."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("INSIGHT_", "PYTEST_"))}
        env = outer | {"PYTEST_INSIGHT_HOME": str(self.folder), "HOME": str(self.folder)} | environ
        command = [sys.executable, "-m", "pytest_insight.cli", *map(str, arguments)]
        result = warm.run(command, capture_output=True, text=True, env=env, timeout=300)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def here(self, *arguments, check=True, **environ):
        """Run a command with this home in this process, which is faster, and return its result."""
        out, err = io.StringIO(), io.StringIO()
        more = {"PYTEST_INSIGHT_HOME": str(self.folder), **environ}
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in more.items():
                patch.setenv(name, value)
            code = main.run([str(word) for word in arguments])
        assert not check or code == 0, out.getvalue() + err.getvalue()
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def sync(self, collector, *arguments, check=True):
        """Run `insight sync` and return what it prints as JSON."""
        result = self.insight("sync", collector.url, "--json", *arguments, check=check, INSIGHT_API_KEY=collector.key)
        return json.loads(result.stdout)


def merged(folder, *logs):
    """Return what `insight merge` makes of logs."""
    out = folder / "merged.jsonl"
    out.unlink(missing_ok=True)
    Home(folder / "merging").insight("merge", *logs, "-o", out)
    return out.read_bytes()
