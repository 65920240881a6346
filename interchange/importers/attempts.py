"""Attempts of foreign reports as events of the log."""

from dataclasses import dataclass, field
from typing import Any

from ...eventlog.events import TestFinished
from ...eventlog.outcome import attempt_outcome
from ...eventlog.times import format_time
from .protocol import TimedEvent
from .values import message_line

_NO_MARK: dict[str, str] = {}
UNPLACED_MARKS = {"identity": "class and name of the report"}
"""Tags of an attempt whose node id is made of the names in the file."""

_PHASES = {"skipped": "setup"}


@dataclass(slots=True)
class ForeignAttempt:
    """One attempt of one test, with what a file says about it."""

    nodeid: str
    outcome: str
    number: int = 1
    placed: bool = True
    phase: str = ""
    """Phase that decided; empty for the usual one of the outcome."""
    category: str = ""
    duration_us: int | None = None
    start_us: int | None = None
    reason: str = ""
    """Of a skip or an expected failure."""
    text: str = ""
    """Traceback, or whatever tells why."""
    message: str = ""
    """Its first line, if the file has it apart."""
    out: str = ""
    err: str = ""
    log: str = ""
    worker: str = ""
    properties: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    file: str = ""
    lineno: int | None = None
    call_failed: bool = False
    """The call had failed before the teardown had its error."""


def discard(attempt: ForeignAttempt) -> None:
    """Turn an attempt into one that was taken back for another: a bad one is a rerun, any other stays as it is."""
    if attempt.outcome in ("failed", "error") or attempt.category:
        attempt.outcome, attempt.category, attempt.phase, attempt.call_failed = "rerun", "", "call", False


def finished(attempt: ForeignAttempt) -> TimedEvent:
    """Return an attempt as an event."""
    took_us = attempt.duration_us or 0
    phase = attempt.phase or _PHASES.get(attempt.outcome, "call")
    phases = {phase: took_us}
    outcomes: dict[str, str] = {}
    if attempt.outcome != "passed":
        outcomes[phase] = attempt.category or attempt.outcome
    if phase == "teardown":
        phases = {"call": took_us, "teardown": 0}
        if attempt.call_failed:
            outcomes = {"call": "failed", "teardown": outcomes[phase]}
    text = attempt.text or attempt.message
    if attempt.message and message_line(attempt.message) not in text:
        text = f"{attempt.message}\n{text}"
    failed = attempt.outcome == "failed" and bool(attempt.category)
    event = TestFinished(
        nodeid=attempt.nodeid,
        outcome=attempt_outcome(phases, outcomes, failed=failed) or attempt.outcome,
        category=attempt.category,
        attempt=attempt.number,
        worker=attempt.worker,
        started_at="" if attempt.start_us is None else format_time(attempt.start_us),
        duration_us=took_us,
        phases=phases,
        phase_outcomes=outcomes,
        reason=attempt.reason,
        longreprtext=text,
        capstdout=attempt.out,
        capstderr=attempt.err,
        caplog=attempt.log,
        user_properties=attempt.properties,
        tags=attempt.tags if attempt.placed else attempt.tags | UNPLACED_MARKS,
        file=attempt.file,
        lineno=attempt.lineno,
        lossy=attempt.duration_us is None,
    )
    end_us = None if attempt.start_us is None else attempt.start_us + took_us
    return TimedEvent(event, end_us, took_us)
