"""`--json`: each command that shows data has it, and what it prints has the shape that `insight schema` says."""

import json
import os
import random
import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import json_reference
import jsonschema
import msgspec
import pytest
import warm
from cli_reference import commands
from pytest_insight.cli import app as main
from pytest_insight.cli.shapes.base import schema_of
from pytest_insight.cli.shapes.table import OUTPUTS
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.storage import JSONStorage

ROOT = Path(__file__).parent.parent.parent
WITHOUT_JSON = {
    "session run": "runs pytest",
    "sync-storage serve": "is the service itself",
    "dashboard": "serves pages; the address is the line that it prints",
    "schema": "prints JSON whenever a command is named",
}
EVIL = "\x1b]0;owned\x07\x9b2J\x7f\u202e"
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

SUITE = f"""
import time, warnings, pytest
def test_good(): print({EVIL!r})
def test_bad(record_testsuite_property):
    record_testsuite_property("key", {EVIL!r})
    assert {EVIL!r} == ""
def test_warns(): warnings.warn({EVIL!r})
def test_known_bug(): pass
@pytest.mark.skip(reason={EVIL!r})
def test_skipped(): pass
def test_error(no_such_fixture): pass
@pytest.mark.parametrize("p", ["\\x1b[31m"])
def test_case(p): pass
"""
CONFTEST = """
def pytest_report_teststatus(report):
    if report.when == "call" and "known_bug" in report.nodeid:
        return "known_bug", "K", "KNOWN"
"""


def session(number: int, sut: str = "shop", **outcomes: str) -> TestSession:
    """A session that started so many half days ago, with these outcomes of tests."""
    start = datetime.now(UTC) - timedelta(days=number / 2)
    results = [
        TestResult(
            f"t.py::{name}", outcome, start, duration=0.02 * (1 + number % 3), longreprtext=f"E {EVIL} {outcome}"
        )
        for name, word in outcomes.items()
        for outcome in word.split()
    ]
    return TestSession(
        sut,
        session_id=f"{sut}-{number}",
        session_start_time=start,
        session_duration=3.0,
        session_tags={"t": EVIL},
        test_results=results,
    )


