"""The recorder: pytest's hooks turned into events of one session.

Recording never changes a test run. Every hook catches what goes wrong in it, counts it, and says so in one line at the
end. The three hooks that run for every test are written out for speed; `benchmarks/` watches them.
"""

import copy
import functools
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from msgspec import structs

from ..eventlog.errors import ForkedWriterError
from ..eventlog.events import (
    CollectionFailed,
    CollectionSkipped,
    OutputRecorded,
    RecorderDegraded,
    SessionDescribed,
    SessionFinished,
    TestsAnnounced,
    TestStarted,
    WarningRecorded,
    WorkerLost,
)
from ..eventlog.outcome import missing_tests
from ..eventlog.plain import clean_text, shorten, type_name
from ..eventlog.writer import Durability
from . import metadata
from .attempt import Attempt, Policy, longrepr_of, reason_of
from .attempts import Attempts
from .attempts import Ending as AttemptEnding
from .boundary import PLUGIN_NAME, write_to_stderr
from .categories import Categories, is_subtest
from .cut_output import TimeoutDump, cut_event, sections_of_item
from .ending import Ending, Step, run_steps
from .git import DirtyCheck
from .header import make_header
from .markers import markers_of
from .nesting import is_log_of_outer_run, is_nested, mark_recording, unmark_recording
from .proof import compare_counts, compare_failures, shown_counts
from .properties import PropertyTap
from .redact import Redactor
from .redact_events import RedactingWriter, open_writer
from .redact_long import redact_shortened
from .sections import HeadCopy, find_reporter, summary_sections
from .settings import Settings, joined_arguments, read_settings
from .tally import Tally
from .target import log_target, memory_log
from .values import plain_properties, text_of
from .worker import GROUPS_KEY, MARKERS_KEY

_ANNOUNCED_BYTES = 96 * 1024
_SECTION_BYTES_MAX = 1024 * 1024
_SECTION_PART_CHARS = 48 * 1024
_NAMES_SHOWN = 10
_OUTCOMES = ("passed", "failed", "skipped")
"""Of reports as pytest itself makes them."""
_GIT_WAIT_S = 2.0
"""How long the end of a run waits for git, at most."""

P = ParamSpec("P")

_active: list["Recorder"] = []
"""The recorder of this process; a pytest run within a test of a recorded run finds it here."""


def start_recording(config: pytest.Config) -> None:
    """Open the log, write the header and register the recorder; not within a test of another run.

    Raises:
        pytest.UsageError: an option has a wrong value.
        EventLogError, OSError: there is no log to write to.
    """
    settings = read_settings(config)
    redact = Redactor(settings.redact)
    if (_active or is_nested()) and not (settings.log or os.environ.get("PYTEST_INSIGHT_NESTED")):
        return
    if settings.log and is_log_of_outer_run(log_target(settings.log, "", config.invocation_params.dir)[0]):
        return
    try:
        writer, profile = _open_writer(config, settings, redact)
    except ValueError as error:
        raise pytest.UsageError(f"--insight-profile: {error}") from error
    try:
        recorder = _begin(config, settings, writer, profile, redact)
    except BaseException:
        writer.close()
        raise
    if settings.sync:
        from .sync import take_part  # noqa: PLC0415 - imported only by runs that take part

        take_part(config, recorder, settings.sync_port)


def _open_writer(config: pytest.Config, settings: Settings, redact: Redactor) -> tuple[RedactingWriter, str]:
    in_memory = memory_log(settings.log, settings.profile)
    if in_memory is not None:
        from ..eventlog.targets.memory_writer import MemoryWriter  # noqa: PLC0415 - only for a memory profile

        return RedactingWriter(MemoryWriter(in_memory[0]), redact), in_memory[1]
    path, profile = log_target(settings.log, settings.profile, config.invocation_params.dir)
    writer = open_writer(path, redact, durability=Durability(settings.durability), direct=bool(settings.log))
    return writer, profile


