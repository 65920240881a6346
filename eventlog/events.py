"""Every event of log format 1, by what it means.

Events are facts: frozen, never edited. They carry no envelope (`v type stream seq at digest`); the
writer adds it and readers give it back with the event. A field left at its default is not
written. New fields get a default, and a field never changes its type (docs/format.md).

Units are part of the names: `_us` are integer microseconds. Times are ISO 8601 in UTC with
microseconds (`2026-11-21T01:23:45.123456Z`).
"""

from typing import Any, Literal

import msgspec

__all__ = [
    "SESSION_EVENTS",
    "Cause",
    "CollectionFailed",
    "CollectionSkipped",
    "Event",
    "EventsPurged",
    "Outcome",
    "OutputRecorded",
    "RecorderDegraded",
    "SessionCleared",
    "SessionDescribed",
    "SessionFinished",
    "SessionRestored",
    "SessionStarted",
    "SessionSuperseded",
    "SubtestFinished",
    "TestCut",
    "TestFinished",
    "TestStarted",
    "TestsAnnounced",
    "Truncation",
    "UnknownEvent",
    "Vcs",
    "WarningRecorded",
    "WorkerLost",
]

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "rerun", "other"]
"""Outcomes that this release knows; `other` is one that only another plugin knows, by the name in `category`."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of all events; a subclass names its literal tag once: `class X(Event, tag="x.happened")`."""

    __test__ = False  # names like TestFinished are not tests to pytest


class Vcs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The checkout a session ran in."""

    commit: str = ""
    branch: str = ""
    dirty: bool | None = None
    """True if the work tree differed from the commit; None in sessions whose `session.described` has it, and where it
    is not known."""
    remote: str = ""
    """URL of the remote `origin`, without credentials."""


class Truncation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Size and digest of a text before it was shortened to its head and tail."""

    bytes: int
    """Length of the original in UTF-8 bytes."""
    blake2b: str
    """BLAKE2b-128 of the original's UTF-8 bytes, in hex."""


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Place where an exception was raised, as in pytest's `reprcrash`."""

    path: str = ""
    lineno: int = 0
    message: str = ""


class SessionStarted(Event, frozen=True, kw_only=True, tag="session.started"):
    """Header of a session's stream."""

    session_id: str
    sut: str
    testing_system: dict[str, str] = {}
    pytest: str = ""
    python: str = ""
    plugins: dict[str, str] = {}
    args: list[str] = []
    places: list[str] | None = None
    """Files, folders and node ids that the run was told to take, within `rootdir`; empty for all, null if not known."""
    rootdir: str = ""
    vcs: Vcs | None = None
    ci: dict[str, str] = {}
    tags: dict[str, str] = {}
    env: dict[str, str] = {}
    """Only variables that the allow-list of the configuration names."""
    workers: int = 0
    """Number of xdist workers asked for; 0 without xdist."""
    output: str = "failed"
    """Of which tests captured output is recorded: `all`, `failed` or `none`."""
    writer: dict[str, str] = {}
    """Name and version of the writer, its durability tier, and its process: `host`, `boot_id`, `pid` and `started`.

    `started` is when it began, in clock ticks since the boot."""
    test_run: str = ""
    """Test run that this session is a part of; several sessions, such as the shards of a CI run, may share one."""
    variant: dict[str, str] = {}
    """Conditions under which the same tests run: `python`, `os`, the environment of tox or nox, and named values."""


class SessionDescribed(Event, frozen=True, kw_only=True, tag="session.described"):
    """Facts about a session that are known only after its header."""

    dirty: bool | None = None
    """True if the work tree differs from the commit; git answers in the background."""
    properties: list[tuple[str, Any]] = []
    """Properties that tests recorded with `record_testsuite_property`."""
    worker: str = ""
    """The xdist worker whose test did so."""
    lossy: bool = False


