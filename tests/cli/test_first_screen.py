"""`insight` without a command: one screen about this project, at any width, in text and JSON."""

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import warm

sys.path.insert(0, str(Path(__file__).parents[1]))
from histories import EIGHT, all_of, write_session
from pytest_insight.cli.app import run

NOW = datetime.now(UTC).replace(microsecond=0)
CASES = [f"tests/api/test_retry.py::TestRetry::test_retries_null_field[eu-{number}]" for number in range(4)]
REFUNDS = [
    f"tests/billing/test_refund.py::test_{name}" for name in ("full", "partial", "twice", "none", "all", "few", "odd")
]
STEADY = [f"tests/unit/test_money.py::test_{number}" for number in range(30)]
CASE_OF = "tests/api/test_retry.py::TestRetry::test_retries_null_field"
WAIT = "tests/e2e/test_wait.py::test_hangs"
OLD = "tests/unit/test_old.py::test_voucher"


def shop_week() -> bytes:
    """Ten sessions: cases that flip, a test that hung, one that became slow, one that is gone; the last breaks refunds."""
    sessions = []
    for number in range(10):
        bad = {CASES[number % 2]} if number in (2, 3, 5, 6) else set()
        bad |= set(REFUNDS) if number == 9 else {REFUNDS[0]} if number == 8 else set()
        tests = [*STEADY, *CASES, *REFUNDS, *([OLD] if number < 7 else []), *([WAIT] if number in (0, 4, 9) else [])]
        results = [
            (nodeid, None if (nodeid, number) == (WAIT, 4) else "failed" if nodeid in bad else "passed",
             900 if (nodeid, number) == (STEADY[3], 9) else 20)
            for nodeid in tests
        ]  # fmt: skip
        commit, start = "0011223345"[number], NOW - timedelta(hours=5 + 12 * (9 - number))
        sessions.append(write_session(f"s{number}", 0, results, commit=commit, start=start, seal=number != 4))
    login = write_session("login", 0, all_of("failed", STEADY[:1]), branch="login", start=NOW - timedelta(hours=30))
    return b"".join([*sessions, login])


class Screen:
    """What `insight` prints about a log, in this process."""

    def __init__(self, path, capsys, monkeypatch) -> None:
        self.path = path
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def write(self, *sessions: bytes) -> "Screen":
        """Write the log."""
        self.path.write_bytes(b"".join(sessions))
        return self

    def text(self, *words: str, columns: int | None = 80, code: int = 0) -> str:
        """What is printed, without the day of the span, which moves."""
        if columns:
            self._monkeypatch.setenv("COLUMNS", str(columns))
        else:
            self._monkeypatch.delenv("COLUMNS", raising=False)
        self._capsys.readouterr()
        found = run([*words, "--log", str(self.path)])
        printed = self._capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.out if not code else printed.err

    def ask(self, *words: str):
        """What is printed as JSON."""
        return json.loads(self.text(*words, "--json"))


@pytest.fixture
def screen(tmp_path, capsys, monkeypatch):
    """A way to write a log and to see what `insight` says about it."""
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Screen(tmp_path / "log.jsonl", capsys, monkeypatch)


WEEK_AT_80 = """\
shop  main  555555555  5 h ago                               7 failed  35 passed
6 tests fail that were good at 444444444; 1 failed before already

since 555555555, the latest session, last good 444444444                 6 tests
  test_refund.py::test_all      ─────────█  new     RuntimeError: db down
  test_refund.py::test_few      ─────────█  new     RuntimeError: db down
  test_refund.py::test_none     ─────────█  new     RuntimeError: db down
  test_refund.py::test_odd      ─────────█  new     RuntimeError: db down
  test_refund.py::test_partial  ─────────█  new     RuntimeError: db down
  ... 1 more                                          insight analytics failures
since 444444444, 2 sessions, last good 333333333                          1 test
  test_refund.py::test_full     ────────██  2 runs  RuntimeError: db down

cut     1 test
  tests/e2e/test_wait.py::test_hangs  killed 2 d ago, ran unknown how long
flaky   2 tests, 2 new this week
  TestRetry::test_retries_null_field  ──██─██───  new, 2 of 4 cases, both on 2…
slower  1 unconfirmed
  tests/unit/test_money.py::test_3  20 ms -> 900 ms (9 and 1 runs)
lost    1 test, the last since 333333333
  tests/unit/test_old.py::test_voucher  last ran 41 h ago
others  login 1 broken
span    10 sessions since 2026-11-20, os=Linux python=3.11
next    insight session rerun    git log 444444444..555555555
        insight test show test_all
"""


