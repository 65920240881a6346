"""The report of pytest-json-report."""

import re
from collections.abc import Iterator
from typing import Any

from ...eventlog.events import CollectionFailed, CollectionSkipped, TestFinished
from ...eventlog.outcome import KNOWN, foreign_category
from .attempts import ForeignAttempt, finished
from .json_files import (
    Fields,
    compare_totals,
    count_lost,
    object_in,
    objects,
    outcome_of,
    phase_category,
    read_json,
    text_or_lines,
)
from .protocol import ForeignReport, Member, Reading, RefusedFileError, TimedEvent
from .reportlog import long_text, refuse_empty
from .values import epoch_moment, number_us, text_at

_PHASES = ("setup", "call", "teardown")
_HEAD = re.compile(rb'"(?:exitcode|created)"\s*:')
_PAIR = re.compile(rb'"(?:summary|root|collectors|environment)"\s*:')


class JsonReportImporter:
    """`pytest --json-report`."""

    name = "json-report"

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return whether the first keys are those of a report."""
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and bool(
            _HEAD.search(head[:4096]) and _PAIR.search(head) and b'"exitcode"' in head
        )

    def read(self, member: Member, reading: Reading) -> ForeignReport:  # noqa: ARG002 - of the protocol
        """Return the content of a file.

        Raises:
            RefusedFileError: it is no report, or only a summary.
        """
        fields = read_json(member)
        if not isinstance(fields, dict):
            raise RefusedFileError("is no report of pytest-json-report", "name its format by --as")
        refuse_empty(fields, "tests", "the report")  # type: ignore[arg-type]
        return _report(fields)  # type: ignore[arg-type]


def _report(fields: Fields) -> ForeignReport:
    report = ForeignReport("json-report", iter(()), tool="pytest-json-report")
    created, took_us = fields.get("created"), number_us(fields.get("duration"), 1_000_000)
    ended = epoch_moment(created) if isinstance(created, (int, float)) else None
    report.duration_us = took_us
    report.started_us = None if ended is None else ended.us - (took_us or 0)
    status = fields.get("exitcode")
    report.exit_status = status if isinstance(status, int) and not isinstance(status, bool) else None
    environment = object_in(fields, "environment")
    report.python = text_at(environment, "Python")
    report.version = text_at(object_in(environment, "Packages"), "pytest")
    count_lost(report, fields.get("tests"), "tests")
    report.events = _events(fields, report)
    return report


def _events(fields: Fields, report: ForeignReport) -> Iterator[TimedEvent]:
    collectors = objects(fields.get("collectors"))
    for collector in collectors:
        text = long_text(collector.get("longrepr"))
        if collector.get("outcome") == "failed":
            report.outcomes["error"] += 1
            yield TimedEvent(CollectionFailed(nodeid=text_at(collector, "nodeid"), longreprtext=text))
        elif collector.get("outcome") == "skipped":
            report.outcomes["skipped"] += 1
            yield TimedEvent(CollectionSkipped(nodeid=text_at(collector, "nodeid"), reason=text))
    tests = objects(fields.get("tests"))
    seen: dict[str, int] = {}
    for test in tests:
        yield from _attempts(test, seen, report)
    compare_totals(report, object_in(fields, "summary"), {"total": len(tests)})


def _attempts(test: Fields, seen: dict[str, int], report: ForeignReport) -> Iterator[TimedEvent]:
    nodeid, said = text_at(test, "nodeid") or "(test without a name)", text_at(test, "outcome")
    number = seen.get(nodeid, 0) + 1
    if said == "rerun":  # it had a bad attempt, of which the file keeps nothing
        reason = "a discarded attempt; the report does not say why"
        yield finished(ForeignAttempt(nodeid, "rerun", number, reason=reason))
        number += 1
    seen[nodeid] = number
    event = _last_attempt(test, nodeid, said, number)
    report.outcomes[event.outcome] += 1
    yield TimedEvent(event, None, event.duration_us)


def _last_attempt(test: Fields, nodeid: str, said: str, number: int) -> TestFinished:
    phases, categories, texts, parts = _read_phases(test, said)
    outcome = outcome_of(phases, categories) if phases else (said if said in KNOWN and said != "rerun" else "other")
    if not phases:
        phases = {"call": 0}
        categories = {} if outcome == "passed" else {"call": outcome if outcome != "other" else said or "other"}
    line = test.get("lineno")
    keywords = test.get("keywords")
    return TestFinished(
        nodeid=nodeid,
        outcome=outcome,
        category=foreign_category(categories) if outcome == "other" else "",
        attempt=number,
        duration_us=sum(phases.values()),
        phases=phases,
        phase_outcomes=categories,
        reason="" if outcome not in ("skipped", "xfailed") else _reason(test),
        longreprtext="\n".join(texts),
        lineno=line + 1 if isinstance(line, int) and 0 <= line < 1 << 31 else None,
        user_properties=[("keywords", keywords)] if isinstance(keywords, str) else [],
        capstdout="".join(parts["capstdout"]),
        capstderr="".join(parts["capstderr"]),
        caplog="".join(parts["caplog"]),
    )


def _read_phases(test: Fields, said: str) -> tuple[dict[str, int], dict[str, str], list[str], dict[str, list[str]]]:
    """Return durations, categories, texts and captured output of the phases that a test has."""
    phases: dict[str, int] = {}
    categories: dict[str, str] = {}
    texts: list[str] = []
    parts: dict[str, list[str]] = {"capstdout": [], "capstderr": [], "caplog": []}
    for phase in _PHASES:
        part = object_in(test, phase)
        if not part:
            continue
        phases[phase] = number_us(part.get("duration"), 1_000_000) or 0
        expected = (said in ("xfailed", "xpassed") and phase == "call") or (said == "xfailed" and phase == "setup")
        category = phase_category(phase, text_at(part, "outcome"), expected_failure=expected)
        if category:
            categories[phase] = category
        text = long_text(part.get("longrepr"))
        if text and category != "skipped":
            texts.append(text)
        for name, key in (("capstdout", "stdout"), ("capstderr", "stderr")):
            parts[name].append(text_or_lines(part, key))
        parts["caplog"] += [f"{text_at(item, 'levelname')} {_message(item)}\n" for item in objects(part.get("log"))]
    return phases, categories, texts, parts


def _message(record: Fields) -> Any:
    return record.get("msg") if record.get("msg") is not None else record.get("message", "")


def _reason(test: Fields) -> str:
    for phase in _PHASES:
        part = object_in(test, phase)
        if text_at(part, "outcome") == "skipped":
            text = text_at(part, "longrepr")
            _, found, reason = text.rpartition("Skipped: ")
            return reason.rstrip("')\"") if found else text.partition("\n")[0]
    return ""
