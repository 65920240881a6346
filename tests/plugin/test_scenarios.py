"""Everything that can happen in a run, recorded as pytest itself counts it: old and new pytest, serial and on workers."""

import sys
from xml.etree import ElementTree

import pytest

OUTCOMES = """
import unittest
import warnings
import pytest

def test_pass(): print("seen only with --insight-output all")

def test_fail():
    print("printed before the failure")
    assert [1, 2] == [1, 3]

@pytest.mark.skip(reason="not here")
def test_skip(): pass

def test_skip_inside(): pytest.skip("later")

@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0

@pytest.mark.xfail(reason="")
def test_xfail_empty_reason(): assert 0

@pytest.mark.xfail(run=False, reason="hangs")
def test_xfail_norun(): assert 0

@pytest.mark.xfail
def test_xpass(): pass

@pytest.mark.xfail(strict=True, reason="was known")
def test_xpass_strict(): pass

@pytest.fixture
def broken(): raise RuntimeError("set-up")

def test_setup_error(broken): pass

@pytest.fixture
def untidy():
    yield
    raise RuntimeError("teardown")

def test_teardown_error(untidy): pass
def test_fail_and_teardown_error(untidy): assert 0

@pytest.fixture
def skips_late():
    yield
    pytest.skip("in teardown")

def test_teardown_skip(skips_late): pass
def test_warns(): warnings.warn("careful")
def test_sysexit(): raise SystemExit(3)

@pytest.mark.parametrize("text", ["a::b", "x/y[0]", "@g", "\\x1b[31m", "caf\\xe9"])
def test_ids(text): pass

class TestUnit(unittest.TestCase):
    def test_ok(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    @unittest.skip("unit")
    def test_skipped(self): pass
"""

MODULE_SKIP = "import pytest\npytest.skip('whole module', allow_module_level=True)\n"
DOCTEST = '''
def double(n):
    """
    >>> double(2)
    4
    >>> double(3)
    7
    """
    return 2 * n
'''
SUBTESTS = """
import unittest

def test_sub(subtests):
    for i in range(3):
        with subtests.test("part", i=i):
            assert i != 1

class TestSub(unittest.TestCase):
    def test_unit(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)
"""
FLAKY = """
import pathlib
import pytest

def test_flaky():
    seen = pathlib.Path(__file__).with_name("seen")
    if not seen.exists():
        seen.touch()
        assert 0
    seen.unlink()

def test_hopeless(): assert 0
def test_fine(): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "xdist"])
def test_every_outcome_counts_as_pytest_counts_it(python, suite, run, fold, workers):
    """Exit code, terminal and counts are the same with and without the recorder, and the events say the same counts."""
    suite(test_all=OUTCOMES, test_module_skip=MODULE_SKIP)
    bare = run(python, *workers, insight=False)
    recorded = run(python, *workers)
    assert recorded.exit_code == bare.exit_code == 1
    assert recorded.counts == bare.counts
    assert fold(recorded.events) == recorded.counts
    if not workers:
        assert recorded.visible() == bare.visible()
    outcomes = recorded.outcomes()
    assert outcomes["test_setup_error"] == outcomes["test_fail_and_teardown_error"] == "error"
    assert outcomes["test_teardown_skip"] == "passed"
    assert outcomes["test_xpass_strict"] == "failed"
    assert outcomes["test_xfail_empty_reason"] == outcomes["test_xfail_norun"] == "xfailed"


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "xdist"])
def test_junitxml_names_the_same_tests(python, suite, run, workers):
    """Tests, failures and skips of pytest's own XML report are those of the events."""
    project = suite(test_all=OUTCOMES)
    recorded = run(python, "--junitxml=report.xml", *workers)
    report = ElementTree.parse(project / "report.xml").getroot().find("testsuite")
    finished = recorded.of_type("test.finished")
    phases = [outcome for event in finished for outcome in event.get("phase_outcomes", {}).values()]
    assert int(report.get("failures")) == phases.count("failed")
    assert int(report.get("errors")) == phases.count("error")
    assert int(report.get("skipped")) == phases.count("skipped") + phases.count("xfailed")
    assert {case.get("name") for case in report.iter("testcase")} >= {"test_pass", "test_setup_error"}


