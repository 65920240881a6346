"""CTRF, the Common Test Report Format; read leniently, as its writers differ."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from ...eventlog.events import Vcs
from .attempts import ForeignAttempt
from .json_files import (
    Fields,
    compare_totals,
    count_lost,
    emit_attempts,
    object_in,
    objects,
    read_json,
    text_or_lines,
)
from .protocol import ForeignReport, Member, Reading, RefusedFileError
from .reportlog import refuse_empty
from .values import number_us, parse_moment, text_at

_MARK = re.compile(rb'"reportFormat"\s*:\s*"CTRF"|"results"\s*:\s*\{')
_TOOL = re.compile(rb'"(?:tool|tests|summary)"\s*:')
_NODEID = re.compile(r"[^\s:]+\.\w+::\S")
_STATUSES = {"passed": "passed", "failed": "failed", "skipped": "skipped", "pending": "skipped"}
_RAW = {
    "setup_failed": ("error", "setup"),
    "teardown_failed": ("error", "teardown"),
    "error": ("error", ""),
    "broken": ("error", ""),
    "xfailed": ("xfailed", ""),
    "xpassed": ("xpassed", ""),
    "xfail": ("xfailed", ""),
    "xpass": ("xpassed", ""),
}
_FITS = {"failed": ("failed", "error"), "skipped": ("skipped", "xfailed"), "passed": ("passed", "xpassed")}
_RETRIES_MAX = 1000


class CtrfImporter:
    """CTRF, versions 0.0.0 and 1.0.0."""

    name = "ctrf"

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return whether the file has the keys of a report."""
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and bool(_MARK.search(head) and _TOOL.search(head))

    def read(self, member: Member, reading: Reading) -> ForeignReport:
        """Return the content of a file.

        Raises:
            RefusedFileError: it is no report.
        """
        fields = read_json(member)
        results = object_in(fields, "results")
        if not results:
            raise RefusedFileError("has no object `results`", "name its format by --as")
        refuse_empty(results, "tests", "the report")
        return _report(cast("Fields", fields), results, reading)


def _report(fields: Fields, results: Fields, reading: Reading) -> ForeignReport:
    summary, tool = object_in(results, "summary"), object_in(results, "tool")
    tests = objects(results["tests"])
    report = ForeignReport("ctrf", iter(()), tool=text_at(tool, "name"), version=text_at(tool, "version"))
    moments = [
        parse_moment(summary.get("start"), reading.zone),
        *(parse_moment(test.get("start"), reading.zone) for test in tests),
    ]
    started = moments[0] or min((one for one in moments if one is not None), default=None)
    started = started or parse_moment(fields.get("timestamp"), reading.zone)
    stopped = parse_moment(summary.get("stop"), reading.zone)
    if started is not None:
        report.started_us, report.zone_known = started.us, started.zone_known
        report.duration_us = stopped.us - started.us if stopped is not None and stopped.us >= started.us else None
    _take_environment(report, object_in(results, "environment"))
    count_lost(report, results.pop("tests"), "tests")
    found, count = Counter(text_at(test, "status") for test in tests), len(tests)
    tests.reverse()
    attempts: list[ForeignAttempt] = []
    while tests:
        attempts.extend(_attempts(tests.pop(), reading))  # each is let go at once: there may be very many
    _tell_browsers_apart(attempts)
    compare_totals(
        report,
        summary,
        {"tests": count, **{name: found[name] for name in ("passed", "failed", "skipped", "pending", "other")}},
    )
    report.events = emit_attempts(attempts, report)
    return report


def _take_environment(report: ForeignReport, environment: Fields) -> None:
    commit, branch = text_at(environment, "commit"), text_at(environment, "branchName")
    remote = text_at(environment, "repositoryUrl")
    if commit or branch or remote:
        report.vcs = Vcs(commit=commit, branch=branch, remote=remote)
    report.properties += [(name, value) for name, value in environment.items() if isinstance(value, str) and value]
    extra = object_in(environment, "extra")
    status = extra.get("insight.exit_status")
    if isinstance(status, int) and not isinstance(status, bool):
        report.exit_status = status


