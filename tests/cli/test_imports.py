"""What each command loads: a command that loads more than its table allows starts slower than it has to.

The table has modules of `cli` and `core`; the event log and the read model are loaded by every question, and
`ELSEWHERE` has what no question needs. How long a start takes is measured by `python -m benchmarks startup`.
"""

import subprocess
import sys

import pytest
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.writer import LogWriter

ELSEWHERE = {"pydantic", "rich.console", "watchfiles", "pytest", "_pytest", "unittest", "asyncio", "starlette"}
"""Loaded by no command whose output is piped; Typer's own imports are not counted."""

EVERY = {
    *("cli", "cli.main", "cli.version", "cli.plain_values", "cli.hints"),
    *("cli.common", "cli.logs", "cli.paging", "cli.safe", "cli.screen", "cli.words"),
}
ASKING = EVERY | {
    *("cli.asking", "core", "core.nearest", "core.references", "core.selection", "core.windows"),
    *("core.counting", "core.series", "core.states"),
}
RUNS = {"core.runs", "core.outages", "core.partial", "core.modules"}
ANALYSIS = RUNS | {"core.analysis", "core.phases", "core.stats"}
SESSION = {"cli.session", "cli.session_list", "cli.comparisons", "cli.passing"}
SHOWING = {"cli.session_show", "cli.session_notes", "cli.failure_groups", "cli.tail_lines"}
COMPARING = {"cli.comparing", "core.comparison", "core.meanings", "core.shards", "core.sides", "core.stats"}
TESTS = {"cli.test", "cli.answers", "cli.columns", "cli.failure_groups", "cli.layout", "cli.strips"}
TESTS |= {"core.about", "core.marks"}
SCREEN = {
    *("cli.columns", "cli.layout", "cli.overview", "cli.overview_screen", "cli.project", "cli.strips"),
    *("core.about", "core.breakage", "core.cases", "core.comparison", "core.headline", "core.lost", "core.marks"),
    *("core.overview", "core.overview_data", "core.sentence", "core.slower", "core.strips"),
}
SUMMARY = {
    *("cli.analytics", "cli.answers", "cli.columns", "cli.comparing", "cli.comparisons", "cli.layout", "cli.strips"),
    *("cli.session_list", "core.about", "core.cases", "core.headline", "core.lost", "core.marks", "core.sentence"),
    "core.strips",
}

MAY_LOAD = {
    "": ASKING | ANALYSIS | SCREEN,
    "sut list": EVERY | {"cli.asking", "cli.sut"},
    "tail LOG": EVERY | {"cli.tail", "cli.tail_lines"},
    "session list": ASKING | SESSION,
    "session show last": ASKING | SESSION | SHOWING | ANALYSIS,
    "session compare last": ASKING | SESSION | COMPARING | RUNS,
    "test list": ASKING | ANALYSIS | TESTS | {"core.strips"},
    "test history test_a.py::test_a": ASKING | ANALYSIS | TESTS,
    "analytics summary": ASKING | ANALYSIS | SUMMARY,
}
"""What a command may load of `cli` and `core`."""

CODE = (
    "import sys; from pytest_insight.cli.main import run; code = run(sys.argv[1:]);"
    " print(code, *sys.modules, file=sys.stderr)"
)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Return a log with two sessions of one test."""
    path = tmp_path_factory.mktemp("imports") / "log.jsonl"
    for number in range(2):
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=f"session-{number}", sut="shop"))
        writer.append(TestStarted(nodeid="test_a.py::test_a"))
        writer.append(TestFinished(nodeid="test_a.py::test_a", outcome="failed", duration_us=5, longreprtext="E  no"))
        writer.seal(lambda count, root: SessionFinished(exit_status=1, count=count, root=root))
        writer.close()
    return path


def loaded_by(command, log):
    """Return the modules that are loaded after a command."""
    words = [str(log) if word == "LOG" else word for word in command.split()]
    where = [] if "LOG" in command else ["--log", str(log)]
    done = subprocess.run([sys.executable, "-c", CODE, *words, *where], capture_output=True, text=True, timeout=120)
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code in ("0", "1"), done.stderr
    return set(modules)


@pytest.mark.parametrize("command", MAY_LOAD)
def test_a_command_loads_only_what_it_may(command, log):
    """Each everyday command loads nothing that is not in its table."""
    loaded = loaded_by(command, log)
    own = {name.removeprefix("pytest_insight.") for name in loaded if name.startswith("pytest_insight.")}
    assert {name for name in own if name.split(".")[0] in ("cli", "core")} - MAY_LOAD[command] == set()
    assert {name.split(".")[0] for name in own} <= {"cli", "core", "eventlog", "projections"}
    assert loaded & ELSEWHERE == set()