def test_captured_output_is_stored_once(python, suite, run):
    """Sections of earlier phases are repeated in later reports by pytest, but stand in the log once."""
    suite(test_all=OUTCOMES)
    failed = next(event for event in run(python).of_type("test.finished") if event["nodeid"].endswith("::test_fail"))
    assert failed["capstdout"] == "printed before the failure\n"
    assert failed["longreprtext"].count("assert [1, 2] == [1, 3]") >= 1
    assert failed["cause"]["lineno"] == 10


@pytest.mark.parametrize(("policy", "passed", "failed"), [("all", 1, 1), ("failed", 0, 1), ("none", 0, 0)])
def test_output_policy_decides_what_is_kept(suite, run, policy, passed, failed):
    """--insight-output keeps the output of all tests, of failed ones, or of none, in results and in sections."""
    suite(test_all=OUTCOMES)
    recorded = run(sys.executable, "--insight-output", policy)
    raw = recorded.log.read_bytes()
    assert (b"seen only with" in raw.replace(b'print(\\"seen only', b"")) == bool(passed)
    kept = [event for event in recorded.of_type("test.finished") if event.get("capstdout", "").startswith("printed")]
    assert len(kept) == failed
    sections = "".join(event["content"] for event in recorded.of_type("output.recorded"))
    assert ("Captured stdout call" in sections) == bool(failed)


def test_sections_are_those_of_rRA_even_in_quiet_mode(python, suite, run):
    """The terminal sections are recorded as `-rRA` shows them, although the terminal shows less."""
    suite(test_all=OUTCOMES)
    recorded = run(python, "-q", "-r", "N")
    sections = {event["name"]: event["content"] for event in recorded.of_type("output.recorded")}
    assert {"errors", "failures", "warnings_summary", "short_test_summary", "lastline"} <= set(sections)
    assert "PASSED test_all.py::test_pass" in sections["short_test_summary"]
    assert "XFAIL test_all.py::test_xfail - known" in sections["short_test_summary"]
    assert b"PASSED test_all.py" not in recorded.stdout


def test_subtests_of_both_kinds(suite, run, fold):
    """Failed subtests make their test fail, whether the parent's own report says so (fixture) or not (unittest)."""
    suite(test_sub=SUBTESTS)
    recorded = run(sys.executable)
    assert recorded.exit_code == 1
    assert fold(recorded.events) == recorded.counts
    assert recorded.outcomes() == {"test_sub": "failed", "test_unit": "failed"}
    subtests = [(event["ordinal"], event["outcome"]) for event in recorded.of_type("subtest.finished")]
    assert subtests[:3] == [(1, "passed"), (2, "failed"), (3, "passed")]
    assert all(event["started_at"] > "2020" for event in recorded.of_type("test.finished"))


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "xdist"])
def test_reruns_are_attempts(python, suite, run, fold, workers):
    """pytest-rerunfailures: each attempt is an event with its ordinal; counts include the reruns."""
    suite(test_flaky=FLAKY)
    recorded = run(python, "--reruns", "1", *workers)
    attempts = [
        (event.get("attempt", 1), event["outcome"])
        for event in recorded.of_type("test.finished")
        if event["nodeid"].endswith("test_flaky")
    ]
    assert attempts == [(1, "rerun"), (2, "passed")]
    assert recorded.outcomes()["test_hopeless"] == "failed"
    assert fold(recorded.events) == recorded.counts


def test_doctests(python, suite, run, fold):
    """Doctests have results like any test."""
    suite(sample=DOCTEST)
    recorded = run(python, "--doctest-modules", "sample.py")
    assert fold(recorded.events) == recorded.counts == {"failed": 1}
    assert "Expected:" in recorded.of_type("test.finished")[0]["longreprtext"]


