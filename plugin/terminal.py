"""Lines of the recorder in the terminal: the header, the summary, and what went wrong."""

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from .lifecycle.boundary import guarded, write_to_stderr
from .recording import Recording, RecordingHooks

_NAMES_SHOWN = 10


class TerminalHooks(RecordingHooks):
    """Hooks of the terminal.

    Args:
        recording: the session.
        settle: writes open tests and compares the counts, so that the summary is final.
    """

    def __init__(self, recording: Recording, settle: Callable[[], None]) -> None:
        super().__init__(recording)
        self._settle = settle
        self._problems_shown = 0

    def pytest_report_header(self) -> str:
        """Return the line for pytest's header: profile, session and log."""
        try:
            return self._header_line()
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("header", error)
            return f"insight: session {self.recording.session_id}"

    def _header_line(self) -> str:
        recording = self.recording
        profile = f"profile {recording.profile}, " if recording.profile else ""
        run = f"run {recording.test_run}, " if recording.test_run else ""
        path = recording.writer.path
        place = f"log {short_path(path)}" if path != Path(os.devnull) else "in memory"
        return f"insight: {profile}{run}session {recording.session_id}, {place}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Write the summary below that of all other plugins: one line, and one more if something was not recorded."""
        yield
        self._write_summary(terminalreporter)

    @guarded
    def _write_summary(self, terminalreporter: Any) -> None:
        self._settle()
        recording = self.recording
        missing = recording.tests.missing() if recording.settings.strict else set[Any]()
        if missing:
            self._write_missing(terminalreporter, missing)
        line = recording.describe_problems()
        if line:
            self._problems_shown = len(recording.problems)
            terminalreporter.write_line(line, yellow=True)
        if terminalreporter.verbosity >= 0:
            finished = recording.tally.finished
            tests = f"{finished} test{'' if finished == 1 else 's'}"
            session_id = recording.session_id
            terminalreporter.write_line(
                f"insight: recorded {tests} as session {session_id} (insight session show {session_id})"
            )

    def _write_missing(self, terminalreporter: Any, missing: set[Any]) -> None:
        tests = self.recording.tests
        names = sorted(" ".join(reversed(name)) if tests.each else name for name in missing)
        terminalreporter.write_line(f"insight: {len(names)} of {len(tests)} announced tests have no verdict:")
        for name in names[:_NAMES_SHOWN]:
            terminalreporter.write_line(f"insight:   {name}")
        if len(names) > _NAMES_SHOWN:
            terminalreporter.write_line(f"insight:   and {len(names) - _NAMES_SHOWN} more")

    def write_new_problems(self) -> None:
        """Write problems to stderr that occurred after the summary."""
        if len(self.recording.problems) > self._problems_shown:
            write_to_stderr(self.recording.describe_problems())


def short_path(path: Path) -> str:
    """Return a path with the user's home as `~`."""
    home = os.path.expanduser("~")  # noqa: PTH111 - may be unset; Path.home() raises then
    text = str(path)
    return f"~{text[len(home) :]}" if home not in ("~", "/") and text.startswith(home + os.sep) else text
