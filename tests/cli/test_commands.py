"""The command line on real recorded logs: what it prints, its exit codes, and that nothing in a log can act on a terminal."""

import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cli_reference
import pytest
import warm
from pytest_insight.cli.app import NOUNS, run
from pytest_insight.cli.formatters.outcomes import counts_text
from pytest_insight.cli.formatters.values import duration_text
from pytest_insight.cli.terminal.safe import safe, safe_line
from pytest_insight.eventlog import events
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestsAnnounced, TestStarted
from pytest_insight.eventlog.writer import LogWriter

ROOT = Path(__file__).parent.parent.parent
INSIGHT = [sys.executable, "-m", "pytest_insight.cli"]
EVIL = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202e [bold]markup[/bold] [link=x]y[/link] \r\x00 \x7f"
RAW_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def insight(*args, env=None, **options):
    """Run the command line in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    environment |= {"COLUMNS": "120"} | (env or {})
    return warm.run(
        [*INSIGHT, *map(str, args)], capture_output=True, text=True, timeout=300, env=environment, **options
    )


@pytest.fixture
def log(tmp_path):
    """A log of two sessions: one complete with a failure, one killed in its second test."""
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id="aaaa11112222", sut="shop", pytest="9.2.0", tags={"team": "pay"}))
    writer.append(TestsAnnounced(nodeids=["t.py::ok", "t.py::bad"]))
    phases = {"setup": 10, "call": 2_000_000, "teardown": 10}
    for name, outcome, special, text in (
        ("t.py::ok", "passed", {}, ""),
        ("t.py::bad", "failed", {"call": "failed"}, "def bad():\n>   assert 0\nE   assert 0\n\nt.py:3: AssertionError"),
    ):
        writer.append(TestStarted(nodeid=name))
        event = TestFinished(
            nodeid=name,
            outcome=outcome,
            started_at="2026-11-21T01:23:45.123456Z",
            duration_us=2_000_020,
            phases=phases,
            phase_outcomes=special,
            longreprtext=text,
            capstdout="printed" if text else "",
        )
        writer.append(event)
    writer.seal(lambda count, root: SessionFinished(exit_status=1, duration_us=4_100_000, count=count, root=root))
    writer.close()
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id="bbbb33334444", sut="search"))
    writer.append(TestsAnnounced(nodeids=["t.py::one", "t.py::two", "t.py::three"]))
    writer.append(TestStarted(nodeid="t.py::one"))
    writer.append(TestFinished(nodeid="t.py::one", outcome="passed", phases=phases))
    writer.append(TestStarted(nodeid="t.py::two"))
    writer.close()
    return path


def test_session_list(log):
    """Newest first, with status and pytest's counts; --sut and --json select and serve programs."""
    lines = insight("session", "list", "--log", log).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["session", "bbbb33334444", "aaaa11112222"]
    assert "unknown" in lines[1], "its header does not say whose it is"
    assert "1 failed, 1 passed" in lines[2]
    [only] = json.loads(insight("session", "list", "--log", log, "--sut", "shop", "--json").stdout)
    assert only["session_id"] == "aaaa11112222"
    assert only["counts"] == {"passed": 1, "failed": 1}
    assert only["verdicts"] == {"failed": 1, "passed": 1}
    assert only["started_at"].endswith("Z")


def test_session_show(log):
    """A failure with its traceback; what was running and what never ran; the same as JSON."""
    shown = insight("session", "show", "aaaa", "--log", log, "--output").stdout
    assert "FAILED  t.py::bad" in shown
    assert "AssertionError" in shown
    assert "printed" in shown
    assert "t.py::ok" not in shown
    assert "PASSED  t.py::ok" in insight("session", "show", "aaaa", "--log", log, "--results").stdout
    killed = insight("session", "show", "last", "--log", log).stdout
    assert "RUNNING t.py::two" in killed
    assert "NOT RUN t.py::three" in killed
    data = json.loads(insight("session", "show", "bbbb", "--log", log, "--json").stdout)
    assert (data["running"], data["not_run"], data["status"]) == (["t.py::two"], ["t.py::three"], "interrupted")


def test_sut_list(log):
    """Every system under test with the number of its sessions."""
    data = json.loads(insight("sut", "list", "--log", log, "--json").stdout)
    assert [(row["sut"], row["sessions"]) for row in data] == [("search", 1), ("shop", 1)]
    assert "search" in insight("sut", "list", "--log", log).stdout


def test_log_commands(log):
    """verify is 0 for a good log and 1 for a damaged one; info counts; repair takes out and keeps the original."""
    assert insight("log", "verify", log).returncode == 0
    with log.open("ab") as stream:
        stream.write(b"garbage\n")
    damaged = insight("log", "verify", log)
    assert damaged.returncode == 1
    assert "garbage" not in damaged.stdout
    assert f"byte {log.stat().st_size - 8}" in damaged.stdout
    [info] = json.loads(insight("log", "info", log, "--json").stdout)
    assert info["types"]["test.finished"] == 3
    assert insight("log", "repair", log, "--dry-run").returncode == 0
    assert insight("log", "verify", log).returncode == 1
    repaired = json.loads(insight("log", "repair", log, "--json").stdout)
    assert Path(repaired["backup"]).read_bytes().endswith(b"garbage\n")
    assert insight("log", "verify", log).returncode == 0