@pytest.mark.parametrize(("workers", "code"), [((), 2), (("-n2",), 1)], ids=["serial", "xdist"])
def test_collection_errors(python, suite, run, fold, workers, code):
    """A module that cannot be imported is an event; serial pytest then stops, xdist runs the rest."""
    suite(test_bad="import nothing_of_this_name\n", test_good="def test_ok(): pass\n")
    recorded = run(python, *workers)
    assert recorded.exit_code == code
    assert fold(recorded.events) == recorded.counts
    assert "nothing_of_this_name" in recorded.of_type("collection.failed")[0]["longreprtext"]
    assert recorded.of_type("session.finished")[0]["exit_status"] == code


def test_a_broken_conftest_leaves_a_trace(python, suite, run):
    """A run that ends before any other hook is a sealed session with the reason."""
    suite(conftest="raise RuntimeError('broken on purpose')\n", test_a="def test_a(): pass\n")
    recorded = run(python)
    assert recorded.exit_code == 4
    seal = recorded.of_type("session.finished")[0]
    assert seal["exit_status"] == 4
    assert "broken on purpose" in seal["internal_error"]


INTERRUPTIONS = {
    "exit": ("pytest.exit('enough', returncode=7)", 7, "Exit: enough"),
    "keyboard": ("raise KeyboardInterrupt", 2, "KeyboardInterrupt"),
}


@pytest.mark.parametrize("name", INTERRUPTIONS)
def test_interruptions_are_sealed_with_their_reason(python, suite, run, name):
    """pytest.exit and Ctrl-C end a session that is sealed, names why, and names what was running."""
    statement, code, reason = INTERRUPTIONS[name]
    suite(test_a=f"import pytest\ndef test_one(): pass\ndef test_two(): {statement}\ndef test_three(): pass\n")
    recorded = run(python)
    assert recorded.exit_code == code
    seal = recorded.of_type("session.finished")[0]
    assert seal["exit_status"] == code
    assert reason in seal["interrupted"]
    started = {event["nodeid"] for event in recorded.of_type("test.started")}
    finished = {event["nodeid"] for event in recorded.of_type("test.finished")}
    assert started - finished == {"test_a.py::test_two"}


def test_maxfail_leaves_the_rest_without_verdict(python, suite, run):
    """-x ends a session whose announced tests are not all reported."""
    suite(test_a="def test_one(): assert 0\ndef test_two(): pass\n")
    recorded = run(python, "-x")
    assert recorded.exit_code == 1
    announced = [nodeid for event in recorded.of_type("tests.announced") for nodeid in event["nodeids"]]
    assert len(announced) == 2
    assert len(recorded.of_type("test.finished")) == 1


def test_os_exit_in_a_test_names_it(python, suite, run):
    """A process that ends without a word leaves its finished tests and the name of the one that ended it."""
    suite(test_a="import os\ndef test_one(): pass\ndef test_two(): os._exit(3)\ndef test_three(): pass\n")
    recorded = run(python)
    assert recorded.exit_code == 3
    assert recorded.of_type("session.finished") == []
    assert [event["nodeid"] for event in recorded.of_type("test.finished")] == ["test_a.py::test_one"]
    assert recorded.of_type("test.started")[-1]["nodeid"] == "test_a.py::test_two"


def test_a_crashed_worker_is_an_event(python, suite, run, fold):
    """xdist: the worker that died, the test it ran, and the counts pytest gives it."""
    suite(test_a="import os\ndef test_one(): pass\ndef test_two(): os._exit(3)\ndef test_three(): pass\n")
    recorded = run(python, "-n2")
    lost = recorded.of_type("worker.lost")
    assert [event["running"] for event in lost] == [["test_a.py::test_two"]]
    crashed = [event for event in recorded.of_type("test.finished") if event.get("crashed")]
    assert [event["nodeid"] for event in crashed] == ["test_a.py::test_two"]
    assert fold(recorded.events) == recorded.counts


