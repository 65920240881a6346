"""Events as lines for people: pure functions, used by `insight tail`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...eventlog.events import (
    CollectionFailed,
    CollectionSkipped,
    Event,
    EventsPurged,
    RecorderDegraded,
    SessionCleared,
    SessionDescribed,
    SessionFinished,
    SessionRestored,
    SessionStarted,
    SessionSuperseded,
    SubtestFinished,
    TestCut,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    UnknownEvent,
    WarningRecorded,
    WorkerLost,
)
from ...eventlog.outcome import missing_tests
from ...eventlog.times import parse_time, to_datetime
from ..terminal.safe import safe, safe_line
from .values import duration_text

_VISIBILITY: dict[type[Event], str] = {
    SessionCleared: "cleared",
    SessionRestored: "restored",
    SessionSuperseded: "superseded",
}
"""State of the session that an event names, after the event."""

TRACE_LINES_MAX = 30


@dataclass
class EventLine:
    """One line of output: words, the word that is coloured, and whether it belongs to the line before."""

    text: str
    style: str = ""
    detail: bool = False


@dataclass
class SessionState:
    """State of a session while its events are shown."""

    session_id: str
    sut: str = ""
    announced: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Tests to be run, by `(worker, nodeid)`; the worker is empty unless each worker runs a set of its own."""
    reported: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Those that have a result, by the same names."""
    each: bool = False
    """Each worker runs a set of its own."""
    running: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Time of start by `(worker, nodeid)`."""
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    sealed: bool = False
    test_run: str = ""
    host: str = ""
    writer_pid: int = 0
    """Process that writes the session, on `host`; 0 if the log does not say."""
    started_us: int = 0
    stuck_s: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """After how many seconds a test of `running` is said to be stuck the next time."""
    gone: bool = False
    """It was said that its writer is gone, or that this is not known."""
    writer: dict[str, str] = field(default_factory=dict[str, str])
    """Fields of the header about the process that writes the session."""
    log: Path | None = None
    """The file that the last event of it was read from."""
    suspected: bool = False
    """Its writer was not there at the last look; its seal may be among what was not read yet."""


def render(event: Event | UnknownEvent, state: SessionState, at: str) -> Iterator[EventLine]:  # noqa: C901, PLR0912 - a table
    """Yield the lines that tell an event, and note in `state` what it changes.

    Args:
        event: what happened.
        state: the session it belongs to.
        at: when it was recorded.
    """
    match event:
        case SessionStarted():
            yield from _started_lines(event, state, at)
        case TestsAnnounced():
            state.each = state.each or bool(event.worker)
            state.announced.update((event.worker, nodeid) for nodeid in event.nodeids)
        case TestStarted():
            state.running[event.worker, event.nodeid] = at
        case TestFinished():
            yield from _finished_lines(event, state)
        case TestCut():
            yield EventLine(f"{'CUT':<8}{safe_line(event.nodeid)}{_on(event.worker)}, had written until then:", "cut")
            for text in (event.longreprtext, event.capstdout, event.capstderr, event.caplog):
                yield from _trace(text)
        case SubtestFinished() if event.outcome in ("failed", "error"):
            name = event.message or ", ".join(f"{key}={value}" for key, value in event.params.items())
            yield EventLine(f"{'SUBTEST':<8}{safe_line(event.nodeid)} [{safe_line(name)}]", event.outcome)
            yield from _trace(event.longreprtext)
        case CollectionFailed():
            yield EventLine(f"{'ERROR':<8}collecting {safe_line(event.nodeid)}", "error")
            yield from _trace(event.longreprtext)
        case CollectionSkipped():
            yield EventLine(f"{'SKIPPED':<8}{safe_line(event.nodeid)}  {safe_line(event.reason)}", "skipped")
        case WarningRecorded():
            yield EventLine(f"{'WARNING':<8}{safe_line(event.category)}: {safe_line(event.message)[:200]}", "skipped")
        case WorkerLost():
            for key in [key for key in state.running if key[0] == event.worker]:
                del state.running[key]
            running = ", ".join(event.running) or "nothing"
            error = f": {safe_line(event.error)}" if event.error else ""
            yield EventLine(
                f"{'LOST':<8}worker {safe_line(event.worker)}, running {safe_line(running)}{error}", "crashed"
            )
        case RecorderDegraded():
            what = f"{event.dropped} events not recorded" if event.dropped else "recording was degraded"
            yield EventLine(f"{'NOTE':<8}{what}: {safe_line(event.reason)}", "skipped")
        case SessionFinished():
            yield from _sealed_lines(event, state)
        case SessionDescribed():
            yield from _described_lines(event)
        case SessionCleared() | SessionRestored() | SessionSuperseded():
            what = _VISIBILITY[type(event)]
            reason = f": {safe_line(event.reason)}" if event.reason else ""
            yield EventLine(f"{'NOTE':<8}session {safe_line(event.target[:12])} {what}{reason}", "skipped")
        case EventsPurged():
            reason = f": {safe_line(event.reason)}" if event.reason else ""
            count = f"{len(event.streams)} sessions and {len(event.lines)} lines"
            yield EventLine(f"{'NOTE':<8}{count} purged from the log{reason}", "skipped")
        case _:
            return


def running_lines(state: SessionState, now_us: int) -> Iterator[EventLine]:
    """Yield a line for each test that was started and has no result."""
    for (worker, nodeid), at in state.running.items():
        took = duration_text(max(now_us - parse_time(at), 0))
        yield EventLine(f"{'RUNNING':<8}{safe_line(nodeid)}{_on(worker)}  for {took}", "running")


