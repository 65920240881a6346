"""A folder of Allure results: one JSON file an attempt."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ...eventlog.documents.fields import DocumentError, parse_json
from .attempts import ForeignAttempt
from .identity import Identity
from .json_files import Fields, emit_attempts, object_in, objects
from .protocol import ForeignReport, Member, Reading, RefusedFileError
from .values import parse_moment, text_at

RESULT_SUFFIX = "-result.json"
_MARK = re.compile(rb'"(?:historyId|testCaseId|fullName)"\s*:')
_STATUS = re.compile(rb'"status"\s*:')
_STATUSES = {"passed": "passed", "failed": "failed", "broken": "error", "skipped": "skipped"}
_ATTACHED = {"stdout": "out", "stderr": "err", "log": "log"}
_ATTACHMENT_CHARS = 128 << 10


class AllureImporter:
    """Allure results."""

    name = "allure"

    def recognizes(self, name: str, head: bytes) -> bool:
        """Return whether a file is the result of one test."""
        return name.endswith(RESULT_SUFFIX) and bool(_MARK.search(head) or _STATUS.search(head))

    def read(self, member: Member, reading: Reading) -> ForeignReport:
        """Return the content of all result files of a folder.

        Raises:
            RefusedFileError: none of them can be read.
        """
        report = ForeignReport(self.name, iter(()), tool="allure")
        results: list[tuple[Path, Fields]] = []
        files = [path for path in member.parts or (member.path,) if path.name.endswith(RESULT_SUFFIX)]
        for path in sorted(files) or [member.path]:
            try:
                value = parse_json(path.read_bytes())
            except (DocumentError, UnicodeDecodeError) as error:
                report.repairs.append(f"{path.name} cannot be read: {error}; the other results were imported")
                continue
            if isinstance(value, dict):
                results.append((path, cast("Fields", value)))
            else:
                report.repairs.append(f"{path.name} is no result; the other results were imported")
        if not results:
            raise RefusedFileError("has no result that can be read", "check that the folder is complete")
        _take_times(report, [fields for _, fields in results], reading)
        for name in ("host", "framework"):
            values = {label for _, fields in results for label in _labels(fields, name)}
            if len(values) == 1:
                setattr(report, "host" if name == "host" else "tool", values.pop())
        attached = {path.name: path for path in member.parts}
        report.events = emit_attempts(_in_order(results, attached, reading, report), report)
        return report


def is_part_of_results(name: str) -> bool:
    """Return whether a file belongs to a folder of results without being one."""
    last = name.rpartition("/")[2]
    return last.endswith("-container.json") or "-attachment" in last or last in ("executor.json", "categories.json")


def _take_times(report: ForeignReport, results: list[Fields], reading: Reading) -> None:
    starts = [parse_moment(fields.get("start"), reading.zone) for fields in results]
    stops = [parse_moment(fields.get("stop"), reading.zone) for fields in results]
    known = [moment.us for moment in starts if moment is not None]
    if known:
        report.started_us = min(known)
        report.duration_us = max([moment.us for moment in stops if moment is not None] + known) - min(known)


def _in_order(
    results: list[tuple[Path, Fields]], attached: dict[str, Path], reading: Reading, report: ForeignReport
) -> Iterator[ForeignAttempt]:
    """Yield the attempts in order of their start; those of one history belong to one test."""
    names: dict[str, Identity] = {}
    taken: dict[str, str] = {}

    def start_of(item: tuple[Path, Fields]) -> tuple[int, str]:
        moment = parse_moment(item[1].get("start"), reading.zone)
        return (moment.us if moment else 0, text_at(item[1], "uuid"))

    for _, fields in sorted(results, key=start_of):
        history = text_at(fields, "historyId") or text_at(fields, "testCaseId") or text_at(fields, "uuid")
        if history not in names:
            found = _name(fields, reading)
            if taken.setdefault(found.nodeid, history) != history:  # another test of the same name and class
                found = Identity(f"{found.nodeid}[{history[:8]}]", placed=False)
            names[history] = found
        yield _attempt(fields, names[history], attached, reading, report)


def _attempt(
    fields: Fields, identity: Identity, attached: dict[str, Path], reading: Reading, report: ForeignReport
) -> ForeignAttempt:
    start, stop = parse_moment(fields.get("start"), reading.zone), parse_moment(fields.get("stop"), reading.zone)
    details, status = object_in(fields, "statusDetails"), text_at(fields, "status")
    message, trace = text_at(details, "message"), text_at(details, "trace")
    outcome = _STATUSES.get(status, "other")
    if outcome == "skipped" and message.startswith("XFAIL"):
        outcome = "xfailed"
    elif outcome == "passed" and message.startswith("XPASS"):
        outcome = "xpassed"
    first = message.partition("\n")[0]
    told = {"skipped": first.removeprefix("Skipped: "), "xfailed": first.removeprefix("XFAIL").strip(),
            "xpassed": first.removeprefix("XPASS").strip()}.get(outcome)  # fmt: skip
    threads = _labels(fields, "thread")
    output = _output(fields, attached, report)
    return ForeignAttempt(
        identity.nodeid,
        outcome,
        placed=identity.placed,
        category="" if outcome != "other" else status or "unknown",
        duration_us=stop.us - start.us if start and stop and stop.us >= start.us else None,
        start_us=start.us if start else None,
        reason=told or "",
        message=message if told is None else "",
        text="" if outcome == "skipped" else trace,
        tags={"thread": threads[0]} if len(threads) == 1 and "MainThread" not in threads[0] else {},
        out=output.get("out", ""),
        err=output.get("err", ""),
        log=output.get("log", ""),
    )


def _output(fields: Fields, attached: dict[str, Path], report: ForeignReport) -> dict[str, str]:
    """Return captured output; an attachment is only ever a file of the same folder."""
    found: dict[str, str] = {}
    for item in objects(fields.get("attachments")):
        kind, source = _ATTACHED.get(text_at(item, "name")), text_at(item, "source")
        if kind is None or not source:
            continue
        if "/" in source or "\\" in source or source not in attached:
            why = "leads out of the folder" if "/" in source or "\\" in source else "is not there"
            report.notes.append(f"the attachment {source[:100]!r} {why}; it was left out")
            continue
        with attached[source].open(encoding="utf-8", errors="replace") as stream:
            found[kind] = stream.read(_ATTACHMENT_CHARS)
    return found


def _labels(fields: Fields, name: str) -> list[str]:
    return [text_at(label, "value") for label in objects(fields.get("labels")) if label.get("name") == name]


def _name(fields: Fields, reading: Reading) -> Identity:
    """Return the node id: by `titlePath` if there is one, as `fullName` is wrong where a parameter has `::` in it."""
    name, full = text_at(fields, "name"), text_at(fields, "fullName")
    dotted, _, function = full.partition("#")
    base = name.partition("[")[0]
    if function and function != base:  # a title takes the place of the name
        values = "-".join(str(one.get("value")) for one in objects(fields.get("parameters")))
        name, base = f"{function}[{values}]" if values else function, function
        found = reading.identities.find(dotted, name)
        return found if found.placed or not values else Identity(found.nodeid, placed=False)
    path: Any = fields.get("titlePath")
    parts = [str(part) for part in cast("list[Any]", path)] if isinstance(path, list) else []
    at = next((index for index, part in enumerate(parts) if part.endswith(".py")), None)
    if at is not None and name:
        classes: list[str] = []
        for part in parts[at + 1 :]:
            if name.startswith(f"{part}::"):
                break
            classes.append(part)
        return Identity("::".join(["/".join(parts[: at + 1]), *classes, name]), placed=True)
    return reading.identities.find(dotted.partition(f".{base}[")[0], name or text_at(fields, "uuid"))