class TestsAnnounced(Event, frozen=True, kw_only=True, tag="tests.announced"):
    """Tests that collection promised to run; long lists come in several events."""

    nodeids: list[str]
    deselected: int = 0
    worker: str = ""
    """Only where workers run different sets (`--dist each`)."""


class CollectionFailed(Event, frozen=True, kw_only=True, tag="collection.failed"):
    """A collector could not be collected; terminal category `error`."""

    nodeid: str
    longreprtext: str = ""
    cause: Cause | None = None
    workers: list[str] = []
    lossy: bool = False
    truncated: dict[str, Truncation] = {}


class CollectionSkipped(Event, frozen=True, kw_only=True, tag="collection.skipped"):
    """A collector (usually a module) skipped itself as a whole; terminal category `skipped`."""

    nodeid: str
    reason: str = ""
    workers: list[str] = []
    lossy: bool = False


class TestStarted(Event, frozen=True, kw_only=True, tag="test.started"):
    """Written when a test starts, so that a killed run names what was running."""

    nodeid: str
    attempt: int = 1
    worker: str = ""


class TestFinished(Event, frozen=True, kw_only=True, tag="test.finished"):
    """One attempt of one test, all phases."""

    nodeid: str
    outcome: str
    """The verdict of this attempt, by the table in `eventlog.outcome`: one of `Outcome`. Readers take a value that they
    do not know as `other`, under its own name."""
    category: str = ""
    """Name of a terminal category that is not pytest's own, if one was decisive: another plugin counts the attempt as
    that. The outcome is `failed` if the report failed too, and otherwise `other`."""
    attempt: int = 1
    worker: str = ""
    started_at: str = ""
    duration_us: int = 0
    """Sum of the phases, by pytest's clock."""
    phases: dict[str, int] = {}
    """Duration in microseconds of `setup`, `call`, `teardown` as far as each was reported; `???` for a worker crash."""
    phase_outcomes: dict[str, str] = {}
    """Terminal category of each phase that did not simply pass, by name, also one of another
    plugin; empty if it counts as nothing. Together with `phases` it gives pytest's own counts: a passed phase counts
    only if it is the call."""
    crashed: bool = False
    """The worker process died in this test; the outcome is what xdist reported for it."""
    reason: str = ""
    """Of a skip, xfail or strict xpass."""
    longreprtext: str = ""
    cause: Cause | None = None
    capstdout: str = ""
    capstderr: str = ""
    caplog: str = ""
    user_properties: list[tuple[str, Any]] = []
    markers: list[str] = []
    tags: dict[str, str] = {}
    """From the marker `insight_tag(name, value)`."""
    file: str = ""
    """Source file, if it is not the part of `nodeid` before the first `::`."""
    lineno: int | None = None
    """First line of the test, counted from 1."""
    subtests: int = 0
    """Number of `subtest.finished` events of this attempt."""
    discarded_subtests: dict[str, int] = {}
    """Subtests of this attempt that pytest took back from its counts as the test was run again, by category."""
    lossy: bool = False
    """Something could not be recorded as it was: characters that UTF-8 cannot carry are written as `\\udcXX` escapes,
    a duration that is no number is 0, a value without text is named by its type."""
    truncated: dict[str, Truncation] = {}


class TestCut(Event, frozen=True, kw_only=True, tag="test.cut"):
    """Output of a test that was running when its run was interrupted, or its process ended by a timeout.

    Such a test has a `test.started` and no `test.finished`; this event is written only if there is something to say.
    """

    nodeid: str
    attempt: int = 1
    worker: str = ""
    longreprtext: str = ""
    """Stacks of the threads, as pytest-timeout showed them."""
    capstdout: str = ""
    capstderr: str = ""
    caplog: str = ""
    lossy: bool = False
    truncated: dict[str, Truncation] = {}


