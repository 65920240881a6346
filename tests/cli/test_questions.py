"""The commands that ask about history, on real recorded runs: what broke, since when, how surely; and running again."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import warm
from pytest_insight.cli.commands.analytics.summary import days_line
from pytest_insight.cli.formatters.drawings import bar, spark
from pytest_insight.cli.formatters.values import percent
from pytest_insight.core.history.windows import parse_window
from pytest_insight.eventlog.times import from_datetime

INSIGHT = [sys.executable, "-m", "pytest_insight.cli"]
SUITE = """
import os, time, warnings
import pytest

STATE = os.environ.get("STATE", "good")

def test_steady(): pass
def test_breaks(): assert STATE != "bad", "it broke at step 17"
def test_slow(): time.sleep(0 if STATE == "good" else 0.5)
@pytest.mark.skipif(STATE == "bad", reason="not today")
def test_skipped_later(): pass
if STATE == "good":
    def test_lost(): pass
else:
    def test_fresh(): warnings.warn("careful")
def test_flaky(tmp_path_factory):
    count = os.environ["COUNTER"]
    with open(count, "a") as f: f.write("x")
    assert STATE == "good" or os.path.getsize(count) % 2 == 0
"""


def environment(**more: str) -> dict[str, str]:
    """The environment of a user, without this test run's own pytest."""
    return (
        {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
        | {"COLUMNS": "130"}
        | more
    )


def insight(*args, code: int = 0, cwd=None, **more: str) -> str:
    """Run the command line, check its exit code, and return its output."""
    result = warm.run(
        [*INSIGHT, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == code, f"{args}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout if not code else result.stdout + result.stderr


def ask(*args, **options):
    """The JSON of a command."""
    return json.loads(insight(*args, "--json", **options))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Four good runs of a small project and three bad ones, recorded by pytest, in a home of their own."""
    folder = tmp_path_factory.mktemp("project")
    home = tmp_path_factory.mktemp("home")
    (folder / "test_shop.py").write_text(SUITE)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder)]
    (folder / ".gitignore").write_text("__pycache__\ncounter\n")
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    settings = {"PYTEST_INSIGHT_HOME": str(home), "COUNTER": str(folder / "counter")}
    for state in ("good",) * 4 + ("bad",) * 3:
        warm.run(
            [
                *INSIGHT,
                "session",
                "run",
                "--sut",
                f"shop-{state}",
                "--",
                "-q",
                "-p",
                "no:cacheprovider",
                "--reruns",
                "1",
            ],
            cwd=folder,
            env=environment(**settings, STATE=state),
            capture_output=True,
            check=state == "good",
        )
    return folder, settings


def test_session_run_passes_the_exit_code_on(recorded):
    """0 of a good run, 1 of a bad one, 4 of a usage error, 5 without tests: pytest's own; each run that began is recorded."""
    folder, settings = recorded
    before = len(ask("session", "list", **settings))
    for state, arguments, code in (
        ("good", [], 0),
        ("bad", [], 1),
        ("good", ["--no-such-option"], 4),
        ("good", ["-k", "nothing"], 5),
    ):
        insight("session", "run", "-p", "other", "--", "-q", *arguments, code=code, cwd=folder, **settings, STATE=state)
    assert [one["exit_status"] for one in ask("session", "list", "-p", "other", **settings)] == [5, 1, 0]
    assert len(ask("session", "list", **settings)) == before == 7


def test_comparing_the_two_systems_names_everything(recorded):
    """New failures, lost, new and skipped tests, and the slower one; three commands with one answer."""
    _, settings = recorded
    result = ask("sut", "compare", "shop-good", "shop-bad", **settings)
    of = lambda field: {change["nodeid"].partition("::")[2] for change in result[field]}
    assert "test_breaks" in of("new_failures")
    assert of("missing_tests") == {"test_lost"}
    assert of("new_tests") == {"test_fresh"}
    assert of("newly_skipped") == {"test_skipped_later"}
    assert "test_slow" in of("slower_tests")
    assert result["has_changes"]
    same = ask("analytics", "compare", "--mode", "sut", "--base", "shop-good", "--target", "shop-bad", **settings)
    assert same == result
    sessions = ask("session", "list", **settings)
    one = ask("session", "compare", sessions[-1]["session_id"], sessions[0]["session_id"], **settings)
    assert "test_breaks" in {change["nodeid"].partition("::")[2] for change in one["new_failures"]}
    text = insight("sut", "compare", "shop-good", "shop-bad", **settings)
    assert "new failures: " in text
    assert "missing: ran before, and do not any more: 1" in text


def test_what_broke_and_since_when(recorded):
    """A minute of commands: the summary, the test, its history; every number with the session it comes from."""
    _, settings = recorded
    sessions = ask("session", "list", **settings)
    first_bad = sessions[2]["session_id"]
    summary = ask("analytics", "summary", "--days", "1", **settings)
    broken = {item["nodeid"].partition("::")[2]: item for item in summary["broken"]}
    assert broken["test_breaks"]["first_bad"]["session"] == first_bad
    assert broken["test_breaks"]["failing_runs"] == 3
    assert summary["sessions"] == 7
    shown = ask("test", "show", "test_breaks", **settings)
    assert (shown["runs"], shown["failure_rate"]["bad"]) == (7, 3)
    assert "it broke at step 17" in shown["last_failure"]
    runs = ask("test", "history", "test_breaks", **settings)["runs"]
    assert [run["verdict"] for run in runs] == ["failed"] * 3 + ["passed"] * 4
    assert runs[0]["session"] == sessions[0]["session_id"]
    log = Path(settings["PYTEST_INSIGHT_HOME"]) / "default.jsonl"
    line = log.read_bytes()[runs[0]["position"] :].split(b"\n")[0]
    assert json.loads(line)["nodeid"].endswith("test_breaks"), "a number leads to its event"
    text = insight("test", "show", "test_breaks", **settings)
    assert "fails in 42.9 % of 7 runs" in text
    assert f"broken since session {first_bad}" in text


def test_flaky_by_name_and_by_evidence(recorded):
    """A test that passed after a retry is named, with the rule and the sessions."""
    _, settings = recorded
    answer = ask("analytics", "analyze", "--metric", "flaky", **settings)
    flaky = {item["nodeid"].partition("::")[2]: item for item in answer["flaky"] if item["rule"] == "retry"}
    assert set(flaky) == {"test_flaky"}
    assert all(len(proof["outcomes"]) > 1 for proof in flaky["test_flaky"]["evidence"])
    assert "flaky (retry)" in insight("test", "show", "test_flaky", **settings)


def test_failures_are_told_by_their_message(recorded):
    """One cluster for the three failures of one fault."""
    _, settings = recorded
    clusters = ask("analytics", "failures", "--nodeid", "test_breaks", **settings)["clusters"]
    assert [cluster["count"] for cluster in clusters] == [3]
    assert "it broke at step <n>" in clusters[0]["message"]


@pytest.mark.parametrize(
    "command",
    [
        ("history", "list"),
        ("history", "list", "--by-sut", "--time", "1d"),
        ("sut", "list"),
        ("sut", "show", "shop-bad"),
        ("sut", "analyze", "shop-bad"),
        ("test", "list"),
        ("test", "list", "slow", "--time", "2h"),
        ("test", "trends", "test_slow"),
        ("analytics", "summary", "--sut", "shop-good"),
        ("analytics", "analyze"),
        ("analytics", "failures"),
        ("session", "show", "last", "--verbose"),
        ("session", "show", "last", "--time", "1d"),
    ],
)
def test_every_question_answers_people_and_programs(recorded, command):
    """Text without control characters, and JSON that is not empty."""
    _, settings = recorded
    text = insight(*command, **settings)
    assert text.strip()
    assert "\x1b" not in text
    assert ask(*command, **settings)


def test_drawings_work_without_colour(recorded):
    """The strip of verdicts is of shapes, the legend says what they mean."""
    _, settings = recorded
    text = insight("test", "trends", "test_breaks", **settings)
    assert "────███" in text
    assert "█ failed  ─ passed" in text
    assert "███  test_shop.py::test_breaks  3 of 3" in insight("sut", "analyze", "shop-bad", **settings)
    assert (spark([0, 1, 2]), bar(0.5, 4), percent(0.999), percent(1.0)) == ("▁▅█", "██░░", "99.9 %", "100 %")


def test_many_days_share_the_bars_of_a_line():
    """Up to sixty days have a bar each; of more, each bar is the mean of as many days as it takes. None is no error."""
    assert days_line([("2026-11-01", 0.0), ("2026-11-02", 1.0)]) == "by day    ▁█"
    line = days_line([(str(day), float(day % 2)) for day in range(120)])
    assert line == "2 days    " + spark([0.5] * 60)
    assert days_line([]).strip() == "by day"


def test_time_travel(recorded):
    """As of a position, and of a time before everything: the answers of then."""
    _, settings = recorded
    log = Path(settings["PYTEST_INSIGHT_HOME"]) / "default.jsonl"
    sessions = ask("session", "list", **settings)
    third = log.read_bytes().index(b'"session.started","stream":"' + sessions[4]["stream"].encode())
    position = log.read_bytes().rindex(b"\n", 0, third) + 1
    then = ask("history", "list", "--as-of", position, **settings)["sessions"]
    assert [session["session_id"] for session in then] == [session["session_id"] for session in sessions[5:]]
    assert ask("session", "list", "--as-of", "2001-01-01", **settings) == []
    assert len(ask("session", "list", "--as-of", "2999-01-01", **settings)) == 7
    assert ask("test", "history", "test_breaks", "--as-of", position, **settings)["runs"][0]["verdict"] == "passed"
    middle = sessions[4]["started_at"]
    some = ask("history", "list", "--as-of", middle, **settings)["sessions"]
    assert {session["session_id"] for session in some} >= {session["session_id"] for session in sessions[5:]}
    assert len(some) <= 3
    assert "not a date" in insight("session", "list", "--as-of", "yesterday", code=2, **settings)
    newer, older = sessions[5]["session_id"], sessions[6]["session_id"]
    early = ask("session", "compare", "--base", older, "--target", "last", "--as-of", position, **settings)
    assert (early["base_sessions"], early["target_sessions"]) == ([older], [newer])


def test_rerun_takes_what_was_left_and_converges(recorded, tmp_path):
    """First what failed; then, mended, nothing is left. A killed run's running and never run tests are taken as well."""
    folder, settings = recorded
    more = settings | {"PYTEST_INSIGHT_PROFILE": "rerun"}
    insight("session", "run", "--", "-q", code=1, cwd=folder, **more, STATE="bad")
    left = insight("session", "rerun", "--dry-run", **more).split()
    assert "test_shop.py::test_breaks" in left
    insight("session", "rerun", "last", "--failed", "--", "-q", cwd=folder, **more, STATE="good")
    newest = ask("session", "show", "last", **more)
    assert sorted(result["nodeid"] for result in newest["results"]) == sorted(left)
    assert insight("session", "rerun", **more) == ""
    (tmp_path / "test_k.py").write_text(
        "import os\ndef test_a(): pass\ndef test_b(): os.kill(os.getpid(), 9) if os.environ['STATE'] == 'bad' else 0\ndef test_c(): pass\n"
    )
    _run_killed(tmp_path, more)
    assert insight("session", "rerun", "--dry-run", **more).split() == ["test_k.py::test_b", "test_k.py::test_c"]
    assert insight("session", "rerun", "--failed", "--dry-run", **more).split() == []
    insight("session", "rerun", cwd=tmp_path, **more, STATE="good")
    assert ask("session", "show", "last", **more)["counts"] == {"passed": 2}


def test_rerun_of_an_artifact_is_recorded_into_the_profile(recorded, tmp_path):
    """A log from elsewhere names the tests; it is not written to."""
    folder, settings = recorded
    artifact = tmp_path / "artifact.jsonl"
    artifact.write_bytes((Path(settings["PYTEST_INSIGHT_HOME"]) / "default.jsonl").read_bytes())
    before = artifact.read_bytes()
    more = settings | {"PYTEST_INSIGHT_PROFILE": "local"}
    insight("session", "rerun", "--failed", "--log", artifact, "--", "-q", cwd=folder, **more, STATE="good")
    assert artifact.read_bytes() == before
    (session,) = ask("session", "list", **more)
    assert session["sut"] == "shop-bad"
    assert session["counts"]["passed"] >= 1


def _run_killed(folder: Path, settings: dict[str, str]) -> None:
    """Record a run that kills itself."""
    command = [sys.executable, "-m", "pytest", "-q", "--insight"]
    result = warm.run(command, cwd=folder, env=environment(**settings, STATE="bad"), capture_output=True)
    assert result.returncode == -9


def test_play_shows_a_session_up_to_an_event(recorded):
    """The tests that had finished by then, what was running, and at the end pytest's own last line."""
    _, settings = recorded
    whole = insight("session", "play", "last", **settings)
    assert "test_shop.py::test_breaks FAILED" in whole
    assert "failed" in whole.strip().split("\n")[-1]
    log = Path(settings["PYTEST_INSIGHT_HOME"]) / "default.jsonl"
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    last = max((event for event in events if event["type"] == "session.started"), key=lambda event: event["at"])
    starts = [
        event["seq"]
        for event in events
        if event["stream"] == last["stream"] and event["type"] == "test.started" and "test_breaks" in event["nodeid"]
    ]
    early = insight("session", "play", "last", "--until", str(starts[0]), **settings)
    assert "test_shop.py::test_steady PASSED" in early
    assert "test_breaks ... running" in early
    assert "FAILED" not in early


def test_errors_of_questions_say_what_to_do(recorded):
    """Unknown tests, ambiguous ones, spans that are none, modes and metrics that are none."""
    _, settings = recorded
    cases = {
        ("test", "show", "nothing"): (1, "insight test list"),
        ("test", "show", "test_s"): (1, "tests have"),
        ("history", "list", "--time", "soon"): (2, "write 7d"),
        ("history", "list", "--time", "2026-02-01..2026-01-01"): (2, "ends before it begins"),
        ("analytics", "summary", "--time", "1d", "--days", "1"): (2, "either"),
        ("analytics", "analyze", "--metric", "vibes"): (2, "flaky"),
        ("analytics", "compare", "--mode", "mood", "--base", "a", "--target", "b"): (2, "session, sut"),
        ("analytics", "compare", "--mode", "sut", "--base", "nobody", "--target", "shop-bad"): (1, "nobody"),
        ("session", "rerun", "zzzz"): (1, "zzzz"),
    }
    for args, (code, text) in cases.items():
        assert text in insight(*args, code=code, **settings), args


def test_spans_of_time():
    """Ages, days, open and closed spans, in local days; a day is whole."""
    day = lambda text: from_datetime(datetime.fromisoformat(text).astimezone())
    now = day("2026-03-10T12:00:00")
    hour = timedelta(hours=1) // timedelta(microseconds=1)
    latest = now + 24 * hour  # what a clock that is ahead says later than that is no part of an age
    assert parse_window("24h", now) == (now - 24 * hour, latest + 1)
    assert parse_window("2w", now) == (now - 14 * 24 * hour, latest + 1)
    assert parse_window("2026-03-05") == (day("2026-03-05"), day("2026-03-06"))
    assert parse_window("2026-03-05..2026-03-06") == (day("2026-03-05"), day("2026-03-07"))
    assert parse_window("..2026-03-06") == (None, day("2026-03-07"))
    assert parse_window("2026-03-05T10:00:00..") == (day("2026-03-05T10:00:00"), None)
    assert parse_window(None) == (None, None)


def test_completion_knows_the_names(recorded):
    """Shell completion gives profiles' systems, sessions and tests, and never an error."""
    _, settings = recorded
    last = ask("session", "list", **settings)[0]["session_id"]
    for words, expected in (
        ("insight sut show shop-", "shop-good"),
        ("insight test show test_shop.py::test_st", "test_steady"),
        ("insight session show ", last),
        ("insight nonsense show ", ""),
        ("insight profile switch def", "default"),
        ("insight session list --profile def", "default"),
    ):
        env = {"_INSIGHT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        result = warm.run([*INSIGHT], capture_output=True, text=True, env=environment(**settings, **env), timeout=300)
        assert expected in result.stdout, f"{words}: {result.stdout}{result.stderr}"
        assert "Traceback" not in result.stderr


def test_replay_explains_what_other_rules_made_of_a_session(recorded, tmp_path):
    """A model made by other rules: its sessions are projected anew, and what changed is named."""
    _, settings = recorded
    settings = settings | {"PYTEST_INSIGHT_HOME": str(tmp_path)}
    (tmp_path / "default.jsonl").write_bytes((Path(recorded[1]["PYTEST_INSIGHT_HOME"]) / "default.jsonl").read_bytes())
    first = ask("session", "list", **settings)[-1]
    (model,) = (tmp_path / "models").iterdir()
    with sqlite3.connect(model) as db:
        db.execute("UPDATE meta SET value = '0.9' WHERE key = 'rules'")
        db.execute("UPDATE sessions SET verdicts = '{\"passed\": 1}' WHERE stream = ?", (first["stream"],))
    (document,) = ask("replay", "--explain", **settings)
    (change,) = document["changed"]
    assert (change["session_id"], change["before"]["passed"]) == (first["session_id"], 1)
    assert change["after"]["passed"] == first["verdicts"]["passed"]
    assert document["rules_before"] == "0.9"
    assert "0 sessions have other verdicts" in insight("replay", "--explain", **settings)
