"""Spans of OpenTelemetry as OTLP JSON: a trace for each session, a span for each attempt of a test.

The names of attributes are those of the semantic conventions of tests, which are in development.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from .sessions import ExportedAttempt, ExportedSession

CONVENTIONS = "https://opentelemetry.io/schemas/1.37.0"
_INTERNAL, _OK, _ERROR = 1, 1, 2
_RESULTS = {"passed": "pass", "xpassed": "pass", "xfailed": "pass", "failed": "fail", "error": "fail", "rerun": "fail"}


def write_otlp(sessions: list[ExportedSession]) -> Iterator[str]:
    """Yield the spans."""
    spans = [_resource(session) for session in sessions]
    yield msgspec.json.encode({"resourceSpans": spans}).decode() + "\n"


def _resource(session: ExportedSession) -> dict[str, Any]:
    row, header = session.row, session.header
    facts = {"service.name": row.sut, "host.name": header.testing_system.get("host", "")}
    if header.vcs is not None:
        facts |= {"vcs.ref.head.revision": header.vcs.commit, "vcs.ref.head.name": header.vcs.branch}
    root = _span_id(row.stream, "session")
    bad = any(test.is_bad for test in session.tests.values()) or bool(session.collection_errors)
    status = "aborted" if not session.is_complete else "failure" if bad else "success"
    whole = _span(row.stream, root, "", "pytest", row.started_us, row.duration_us, failed=status != "success")
    whole["attributes"] = _attributes({"test.suite.name": row.sut, "test.suite.run.status": status})
    attempts = [attempt for test in session.tests.values() for attempt in test.attempts]
    spans = [whole, *(_attempt(attempt, row.stream, root) for attempt in attempts)]
    scope = {"scope": {"name": "pytest-insight"}, "spans": spans, "schemaUrl": CONVENTIONS}
    return {"resource": {"attributes": _attributes(facts)}, "scopeSpans": [scope], "schemaUrl": CONVENTIONS}


def _attempt(attempt: ExportedAttempt, stream: str, root: str) -> dict[str, Any]:
    event = attempt.event
    failed = event.outcome in ("failed", "error", "rerun")
    span_id = _span_id(stream, f"{event.nodeid} {event.worker} {event.attempt}")
    span = _span(stream, span_id, root, event.nodeid, attempt.start_us, event.duration_us, failed=failed)
    status = _RESULTS.get(event.outcome, attempt.outcome)
    number = {"key": "insight.attempt", "value": {"intValue": str(event.attempt)}}
    span["attributes"] = [*_attributes({"test.case.name": event.nodeid, "test.case.result.status": status}), number]
    if failed and attempt.message:
        span["status"]["message"] = attempt.message
    return span


def _span(
    trace: str, span: str, parent: str, name: str, start_us: int, took_us: int, *, failed: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": trace,
        "spanId": span,
        "name": name,
        "kind": _INTERNAL,
        "startTimeUnixNano": str(start_us * 1000),
        "endTimeUnixNano": str((start_us + took_us) * 1000),
        "status": {"code": _ERROR if failed else _OK},
    }
    return found | ({"parentSpanId": parent} if parent else {})


def _span_id(stream: str, name: str) -> str:
    return blake2b(f"{stream} {name}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _attributes(facts: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in facts.items() if value]
