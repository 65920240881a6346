"""What people write for systems, sessions, commits and moments, on every command that asks."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
import warm
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted, Vcs
from pytest_insight.eventlog.scan import Scanner

COMMITS = ["aaaaa" + "1" * 35, "aaaab" + "2" * 35, "beef" + "3" * 36]
RUNS = [
    # (session id, system, commit, day, outcome of test_pay)
    ("one-1", "shop", COMMITS[0], 1, "passed"),
    ("one-2", "shop", COMMITS[0], 2, "passed"),
    ("two-1", "shop-next", COMMITS[1], 3, "failed"),
    ("three", "warehouse", COMMITS[2], 4, "failed"),
]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Four sessions on four days: three systems, three commits, one of which has two sessions."""
    path = tmp_path_factory.mktemp("logs") / "log.jsonl"
    lines = []
    for number, (label, sut, commit, day, outcome) in enumerate(RUNS):
        stream = f"{number + 1:032x}"
        at = [f"2026-11-{day:02d}T10:00:0{second}.000000Z" for second in range(4)]
        failing = {"call": outcome} if outcome != "passed" else {}
        events = [
            SessionStarted(session_id=label, sut=sut, vcs=Vcs(commit=commit, branch="main", dirty=False)),
            TestStarted(nodeid="t.py::test_pay"),
            TestFinished(
                nodeid="t.py::test_pay", outcome=outcome, phases={"call": 10}, duration_us=1000, phase_outcomes=failing
            ),
            SessionFinished(exit_status=0 if outcome == "passed" else 1, count=3, root="0" * 32),
        ]
        lines += [encode_event(e, stream=stream, seq=n, at=at[n]) for n, e in enumerate(events)]
    path.write_bytes(b"".join(lines))
    assert Scanner("").feed(path.read_bytes()).findings == []
    return path


@pytest.fixture
def insight(log, private_home):
    """Run a command on that log: `insight(*words, code=0)` gives what it printed."""

    def run(*words, code=0):
        command = [sys.executable, "-m", "pytest_insight.cli", *words, "--log", str(log)]
        result = warm.run(command, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"}, timeout=300)
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout if not code else result.stderr

    return run


def ids(text):
    """Session ids of a JSON list."""
    found = json.loads(text)
    return [session["session_id"] for session in (found if isinstance(found, list) else found["sessions"])]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("aaaaa", ["one-2", "one-1"]),
        ("beef3", ["three"]),
        ("aaaaa..aaaab", ["two-1", "one-2", "one-1"]),
        ("aaaab..", ["three", "two-1"]),
        ("..aaaaa", ["one-2", "one-1"]),
        ("one-2..two", ["two-1", "one-2"]),
        ("2026-11-02..two-1", ["two-1", "one-2"]),
        ("three", ["three"]),
        ("2026-11-03", ["two-1"]),
    ],
)
def test_spans_begin_and_end_with_commits_and_sessions(insight, span, expected):
    """A commit is its sessions, a session itself, and both can be an end of `--time`."""
    assert ids(insight("history", "list", "--time", span, "--json")) == expected


def test_a_beginning_that_several_have_is_refused_with_their_names(insight):
    """Of commits, sessions and systems alike; what is unknown is told with what there is."""
    for words, code, told in (
        (("history", "list", "--time", "aaaa"), 1, "2 commits: aaaaa1111111, aaaab2222222"),
        (("history", "list", "--time", "one-"), 1, "2 session ids: one-1, one-2"),
        (("session", "list", "--sut", "sho"), 1, "2 systems under test: shop, shop-next"),
        (("session", "list", "--sut", "nothing"), 1, "there are shop, shop-next, warehouse"),
        (("session", "show", "aaaaa"), 1, "2 sessions: one-2, one-1"),
        (("history", "list", "--time", "dead..beef"), 2, "not a date, time, commit or session: 'dead'"),
    ):
        assert told in insight(*words, code=code), words


def test_systems_are_known_by_a_beginning(insight):
    """The full name wins over longer ones that begin with it."""
    assert ids(insight("session", "list", "--sut", "ware", "--json")) == ["three"]
    assert ids(insight("session", "list", "--sut", "shop", "--json")) == ["one-2", "one-1"]
    assert json.loads(insight("sut", "show", "shop-", "--json"))["sessions"] == 1
    compared = json.loads(insight("sut", "compare", "shop", "shop-n", "--json"))
    assert [change["nodeid"] for change in compared["new_failures"]] == ["t.py::test_pay"]


