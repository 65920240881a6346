"""The recorder: pytest's hooks turned into events of one session.

Recording never changes a test run. Every hook catches what goes wrong in it, counts it, and says so in one line at the
end. The three hooks that run for every test are written out for speed; `benchmarks/` watches them.
"""

import functools
import os
import platform
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, ParamSpec

import pytest

from ..eventlog.errors import EventLogError, ForkedWriterError
from ..eventlog.events import (
    CollectionFailed,
    CollectionSkipped,
    OutputRecorded,
    RecorderDegraded,
    SessionFinished,
    SessionStarted,
    TestsAnnounced,
    TestStarted,
    WarningRecorded,
    WorkerLost,
)
from ..eventlog.plain import clean_text, shorten, type_name
from ..eventlog.writer import Durability, LogWriter
from . import metadata
from .attempt import CRASH_PHASE, Attempt, Policy, longrepr_of, phase_outcome, reason_of
from .markers import markers_of
from .redact import Redactor
from .sections import HeadCopy, summary_sections
from .settings import Settings, joined_arguments, read_settings
from .target import log_target
from .worker import MARKERS_KEY

_ANNOUNCED_BYTES = 96 * 1024
_SECTION_BYTES_MAX = 1024 * 1024
_SECTION_PART_CHARS = 48 * 1024
_NAMES_SHOWN = 10
_PLUGIN_NAME = "insight_recorder"

P = ParamSpec("P")

_active: list["Recorder"] = []
"""The recorder of this process; a pytest run within a test of a recorded run finds it here."""


def start_recording(config: pytest.Config) -> None:
    """Open the log, write the header and register the recorder; without a log, say so once and record nothing."""
    settings = read_settings(config)
    redact = Redactor(settings.redact)
    if (_active or metadata.is_nested()) and not (settings.log or os.environ.get("PYTEST_INSIGHT_NESTED")):
        return
    try:
        path, profile = log_target(settings.log, settings.profile, config.invocation_params.dir)
        writer = LogWriter(path, durability=Durability(settings.durability))
    except ValueError as error:
        raise pytest.UsageError(f"--insight-profile: {error}") from error
    except (EventLogError, OSError) as error:
        config.pluginmanager.register(NotRecording(str(error)), _PLUGIN_NAME)
        return
    params = config.invocation_params
    args = tuple(joined_arguments([str(arg) for arg in params.args]))
    config.invocation_params = type(params)(args=args, plugins=params.plugins, dir=params.dir)
    recorder = Recorder(config, settings, writer, profile, redact)
    recorder.write_header()
    _active.append(recorder)
    config.pluginmanager.register(recorder, _PLUGIN_NAME)
    if settings.sync:
        from .sync import take_part  # noqa: PLC0415 - imported only by runs that take part

        take_part(config, recorder, settings.sync_port)


