"""Start and end of a session turned into events: header, open tests, sections of the terminal, seal."""

import functools
import os
from collections.abc import Callable, Generator
from typing import Any

import pytest

from ..eventlog.errors import ForkedWriterError
from ..eventlog.events import OutputRecorded, RecorderDegraded, SessionDescribed, SessionFinished
from ..eventlog.plain import clean_text, shorten
from .attempts.proof import compare_counts, compare_failures, shown_counts
from .header.builder import build_header
from .header.git import DirtyCheck
from .lifecycle.boundary import guarded
from .lifecycle.ending import Step, run_steps
from .lifecycle.nesting import unmark_recording
from .output.cut_output import TimeoutDump
from .output.sections import HeadCopy, find_reporter, summary_sections
from .recorder import Recorder
from .recording import Recording, RecordingHooks, active
from .redaction.shortening import redact_shortened

_SECTION_BYTES_MAX = 1024 * 1024
_SECTION_PART_CHARS = 48 * 1024
_ERROR_BYTES_MAX = 16 * 1024
_PROBLEMS_BYTES_MAX = 4096
_GIT_WAIT_S = 2.0
"""Time that the end of a run waits for git, in seconds."""


class SessionHooks(RecordingHooks):
    """Hooks of the session's start and end.

    Args:
        recording: the session.
        recorder: hooks of its tests.
    """

    def __init__(self, recording: Recording, recorder: Recorder) -> None:
        super().__init__(recording)
        self._recorder = recorder
        self._xdist = recording.xdist
        self._interrupted = ""
        self._internal_error = ""
        self._head: HeadCopy | None = None
        self._head_text = ""
        self._compared = False
        self._started_us = 0
        self._ended_us = 0
        self._dirty_check: DirtyCheck | None = None
        self.last_step: Callable[[], None] = lambda: None
        """Called after the log was closed."""

    # -------------------------------------------------------------- start

    def write_header(self) -> None:
        """Write `session.started`."""
        recording = self.recording
        header = build_header(
            recording.config, recording.settings, recording.session_id, recording.test_run, self.degrade
        )
        self._append(header)
        self._started_us = recording.writer.last_us
        if header.vcs is not None:
            self._dirty_check = DirtyCheck(recording.config.rootpath)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, None, None]:
        """Start to copy the terminal's output, and find out whether xdist runs the tests."""
        self.recording.ending.session = session
        self._prepare()
        return (yield)

    @guarded
    def _prepare(self) -> None:
        config = self.recording.config
        self._recorder.look_for_categories()
        self._recorder.attempts.keeps_bare_starts = config.pluginmanager.hasplugin("flaky")
        reporter = find_reporter(config)
        if reporter is not None:
            dump = TimeoutDump(self._recorder.write_cut_by_timeout)
            self._head = HeadCopy(reporter, lambda text: run_steps([("timeout", lambda: dump.add(text))], self.degrade))
        self._xdist.find_scheduler(config, self.recording.tests)

    def take_collected(self, items: list[pytest.Item]) -> None:
        """Note what is known once collection is over: plugins of a conftest.py, changes of the checkout, markers."""
        self._recorder.look_for_categories()
        self._describe_checkout()
        if not self._xdist.active:
            self._recorder.keep_markers(items)

    # -------------------------------------------------------------- end

    @guarded
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep the reason of an interruption: a person, `pytest.exit`, or errors of collection."""
        text = str(excinfo.value)
        reason = f"{excinfo.typename}: {text}" if text else excinfo.typename
        self._interrupted = clean_text(self.recording.redact(reason))[0]

    @guarded
    def pytest_internalerror(self, excrepr: object) -> None:
        """Keep an internal error of pytest."""
        self._internal_error = redact_shortened(self.recording.redact, str(excrepr), _ERROR_BYTES_MAX)[0]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write open tests and the terminal's sections after all other plugins; the seal follows."""
        ending = self.recording.ending
        ending.session = session
        self._stop_head()
        try:
            return (yield)
        except BaseException as error:
            ending.note_error("pytest_sessionfinish", error, exit_is_caught=True)
            raise
        finally:
            if os.getpid() == self.recording.os_pid:
                self._end(session)

    @guarded
    def _stop_head(self) -> None:
        if self._head is not None:
            self._head_text = self._head.stop()

    def _end(self, session: pytest.Session) -> None:
        steps: list[Step] = [
            ("strict", lambda: self._enforce_strict(session)),
            ("open tests", self._finish_open),
            ("vcs", lambda: self._describe_checkout(wait_s=_GIT_WAIT_S)),
            ("comparison", self._compare),
            ("sections", self._write_sections),
        ]
        run_steps(steps, self.degrade)
        self._ended_us = self.recording.writer.now_us()

    def settle(self) -> None:
        """Write open tests and compare the counts, before the summary is shown."""
        run_steps([("open tests", self._finish_open), ("comparison", self._compare)], self.degrade)

    def _enforce_strict(self, session: pytest.Session) -> None:
        recording = self.recording
        if recording.settings.strict and recording.tests.missing() and int(session.exitstatus) == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _finish_open(self) -> None:
        session = self.recording.ending.session
        was_cut = bool(self._interrupted or self._internal_error) and not self._xdist.active
        self._recorder.finish_open(session.items if session is not None and was_cut else None)

    def _compare(self) -> None:
        """Compare the recorded counts with those of pytest, once."""
        if self._compared:
            return
        self._compared = True
        recording = self.recording
        reporter = find_reporter(recording.config)
        own = recording.counts()
        if reporter is not None:
            recording.differences += compare_counts(own, shown_counts(reporter))
        session = recording.ending.session
        # A plugin with categories of its own may show a failure that it keeps from the exit status.
        if session is not None and not recording.categories.are_foreign:
            recording.differences += compare_failures(own, session.testsfailed, int(session.exitstatus))

    def _describe_checkout(self, wait_s: float = 0) -> None:
        """Write whether the work tree has changes, as soon as git has answered."""
        dirty = self._dirty_check.take_answer(wait_s) if self._dirty_check is not None else None
        if dirty is not None:
            self._append(SessionDescribed(dirty=dirty))

    def _write_sections(self) -> None:
        if self._head_text:
            run_steps([("section", lambda: self._write_section("test_session_starts", self._head_text))], self.degrade)
        reporter = find_reporter(self.recording.config)
        if reporter is None:
            return
        for name, text in summary_sections(reporter, output=self.recording.settings.output):
            run_steps([(f"section {name}", functools.partial(self._write_section, name, text))], self.degrade)

    def _write_section(self, name: str, text: str) -> None:
        clean, was, lossy = redact_shortened(self.recording.redact, text, _SECTION_BYTES_MAX)
        truncated = {"content": was} if was is not None else {}
        parts = [clean[i : i + _SECTION_PART_CHARS] for i in range(0, len(clean), _SECTION_PART_CHARS)]
        for number, part in enumerate(parts):
            event = OutputRecorded(name=name, content=part, part=number, lossy=lossy, truncated=truncated)
            self._append(event)

    # -------------------------------------------------------------- seal

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None, None, None]:
        """Write the seal after all other plugins and close the log; in a forked child, do neither."""
        recording = self.recording
        try:
            return (yield)
        except BaseException as error:
            recording.ending.note_error("pytest_unconfigure", error, exit_is_caught=False)
            raise
        finally:
            if recording in active:
                active.remove(recording)
            if os.getpid() == recording.os_pid:
                self._close()

    def _close(self) -> None:
        steps: list[Step] = [
            ("environment", unmark_recording),
            ("problem report", self._write_problems),
            ("seal", self._write_seal),
            ("close", self.recording.writer.close),
            ("git", self._dirty_check.stop if self._dirty_check is not None else lambda: None),
        ]
        run_steps(steps, self.degrade)
        self.last_step()

    def _write_problems(self) -> None:
        problems = self.recording.problems
        if problems:
            text = shorten(clean_text(self.recording.redact("; ".join(problems)))[0], _PROBLEMS_BYTES_MAX)[0]
            self._append(RecorderDegraded(reason=text, dropped=self.recording.dropped))

    def _write_seal(self) -> None:
        """Write the seal with the exit status of the process; without texts if they cannot be written."""
        recording = self.recording
        exit_status = recording.ending.exit_status
        if exit_status is None:
            return  # another plugin ended the run before its session began; nothing is known about its end
        writer = recording.writer
        fields: dict[str, Any] = {
            "exit_status": exit_status,
            "duration_us": max((self._ended_us or writer.now_us()) - self._started_us, 0),
            "dropped": recording.dropped,
        }
        error = "\n".join(text for text in (self._internal_error, recording.ending.error_text) if text)
        texts: dict[str, Any] = {"interrupted": self._interrupted, "internal_error": error}
        try:
            writer.seal(lambda count, root: SessionFinished(count=count, root=root, **fields, **texts))
        except ForkedWriterError:
            raise
        except Exception as problem:  # noqa: BLE001 - a seal without texts is better than none
            self.degrade("seal", problem)
            writer.seal(lambda count, root: SessionFinished(count=count, root=root, **fields))
