"""JUnit XML in the dialects of many tools: pytest, Surefire, Gradle, Jest, CTest, Go, unittest, Mocha and others.

A file is read twice: first the heads of suites and which test cases are there more than once, then the cases, one at a
time. Memory does not depend on the size of the file.
"""

import re
from collections.abc import Iterator
from typing import Any

from ..protocol import ForeignReport, Member, Reading, RefusedFileError, TimedEvent
from ..values import seconds_us
from .cases import Case, CaseEvents, Repeats
from .suites import SuiteFacts, Totals
from .verdicts import AFTER_BAD, BEFORE_GOOD, RESULTS, Child, judge
from .xml_parser import XmlRun

_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(testsuites?|testcase)[\s/>]")
_ANY_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?[A-Za-z_]")
_DECLARATION = re.compile(rb"<!DOCTYPE", re.IGNORECASE)
_SUITES = frozenset({"testsuites", "testsuite"})
_CHILDREN = RESULTS | BEFORE_GOOD | AFTER_BAD
_TEXT_MAX = 128 << 10
_PYTEST_SUITE, _PYTEST_ROOT = "pytest", "pytest tests"


class JUnitImporter:
    """JUnit XML."""

    name = "junit"

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return whether the root element is one of JUnit; a document type is recognized too, so that it is refused."""
        plain = head.replace(b"\0", b"") if b"\0" in head[:8] else head
        if not plain.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
            return False
        plain = re.sub(rb"<!--.*?-->", b"", plain, flags=re.DOTALL)
        root = _ROOT.search(plain)
        if root is None:
            return False
        declared, first = _DECLARATION.search(plain), _ANY_ROOT.search(plain)
        return declared is not None or (first is not None and first.start() == root.start())

    def read(self, member: Member, reading: Reading) -> ForeignReport:
        """Return the content of a file.

        Raises:
            RefusedFileError: it is dangerous, or has no suite that can be read.
        """
        facts, repeats = SuiteFacts(zone=reading.zone), Repeats()
        first = _FirstPass(facts, repeats)
        run = XmlRun(member.path, reading.limits, first.start, first.end, ends=_SUITES)
        for _ in run.steps():
            pass
        if not len(repeats) and (run.damage or not first.suites):
            reason = run.damage or "has no test suites"
            raise RefusedFileError(
                f"cannot be read as JUnit XML: {reason}", "check which tool wrote it, or name it by --as"
            )
        repeats.settle()
        started = facts.started
        report = ForeignReport(
            "junit",
            iter(()),
            tool="pytest" if first.is_pytest else "",
            started_us=started.us if started else None,
            zone_known=started is None or started.zone_known,
            duration_us=facts.duration_us,
            host=facts.hosts.pop() if len(facts.hosts) == 1 else "",
            test_run=facts.run_digits,
            complete=not run.damage,
        )
        if run.damage:
            report.repairs.append(f"cannot be read on: {run.damage}; what is complete before that place was imported")
        if run.replaced:
            report.repairs.append(f"{run.replaced} characters that XML does not allow were replaced")
        report.events = _second_pass(member, reading, repeats, report, is_known=not run.has_prefixes)
        return report


class _FirstPass:
    """Takes the heads of suites, and which cases there are."""

    def __init__(self, facts: SuiteFacts, repeats: Repeats) -> None:
        self._facts, self._repeats = facts, repeats
        self._note = repeats.note
        self._open: list[str] = []
        self.suites = 0
        self.is_pytest = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take an element."""
        if name == "testcase":
            get = attributes.get
            self._note(hash((get("classname", ""), get("name", ""), get("file", ""))))
        elif name in _SUITES:
            self.suites += 1
            self._facts.take(name, attributes, len(self._open))
            self._open.append(attributes.get("name", ""))
            self._repeats.enter("\0".join(self._open))
            self.is_pytest = self.is_pytest or self._open[-1] in (_PYTEST_SUITE, _PYTEST_ROOT)

    def end(self, name: str) -> None:
        """Take the end of a suite."""
        del name
        self._open.pop()
        self._repeats.enter("\0".join(self._open))


