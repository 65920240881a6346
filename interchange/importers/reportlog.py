"""The lines of pytest-reportlog: each report of pytest as one JSON object."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec

from ...eventlog.events import (
    CollectionFailed,
    CollectionSkipped,
    SubtestFinished,
    TestFinished,
    TestStarted,
    WarningRecorded,
)
from ...eventlog.outcome import foreign_category
from ...eventlog.times import format_time
from .json_files import Fields, object_in, objects, outcome_of, phase_category
from .protocol import ForeignReport, Member, Reading, RefusedFileError, TimedEvent
from .values import epoch_moment, number_us, text_at

_KEY = b'"$report_type"'
_LINE_BYTES_MAX = 64 << 20
_SECTIONS = ("stdout", "stderr", "log")
_PASSED_SUBTESTS = "subtests passed"


class ReportLogImporter:
    """`pytest --report-log`."""

    name = "reportlog"

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return whether the first line is a report."""
        first = head.lstrip(b"\xef\xbb\xbf \r\n").split(b"\n", 1)[0]
        return first.startswith(b"{") and _KEY in first

    def read(self, member: Member, reading: Reading) -> ForeignReport:  # noqa: ARG002 - of the protocol
        """Return the content of a file."""
        report = ForeignReport(self.name, iter(()), tool="pytest-reportlog")
        for fields in _records(member.path, ForeignReport(self.name, iter(()))):
            if fields.get("$report_type") == "SessionStart":
                report.tool, report.version = "pytest", text_at(fields, "pytest_version")
            moment = _moment_us(fields, "start")
            if moment is not None:
                report.started_us = moment
                break
        report.events = _Runs(report).events(member.path)
        return report


def _records(path: Path, report: ForeignReport) -> Iterator[Fields]:
    """Yield the objects of a file, and note the lines that are none."""
    bad: list[int] = []
    last_bad, number = 0, 0
    with path.open("rb") as stream:
        while line := stream.readline(_LINE_BYTES_MAX):
            number += 1
            if not line.strip():
                continue
            value = _decode(line)
            if isinstance(value, dict) and "$report_type" in value:
                yield cast("Fields", value)
            else:
                bad.append(number)
                last_bad = 0 if line.endswith(b"\n") else number
    if last_bad:
        bad.pop()
        report.complete = False
        report.repairs.append(f"ends within line {last_bad}; what is complete before it was imported")
    if bad:
        report.repairs.append(f"{len(bad)} lines are no reports, the first is line {bad[0]}; the others were imported")