def test_a_commit_stands_for_its_one_session(insight):
    """Where a session is asked for, a commit that has only one will do."""
    assert json.loads(insight("session", "show", "beef", "--json"))["session_id"] == "three"
    assert "test_pay FAILED" in insight("session", "play", "beef")
    compared = json.loads(insight("session", "compare", "one-2", "beef", "--json"))
    assert compared["base_sessions"] == ["one-2"]
    assert compared["target_sessions"] == ["three"]


def test_as_it_was_when_a_commit_was_done(insight):
    """`--as-of` takes a commit (the end of its last session), a session, a date and a position."""
    for when in ("aaaaa", "one-2", "2026-11-02"):
        assert ids(insight("session", "list", "--as-of", when, "--json")) == ["one-2", "one-1"], when
    runs = json.loads(insight("test", "history", "test_pay", "--as-of", "aaaab", "--json"))["runs"]
    assert [run["session"] for run in runs] == ["two-1", "one-2", "one-1"]
    assert "one-2" in insight("session", "show", "last", "--as-of", "aaaaa")


def test_play_and_tail_show_what_was_there_then(insight, log):
    """As of a position in the middle of a session its test is still running; later sessions are not there."""
    finished = log.read_bytes().index(b'"test.finished","stream":"' + f"{3:032x}".encode())
    middle = str(log.read_bytes().rindex(b"\n", 0, finished) + 1)
    assert "test_pay ... running" in insight("session", "play", "last", "--as-of", middle)
    assert "test_pay FAILED" in insight("session", "play", "two-1")


def test_tail_as_of(log, private_home):
    """The newest session of then, and nothing after."""

    def tail(*words):
        command = [sys.executable, "-m", "pytest_insight.cli", "tail", str(log), *words]
        return warm.run(command, capture_output=True, text=True, env={**os.environ, "TZ": "UTC"}, timeout=300)

    assert [
        json.loads(line)["session_id"]
        for line in tail("--json", "--as-of", "2026-11-02").stdout.split("\n")
        if "started" in line and "session_id" in line
    ] == ["one-2"]
    assert tail("--as-of", "2026-11-02T10:00:01+00:00").stdout.count("test_pay") == 1
    assert "RUNNING t.py::test_pay  for 0.0 ms" in tail("--as-of", "2026-11-02T10:00:01+00:00").stdout
    both = tail("--follow", "--as-of", "2026-11-02")
    assert both.returncode == 2
    assert "--follow or --as-of" in both.stderr


def test_an_export_reports_as_json(log, private_home, tmp_path):
    """What went where, in which format; a system may be given by its beginning."""
    (private_home / "insight").mkdir()
    (private_home / "insight" / "default.jsonl").write_bytes(log.read_bytes())
    target = tmp_path / "out.csv"
    command = [sys.executable, "-m", "pytest_insight.cli", "export", str(target), "--sut", "ware", "--json"]
    report = json.loads(warm.run(command, capture_output=True, check=True).stdout)
    assert report == {"path": str(target), "format": "csv", "sessions": ["three"], "dry_run": False}
    assert target.read_text().count("three") == 1
    piped = warm.run([*command[:4], "-", "--json"], capture_output=True, text=True)
    assert (piped.returncode, piped.stdout) == (2, "")


def on_a_terminal(command, rows, env):
    """What a command writes to a terminal of so many rows."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=env, close_fds=True)
    os.close(side)
    data = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(main)
    process.wait(timeout=300)
    return data.decode()


@pytest.mark.parametrize(("rows", "through_pager"), [(5, True), (60, False)])
def test_what_is_longer_than_the_terminal_goes_through_the_pager(log, private_home, tmp_path, rows, through_pager):
    """Long output is handed to $PAGER, colours and all; short output is simply printed."""
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "LESS=$LESS"\nsed "s/^/paged: /"\n')
    pager.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name not in ("LESS", "NO_COLOR", "LINES", "COLUMNS")}
    env |= {"PAGER": str(pager), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "pytest_insight.cli", "session", "show", "three", "--log", str(log)]
    text = on_a_terminal(command, rows, env)
    assert ("paged: " in text, "LESS=FRX" in text) == (through_pager, through_pager)
    assert "three" in text
    assert re.search("\x1b\\[[0-9;]*31", text), "failures are red, also through the pager"