def _begin(
    config: pytest.Config, settings: Settings, writer: RedactingWriter, profile: str, redact: Redactor
) -> "Recorder":
    params = config.invocation_params
    args = tuple(joined_arguments([str(arg) for arg in params.args]))
    config.invocation_params = type(params)(args=args, plugins=params.plugins, dir=params.dir)
    recorder = Recorder(config, settings, writer, profile, redact)
    recorder.write_header()
    config.pluginmanager.register(recorder, PLUGIN_NAME)
    config.pluginmanager.register(PropertyTap(recorder.take_properties), f"{PLUGIN_NAME}_properties")
    _active.append(recorder)
    mark_recording(recorder.writer.path)
    return recorder


def guarded(hook: Callable[P, None]) -> Callable[P, None]:
    """Let nothing that goes wrong in a hook of the recorder reach pytest."""

    @functools.wraps(hook)
    def safe(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the test run goes on
            recorder: Any = args[0]
            recorder.degrade(hook.__name__, error)

    return safe


class Recorder:
    """Hooks of the process that writes: the only one without xdist, the controller with it."""

    def __init__(
        self, config: pytest.Config, settings: Settings, writer: RedactingWriter, profile: str, redact: Redactor
    ) -> None:
        self.writer = writer
        self.session_id = writer.stream[:12]
        self._append = writer.append
        self._config = config
        self._settings = settings
        self.test_run = metadata.find_test_run(settings.run, os.environ)
        if settings.sync and not self.test_run:
            self.test_run = f"run-{self.session_id}"
        self._profile = profile
        self._policy = Policy(settings.output, settings.output_limit, redact)
        self._redact = redact
        self.os_pid = os.getpid()
        self._off = False  # in a forked child
        self._dropped = 0
        self._reasons: list[str] = []
        self._attempts: Attempts[Attempt] = Attempts(self._close_attempt, self._is_announced)
        self._categories = Categories(config)
        self._category_of: Callable[[Any], str | None] | None = None
        self._tally = Tally()
        self._ordinals: dict[str, int] = {}
        self._markers: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._worker = ""  # whose logstart or logfinish is being handled
        self._xdist = False
        self._each = False
        self._groups: dict[str, tuple[str, str]] = {}  # name and xdist group of the node ids that xdist changed
        self._deselected = 0
        self._announced: set[str] = set()
        self._announced_to: set[tuple[str, str]] = set()  # with the worker, where each runs a set of its own
        self._rerun: set[str] = set()  # those of which all attempts so far are to be repeated
        self._reported: set[Any] = set()  # as the one of these two that counts
        self._collect_seen: set[tuple[str, str]] = set()
        self._interrupted = ""
        self._internal_error = ""
        self._head: HeadCopy | None = None
        self._head_text = ""
        self._ending = Ending()
        self._differences: list[str] = []
        self._compared = False
        self._problems_shown = 0
        self._started_us = 0
        self._ended_us = 0
        self._dirty_check: DirtyCheck | None = None

    @property
    def worker(self) -> str:
        """The xdist worker whose start or finish of a test is being handled; empty without xdist."""
        return self._worker

    # -------------------------------------------------------------- per test: the hot path

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Write that a test starts; should the process die in it, this names it."""
        if self._off:
            return
        try:
            worker = self._worker
            if not self._attempts.is_idle(worker):
                self._attempts.make_way(worker, nodeid)
            name, group = (self._groups.get(nodeid) if self._groups else None) or (nodeid, "")
            if type(name) is not str:
                name = text_of(name)[0]
            if self._each:
                number = self._next_number(name, worker)
            else:
                number = self._ordinals[name] = self._ordinals.get(name, 0) + 1
            if number > 1 and name in self._rerun:
                self._reported.discard((worker, name) if self._each else name)  # it waits for its result again
            self._append(TestStarted(nodeid=name, attempt=number, worker=worker))
            self._attempts.open(Attempt(nodeid, name, number, worker, self.writer.last_at, location, group))
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.started", error)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report until its attempt is over."""
        if self._off:
            return
        try:
            worker = self._worker_of(report) if self._xdist else ""
            if hasattr(report, "context") and is_subtest(report):
                self._write_subtest(report, worker)
                return
            kept: Any = report
            if report.outcome in _OUTCOMES:
                if self._attempts.add(worker, report.nodeid, report.when, report):
                    return
            else:
                # pytest-retry reports one object several times, with another outcome each time.
                kept = copy.copy(report)
                kept.insight_of = id(report)
            self._attempts.report(worker, report.nodeid, report.when, kept, lambda: self._without_start(report, worker))
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("report", error)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write what came of the attempt."""
        if self._off:
            return
        try:
            self._attempts.finish(self._worker, nodeid)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.finished", error)

    def _close_attempt(self, attempt: Attempt, ending: AttemptEnding) -> bool:
        """Write an attempt that is over; what goes wrong costs this attempt, and not the report that ended it.

        Returns:
            False if its reports do not say how it ended.
        """
        try:
            markers = self._markers_sent(attempt) if self._xdist else self._markers.get(attempt.key)
            repeated = ending == "repeated"
            event = attempt.finish(self._policy, markers, self._category_of, repeated=repeated)
            if event is None:
                return False
            if attempt.counted and event.outcome == "rerun":
                event = structs.replace(event, discarded_subtests=self._discarded(attempt))
            self._append(event)
            self._tally.add_attempt(event)
            if event.outcome == "rerun":
                self._rerun.add(attempt.nodeid)
            elif attempt.number > 1:
                self._rerun.discard(attempt.nodeid)
            self._reported.add((attempt.worker, attempt.nodeid) if self._each else attempt.nodeid)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.finished", error)
        return True

    def _discarded(self, attempt: Attempt) -> dict[str, int]:
        """Count the subtests that a plugin took out of the terminal's counts when it ran their test again."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        stats: dict[str, list[Any]] = getattr(reporter, "stats", None) or {}
        gone = [name for name, report in attempt.counted if not any(report is one for one in stats.get(name, ()))]
        return dict(Counter(gone)) if stats else {}

    def _next_number(self, name: str, worker: str) -> int:
        ordinal = f"{worker} {name}" if self._each else name
        number = self._ordinals.get(ordinal, 0) + 1
        self._ordinals[ordinal] = number
        return number

    def _without_start(self, report: pytest.TestReport, worker: str) -> Attempt:
        """An attempt whose start was not seen: another plugin runs tests its own way, or calls one several times."""
        key = report.nodeid if type(report.nodeid) is str else text_of(report.nodeid)[0]
        name, group = self._groups.get(key) or (key, "")
        number = self._next_number(name, worker)
        return Attempt(
            key, name, number, worker, self.writer.last_at, getattr(report, "location", None), group, has_start=False
        )

    def _write_subtest(self, report: Any, worker: str) -> None:
        attempt = self._attempts.find(worker, report.nodeid)
        if attempt is None:
            attempt = self._without_start(report, worker)
            self._attempts.open(attempt)
        category = self._categories.of_subtest(report)
        self._append(attempt.subtest(report, self._policy, category))
        self._tally.add(category)

    def _worker_of(self, report: Any) -> str:
        node = getattr(report, "node", None)
        return str(getattr(report, "worker_id", "") or (node.gateway.id if node is not None else ""))

    def _markers_sent(self, attempt: Attempt) -> tuple[list[str], dict[str, str]] | None:
        sent = getattr(attempt.reports[-1], MARKERS_KEY, None) if attempt.reports else None
        return (list(sent[0]), dict(sent[1])) if sent else None

    def _is_announced(self, key: str) -> bool:
        return (self._groups[key][0] if key in self._groups else key) in self._announced

    def _missing(self) -> set[Any]:
        return missing_tests(self._announced_to if self._each else self._announced, self._reported)

    def counts(self) -> Counter[str]:
        """Return what was recorded so far by terminal category, as pytest's last line counts it."""
        return self._tally.counts({"deselected": self._deselected})

    # -------------------------------------------------------------- the session

    def write_header(self) -> None:
        """Write `session.started`."""
        header = make_header(self._config, self._settings, self.session_id, self.test_run, self.degrade)
        self._append(header)
        self._started_us = self.writer.last_us
        if header.vcs is not None:
            self._dirty_check = DirtyCheck(self._config.rootpath)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, None, None]:
        """Copy what the terminal shows from here on, and find out whether xdist runs the tests."""
        self._ending.session = session
        self._prepare()
        return (yield)

    @guarded
    def _prepare(self) -> None:
        self._look_for_categories()
        self._attempts.keeps_bare_starts = self._config.pluginmanager.hasplugin("flaky")
        reporter = find_reporter(self._config)
        if reporter is not None:
            dump = TimeoutDump(self._write_cut_by_timeout)
            self._head = HeadCopy(reporter, lambda text: run_steps([("timeout", lambda: dump.add(text))], self.degrade))
        scheduler = self._config.pluginmanager.getplugin("dsession")
        if scheduler is not None:
            self._xdist = True
            dist = getattr(self._config.option, "dist", "")
            self._each = dist == "each"
            for name in ("worker_logstart", "worker_logfinish"):
                self._bind_worker(scheduler, name)

    def _look_for_categories(self) -> None:
        self._categories.look_for_plugins()
        self._category_of = self._categories.of_phase if self._categories.are_foreign else None

    def _bind_worker(self, scheduler: Any, name: str) -> None:
        """Learn whose start or finish it is: xdist knows, but does not tell the hook."""
        handle = getattr(scheduler, name, None)
        if handle is None:
            return

        @functools.wraps(handle)
        def with_worker(node: Any, *args: Any, **kwargs: Any) -> Any:
            self._worker = str(node.gateway.id)
            try:
                return handle(node, *args, **kwargs)
            finally:
                self._worker = ""

        setattr(scheduler, name, with_worker)

    def pytest_report_header(self) -> str:
        """Name profile, session and log in pytest's header."""
        try:
            return self._header_line()
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("header", error)
            return f"insight: session {self.session_id}"

    def _header_line(self) -> str:
        profile = f"profile {self._profile}, " if self._profile else ""
        run = f"run {self.test_run}, " if self.test_run else ""
        place = f"log {short_path(self.writer.path)}" if self.writer.path != Path(os.devnull) else "in memory"
        return f"insight: {profile}{run}session {self.session_id}, {place}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write what is still open and the terminal's sections when all other plugins are done; the seal follows."""
        self._ending.session = session
        self._stop_head()
        try:
            return (yield)
        except BaseException as error:
            self._ending.note_error("pytest_sessionfinish", error, exit_is_caught=True)
            raise
        finally:
            if os.getpid() == self.os_pid:
                self._end(session)

    @guarded
    def _stop_head(self) -> None:
        if self._head is not None:
            self._head_text = self._head.stop()

    def _end(self, session: pytest.Session) -> None:
        steps: list[Step] = [
            ("strict", lambda: self._enforce_strict(session)),
            ("open tests", self._finish_open),
            ("vcs", lambda: self._describe(wait_s=_GIT_WAIT_S)),
            ("comparison", self._compare),
            ("sections", self._write_sections),
        ]
        run_steps(steps, self.degrade)
        self._ended_us = self.writer.now_us()

    def _enforce_strict(self, session: pytest.Session) -> None:
        if self._settings.strict and self._missing() and int(session.exitstatus) == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _finish_open(self) -> None:
        cut = [attempt for attempt in self._attempts if attempt.state != "undecided"]
        for attempt in self._attempts.end():
            if self._close_attempt(attempt, "finished"):
                cut.remove(attempt)
        session = self._ending.session
        if session is not None and not self._xdist and (self._interrupted or self._internal_error):
            for attempt in cut:
                self._write_cut(attempt, sections_of_item(session.items, attempt.key), "")

    def _write_cut(self, attempt: Attempt, sections: list[tuple[str, str]], stacks: str) -> None:
        event = cut_event(attempt, sections, stacks, self._policy)
        if event is not None:
            self._append(event)

    def _write_cut_by_timeout(self, sections: list[tuple[str, str]], stacks: str) -> None:
        """Write what pytest-timeout shows, from its thread: the process ends right after it."""
        for attempt in self._attempts.running("")[-1:]:
            self._write_cut(attempt, sections, stacks)

    def _compare(self) -> None:
        """Compare the own counts with those of pytest, once."""
        if self._compared:
            return
        self._compared = True
        reporter = find_reporter(self._config)
        own = self.counts()
        if reporter is not None:
            self._differences += compare_counts(own, shown_counts(reporter))
        session = self._ending.session
        # A plugin with categories of its own may show a failure that it keeps from the exit status.
        if session is not None and not self._categories.are_foreign:
            self._differences += compare_failures(own, session.testsfailed, int(session.exitstatus))

    def _describe(self, wait_s: float = 0) -> None:
        """Write whether the work tree has changes, as soon as git has said it."""
        dirty = self._dirty_check.take_answer(wait_s) if self._dirty_check is not None else None
        if dirty is not None:
            self._append(SessionDescribed(dirty=dirty))

    @guarded
    def take_properties(self, pairs: list[Any], worker: str) -> None:
        """Write properties that tests recorded for the session."""
        if self._off:
            return
        properties, lossy = plain_properties(pairs)
        self._append(SessionDescribed(properties=properties, worker=worker, lossy=lossy))

    def _seal(self) -> None:
        """Write the seal with the status that the process exits with; in the worst case with nothing but that."""
        exit_status = self._ending.exit_status
        if exit_status is None:
            return  # another plugin ended the run before its session began; nothing is known about its end
        fields: dict[str, Any] = {
            "exit_status": exit_status,
            "duration_us": max((self._ended_us or self.writer.now_us()) - self._started_us, 0),
            "dropped": self._dropped + self.writer.dropped,
        }
        error = "\n".join(text for text in (self._internal_error, self._ending.error_text) if text)
        texts: dict[str, Any] = {"interrupted": self._interrupted, "internal_error": error}
        try:
            self.writer.seal(lambda count, root: SessionFinished(count=count, root=root, **fields, **texts))
        except ForkedWriterError:
            raise
        except Exception as trouble:  # noqa: BLE001 - a seal without texts is better than none
            self.degrade("seal", trouble)
            self.writer.seal(lambda count, root: SessionFinished(count=count, root=root, **fields))

    def _write_sections(self) -> None:
        if self._head_text:
            run_steps([("section", lambda: self._write_section("test_session_starts", self._head_text))], self.degrade)
        reporter = find_reporter(self._config)
        if reporter is None:
            return
        for name, text in summary_sections(reporter, output=self._settings.output):
            run_steps([(f"section {name}", functools.partial(self._write_section, name, text))], self.degrade)

    def _write_section(self, name: str, text: str) -> None:
        clean, was, lossy = redact_shortened(self._redact, text, _SECTION_BYTES_MAX)
        truncated = {"content": was} if was is not None else {}
        parts = [clean[i : i + _SECTION_PART_CHARS] for i in range(0, len(clean), _SECTION_PART_CHARS)]
        for number, part in enumerate(parts):
            event = OutputRecorded(name=name, content=part, part=number, lossy=lossy, truncated=truncated)
            self._append(event)

    def _report_trouble(self) -> None:
        if self._problems:
            text = shorten(clean_text(self._redact("; ".join(self._problems)))[0], 4096)[0]
            self._append(RecorderDegraded(reason=text, dropped=self._dropped + self.writer.dropped))

    @property
    def _problems(self) -> list[str]:
        return [*self._differences, *self._reasons, *self.writer.troubles]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None, None, None]:
        """Write the seal after all other plugins, and close the log; in a forked child, leave it alone."""
        try:
            return (yield)
        except BaseException as error:
            self._ending.note_error("pytest_unconfigure", error, exit_is_caught=False)
            raise
        finally:
            if self in _active:
                _active.remove(self)
            if os.getpid() == self.os_pid:
                self._leave()

    def _leave(self) -> None:
        steps: list[Step] = [
            ("environment", unmark_recording),
            ("trouble report", self._report_trouble),
            ("seal", self._seal),
            ("close", self.writer.close),
            ("git", self._dirty_check.stop if self._dirty_check is not None else lambda: None),
        ]
        run_steps(steps, self.degrade)
        if len(self._problems) > self._problems_shown:
            write_to_stderr(self._trouble_line())

    # -------------------------------------------------------------- collection

    @guarded
    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Count what was deselected; under xdist only the workers know."""
        self._deselected += sum(1 for _ in items)

    @guarded
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write which tests are going to run."""
        self._look_for_categories()  # those of a conftest.py in a folder of tests are there now
        self._describe()
        if self._xdist:
            return
        for item in session.items:
            found = markers_of(item)
            if found is not None:
                self._markers[item.nodeid] = found
        self._announce([item.nodeid for item in session.items], "")

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_configure_node(self, node: Any) -> None:
        """Listen for the names of tests without the group that xdist adds to them, which only the worker knows."""
        handle = node.process_from_remote

        @functools.wraps(handle)
        def with_groups(eventcall: Any) -> Any:
            if isinstance(eventcall, tuple) and eventcall[0] == "collectionfinish":
                sent = eventcall[1].get(GROUPS_KEY) or {}
                self._groups.update({key: (name, group) for key, (name, group) in sent.items()})
            return handle(eventcall)

        node.process_from_remote = with_groups

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Iterable[str]) -> None:
        """Write which tests the workers are going to run: all the same, unless each runs its own set."""
        names = [self._groups.get(nodeid, (nodeid,))[0] for nodeid in map(str, ids)]
        if self._each:
            self._announce(names, str(node.gateway.id))
        elif not self._announced.issuperset(names) or not self._announced:
            self._announce([name for name in names if name not in self._announced], "")

    def _announce(self, nodeids: list[str], worker: str) -> None:
        self._announced.update(nodeids)
        if self._each:
            self._announced_to.update((worker, nodeid) for nodeid in nodeids)
        chunks = list(chunked(nodeids, _ANNOUNCED_BYTES)) or [[]]
        for number, chunk in enumerate(chunks):
            deselected = self._deselected if number == len(chunks) - 1 else 0
            self._append(TestsAnnounced(nodeids=chunk, deselected=deselected, worker=worker))

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write what could not be collected, and why; each once, however many workers tried."""
        if report.outcome == "passed" or not self._is_new_collect(report):
            return
        if report.outcome == "skipped":
            reason, lossy = clean_text(self._redact(reason_of(report)))
            self._append(CollectionSkipped(nodeid=report.nodeid, reason=reason, lossy=lossy))
            self._tally.add("skipped")
            return
        short, was, lossy = redact_shortened(self._redact, longrepr_of(report), self._settings.output_limit)
        truncated = {"longreprtext": was} if was is not None else {}
        event = CollectionFailed(nodeid=report.nodeid, longreprtext=short, lossy=lossy, truncated=truncated)
        self._append(event)
        self._tally.add("error")

    def _is_new_collect(self, report: pytest.CollectReport) -> bool:
        # pytest-xdist passes on the same error once for each distinct text; the terminal counts each.
        key = (report.nodeid, longrepr_of(report))
        if self._xdist and key in self._collect_seen:
            return False
        self._collect_seen.add(key)
        return True

    # -------------------------------------------------------------- other things that happen

    @guarded
    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str) -> None:
        """Write a warning."""
        short, was, lossy = redact_shortened(self._redact, str(warning_message.message), 16 * 1024)
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

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Write that a worker ended before its time, and what it was running."""
        if not error:
            return
        worker = str(node.gateway.id)
        running = [attempt.nodeid for attempt in self._attempts.running(worker)]
        self._append(WorkerLost(worker=worker, running=running, error=clean_text(self._redact(str(error)))[0]))

    @guarded
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember why the run was interrupted: by a person, by `pytest.exit`, by errors of the collection."""
        text = str(excinfo.value)
        self._interrupted = clean_text(self._redact(f"{excinfo.typename}: {text}" if text else excinfo.typename))[0]

    @guarded
    def pytest_internalerror(self, excrepr: object) -> None:
        """Remember an internal error of pytest."""
        self._internal_error = redact_shortened(self._redact, str(excrepr), 16 * 1024)[0]

    # -------------------------------------------------------------- talk

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Say in one line, below everybody's summary, what was recorded, and in one more if something was not."""
        yield
        self._talk(terminalreporter)

    @guarded
    def _talk(self, terminalreporter: Any) -> None:
        run_steps([("open tests", self._finish_open), ("comparison", self._compare)], self.degrade)
        missing = self._missing() if self._settings.strict else set[Any]()
        if missing:
            self._show_missing(terminalreporter, missing)
        line = self._trouble_line()
        if line:
            self._problems_shown = len(self._problems)
            terminalreporter.write_line(line, yellow=True)
        if terminalreporter.verbosity >= 0:
            finished = self._tally.finished
            tests = f"{finished} test{'' if finished == 1 else 's'}"
            terminalreporter.write_line(
                f"insight: recorded {tests} as session {self.session_id} (insight session show {self.session_id})"
            )

    def _show_missing(self, terminalreporter: Any, missing: set[Any]) -> None:
        names = sorted(" ".join(reversed(name)) if self._each else name for name in missing)
        of = len(self._announced_to if self._each else self._announced)
        terminalreporter.write_line(f"insight: {len(names)} of {of} announced tests have no verdict:")
        for name in names[:_NAMES_SHOWN]:
            terminalreporter.write_line(f"insight:   {name}")
        if len(names) > _NAMES_SHOWN:
            terminalreporter.write_line(f"insight:   and {len(names) - _NAMES_SHOWN} more")

    def _trouble_line(self) -> str:
        reasons = self._problems
        if not reasons:
            return ""
        dropped = self._dropped + self.writer.dropped + self.writer.held
        lost = (
            f"{dropped} event{'' if dropped == 1 else 's'} could not be recorded"
            if dropped
            else ("the record differs from pytest" if self._differences else "recording was degraded")
        )
        return f"insight: {lost}: {'; '.join(reasons[:3])}"

    def degrade(self, where: str, error: BaseException) -> None:
        """Count an event that was lost in the recorder, and remember why."""
        if isinstance(error, ForkedWriterError):
            self._off = True  # a forked child of the tested code; the parent goes on recording
            return
        self._dropped += 1
        try:
            reason = f"{where}: {type_name(error)}: {error}"
        except Exception:  # noqa: BLE001 - an exception whose text cannot be made
            reason = f"{where}: {type_name(error)}"
        if reason not in self._reasons and len(self._reasons) < _NAMES_SHOWN:
            self._reasons.append(reason)


def chunked(nodeids: list[str], limit_bytes: int) -> Generator[list[str], None, None]:
    """Yield the node ids in lists that fit into one event each."""
    chunk: list[str] = []
    size = 0
    for nodeid in nodeids:
        length = len(nodeid) * (1 if nodeid.isascii() else 6) + 3
        if chunk and size + length > limit_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(nodeid)
        size += length
    if chunk:
        yield chunk


def short_path(path: Path) -> str:
    """Return a path with the user's home as `~`."""
    home = os.path.expanduser("~")  # noqa: PTH111 - may be unset; Path.home() raises then
    text = str(path)
    return f"~{text[len(home) :]}" if home not in ("~", "/") and text.startswith(home + os.sep) else text