REPAIRED = {
    "surrogate": "def test_bad(): assert '\\udc80' == 'x'\ndef test_ok(): pass\n",
    "path": "import pathlib\ndef test_bad(record_property):\n    record_property('p', pathlib.Path('x'))\n    assert 0\ndef test_ok(): pass\n",
}


def test_a_log_outside_of_the_project_changes_no_name(python, suite, run, tmp_path_factory):
    """Workers find the same root folder as the controller although the log, a word of the command line, exists by then."""
    suite(test_a="def test_a(): pass\n")
    outside = tmp_path_factory.mktemp("elsewhere") / "log.jsonl"
    bare = run(python, "-n2", insight=False)
    recorded = run(python, "-n2", "--insight-log", str(outside), "--insight-sut", "shop", insight=True)
    assert (recorded.exit_code, recorded.counts) == (bare.exit_code, bare.counts)
    assert b"test_a.py::test_a" in outside.read_bytes()


@pytest.mark.parametrize("name", REPAIRED)
def test_a_failing_test_that_xdist_would_drop_is_reported(python, suite, run, fold, name):
    """A report that cannot be sent makes xdist lose a failing test; with the recorder the run fails as it must."""
    suite(test_a=REPAIRED[name])
    recorded = run(python, "-n2")
    assert recorded.exit_code == 1
    assert recorded.counts == {"failed": 1, "passed": 1} == fold(recorded.events)
    assert recorded.outcomes() == {"test_bad": "failed", "test_ok": "passed"}


def test_markers_and_tags_come_from_workers_too(python, suite, run):
    """The marker insight_tag, and the names of markers, are recorded serially and under xdist."""
    text = "import pytest\n@pytest.mark.insight_tag('team', 'pay')\n@pytest.mark.skipif(False, reason='')\ndef test_a(): pass\n"
    suite(test_a=text)
    for workers in ((), ("-n2",)):
        event = run(python, "--strict-markers", *workers).of_type("test.finished")[0]
        assert event["tags"] == {"team": "pay"}
        assert event["markers"] == ["skipif"]


def test_loadgroup_suffix_is_not_part_of_the_name(python, suite, run):
    """Under --dist loadgroup a test keeps the name it has everywhere else; its group is a tag."""
    suite(
        test_a="import pytest\n@pytest.mark.xdist_group('g1')\n@pytest.mark.parametrize('x', ['a@b'])\ndef test_a(x): pass\n"
    )
    recorded = run(python, "-n2", "--dist", "loadgroup")
    names = {event["nodeid"] for event in recorded.events if "nodeid" in event}
    announced = {nodeid for event in recorded.of_type("tests.announced") for nodeid in event["nodeids"]}
    assert names == announced == {"test_a.py::test_a[a@b]"}


@pytest.mark.parametrize(
    "args", [("-p", "no:terminal"), ("-s",), ("-p", "no:logging"), ("-qq",), ("-p", "no:warnings"), ("-vv", "-rA")]
)
def test_plugins_and_options_that_take_things_away(suite, run, args):
    """Without terminal, capture, logging or words, the run and its exit code stay what they are, and results are recorded."""
    suite(test_all=OUTCOMES)
    bare = run(sys.executable, *args, insight=False)
    recorded = run(sys.executable, *args)
    assert recorded.exit_code == bare.exit_code
    assert len(recorded.of_type("test.finished")) == 24
    assert recorded.of_type("session.finished")[0]["exit_status"] == 1


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("--collect-only",), ("--fixtures",), ("--markers",)])
def test_what_is_no_run_is_not_recorded(suite, run, args):
    """Help, versions and listings write no log."""
    suite(test_a="def test_a(): pass\n")
    assert not run(sys.executable, *args).log.exists()


def test_deselected_and_empty_runs(python, suite, run, fold):
    """A run without tests is a session too, with pytest's exit code 5."""
    suite(test_a="def test_a(): pass\ndef test_b(): pass\n")
    recorded = run(python, "-k", "nothing")
    assert recorded.exit_code == 5
    assert fold(recorded.events) == recorded.counts == {"deselected": 2}
    assert recorded.of_type("session.finished")[0]["exit_status"] == 5
