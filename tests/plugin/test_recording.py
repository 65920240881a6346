"""State of a recorded session: its test run, its counts, and what went wrong, in one line each."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from builders import Raises, Writer, make_recording
from pytest_insight.eventlog.errors import ForkedWriterError
from pytest_insight.plugin.recording import _REASONS_MAX
from pytest_insight.plugin.terminal import TerminalHooks, short_path


@pytest.mark.parametrize(
    ("run", "sync", "ci", "expected"),
    [
        ("", False, {}, ""),
        ("", True, {}, "run-0123456789ab"),
        ("mine", True, {}, "mine"),
        ("", True, {"GITHUB_ACTIONS": "1", "GITHUB_RUN_ID": "7"}, "github-7"),
    ],
)
def test_a_session_is_part_of_the_named_run_or_that_of_the_ci_or_a_new_one(monkeypatch, run, sync, ci, expected):
    """A new one only where other processes take part."""
    for name, value in ci.items():
        monkeypatch.setenv(name, value)
    assert make_recording(run=run, sync=sync).test_run == expected


def test_an_error_costs_one_event_and_is_told_once():
    """The same reason of many tests is one text; the number of events counts each."""
    recording = make_recording()
    for _ in range(3):
        recording.degrade("report", ValueError("x"))
    assert recording.dropped == 3
    assert recording.problems == ["report: builtins.ValueError: x"]
    for number in range(_REASONS_MAX * 2):
        recording.degrade("report", ValueError(number))
    assert len(recording.problems) == _REASONS_MAX
    assert recording.dropped == 3 + _REASONS_MAX * 2


def test_an_error_without_a_text_is_named():
    """By its type alone."""
    recording = make_recording()
    recording.degrade("report", type("Odd", (Exception,), {"__str__": Raises.__str__})())
    assert recording.problems[0].startswith("report: ")
    assert recording.problems[0].endswith("Odd")


def test_a_forked_child_is_no_error():
    """It stops to write, and loses nothing that it should have written."""
    recording = make_recording()
    recording.degrade("report", ForkedWriterError())
    assert recording.off
    assert (recording.dropped, recording.problems) == (0, [])


@pytest.mark.parametrize(
    ("lost", "dropped", "held", "differences", "line"),
    [
        (0, 0, 0, [], ""),
        (1, 0, 0, [], "insight: 1 event could not be recorded: at: builtins.ValueError: 0"),
        (1, 2, 1, [], "insight: 4 events could not be recorded: at: builtins.ValueError: 0"),
        (0, 0, 0, ["a", "b", "c", "d"], "insight: the record differs from pytest: a; b; c"),
        (1, 0, 0, ["a"], "insight: 1 event could not be recorded: a; at: builtins.ValueError: 0"),
    ],
)
def test_what_went_wrong_is_one_line(lost, dropped, held, differences, line):
    """How many events are lost, else that the counts differ, else that recording was degraded; at most three reasons."""
    writer = Writer()
    recording = make_recording(writer=writer)
    writer.dropped, writer.held = dropped, held
    recording.differences = differences
    for number in range(lost):
        recording.degrade("at", ValueError(number))
    assert recording.describe_problems() == line
    if not lost and not differences:
        writer.troubles = ["no lock"]
        assert recording.describe_problems() == "insight: recording was degraded: no lock"


class Terminal:
    """A terminal reporter that keeps its lines."""

    def __init__(self, verbosity=0):
        self.verbosity = verbosity
        self.lines = []

    def write_line(self, line, **markup):
        """Keep a line."""
        self.lines.append(line)


def summary_of(recording, verbosity=0):
    """The lines below the summary of pytest."""
    terminal = Terminal(verbosity)
    hooks = TerminalHooks(recording, lambda: None)
    hook = hooks.pytest_terminal_summary(terminal)
    next(hook)
    with pytest.raises(StopIteration):
        hook.send(None)
    return hooks, terminal.lines


@pytest.mark.parametrize(("finished", "words"), [(0, "0 tests"), (1, "1 test"), (2, "2 tests")])
def test_the_summary_names_the_number_of_tests_and_how_to_show_them(finished, words):
    """In quiet runs there is no such line."""
    recording = make_recording()
    recording.tally.finished = finished
    line = f"insight: recorded {words} as session 0123456789ab (insight session show 0123456789ab)"
    assert summary_of(recording)[1] == [line]
    assert summary_of(recording, verbosity=-1)[1] == []


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("count", "shown", "more"), [(1, 1, []), (10, 10, []), (12, 10, ["insight:   and 2 more"])])
def test_missing_results_are_named_where_they_fail_the_run(strict, count, shown, more):
    """The first ten in their order; elsewhere the views show them."""
    recording = make_recording(strict=strict)
    names = [f"t::{number:02}" for number in range(count)]
    recording.tests.announce([*names, "t::done"], "")
    recording.tests.add_result("t::done", "", 1, is_rerun=False)
    _, lines = summary_of(recording, verbosity=-1)
    first = f"insight: {count} of {count + 1} announced tests have no verdict:"
    assert lines == ([first, *(f"insight:   {name}" for name in names[:shown]), *more] if strict else [])


def test_where_each_worker_runs_all_tests_the_worker_of_a_missing_one_is_named():
    """One test may have a result on one worker and none on the other."""
    recording = make_recording(strict=True)
    recording.tests.each = True
    for worker in ("gw0", "gw1"):
        recording.tests.announce(["t::a"], worker)
    recording.tests.add_result("t::a", "gw0", 1, is_rerun=False)
    assert "insight:   t::a gw1" in summary_of(recording)[1]


def test_only_problems_after_the_summary_are_written_to_stderr(capsys):
    """The user sees each of them once."""
    recording = make_recording()
    recording.degrade("one", ValueError("x"))
    hooks, lines = summary_of(recording)
    assert lines[0] == "insight: 1 event could not be recorded: one: builtins.ValueError: x"
    hooks.write_new_problems()
    assert capsys.readouterr().err == ""
    recording.degrade("two", ValueError("y"))
    hooks.write_new_problems()
    assert "two: builtins.ValueError: y" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("profile", "run", "path", "line"),
    [
        ("", "", "/x/a.jsonl", "insight: session 0123456789ab, log /x/a.jsonl"),
        ("nightly", "r1", "/x/a.jsonl", "insight: profile nightly, run r1, session 0123456789ab, log /x/a.jsonl"),
        ("mem", "", "/dev/null", "insight: profile mem, session 0123456789ab, in memory"),
        ("", "", None, "insight: session 0123456789ab"),
    ],
)
def test_the_header_names_profile_run_session_and_log(profile, run, path, line):
    """A header that cannot be made names the session at least, and the error is noted."""
    recording = make_recording(run=run)
    recording.profile = profile
    if path is not None:
        recording.writer.path = Path(path)
    assert TerminalHooks(recording, lambda: None).pytest_report_header() == line
    assert bool(recording.problems) == (path is None)


@pytest.mark.parametrize(
    ("home", "path", "shown"),
    [
        ("/home/me", "/home/me/a.jsonl", "~/a.jsonl"),
        ("/home/me", "/home/mean/a.jsonl", "/home/mean/a.jsonl"),
        ("/home/me", "/home/me", "/home/me"),
        ("/", "/a.jsonl", "/a.jsonl"),
    ],
)
def test_a_path_in_the_home_of_the_user_is_shown_with_a_tilde(monkeypatch, home, path, shown):
    """Only whole names of folders count."""
    monkeypatch.setenv("HOME", home)
    assert short_path(Path(path)) == shown


def test_each_part_of_a_recording_notes_its_errors_in_it():
    """The base of all hooks passes them on."""
    recording = make_recording()
    TerminalHooks(recording, lambda: 1 / 0)._write_summary(SimpleNamespace(verbosity=0))
    assert recording.problems == ["_write_summary: builtins.ZeroDivisionError: division by zero"]
