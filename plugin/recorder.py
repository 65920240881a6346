"""The recorder: hooks of single tests turned into events.

Recording never changes a test run. Every hook catches its own errors, counts them, and one line at the end shows them.
The three hooks that run for every test have a short way, for a test that runs alone in this process and passes, and a
long one for all others. Both write the same; the short one is written out for speed, and `benchmarks/` measures it.
"""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from ..eventlog.events import SessionDescribed, TestStarted, WarningRecorded
from ..eventlog.plain import clean_text
from .attempts.attempt import Attempt
from .attempts.categories import is_subtest
from .attempts.markers import MarkerReader
from .attempts.state_machine import ADDED, Attempts
from .attempts.state_machine import Ending as AttemptEnding
from .attempts.values import plain_properties, text_of
from .lifecycle.boundary import guarded
from .output.cut_output import cut_event, sections_of_item
from .recording import Recording, RecordingHooks
from .redaction.shortening import redact_shortened
from .worker import MARKERS_KEY

_OUTCOMES = ("passed", "failed", "skipped")
"""Outcomes of reports as pytest itself makes them."""
_WARNING_BYTES_MAX = 16 * 1024


class Recorder(RecordingHooks):
    """Hooks of single tests, in the process that writes: the only one without xdist, the controller with xdist.

    Args:
        recording: the session.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self.attempts: Attempts[Attempt] = Attempts(self._close_attempt, self._is_announced)
        self._xdist = recording.xdist
        self._tests = recording.tests
        self._writer = recording.writer
        self._append_named = recording.writer.append_named
        self._open_here = self.attempts.of_worker("")
        self._tally = recording.tally
        self._category_of: Callable[[Any], str | None] | None = None
        self._ordinals: dict[str, int] = {}
        self._markers: dict[str, tuple[list[str], dict[str, str]]] = {}

    # -------------------------------------------------------------- per test: the hot path

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Write that a test starts: if the process dies in the test, this event names it."""
        if self.recording.off:
            return
        try:
            open_here = self._open_here
            if open_here or self._xdist.active or type(nodeid) is not str:
                self._start_in_full(nodeid, location)
                return
            number = self._ordinals[nodeid] = self._ordinals.get(nodeid, 0) + 1
            if number > 1:
                self._tests.restart(nodeid, "")
            at = self._append_named(TestStarted(nodeid=nodeid, attempt=number))
            open_here[nodeid] = Attempt(nodeid, nodeid, number, "", at, location)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.started", error)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report until its attempt is over."""
        if self.recording.off:
            return
        try:
            if hasattr(report, "context") or report.outcome not in _OUTCOMES:
                self._keep_in_full(report)
                return
            open_here = self._open_here
            if len(open_here) == 1:
                nodeid, when = report.nodeid, report.when
                attempt = open_here.get(nodeid) if type(nodeid) is str else None
                if attempt is not None and attempt.has_start and type(when) is str:
                    after = ADDED[attempt.state].get(when)
                    if after is not None:
                        attempt.reports.append(report)
                        attempt.state = after
                        return
            self._keep_in_full(report)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("report", error)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write the result of the attempt."""
        if self.recording.off:
            return
        try:
            open_here = self._open_here
            attempt = open_here.get(nodeid) if self._category_of is None and not self._xdist.active else None
            event = attempt.simple_pass(self._markers.get(nodeid)) if attempt is not None else None
            if attempt is None or event is None:
                self.attempts.finish(self._xdist.worker, nodeid)
                return
            del open_here[nodeid]
            if event.markers or event.tags:
                self._append(event)
            else:
                self._append_named(event)
            self._tally.add_plain_pass()
            self._tests.add_pass(attempt.nodeid, attempt.number)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.finished", error)

    # -------------------------------------------------------------- per test: all other cases

    def _start_in_full(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Write the start of any test: of xdist, of one whose name is no text, of one that begins while others run."""
        xdist = self._xdist
        worker = xdist.worker
        self.attempts.make_way(worker, nodeid)
        name, group = (xdist.groups.get(nodeid) if xdist.groups else None) or (nodeid, "")
        if type(name) is not str:
            name = text_of(name)[0]
        number = self._next_number(name, worker)
        if number > 1:
            self._tests.restart(name, worker)
        at = self._append(TestStarted(nodeid=name, attempt=number, worker=worker))
        self.attempts.open(Attempt(nodeid, name, number, worker, at, location, group))

    def _keep_in_full(self, report: pytest.TestReport) -> None:
        """Keep any report: of a subtest, of xdist, with an outcome of another plugin, or under another name."""
        worker = self._worker_of(report) if self._xdist.active else ""
        if hasattr(report, "context") and is_subtest(report):
            self._write_subtest(report, worker)
            return
        kept: Any = report
        if report.outcome not in _OUTCOMES:
            # pytest-retry reports one object several times, with another outcome each time.
            kept = copy.copy(report)
            kept.insight_of = id(report)
        self.attempts.report(
            worker, report.nodeid, report.when, kept, lambda: self._begin_without_start(report, worker)
        )

    def _close_attempt(self, attempt: Attempt, ending: AttemptEnding) -> bool:
        """Write an attempt that is over. An error loses this attempt, not the report that ended it.

        Returns:
            False if its reports do not tell how it ended.
        """
        try:
            markers = self._markers_sent(attempt) if self._xdist.active else self._markers.get(attempt.key)
            repeated = ending == "repeated"
            event = attempt.finish(self.recording.policy, markers, self._category_of, repeated=repeated)
            if event is None:
                return False
            is_rerun = event.outcome == "rerun"
            if attempt.counted and is_rerun:
                event = structs.replace(event, discarded_subtests=self._count_discarded(attempt))
            self._append(event)
            self._tally.add_attempt(event)
            self._tests.add_result(attempt.nodeid, attempt.worker, attempt.number, is_rerun=is_rerun)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.finished", error)
        return True

    def _count_discarded(self, attempt: Attempt) -> dict[str, int]:
        """Count the subtests that a plugin took out of the terminal's counts when it ran their test again."""
        reporter = self.recording.config.pluginmanager.getplugin("terminalreporter")
        stats: dict[str, list[Any]] = getattr(reporter, "stats", None) or {}
        gone = [name for name, report in attempt.counted if not any(report is one for one in stats.get(name, ()))]
        return dict(Counter(gone)) if stats else {}

    def _next_number(self, name: str, worker: str) -> int:
        ordinal = f"{worker} {name}" if self._tests.each else name
        number = self._ordinals.get(ordinal, 0) + 1
        self._ordinals[ordinal] = number
        return number

    def _begin_without_start(self, report: pytest.TestReport, worker: str) -> Attempt:
        """Return an attempt without a start: some plugins run tests their own way, or call one several times."""
        key = report.nodeid if type(report.nodeid) is str else text_of(report.nodeid)[0]
        name, group = self._xdist.groups.get(key) or (key, "")
        number = self._next_number(name, worker)
        return Attempt(
            key, name, number, worker, self._writer.last_at, getattr(report, "location", None), group, has_start=False
        )

    def _write_subtest(self, report: Any, worker: str) -> None:
        attempt = self.attempts.find(worker, report.nodeid)
        if attempt is None:
            attempt = self._begin_without_start(report, worker)
            self.attempts.open(attempt)
        category = self.recording.categories.of_subtest(report)
        self._append(attempt.subtest(report, self.recording.policy, category))
        self._tally.add(category)

    def _worker_of(self, report: Any) -> str:
        node = getattr(report, "node", None)
        return str(getattr(report, "worker_id", "") or (node.gateway.id if node is not None else ""))

    def _markers_sent(self, attempt: Attempt) -> tuple[list[str], dict[str, str]] | None:
        sent = getattr(attempt.reports[-1], MARKERS_KEY, None) if attempt.reports else None
        return (list(sent[0]), dict(sent[1])) if sent else None

    def _is_announced(self, key: str) -> bool:
        groups = self._xdist.groups
        return (groups[key][0] if key in groups else key) in self._tests

    # -------------------------------------------------------------- for the other plugins of the recording

    def running_tests(self, worker: str) -> list[str]:
        """Return the node ids that a worker is running."""
        return [attempt.nodeid for attempt in self.attempts.running(worker)]

    def look_for_categories(self) -> None:
        """Find out whether other plugins give terminal categories; call it again when more may be loaded."""
        categories = self.recording.categories
        categories.look_for_plugins()
        self._category_of = categories.of_phase if categories.are_foreign else None

    def keep_markers(self, items: list[pytest.Item]) -> None:
        """Keep the markers of collected tests for their results."""
        read = MarkerReader().read
        for item in items:
            found = read(item)
            if found is not None:
                self._markers[item.nodeid] = found

    def finish_open(self, items: list[pytest.Item] | None) -> None:
        """Write the attempts that are still open.

        Args:
            items: items of an interrupted session, whose running tests are written with their captured output; None
                if the session was not interrupted or xdist runs it.
        """
        cut = [attempt for attempt in self.attempts if attempt.state != "undecided"]
        for attempt in self.attempts.end():
            if self._close_attempt(attempt, "finished"):
                cut.remove(attempt)
        if items is not None:
            for attempt in cut:
                self._write_cut(attempt, sections_of_item(items, attempt.key), "")

    def write_cut_by_timeout(self, sections: list[tuple[str, str]], stacks: str) -> None:
        """Write the output shown by pytest-timeout, from its thread: the process ends right after it."""
        for attempt in self.attempts.running("")[-1:]:
            self._write_cut(attempt, sections, stacks)

    def _write_cut(self, attempt: Attempt, sections: list[tuple[str, str]], stacks: str) -> None:
        event = cut_event(attempt, sections, stacks, self.recording.policy)
        if event is not None:
            self._append(event)

    @guarded
    def take_properties(self, pairs: list[Any], worker: str) -> None:
        """Write properties that tests recorded for the session."""
        if self.recording.off:
            return
        properties, lossy = plain_properties(pairs)
        self._append(SessionDescribed(properties=properties, worker=worker, lossy=lossy))

    # -------------------------------------------------------------- warnings

    @guarded
    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str) -> None:
        """Write a warning."""
        short, was, lossy = redact_shortened(self.recording.redact, str(warning_message.message), _WARNING_BYTES_MAX)
        category = warning_message.category
        event = WarningRecorded(
            category=getattr(category, "__name__", str(category)),
            message=short,
            nodeid=nodeid,
            filename=clean_text(str(warning_message.filename))[0],
            lineno=int(warning_message.lineno or 0),
            when=when,
            lossy=lossy,
            truncated={"message": was} if was is not None else {},
        )
        self._append(event)
        self._tally.add("warnings")
