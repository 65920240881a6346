"""Exports for other tools: read again by our import, by other readers, and checked for what must never be in them."""

import io
import json
import re
import xml.etree.ElementTree as ET
from collections import defaultdict

import junitparser
import pytest
from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.eventlog.codec import encode_event, line_digest, line_hash
from pytest_insight.eventlog.events import (
    Cause,
    CollectionFailed,
    SessionFinished,
    SessionStarted,
    TestFinished,
    TestStarted,
    Vcs,
)
from pytest_insight.eventlog.times import format_time
from pytest_insight.interchange.exporters.registry import ExportOptions, export_foreign

START = 1_795_000_000_000_000
NASTY = "</script><img src=x onerror=alert(1)> @octocat #123 `code` ``` ]]> \x1b[31m\x00 | \u202e & \" ' https://x.y"


def attempt(nodeid, outcome, number=1, phase="call", **more):
    """Return an attempt of a test."""
    outcomes = {} if outcome == "passed" else {phase: more.get("category") or outcome}
    phases = {"call": 1500} if phase == "call" else {phase: 1500}
    if phase == "teardown":
        phases = {"call": 1000, "teardown": 500}
    return TestFinished(nodeid=nodeid, outcome=outcome, attempt=number, phases=phases, phase_outcomes=outcomes, duration_us=1500, **more)  # fmt: skip


def every_kind():
    """Tests of every outcome, with one and with several attempts."""
    f = "tests/test_a.py::"
    yield attempt(f + "test_passed", "passed")
    yield attempt(
        f + "test_failed",
        "failed",
        longreprtext="E   assert 0",
        cause=Cause(path=f"/ci/{f[:-2]}", lineno=7, message="assert 0"),
    )
    yield attempt(f + "TestC::test_error", "error", phase="setup", longreprtext="E  OSError: x")
    yield attempt(f + "test_down", "error", phase="teardown", longreprtext="E  OSError: y")
    yield attempt(f + "test_skipped", "skipped", phase="setup", reason="no printer")
    yield attempt(f + "test_xfailed", "xfailed", reason="bug 1", longreprtext="E  assert 1")
    yield attempt(f + "test_xpassed", "xpassed", reason="bug 2")
    yield attempt(f + "test_other", "other", category="quarantined")
    yield attempt(f + "test_flaky", "rerun", 1, longreprtext="E  assert 2")
    yield attempt(f + "test_flaky", "rerun", 2, longreprtext="E  assert 3")
    yield attempt(f + "test_flaky", "passed", 3)
    yield attempt(f + "test_never", "rerun", 1, longreprtext="E  assert 4")
    yield attempt(f + "test_never", "failed", 2, longreprtext="E  assert 5")
    yield attempt(f + "test_xpass_after", "rerun", 1)
    yield attempt(f + "test_xpass_after", "xpassed", 2)
    yield attempt(f + "test_error_after", "rerun", 1)
    yield attempt(f + "test_error_after", "error", 2, phase="setup", longreprtext="E  OSError: z")
    yield attempt(f + "test_param[a::b]", "passed")
    yield attempt(f + "test_param[x[0]/y.py::z]", "failed", longreprtext=NASTY, capstdout=NASTY)
    yield attempt(f + f"test_nasty[{NASTY}]", "failed", longreprtext=f"E  {NASTY}\n" + "`" * 5)


