"""Texts of reports: failure, reason, captured output; redacted, valid Unicode, each below its limit."""

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from ...eventlog.events import Truncation
from ...eventlog.outcome import GOOD, KNOWN
from ..redaction.redactor import Redactor
from ..redaction.shortening import redact_shortened
from .values import text_of

_OUTPUT_OF_FAILED = KNOWN - GOOD - {"skipped"}
_OUTPUT_FIELDS: tuple[str, ...] = ("capstdout", "capstderr", "caplog")
_TEXT_BYTES_MAX = 64 * 1024


class Policy(NamedTuple):
    """Settings that decide which texts of a test are recorded."""

    output: str
    """`all`, `failed` or `none`."""
    output_limit_bytes: int
    redact: Redactor

    def wants_output(self, outcome: str) -> bool:
        """Return whether captured output is recorded for a test with this outcome."""
        return self.output == "all" or (self.output == "failed" and outcome in _OUTPUT_OF_FAILED)


class Texts(NamedTuple):
    """The long texts of a report."""

    longreprtext: str
    reason: str
    capstdout: str
    capstderr: str
    caplog: str
    truncated: dict[str, Truncation]
    lossy: bool


def texts_of_reports(
    reports: Iterable[Any], sections: Iterable[tuple[str, str]], policy: Policy, *, with_output: bool
) -> Texts:
    """Return the texts of reports.

    Args:
        reports: reports of one attempt or subtest.
        sections: name and text of the captured sections.
        policy: which texts are recorded, and their limits.
        with_output: include captured output.
    """
    reprs: list[str] = []
    reasons: list[str] = []
    for report in reports:
        reason = reason_of(report)
        if reason:
            reasons.append(reason)
        if not (report.outcome == "skipped" and isinstance(report.longrepr, tuple)):
            reprs.append(longrepr_of(report))
    output = _join_sections(sections if with_output else ())
    return _shorten_texts(
        {"longreprtext": "\n\n".join(filter(None, reprs)), "reason": "\n".join(reasons)} | output, policy
    )


def output_texts(longreprtext: str, sections: Iterable[tuple[str, str]], policy: Policy) -> Texts:
    """Return the texts of a test that has no report, in the form of `texts_of_reports`."""
    texts = _join_sections(sections)
    return _shorten_texts({"longreprtext": longreprtext, "reason": ""} | texts, policy)


def reason_of(report: Any) -> str:
    """Return the reason for a skip or an expected failure; empty if the report has none."""
    reason = getattr(report, "wasxfail", None)
    if reason:
        return text_of(reason)[0].removeprefix("reason: ")
    longrepr = report.longrepr
    if report.outcome == "skipped" and isinstance(longrepr, tuple):
        longrepr = cast("tuple[object, ...]", longrepr)
        return text_of(longrepr[-1] if longrepr else "")[0].removeprefix("Skipped: ")
    if isinstance(longrepr, str) and longrepr.startswith("[XPASS(strict)]"):
        return longrepr.removeprefix("[XPASS(strict)]").strip()
    return ""


def longrepr_of(report: Any) -> str:
    """Return the text of a failure; a placeholder with its type if the representation cannot be rendered."""
    if report.longrepr is None:
        return ""
    try:
        return str(report.longreprtext)
    except Exception as error:  # noqa: BLE001 - foreign objects may be put there; rendering them must not end a run
        return f"<{type(report.longrepr).__name__} could not be rendered: {type(error).__name__}>"


def _join_sections(sections: Iterable[tuple[str, str]]) -> dict[str, str]:
    output: dict[str, str] = dict.fromkeys(_OUTPUT_FIELDS, "")
    for name, text in sections:
        field = _field_of_section(name)
        if field:
            output[field] += text
    return output


def _field_of_section(name: str) -> str:
    if name.startswith("Captured stdout"):
        return "capstdout"
    if name.startswith("Captured stderr"):
        return "capstderr"
    return "caplog" if name.startswith("Captured log") else ""


def _shorten_texts(texts: dict[str, str], policy: Policy) -> Texts:
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
