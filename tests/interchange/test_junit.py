"""JUnit XML of many tools: verdicts, attempts, times, damage and danger."""

import time
import tracemalloc
from itertools import product

import pytest
from foreign_imports import AT_US
from foreign_samples import FAILURE, JUNIT, case, pytest_xml
from pytest_insight.eventlog.errors import EventLogError
from pytest_insight.interchange.importers.junit.verdicts import Child, judge

OPEN_HOSTS = '<testsuite name="s" timestamp="2026-11-20T10:00:00">'


def write(tmp_path, text, name="report.xml"):
    """Write a file, and return its path."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", JUNIT)
def test_each_dialect_has_its_verdicts_attempts_and_flaky_tests(name, tmp_path, imports):
    """The counts are those of a slow count over the events; header totals are compared and never believed."""
    sample = JUNIT[name]
    report = imports.take(write(tmp_path, sample.text), at_us=None if sample.dated else AT_US)
    facts = imports.facts()
    assert facts.verdicts == sample.verdicts == dict(report.verdicts)
    assert (facts.attempts, facts.flaky) == (sample.attempts, sample.flaky)
    assert (len(report.notes), len(report.repaired), report.errors) == (sample.notes, sample.repaired, [])


KINDS = ("error", "failure", "skipped", "xfail")


@pytest.mark.parametrize("status", ["", "run", "disabled", "notrun", "fail", "strange"])
def test_verdict_within_one_test_case_follows_the_table(status):
    """Error beats failure beats expected failure beats skip beats the status; what is unknown is never a pass."""
    for present in product([False, True], repeat=4):
        told = dict(zip(KINDS, present, strict=True))
        children = [
            Child("skipped" if kind == "xfail" else kind, "pytest.xfail" if kind == "xfail" else "", "", "")
            for kind, there in told.items() if there
        ]  # fmt: skip
        by_status = {"": "passed", "run": "passed", "disabled": "skipped", "notrun": "skipped", "fail": "failed"}
        expected = (
            "error" if told["error"] else "failed" if told["failure"] else "xfailed" if told["xfail"]
            else "skipped" if told["skipped"] else by_status.get(status, "other")
        )  # fmt: skip
        assert judge(children, status, "").outcome == expected, (told, status)


def test_discarded_attempts_of_pytest_are_bad_and_never_passes(tmp_path, imports):
    """An empty element before another one of the same test is a rerun; one that stays alone is a pass."""
    imports.take(
        write(tmp_path, pytest_xml(case("test_a") + case("test_b") + case("test_a") + case("test_a", FAILURE)))
    )
    tests = {nodeid: outcomes for (_, nodeid), outcomes in imports.facts().tests.items()}
    assert tests == {"test_a::test_a": ["rerun", "rerun", "failed"], "test_a::test_b": ["passed"]}


def test_attempts_of_surefire_are_in_order_and_keep_their_texts(tmp_path, imports):
    """`flaky*` come before the good attempt, `rerun*` after the first bad one; the verdict is that of the element."""
    imports.take(write(tmp_path, JUNIT["surefire"].text), at_us=AT_US)
    told = {}
    for event in imports.events("test.finished"):
        told.setdefault(event["nodeid"], []).append(
            (event.get("attempt", 1), event["outcome"], event.get("longreprtext", ""))
        )
    assert told["s.T::pays"] == [(1, "rerun", "A: 503"), (2, "rerun", "B: gw"), (3, "passed", "")]
    assert told["s.T::refunds"] == [(1, "rerun", "A: 1"), (2, "rerun", "A: 2"), (3, "failed", "C: db")]
    assert [event.get("duration_us") for event in imports.events("test.finished")][2] == 1_203_100_000


def test_times_that_are_none_are_unknown_and_told_as_such(tmp_path, imports):
    """NaN and negative times are 0 and `lossy`, not a duration."""
    imports.take(write(tmp_path, JUNIT["nested"].text))
    told = {
        event["nodeid"]: (event.get("duration_us", 0), event.get("lossy", False))
        for event in imports.events("test.finished")
    }
    assert told == {
        "inner::no class": (0, True), "a.B::comma": (1_234_500_000, False), "a.B::neg": (0, True), "a.B::all": (1_000_000, False),
    }  # fmt: skip


def test_a_file_without_a_date_is_refused_with_what_to_do(tmp_path, imports):
    """Nothing of it is imported; each of three options dates it."""
    path = write(tmp_path, JUNIT["surefire"].text)
    with pytest.raises(EventLogError, match=r"report.xml: the file has no date; give it one by --at"):
        imports.take(path)
    assert imports.lines() == []
    assert imports.take(path, use_mtime=True).stats["added"] == 1


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE t SYSTEM "http://127.0.0.1:9/t.dtd">',
        '<!DOCTYPE t [<!ENTITY % p SYSTEM "file:///etc/hostname">%p;]>',
        "<!DOCTYPE t>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_and_opens_nothing(declaration, encoding, tmp_path, imports, monkeypatch):
    """Whatever the declaration names and whatever the encoding; cheap in time and memory."""
    text = f'<?xml version="1.0" encoding="{encoding}"?>{declaration}{OPEN_HOSTS}<testcase name="b"/></testsuite>'
    path = write(tmp_path, text.encode(encoding))
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(EventLogError, match="declares a document type"):
        imports.take(path)
    assert time.process_time() - began < 5
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert imports.lines() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OPEN_HOSTS + "<a>" * 100 + "</a>" * 100 + "</testsuite>", "more than 64 elements"),
        (OPEN_HOSTS + f'<testcase name="{"x" * (2 << 20)}"/></testsuite>', "more than 1048576 bytes"),
        (OPEN_HOSTS + f"<!--{'x' * (5 << 20)}--></testsuite>", "more than 1048576 bytes"),
    ],
    ids=["depth", "attribute", "comment"],
)
def test_files_beyond_a_limit_are_refused_as_a_whole(text, reason, tmp_path, imports):
    """No session is left behind, also if test cases came before the dangerous place."""
    text = text.replace(OPEN_HOSTS, OPEN_HOSTS + '<testcase classname="a" name="first"/>')
    with pytest.raises(EventLogError, match=reason):
        imports.take(write(tmp_path, text))
    assert imports.lines() == []


@pytest.mark.parametrize(
    "text", ["<coverage/>", "<!DOCTYPE html><html></html>", OPEN_HOSTS + '<testcase name="x" name="y"/>']
)
def test_xml_that_is_no_report_is_refused_with_its_name(text, tmp_path, imports):
    """Reports of coverage, pages of a server, and a file that is damaged before its first test."""
    with pytest.raises(EventLogError, match=r"report\.xml: .*; "):
        imports.take(write(tmp_path, text))
    assert imports.lines() == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1", "windows-1252", "shift_jis"])
def test_declared_encodings_and_byte_order_marks_are_understood(encoding, tmp_path, imports):
    """The name of the test survives."""
    name = "ニッポン" if encoding == "shift_jis" else "café"
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>{OPEN_HOSTS}<testcase classname="a" name="{name}"/></testsuite>'
    report = imports.take(write(tmp_path, text.encode(encoding)))
    assert [event["nodeid"] for event in imports.events("test.finished")] == [f"a::{name}"]
    assert report.repaired == []


def test_invalid_bytes_are_replaced_and_the_file_is_told_as_repaired(tmp_path, imports):
    """0xFF in UTF-8, and a reference to a character that XML does not have, at the border of a piece too."""
    body = (
        b'<testcase classname="a" name="x"><failure>\xff&#0;&#x1b;'
        + b"y" * ((1 << 18) - 200)
        + b"&#8;</failure></testcase>"
    )
    report = imports.take(write(tmp_path, OPEN_HOSTS.encode() + body + b"</testsuite>"))
    assert report.repaired[0].endswith("4 characters that XML does not allow were replaced")
    assert imports.facts().verdicts == {"failed": 1}


def test_a_cut_file_is_an_incomplete_session(tmp_path, imports):
    """What is complete counts, and the session has no seal."""
    imports.take(write(tmp_path, JUNIT["cut"].text))
    assert imports.events("session.finished") == []
    assert len(imports.events("test.finished")) == 2


def test_hostile_names_are_names_and_nothing_else(tmp_path, imports):
    """Markup, formulas and a change of direction stay as they are."""
    name = "&lt;script&gt;alert(1)&lt;/script&gt; =cmd|' /C calc'!A0 &#x202E;txt ../../etc/passwd"
    imports.take(write(tmp_path, OPEN_HOSTS + f'<testcase classname="a.B" name="{name}"/></testsuite>'))
    [event] = imports.events("test.finished")
    assert event["nodeid"] == "a.B::<script>alert(1)</script> =cmd|' /C calc'!A0 \u202etxt ../../etc/passwd"


def test_a_time_of_the_suite_takes_the_zone_of_the_user(tmp_path, imports):
    """Without a zone it is read as UTC, and the session says so."""
    path = write(tmp_path, JUNIT["ctest"].text)
    imports.take(path)
    [header] = imports.events("session.started")
    assert (header["at"], header["writer"]["zone"]) == ("2026-11-20T10:00:00.000000Z", "not in the file")
