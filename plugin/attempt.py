"""Collect the reports of one attempt of one test, and turn them into its event.

Reports are kept until the attempt is over: pytest and other plugins still change them after our hook has seen them
(rerunfailures sets `rerun`, pytest's subtests fail the parent), and only the last one has all captured output.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec import structs

from ..eventlog.events import Cause, SubtestFinished, TestFinished, Truncation
from ..eventlog.outcome import BAD, GOOD, KNOWN, attempt_outcome, foreign_category
from .attempts import CRASH_PHASE, OpenAttempt, State
from .categories import plain_category
from .redact import Redactor
from .redact_long import redact_shortened
from .values import duration_us, properties_of, sections_of, text_of

_SIMPLE_PHASES = ("setup", "call", "teardown")
_SECONDS_MAX = 1e9
_PHASES = frozenset({"setup", "call", "teardown", CRASH_PHASE})
_SAY_FAILED = frozenset({*(BAD & KNOWN), "rerun"})
"""Categories under which pytest shows a failure."""
_OUTPUT_OF_FAILED = KNOWN - GOOD - {"skipped"}
_OUTPUT_FIELDS: tuple[str, ...] = ("capstdout", "capstderr", "caplog")
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


class Attempt(OpenAttempt):
    """One attempt of one test while it runs."""

    __slots__ = (
        "counted",
        "group",
        "location",
        "nodeid",
        "number",
        "started_at",
        "subtests",
        "subtests_failed",
    )

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
        self.key, self.worker, self.has_start = key, worker, has_start
        self.state: State = "started"
        self.reports: list[Any] = []
        self.aliases: tuple[str, ...] = ()
        self.nodeid = nodeid
        self.number = number
        self.started_at = started_at
        self.location = location
        self.group = group
        self.subtests = 0
        self.subtests_failed = False
        self.counted: list[tuple[str, Any]] = []
        """Category and report of each subtest that pytest counts."""

    def finish(
        self,
        policy: Policy,
        markers: tuple[list[str], dict[str, str]] | None,
        category_of: Callable[[Any], str | None] | None = None,
        *,
        repeated: bool = False,
    ) -> TestFinished | None:
        """Return the event for this attempt, or None if its reports do not say how it ended.

        Args:
            policy: what is recorded.
            markers: names of its markers, and its tags.
            category_of: gives the terminal category of a report, None for a phase that simply passed; if it is not
                given, pytest's own rules do.
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
                failed = failed or (is_failure(report) and category not in _SAY_FAILED)
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
        """Return the event of an attempt whose three phases passed and of which there is nothing else to say.

        It is what `finish` finds for it, written out for speed; None for any other attempt.
        """
        reports = self.reports
        if len(reports) != len(_SIMPLE_PHASES) or self.subtests or self.group or not self.location:
            return None
        phases: dict[str, int] = {}
        total_us = 0
        for report, phase in zip(reports, _SIMPLE_PHASES, strict=True):
            when, spent_s = report.when, report.duration
            if type(when) is not str or when != phase or type(spent_s) is not float or not 0 <= spent_s < _SECONDS_MAX:
                return None
            if report.outcome != "passed" or hasattr(report, "wasxfail"):
                return None
            phases[phase] = spent_us = round(spent_s * 1_000_000)
            total_us += spent_us
        file, line, last = self.location[0], self.location[1], reports[-1]
        if last.sections or last.user_properties or line is None or not self.nodeid.startswith(file):
            return None
        event = TestFinished(
            nodeid=self.nodeid,
            outcome="passed",
            attempt=self.number,
            worker=self.worker,
            started_at=self.started_at,
            duration_us=total_us,
            phases=phases,
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
            self.counted.append((category, report))
        sections, lossy = sections_of(report)
        texts = _texts([report], sections, policy, with_output=_wants_output(outcome, policy))
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
        except Exception:  # noqa: BLE001 - objects of other plugins; whatever they raise, the verdict is recorded
            return {"lossy": True}

    def _details(self, outcome: str, phase_outcomes: dict[str, str], policy: Policy) -> dict[str, Any]:
        last = self.reports[-1]
        bad = [report for report in self.reports if phase_of(report) in phase_outcomes]
        sections, lossy = sections_of(last)
        texts = _texts(bad, sections, policy, with_output=_wants_output(outcome, policy))
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
    """Return the phase of a report; one that is no phase counts as a call, as it does for pytest."""
    when = report.when
    return when if type(when) is str and when in _PHASES else "call"


def is_failure(report: Any) -> bool:
    """Tell whether a report says that something failed which was not expected to."""
    return report.outcome == "failed" and not hasattr(report, "wasxfail")


def _wants_output(outcome: str, policy: Policy) -> bool:
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
    output = _joined_sections(sections if with_output else ())
    return _short_texts(
        {"longreprtext": "\n\n".join(filter(None, reprs)), "reason": "\n".join(reasons)} | output, policy
    )


def _joined_sections(sections: Iterable[tuple[str, str]]) -> dict[str, str]:
    output: dict[str, str] = dict.fromkeys(_OUTPUT_FIELDS, "")
    for name, text in sections:
        field = _field_of_section(name)
        if field:
            output[field] += text
    return output


def _short_texts(texts: dict[str, str], policy: Policy) -> Texts:
    truncated: dict[str, Truncation] = {}
    lossy = False
    for name, text in texts.items():
        if not text:
            continue
        limit = policy.output_limit_bytes if name in _OUTPUT_FIELDS else _TEXT_BYTES_MAX
        texts[name], was, lost = redact_shortened(policy.redact, text, limit)
        lossy = lossy or lost
        if was is not None:
            truncated[name] = was
    return Texts(**texts, truncated=truncated, lossy=lossy)


def output_texts(longreprtext: str, sections: Iterable[tuple[str, str]], policy: Policy) -> Texts:
    """Return texts of a test that has no report, as `_texts` does for one that has."""
    texts = _joined_sections(sections)
    return _short_texts({"longreprtext": longreprtext, "reason": ""} | texts, policy)


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
        return text_of(reason)[0].removeprefix("reason: ")
    longrepr = report.longrepr
    if report.outcome == "skipped" and isinstance(longrepr, tuple):
        return text_of(longrepr[-1] if longrepr else "")[0].removeprefix("Skipped: ")
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
            message = redact_shortened(policy.redact, text_of(crash.message)[0], 4096)[0]
            lineno = crash.lineno if isinstance(crash.lineno, int) else 0
            return Cause(path=text_of(crash.path)[0], lineno=lineno, message=message)
    return None