def test_replay_and_check(log):
    """replay reports what it read and how fast; --check is 0 while views are as rebuilt, 1 when the model was changed."""
    import sqlite3

    from pytest_insight.eventlog.home.paths import model_path

    [data] = json.loads(insight("replay", "--log", log, "--json").stdout)
    assert (data["events"], data["attempts"], data["findings"]) == (12, 3, [])
    assert data["events_per_s"] > 0
    assert insight("replay", "--log", log, "--check").returncode == 0
    with sqlite3.connect(model_path(log)) as db:
        db.execute("UPDATE sessions SET sut = 'forged' WHERE sut = 'shop'")
    differing = insight("replay", "--log", log, "--check")
    assert differing.returncode == 1
    assert "forged" in differing.stdout


def test_tail_shows_the_newest_session(log):
    """Without -f: the newest session, and what runs in it; --sessions for more; --outcome only some results."""
    shown = insight("tail", log).stdout
    assert "bbbb33334444" in shown
    assert "aaaa11112222" not in shown
    assert "RUNNING t.py::two" in shown
    everything = insight("tail", log, "--sessions", "2").stdout
    assert everything.index("aaaa11112222") < everything.index("bbbb33334444")
    assert "=== session aaaa11112222: 1 failed, 1 passed in 4.1 s, exit 1" in everything
    only = insight("tail", log, "--sessions", "2", "--outcome", "failed", "--json").stdout.splitlines()
    assert [json.loads(line)["nodeid"] for line in only] == ["t.py::bad"]


def test_tail_reads_folders_and_archives(log, tmp_path):
    """CI artifacts: a folder with a gzip file and a zip archive, each line with the name of its log."""
    import gzip
    import zipfile

    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "one.jsonl.gz").write_bytes(gzip.compress(log.read_bytes()))
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        archive.write(log, "deep/run.jsonl")
    shown = insight("tail", folder).stdout
    assert shown.count("FAILED  t.py::bad") == 2
    assert "one.jsonl.gz: " in shown
    assert "run.jsonl: " in shown


def test_tail_follows_and_ends_with_what_is_running(tmp_path):
    """-f on a log that does not exist yet: events as they come, and at Ctrl-C the test that hangs; exit code 130."""
    path = tmp_path / "later.jsonl"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    process = warm.Popen(
        [*INSIGHT, "tail", "-f", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    time.sleep(1)
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id="cccc", sut="shop"))
    writer.append(TestStarted(nodeid="t.py::hangs"))
    writer.append(TestStarted(nodeid="t.py::done"))
    writer.append(TestFinished(nodeid="t.py::done", outcome="passed"))
    assert "session cccc of shop" in process.stdout.readline()
    while "t.py::done" not in (line := process.stdout.readline()):  # by then it has read what is before it
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert "RUNNING t.py::hangs" in out, err
    assert process.returncode == 130
    writer.close()


def test_errors_say_what_where_and_what_to_do(log, tmp_path):
    """Exit codes: 1 no such session, 2 wrong usage, 3 no log; the message is on stderr, without a traceback."""
    cases = {
        ("session", "show", "zzzz", "--log", log): (1, "zzzz"),
        ("session", "list", "--profile", "a/b"): (1, "Invalid profile name"),
        ("session", "list", "--nonsense"): (2, "--nonsense"),
        ("sesion",): (2, "session"),
        ("session", "list", "--log", tmp_path / "none.jsonl"): (3, "pytest --insight"),
        ("tail", "--outcome", "exploded", log): (2, "exploded"),
    }
    for args, (code, text) in cases.items():
        result = insight(*args)
        assert result.returncode == code, args
        assert text in result.stderr
        assert result.stdout == ""
        assert "Traceback" not in result.stderr


def test_a_closed_pipe_is_quiet(log):
    """`insight ... | head -1` ends without a word."""
    command = f"{' '.join(INSIGHT)} tail --sessions 2 {log} | head -1"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=300)
    assert result.stdout.startswith("=== session")
    assert result.stderr == ""


def test_every_command_has_help_with_an_example(capsys, monkeypatch):
    """Each command's help shows how to use it, and the list of commands names exactly the commands there are."""
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)  # it is for a process that ends soon
    names = {name for name, _ in cli_reference.commands()}
    top = insight("--help").stdout
    assert {noun.name for noun in NOUNS} <= set(top.split())
    for name in names:
        assert run([*name.split(), "--help"]) == 0
        assert "Example: insight " in " ".join(capsys.readouterr().out.split()), name
    assert all(noun.help for noun in NOUNS)


def test_the_command_reference_is_current():
    """docs/cli.md is what the commands say of themselves."""
    page = (ROOT / "docs" / "cli.md").read_text()
    assert cli_reference.renewed(page) == page, "run `make docs`"


