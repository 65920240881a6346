"""The JSON of Buildkite's test collectors, as a list of tests or with the environment of the run."""

import re
from collections.abc import Iterator
from typing import Any

from ...eventlog.events import Vcs
from .attempts import ForeignAttempt
from .json_files import Fields, count_lost, emit_attempts, object_in, objects, read_json
from .protocol import ForeignReport, Member, Reading, RefusedFileError
from .values import number_us, parse_moment, text_at

_HISTORY = re.compile(rb'"history"\s*:')
_SCOPE = re.compile(rb'"scope"\s*:')
_DATA = re.compile(rb'"run_env"\s*:')
_RESULTS = {"passed": "passed", "failed": "failed", "skipped": "skipped", "pending": "skipped"}


class BuildkiteImporter:
    """Buildkite test collectors."""

    name = "buildkite"

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return whether the first test has the keys of a collector, or the file the environment of a run."""
        return bool((_SCOPE.search(head) and _HISTORY.search(head)) or _DATA.search(head)) and head.lstrip(
            b"\xef\xbb\xbf \t\r\n"
        ).startswith((b"[", b"{"))

    def read(self, member: Member, reading: Reading) -> ForeignReport:
        """Return the content of a file.

        Raises:
            RefusedFileError: it is no list of tests.
        """
        value = read_json(member)
        data: Any = value.get("data") if isinstance(value, dict) else value  # type: ignore[misc]
        if not isinstance(data, list):
            raise RefusedFileError("has no list of tests", "name its format by --as")
        report = ForeignReport("buildkite", iter(()), tool="buildkite")
        environment = object_in(value, "run_env")
        if environment:
            vcs = Vcs(commit=text_at(environment, "commit_sha"), branch=text_at(environment, "branch"))
            report.vcs = vcs if vcs.commit or vcs.branch else None
            report.properties = [(key, item) for key, item in environment.items() if isinstance(item, str) and item]
        tests = objects(data)
        moments = [parse_moment(object_in(test, "history").get("start_at"), reading.zone) for test in tests]
        known = [moment for moment in moments if moment is not None]
        if known:
            started = min(known)
            report.started_us, report.zone_known = started.us, started.zone_known
        count_lost(report, data, "tests")
        report.events = emit_attempts(_attempts(tests, reading), report)
        return report


def _attempts(tests: list[Fields], reading: Reading) -> Iterator[ForeignAttempt]:
    for test in tests:
        history, result = object_in(test, "history"), text_at(test, "result")
        outcome = _RESULTS.get(result, "other")
        start = parse_moment(history.get("start_at"), reading.zone)
        expanded = [
            "\n".join([*map(str, item.get("expanded") or ()), *map(str, item.get("backtrace") or ())])
            for item in objects(test.get("failure_expanded"))
        ]
        reason = text_at(test, "failure_reason")
        skipped = outcome == "skipped"
        nodeid = "::".join(part for part in (text_at(test, "scope"), text_at(test, "name")) if part)
        yield ForeignAttempt(
            nodeid or "(test without a name)",
            outcome,
            placed=".py" in text_at(test, "scope"),
            category="" if outcome != "other" else result or "unknown",
            duration_us=number_us(history.get("duration"), 1_000_000),
            start_us=None if start is None else start.us,
            reason=reason if skipped else "",
            message="" if skipped else reason,
            text="\n".join(filter(None, expanded)),
        )
