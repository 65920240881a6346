"""`--insight-storage=remote|database`: another process sends the events of this session while its tests run.

The log is written as without the option. The helper process follows it, so the process that runs the tests has no
thread, no connection and no child process for it, and does not wait for it before its end.
"""

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ..eventlog.home.push_state import PushState, create_state, last_failure, read_state
from ..eventlog.live.owner import process_start
from .lifecycle.boundary import describe_error, write_to_stderr
from .recording import Recording
from .settings import Settings

HELPER_MODULE = "pytest_insight.collector.push"
"""Started by its name: the plugin imports nothing of the collector."""

_PLUGIN_NAME = "insight_sending"
_LATER = "nothing is lost; run insight sync later"
_LOOK_S = 0.05
_WAYS = {
    "remote": ("the collector", "remote", ("urllib3",)),
    "database": ("the database", "server", ("urllib3", "sqlalchemy", "psycopg")),
}
"""Name of the place, the extra to install, and modules that belong to it, by the value of --insight-storage."""

_sleep = time.sleep  # tests replace clocks


def send_while_running(recording: Recording) -> None:
    """Start the helper process and register the hooks. A failure is one line at the end of the run."""
    try:
        hooks = SendingHooks(recording, *_start_helper(recording))
    except Exception as error:  # noqa: BLE001 - the boundary: the run goes on without sending
        hooks = SendingHooks(recording, problem=describe_error(error))
    recording.config.pluginmanager.register(hooks, _PLUGIN_NAME)


def _start_helper(recording: Recording) -> "tuple[int, Path | None, str]":
    """Return process id and state file of the helper, and the reason why the session before was not sent."""
    settings, writer = recording.settings, recording.writer
    problem = why_not_sent(settings, os.environ)
    file: Path | None = getattr(writer, "file", None)
    if file is None:
        problem = problem or "a profile in memory has no log to send; record into another profile"
    if problem or file is None:
        raise OSError(problem)
    from ..syncstorage.client.launch import spawn  # noqa: PLC0415 - costs nothing until it is asked for

    begin = writer.begin if file == writer.path else _size_of(writer.path)
    state = create_state(writer.stream)
    words = [writer.path, writer.stream, begin, state, recording.os_pid, process_start(recording.os_pid)]
    try:
        pid = spawn([sys.executable, "-P", "-m", HELPER_MODULE, *map(str, words)], env=_environment(settings))
    except BaseException:
        state.unlink(missing_ok=True)
        raise
    return pid, state, last_failure()


def why_not_sent(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return what is missing for the storage of a run; empty if nothing is."""
    _, extra, modules = _WAYS[settings.storage]
    missing = next((name for name in modules if importlib.util.find_spec(name) is None), "")
    if missing:
        return f"{missing} is not installed; run: pip install 'pytest-insight[{extra}]'"
    if settings.storage == "database":
        return "" if settings.db_url else "--insight-db-url: no database is named; give its URL, or set INSIGHT_DB_URL"
    if not settings.remote_url:
        return "--insight-remote-url: no collector is named; give its URL, or set INSIGHT_REMOTE_URL"
    if not (settings.api_key or environ.get("INSIGHT_API_KEY") or environ.get("INSIGHT_API_KEY_FILE")):
        return "INSIGHT_API_KEY: no key is given; set it, or INSIGHT_API_KEY_FILE to a file with it"
    return ""


def _environment(settings: Settings) -> dict[str, str]:
    """Return settings of the helper that do not belong on its command line, which all users of a machine see."""
    found = {"PYTEST_INSIGHT_STORAGE": settings.storage}
    if settings.storage == "database":
        return found | {"INSIGHT_DB_URL": settings.db_url, "INSIGHT_DB_TEAM": settings.db_team}
    found["INSIGHT_REMOTE_URL"] = settings.remote_url
    return found | ({"INSIGHT_API_KEY": settings.api_key} if settings.api_key else {})


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class SendingHooks:
    """Hooks that say in one line how far the helper is, and remove its state.

    Args:
        recording: the session.
        pid: process id of the helper; 0 without a helper.
        state: file with its state.
        before: reason why the session before was not sent.
        problem: reason why there is no helper.
    """

    def __init__(
        self, recording: Recording, pid: int = 0, state: Path | None = None, before: str = "", problem: str = ""
    ) -> None:
        settings = recording.settings
        self._pid = pid
        self._state = state
        self._before = before
        self._problem = problem
        self._wait_s = settings.push_wait if state is not None else 0.0
        self._where = _WAYS[settings.storage][0]
        self._visible_key = bool(settings.api_key)
        self._os_pid = recording.os_pid
        self._reporter: Any = None
        self._said = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Write the line, unless the end of the run is to be waited for."""
        yield
        self._reporter = terminalreporter
        if not self._wait_s:
            self._do_safely(lambda: self._say(self._look()))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None, None, None]:
        """After the last event was written: wait as long as is allowed, and write the line if it is not written yet."""
        try:
            return (yield)
        finally:
            if os.getpid() == self._os_pid:
                self._do_safely(self._finish)

    def _finish(self) -> None:
        try:
            state = self._wait()
            if not self._said:
                self._say(state)
        finally:
            if self._state is not None:
                self._state.unlink(missing_ok=True)

    def _do_safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the boundary: the run ends as it would have ended
            write_to_stderr(f"insight: nothing is known about sending: {describe_error(error)}")

    def _wait(self) -> PushState:
        """Return the state at the end of the helper or of the time to wait, whichever comes first."""
        state = self._look()
        try:
            # Rounds and no clock: the tested code may have left one that goes wrong.
            for _ in range(round(self._wait_s / _LOOK_S)):
                if state.is_final:
                    break
                _sleep(_LOOK_S)
                state = self._look()
        except KeyboardInterrupt:
            return state  # the run is over; there is nothing to interrupt but the waiting
        return state

    def _look(self) -> PushState:
        if self._state is None:
            return PushState("failed", reason=self._problem)
        is_alive = bool(process_start(self._pid))
        state = read_state(self._state)
        if state.is_final or is_alive:
            return state
        reason = f"the process that sends ended after {state.sent} events"
        return PushState("failed", state.sent, state.where, reason)

    def _say(self, state: PushState) -> None:
        self._said = True
        line, is_problem = self._line(state)
        if self._visible_key:
            line += "; --insight-api-key: other users of this machine see the key, set INSIGHT_API_KEY instead"
        if self._reporter is None:
            if is_problem:
                write_to_stderr(line)
        elif is_problem or self._reporter.verbosity >= 0:
            self._reporter.write_line(line, **({"yellow": True} if is_problem else {}))

    def _line(self, state: PushState) -> tuple[str, bool]:
        """Return the line for a state, and whether it is about a problem."""
        where, events = state.where or self._where, f"{state.sent} event{'' if state.sent == 1 else 's'}"
        if state.phase == "failed":
            return f"insight: not sent: {state.reason}; {_LATER}", True
        if state.phase == "done":
            problem = f"; {state.reason}" if state.reason else ""
            return f"insight: sent {events} to {where}{problem}", bool(problem)
        reason = f"; {state.reason}" if state.reason else ""
        if self._wait_s:
            within = f"{self._wait_s:g} s"
            return f"insight: sent {events} to {where} within {within}, not all{reason}; {_LATER}", True
        before = f"; the session before was not sent: {self._before}; run insight sync" if self._before else ""
        return f"insight: sending to {where} goes on, {events} so far{reason}{before}", bool(reason or before)