def _attempts(test: Fields, reading: Reading) -> Iterator[ForeignAttempt]:
    """Yield the attempts of a test: first those that were taken back, as far as the file has them."""
    nodeid, placed = _name(test, reading)
    last = _attempt(test, nodeid, reading)
    last.placed = placed
    told = objects(test.get("retryAttempts"))
    retries = test.get("retries")
    retries = retries if isinstance(retries, int) and 0 <= retries <= _RETRIES_MAX else 0
    if len(told) == retries + 1 and retries:
        told = told[:-1]  # the last of them is the result itself
    for item in told:
        yield replace(_attempt(item, nodeid, reading), placed=placed, tags=last.tags)
    missing = max(retries, 1 if test.get("flaky") is True else 0) - len(told)
    for _ in range(missing):
        reason = "a discarded attempt; the report does not say why"
        yield ForeignAttempt(nodeid, "failed", placed=placed, reason=reason, tags=last.tags)
    yield last


def _attempt(fields: Fields, nodeid: str, reading: Reading) -> ForeignAttempt:
    outcome, phase, category = _verdict(fields)
    start = parse_moment(fields.get("start"), reading.zone)
    line = fields.get("line")
    message, trace = text_at(fields, "message"), text_at(fields, "trace")
    told = outcome in ("skipped", "xfailed")
    browser = text_at(fields, "browser")
    return ForeignAttempt(
        nodeid,
        outcome,
        phase=phase,
        category=category,
        duration_us=number_us(fields.get("duration"), 1000),
        start_us=None if start is None else start.us,
        text=trace,
        message="" if told else message,
        reason=message if told else "",
        out=text_or_lines(fields, "stdout"),
        err=text_or_lines(fields, "stderr"),
        tags={"browser": browser} if browser else {},
        worker=text_at(fields, "threadId"),
        lineno=line if isinstance(line, int) and 0 < line < 1 << 31 else None,
    )


def _verdict(fields: Fields) -> tuple[str, str, str]:
    """Return outcome, phase and category: the status decides, and the raw status tells it more exactly."""
    status, raw = text_at(fields, "status"), text_at(fields, "rawStatus")
    outcome = _STATUSES.get(status)
    if outcome is None:
        known, phase = _RAW.get(raw, ("other", ""))
        return (known, phase, "") if known != "other" else ("other", "", raw or status or "other")
    known, phase = _RAW.get(raw, (outcome, ""))
    return (known, phase, "") if known in _FITS[outcome] else (outcome, "", "")


def _name(test: Fields, reading: Reading) -> tuple[str, bool]:
    name, file = text_at(test, "name") or "(test without a name)", text_at(test, "filePath")
    if _NODEID.match(name) or (file and name.startswith(f"{file}::")):
        return name, True
    suite: Any = test.get("suite")
    parts = [suite] if isinstance(suite, str) else cast("list[Any]", suite) if isinstance(suite, list) else []
    suites = [str(part) for part in parts if part]
    if suites and file and (suites[0] == file or file.endswith(f"/{suites[0]}")):
        suites = suites[1:]
    if file.endswith(".py"):
        return "::".join([file, *suites, name]), True
    found = reading.identities.find(".".join(suites), name)
    return found if found.placed else ("::".join([*filter(None, [file]), *suites, name]), bool(file))


def _tell_browsers_apart(attempts: list[ForeignAttempt]) -> None:
    """Make tests of one name in several browsers different tests."""
    browsers: dict[str, set[str]] = {}
    for attempt in attempts:
        browsers.setdefault(attempt.nodeid, set()).add(attempt.tags.get("browser", ""))
    for attempt in attempts:
        if len(browsers[attempt.nodeid]) > 1:
            attempt.nodeid = f"{attempt.nodeid}[{attempt.tags.get('browser', '')}]"
