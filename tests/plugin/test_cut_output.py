"""What a test had written when it was cut is in the log, and shown."""

import sys
from types import SimpleNamespace

import pytest
from pytest_insight.cli.app import build_app
from pytest_insight.plugin.output.cut_output import TimeoutDump, sections_of_item
from typer.testing import CliRunner

WRITES = """
import logging, os, signal, sys
import pytest
@pytest.fixture
def ready():
    print("from the fixture")
def test_before(): print("of another test")
def test_cut(ready):
    print("step 1"); print("to stderr", file=sys.stderr); logging.warning("a log line")
    {end}
def test_after(): pass
"""
ENDS = {
    "Ctrl-C": "os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(5)",
    "pytest.exit": "pytest.exit('enough')",
}
TIMES_OUT = """
    import pytest_timeout, time
    soon = pytest_timeout._get_item_settings(request.node)._replace(timeout=0.1)
    request.node.cancel_timeout()
    request.config.hook.pytest_timeout_set_timer(item=request.node, settings=soon)
    time.sleep(60)
"""
"""Ends a test by its timeout when it has written everything, however long that took."""
BREAKS = """
import pytest
def pytest_runtest_makereport(item, call):
    if call.when == "call" and item.name == "test_cut":
        raise RuntimeError("broken plugin")
"""


def show(run, *words):
    """The output of a command on the log of a run."""
    result = CliRunner().invoke(build_app(words[0]), [*words, "--log", str(run.log)])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("capture", ["fd", "sys"])
def test_output_of_an_interrupted_test_is_recorded_and_shown(python, suite, run, end, capture):
    """Of all its phases so far, and of no other test."""
    suite(test_a=WRITES.format(end=ENDS[end]))
    recorded = run(python, f"--capture={capture}")
    (cut,) = recorded.of_type("test.cut")
    assert cut["nodeid"] == "test_a.py::test_cut"
    assert cut["capstdout"] == "from the fixture\nstep 1\n"
    assert cut["capstderr"] == "to stderr\n"
    assert "a log line" in cut["caplog"]
    assert recorded.outcomes() == {"test_before": "passed"}
    assert recorded.of_type("session.finished")[0]["interrupted"]
    for words in (("session", "show", "last"), ("test", "show", "test_cut")):
        shown = show(recorded, *words)
        assert "from the fixture" in shown
        assert "step 1" in shown
        assert "a log line" in shown
    assert "of another test" not in show(recorded, "test", "show", "test_cut")


@pytest.mark.parametrize(
    ("options", "expected"), [(["--insight-output=none"], 0), (["-s"], 0), (["--insight-output=all"], 1)]
)
def test_output_that_is_not_wanted_or_not_captured_is_not_recorded(suite, run, options, expected):
    """With `-s` it goes to the terminal; the log lines alone are captured then."""
    suite(test_a=WRITES.format(end="pytest.exit('enough')").replace("logging.warning", "str"))
    assert len(run(sys.executable, *options).of_type("test.cut")) == expected


def test_a_secret_in_the_output_of_a_test_that_was_cut_is_redacted(suite, run):
    """As in every text."""
    suite(test_a="import pytest\ndef test_cut():\n    print('api_key=Zk39fj20dkf93jfk')\n    pytest.exit('enough')\n")
    recorded = run(sys.executable)
    assert recorded.of_type("test.cut")[0]["capstdout"] == "api_key=[redacted]\n"
    assert b"Zk39fj20dkf93jfk" not in recorded.log.read_bytes()


def test_output_until_an_internal_error_is_recorded(python, suite, run):
    """The plugin breaks before the result of the test is complete."""
    suite(conftest=BREAKS, test_a=WRITES.format(end="pass"))
    recorded = run(python, differs=True)
    assert recorded.exit_code == pytest.ExitCode.INTERNAL_ERROR
    assert [event["capstdout"] for event in recorded.of_type("test.cut")] == ["from the fixture\nstep 1\n"]