class SubtestFinished(Event, frozen=True, kw_only=True, tag="subtest.finished"):
    """One subtest of the attempt that runs; comes before its `test.finished`."""

    nodeid: str
    outcome: str
    ordinal: int
    """Counts the subtests of one attempt from 1."""
    category: str = ""
    """Category under which pytest counts it at the verbosity of the run, such as `subtests passed`; empty for a subtest
    that is not counted, and for a failed one, which counts as `failed`."""
    message: str = ""
    params: dict[str, str] = {}
    attempt: int = 1
    worker: str = ""
    started_at: str = ""
    duration_us: int = 0
    reason: str = ""
    longreprtext: str = ""
    cause: Cause | None = None
    capstdout: str = ""
    capstderr: str = ""
    caplog: str = ""
    lossy: bool = False
    truncated: dict[str, Truncation] = {}


class WarningRecorded(Event, frozen=True, kw_only=True, tag="warning.recorded"):
    """A Python warning that pytest saw."""

    category: str
    message: str
    nodeid: str = ""
    filename: str = ""
    lineno: int = 0
    when: str = ""
    """`config`, `collect` or `runtest`."""
    worker: str = ""
    lossy: bool = False
    truncated: dict[str, Truncation] = {}


class WorkerLost(Event, frozen=True, kw_only=True, tag="worker.lost"):
    """An xdist worker ended before its time."""

    worker: str
    running: list[str] = []
    error: str = ""


class OutputRecorded(Event, frozen=True, kw_only=True, tag="output.recorded"):
    """One section of the terminal output; a long one comes in several parts."""

    name: str
    content: str
    part: int = 0
    lossy: bool = False
    truncated: dict[str, Truncation] = {}


class RecorderDegraded(Event, frozen=True, kw_only=True, tag="recorder.degraded"):
    """The recorder could not do all of its work; what it lost is counted here."""

    reason: str
    dropped: int = 0


class SessionFinished(Event, frozen=True, kw_only=True, tag="session.finished"):
    """Seal of a session's stream."""

    exit_status: int
    duration_us: int = 0
    count: int
    """Events of the stream before the seal; equal to the seal's own `seq`."""
    root: str
    """BLAKE2b-128 over the `digest` hex strings of those events, in order of `seq`."""
    interrupted: str = ""
    """Reason of an interruption of pytest (`KeyboardInterrupt`, `Interrupted: ...`, `Exit: ...`); "" without one."""
    internal_error: str = ""
    dropped: int = 0
    """Events that could not be recorded."""


class SessionCleared(Event, frozen=True, kw_only=True, tag="session.cleared"):
    """A session (the stream `target`) is no longer to be shown."""

    target: str
    reason: str = ""


class SessionRestored(Event, frozen=True, kw_only=True, tag="session.restored"):
    """A cleared session is to be shown again."""

    target: str
    reason: str = ""


class SessionSuperseded(Event, frozen=True, kw_only=True, tag="session.superseded"):
    """A session (the stream `target`) gave way to another of the same label."""

    target: str
    by: str = ""
    reason: str = ""


class EventsPurged(Event, frozen=True, kw_only=True, tag="events.purged"):
    """Tombstone of what was physically removed from a log (`insight log purge`): merging an old copy does not bring it
    back, and seals are checked with the digests named here.
    """

    streams: list[str] = []
    """Streams that were removed as a whole."""
    lines: list[tuple[str, int, str]] = []
    """`(stream, seq, digest)` of lines that were replaced by ones without the removed text."""
    reason: str = ""


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type this release does not know: carried, counted, copied verbatim, never an error."""

    type: str
    fields: dict[str, Any]


SESSION_EVENTS: tuple[type[Event], ...] = (
    SessionStarted,
    SessionDescribed,
    TestsAnnounced,
    CollectionFailed,
    CollectionSkipped,
    TestStarted,
    TestFinished,
    TestCut,
    SubtestFinished,
    WarningRecorded,
    WorkerLost,
    OutputRecorded,
    RecorderDegraded,
    SessionFinished,
    SessionCleared,
    SessionRestored,
    SessionSuperseded,
    EventsPurged,
)