class NotRecording:
    """Says once why nothing is recorded."""

    def __init__(self, reason: str) -> None:
        self._line = f"insight: nothing was recorded: {reason}"

    def pytest_report_header(self) -> str:
        """Say it where people look first."""
        return self._line

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it where people look last, for the quiet modes that have no header."""
        if terminalreporter.verbosity < 0:
            terminalreporter.write_line(self._line, yellow=True)


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
        self, config: pytest.Config, settings: Settings, writer: LogWriter, profile: str, redact: Redactor
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
        self._open: dict[tuple[str, str], Attempt] = {}
        self._ordinals: dict[str, int] = {}
        self._markers: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._worker = ""  # whose logstart or logfinish is being handled
        self._xdist = False
        self._each = False
        self._loadgroup = False
        self._deselected = 0
        self._announced: set[str] = set()
        self._unreported: set[str] = set()
        self._collect_seen: set[tuple[str, str]] = set()
        self._finished = 0
        self._interrupted = ""
        self._internal_error = ""
        self._head: HeadCopy | None = None
        self._sealed = False
        self._summary_shown = False
        self._started_us = 0

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
            name, group = self._name_of(nodeid) if self._loadgroup else (nodeid, "")
            ordinal = f"{self._worker} {name}" if self._each else name
            number = self._ordinals.get(ordinal, 0) + 1
            self._ordinals[ordinal] = number
            self._append(TestStarted(nodeid=name, attempt=number, worker=self._worker))
            self._open[self._worker, nodeid] = Attempt(name, number, self._worker, self.writer.last_at, location, group)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.started", error)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report until its attempt is over."""
        if self._off:
            return
        try:
            worker = self._worker_of(report) if self._xdist else ""
            attempt = self._open.get((worker, report.nodeid))
            if attempt is None:
                attempt = self._without_start(report, worker)
            if hasattr(report, "context") and hasattr(report.context, "kwargs"):
                self._write_subtest(attempt, report)
            else:
                attempt.reports.append(report)
                if report.when == CRASH_PHASE:
                    self._finish(worker, report.nodeid)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("report", error)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write what came of the attempt."""
        if self._off:
            return
        try:
            self._finish(self._worker, nodeid)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            self.degrade("test.finished", error)

    def _finish(self, worker: str, nodeid: str) -> None:
        attempt = self._open.pop((worker, nodeid), None)
        if attempt is None or not attempt.reports:
            return
        markers = self._markers.get(nodeid) if not self._xdist else self._markers_sent(attempt)
        event = attempt.finish(self._policy, markers)
        if event is None:
            return
        self._append(event)
        self._finished += 1
        self._unreported.discard(attempt.nodeid)

    def _without_start(self, report: pytest.TestReport, worker: str) -> Attempt:
        """An attempt whose start was not seen: xdist before 3 binds late, or another plugin runs tests its own way."""
        name, group = self._name_of(report.nodeid)
        attempt = self._open.pop(("", report.nodeid), None)
        if attempt is None:
            number = self._ordinals.get(name, 0) + 1
            self._ordinals[name] = number
            attempt = Attempt(name, number, worker, self.writer.last_at, report.location, group)
        attempt.worker = worker
        self._open[worker, report.nodeid] = attempt
        return attempt

    def _write_subtest(self, attempt: Attempt, report: Any) -> None:
        outcome = phase_outcome(report) or "passed"
        self._append(attempt.subtest(report, self._policy, outcome))

    def _worker_of(self, report: Any) -> str:
        node = getattr(report, "node", None)
        return str(getattr(report, "worker_id", "") or (node.gateway.id if node is not None else ""))

    def _markers_sent(self, attempt: Attempt) -> tuple[list[str], dict[str, str]] | None:
        sent = getattr(attempt.reports[-1], MARKERS_KEY, None)
        return (list(sent[0]), dict(sent[1])) if sent else None

    def _name_of(self, nodeid: str) -> tuple[str, str]:
        """Split what xdist's loadgroup adds to a node id; its groups end the id, behind any parameters."""
        if not self._loadgroup:
            return nodeid, ""
        name, at, group = nodeid.rpartition("@")
        is_group = bool(at) and not any(char in group for char in "]/:.")
        return (name, group) if is_group else (nodeid, "")

    # -------------------------------------------------------------- the session

    def write_header(self) -> None:
        """Write `session.started`."""
        config, settings, redact = self._config, self._settings, self._redact
        vcs = metadata.find_vcs(config.rootpath)
        workers: Any = getattr(config.option, "numprocesses", None) or len(getattr(config.option, "tx", None) or ())
        tags = {key: redact(f"{key}={value}").partition("=")[2] for key, value in settings.tags.items()}
        environment = metadata.chosen_environment(os.environ, settings.environment)
        self._append(
            SessionStarted(
                session_id=self.session_id,
                sut=settings.sut or metadata.find_sut(config.rootpath, vcs),
                testing_system=metadata.testing_system(settings.system_name, settings.system_type),
                pytest=pytest.__version__,
                python=platform.python_version(),
                plugins=metadata.plugin_versions(config.pluginmanager.list_plugin_distinfo()),
                args=[redact(str(arg)) for arg in config.invocation_params.args],
                rootdir=str(config.rootpath),
                vcs=vcs,
                ci=metadata.find_ci(os.environ),
                tags=tags,
                env={name: redact(f"{name}={value}").partition("=")[2] for name, value in environment.items()},
                workers=workers if isinstance(workers, int) else 0,
                output=settings.output,  # type: ignore[arg-type]
                writer={
                    "name": "pytest-insight",
                    "version": metadata.own_version(),
                    "pid": str(os.getpid()),
                    "durability": settings.durability,
                },
                test_run=self.test_run,
                variant={
                    key: redact(f"{key}={value}").partition("=")[2]
                    for key, value in metadata.variant(os.environ, settings.variant).items()
                },
            )
        )
        self._started_us = self.writer.last_us

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, None, None]:
        """Copy what the terminal shows from here on, and find out whether xdist runs the tests."""
        self._prepare()
        return (yield)

    @guarded
    def _prepare(self) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            self._head = HeadCopy(reporter)
        scheduler = self._config.pluginmanager.getplugin("dsession")
        if scheduler is not None:
            self._xdist = True
            dist = getattr(self._config.option, "dist", "")
            self._each, self._loadgroup = dist == "each", dist == "loadgroup"
            for name in ("worker_logstart", "worker_logfinish"):
                self._bind_worker(scheduler, name)

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
        profile = f"profile {self._profile}, " if self._profile else ""
        run = f"run {self.test_run}, " if self.test_run else ""
        return f"insight: {profile}{run}session {self.session_id}, log {short_path(self.writer.path)}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write what is still open, the terminal's sections and the seal, when everybody else is done."""
        head = self._head.stop() if self._head is not None else ""
        try:
            return (yield)
        finally:
            if os.getpid() == self.os_pid:
                self._enforce_strict(session)
                self._end(session, head)

    @guarded
    def _enforce_strict(self, session: pytest.Session) -> None:
        if self._settings.strict and self._unreported and int(session.exitstatus) == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @guarded
    def _end(self, session: pytest.Session, head: str) -> None:
        for worker, nodeid in list(self._open):
            self._finish(worker, nodeid)
        self._write_sections(head)
        self._report_trouble()
        exit_status = int(session.exitstatus)
        duration_us = max(self.writer.now_us() - self._started_us, 0)
        self.writer.seal(
            lambda count, root: SessionFinished(
                exit_status=exit_status,
                duration_us=duration_us,
                count=count,
                root=root,
                interrupted=self._interrupted,
                internal_error=self._internal_error,
                dropped=self._dropped + self.writer.dropped,
            )
        )
        self._sealed = True

    def _write_sections(self, head: str) -> None:
        if head:
            self._write_section("test_session_starts", head)
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return
        for name, text in summary_sections(reporter, output=self._settings.output):
            self._write_section(name, text)

    def _write_section(self, name: str, text: str) -> None:
        clean, lossy = clean_text(self._redact(text))
        clean, was = shorten(clean, _SECTION_BYTES_MAX)
        truncated = {"content": was} if was is not None else {}
        parts = [clean[i : i + _SECTION_PART_CHARS] for i in range(0, len(clean), _SECTION_PART_CHARS)]
        for number, part in enumerate(parts):
            event = OutputRecorded(name=name, content=part, part=number, lossy=lossy, truncated=truncated)
            self._append(event)

    def _report_trouble(self) -> None:
        reasons = [*self._reasons, *self.writer.troubles]
        if reasons:
            text = shorten(clean_text(self._redact("; ".join(reasons)))[0], 4096)[0]
            self._append(RecorderDegraded(reason=text, dropped=self._dropped + self.writer.dropped))

    def pytest_unconfigure(self) -> None:
        """Close the log; in a forked child, leave it alone."""
        if self in _active:
            _active.remove(self)
        if os.getpid() != self.os_pid:
            return
        self._close()
        line = self._trouble_line()
        if line and not self._summary_shown:
            sys.stderr.write(f"\n{line}\n")

    @guarded
    def _close(self) -> None:
        self.writer.close()

    # -------------------------------------------------------------- collection

    @guarded
    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Count what was deselected; under xdist only the workers know."""
        self._deselected += sum(1 for _ in items)

    @guarded
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write which tests are going to run."""
        if self._xdist:
            return
        for item in session.items:
            found = markers_of(item)
            if found is not None:
                self._markers[item.nodeid] = found
        self._announce([item.nodeid for item in session.items], "")

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Iterable[str]) -> None:
        """Write which tests the workers are going to run: all the same, unless each runs its own set."""
        names = [self._name_of(str(nodeid))[0] for nodeid in ids]
        if self._each:
            self._announce(names, str(node.gateway.id))
        elif not self._announced.issuperset(names) or not self._announced:
            self._announce([name for name in names if name not in self._announced], "")

    def _announce(self, nodeids: list[str], worker: str) -> None:
        self._announced.update(nodeids)
        self._unreported.update(nodeids)
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
            return
        text, lossy = clean_text(self._redact(longrepr_of(report)))
        short, was = shorten(text, self._settings.output_limit)
        truncated = {"longreprtext": was} if was is not None else {}
        event = CollectionFailed(nodeid=report.nodeid, longreprtext=short, lossy=lossy, truncated=truncated)
        self._append(event)

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
        message, lossy = clean_text(self._redact(str(warning_message.message)))
        short, was = shorten(message, 16 * 1024)
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

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Write that a worker ended before its time, and what it was running."""
        if not error:
            return
        worker = str(node.gateway.id)
        running = [attempt.nodeid for (owner, _), attempt in self._open.items() if owner == worker]
        self._append(WorkerLost(worker=worker, running=running, error=clean_text(self._redact(str(error)))[0]))

    @guarded
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember why the run was interrupted: by a person, by `pytest.exit`, by errors of the collection."""
        text = str(excinfo.value)
        self._interrupted = clean_text(self._redact(f"{excinfo.typename}: {text}" if text else excinfo.typename))[0]

    @guarded
    def pytest_internalerror(self, excrepr: object) -> None:
        """Remember an internal error of pytest."""
        self._internal_error = shorten(clean_text(self._redact(str(excrepr)))[0], 16 * 1024)[0]

    # -------------------------------------------------------------- talk

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Say in one line, below everybody's summary, what was recorded, and in one more if something was not."""
        yield
        self._talk(terminalreporter)

    @guarded
    def _talk(self, terminalreporter: Any) -> None:
        self._summary_shown = True
        if self._settings.strict and self._unreported:
            self._show_unreported(terminalreporter)
        line = self._trouble_line()
        if line:
            terminalreporter.write_line(line, yellow=True)
        if terminalreporter.verbosity >= 0:
            tests = f"{self._finished} test{'' if self._finished == 1 else 's'}"
            terminalreporter.write_line(
                f"insight: recorded {tests} as session {self.session_id} (insight session show {self.session_id})"
            )

    def _show_unreported(self, terminalreporter: Any) -> None:
        names = sorted(self._unreported)
        terminalreporter.write_line(f"insight: {len(names)} of {len(self._announced)} announced tests have no verdict:")
        for name in names[:_NAMES_SHOWN]:
            terminalreporter.write_line(f"insight:   {name}")
        if len(names) > _NAMES_SHOWN:
            terminalreporter.write_line(f"insight:   and {len(names) - _NAMES_SHOWN} more")

    def _trouble_line(self) -> str:
        reasons = [*self._reasons, *self.writer.troubles]
        if not reasons:
            return ""
        dropped = self._dropped + self.writer.dropped + self.writer.held
        lost = (
            f"{dropped} event{'' if dropped == 1 else 's'} could not be recorded"
            if dropped
            else "recording was degraded"
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
