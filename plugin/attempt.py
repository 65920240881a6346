"""Collect the reports of one attempt of one test, and turn them into its event.

Reports are kept until the attempt is over: pytest and other plugins still change them after our hook has seen them
(rerunfailures sets `rerun`, pytest's subtests fail the parent), and only the last one has all captured output.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest

from ..eventlog.events import Cause, Outcome, SubtestFinished, TestFinished, Truncation
from ..eventlog.plain import clean_text, plain
from ..eventlog.verdict import attempt_outcome
from .redact import Redactor
from .redact_long import redact_shortened

CRASH_PHASE = "???"
_OUTPUT_OF_FAILED = frozenset({"failed", "error", "rerun"})
_TEXT_BYTES_MAX = 64 * 1024


class Policy(NamedTuple):
    """What of a test is recorded."""

    output: str
    """`all`, `failed` or `none`."""
    output_limit_bytes: int
    redact: Redactor


class Texts(NamedTuple):
    """The long texts of a report."""

    longreprtext: str
    reason: str
    capstdout: str
    capstderr: str
    caplog: str
    truncated: dict[str, Truncation]
    lossy: bool


class Attempt:
    """One attempt of one test while it runs."""

    __slots__ = (
        "group",
        "location",
        "nodeid",
        "number",
        "reports",
        "started_at",
        "subtests",
        "subtests_failed",
        "worker",
    )

    def __init__(self, nodeid: str, number: int, worker: str, started_at: str, location: Any, group: str = "") -> None:
        self.nodeid = nodeid
        self.number = number
        self.worker = worker
        self.started_at = started_at
        self.location = location
        self.group = group
        self.reports: list[pytest.TestReport] = []
        self.subtests = 0
        self.subtests_failed = False

    def finish(self, policy: Policy, markers: tuple[list[str], dict[str, str]] | None) -> TestFinished | None:
        """Return the event for this attempt, or None if its reports do not say how it ended."""
        phases: dict[str, int] = {}
        phase_outcomes: dict[str, Outcome] = {}
        total_us = 0
        plain_pass = True
        for report in self.reports:
            when = report.when or CRASH_PHASE
            duration_us = round(report.duration * 1_000_000)
            phases[when] = duration_us
            total_us += duration_us
            if report.outcome != "passed" or hasattr(report, "wasxfail"):
                plain_pass = False
                outcome = phase_outcome(report)
                if outcome is not None:
                    phase_outcomes[when] = outcome
        outcome = attempt_outcome(phases, phase_outcomes, subtest_failed=self.subtests_failed)
        if outcome is None:
            return None
        fields: dict[str, Any] = {}
        last = self.reports[-1]
        if not plain_pass or last.sections or last.user_properties:
            fields = self._details(outcome, phase_outcomes, policy)
        if markers is not None:
            fields["markers"], fields["tags"] = markers
        if self.group:
            fields["tags"] = fields.get("tags", {}) | {"xdist_group": self.group}
        self._place(fields)
        return TestFinished(
            nodeid=self.nodeid,
            outcome=outcome,
            attempt=self.number,
            worker=self.worker,
            started_at=self.started_at,
            duration_us=total_us,
            phases=phases,
            phase_outcomes=phase_outcomes,
            subtests=self.subtests,
            **fields,
        )

    def subtest(self, report: Any, policy: Policy, outcome: Outcome) -> SubtestFinished:
        """Return the event for a subtest of this attempt, and count it."""
        self.subtests += 1
        self.subtests_failed = self.subtests_failed or outcome == "failed"
        texts = _texts([report], report.sections, policy, with_output=_wants_output(outcome, policy))
        message, lossy = clean_text(str(report.context.msg or ""))
        params = {str(key): str(value) for key, value in report.context.kwargs.items()}
        return SubtestFinished(
            nodeid=self.nodeid,
            outcome=outcome,
            ordinal=self.subtests,
            message=message,
            params=params,
            attempt=self.number,
            worker=self.worker,
            duration_us=round(report.duration * 1_000_000),
            cause=_cause([report], policy),
            **(texts._replace(lossy=texts.lossy or lossy)._asdict()),
        )

    def _details(self, outcome: Outcome, phase_outcomes: dict[str, Outcome], policy: Policy) -> dict[str, Any]:
        last = self.reports[-1]
        bad = [report for report in self.reports if (report.when or CRASH_PHASE) in phase_outcomes]
        texts = _texts(bad, last.sections, policy, with_output=_wants_output(outcome, policy))
        fields: dict[str, Any] = texts._asdict()
        if last.user_properties:
            fields["user_properties"], lossy = _properties(last.user_properties)
            fields["lossy"] = fields["lossy"] or lossy
        if bad:
            fields["cause"] = _cause(bad, policy)
        if CRASH_PHASE in phase_outcomes:
            fields["crashed"] = True
        return fields

    def _place(self, fields: dict[str, Any]) -> None:
        if not self.location:
            return
        file, line = self.location[0], self.location[1]
        if line is not None:
            fields["lineno"] = line + 1
        if file and not self.nodeid.startswith(file):
            fields["file"] = str(file)


def phase_outcome(report: pytest.TestReport) -> Outcome | None:
    """Return the outcome of a phase that did not simply pass, in pytest's terminal categories."""
    outcome: str = report.outcome
    if hasattr(report, "wasxfail"):
        return {"skipped": "xfailed", "passed": "xpassed"}.get(outcome, "failed")  # type: ignore[return-value]
    if outcome == "failed":
        return "error" if report.when in ("setup", "teardown") else "failed"
    return outcome if outcome in ("skipped", "rerun") else None  # type: ignore[return-value]


