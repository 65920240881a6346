"""Reports in JSON: pytest-reportlog and pytest-json-report as the tools write them; CTRF, Allure, Buildkite by hand."""

import json
import os
import subprocess
import sys

import pytest
from foreign_imports import AT_US
from pytest_insight.eventlog.errors import EventLogError

MS = AT_US // 1000
SUITE = """
import pathlib, pytest
n = pathlib.Path(__file__).with_name("n")
def test_flaky():
    c = int(n.read_text()) if n.exists() else 0
    n.write_text(str(c + 1))
    assert c >= 1
def test_bad(): print("said"); assert 0
def test_skip(): pytest.skip("no printer")
@pytest.mark.xfail(reason="bug 1")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="bug 2")
def test_xpass(): pass
@pytest.fixture
def down():
    yield
    raise OSError("x")
def test_down(down): pass
def test_both(down): assert 0
@pytest.fixture
def up(): raise OSError("y")
def test_up(up): pass
@pytest.mark.parametrize("v", ["a::b", "x[0]", "/"])
def test_v(v): pass
def test_subs(subtests):
    for i in range(3):
        with subtests.test(msg="row", i=i): assert i != 1
"""
VERDICTS = {"passed": 4, "failed": 2, "error": 3, "skipped": 1, "xfailed": 1, "xpassed": 1}


def run_pytest(folder, *args):
    """Run the suite, and return the output of pytest."""
    (folder / "test_a.py").write_text(SUITE)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reruns", "1", *args],
        cwd=folder, capture_output=True, text=True, env=env,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One run of pytest that writes all its reports."""
    folder = tmp_path_factory.mktemp("run")
    out = run_pytest(
        folder, "--report-log=log.jsonl", "--json-report", "--json-report-file=report.json", "--junitxml=x2.xml",
    )  # fmt: skip
    (folder / "n").unlink()
    run_pytest(folder, "--junitxml=x1.xml", "-o", "junit_family=xunit1")
    return folder, out.splitlines()[-1]


def told_counts(line):
    """Return the counts of pytest's last line."""
    words = line.strip("= ").split(" in ")[0].split(", ")
    return {name.replace("errors", "error"): int(number) for number, _, name in (word.partition(" ") for word in words)}


def test_reportlog_has_the_counts_of_pytest_itself(written, imports):
    """Reruns in each phase, subtests of discarded attempts, categories."""
    folder, last = written
    imports.take(folder / "log.jsonl")
    assert imports.facts().verdicts == VERDICTS
    assert imports.facts().flaky == 1
    assert imports.store.last_session().counts == told_counts(last)
    [seal] = imports.events("session.finished")
    assert seal["exit_status"] == 1


def test_json_report_has_the_verdicts_and_one_flaky_test(written, imports):
    """`rerun` is a test that is good now; the file has no other attempt."""
    imports.take(written[0] / "report.json")
    assert imports.facts().verdicts == VERDICTS
    assert imports.facts().flaky == 1


@pytest.mark.parametrize("name", ["x1.xml", "x2.xml"])
def test_junit_of_both_families_has_the_verdicts_it_can_say(written, name, imports):
    """An unexpected pass is a pass there; discarded attempts are bad."""
    imports.take(written[0] / name)
    expected = {key: value for key, value in VERDICTS.items() if key != "xpassed"} | {"passed": 5}
    assert imports.facts().verdicts == expected
    assert imports.facts().flaky == 1


def test_names_of_xunit1_and_reportlog_are_those_of_pytest(written, imports):
    """The tests of three reports of one suite are the same tests, also with `::`, `[` and `/` in parameters."""
    folder, _ = written
    for name in ("log.jsonl", "report.json", "x1.xml"):
        imports.take(folder / name)
    sessions = {}
    for event in imports.events("test.finished"):
        sessions.setdefault(event["stream"], set()).add(event["nodeid"])
    first, *others = sessions.values()
    assert "test_a.py::test_v[a::b]" in first
    assert all(names == first for names in others)


def test_names_of_xunit2_join_those_that_the_log_knows(written, imports):
    """What the file does not say, the log does; --root does as well."""
    folder, _ = written
    imports.take(folder / "log.jsonl")
    report = imports.take(folder / "x2.xml")
    assert report.unplaced == 0
    assert all(event["nodeid"].startswith("test_a.py::") for event in imports.events("test.finished"))


def test_names_of_xunit2_are_found_below_the_root(written, imports):
    """A class name is a path there."""
    folder, _ = written
    assert imports.take(folder / "x2.xml", root=folder).unplaced == 0
    assert imports.facts().tests.keys() & {(event["stream"], "test_a.py::test_v[x[0]]") for event in imports.events()}