def _second_pass(
    member: Member, reading: Reading, repeats: Repeats, report: ForeignReport, *, is_known: bool
) -> Iterator[TimedEvent]:
    cases = CaseEvents(reading.identities, repeats, report)
    reader = _CaseReader()
    run = XmlRun(member.path, reading.limits, reader.start, reader.end, reader.text, is_known=is_known)
    for _ in run.steps():
        for case in reader.done:
            plain = cases.plain_event(case)
            if plain is not None:
                yield plain
            else:
                yield from cases.events_of(case)
        reader.done.clear()
        if reader.properties:
            report.properties.extend(reader.properties)
            reader.properties.clear()
    yield from cases.rest()
    report.notes.extend(reader.totals.differences)


class _CaseReader:
    """Collects the test cases of a file."""

    def __init__(self) -> None:
        self.done: list[Case] = []
        self.properties: list[tuple[str, str]] = []
        self.totals = Totals()
        self._suites: list[str] = []
        self._suite = ""
        self._pytest: list[bool] = []
        self._is_pytest = False
        self._case: Case | None = None
        self._child: tuple[str, dict[str, str]] | None = None
        self._texts: list[str] = []
        self._size = 0
        self._wanted = False
        self._child_texts: list[str] = []
        self._child_out: dict[str, str] = {}

    def text(self, piece: str) -> None:
        """Take a piece of text; of a long one the beginning is kept."""
        if self._wanted and self._size < _TEXT_MAX:
            self._texts.append(piece)
            self._size += len(piece)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        if name == "testcase":
            self._case = Case(self._suite, self._is_pytest, attributes)
        elif name in _SUITES:
            self._open_suite(attributes)
        elif name == "property":
            value = attributes.get("value")
            pair = (attributes.get("name", ""), value or "")
            if self._case is None:
                self.properties.append(pair)
            else:
                self._case.add_property(pair)
        elif self._case is not None:
            if name in _CHILDREN:
                self._child, self._child_texts, self._child_out = (name, attributes), [], {}
                self._collect()
            elif name in ("system-out", "system-err", "stackTrace"):
                self._keep_text()
                self._collect()

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "testcase":
            case = self._case
            if case is not None:
                attributes = case.attributes
                if case.children or "status" in attributes or "result" in attributes:
                    get = attributes.get
                    case.verdict = judge(case.children, get("status", ""), get("result", ""))
                self.totals.count(case.verdict.outcome)
                self.done.append(case)
                self._case = self._child = None
                self._wanted = False
        elif name in _SUITES:
            self._suites.pop()
            self._pytest.pop()
            self._is_pytest = bool(self._pytest) and self._pytest[-1]
            self._suite = "\0".join(self._suites)
            self.totals.end()
        elif self._wanted:
            self._end_text(name)

    def _open_suite(self, attributes: dict[str, str]) -> None:
        name = attributes.get("name", "")
        self.totals.begin(attributes, len(self._suites))
        self._suites.append(name)
        self._is_pytest = name in (_PYTEST_SUITE, _PYTEST_ROOT) or any(self._pytest)
        self._pytest.append(self._is_pytest)
        self._suite = "\0".join(self._suites)

    def _collect(self) -> None:
        self._texts, self._size, self._wanted = [], 0, True

    def _keep_text(self) -> None:
        """Keep the text of an element that goes on behind one within it."""
        if self._child is not None and self._wanted:
            self._child_texts.extend(self._texts)

    def _end_text(self, name: str) -> None:
        case, text = self._case, "".join(self._texts)
        if case is None:
            return
        if name in ("system-out", "system-err"):
            part = "out" if name == "system-out" else "err"
            if self._child is not None:
                self._child_out[part] = self._child_out.get(part, "") + text
            else:
                setattr(case, part, getattr(case, part) + text)
        elif name == "stackTrace" and self._child is not None:
            self._child_texts.append(text)
        elif self._child is not None and name == self._child[0]:
            self._child_texts.append(text)
            case.add_child(self._child_of(self._child[1], name))
            self._child = None
        self._texts, self._size = [], 0
        self._wanted = self._child is not None

    def _child_of(self, attributes: dict[str, str], name: str) -> Child:
        get: Any = attributes.get
        text = "".join(self._child_texts)
        out, err = self._child_out.get("out", ""), self._child_out.get("err", "")
        return Child(name, get("type", ""), get("message", ""), text, out, err, seconds_us(get("time")))
