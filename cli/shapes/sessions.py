"""Shapes of `insight session` and `insight history`."""

# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# Shapes of answers are derived when the module is imported.

from typing import Any

from msgspec import UNSET

from ...api.internal.history import SessionStatus, TestRunTotal
from .base import Optional, Shape, Utc, derived


class SessionShape(Shape):
    """A recorded session."""

    session_id: str
    stream: str
    """Identity of the session; the id is a label that several may have."""
    sut: str
    test_run: str
    """Test run that the session is a part of."""
    status: SessionStatus
    state: str
    """`running`, `passed`, `failed`, `errors in collection`, `no tests`, `usage error`, `internal error`,
    `interrupted`, `killed`, `unknown`, `incomplete` or `exit status N`."""
    is_future: bool
    """It claims to have started more than a day from now."""
    started_at: Utc
    duration_s: float
    exit_status: int | None
    """Of pytest; null if the session was not closed."""
    counts: dict[str, int]
    """As in pytest's last line."""
    verdicts: dict[str, int]
    """Tests by verdict, and how many of them were `flaky`."""
    missing: int
    """Announced tests without a verdict."""
    running: list[str]
    """Tests that were started and have no result."""
    interrupted: str
    """Why the session was ended early."""
    dropped: int
    """Events that could not be recorded."""
    commit: str
    branch: str
    variant: dict[str, str]
    """Conditions that the tests run under on purpose: Python, operating system, named values."""
    deselected: int
    collection_failed: list[str]
    """Modules that could not be collected."""
    tags: dict[str, str]


class ResultShape(Shape):
    """One attempt of one test, as `TestResult.to_dict` returns it."""

    nodeid: str
    outcome: str
    start_time: Utc
    stop_time: Utc
    duration: float
    """Seconds."""
    caplog: str
    capstderr: str
    capstdout: str
    longreprtext: str
    has_warning: bool
    category: str | Optional = UNSET
    """Of an outcome that only another plugin knows: its name."""


class SessionDetailsShape(SessionShape):
    """A recorded session with everything in it."""

    testing_system: dict[str, str]
    pytest: str
    python: str
    plugins: dict[str, str]
    args: list[str]
    rootdir: str
    vcs: dict[str, Any] | None
    ci: dict[str, str]
    not_run: list[str]
    """Announced tests that never started."""
    internal_error: str
    properties: list[tuple[str, Any]]
    """Of `record_testsuite_property`."""
    notes: list[dict[str, Any]]
    """Events about the session as a whole, as docs/format.md lists their fields."""
    results: list[ResultShape]
    output: dict[str, str]
    """Sections of the terminal output by name."""


class TestRunTotalShape(derived(TestRunTotal, "duration_us")):
    """Total of the sessions of one test run."""

    __test__ = False

    duration_s: float
    """From the first start to the last end."""


class TestRunShape(Shape):
    """The sessions of one test run."""

    __test__ = False

    sessions: list[SessionShape]
    total: TestRunTotalShape | None
    """Their common result; null without a session."""


class RefusedTestShape(Shape):
    """A node id of a log that `session run` does not pass to pytest."""

    nodeid: str
    reason: str


class RerunShape(Shape):
    """Tests that `insight session rerun` would run."""

    session_id: str
    sut: str
    tests: list[str]
    refused: list[RefusedTestShape]


class PlayedSessionShape(Shape):
    """A session as the terminal showed it."""

    session_id: str
    until: int | None
    """`seq` of the last event that is shown; null for all."""
    lines: list[str]


SessionList = list[SessionShape] | TestRunShape
