"""Small reports as other tools write them, made here: name, text or files, and what they must be read as."""

from typing import NamedTuple


class Sample(NamedTuple):
    """One report."""

    text: str
    verdicts: dict
    attempts: int
    flaky: int = 0
    notes: int = 0
    repaired: int = 0
    dated: bool = True


PYTEST_HEAD = '<testsuites name="pytest tests"><testsuite name="pytest" errors="{e}" failures="{f}" skipped="{s}" tests="{t}" time="1.5" timestamp="2026-11-20T10:00:00.5+00:00" hostname="ci">'
TAIL = "</testsuite></testsuites>"


def pytest_xml(body: str, e=0, f=0, s=0, t=0) -> str:
    """Return a report as pytest writes it."""
    return '<?xml version="1.0" encoding="utf-8"?>' + PYTEST_HEAD.format(e=e, f=f, s=s, t=t) + body + TAIL


def case(name: str, child: str = "", classname: str = "test_a", more: str = "") -> str:
    """Return a test case."""
    return f'<testcase classname="{classname}" name="{name}" time="0.010" {more}>{child}</testcase>'


FAILURE = '<failure message="assert 0">E  assert 0</failure>'
TEARDOWN = '<error message="failed on teardown with &quot;OSError: x&quot;">OSError</error>'
SETUP = '<error message="failed on setup with &quot;OSError: x&quot;">OSError</error>'

