"""CTRF 1.0.0, the Common Test Report Format."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ...eventlog.outcome import KNOWN
from ...eventlog.times import format_time
from .sessions import INTERRUPTED, ExportedAttempt, ExportedSession, ExportedTest

VERSION = "1.0.0"
_STATUSES = {
    "passed": "passed", "xpassed": "passed", "failed": "failed", "error": "failed", "rerun": "failed",
    INTERRUPTED: "failed", "skipped": "skipped", "xfailed": "skipped",
}  # fmt: skip
_COUNTED = ("passed", "failed", "skipped", "pending", "other")
_COLLECTION = "collection failure"


def write_ctrf(sessions: list[ExportedSession]) -> Iterator[str]:
    """Yield a CTRF report.

    Raises:
        ValueError: there is not exactly one session; the format has no place for more.
    """
    if len(sessions) != 1:
        raise ValueError(f"ctrf: a report holds one session, and {len(sessions)} are chosen; name one by --session")
    yield msgspec.json.format(msgspec.json.encode(_report(sessions[0])), indent=1).decode() + "\n"


def _report(session: ExportedSession) -> dict[str, Any]:
    row, header = session.row, session.header
    tests = [_test(test) for test in session.tests.values()]
    tests += [_collection(failed.nodeid, "failed", failed.longreprtext) for failed in session.collection_errors]
    tests += [_collection(skipped.nodeid, "skipped", skipped.reason) for skipped in session.collection_skips]
    counts = {name: sum(test["status"] == name for test in tests) for name in _COUNTED}
    start, stop = row.started_us // 1000, (row.started_us + row.duration_us) // 1000
    environment: dict[str, Any] = {"appName": row.sut}
    if header.vcs is not None:
        known = {"commit": header.vcs.commit, "branchName": header.vcs.branch, "repositoryUrl": header.vcs.remote}
        environment |= {name: value for name, value in known.items() if value}
    if row.exit_status is not None:
        environment["extra"] = {"insight.exit_status": row.exit_status}
    return {
        "reportFormat": "CTRF",
        "specVersion": VERSION,
        "timestamp": format_time(row.started_us),
        "generatedBy": "pytest-insight",
        "results": {
            "tool": {"name": "pytest", **({"version": header.pytest} if header.pytest else {})},
            "summary": {"tests": len(tests), **counts, "flaky": sum(test.is_flaky for test in session.tests.values()),
                        "start": start, "stop": stop, "duration": stop - start},
            "environment": environment,
            "tests": tests,
        },
    }  # fmt: skip


def _test(test: ExportedTest) -> dict[str, Any]:
    file, *classes = test.nodeid.partition("[")[0].split("::")
    fields: dict[str, Any] = {
        "name": test.nodeid,
        "status": _status(test.verdict, bad=test.is_bad),
        "duration": 0,
        "suite": [file, *classes[:-1]],
        "filePath": file,
    }
    if test.attempts:
        last = test.attempts[-1]
        fields |= _attempt(last)
        fields["status"] = _status(test.verdict, bad=test.is_bad)
        if last.event.lineno:
            fields["line"] = last.event.lineno
    raw = INTERRUPTED if test.running_since_us is not None else _raw(test.attempts[-1])
    if raw:
        fields["rawStatus"] = raw
    if test.worker:
        fields["threadId"] = test.worker
    if test.running_since_us is not None:
        fields["message"] = "was running when its session ended"
    elif len(test.attempts) > 1:
        fields["retries"] = len(test.attempts) - 1
        fields["retryAttempts"] = [
            {"attempt": number, "status": _status(attempt.outcome, bad=False), **_attempt(attempt)}
            for number, attempt in enumerate(test.attempts[:-1], 1)
        ]
    if test.is_flaky:
        fields["flaky"] = True
    return fields


def _status(verdict: str, *, bad: bool) -> str:
    return _STATUSES.get(verdict) or ("failed" if bad else "other")


def _raw(attempt: ExportedAttempt) -> str:
    """Return the outcome in words that importers know, if the status does not say it."""
    phases, outcome = attempt.event.phase_outcomes, attempt.event.outcome
    if outcome == "error":
        return next((f"{name}_failed" for name in ("teardown", "setup") if phases.get(name) == "error"), "error")
    if outcome in ("xfailed", "xpassed", "rerun"):
        return outcome
    return attempt.outcome if attempt.outcome not in KNOWN else ""


def _attempt(attempt: ExportedAttempt) -> dict[str, Any]:
    event = attempt.event
    start, duration = attempt.start_us // 1000, round(event.duration_us / 1000)
    fields: dict[str, Any] = {"duration": duration, "start": start, "stop": start + duration}
    message = event.reason if event.outcome in ("skipped", "xfailed") else attempt.message
    texts = {"message": message, "trace": event.longreprtext}
    output = {"stdout": event.capstdout.splitlines(), "stderr": event.capstderr.splitlines()}
    return fields | {name: value for name, value in (*texts.items(), *output.items()) if value}


def _collection(nodeid: str, status: str, text: str) -> dict[str, Any]:
    raw = "error" if status == "failed" else "skipped"
    fields: dict[str, Any] = {"name": nodeid, "status": status, "rawStatus": raw, "duration": 0, "filePath": nodeid}
    return fields | ({"message": _COLLECTION, "trace": text} if text else {"message": _COLLECTION})
