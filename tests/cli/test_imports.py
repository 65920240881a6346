"""What each command loads: a command that loads more than its table allows starts slower than it has to.

The table has modules of `api`, `cli` and `core`; the event log and the read model are loaded by every question, and
`ELSEWHERE` has what no question needs. How long a start takes is measured by `python -m benchmarks startup`.
"""

import subprocess
import sys

import pytest
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.writer import LogWriter

ELSEWHERE = {"pydantic", "rich.console", "watchfiles", "pytest", "_pytest", "unittest", "asyncio", "starlette"}
"""Loaded by no command whose output is piped; Typer's own imports are not counted."""

ROOM = {"cli", "cli.app", "cli.options"}
ARGUMENTS = {f"cli.arguments{name}" for name in ("", ".completion", ".first_words", ".logs", ".plain_values")}
FORMATTERS = {f"cli.formatters{name}" for name in ("", ".data", ".values")}
TERMINAL = {
    f"cli.terminal{name}" for name in ("", ".cells", ".hints", ".messages", ".paging", ".safe", ".screen", ".words")
}
API = {f"api{name}" for name in ("", ".internal", ".internal.lazy", ".internal.logs")}
EVERY = ROOM | ARGUMENTS | FORMATTERS | TERMINAL | API | {"cli.commands", "api.internal.history"}
ASKING = EVERY | {
    *("core.history", "core.history.history", "core.naming"),
    *(
        "cli.arguments.history",
        "core",
        "core.naming.nearest",
        "core.history.references",
        "core.history.selection",
        "core.history.windows",
    ),
    *("core.history.counting", "core.history.series", "core.history.states", "core.history.variants"),
}
RUNS = {
    "core.questions",
    "core.history.verdicts",
    *(f"core.history.verdicts.{name}" for name in ("columns", "reading", "run")),
    "core.questions.outages",
    "core.history.partial",
    "core.history.modules",
}
QUESTIONS = {
    f"core.questions.{name}"
    for name in ("broken", "clusters", "durations", "evidence", "failures", "flaky", "order", "summary")
}
ANALYSIS = (
    RUNS
    | QUESTIONS
    | {"api.internal.answers", "core.history.chosen", "core.analyzer", "core.questions.phases", "core.questions.stats"}
)
SESSION = {
    *("cli.commands.session", "cli.commands.session.app", "cli.arguments.comparisons", "cli.arguments.passing"),
    *("cli.formatters.outcomes", "cli.formatters.sessions"),
    *(f"cli.formatters.sessions.{name}" for name in ("session_data", "session_list")),
}
VIEWS = {
    "core.views",
    *(f"core.views.{name}" for name in ("lazy", "outcome", "output", "rerun", "result", "session", "stored", "times")),
}
SHOWING = VIEWS | {"cli.formatters.event_lines"}
SHOWING |= {f"cli.formatters.sessions.{name}" for name in ("session_show", "session_notes", "failure_groups")}
COMPARING = {
    "api.internal.answers",
    "cli.formatters.sessions.comparison",
    *("core.compare", "core.questions.duration_changes"),
    "core.naming.meanings",
    "core.naming.newest",
    "core.history.test_runs",
    "core.naming.sides",
    "core.questions.phases",
    "core.questions.stats",
}
ROWS = {"cli.formatters.columns", "cli.formatters.strips", "cli.terminal.layout"}
TESTS = ROWS | {f"cli.commands.test{name}" for name in ("", ".app", ".verdicts")}
TESTS |= {f"cli.formatters.{name}" for name in ("answers", "drawings", "outcomes")}
TESTS |= {"cli.formatters.sessions", "cli.formatters.sessions.failure_groups"}
TESTS |= {"core.overview", "core.overview.about", "core.overview.marks"}
SCREEN = ROWS | {
    "core.overview",
    *("cli.arguments.project", "cli.commands.overview", "cli.formatters.outcomes", "cli.formatters.overview_screen"),
    *(
        "core.overview.about",
        "core.overview.breakage",
        "core.overview.cases",
        "core.overview.cut_tests",
        "core.questions.duration_changes",
        "core.overview.headline",
        "core.questions.lost",
        "core.overview.marks",
        "core.overview.meant",
    ),
    *(
        "core.overview.answer",
        "core.overview.data",
        "core.overview.sentence",
        "core.questions.slower",
        "core.overview.strips",
    ),
}
SUMMARY = ROWS | {
    "core.overview",
    *(f"cli.commands.analytics{name}" for name in ("", ".app", ".metrics", ".summary")),
    *("cli.arguments.comparisons", "cli.formatters.answers", "cli.formatters.drawings"),
    *(
        "core.overview.about",
        "core.overview.cases",
        "core.overview.cut_tests",
        "core.overview.headline",
        "core.questions.lost",
        "core.overview.marks",
        "core.overview.sentence",
    ),
    "core.overview.strips",
}

MAY_LOAD = {
    "": ASKING | ANALYSIS | SCREEN,
    "sut list": EVERY | {"cli.arguments.history", "cli.commands.sut"},
    "tail LOG": EVERY | {"cli.commands.tail", "cli.formatters.event_lines", "cli.formatters.outcomes"},
    "session list": ASKING | SESSION,
    "session show last": ASKING | SESSION | SHOWING | ANALYSIS,
    "session compare last": ASKING | SESSION | COMPARING | RUNS,
    "test list": ASKING | ANALYSIS | TESTS | {"core.overview.strips"},
    "test history test_a.py::test_a": ASKING | ANALYSIS | TESTS,
    "analytics summary": ASKING | ANALYSIS | SUMMARY,
}
"""What a command may load of `api`, `cli` and `core`."""

CODE = (
    "import sys; from pytest_insight.cli.app import run; code = run(sys.argv[1:]);"
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
    assert {name for name in own if name.split(".")[0] in ("api", "cli", "core")} - MAY_LOAD[command] == set()
    assert {name.split(".")[0] for name in own} <= {"api", "cli", "core", "eventlog", "projections"}
    assert loaded & ELSEWHERE == set()
