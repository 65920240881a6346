"""The test cases of a JUnit XML file as attempts of tests, in the order of the file."""

from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from ....eventlog.events import CollectionFailed, CollectionSkipped, TestFinished
from ..attempts import UNPLACED_MARKS, ForeignAttempt, discard, finished
from ..identity import Identities
from ..protocol import ForeignReport, TimedEvent
from ..values import seconds_us
from .verdicts import (
    AFTER_BAD,
    BEFORE_GOOD,
    NODEID_PROPERTY,
    PASSED,
    RESULTS,
    SKIPS,
    VERDICT_PROPERTY,
    CaseVerdict,
    Child,
    is_teardown_error,
    judge,
)

Key = tuple[str, str, str, str]
_PLACED: dict[str, str] = {}
COLLECTION_FAILURE = "collection failure"
COLLECTION_SKIPPED = "collection skipped"


_NO_CHILDREN: list[Child] = []
_NO_PROPERTIES: list[tuple[str, str]] = []
"""Shared by the many cases that have none; nothing is added to them."""


class Case:
    """One `testcase` element.

    Args:
        suite: names of the suites that it is in.
        is_pytest: one of them is of pytest.
        attributes: of the element.
    """

    __slots__ = ("attributes", "children", "err", "is_pytest", "out", "properties", "suite", "verdict")

    def __init__(self, suite: str, is_pytest: bool, attributes: dict[str, str]) -> None:  # noqa: FBT001 - once, in a hot place
        self.suite, self.is_pytest, self.attributes = suite, is_pytest, attributes
        self.children, self.properties = _NO_CHILDREN, _NO_PROPERTIES
        self.out = self.err = ""
        self.verdict = PASSED
        """Verdict by its elements."""

    def add_child(self, child: Child) -> None:
        """Add an element that says something about the result."""
        if self.children is _NO_CHILDREN:
            self.children = []
        self.children.append(child)

    def add_property(self, pair: tuple[str, str]) -> None:
        """Add a property: name and value."""
        if self.properties is _NO_PROPERTIES:
            self.properties = []
        self.properties.append(pair)

    @property
    def key(self) -> Key:
        """Elements with the same key are attempts of one test."""
        get = self.attributes.get
        return self.suite, get("classname", ""), get("name", ""), get("file", "")

    def property_named(self, name: str) -> str:
        """Return the value of a property, or an empty text."""
        return next((value for known, value in self.properties if known == name), "") if self.properties else ""


class Repeats:
    """Test cases that are more than once in a file, found by hashes in a first pass."""

    def __init__(self) -> None:
        self._tests = array("q")
        self.note = self._tests.append
        """Note a test case of the first pass by the hash of its class name, name and file."""
        self._starts = array("q", [0])
        self._suite_hashes = array("q", [hash("")])
        self._left: Counter[int] = Counter()
        self._suites: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self._tests)

    def enter(self, suite: str) -> None:
        """Note that the test cases that follow are of a suite."""
        place = len(self._tests)
        if self._starts[-1] == place:
            self._suite_hashes[-1] = hash(suite)
            return
        self._starts.append(place)
        self._suite_hashes.append(hash(suite))

    def settle(self) -> None:
        """Find out which are there more than once."""
        ordered = sorted(self._tests)
        repeated = {one for one, other in pairwise(ordered) if one == other}
        del ordered
        if repeated:
            ends = [*self._starts[1:], len(self._tests)]
            for start, end, suite in zip(self._starts, ends, self._suite_hashes, strict=True):
                for test in self._tests[start:end]:
                    if test in repeated:
                        key = hash((suite, test))
                        self._left[key] += 1
                        self._suites.setdefault(test, set()).add(key)
        self._starts, self._suite_hashes = array("q"), array("q")

    def is_any(self) -> bool:
        """Return whether there are any."""
        return bool(self._suites)

    def take(self, case: Case) -> tuple[int, bool]:
        """Return how many elements of this test follow, and whether other suites have a test of the same name."""
        suite, classname, name, file = case.key
        test = hash((classname, name, file))
        if test not in self._suites:
            return 0, False
        key = hash((hash(suite), test))
        self._left[key] -= 1
        return self._left[key], len(self._suites[test]) > 1


