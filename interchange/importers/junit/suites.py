"""The suites of a JUnit XML file: their times, and their totals compared with what is in the file."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from ..values import ReadMoment, parse_moment, seconds_us

_TOTALS = ("tests", "failures", "errors", "skipped")
_TOTAL_OF = {"failed": "failures", "error": "errors", "skipped": "skipped", "xfailed": "skipped"}
_RUN_DIGITS = re.compile(r"-(\d{14})$")


@dataclass
class SuiteTotals:
    """Numbers that the head of a suite claims."""

    name: str
    depth: int
    claimed: dict[str, int]
    found: Counter[str] = field(default_factory=Counter[str])
    tests: int = 0


@dataclass
class SuiteFacts:
    """Facts from the heads of all suites of a file.

    Args:
        zone: of times without an offset.
    """

    zone: tzinfo | None = None
    root: str = ""
    moments: list[ReadMoment] = field(default_factory=list[ReadMoment])
    named_moments: list[ReadMoment] = field(default_factory=list[ReadMoment])
    """Times in the names of suites, as unittest-xml-reporting writes them."""
    run_digits: str = ""
    root_us: int | None = None
    suite_us: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    host: str = ""
    file: str = ""
    package: str = ""
    top_names: list[str] = field(default_factory=list[str])
    hosts: set[str] = field(default_factory=set[str])

    def take(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """Add the head of a suite, or of the root element."""
        moment = parse_moment(attributes.get("timestamp"), self.zone)
        if moment is not None:
            self.moments.append(moment)
        took_us = seconds_us(attributes.get("time"))
        own = attributes.get("name", "")
        if name == "testsuites":
            self.root, self.root_us = own or name, took_us
            return
        if took_us is not None:
            self.suite_us.setdefault(depth, []).append(took_us)
        if attributes.get("hostname"):
            self.hosts.add(attributes["hostname"])
        digits = _RUN_DIGITS.search(own)
        if digits:
            self._take_digits(digits[1])

    def _take_digits(self, digits: str) -> None:
        try:
            moment = parse_moment(datetime.strptime(digits, "%Y%m%d%H%M%S").isoformat(), self.zone)  # noqa: DTZ007
        except ValueError:
            return
        if moment is not None:
            self.named_moments.append(moment)
            self.run_digits = digits

    @property
    def started(self) -> ReadMoment | None:
        """Earliest time in the file; None if the file has no time."""
        found = self.moments or self.named_moments
        return min(found, default=None)

    @property
    def duration_us(self) -> int | None:
        """Duration of the whole; the sum of the outermost suites if the root has none."""
        if self.root_us is not None:
            return self.root_us
        for depth in sorted(self.suite_us):
            return sum(self.suite_us[depth])
        return None


class Totals:
    """Compares the totals in heads with the elements that are there.

    Only the outermost heads that claim something are compared: the others are parts of them.
    """

    def __init__(self) -> None:
        self._open: list[SuiteTotals] = []
        self._claiming: SuiteTotals | None = None
        self.differences: list[str] = []

    def begin(self, attributes: dict[str, str], depth: int) -> None:
        """Take the head of a suite."""
        claimed: dict[str, int] = {}
        for total in _TOTALS:
            text = attributes.get(total, "").strip()
            if text.isascii() and text.isdigit() and len(text) < 12:  # noqa: PLR2004 - more is no number of tests
                claimed[total] = int(text)
        disabled = attributes.get("disabled", "").strip()
        if "skipped" in claimed and disabled.isascii() and disabled.isdigit() and len(disabled) < 12:  # noqa: PLR2004
            claimed["skipped"] += int(disabled)
        if self._claiming is not None:
            claimed = {}
        self._open.append(SuiteTotals(attributes.get("name", ""), depth, claimed))
        if claimed:
            self._claiming = self._open[-1]

    def count(self, kind: str) -> None:
        """Count an element with its verdict."""
        claiming = self._claiming
        if claiming is not None:
            claiming.tests += 1
            if kind in _TOTAL_OF:
                claiming.found[_TOTAL_OF[kind]] += 1

    def end(self) -> None:
        """Take the end of a suite."""
        suite = self._open.pop()
        if suite is self._claiming:
            self._claiming = None
        suite.found["tests"] = suite.tests
        differs = [f"{total} {number}" for total, number in suite.claimed.items() if suite.found[total] != number]
        if differs:
            there = ", ".join(f"{total} {suite.found[total]}" for total in suite.claimed)
            name = f"suite {suite.name[:80]!r}" if suite.name else "the head"
            self.differences.append(f"{name} claims {', '.join(differs)}, the file has {there}; the file counts")
