"""Errors of the recorder: each becomes one line, and none reaches pytest."""

import sys
from types import SimpleNamespace

import pytest
from builders import Raises
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.plugin.lifecycle.boundary import (
    PLUGIN_NAME,
    NotRecording,
    describe_error,
    guarded,
    start_safely,
    write_to_stderr,
)


class Unprintable(Exception):  # noqa: N818 - an error of another plugin
    __str__ = Raises.__str__


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (ValueError(), "ValueError"),
        (OSError(28, "No space left on device", "log"), "[Errno 28] No space left on device: 'log'"),
        (OSError(), "OSError"),
        (LogUnavailableError("a.jsonl", "is a folder", "name a file"), "a.jsonl: is a folder; name a file"),
        (Unprintable(), "Unprintable"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_described_in_one_line(error, text):
    """Errors of the log and of the system explain themselves; any other has its type before it."""
    assert describe_error(error) == text


class Hooks:
    def __init__(self):
        self.problems = []

    def degrade(self, where, error):
        self.problems.append((where, error))

    @guarded
    def pytest_some_hook(self, error):
        """Raise what is given."""
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [ValueError("x"), Unprintable(), RecursionError(), None])
def test_an_error_in_a_guarded_hook_is_noted_by_the_name_of_the_hook(error):
    """pytest sees a hook that did nothing."""
    hooks = Hooks()
    assert hooks.pytest_some_hook(error=error) is None
    assert hooks.problems == ([("pytest_some_hook", error)] if error else [])
    assert Hooks.pytest_some_hook.__doc__ == "Raise what is given."


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_passes_a_guarded_hook(error):
    """Ctrl-C while an event is written is for pytest."""
    hooks = Hooks()
    with pytest.raises(error):
        hooks.pytest_some_hook(error())
    assert hooks.problems == []


def test_a_start_that_fails_leaves_a_plugin_with_the_reason():
    """A wrong value of an option is an error of the user, and stops the run."""
    manager = pytest.PytestPluginManager()
    config = SimpleNamespace(pluginmanager=manager)

    def fail(error):
        def start(config):
            raise error

        return start

    with pytest.raises(pytest.UsageError):
        start_safely(config, fail(pytest.UsageError("wrong")))
    assert manager.get_plugin(PLUGIN_NAME) is None
    start_safely(config, lambda config: None)
    assert manager.get_plugin(PLUGIN_NAME) is None
    start_safely(config, fail(OSError(13, "Permission denied")))
    assert manager.get_plugin(PLUGIN_NAME).pytest_report_header().endswith("[Errno 13] Permission denied")


LINE = "insight: nothing was recorded: reason"


@pytest.mark.parametrize(
    ("has_header", "has_summary", "verbosity", "place"),
    [
        (True, True, 0, "header"),
        (True, True, 1, "header"),
        (False, True, -1, "summary"),
        (False, True, -2, "summary"),
        (False, False, 0, "stderr"),
    ],
    ids=["normal", "verbose", "quiet", "very quiet", "no terminal"],
)
def test_the_reason_is_shown_once_where_it_is_seen(has_header, has_summary, verbosity, place, capsys):
    """In the header, below the summary of a quiet run, or on stderr where there is no terminal reporter."""
    plugin, shown = NotRecording("reason"), {"header": [], "summary": []}
    if has_header:
        shown["header"].append(plugin.pytest_report_header())
    if has_summary:
        write = lambda line, **markup: shown["summary"].append(line)
        plugin.pytest_terminal_summary(SimpleNamespace(verbosity=verbosity, write_line=write))
    plugin.pytest_unconfigure()
    shown["stderr"] = [line for line in capsys.readouterr().err.split("\n") if line]
    assert shown == {"header": [], "summary": [], "stderr": []} | {place: [LINE]}


@pytest.mark.parametrize("stream", [None, Raises()], ids=["closed", "broken"])
def test_a_stderr_that_cannot_be_written_stops_nothing(monkeypatch, stream):
    """There is no place left to complain."""
    monkeypatch.setattr(sys, "stderr", stream)
    write_to_stderr("line")
