"""Reports of one attempt of one test, and the event made from them.

Reports are kept until the attempt is over: pytest and other plugins still change them after our hook has seen them
(rerunfailures sets `rerun`, pytest's subtests fail the parent), and only the last one has all captured output.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import structs

from ...eventlog.events import Cause, SubtestFinished, TestFinished
from ...eventlog.outcome import BAD, KNOWN, attempt_outcome, foreign_category
from ..redaction.shortening import redact_shortened
from .categories import plain_category
from .state_machine import CRASH_PHASE, OpenAttempt, State
from .texts import Policy, texts_of_reports
from .values import duration_us, properties_of, sections_of, text_of

_SIMPLE_PHASES = 3
_SECONDS_MAX = 1e9
_PHASES = frozenset({"setup", "call", "teardown", CRASH_PHASE})
_SHOWN_AS_FAILED = frozenset({*(BAD & KNOWN), "rerun"})
"""Categories in which pytest shows a failure."""


class Attempt(OpenAttempt):
    """One attempt of one test while it runs."""

    group = ""
    """Group of xdist."""
    subtests = 0
    subtests_failed = False
    counted: Sequence[tuple[str, Any]] = ()
    """Category and report of each subtest that pytest counts."""

    def __init__(
        self,
        key: str,
        nodeid: str,
        number: int,
        worker: str,
        started_at: str,
        location: Any,
        group: str = "",
        *,
        has_start: bool = True,
    ) -> None:
        # As `OpenAttempt` does; calling it costs time with every test.
        self.key = key
        self.worker = worker
        self.has_start = has_start
        self.state: State = "started"
        self.reports: list[Any] = []
        self.nodeid = nodeid
        self.number = number
        self.started_at = started_at
        self.location = location
        if group:
            self.group = group

    def finish(
        self,
        policy: Policy,
        markers: tuple[list[str], dict[str, str]] | None,
        category_of: Callable[[Any], str | None] | None = None,
        *,
        repeated: bool = False,
    ) -> TestFinished | None:
        """Return the event for this attempt, or None if its reports do not tell how it ended.

        Args:
            policy: which texts are recorded.
            markers: names of its markers, and its tags.
            category_of: returns the terminal category of a report, None for a phase that passed; without it, the
                rules of pytest apply.
            repeated: the test began once more within the same run of it.
        """
        event = self.simple_pass(markers) if category_of is None and not repeated else None
        return event or self._finish_in_full(policy, markers, category_of, repeated=repeated)

    def _finish_in_full(
        self,
        policy: Policy,
        markers: tuple[list[str], dict[str, str]] | None,
        category_of: Callable[[Any], str | None] | None,
        *,
        repeated: bool,
    ) -> TestFinished | None:
        phases: dict[str, int] = {}
        phase_outcomes: dict[str, str] = {}
        total_us = 0
        failed = lossy = False
        for report in self.reports:
            when = phase_of(report)
            try:
                spent_us = round(report.duration * 1_000_000)
            except Exception:  # noqa: BLE001 - None, NaN, or an object of another plugin
                spent_us = -1
            if spent_us < 0 or when != report.when:
                spent_us, lossy = max(spent_us, 0), True
            phases[when] = spent_us
            total_us += spent_us
            if category_of is None and report.outcome == "passed" and not hasattr(report, "wasxfail"):
                continue
            category = plain_category(report) if category_of is None else category_of(report)
            if category is not None:
                phase_outcomes[when] = category
                failed = failed or (is_failure(report) and category not in _SHOWN_AS_FAILED)
        outcome = attempt_outcome(
            phases, phase_outcomes, subtest_failed=self.subtests_failed, failed=failed, repeated=repeated
        )
        if outcome is None:
            return None
        fields = self._fields(outcome, phase_outcomes, policy, markers)
        if lossy:
            fields["lossy"] = True
        return TestFinished(
            nodeid=self.nodeid,
            outcome=outcome,
            category=foreign_category(phase_outcomes) if phase_outcomes else "",
            attempt=self.number,
            worker=self.worker,
            started_at=self.started_at,
            duration_us=total_us,
            phases=phases,
            phase_outcomes=phase_outcomes,
            subtests=self.subtests,
            **fields,
        )

    def simple_pass(self, markers: tuple[list[str], dict[str, str]] | None) -> TestFinished | None:
        """Return the event of an attempt whose three phases passed and that has no texts; None for any other attempt.

        The result is the same as that of `finish`, written out for speed.
        """
        if len(self.reports) != _SIMPLE_PHASES or self.subtests or self.group:
            return None
        setup, call, teardown = self.reports
        setup_s, call_s, teardown_s = setup.duration, call.duration, teardown.duration
        is_simple = (
            setup.outcome == call.outcome == teardown.outcome == "passed"
            and type(setup.when) is type(call.when) is type(teardown.when) is str
            and setup.when == "setup"
            and call.when == "call"
            and teardown.when == "teardown"
            and not (hasattr(setup, "wasxfail") or hasattr(call, "wasxfail") or hasattr(teardown, "wasxfail"))
            and type(setup_s) is type(call_s) is type(teardown_s) is float
            and 0 <= setup_s < _SECONDS_MAX
            and 0 <= call_s < _SECONDS_MAX
            and 0 <= teardown_s < _SECONDS_MAX
            and not (teardown.sections or teardown.user_properties)
        )
        if not is_simple or not self.location:
            return None
        file, line = self.location[0], self.location[1]
        if line is None or not self.nodeid.startswith(file):
            return None
        setup_us, call_us, teardown_us = round(setup_s * 1e6), round(call_s * 1e6), round(teardown_s * 1e6)
        event = TestFinished(
            nodeid=self.nodeid,
            outcome="passed",
            attempt=self.number,
            worker=self.worker,
            started_at=self.started_at,
            duration_us=setup_us + call_us + teardown_us,
            phases={"setup": setup_us, "call": call_us, "teardown": teardown_us},
            lineno=line + 1,
        )
        return event if markers is None else structs.replace(event, markers=markers[0], tags=markers[1])

    def _fields(
        self,
        outcome: str,
        phase_outcomes: dict[str, str],
        policy: Policy,
        markers: tuple[list[str], dict[str, str]] | None,
    ) -> dict[str, Any]:
        """Return the fields of the event that most attempts do not have."""
        fields: dict[str, Any] = {}
        last = self.reports[-1] if self.reports else None
        if last is not None and (phase_outcomes or last.sections or last.user_properties):
            fields = self._details_or_none(outcome, phase_outcomes, policy)
        if markers is not None:
            fields["markers"], fields["tags"] = markers
        if self.group:
            fields["tags"] = fields.get("tags", {}) | {"xdist_group": self.group}
        self._place(fields)
        return fields

    def subtest(self, report: Any, policy: Policy, category: str) -> SubtestFinished:
        """Return the event for a subtest of this attempt, and count it."""
        outcome = plain_category(report) or "passed"
        if outcome not in KNOWN:
            outcome = "other"
        self.subtests += 1
        self.subtests_failed = self.subtests_failed or outcome == "failed"
        if category:
            self.counted = [*self.counted, (category, report)]
        sections, lossy = sections_of(report)
        texts = texts_of_reports([report], sections, policy, with_output=policy.wants_output(outcome))
        message, lost_message = text_of(report.context.msg or "")
        params: dict[str, str] = {}
        for key, value in report.context.kwargs.items():
            (name, lost_name), (text, lost) = text_of(key), text_of(value)
            params[name] = text
            lossy = lossy or lost_name or lost
        spent_us, lost = duration_us(report)
        return SubtestFinished(
            nodeid=self.nodeid,
            outcome=outcome,
            ordinal=self.subtests,
            category="" if category == "failed" == outcome else category,
            message=message,
            params=params,
            attempt=self.number,
            worker=self.worker,
            duration_us=spent_us,
            cause=_cause([report], policy),
            **(texts._replace(lossy=texts.lossy or lossy or lost or lost_message)._asdict()),
        )

    def _details_or_none(self, outcome: str, phase_outcomes: dict[str, str], policy: Policy) -> dict[str, Any]:
        try:
            return self._details(outcome, phase_outcomes, policy)
        except Exception:  # noqa: BLE001 - objects of other plugins; if they raise, the verdict is recorded without details
            return {"lossy": True}

    def _details(self, outcome: str, phase_outcomes: dict[str, str], policy: Policy) -> dict[str, Any]:
        last = self.reports[-1]
        bad = [report for report in self.reports if phase_of(report) in phase_outcomes]
        sections, lossy = sections_of(last)
        texts = texts_of_reports(bad, sections, policy, with_output=policy.wants_output(outcome))
        fields: dict[str, Any] = texts._asdict()
        if last.user_properties:
            fields["user_properties"], lost = properties_of(last)
            lossy = lossy or lost
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


def phase_of(report: Any) -> str:
    """Return the phase of a report; an unknown phase counts as `call`, as in pytest."""
    when = report.when
    return when if type(when) is str and when in _PHASES else "call"


def is_failure(report: Any) -> bool:
    """Return whether a report is an unexpected failure."""
    return report.outcome == "failed" and not hasattr(report, "wasxfail")


def _cause(reports: Iterable[Any], policy: Policy) -> Cause | None:
    for report in reports:
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            message = redact_shortened(policy.redact, text_of(crash.message)[0], 4096)[0]
            lineno = crash.lineno if isinstance(crash.lineno, int) else 0
            return Cause(path=text_of(crash.path)[0], lineno=lineno, message=message)
    return None
