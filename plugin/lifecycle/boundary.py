"""Boundary between the recorder and pytest: an error of the recorder becomes one line and never changes the run.

A wrong value of an option stays an error: `pytest.UsageError` is raised on purpose.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

import pytest

PLUGIN_NAME = "insight_recorder"

P = ParamSpec("P")


def guarded(hook: Callable[P, None]) -> Callable[P, None]:
    """Return a hook whose errors are passed to `degrade` of its plugin instead of to pytest."""

    @functools.wraps(hook)
    def safe(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the boundary: the test run goes on after any error
            hooks: Any = args[0]
            hooks.degrade(hook.__name__, error)

    return safe


class NotRecording:
    """Plugin that shows once why nothing is recorded."""

    def __init__(self, reason: str) -> None:
        self._line = not_recorded_line(reason)
        self._shown = False

    def pytest_report_header(self) -> str:
        """Return the line for the header of the output."""
        self._shown = True
        return self._line

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write the line in quiet modes, which have no header."""
        if terminalreporter.verbosity < 0:
            self._shown = True
            terminalreporter.write_line(self._line, yellow=True)

    def pytest_unconfigure(self) -> None:
        """Write the line in runs without a terminal reporter."""
        if not self._shown:
            write_to_stderr(self._line)


def start_safely(config: pytest.Config, start: Callable[[pytest.Config], None]) -> None:
    """Start recording. If that fails, the run goes on, and one line gives the reason.

    Raises:
        pytest.UsageError: an option has a wrong value.
    """
    try:
        start(config)
    except pytest.UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: the test run goes on after any error
        config.pluginmanager.register(NotRecording(describe_error(error)), PLUGIN_NAME)


def describe_error(error: BaseException) -> str:
    """Return an error as one line; errors of the event log and of the system without their type."""
    from ...eventlog.errors import EventLogError  # noqa: PLC0415 - only when something went wrong

    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception whose text cannot be made
        text = ""
    if isinstance(error, (EventLogError, OSError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def not_recorded_line(reason: str) -> str:
    """Return the line that gives the reason why nothing is recorded."""
    return f"insight: nothing was recorded: {reason}"


def write_to_stderr(line: str) -> None:
    """Write a line to stderr, which may be closed, in runs without a terminal reporter."""
    try:
        sys.stderr.write(f"\n{line}\n")
    except Exception:  # noqa: BLE001 - the boundary: there is no place left to write to
        return