JUNIT = {
    "pytest-xunit2": Sample(
        pytest_xml(
            case("test_ok") + case("test_bad", FAILURE) + case("test_setup", SETUP) + case("test_down", TEARDOWN)
            + case("test_both", FAILURE) + case("test_both", TEARDOWN)
            + case("test_skip", '<skipped type="pytest.skip" message="no">x.py:1: no</skipped>')
            + case("test_xfail", '<skipped type="pytest.xfail" message="bug"/>'),
            e=3, f=2, s=2, t=8,
        ),
        {"passed": 1, "failed": 1, "error": 3, "skipped": 1, "xfailed": 1}, 7,
    ),
    "pytest-rerunfailures": Sample(
        pytest_xml(
            case("test_flaky") + case("test_other") + case("test_flaky") + case("test_never") + case("test_never")
            + case("test_flaky") + case("test_never", FAILURE) + case("test_down") + case("test_down", TEARDOWN)
            + case("test_both") + case("test_both", FAILURE) + case("test_both", TEARDOWN),
            e=2, f=2, t=12,
        ),
        {"passed": 2, "failed": 1, "error": 2}, 11, flaky=1,
    ),
    "pytest-other-suite-name": Sample(
        pytest_xml(case("test_flaky", "<system-out>x</system-out>") + case("test_flaky"), t=2).replace(
            '<testsuite name="pytest"', '<testsuite name="nightly"'
        ),
        {"passed": 1}, 2, flaky=1,
    ),
    "pytest-collection-error": Sample(
        pytest_xml(
            case("test_broken", '<error message="collection failure">ImportError</error>', classname="") + case("test_ok"),
            e=1, t=2,
        ),
        {"error": 1, "passed": 1}, 1,
    ),
    "jest": Sample(
        '<testsuites name="jest tests" tests="1" failures="1" errors="1"><testsuite name="cart" timestamp="2026-11-20T10:00:00">'
        '<testcase classname="cart adds" name="cart adds" time="0.016" file="cart.test.js"></testcase></testsuite>'
        '<testsuite name="b" timestamp="1970-01-01T00:00:00"><testcase classname="failed to run" name="b.js"><error>x</error></testcase>'
        '<testcase classname="failed to run" name="b.js"><failure>y</failure></testcase></testsuite></testsuites>',
        {"passed": 1, "failed": 1}, 3, notes=1,
    ),
    "ctest": Sample(
        '<testsuite name="(empty)" tests="4" failures="1" disabled="1" skipped="1" timestamp="2026-11-20T10:00:00">'
        '<testcase name="a" classname="a" time="0.1" status="run"/><testcase name="b" classname="b" status="fail"><failure message=""/></testcase>'
        '<testcase name="c" classname="c" status="notrun"><skipped message="Unable to find executable"/></testcase>'
        '<testcase name="off" classname="off" time="0" status="disabled"><system-out>Disabled</system-out></testcase></testsuite>',
        {"passed": 1, "failed": 1, "skipped": 2}, 4,
    ),
    "surefire": Sample(
        '<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="s.T" time="1,204.5" tests="4" errors="1" failures="1">'
        '<testcase name="pays" classname="s.T" time="1,203.1"><flakyFailure message="503" type="A"><stackTrace>A: 503</stackTrace></flakyFailure>'
        '<flakyError message="gw" type="B"><stackTrace>B: gw</stackTrace><system-out>one</system-out></flakyError><system-out>good</system-out></testcase>'
        '<testcase name="refunds" classname="s.T" time="0.2"><failure message="1" type="A">A: 1</failure><rerunFailure message="2" type="A">'
        '<stackTrace>A: 2</stackTrace></rerunFailure><rerunError message="db" type="C"><stackTrace>C: db</stackTrace></rerunError></testcase>'
        '<testcase name="boots" classname="s.T" time="0.7"><error message="no bean" type="C">C</error></testcase>'
        '<testcase name="rounds(double, int)[2]" classname="s.T" time="0.001"/></testsuite>',
        {"passed": 2, "failed": 1, "error": 1}, 8, flaky=1, dated=False,
    ),
    "gotestsum": Sample(
        '<testsuites tests="2" failures="1"><testsuite name="example.com/cart" timestamp="2026-11-20T10:00:01Z">'
        '<testcase classname="example.com/cart" name="TestRace" time="0.3"><failure message="Failed">--- FAIL</failure></testcase>'
        '<testcase classname="example.com/cart" name="TestRace" time="0.28"></testcase>'
        '<testcase classname="example.com/cart" name="TestNet" time="1"><skipped message="no network"/></testcase></testsuite></testsuites>',
        {"passed": 1, "skipped": 1}, 3, flaky=1, notes=1,
    ),
    "mocha": Sample(
        '<testsuites name="Mocha Tests"><testsuite name="cart" tests="5" errors="2" failures="0" timestamp="Fri, 20 Nov 2026 10:00:00 GMT">'
        '<testcase classname="cart" name="adds" time="0.001"/><testcase classname="cart" name="bad" time="0"><failure>x</failure></testcase>'
        '<testcase classname="cart" name="later"><skipped/></testcase></testsuite></testsuites>',
        {"passed": 1, "failed": 1, "skipped": 1}, 3, notes=1,
    ),
    "nested": Sample(
        '<testsuites tests="99" failures="0"><testsuite name="outer" tests="5"><testsuite name="inner" timestamp="2026-11-20T10:00:00">'
        '<testcase name="no class" time="NaN"/><testcase classname="a.B" name="comma" time="1,234.5"/><testcase classname="a.B" name="neg" time="-1"/>'
        '<testcase classname="a.B" name="all" time="1"><skipped/><failure message="f"/><error message="e"/></testcase></testsuite>'
        "<system-out>of the suite</system-out></testsuite><testsuite name='empty' tests='0'/></testsuites>",
        {"passed": 3, "error": 1}, 4, notes=1,
    ),
    "same-name-in-two-suites": Sample(
        '<testsuites><testsuite name="chromium" timestamp="2026-11-20T10:00:00"><testcase classname="a" name="x"><failure/></testcase></testsuite>'
        '<testsuite name="firefox" timestamp="2026-11-20T10:00:00"><testcase classname="a" name="x"/></testsuite></testsuites>',
        {"failed": 1, "passed": 1}, 2,
    ),
    "control-characters": Sample(
        '<testsuite name="raw" timestamp="2026-11-20T10:00:00"><testcase classname="a" name="x"><failure message="b&#27;d">\x1b[31m\x00</failure></testcase>'
        '<testcase classname="a" name="y"/></testsuite>',
        {"failed": 1, "passed": 1}, 2, repaired=1,
    ),
    "cut": Sample(
        '<testsuite name="raw" timestamp="2026-11-20T10:00:00"><testcase classname="a" name="x"><failure>f</failure></testcase>'
        '<testcase classname="a" name="y"/><testcase classname="a" name="z"><fail',
        {"failed": 1, "passed": 1}, 2, repaired=1,
    ),
    "unknown-status": Sample(
        '<testsuite name="n" timestamp="2026-11-20T10:00:00"><testcase classname="a" name="x" status="inconclusive"/>'
        '<testcase classname="a" name="y" status="Passed"/><testcase classname="a" name="z" result="skipped"/></testsuite>',
        {"other": 1, "passed": 1, "skipped": 1}, 3,
    ),
    "namespace": Sample(
        '<j:testsuite xmlns:j="urn:j" name="n" timestamp="2026-11-20T10:00:00"><j:testcase classname="a" name="x"><j:failure/></j:testcase></j:testsuite>',
        {"failed": 1}, 1,
    ),
}  # fmt: skip