def write_log(path, events, *, sealed=True, sut="shop", start=START, session="s1", running=()):
    """Add a session to a log, and return its store."""
    stream = line_hash(f"{session}{start}".encode()).hexdigest()
    header = SessionStarted(
        session_id=session, sut=sut, vcs=Vcs(commit="abc123", branch="main"), testing_system={"host": "ci"}
    )
    lines, root = [], line_hash()
    for seq, event in enumerate([header, *events, *(TestStarted(nodeid=nodeid) for nodeid in running)]):
        line = encode_event(event, stream=stream, seq=seq, at=format_time(start + seq * 2000))
        root.update(line_digest(line[:-1]).encode())
        lines.append(line)
    if sealed:
        seal = SessionFinished(exit_status=1, duration_us=len(lines) * 2000, count=len(lines), root=root.hexdigest())
        lines.append(encode_event(seal, stream=stream, seq=len(lines), at=format_time(start + len(lines) * 2000)))
    with path.open("ab") as out:
        out.writelines(lines)
    return SessionStore(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A log with one session of every kind."""
    return write_log(tmp_path_factory.mktemp("log") / "log.jsonl", every_kind())


def export(store, form, names=("s1",), **options):
    """Return what an export writes."""
    out = io.BytesIO()
    export_foreign(store, list(names), form, ExportOptions(**options), out)
    return out.getvalue()


def attempts_of(events):
    """Return the attempts of each test: outcome, category, number, duration."""
    found = defaultdict(list)
    for event in events:
        found[event["nodeid"]].append(
            (event["outcome"], event.get("category", ""), event.get("attempt", 1), event.get("duration_us", 0))
        )
    return {nodeid: sorted(told, key=lambda one: one[2]) for nodeid, told in found.items()}


@pytest.mark.parametrize(
    ("form", "options", "name"), [("junit", {"family": "surefire"}, "r.xml"), ("ctrf", {}, "r.json")]
)
def test_each_outcome_kind_comes_back(form, options, name, store, tmp_path, imports):
    """Verdicts, attempts and durations within a millisecond, by way of JUnit and of CTRF."""
    (tmp_path / name).write_bytes(export(store, form, **options))
    report = imports.take(tmp_path / name)
    assert (report.errors, report.repaired, report.notes) == ([], [], [])
    before = attempts_of(
        [json.loads(line) for line in store.path.read_bytes().splitlines() if b'"test.finished"' in line]
    )
    after = attempts_of(imports.events("test.finished"))
    clean = {re.sub("[\x00\x1b]", lambda match: f"#x{ord(match[0]):02X}" if form == "junit" else match[0], nodeid): told for nodeid, told in before.items()}  # fmt: skip
    assert after.keys() == clean.keys()
    for nodeid, told in clean.items():
        assert [one[:3] for one in after[nodeid]] == [one[:3] for one in told], nodeid
        assert all(abs(one[3] - other[3]) <= 1000 for one, other in zip(after[nodeid], told, strict=True)), nodeid


def test_junit_of_each_family_is_read_by_others(store):
    """junitparser and the standard library count what we count."""
    for family in ("xunit1", "xunit2", "surefire"):
        data = export(store, "junit", family=family)
        suites = junitparser.JUnitXml.fromstring(data)
        cases = [case for suite in suites for case in suite]
        kinds = [type(one).__name__ for case in cases for one in case.result]
        assert (len(cases), kinds.count("Error")) == (15, 3), (family, kinds)
        assert kinds.count("Failure") >= 4, (family, kinds)
        [suite] = ET.fromstring(data).iter("testsuite")
        assert (suite.get("tests"), suite.get("errors"), suite.get("skipped")) == ("15", "3", "2")
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures"))


def test_an_unknown_family_is_told(store):
    """With the families that there are."""
    with pytest.raises(ValueError, match="--family legacy: no such family; use one of xunit1"):
        export(store, "junit", family="legacy")


def test_a_killed_session_names_what_was_running(tmp_path):
    """In JUnit as an error of its own type, in CTRF as a failure, in the trace as a begin without an end."""
    store = write_log(tmp_path / "log.jsonl", [attempt("t.py::a", "passed")], sealed=False, running=["t.py::hung"])
    assert b'type="insight.interrupted" message="was running when its session ended"' in export(store, "junit")
    tests = json.loads(export(store, "ctrf"))["results"]["tests"]
    assert [(test["name"], test["status"]) for test in tests] == [("t.py::a", "passed"), ("t.py::hung", "failed")]
    phases = [
        event["ph"] for event in json.loads(export(store, "trace"))["traceEvents"] if event.get("name") == "t.py::hung"
    ]
    assert phases == ["B"]


def test_modules_that_could_not_be_collected_come_back(tmp_path, imports):
    """By way of Surefire with their whole name."""
    store = write_log(tmp_path / "log.jsonl", [CollectionFailed(nodeid="a/test_b.py", longreprtext="ImportError")])
    (tmp_path / "r.xml").write_bytes(export(store, "junit", family="surefire"))
    imports.take(tmp_path / "r.xml")
    assert [event["nodeid"] for event in imports.events("collection.failed")] == ["a/test_b.py"]


REQUIRED = {"name": str, "status": str, "duration": int}
OPTIONAL = {
    "start": int, "stop": int, "suite": list, "message": str, "trace": str, "line": int, "rawStatus": str, "threadId": str, "filePath": str,
    "retries": int, "retryAttempts": list, "flaky": bool, "stdout": list, "stderr": list,
}  # fmt: skip
STATUSES = {"passed", "failed", "skipped", "pending", "other"}


def test_ctrf_has_the_required_fields_and_no_other(store):
    """Names, types and sums as the specification demands them."""
    report = json.loads(export(store, "ctrf"))
    assert report.keys() == {"reportFormat", "specVersion", "timestamp", "generatedBy", "results"}
    assert report["reportFormat"] == "CTRF"
    results = report["results"]
    assert results["tool"]["name"]
    summary, tests = results["summary"], results["tests"]
    assert all(isinstance(value, int) and value >= 0 for value in summary.values())
    assert summary["tests"] == len(tests) == sum(summary[status] for status in STATUSES)
    for test in tests:
        assert REQUIRED.keys() <= test.keys() <= (REQUIRED | OPTIONAL).keys()
        assert all(type(value) is (REQUIRED | OPTIONAL)[name] for name, value in test.items())
        assert test["status"] in STATUSES
        for number, trial in enumerate(test.get("retryAttempts", ()), 1):
            assert trial["attempt"] == number
            assert trial["status"] in STATUSES


def test_a_trace_is_nested_and_its_times_never_decrease_within_a_thread(store):
    """Phases lie within their test, tests of a worker one behind the other; all times are whole numbers."""
    events = json.loads(export(store, "trace"))["traceEvents"]
    threads = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            threads[event["pid"], event["tid"]].append(event)
    for spans in threads.values():
        open_ = []
        for event in spans:
            assert not open_ or event["ts"] >= open_[-1][0]
            open_ = [one for one in open_ if one[1] > event["ts"]]
            assert all(event["ts"] + event["dur"] <= end for _, end in open_)
            open_.append((event["ts"], event["ts"] + event["dur"]))


def test_markdown_has_no_live_text_of_tests(store):
    """Outside of code there is neither markup, nor a name, nor a link to an issue, nor a hidden character."""
    text = export(store, "markdown").decode()
    outside = re.sub(r"(?s)(`{3,})text\n.*?\n\1", "", text)
    outside = re.sub(r"(?s)(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", outside)
    assert not re.search(r"onerror|@octocat|#123|https://|script", outside)
    assert set(re.findall(r"<[^>]*>", outside)) <= {"<details>", "<summary>", "</summary>", "</details>"}
    assert not re.search("[\x00\x1b\u202e]", text)
    assert len(text) <= 65_000


def test_markdown_of_ten_thousand_failures_fits_a_comment(tmp_path):
    """Cut by groups, with their numbers, and it says so."""
    events = [attempt(f"t.py::test_{n}", "failed", longreprtext=f"E  assert {n}\n" + "x" * 200) for n in range(2000)]
    text = export(write_log(tmp_path / "log.jsonl", events), "markdown").decode()
    assert len(text) <= 65_000
    assert text.startswith("### `shop`: 2000 failed")
    assert text.rstrip().endswith("More was left out, as a comment may have 65,000 characters.")


def test_annotations_are_of_new_failures_and_no_text_is_a_command(tmp_path):
    """What failed before is not repeated; line ends, colons and commas are escaped."""
    log = tmp_path / "log.jsonl"
    write_log(log, [attempt("t.py::old", "failed")], start=START - 10**9, session="s0")
    evil = "x\n::set-env name=PATH::/evil\r::stop-commands::x\u2028::add-mask::y"
    events = [attempt("t.py::old", "failed"), attempt(f"t.py::new[{evil},a:b%]", "failed", longreprtext=evil)]
    lines = export(write_log(log, events), "github").decode().split("\n")
    assert lines[1:] == [""]
    assert lines[0].startswith("::error file=t.py,title=t.py%3A%3Anew[x%0A%3A%3Aset-env")
    assert "%2Ca%3Ab%25]::" in lines[0]
    assert len(re.findall(r"(?:^|[\r\n\u2028])::", lines[0])) == 1


def test_there_are_never_more_annotations_than_a_step_may_have(tmp_path):
    """The last one counts the rest."""
    store = write_log(tmp_path / "log.jsonl", [attempt(f"t.py::test_{n}", "failed") for n in range(30)])
    lines = export(store, "github").decode().splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error title=pytest::21 more failed"


def test_a_badge_is_small_and_says_what_the_session_was(store, tmp_path):
    """Text only, no link and no script, also for a hostile name; `unknown` when it is too old."""
    badge = export(store, "badge")
    assert len(badge) <= 1500
    assert b">7 failed<" in badge
    assert b">unknown<" in export(store, "badge", stale_us=1)
    evil = write_log(tmp_path / "log.jsonl", [attempt("t.py::a", "passed")], sut='"><script>alert(1)</script>')
    root = ET.fromstring(export(evil, "badge"))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"svg", "title", "rect", "g", "text"}
    assert len(export(evil, "badge")) <= 1500


def test_spans_have_ids_of_the_right_length_and_lie_within_their_session(store):
    """Hexadecimal, 32 and 16 digits, each once; times are texts of nanoseconds."""
    [resource] = json.loads(export(store, "otlp"))["resourceSpans"]
    root, *spans = resource["scopeSpans"][0]["spans"]
    assert all(
        re.fullmatch("[0-9a-f]{32}", span["traceId"]) and re.fullmatch("[0-9a-f]{16}", span["spanId"]) for span in spans
    )
    assert len({span["spanId"] for span in spans}) == len(spans) == 20
    assert {span["parentSpanId"] for span in spans} == {root["spanId"]}
    assert all(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) for span in spans)


@pytest.mark.parametrize("form", ["junit", "ctrf", "trace", "markdown", "github", "badge", "otlp"])
def test_the_same_log_gives_the_same_bytes(form, store):
    """Nothing of the time or place of the export is in it."""
    assert export(store, form) == export(store, form)