def test_a_week_in_one_screen_of_80_columns(screen):
    """Every section of a bad week, in plain lines that fit 80 columns."""
    text = screen.write(shop_week()).text()
    assert re.sub(r"since \d{4}-\d\d-\d\d", "since 2026-11-20", text) == WEEK_AT_80


@pytest.mark.parametrize("columns", [60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_screen(screen, columns):
    """Names lose their middle and messages their end; nothing wraps."""
    lines = screen.write(shop_week()).text(columns=columns).splitlines()
    assert max(map(len, lines)) <= min(columns, 140)
    assert any("12 cases" in line or "cases" in line for line in lines)


def test_piped_output_has_whole_names(screen):
    """Without a width nothing is left out of a name or a message, so that grep finds it."""
    text = screen.write(shop_week()).text(columns=None)
    assert all(nodeid in text for nodeid in (*sorted(REFUNDS[1:])[:5], OLD, WAIT))
    assert "…" not in text


def test_where_shapes_cannot_be_encoded_they_are_ascii():
    """An output of ASCII gets letters, and no escapes."""
    code = "from pytest_insight.cli.formatters.strips import strip_line; print(strip_line(['passed', 'failed', 'flaky', 'cut']))"
    for encoding, drawn in (("ascii", "-F~/"), ("utf-8", "─█▲▞"), ("latin-1", "-F~/")):
        env = os.environ | {"PYTHONIOENCODING": encoding}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=300)
        assert done.stdout.decode(encoding).strip() == drawn, done.stderr


def test_json_has_all_that_the_screen_leaves_out(screen):
    """Every broken test with its strip and message, every flaky case, and the sessions that are spoken about."""
    answer = screen.write(shop_week()).ask()
    assert answer["headline"] == "6 tests fail that were good at 444444444; 1 failed before already"
    about = answer["about"]
    assert (about["suts"], about["branches"], about["variants"]) == (["shop"], ["main"], ["os=Linux python=3.11"])
    assert (about["sessions"], about["last_at"]) == (
        10,
        (NOW - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
    )
    (newest, before) = answer["groups"]
    assert [row["nodeid"] for row in newest["rows"]] == sorted(REFUNDS[1:])
    assert {row["message"] for row in newest["rows"]} == {"RuntimeError: db down"}
    assert newest["rows"][0]["strip"] == ["passed"] * 9 + ["failed"]
    assert (before["rows"][0]["nodeid"], before["sessions"], before["good_session"]) == (REFUNDS[0], 2, "s7")
    (flaky,) = answer["flaky"]
    assert (flaky["nodeid"], flaky["nodeids"], flaky["cases"]) == (CASE_OF, CASES[:2], 4)
    assert [(cut["nodeid"], cut["session"]) for cut in answer["cut"]] == [(WAIT, "s4")]
    assert [(lost["nodeid"], lost["last_session"]) for lost in answer["lost"]] == [(OLD, "s6")]
    assert [(slow["nodeid"], slow["confirmed"]) for slow in answer["slower"]] == [(STEADY[3], False)]
    assert answer["other_branches"] == [{"branch": "login", "sessions": 1, "broken": [STEADY[0]]}]
    assert answer["commands"][0] == "insight session rerun"


def test_the_sentence_is_that_of_the_summary(screen):
    """`analytics summary` begins with the same one, and both name the system."""
    screen.write(shop_week())
    first = screen.text(columns=None)
    summary = screen.text("analytics", "summary", columns=None)
    assert first.splitlines()[1] == summary.splitlines()[1]
    assert first.startswith("shop  main  ")
    assert summary.startswith("shop  main  ")
    assert screen.ask()["headline"] == screen.ask("analytics", "summary")["headline"]


def test_an_outage_and_a_killed_session_are_told_first(screen):
    """How many fail since when and why; how far a killed session came and what was running."""
    good = write_session("good", 0, all_of("passed"), commit="a")
    down = write_session("down", 1, all_of("failed"), commit="c")
    killed = write_session("killed", 2, [*all_of("passed", EIGHT[:3]), (EIGHT[3], None)], commit="d", seal=False)
    outage = screen.write(good, down).text(columns=None).splitlines()
    assert outage[1] == (
        "latest session: 8 of 8 fail since ccccccccc (1 session), last good aaaaaaaaa: RuntimeError: db down"
    )
    lines = screen.write(good, killed).text(columns=None).splitlines()
    assert lines[1] == f"latest session was killed after 3 of 4 tests, while {EIGHT[3]} was running"
    assert lines[2] == "1 test fails that was good at aaaaaaaaa"


def test_all_good_is_one_short_screen(screen):
    """Nothing is broken, and nothing else is told but the span and what to do."""
    lines = screen.write(*(write_session(f"s{n}", n, all_of("passed")) for n in range(3))).text().splitlines()
    assert lines[1] == "nothing is broken"
    assert [line.split()[0] for line in lines[3:]] == ["span", "next"]


def test_what_runs_now_is_told_as_running_and_not_as_broken(tmp_path, screen):
    """A test that sleeps in a session that goes on: no verdict, and the sentence says how far it is."""
    (tmp_path / "test_live.py").write_text(
        "import pathlib, time\ndef test_a(): pass\ndef test_b(): assert 0\n"
        "def test_c():\n    pathlib.Path('here').touch()\n    time.sleep(120)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--insight-log={screen.path}"]
    process = warm.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 240
        while not (tmp_path / "here").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        answer = screen.ask()
        assert answer["sentences"][0] == (
            "latest session is running: 2 of 3 tests done, 1 failed; test_live.py::test_c runs now"
        )
        assert [row["nodeid"] for group in answer["groups"] for row in group["rows"]] == ["test_live.py::test_b"]
        assert answer["cut"] == []
    finally:
        process.kill()
        process.wait()
    answer = screen.ask()
    assert answer["sentences"][0].startswith("latest session was killed after 2 of 3 tests")
    assert [cut["nodeid"] for cut in answer["cut"]] == ["test_live.py::test_c"]


def test_a_fresh_place_says_how_to_start(capsys):
    """No log at all: exit code 0, and the option that records; a log that is named must be there."""
    assert run([]) == 0
    assert "pytest --insight" in capsys.readouterr().out
    assert run(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["about"]["sessions"] == 0
    assert run(["--log", "no-such.jsonl"]) == 3
    assert "no-such.jsonl" in capsys.readouterr().err


def test_the_project_is_that_of_the_folder(tmp_path, screen, monkeypatch):
    """Of several systems: the one recorded here, else the one with the name of the folder, else the newest."""
    here, billing, other = tmp_path / "checkout", tmp_path / "billing", tmp_path / "other"
    for folder in (here / ".git", here / "src", billing, other):
        folder.mkdir(parents=True)
    screen.write(
        write_session("one", 0, all_of("passed"), sut="shop", rootdir=str(here)),
        write_session("two", 1, all_of("passed"), sut="acme/billing", rootdir="/elsewhere"),
        write_session("three", 2, all_of("passed"), sut="newest", rootdir="/elsewhere"),
    )
    found = {}
    for folder in (here, here / "src", billing, other):
        monkeypatch.chdir(folder)
        found[folder.name] = screen.ask()["about"]["suts"]
    assert found == {"checkout": ["shop"], "src": ["shop"], "billing": ["acme/billing"], "other": ["newest"]}
    (other / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert screen.ask()["about"]["suts"] == ["shop"]
    assert screen.ask("--sut", "acme")["about"]["suts"] == ["acme/billing"]


def test_options_narrow_the_answer(screen):
    """Branch, span and variant as for other questions; an option before a command is refused."""
    screen.write(shop_week())
    assert screen.ask("--branch", "login")["about"]["sessions"] == 1
    assert screen.ask("--time", "24h")["about"]["sessions"] == 2
    assert screen.ask("--variant", "python=3.11")["about"]["sessions"] == 10
    assert run(["--sut", "shop", "session", "list"]) == 2
    assert run(["--color", "blue", "--log", str(screen.path)]) == 2


def test_colour_is_always_or_never_on_request(screen):
    """Escapes with `always`, none with `never`, whatever the environment says."""
    screen.write(shop_week())
    assert "\x1b[" in screen.text("--color", "always")
    assert "\x1b[" not in screen.text("--color", "never")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sut", "shpo"), "no system under test is called 'shpo'; did you mean shop?"),
        (("--branch", "logni"), "did you mean login?"),
        (("test", "show", "test_vouchre"), "test_voucher?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(screen, words, message):
    """Systems, branches and tests."""
    assert message in screen.write(shop_week()).text(*words, code=1)


def test_an_unknown_metric_or_profile_is_answered_with_the_nearest(screen, capsys):
    """Metrics of the analysis, and profiles."""
    assert "did you mean flaky?" in screen.write(shop_week()).text("analytics", "analyze", "--metric", "flakey", code=2)
    assert run(["profile", "create", "shop"]) == 0
    assert run(["session", "list", "--profile", "shpo"]) == 1
    assert "did you mean" in capsys.readouterr().err


def test_piped_output_does_not_load_what_only_terminals_need(screen):
    """Neither Rich nor pytest is imported."""
    screen.write(shop_week())
    code = (
        "import sys; from pytest_insight.cli.app import run; run(sys.argv[1:]);"
        " print([name for name in ('rich.console', 'pytest', '_pytest') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, "--log", str(screen.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("analytics", "summary", "--sut", "shop"),
        ("analytics", "analyze"),
        ("analytics", "failures"),
        ("sut", "show", "shop"),
        ("test", "list"),
        ("history", "list"),
        ("history", "list", "--by-sut"),
        ("test", "show", "test_voucher"),
        ("test", "history", "test_voucher"),
        ("test", "trends", "test_voucher"),
    ],
)
def test_each_answer_names_what_it_is_about(screen, words):
    """System, branch, variant, number of sessions and span in the first lines; the same in JSON."""
    head = "\n".join(screen.write(shop_week()).text(*words, columns=None).splitlines()[:5])
    assert "shop" in head
    assert "main" in head
    assert "python=3.11" in head
    assert re.search(r"\d+ sessions", head)
    answer = screen.ask(*words)
    about = answer["about"]
    assert (about["suts"], about["sessions"] > 0) == (["shop"], True)
    assert about["first_at"] <= about["last_at"]


def test_flaky_cases_of_a_test_are_one_line(screen):
    """In the summary and the analysis: how many of its cases, and the one that shows it most."""
    screen.write(shop_week())
    for words in (("analytics", "summary"), ("analytics", "analyze", "--metric", "flaky")):
        (line,) = [line for line in screen.text(*words, columns=None).splitlines() if " of 4 cases" in line]
        assert line.strip().startswith(f"{CASE_OF}  2 of 4 cases; [eu-")


def test_an_earlier_outage_is_named(screen):
    """One session of five of a commit: nothing is broken, and it is said; while it goes on the headline has it."""
    sessions = [write_session(f"s-{n}", n, all_of("failed" if n == 2 else "passed")) for n in range(5)]
    answer = screen.write(*sessions).ask()
    assert (answer["headline"], [one["session"] for one in answer["outages"]]) == ("nothing is broken", ["s-2"])
    assert "outage  8 of 8 failed in session s-2" in screen.text()
    answer = screen.write(*sessions[:3]).ask()
    assert answer["outages"] == []
    assert answer["headline"].startswith("latest session: 8 of 8 fail")
