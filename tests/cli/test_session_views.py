"""What the list of sessions and one session look like on terminals of several widths, with and without colour."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import EIGHT, all_of, write_line, write_session
from pytest_insight.cli.app import run
from pytest_insight.cli.formatters.sessions.failure_groups import restored_indentation
from pytest_insight.cli.formatters.sessions.session_list import age_text
from pytest_insight.cli.terminal.fitting import elide_middle, fitted_widths

LONG = "a-session-id-that-somebody-chose-and-that-is-much-longer-than-others-0123456789"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def show(tmp_path, monkeypatch, capsys):
    """A way to write sessions and to see a command on a terminal of some width."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    log = tmp_path / "log.jsonl"

    def shown(*words, sessions=None, width=80, colour=True):
        if sessions is not None:
            log.write_bytes(b"".join(sessions))
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("FORCE_COLOR" if colour else "NO_COLOR", "1")
        monkeypatch.delenv("NO_COLOR" if colour else "FORCE_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        assert run([*words, "--log", str(log)]) == 0
        return capsys.readouterr().out

    return shown


def sessions_of_all_kinds():
    """Two systems, a long id, a long branch, each state."""
    return [
        write_session("0123456789ab", 0, all_of("passed")),
        write_session(LONG, 1, [*all_of("failed", EIGHT[:3]), *all_of("skipped", EIGHT[3:])], branch="b" * 60),
        write_session("killed", 2, [*all_of("passed", EIGHT[:2]), (EIGHT[2], None)], seal=False),
        write_session("red", 3, [(EIGHT[0], "passed")], uncollected=["test_till.py"], sut="a-system-with-a-long-name"),
        write_session("part", 4, all_of("xfailed", EIGHT[:1]), deselected=1234, args=["-k", "x"]),
        write_session("none", 5, [], status=5),
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_the_list_has_one_line_for_each_session(show, width):
    """At every width: one line each, none longer than the terminal, with state, hash and what went wrong."""
    lines = [
        ANSI.sub("", line)
        for line in show("session", "list", sessions=sessions_of_all_kinds(), width=width).splitlines()
    ]
    assert len(lines) == 7
    assert max(len(line.rstrip()) for line in lines) <= width
    shown = "\n".join(lines)
    for word in ("1 cut", "3 failed", "1 error", "passed", "killed", "commit", "sut"):
        assert word in shown
    if width >= 80:
        assert len(re.findall(r"\ba{9}\b", shown)) == 6


def test_what_is_piped_is_whole(show):
    """Without a terminal nothing is elided."""
    shown = show("session", "list", sessions=sessions_of_all_kinds(), colour=False)
    assert LONG in shown
    assert "b" * 60 in shown
    assert "errors in collection" in shown


def test_states_and_counts_have_pytests_colours(show):
    """Red for what failed, green for what passed, yellow for what was skipped; without colour the words stay."""
    shown = show("session", "list", sessions=sessions_of_all_kinds(), width=200)
    for colour, words in (
        (31, "3 failed"),
        (32, "8 passed"),
        (33, ", 5 skipped"),
        (33, "no tests ran"),
        (31, "failed"),
    ):
        assert re.search(rf"\x1b\[(1;)?{colour}m{words}", shown), words
    assert "\x1b" not in show("session", "list", width=200, colour=False)


def test_the_system_is_a_column_only_where_there_are_several(show):
    """Of one system, its name would be the same in every line."""
    assert "sut" not in show("session", "list", sessions=sessions_of_all_kinds()[:3]).split()
    assert "sut" not in show("session", "list", "--sut", "shop", sessions=sessions_of_all_kinds()).split()


def test_show_means_the_last_session(show):
    """Without an id; --json too."""
    assert show("session", "show", sessions=sessions_of_all_kinds(), colour=False).startswith("session none  no tests")
    assert json.loads(show("session", "show", "--json", colour=False))["session_id"] == "none"


def test_equal_errors_are_told_once(show):
    """Five tests with one message: one traceback, five tests, a count; another message: its own."""
    session = write_session("one", 0, all_of("failed", EIGHT[:5]))
    shown = show("session", "show", sessions=[session], colour=False)
    assert shown.count("    RuntimeError: db down") == 1
    assert "5 times: RuntimeError: db down" in shown
    assert re.findall(r"^FAILED  (\S+)", shown, re.MULTILINE) == EIGHT[:5]
    many = write_session("many", 0, all_of("failed", [f"t.py::test_{n}" for n in range(30)]))
    shown = show("session", "show", sessions=[many], colour=False)
    assert "... and 10 more; --results lists all tests" in shown
    assert show("session", "show", "--results", colour=False).count("t.py::test_29") == 1


def test_equal_collection_errors_are_told_once(show):
    """Modules that fail to import for the same reason."""
    lines = (
        write_session("one", 0, [], uncollected=["a.py", "b.py"])
        .replace(b"for b.py", b"for a.py")
        .splitlines(keepends=True)
    )
    kept = [line for line in lines if b'"nodeid":"b.py"' not in line]
    stream = json.loads(lines[0])["stream"]
    error = write_line(
        "collection.failed",
        stream,
        2,
        _time_of(lines[2]),
        nodeid="b.py",
        longreprtext="E   ImportError: no module for a.py",
    )
    shown = show("session", "show", sessions=[kept[0], kept[1], error, *kept[2:]], colour=False)
    assert "2 times: ImportError: no module for a.py" in shown
    assert shown.count("E   ImportError") == 1
    assert shown.index("collecting a.py") < shown.index("collecting b.py")


def _time_of(line):
    from datetime import datetime

    return datetime.fromisoformat(json.loads(line)["at"])


def test_a_traceback_keeps_its_indentation(show, tmp_path, monkeypatch):
    """As pytest prints it, the first line too, by a real run."""
    import subprocess

    (tmp_path / "test_it.py").write_text(
        "def outer():\n    def inner():\n        assert {'a': 1} == {'a': 2}\n    inner()\n\n\n"
        "def test_it():\n    for _ in range(2):\n        outer()\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--insight-log=log.jsonl",
        "test_it.py",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False).stdout
    start = printed.index("\n    def test_it():") + 1
    traceback = printed[start : printed.index("AssertionError\n", start)].rstrip().splitlines()
    shown = show("session", "show", colour=False)
    assert "\n".join(f"    {line}".rstrip() for line in traceback) in "\n".join(map(str.rstrip, shown.splitlines()))
    assert "\n        def test_it():\n" in show("test", "show", "test_it", colour=False)


@pytest.mark.parametrize(
    ("text", "is_source"),
    [
        ("def test_a():\n>       assert 0\nE       assert 0", True),
        ("@mark\n    def test_a():\n>       assert 0", True),
        ("async def test_a():\n        x = 1\n>       assert x", True),
        ("n = 1\n\n    def test_a(n):\n>       assert 0", False),
        ("test_a.py:3: in test_a\n    assert 0\nE   assert 0", False),
        ("defective.py:3: in test_a\n    assert 0", False),
        (">   import nothing\nE   ModuleNotFoundError", False),
        ("RuntimeError: db down", False),
        ("default = 3\n    def f(): pass", False),
        ("", False),
    ],
)
def test_only_a_line_of_source_is_set_in(text, is_source):
    """Values of arguments, places and messages stay where they are."""
    assert restored_indentation(text) == (f"    {text}" if is_source else text)


@pytest.mark.parametrize("width", range(1, 12))
def test_the_middle_of_a_text_is_elided(width):
    """Never longer than asked, with beginning and end as far as there is room."""
    short = elide_middle("abcdefghij", width)
    assert len(short) == min(width, 10)
    assert short == "abcdefghij" if width >= 10 else "…" in short
    assert elide_middle("abc", 3) == "abc"


def test_the_widest_column_gives_way_first():
    """Down to its least width, then the next."""
    assert fitted_widths([10, 30], [5, 5], 42) == [10, 30]
    assert fitted_widths([10, 30], [5, 5], 32) == [10, 20]
    assert sum(fitted_widths([10, 30], [5, 5], 20)) == 18
    assert fitted_widths([10, 30], [10, 30], 20) == [10, 30]


def test_ages_are_short():
    """The greatest unit only; a time that is ahead is a date."""
    now = time.time_ns() // 1000
    ages = {0: "0 s", 59: "59 s", 61: "1 min", 7200: "2 h", 86_400 * 3: "3 d", 86_400 * 45: "1 mo", 86_400 * 800: "2 y"}
    assert {seconds: age_text(now - seconds * 1_000_000, now) for seconds in ages} == ages
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", age_text(now + 86_400_000_000 * 3, now))