def test_reportlog_that_is_damaged_keeps_what_is_complete(written, tmp_path, imports):
    """NaN, lone surrogates, a line that is no JSON, and a cut last line."""
    lines = (written[0] / "log.jsonl").read_text().splitlines()
    line = next(line for line in lines if '"when": "call"' in line and "test_v[/]" in line)
    odd = line.replace("test_v[/]", "test_odd\\ud800").replace('"duration": ', '"duration": NaN, "was": ')
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*lines[:-1], odd, "no json", lines[-1], lines[-2][: len(lines[-2]) // 2]]))
    report = imports.take(path)
    assert [text.partition(": ")[2].split(" ")[0:2] for text in report.repaired] == [["ends", "within"], ["1", "lines"]]
    odd_event = next(event for event in imports.events("test.finished") if "test_odd" in event["nodeid"])
    assert (odd_event["outcome"], odd_event["lossy"]) == ("passed", True)
    assert imports.events("session.finished") == []


# ------------------------------------------------------------------ CTRF


def ctrf(*tests, **summary):
    """Return a report with some tests."""
    return {
        "reportFormat": "CTRF", "specVersion": "1.0.0",
        "results": {"tool": {"name": "jest"}, "summary": {"tests": len(tests), "start": MS, "stop": MS + 5000} | summary, "tests": list(tests)},
    }  # fmt: skip


def test_ctrf_statuses_attempts_and_names(tmp_path, imports):
    """`pending` and `other`, raw statuses, suites as text and as list, attempts told and only counted."""
    path = tmp_path / "report.json"
    trial = {"attempt": 1, "status": "failed", "duration": 5, "message": "m", "trace": "t"}
    path.write_text(json.dumps(ctrf(
        {"name": "a", "status": "passed", "duration": 3, "suite": "s", "flaky": True, "retries": 1, "retryAttempts": [trial]},
        {"name": "b", "status": "passed", "duration": 3, "suite": ["s", "t"], "retries": 2, "flaky": True},
        {"name": "c", "status": "pending", "duration": 0},
        {"name": "d", "status": "other", "rawStatus": "todo", "duration": 0},
        {"name": "t.py::e", "status": "failed", "rawStatus": "setup_failed", "duration": 1},
        {"name": "t.py::f", "status": "skipped", "rawStatus": "xfailed", "duration": 1},
        {"name": "g", "status": "failed", "duration": "long", "filePath": "x.js", "suite": ["x.js", "top"]},
        {"name": "h", "status": "passed", "rawStatus": "failed", "duration": -5},
        {"name": "i", "status": "weird", "duration": 1},
        passed=99,
    )))  # fmt: skip
    report = imports.take(path)
    tests = {nodeid: outcomes for (_, nodeid), outcomes in imports.facts().tests.items()}
    assert tests == {
        "s::a": ["rerun", "passed"], "s::t::b": ["rerun", "rerun", "passed"], "c": ["skipped"], "d": ["other"],
        "t.py::e": ["error"], "t.py::f": ["xfailed"], "x.js::top::g": ["failed"], "h": ["passed"], "i": ["other"],
    }  # fmt: skip
    assert "the summary claims passed 99, the file has passed 3" in report.notes[0]


def test_ctrf_of_several_browsers_is_several_tests(tmp_path, imports):
    """A failure in one browser is no flaky test of another."""
    path = tmp_path / "report.json"
    tests = [
        {"name": "a", "status": status, "duration": 1, "browser": name}
        for name, status in (("c", "failed"), ("f", "passed"))
    ]
    path.write_text(json.dumps(ctrf(*tests)))
    imports.take(path)
    assert imports.facts().verdicts == {"failed": 1, "passed": 1}


# ------------------------------------------------------------------ Allure and Buildkite


def allure(folder, **results):
    """Write results into a folder."""
    folder.mkdir()
    for uuid, fields in results.items():
        data = {"uuid": uuid, "start": MS, "stop": MS + 10} | fields
        (folder / f"{uuid}-result.json").write_text(json.dumps(data))
    return folder


def test_allure_results_of_one_history_are_attempts_in_order_of_their_start(tmp_path, imports):
    """broken is an error; an expected failure is only in the message; `fullName` is not trusted."""
    base = {"titlePath": ["pkg", "test_x.py", "T"], "fullName": "pkg.test_x.T#test_a", "name": "test_a"}
    wrong = {"titlePath": ["test_x.py", "test_v[a"], "fullName": "test_x.test_v[a#test_v", "name": "test_v[a::b]"}
    folder = allure(
        tmp_path / "results",
        late=base | {"historyId": "1", "status": "passed", "start": MS + 50},
        early=base | {"historyId": "1", "status": "failed"},
        p=wrong | {"historyId": "2", "status": "passed"},
        b={"historyId": "3", "status": "broken", "name": "n", "fullName": "m#n"},
        x={"historyId": "4", "status": "skipped", "name": "x", "fullName": "m#x", "statusDetails": {"message": "XFAIL bug"}},
        y={"historyId": "5", "status": "passed", "name": "y", "fullName": "m#y", "statusDetails": {"message": "XPASS bug"}},
        u={"historyId": "6", "status": "unknown", "name": "u", "fullName": "m#u", "attachments": [{"name": "log", "source": "../../secret"}]},
    )  # fmt: skip
    (folder / "a-container.json").write_text("{}")
    (tmp_path / "secret").write_text("secret")
    report = imports.take(folder)
    tests = {nodeid: outcomes for (_, nodeid), outcomes in imports.facts().tests.items()}
    assert tests == {
        "pkg/test_x.py::T::test_a": ["rerun", "passed"], "test_x.py::test_v[a::b]": ["passed"], "m::n": ["error"],
        "m::x": ["xfailed"], "m::y": ["xpassed"], "m::u": ["other"],
    }  # fmt: skip
    assert len(imports.events("session.started")) == 1
    assert b"secret" not in b"".join(imports.lines()).replace(b"../../secret", b"")
    assert "leads out of the folder" in report.notes[0]


def test_buildkite_names_are_joined_again_and_unknown_results_are_no_passes(tmp_path, imports):
    """The collector splits a name at `::` of a parameter."""
    path = tmp_path / "b.json"
    history = {"section": "top", "duration": 0.5}
    tests = [
        {"scope": "t.py::test_v[a", "name": "b]", "result": "passed", "history": history},
        {"scope": "t.py", "name": "test_b", "result": "failed", "failure_reason": "r", "history": history},
        {"scope": "t.py", "name": "test_c", "result": None, "history": history},
    ]
    path.write_text(json.dumps({"run_env": {"commit_sha": "abc", "branch": "main"}, "data": tests}))
    imports.take(path, at_us=AT_US)
    assert {nodeid: outcomes for (_, nodeid), outcomes in imports.facts().tests.items()} == {
        "t.py::test_v[a::b]": ["passed"], "t.py::test_b": ["failed"], "t.py::test_c": ["other"],
    }  # fmt: skip
    assert imports.events("session.started")[0]["vcs"] == {"commit": "abc", "branch": "main"}


@pytest.mark.parametrize(
    "text",
    ['{"reportFormat": "CTRF", "results": {"tool": {}', '{"results": {"tool": {"name": "x"}, "summary": {}}}',
     '{"created": 1, "exitcode": 0, "root": "/", "summary": {}}', '[{"scope": "a", "history": {}', "[" * 100_000, '{"results": {"tests": [], "tool": ' + "[" * 5000],
)  # fmt: skip
def test_json_that_is_no_report_is_refused_with_a_reason(text, tmp_path, imports):
    """Cut, without tests, or nested without end: one sentence and no traceback."""
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises((EventLogError, ValueError), match=r"report\.json"):
        imports.take(path, at_us=AT_US)
    assert imports.lines() == []


def test_paths_tell_date_commit_and_more(tmp_path, imports):
    """A pattern takes facts from the folders, with the same bytes under two dates being two sessions."""
    from pytest_insight.interchange.inputs.naming import PathPattern

    for date, commit in (("2026-11-01", "abc1234"), ("2026-11-02", "def5678")):
        folder = tmp_path / date / commit
        folder.mkdir(parents=True)
        (folder / "r.xml").write_text('<testsuite name="s"><testcase classname="a" name="x"/></testsuite>')
    report = imports.take(tmp_path, pattern=PathPattern("{date}/{commit}/*.xml"))
    assert report.stats["added"] == 2
    assert [(event["at"][:10], event["vcs"]["commit"]) for event in imports.events("session.started")] == [
        ("2026-11-01", "abc1234"), ("2026-11-02", "def5678"),
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", ["{date", "{nothing}/*.xml", "{date}/{date}/*.xml"])
def test_a_pattern_that_cannot_be_is_told(pattern):
    """The message has the fields that there are."""
    from pytest_insight.interchange.inputs.naming import PathPattern

    with pytest.raises(ValueError, match="--path-pattern"):
        PathPattern(pattern)