def stuck_lines(state: SessionState, now_us: int, after_s: float) -> Iterator[EventLine]:
    """Yield a line for each test that has been running for so long, and again whenever that time has doubled."""
    for (worker, nodeid), at in state.running.items():
        took_us = max(now_us - parse_time(at), 0)
        due_s = state.stuck_s.get((worker, nodeid), after_s)
        if took_us >= due_s * 1_000_000:
            while due_s * 1_000_000 <= took_us:
                due_s *= 2
            state.stuck_s[worker, nodeid] = due_s
            yield EventLine(f"{'STUCK':<8}{safe_line(nodeid)}{_on(worker)}  for {duration_text(took_us)}", "crashed")


def gone_line(state: SessionState) -> EventLine:
    """Return what is said of a session whose writer has ended without a seal."""
    state.gone = True
    running = ", ".join(f"{safe_line(nodeid)}{_on(worker)}" for worker, nodeid in state.running) or "nothing"
    state.running.clear()
    who = f"session {safe_line(state.session_id)}, process {state.writer_pid}"
    return EventLine(f"{'GONE':<8}{who} ended without a word (killed), running {running}", "crashed")


def unknown_line(state: SessionState) -> EventLine:
    """Return what is said of a session without a seal of which it cannot be told whether it runs."""
    state.gone = True
    return EventLine(
        f"{'UNKNOWN':<8}session {safe_line(state.session_id)}: whether it still runs cannot be told", "skipped"
    )


def outcome_of(event: Event | UnknownEvent) -> str:
    """Return the outcome an event reports; empty if it reports none."""
    if isinstance(event, CollectionFailed):
        return "error"
    return event.outcome if isinstance(event, (TestFinished, SubtestFinished)) else ""


def named_outcome(event: TestFinished) -> str:
    """Return the outcome of an attempt; one that another plugin named goes by that name."""
    return event.category or "other" if event.outcome == "other" else event.outcome


def _started_lines(event: SessionStarted, state: SessionState, at: str) -> Iterator[EventLine]:
    state.session_id, state.sut, state.test_run = event.session_id, event.sut, event.test_run
    pid = event.writer.get("pid", "")
    state.host, state.writer_pid = (
        event.writer.get("host", "") or event.testing_system.get("host", ""),
        int(pid) if pid.isascii() and pid.isdigit() else 0,
    )
    state.started_us, state.writer = parse_time(at), dict(event.writer)
    moment = to_datetime(parse_time(at)).astimezone()
    commit = f", commit {event.vcs.commit[:12]}" if event.vcs is not None and event.vcs.commit else ""
    workers = f", {event.workers} workers" if event.workers else ""
    run = f", run {event.test_run}" if event.test_run else ""
    text = f"session {event.session_id} of {event.sut}, {moment:%Y-%m-%d %H:%M:%S}{commit}{workers}{run}"
    yield EventLine(f"=== {safe_line(text)}", "bold")


def _described_lines(event: SessionDescribed) -> Iterator[EventLine]:
    if event.dirty is not None:
        yield EventLine(f"{'NOTE':<8}the checkout has {'' if event.dirty else 'no '}changes", "dim")
    for name, value in event.properties:
        yield EventLine(f"{'NOTE':<8}{safe_line(name)} = {safe_line(str(value))}{_on(event.worker)}", "dim")


def _finished_lines(event: TestFinished, state: SessionState) -> Iterator[EventLine]:
    state.running.pop((event.worker, event.nodeid), None)
    state.stuck_s.pop((event.worker, event.nodeid), None)
    state.reported.add((event.worker if state.each else "", event.nodeid))
    word = "crashed" if event.crashed else named_outcome(event)
    state.outcomes[word] = state.outcomes.get(word, 0) + 1
    attempt = f" (attempt {event.attempt})" if event.attempt > 1 or event.outcome == "rerun" else ""
    reason = f"  {safe_line(event.reason)}" if event.reason else ""
    duration = duration_text(event.duration_us)
    label = safe_line(word.upper())
    yield EventLine(f"{label:<7} {safe_line(event.nodeid)}{attempt}{_on(event.worker)}  {duration}{reason}", word)
    if event.outcome in ("failed", "error"):
        yield from _trace(event.longreprtext)


def _sealed_lines(event: SessionFinished, state: SessionState) -> Iterator[EventLine]:
    state.sealed = True
    yield from running_lines(state, 0)
    counts = ", ".join(f"{count} {safe_line(word)}" for word, count in sorted(state.outcomes.items())) or "no tests ran"
    without = len(missing_tests(state.announced, state.reported))
    missing = f", {without} not reported" if without else ""
    error = event.internal_error.partition("\n")[0]
    why = "".join(f", {safe_line(text)}" for text in (event.interrupted, error) if text)
    took = duration_text(event.duration_us)
    yield EventLine(
        f"=== session {safe_line(state.session_id)}: {counts}{missing} in {took}, exit {event.exit_status}{why}", "bold"
    )


def _trace(text: str) -> Iterator[EventLine]:
    lines = safe(text).rstrip("\n").split("\n") if text else []
    if len(lines) > TRACE_LINES_MAX:
        half = TRACE_LINES_MAX // 2
        lines = [*lines[:half], f"[... {len(lines) - 2 * half} lines left out ...]", *lines[-half:]]
    for line in lines:
        yield EventLine(f"        {line}", "dim", detail=True)


def _on(worker: str) -> str:
    return f" [{safe_line(worker)}]" if worker else ""