def _decode(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the slower parser knows NaN and lone surrogates
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


@dataclass
class _Open:
    """An attempt whose reports are not all in."""

    nodeid: str
    worker: str
    number: int
    phases: dict[str, int] = field(default_factory=dict[str, int])
    categories: dict[str, str] = field(default_factory=dict[str, str])
    start_us: int | None = None
    stop_us: int | None = None
    texts: list[str] = field(default_factory=list[str])
    reason: str = ""
    sections: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    properties: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    lineno: int | None = None
    file: str = ""
    lossy: bool = False
    subtests: Counter[str] = field(default_factory=Counter[str])
    subtest_failed: bool = False


class _Runs:
    """Puts reports together to attempts.

    Args:
        report: takes counts, notes and the end of the session.
    """

    def __init__(self, report: ForeignReport) -> None:
        self._report = report
        self._open: dict[tuple[str, str], _Open] = {}
        self._numbers: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._collected: set[str] = set()
        self._until_us = 0

    def events(self, path: Path) -> Iterator[TimedEvent]:
        """Yield the events of a file."""
        for fields in _records(path, self._report):
            kind = text_at(fields, "$report_type")
            if kind == "TestReport":
                yield from self._take_phase(fields)
            elif kind == "SubTestReport":
                yield self._take_subtest(fields)
            elif kind == "CollectReport":
                yield from self._take_collection(fields)
            elif kind == "WarningMessage":
                yield _warning(fields)
            elif kind == "SessionFinish":
                status = fields.get("exitstatus")
                self._report.exit_status = status if isinstance(status, int) and not isinstance(status, bool) else None
        yield from self._leave()
        if self._report.started_us is not None and self._until_us:
            self._report.duration_us = max(0, self._until_us - self._report.started_us)
        self._report.outcomes.update(self._last.values())

    def _attempt(self, fields: Fields) -> _Open:
        nodeid, worker = text_at(fields, "nodeid"), text_at(fields, "worker_id")
        attempt = self._open.get((nodeid, worker))
        if attempt is None:
            self._numbers[nodeid] += 1
            attempt = self._open[nodeid, worker] = _Open(nodeid, worker, self._numbers[nodeid])
        return attempt

    def _take_phase(self, fields: Fields) -> Iterator[TimedEvent]:
        when, key = text_at(fields, "when"), (text_at(fields, "nodeid"), text_at(fields, "worker_id"))
        known = self._open.get(key)
        if known is not None and when in known.phases:
            yield self._close(key, repeated=True)  # another attempt begins, and the last one has no teardown
        attempt = self._attempt(fields)
        took_us = number_us(fields.get("duration"), 1_000_000)
        attempt.lossy = attempt.lossy or took_us is None
        attempt.phases[when] = took_us or 0
        expected = isinstance(fields.get("wasxfail"), str)
        category = phase_category(when, text_at(fields, "outcome"), expected_failure=expected)
        if category:
            attempt.categories[when] = category
        _add_texts(attempt, fields, expected=expected)
        start_us, stop_us = _moment_us(fields, "start"), _moment_us(fields, "stop")
        attempt.start_us = start_us if attempt.start_us is None else attempt.start_us
        attempt.stop_us = stop_us
        self._until_us = max(self._until_us, stop_us or 0)
        if when == "teardown":
            yield self._close(key)

    def _close(self, key: tuple[str, str], *, repeated: bool = False) -> TimedEvent:
        attempt = self._open.pop(key)
        if attempt.subtest_failed and "failed" not in attempt.categories.values():
            attempt.categories.setdefault("call", "failed")
        outcome = outcome_of(attempt.phases, attempt.categories)
        if repeated and outcome in ("failed", "error", "other"):
            outcome = "rerun"
        self._last[attempt.nodeid] = outcome
        out, err, log = ("".join(attempt.sections.get(name, {}).values()) for name in _SECTIONS)
        event = TestFinished(
            nodeid=attempt.nodeid,
            outcome=outcome,
            category=foreign_category(attempt.categories) if outcome == "other" else "",
            attempt=attempt.number,
            worker=attempt.worker,
            started_at="" if attempt.start_us is None else format_time(attempt.start_us),
            duration_us=sum(attempt.phases.values()),
            phases=attempt.phases,
            phase_outcomes=attempt.categories,
            reason=attempt.reason,
            longreprtext="\n".join(attempt.texts),
            user_properties=attempt.properties,
            file=attempt.file,
            lineno=attempt.lineno,
            subtests=sum(attempt.subtests.values()),
            discarded_subtests=dict(attempt.subtests) if outcome == "rerun" else {},
            lossy=attempt.lossy,
            capstdout=out,
            capstderr=err,
            caplog=log,
        )
        return TimedEvent(event, attempt.stop_us, event.duration_us)

    def _take_subtest(self, fields: Fields) -> TimedEvent:
        attempt = self._attempt(fields)
        context = object_in(fields, "_subtest.context") or object_in(fields, "context")
        outcome = phase_category("call", text_at(fields, "outcome"), expected_failure="wasxfail" in fields) or "passed"
        category = {"passed": _PASSED_SUBTESTS, "failed": "", "skipped": "subtests skipped"}.get(outcome, "")
        attempt.subtests[category or outcome] += 1
        attempt.subtest_failed = attempt.subtest_failed or outcome == "failed"
        start_us = _moment_us(fields, "start")
        event = SubtestFinished(
            nodeid=attempt.nodeid,
            outcome=outcome,
            ordinal=sum(attempt.subtests.values()),
            category=category,
            message=text_at(context, "msg"),
            params={str(name): str(value) for name, value in object_in(context, "kwargs").items()},
            attempt=attempt.number,
            worker=attempt.worker,
            started_at="" if start_us is None else format_time(start_us),
            duration_us=number_us(fields.get("duration"), 1_000_000) or 0,
            longreprtext=long_text(fields.get("longrepr")),
        )
        return TimedEvent(event, _moment_us(fields, "stop"))

    def _take_collection(self, fields: Fields) -> Iterator[TimedEvent]:
        nodeid, outcome = text_at(fields, "nodeid"), text_at(fields, "outcome")
        if outcome == "passed" or nodeid in self._collected:
            return  # each xdist worker reports it
        self._collected.add(nodeid)
        text = long_text(fields.get("longrepr"))
        self._report.outcomes["skipped" if outcome == "skipped" else "error"] += 1
        if outcome == "skipped":
            yield TimedEvent(CollectionSkipped(nodeid=nodeid, reason=text))
        else:
            yield TimedEvent(CollectionFailed(nodeid=nodeid, longreprtext=text))

    def _leave(self) -> Iterator[TimedEvent]:
        """Yield the attempts that are open at the end: with a verdict if the call has one, else as running."""
        for key, attempt in list(self._open.items()):
            if attempt.categories or "call" in attempt.phases:
                yield self._close(key)
            else:
                self._last.pop(attempt.nodeid, None)
                event = TestStarted(nodeid=attempt.nodeid, attempt=attempt.number, worker=attempt.worker)
                yield TimedEvent(event, attempt.start_us)


def _add_texts(attempt: _Open, fields: Fields, *, expected: bool) -> None:
    text, outcome = long_text(fields.get("longrepr")), text_at(fields, "outcome")
    if expected:
        attempt.reason = attempt.reason or text_at(fields, "wasxfail").removeprefix("reason: ")
    if outcome == "skipped" and not expected:
        attempt.reason = attempt.reason or text
    elif text:
        attempt.texts.append(text)
    for section in fields.get("sections") or ():
        if isinstance(section, list) and len(cast("list[Any]", section)) == 2:  # noqa: PLR2004 - name and text
            title, content = map(str, cast("list[Any]", section))
            name = next((name for name in _SECTIONS if title.startswith(f"Captured {name}")), None)
            if name:
                attempt.sections.setdefault(name, {})[title] = content  # later phases repeat earlier sections
    properties = fields.get("user_properties")
    if isinstance(properties, list):
        pairs = [cast("list[Any]", pair) for pair in cast("list[Any]", properties) if isinstance(pair, list)]
        attempt.properties = [(str(pair[0]), pair[1]) for pair in pairs if len(pair) == 2]  # noqa: PLR2004
    location = fields.get("location")
    if isinstance(location, list) and len(cast("list[Any]", location)) == 3:  # noqa: PLR2004 - file, line and name
        file, line, _ = cast("list[Any]", location)
        attempt.lineno = line + 1 if isinstance(line, int) and 0 <= line < 1 << 31 else None
        attempt.file = file if isinstance(file, str) and file != attempt.nodeid.partition("::")[0] else ""


def long_text(value: Any) -> str:
    """Return the text of a failure or skip, as pytest's serialized reports have it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(cast("list[Any]", value)) == 3:  # noqa: PLR2004 - path, line and reason
        return str(cast("list[Any]", value)[2]).removeprefix("Skipped: ")
    if not isinstance(value, dict):
        return ""
    lines: list[str] = []
    for entry in objects(object_in(value, "reprtraceback").get("reprentries")):
        data = object_in(entry, "data")
        shown = data.get("lines")
        lines += [str(line) for line in cast("list[Any]", shown)] if isinstance(shown, list) else []
        place = object_in(data, "reprfileloc")
        if place:
            lines += ["", f"{place.get('path')}:{place.get('lineno')}: {place.get('message')}"]
    return "\n".join(lines) or text_at(object_in(value, "reprcrash"), "message")


def _moment_us(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    moment = epoch_moment(value) if isinstance(value, (int, float)) else None
    return None if moment is None else moment.us


def _warning(fields: Fields) -> TimedEvent:
    line = fields.get("lineno")
    return TimedEvent(
        WarningRecorded(
            category=text_at(fields, "category"),
            message=text_at(fields, "message"),
            nodeid=text_at(fields, "nodeid"),
            filename=text_at(fields, "filename"),
            lineno=line if isinstance(line, int) and 0 <= line < 1 << 31 else 0,
            when=text_at(fields, "when"),
        )
    )


def refuse_empty(fields: Fields, name: str, what: str) -> None:
    """Refuse an object without a list.

    Raises:
        RefusedFileError: there is no such list.
    """
    if not isinstance(fields.get(name), list):
        raise RefusedFileError(f"has no list `{name}`", f"write {what} with its tests, not only a summary")