def _wants_output(outcome: Outcome, policy: Policy) -> bool:
    return policy.output == "all" or (policy.output == "failed" and outcome in _OUTPUT_OF_FAILED)


def _texts(reports: Iterable[Any], sections: Iterable[tuple[str, str]], policy: Policy, *, with_output: bool) -> Texts:
    """The texts of a report: redacted, without characters that cannot be written, each below its limit."""
    reprs: list[str] = []
    reasons: list[str] = []
    for report in reports:
        reason = reason_of(report)
        if reason:
            reasons.append(reason)
        if not (report.outcome == "skipped" and isinstance(report.longrepr, tuple)):
            reprs.append(longrepr_of(report))
    output = {"capstdout": "", "capstderr": "", "caplog": ""}
    for name, text in sections if with_output else ():
        field = _field_of_section(name)
        if field:
            output[field] += text
    texts = {"longreprtext": "\n\n".join(filter(None, reprs)), "reason": "\n".join(reasons)} | output
    truncated: dict[str, Truncation] = {}
    lossy = False
    for name, text in texts.items():
        if not text:
            continue
        limit = policy.output_limit_bytes if name in output else _TEXT_BYTES_MAX
        texts[name], was, lost = redact_shortened(policy.redact, text, limit)
        lossy = lossy or lost
        if was is not None:
            truncated[name] = was
    return Texts(**texts, truncated=truncated, lossy=lossy)


def _field_of_section(name: str) -> str:
    if name.startswith("Captured stdout"):
        return "capstdout"
    if name.startswith("Captured stderr"):
        return "capstderr"
    return "caplog" if name.startswith("Captured log") else ""


def reason_of(report: Any) -> str:
    """Return why a test was skipped or expected to fail; empty if no reason was given."""
    reason = getattr(report, "wasxfail", None)
    if reason:
        return str(reason).removeprefix("reason: ")
    longrepr = report.longrepr
    if report.outcome == "skipped" and isinstance(longrepr, tuple):
        return str(longrepr[-1]).removeprefix("Skipped: ")
    if isinstance(longrepr, str) and longrepr.startswith("[XPASS(strict)]"):
        return longrepr.removeprefix("[XPASS(strict)]").strip()
    return ""


def longrepr_of(report: Any) -> str:
    """Return the text of a failure; of a representation that cannot be rendered, what it is."""
    if report.longrepr is None:
        return ""
    try:
        return str(report.longreprtext)
    except Exception as error:  # noqa: BLE001 - foreign objects may be put there; rendering them must not end a run
        return f"<{type(report.longrepr).__name__} could not be rendered: {type(error).__name__}>"


def _cause(reports: Iterable[Any], policy: Policy) -> Cause | None:
    for report in reports:
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            message = redact_shortened(policy.redact, str(crash.message), 4096)[0]
            return Cause(path=clean_text(str(crash.path))[0], lineno=int(crash.lineno or 0), message=message)
    return None


def _properties(properties: Iterable[Any]) -> tuple[list[tuple[str, Any]], bool]:
    result: list[tuple[str, Any]] = []
    lossy = False
    for name, value in properties:
        text, lost_name = clean_text(str(name))
        data, lost = plain(value)
        lossy = lossy or lost or lost_name
        result.append((text, data))
    return result, lossy