class CaseEvents:
    """Turns test cases into events.

    Args:
        identities: node ids by names.
        repeats: test cases that are there more than once.
        report: takes counts and notes.
    """

    def __init__(self, identities: Identities, repeats: Repeats, report: ForeignReport) -> None:
        self._identities = identities
        self._repeats = repeats
        self._report = report
        self._numbers: dict[str, int] = {}
        self._waiting: dict[Key, list[ForeignAttempt]] = {}
        self._any_repeats = repeats.is_any()
        self._by_names = identities.knows_nothing

    def plain_event(self, case: Case) -> TimedEvent | None:
        """Return the only attempt of a test that passed and says nothing else, as most do; None for any other."""
        if self._any_repeats or case.verdict is not PASSED or case.children or case.properties or case.out or case.err:
            return None
        get = case.attributes.get
        classname, name = get("classname"), get("name")
        if not classname or not name or "line" in case.attributes:
            return None
        file = get("file", "")
        if self._by_names and not file:
            nodeid, placed = f"{classname}::{name}", False
        else:
            nodeid, placed = self._identities.find(classname, name, file)
        told_us = seconds_us(get("time"))
        took_us = told_us or 0
        report = self._report
        report.outcomes["passed"] += 1
        report.unplaced += not placed
        event = TestFinished(
            nodeid=nodeid,
            outcome="passed",
            duration_us=took_us,
            phases={"call": took_us},
            tags=_PLACED if placed else UNPLACED_MARKS,
            lossy=told_us is None,
        )
        return TimedEvent(event, None, took_us)

    def events_of(self, case: Case) -> Iterator[TimedEvent]:
        """Yield the attempts that a test case completes."""
        collection = _collection_event(case, self._identities)
        if collection is not None:
            self._report.outcomes["error" if isinstance(collection, CollectionFailed) else "skipped"] += 1
            yield TimedEvent(collection)
            return
        left, several = self._repeats.take(case) if self._any_repeats else (0, False)
        attempts = self._attempts(case, left, several=several)
        if self._waiting:
            attempts = self._join(case, attempts)
        if left:
            yield from self._finish(attempts[:-1])
            self._waiting[case.key] = attempts[-1:]
            return
        self._report.outcomes[attempts[-1].outcome] += 1
        yield from self._finish(attempts)

    def rest(self) -> Iterator[TimedEvent]:
        """Yield what still waits for another attempt at the end of the file."""
        for attempts in self._waiting.values():
            self._report.outcomes[attempts[-1].outcome] += 1
            yield from self._finish(attempts)
        self._waiting = {}

    def _join(self, case: Case, attempts: list[ForeignAttempt]) -> list[ForeignAttempt]:
        """Put the attempt that waits before those of a further element of the same test."""
        before = self._waiting.pop(case.key, None)
        if not before:
            return attempts
        last = before[-1]
        if last.outcome == "failed" and is_teardown_error(case.children):
            return [_with_teardown_error(last, attempts[-1])]
        if case.is_pytest and last.outcome == "passed":
            last.outcome = "rerun"  # pytest-rerunfailures leaves discarded attempts as empty elements
            last.reason = "a discarded attempt; the report does not say why"
        else:
            discard(last)
        return [last, *attempts]

    def _finish(self, attempts: list[ForeignAttempt]) -> Iterator[TimedEvent]:
        for attempt in attempts:
            if self._any_repeats or attempt.number > 1 or len(attempts) > 1:
                attempt.number = self._numbers[attempt.nodeid] = self._numbers.get(attempt.nodeid, 0) + 1
            yield finished(attempt)

    def _attempts(self, case: Case, left: int, *, several: bool) -> list[ForeignAttempt]:
        attributes, get = case.attributes, case.attributes.get
        own = case.property_named(VERDICT_PROPERTY)
        verdict = judge(case.children, get("status", ""), get("result", ""), own) if own else case.verdict
        nodeid, placed = self._name(case, several=several)
        if not placed and not left:
            self._report.unplaced += 1
        last = ForeignAttempt(
            nodeid, verdict.outcome, phase=verdict.phase, category=verdict.category, placed=placed,
            duration_us=seconds_us(attributes.get("time")), out=case.out, err=case.err,
        )  # fmt: skip
        if case.properties:
            own = (VERDICT_PROPERTY, NODEID_PROPERTY)
            last.properties = [(name, value) for name, value in case.properties if name not in own]
        line = get("line", "")
        if line.isascii() and line.isdigit() and len(line) < 10:  # noqa: PLR2004 - more is no line
            last.lineno = int(line) + (1 if case.is_pytest else 0)  # pytest counts lines from 0 here
        if not case.children:
            return [last]
        _tell_why(last, case.children, verdict)
        earlier = [child for child in case.children if child.kind in BEFORE_GOOD]
        later = [child for child in case.children if child.kind in AFTER_BAD]
        return _with_reruns(last, earlier, later) if earlier or later else [last]

    def _name(self, case: Case, *, several: bool) -> tuple[str, bool]:
        if case.properties:
            nodeid = case.property_named(NODEID_PROPERTY)
            if nodeid:
                return nodeid, True
        suite, classname, name, file = case.key
        found = self._identities.find(classname, name, file)
        if not found.placed and (several or not classname):
            return self._identities.find(classname, name, file, suite=suite.rpartition("\0")[2])
        return found if found.nodeid else found._replace(nodeid="(test without a name)")


