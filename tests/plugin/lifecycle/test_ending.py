"""The end of a run: the exit status that a process really has, and steps that do not stop each other."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from builders import Raises
from pytest_insight.plugin.lifecycle.ending import Ending, run_steps, status_of_error

ERRORS = [
    SystemExit(),
    SystemExit(0),
    SystemExit(3),
    SystemExit(256),
    SystemExit(257),
    SystemExit(-1),
    SystemExit(True),
    SystemExit("text"),
    ValueError("x"),
    RecursionError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_the_status_is_that_of_a_process_that_the_error_ends(error):
    """Python itself is the oracle: it ends with the same error."""
    process = subprocess.run([sys.executable, "-S", "-E", "-c", f"raise {error!r}"], capture_output=True, check=False)
    assert status_of_error(error) == process.returncode


def test_pytest_ends_with_statuses_of_its_own():
    """A usage error is 4; Ctrl-C that nothing catches is what a shell shows for it."""
    assert status_of_error(pytest.UsageError("x")) == pytest.ExitCode.USAGE_ERROR == 4
    assert status_of_error(KeyboardInterrupt()) == 130


def ending_of(exit_status=None):
    """The end of a run; with a session if it began."""
    ending = Ending()
    if exit_status is not None:
        ending.session = SimpleNamespace(exitstatus=exit_status)
    return ending


def test_the_status_is_that_of_the_session_unless_an_error_ended_the_process():
    """pytest puts numbers and members of an enumeration there; before the session began nothing is known."""
    assert ending_of().exit_status is None
    assert ending_of(pytest.ExitCode.TESTS_FAILED).exit_status == 1
    ending = ending_of(0)
    ending.note_error("pytest_unconfigure", SystemExit(7), exit_is_caught=False)
    assert ending.exit_status == 7
    ending.session.exitstatus = 2
    assert ending.exit_status == 7
    assert ending.error_text == "pytest_unconfigure: builtins.SystemExit: 7"


@pytest.mark.parametrize(("caught", "status"), [(True, 5), (False, 1)])
def test_an_exit_of_pytest_counts_where_pytest_catches_it(caught, status):
    """In `pytest_sessionfinish` the session has the status; elsewhere the exception ends the process."""
    ending = ending_of(5)
    ending.note_error("hook", pytest.exit.Exception("enough", 9), exit_is_caught=caught)
    assert ending.exit_status == status
    assert "enough" in ending.error_text


def test_the_first_reason_is_kept_and_a_real_error_replaces_it():
    """Two caught exits: the first; an error after them ended the process and is what counts."""
    ending = ending_of(0)
    for text in ("one", "two"):
        ending.note_error("hook", pytest.exit.Exception(text), exit_is_caught=True)
    assert ending.error_text.endswith("one")
    ending.note_error("hook", ValueError("three"), exit_is_caught=True)
    assert ending.error_text == "hook: builtins.ValueError: three"
    assert ending.exit_status == 1


def test_an_error_without_a_text_is_named_and_a_long_one_cut():
    """The seal has to be written in any case."""
    ending = ending_of(0)
    broken = type("Broken", (Exception,), {"__str__": Raises.__str__})()
    ending.note_error("hook", broken, exit_is_caught=False)
    assert ending.error_text.startswith("hook: ")
    assert ending.error_text.endswith("Broken")
    ending.note_error("hook", ValueError("x" * 50_000 + "\ud800"), exit_is_caught=False)
    assert len(ending.error_text.encode()) <= 16 * 1024
    assert ending.error_text.endswith("\\ud800")


@pytest.mark.parametrize("failing", [(), (0,), (1, 3), (0, 1, 2, 3)])
def test_every_step_is_run_and_each_failure_noted_by_its_name(failing):
    """In their order, whichever of them fail."""
    ran, noted = [], []

    def step(number):
        def run():
            ran.append(number)
            if number in failing:
                raise ValueError(number)

        return f"step {number}", run

    run_steps(map(step, range(4)), lambda name, error: noted.append((name, error.args[0])))
    assert ran == [0, 1, 2, 3]
    assert noted == [(f"step {number}", number) for number in failing]


def test_what_ends_the_process_ends_the_steps():
    """Ctrl-C is not an error of a step."""
    ran = []
    with pytest.raises(SystemExit):
        run_steps([("exit", sys.exit), ("next", lambda: ran.append(1))], lambda *_: None)
    assert ran == []
