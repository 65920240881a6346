"""State of one recorded session that its hooks share: settings, writer, results so far, and errors of the recorder."""

import os
from collections import Counter
from typing import Any

import pytest

from ..eventlog.errors import ForkedWriterError
from ..eventlog.events import Event
from ..eventlog.plain import type_name
from .attempts.announced import AnnouncedTests
from .attempts.categories import Categories
from .attempts.tally import Tally
from .attempts.texts import Policy
from .header.metadata import find_test_run
from .lifecycle.ending import Ending
from .redaction.events import RedactingWriter
from .redaction.redactor import Redactor
from .settings import Settings
from .xdist_run import XdistRun

_REASONS_MAX = 10
_REASONS_SHOWN = 3

active: list["Recording"] = []
"""Recordings of this process. A pytest run inside a test of a recorded run finds its outer recording here."""


class Recording:
    """One recorded session.

    Args:
        config: of the pytest run.
        settings: of the recorder.
        writer: appends events to the log.
        profile: name of the profile; empty for a log given by its path.
        redact: takes secrets out of texts.

    Attributes:
        off: True in a forked child, which must not write.
        deselected: number of deselected tests.
        differences: differences between the recorded counts and those of pytest.
    """

    def __init__(
        self, config: pytest.Config, settings: Settings, writer: RedactingWriter, profile: str, redact: Redactor
    ) -> None:
        self.config = config
        self.settings = settings
        self.writer = writer
        self.profile = profile
        self.redact = redact
        self.policy = Policy(settings.output, settings.output_limit, redact)
        self.session_id = writer.stream[:12]
        self.test_run = find_test_run(settings.run, os.environ)
        if settings.sync and not self.test_run:
            self.test_run = f"run-{self.session_id}"
        self.os_pid = os.getpid()
        self.off = False
        self.tests = AnnouncedTests()
        self.xdist = XdistRun()
        self.categories = Categories(config)
        self.tally = Tally()
        self.deselected = 0
        self.ending = Ending()
        self.differences: list[str] = []
        self._dropped = 0
        self._reasons: list[str] = []

    def append(self, event: Event) -> None:
        """Append an event to the log."""
        self.writer.append(event)

    def counts(self) -> Counter[str]:
        """Return the recorded counts by terminal category, as in the last line of pytest."""
        return self.tally.counts({"deselected": self.deselected})

    @property
    def dropped(self) -> int:
        """Number of events that could not be recorded and never will be."""
        return self._dropped + self.writer.dropped

    @property
    def problems(self) -> list[str]:
        """Everything that went wrong with the recording so far, one text each."""
        return [*self.differences, *self._reasons, *self.writer.troubles]

    def describe_problems(self) -> str:
        """Return the line for the terminal that tells what went wrong; empty if nothing did."""
        reasons = self.problems
        if not reasons:
            return ""
        dropped = self.dropped + self.writer.held
        lost = (
            f"{dropped} event{'' if dropped == 1 else 's'} could not be recorded"
            if dropped
            else ("the record differs from pytest" if self.differences else "recording was degraded")
        )
        return f"insight: {lost}: {'; '.join(reasons[:_REASONS_SHOWN])}"

    def degrade(self, where: str, error: BaseException) -> None:
        """Count an event that was lost in the recorder, and keep the reason.

        Args:
            where: hook or step that failed.
            error: the exception.
        """
        if isinstance(error, ForkedWriterError):
            self.off = True  # a forked child of the tested code; the parent goes on recording
            return
        self._dropped += 1
        try:
            reason = f"{where}: {type_name(error)}: {error}"
        except Exception:  # noqa: BLE001 - an exception whose text cannot be made
            reason = f"{where}: {type_name(error)}"
        if reason not in self._reasons and len(self._reasons) < _REASONS_MAX:
            self._reasons.append(reason)


class RecordingHooks:
    """Base of the plugins of one recording.

    Args:
        recording: the session.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.degrade = recording.degrade
        """Called by `guarded` with the name of a hook that failed, and the error."""
        self._append: Any = recording.writer.append