def test_version():
    """--version names the installed version."""
    import importlib.metadata

    assert insight("--version").stdout == f"pytest-insight {importlib.metadata.version('pytest-insight')}\n"


def test_starting_loads_only_what_is_used():
    """`insight --help` imports neither SQLite nor msgspec nor any noun."""
    code = "import sys; from pytest_insight.cli.app import run; run(['--help']); print(sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.splitlines()[-1]
    assert not {"sqlite3", "msgspec", "watchfiles", "pytest"} & set(eval(modules))  # noqa: S307 - a list of names we printed


def evil_log(path):
    """A log with escape sequences and markup in every text field there is."""
    writer = LogWriter(path)
    writer.append(
        SessionStarted(
            session_id="eeee" + EVIL,
            sut=EVIL,
            args=[EVIL],
            tags={EVIL: EVIL},
            ci={"provider": EVIL},
            pytest=EVIL,
            testing_system={"name": EVIL},
            vcs=events.Vcs(commit=EVIL, branch=EVIL),
        )
    )
    writer.append(TestsAnnounced(nodeids=[EVIL, EVIL + "2", EVIL + "3"]))
    writer.append(TestStarted(nodeid=EVIL, worker=EVIL))
    writer.append(
        TestFinished(
            nodeid=EVIL,
            worker=EVIL,
            outcome="failed",
            phases={"call": 1},
            phase_outcomes={"call": "failed"},
            reason=EVIL,
            longreprtext=EVIL,
            capstdout=EVIL,
            capstderr=EVIL,
            caplog=EVIL,
        )
    )
    writer.append(TestStarted(nodeid=EVIL + "2"))
    writer.append(events.SubtestFinished(nodeid=EVIL, outcome="failed", ordinal=1, message=EVIL, longreprtext=EVIL))
    writer.append(
        events.CollectionFailed(nodeid=EVIL, longreprtext=EVIL), events.CollectionSkipped(nodeid=EVIL, reason=EVIL)
    )
    writer.append(
        events.WarningRecorded(category=EVIL, message=EVIL), events.WorkerLost(worker=EVIL, running=[EVIL], error=EVIL)
    )
    writer.append(events.RecorderDegraded(reason=EVIL, dropped=1))
    writer.seal(
        lambda count, root: SessionFinished(
            exit_status=1, count=count, root=root, interrupted=EVIL, internal_error=EVIL
        )
    )
    writer.close()
    with path.open("ab") as stream:
        stream.write(EVIL.encode() + b"\n" + b'{"v":7,"x":"\x1b[2J"}\n')


@pytest.mark.parametrize(
    "args",
    [
        ("session", "list", "--log"),
        ("session", "show", "eeee", "--results", "--output", "--log"),
        ("session", "show", "eeee", "--json", "--log"),
        ("sut", "list", "--log"),
        ("replay", "--log"),
        ("replay", "--check", "--log"),
        ("log", "verify"),
        ("log", "info"),
        ("log", "repair", "--dry-run"),
        ("tail", "--sessions", "1"),
    ],
    ids=" ".join,
)
def test_no_command_lets_a_log_control_the_terminal(tmp_path, args):
    """Escape sequences, C1 codes, bidi marks and markup in every field and path: shown as text by every command."""
    path = tmp_path / "evil\x1b[31m.jsonl"
    evil_log(path)
    result = insight(*args, path, env={"FORCE_COLOR": "", "TERM": "dumb"})
    assert result.returncode in (0, 1)
    assert not RAW_CONTROLS.search(result.stdout), args
    assert not RAW_CONTROLS.search(result.stderr), args
    if "--json" not in args and args[0] in ("session", "tail", "sut"):
        assert "\\x1b[2J" in result.stdout.replace("\n", "")
        assert "[bold]markup[/bold]" in re.sub(r"\s+", "", result.stdout).replace("[bold]markup", "[bold]markup")


def test_safe_text():
    """Control characters become visible, ordinary text of any language stays."""
    assert safe("a\tb\nc") == "a\tb\nc"
    assert safe_line("a\tb\nc") == "a\\tb\\nc"
    assert safe("\x1b[0m \x9b \u202e \udc80") == "\\x1b[0m \\x9b \\u202e \\udc80"
    assert safe("gr\u00fc\u00dfe \u4f60\u597d \U0001f600") == "gr\u00fc\u00dfe \u4f60\u597d \U0001f600"


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0.0 ms"),
        (900, "0.9 ms"),
        (12_000, "12 ms"),
        (3_400_000, "3.4 s"),
        (307_000_000, "5 min 07 s"),
        (7_500_000_000, "2 h 05 min"),
    ],
)
def test_durations_for_people(microseconds, text):
    """Units change with the size."""
    assert duration_text(microseconds) == text


def test_counts_read_like_pytests_last_line():
    """Order, plurals and words of pytest."""
    counts = {"error": 2, "passed": 1, "warnings": 1, "failed": 3}
    assert counts_text(counts) == "3 failed, 1 passed, 1 warning, 2 errors"
    assert counts_text({"quarantined": 1, "passed": 1}) == "1 passed, 1 quarantined"
    assert counts_text({}) == "no tests ran"
