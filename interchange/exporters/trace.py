"""A trace in the JSON format of Chrome, for ui.perfetto.dev: a process for each session, a thread for each worker."""

from collections.abc import Iterator
from typing import Any

import msgspec

from .sessions import ExportedAttempt, ExportedSession

_PHASES = ("setup", "call", "teardown")


def write_trace(sessions: list[ExportedSession]) -> Iterator[str]:
    """Yield the trace; times are whole microseconds since the first session began."""
    zero = min((session.row.started_us for session in sessions), default=0)
    yield '{"displayTimeUnit":"ms","traceEvents":[\n'
    before = ""
    for pid, session in enumerate(sessions, 1):
        for event in _events(session, pid, zero):
            yield before + msgspec.json.encode(event).decode()
            before = ",\n"
    yield "\n]}\n"


def _events(session: ExportedSession, pid: int, zero: int) -> Iterator[dict[str, Any]]:
    workers = sorted({test.worker for test in session.tests.values()})
    threads = {worker: number for number, worker in enumerate(workers, 1)}
    yield _name(pid, 0, "process_name", f"{session.row.sut} {session.row.session_id}")
    for worker, tid in threads.items():
        yield _name(pid, tid, "thread_name", worker or "main")
    attempts = [
        (threads[attempt.event.worker if attempt.event.worker in threads else test.worker], attempt)
        for test in session.tests.values()
        for attempt in test.attempts
    ]
    free_us: dict[int, int] = {}
    for tid, attempt in sorted(attempts, key=lambda item: (item[1].start_us, item[1].event.nodeid)):
        # Tests of a worker never overlap; times of several clocks, or rounded ones, may seem to.
        start_us = max(attempt.start_us - zero, free_us.get(tid, 0), 0)
        free_us[tid] = start_us + attempt.event.duration_us
        yield from _attempt(attempt, pid, tid, start_us)
    for test in session.tests.values():
        if test.running_since_us is not None:
            tid = threads[test.worker]
            start_us = max(test.running_since_us - zero, free_us.get(tid, 0))
            yield {"ph": "B", "name": test.nodeid, "cat": "running", "pid": pid, "tid": tid, "ts": start_us}


def _attempt(attempt: ExportedAttempt, pid: int, tid: int, start_us: int) -> Iterator[dict[str, Any]]:
    event = attempt.event
    place = {"pid": pid, "tid": tid}
    facts = {"outcome": attempt.outcome, "attempt": event.attempt} | (
        {"message": attempt.message} if attempt.message else {}
    )
    yield {
        "ph": "X",
        "name": event.nodeid,
        "cat": "test",
        **place,
        "ts": start_us,
        "dur": event.duration_us,
        "args": facts,
    }
    at_us, end_us = start_us, start_us + event.duration_us
    for phase in (*_PHASES, *(name for name in event.phases if name not in _PHASES)):
        if phase not in event.phases:
            continue
        took_us = min(event.phases[phase], end_us - at_us)
        yield {"ph": "X", "name": phase, "cat": "phase", **place, "ts": at_us, "dur": took_us}
        at_us += took_us
    if event.outcome in ("failed", "error", "rerun"):
        yield {
            "ph": "i",
            "name": f"{attempt.outcome}: {attempt.message}"[:200],
            "cat": "failure",
            **place,
            "ts": end_us,
            "s": "t",
        }


def _name(pid: int, tid: int, kind: str, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"name": name}}