def _tell_why(attempt: ForeignAttempt, children: list[Child], verdict: CaseVerdict) -> None:
    told = [child for child in children if child.kind in RESULTS]
    skips = [child for child in told if child.kind in SKIPS]
    if verdict.outcome in ("skipped", "xfailed") and skips:
        attempt.reason = skips[0].message or skips[0].text.strip()
        attempt.text = "\n".join(child.text for child in skips if child.text.strip() != attempt.reason.strip()).strip()
        return
    attempt.text = "\n".join(filter(None, (_text_of(child) for child in told)))


def _text_of(child: Child) -> str:
    text = child.text.strip("\n")
    first = child.message.strip().partition("\n")[0]
    return text if not child.message or (first and first in text) else f"{child.message}\n{text}".strip("\n")


def _with_teardown_error(failure: ForeignAttempt, error: ForeignAttempt) -> ForeignAttempt:
    """Return a failure and the error of its teardown as one attempt."""
    failure.outcome, failure.phase, failure.call_failed = "error", "teardown", True
    failure.text = "\n".join(filter(None, (failure.text, error.text)))
    if error.duration_us:
        failure.duration_us = (failure.duration_us or 0) + error.duration_us
    for name in ("out", "err"):
        mine, more = getattr(failure, name), getattr(error, name)
        setattr(failure, name, mine if more in mine else f"{mine}{more}")
    return failure


def _with_reruns(last: ForeignAttempt, earlier: list[Child], later: list[Child]) -> list[ForeignAttempt]:
    """Return all attempts of a test case as Surefire writes them.

    `flaky*` are attempts before the one that passed. Of a test that never passed, the element itself is the first
    attempt, `rerun*` are those after it, and the verdict is that of the element.
    """
    attempts = [_rerun(last, child) for child in earlier]
    if not later:
        return [*attempts, last]
    first = ForeignAttempt(
        last.nodeid, "rerun", placed=last.placed, duration_us=last.duration_us, text=last.text, out=last.out,
        err=last.err, reason=last.reason,
    )  # fmt: skip
    *between, end = later
    attempts += [first, *(_rerun(last, child) for child in between)]
    last.text, last.out, last.err, last.duration_us = _text_of(end), end.out, end.err, end.took_us
    return [*attempts, last]


def _rerun(last: ForeignAttempt, child: Child) -> ForeignAttempt:
    return ForeignAttempt(
        last.nodeid, "rerun", placed=last.placed, text=_text_of(child), out=child.out, err=child.err,
        duration_us=child.took_us,
    )  # fmt: skip


def _collection_event(case: Case, identities: Identities) -> CollectionFailed | CollectionSkipped | None:
    """Return a module that could not be collected; pytest writes it as a test case with one of two messages."""
    if not case.is_pytest or len(case.children) != 1:
        return None
    child, attributes = case.children[0], case.attributes
    names = attributes.get("classname", ""), attributes.get("name", ""), attributes.get("file", "")
    names = (*names[:2], case.property_named(NODEID_PROPERTY) or names[2])
    if child.kind == "error" and child.message == COLLECTION_FAILURE:
        return CollectionFailed(nodeid=identities.find_module(*names), longreprtext=child.text)
    if child.kind == "skipped" and child.message == COLLECTION_SKIPPED:
        return CollectionSkipped(nodeid=identities.find_module(*names), reason=child.text.strip())
    return None