def history() -> list[TestSession]:
    """Sessions of two systems with tests that are broken, flaky, slow, lost and good."""
    dice = random.Random(1)
    found = [session(9, "pay", a="passed"), session(8, "pay", a="failed", b="passed")]
    for number in range(24, 0, -1):
        outcomes = {
            "broken": "passed" if number > 6 else "failed",
            "twin": "passed" if number > 6 else "failed",
            "flaky": dice.choice(["passed", "rerun passed", "failed"]),
            "good": "passed",
        }
        found.append(session(number, **outcomes, **({"lost": "passed"} if number > 9 else {})))
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A home with a recorded session and a history, made once."""
    place = tmp_path_factory.mktemp("recorded")
    (place / "suite").mkdir()
    (place / "suite" / "test_suite.py").write_text(SUITE)
    (place / "suite" / "conftest.py").write_text(CONFTEST)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"HOME": str(place), "PYTEST_INSIGHT_HOME": str(place / "home"), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    command = [sys.executable, "-m", "pytest", "-q", "--insight", "--insight-sut=shop", "--insight-profile=default"]
    result = warm.run(command, cwd=place / "suite", env=env, capture_output=True, text=True)
    assert result.returncode == 1, result.stdout + result.stderr
    log = place / "home" / "default.jsonl"
    JSONStorage(log).save_sessions(history())
    with log.open("ab") as out:
        out.write(b"no event\n")
    shutil.copytree(place / "home", place / "template")
    return place


@pytest.fixture
def home(recorded, private_home, tmp_path, monkeypatch):
    """A copy of it as the home of the test, in an empty folder to work in."""
    home = private_home / "insight"
    shutil.copytree(recorded / "template", home)
    for file in home.glob("profiles.json"):
        file.write_text(file.read_text().replace(str(recorded / "home"), str(home)))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def insight(capfd):
    """Runs a command in this process, and returns what it printed."""

    def run(*words, codes=(0,)):
        capfd.readouterr()
        code = main.run([str(word) for word in words])
        printed = capfd.readouterr()
        assert code in codes, f"{words}: {code}\n{printed.out[:2000]}{printed.err}"
        return printed.out

    return run


def check_printed(name: str, printed: str):
    """Check what a command printed against its shape, its schema and the rules for all; return the data."""
    assert re.fullmatch(r"[\n\x20-\x7e]*", printed), "nothing that a terminal obeys"
    output = OUTPUTS[name]
    documents = printed.splitlines() if output.by_line else [printed]
    found = []
    for text in documents:
        msgspec.json.decode(text, type=output.shape, strict=True)
        found.append(json.loads(text))
        jsonschema.Draft202012Validator(schema_of(output.shape, name)).validate(found[-1])
        for where, value in texts_in(found[-1]):
            if TIME.match(value) and "daily" not in where:
                assert UTC_TIME.fullmatch(value), f"{where}: {value}"
    assert found, name
    return found if output.by_line else found[0]


def texts_in(data, where="$"):
    """All texts of a document, with their places."""
    if isinstance(data, str):
        yield where, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from texts_in(value, f"{where}.{key}")
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from texts_in(value, f"{where}[{number}]")


def test_every_command_that_shows_data_has_a_shape():
    """The table has the commands that there are, and each of them has the option."""
    all_commands = dict(commands())
    assert set(OUTPUTS) == set(all_commands) - set(WITHOUT_JSON)
    for name in OUTPUTS:
        assert "as_json" in all_commands[name].__annotations__, name


ASKED = {
    "": [[], ["--sut", "pay"], ["--time", "1990-01-01"]],
    "session list": [[], ["--all", "--sut", "pay"], ["--run", "none"]],
    "session show": [["last"], ["shop-3"]],
    "session rerun": [["last", "--dry-run"], ["pay-9", "--dry-run"]],
    "session play": [["last"], ["shop-3", "--until", "3"]],
    "session compare": [["shop-9"], ["shop-9", "shop-1"]],
    "history list": [[], ["--by-sut", "--time", "30d"], ["--time", "1990-01-01"]],
    "sut list": [[]],
    "sut show": [["shop"]],
    "sut compare": [["pay", "shop"]],
    "sut analyze": [["shop"], ["shop", "--metric", "flaky"]],
    "test list": [[], ["--all", "t.py"]],
    "test show": [["broken"], ["flaky"], ["t.py::lost"], ["t.py::good"]],
    "test history": [["broken"]],
    "test trends": [["flaky"], ["t.py::lost"]],
    "analytics summary": [[], ["--sut", "pay"], ["--time", "1990-01-01"]],
    "analytics compare": [["--mode", "sut", "--base", "pay", "--target", "shop"]],
    "analytics analyze": [[], ["--metric", "lost"]],
    "analytics failures": [[], ["--nodeid", "broken"]],
    "sql": [[], ["SELECT * FROM sessions"], ["SELECT 1 AS a, 2.5, NULL, 'x', x'00'"]],
    "profile list": [[]],
    "profile show": [[]],
    "log verify": [[]],
    "log info": [[]],
    "log repair": [["--dry-run"]],
    "log collect": [[]],
    "log purge": [["--regex", "passed", "--dry-run"]],
    "export": [["out.json"], ["out.csv", "--dry-run"]],
    "clear": [["--older-than", "3d", "--dry-run"]],
    "restore": [[]],
    "merge": [["--dry-run", "HOME/default.jsonl"]],
    "tail": [["--sessions", "3"]],
    "replay": [[], ["--check"], ["--explain"]],
}
"""Arguments of the commands that change nothing."""


@pytest.mark.parametrize("name", ASKED)
def test_answers_have_the_shape_that_the_schema_says(name, home, insight):
    """With the usual arguments and with those that change the shape; times are UTC with Z."""
    for arguments in ASKED[name]:
        words = [argument.replace("HOME", str(home)) for argument in arguments]
        check_printed(name, insight(*name.split(), *words, "--json", codes=(0, 1)))


def test_the_sessions_of_a_test_run_have_their_shape(home, insight):
    """With their total."""
    whole = check_printed("session list", insight("session", "list", "--json"))
    found = check_printed("session list", insight("session", "list", "--run", whole[0]["test_run"], "--json"))
    assert found["total"]["sessions"] == len(found["sessions"]) > 0


def test_changes_have_the_shape_that_the_schema_says(home, insight, tmp_path):
    """Commands that change something, one after the other."""

    def done(line, *words, codes=(0, 1)):
        name = " ".join(line)
        return check_printed(name, insight(*line, *words, "--json", codes=codes))

    assert done(["log", "repair"])["removed"]
    assert done(["profile", "create"], "other")["created"].endswith("Z")
    assert done(["profile", "switch"], "other")["active"] == "other"
    insight("profile", "switch", "default")
    done(["export"], "all.json")
    done(["export"], "all.jsonl")
    (report,) = done(["import"], "all.json", "-p", "other")
    assert (report["added"], report["errors"]) == (27, 0)
    assert done(["import"], "all.jsonl", "all.json", "-p", "other")
    assert done(["profile", "merge"], "other", "third", "--create", "--strategy", "keep_both")
    assert done(["merge"], "all.jsonl", "-o", "merged.jsonl")["events"] > 100
    assert done(["clear"], "shop-3", "--force", "-p", "other")["cleared"] == 1
    assert len(done(["restore"], "-p", "other")) == 1
    assert done(["restore"], "shop-3", "-p", "other")["restored"] == 1
    assert done(["log", "pack"], "--older-than", "2d", "-p", "other")["events"] > 0
    assert done(["log", "unpack"], "-p", "other")["packs"] == 1
    assert done(["log", "purge"], "--regex", "rerun", "--force", "-p", "other")["changed"]
    assert done(["profile", "delete"], "third", "--force")["deleted"] == ["third"]
    assert done(["profile", "clean"], "--type", "json", "--force")["deleted"] == ["other"]
    assert done(["sync-storage", "install"], "--dir", tmp_path)["action"] == "written"


def test_test_data_has_the_shape_that_the_schema_says(tmp_path, insight):
    """Live data, its versions, a lock, a conflict, a snapshot, and what is to be cleaned."""
    from pytest_insight.testdata import DataConflictError, TestDataManager

    manager = TestDataManager(tmp_path / "data")
    manager.create_test_data(
        "user", {"name": EVIL}, "n", resource_id="user", metadata={EVIL: 1}, cleanup_callback=print
    )
    manager.update_test_data("user", {"name": "bob"}, "n")
    manager.isolation_manager.lock_resource("n", "held", "me")
    with pytest.raises(DataConflictError):
        manager.create_test_data("user", {"name": "eve"}, "n", resource_id="user")
    manager.create_snapshot("before", "n")
    for name in (name for name in OUTPUTS if name.startswith("data ")):
        words = ["user"] if name == "data show" else ["--dry-run"] if name == "data reap" else []
        found = check_printed(
            name, insight(*name.split(), *words, "--test-data", manager.store.path.parent, "--json", codes=(0, 1))
        )
        assert found, name
    manager.store.close()


def test_a_service_that_never_ran_has_the_shape_of_one(insight, monkeypatch):
    """What a running one prints is checked where services are started."""
    found = check_printed("sync-storage status", insight("sync-storage", "status", "--port", "1", "--json", codes=(1,)))
    assert found["running"] is False


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_schema_is_valid_and_says_what_fields_mean(name, insight):
    """As JSON Schema itself demands it; the objects in it have a description."""
    schema = json.loads(insight("schema", *(name or "insight").split()))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == " ".join(["insight", *name.split(), "--json"])
    for title, definition in schema.get("$defs", {}).items():
        assert definition["description"].endswith("."), title


def test_schema_lists_the_commands_and_knows_what_was_meant(insight, capfd):
    """Without a command those that have one; a part of a command, or a typing error, is answered with the nearest."""
    assert insight("schema").split("\n")[:-1] == [name or "insight" for name in OUTPUTS]
    for words, hint in (
        (("sesion", "show"), "did you mean session show?"),
        (("history",), "did you mean history list?"),
        (("zzz",), "`insight schema` lists"),
    ):
        assert main.run(["schema", *words]) == 2
        assert hint in capfd.readouterr().err


def test_a_document_with_another_field_is_not_of_the_shape(home, insight):
    """The check can fail: closed objects, no other types."""
    (first, *_) = json.loads(insight("sut", "list", "--json"))
    for wrong in (
        first | {"more": 1},
        first | {"sessions": "1"},
        first | {"first_at": "2026-01-01T00:00:00+00:00"},
        {},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(json.dumps([wrong]), type=OUTPUTS["sut list"].shape)


def test_the_page_of_the_shapes_is_current():
    """docs/json.md lists exactly the fields that the shapes have."""
    page = (ROOT / "docs" / "json.md").read_text()
    assert json_reference.renewed(page) == page, "run `make docs`"