def test_an_interrupt_between_tests_cuts_none(suite, run):
    """No test is running, so there is nothing to say."""
    suite(
        conftest="import pytest\ndef pytest_runtest_logfinish(nodeid): pytest.exit('enough')\n",
        test_a="def test_one(): print('x')\ndef test_two(): print('y')\n",
    )
    recorded = run(sys.executable)
    assert recorded.outcomes() == {"test_one": "passed"}
    assert not recorded.of_type("test.cut")


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["serial", "xdist"])
def test_a_run_without_cut_tests_has_no_such_event(python, suite, run, workers):
    """Whatever its tests write."""
    suite(test_a=WRITES.format(end="assert 0"))
    recorded = run(python, *workers)
    assert recorded.outcomes() == {"test_before": "passed", "test_cut": "failed", "test_after": "passed"}
    assert not recorded.of_type("test.cut")


def test_a_worker_that_is_killed_leaves_what_it_said_to_the_terminal(python, suite, run):
    """Its output so far dies with its capture; the crash is recorded with the test, and nothing is made up."""
    suite(test_a="import os, signal\ndef test_cut():\n    print('lost')\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    recorded = run(python, "-n2", "--max-worker-restart=0")
    (finished,) = recorded.of_type("test.finished")
    assert finished["crashed"]
    assert "crashed while running" in finished["longreprtext"]
    assert not recorded.of_type("test.cut")


def test_what_pytest_timeout_shows_before_it_ends_the_process_is_recorded(suite, run):
    """Its thread shows captured output and stacks, and ends the process at once: no hook is called any more."""
    pytest.importorskip("pytest_timeout")
    suite(test_a=WRITES.replace("test_cut(ready)", "test_cut(ready, request)").format(end=TIMES_OUT))
    recorded = run(sys.executable, "--timeout=600", "--timeout-method=thread", plugins=["pytest_timeout"])
    assert recorded.exit_code == 1
    (cut,) = recorded.of_type("test.cut")
    assert cut["nodeid"] == "test_a.py::test_cut"
    assert cut["capstdout"].strip() == "step 1"
    assert cut["capstderr"].strip() == "to stderr"
    assert "time.sleep(60)" in cut["longreprtext"]
    assert "time.sleep(60)" in show(recorded, "test", "show", "test_cut")
    assert not recorded.of_type("session.finished")


def test_a_timeout_by_signal_is_a_failure_with_its_output(suite, run):
    """The test fails as any other does."""
    pytest.importorskip("pytest_timeout")
    suite(test_a=WRITES.replace("test_cut(ready)", "test_cut(ready, request)").format(end=TIMES_OUT))
    recorded = run(sys.executable, "--timeout=600", "--timeout-method=signal", plugins=["pytest_timeout"])
    (failed,) = [event for event in recorded.of_type("test.finished") if event["outcome"] == "failed"]
    assert failed["capstdout"] == "from the fixture\nstep 1\n"
    assert not recorded.of_type("test.cut")


def test_only_a_whole_dump_is_recorded():
    """Texts of other threads that only look like it are left alone."""
    found = []
    dump = TimeoutDump(lambda sections, stacks: found.append((sections, stacks)))
    for text in ("a thread writes\n", "++++ Timeout ++++", "\n", "~~~ Captured stdout ~~~", "\n", "one\n"):
        dump.add(text)
    assert found == []
    for text in ("~~~ Stack of MainThread (1) ~~~", "\n", "  File x\n", "++++ Timeout ++++", "\n"):
        dump.add(text)
    assert found == [([("Captured stdout", "one\n")], "Stack of MainThread (1)\n  File x\n")]


def test_of_several_tests_with_one_name_the_one_that_wrote_counts():
    """Sections have the names that reports give them; a value that is no text is named."""
    items = [
        SimpleNamespace(nodeid="a", _report_sections=[("setup", "stdout", "x"), ("call", "log", 7)]),
        SimpleNamespace(nodeid="a", _report_sections=[]),
        SimpleNamespace(nodeid="b", _report_sections=[("call", "stdout", "y")]),
        SimpleNamespace(nodeid="a"),
    ]
    assert sections_of_item(items, "a") == [("Captured stdout setup", "x"), ("Captured log call", "7")]
