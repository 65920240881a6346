"""`insight tail`: what happens in logs."""

import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import typer

from ...eventlog.codec import EventDecodeError
from ...eventlog.files.liveness import is_being_written
from ...eventlog.live.follow import Item, Restarted, follow
from ...eventlog.live.owner import process_began_us, session_state
from ...eventlog.outcome import KNOWN
from ...eventlog.reader import Record, read_records, session_start
from ...eventlog.scan import Finding
from ...eventlog.sources import LogSource, as_source, is_live_file, live_files, look_for_logs
from ...eventlog.times import format_time, parse_time
from ..arguments.logs import NO_LOG_YET, following_mirror, named_logs, profile_path
from ..formatters.event_lines import (
    EventLine,
    SessionState,
    gone_line,
    outcome_of,
    render,
    running_lines,
    stuck_lines,
    unknown_line,
)
from ..formatters.outcomes import OUTCOME_STYLES
from ..options import LogArgument, LogOption, ProfileOption
from ..terminal.messages import say, say_passed_over
from ..terminal.safe import safe_json, safe_line

STUCK_AFTER_S = 30.0
_WATCH_US = 1_000_000
_CLOCK_STEP_US = 5_000_000

_ANSI = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "bold": "1",
    "bold red": "1;31",
    "dim": "2",
}


def command(
    logs: LogArgument = None,
    log: LogOption = None,
    profile: ProfileOption = None,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the logs grow, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the raw events, one JSON object a line.")] = False,
    sut: Annotated[str | None, typer.Option("--sut", help="Only sessions of this system under test.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="failed,error", help="Only results with one of these outcomes.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="ID", help="Only sessions of this test run.")] = None,
    stuck: Annotated[
        float,
        typer.Option("--stuck", metavar="S", min=0, help="With -f, name tests that run for so many seconds; 0: never."),
    ] = STUCK_AFTER_S,
    last: Annotated[
        int | None,
        typer.Option("--sessions", metavar="N", min=0, help="Show so many of the newest sessions (default: 1)."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="WHEN", help="As it was at a date, a time, or a byte offset of the log."),
    ] = None,
) -> None:
    """Show sessions as they happened, or as they happen: each test with verdict and duration, failures in place.

    Example: insight tail -f --outcome failed,error
    """
    paths = named_logs(logs, log)
    chosen = paths or [profile_path(profile)]
    screen = Screen(sys.stdout, as_json=as_json, sut=sut, outcomes=_outcomes(outcome), prefix=_many(chosen), run=run)
    if following and as_of is not None:
        raise ValueError("what was cannot be followed: give either --follow or --as-of")
    if following:
        screen.stuck_after_s = stuck
        with following_mirror(profile, named=bool(paths)) as check_mirror:
            _follow(chosen, screen, last, check_mirror)
        return
    found = [look_for_logs(path) for path in paths]
    sources = [source for one in found for source in one.logs] if paths else _profile_sources(chosen[0])
    say_passed_over(name for one in found for name in one.passed_over)
    for name in (name for one in found for name in one.unread):
        say(f"{safe_line(str(name))}; it was not read")
        screen.damaged += 1
    count = last if last is not None or len(sources) > 1 else 1
    was_there = _was_there(as_of)
    for source in sources:
        start = 0 if count is None else _start(source, count, was_there if as_of is not None else None)
        old = _Old(_size(source) if start else 0)
        items = filter(was_there, read_records(source, start=start))
        screen.show_all((source.name, item) for item in items if not old.is_hidden(item))
    screen.show_running(None if as_of is None else _moment(as_of) or screen.last_us)
    raise typer.Exit(1 if screen.damaged else 0)


Seen = Callable[[Item], bool]


def _was_there(as_of: str | None) -> Seen:
    """Return a test of whether an item was in the log at a time, or within its first bytes."""
    if as_of is None:
        return lambda _: True
    if as_of.isdigit():
        return lambda item: not isinstance(item, Record) or item.position < int(as_of)
    latest = format_time(_moment(as_of) or 0)
    return lambda item: not isinstance(item, Record) or item.envelope.at <= latest


def _moment(as_of: str | None) -> int | None:
    if as_of is None:
        return None
    from ...api.internal.history import moment_of

    return moment_of(as_of)


def _start(source: LogSource, count: int, was_there: Seen | None) -> int:
    """Return the offset of the `count`-th newest session; only of those that pass `was_there`, if it is given."""
    if was_there is None:
        return session_start(source, _left_for_log(count, source.path))
    headers = [
        item.position
        for item in read_records(source, with_parts=False)
        if isinstance(item, Record) and item.envelope.type == "session.started" and was_there(item)
    ]
    return headers[-count] if 0 < count <= len(headers) else 0 if count else _size(source)


class Screen:
    """Prints events for people or for programs.

    Args:
        out: where to print.
        as_json: print raw events.
        sut: only sessions of this system under test.
        outcomes: only results with these outcomes; empty for all.
        prefix: name the log before each line.
        run: only sessions of this test run.
    """

    def __init__(
        self,
        out: TextIO,
        *,
        as_json: bool,
        sut: str | None,
        outcomes: frozenset[str],
        prefix: bool,
        run: str | None = None,
    ) -> None:
        self.stuck_after_s = 0.0
        """How long a test runs before `watch` names it, in seconds; 0 for never."""
        self.damaged = 0
        """Places in the logs that are no events and not being written."""
        self._run = run
        self._watched_us = 0
        self._out = out
        self._as_json = as_json
        self._sut = sut
        self._outcomes = outcomes
        self._prefix = prefix
        self._colour = out.isatty() and not as_json and not _no_colour()
        self._states: dict[str, SessionState] = {}
        self.last_us = 0
        """When the last event that was shown had been recorded, in microseconds since the epoch."""

    def show_all(self, items: Iterable[tuple[str, Item]]) -> None:
        """Show events, findings and restarts in order."""
        for name, item in items:
            self.show(name, item)

    def show(self, name: str, item: Item) -> None:
        """Show one event, finding or restart of the log `name`."""
        if isinstance(item, Restarted):
            say(f"{safe_line(item.log)} was {item.reason}; reading it from its start")
        elif isinstance(item, Finding):
            if item.reason != "pending":
                self.damaged += item.reason not in ("newer-format", "duplicate")
                say(safe_line(str(item)))
        else:
            self._show_record(name, item)

    def _show_record(self, name: str, record: Record) -> None:
        try:
            event = record.event()
        except EventDecodeError as error:
            self.damaged += 1
            say(safe_line(str(error)))
            return
        state = self._states.setdefault(record.envelope.stream, SessionState(record.envelope.stream[:12]))
        state.log = Path(record.log)
        lines = list(render(event, state, record.envelope.at))
        self.last_us = parse_time(record.envelope.at)
        if not self._is_wanted(state, outcome_of(event)):
            return
        if self._as_json:
            self._out.write(safe_json(record.line.decode()) + "\n")
            return
        for line in lines:
            self._print(name, line)

    def show_running(self, now_us: int | None = None) -> None:
        """Show what was started and has no result, of sessions that have no end.

        Args:
            now_us: the time up to which they have been running, in microseconds since the epoch; None for now.
        """
        if self._as_json:
            return
        from ...eventlog.files.clock import SystemClock

        is_now = now_us is None
        now_us = SystemClock().now_us() if now_us is None else now_us
        for state in self._states.values():
            if not state.sealed and self._is_wanted(state, ""):
                if is_now:
                    state.suspected = True
                    self._show_if_gone(state)
                for line in running_lines(state, now_us):
                    self._print("", line)
        self._out.flush()

    def watch(self) -> None:
        """Show who is stuck and who is gone, as far as the logs know; looks once a second at most."""
        from ...eventlog.files.clock import SystemClock

        now_us = SystemClock().now_us()
        if self._as_json or now_us - self._watched_us < _WATCH_US:
            return
        self._watched_us = now_us
        for state in self._states.values():
            if not state.sealed and not state.gone and self._is_meant(state):
                self._show_if_gone(state)
                for line in stuck_lines(state, now_us, self.stuck_after_s) if self.stuck_after_s else ():
                    self._print("", line)
        self._out.flush()

    def _show_if_gone(self, state: SessionState) -> None:
        """Print once that a session was killed, or that its state is unknown."""
        if state.gone or not state.writer:
            return
        found = _state_of(state)
        if found == "running":
            state.suspected = False
        elif not state.suspected:
            state.suspected = True
        elif found == "killed":
            self._print("", gone_line(state))
        elif state.writer.get("host"):
            self._print("", unknown_line(state))

    def flush(self) -> None:
        """Show at once what was printed."""
        self._out.flush()

    def _is_meant(self, state: SessionState) -> bool:
        return self._sut in (None, state.sut) and self._run in (None, state.test_run)

    def _is_wanted(self, state: SessionState, outcome: str) -> bool:
        return self._is_meant(state) and not (self._outcomes and outcome not in self._outcomes)

    def _print(self, name: str, line: EventLine) -> None:
        text = line.text
        if self._colour:
            code = _ANSI.get(OUTCOME_STYLES.get(line.style, line.style), "")
            text = f"\x1b[{code}m{text}\x1b[0m" if code else text
        prefix = f"{safe_line(Path(name).name)}: " if self._prefix and name else ""
        self._out.write(f"{prefix}{text}\n")


def _state_of(state: SessionState) -> str:
    """Return whether a session without a seal runs."""
    is_live = state.log is not None and is_live_file(state.log)
    if is_live and state.log is not None and not state.log.exists():
        return "running"  # its file was collected, so there is more of it in the log
    locked = is_being_written(state.log) if state.log is not None else None
    found = session_state(sealed=False, locked=locked if is_live else None, writer=state.writer)
    if found != "unknown" or is_live:
        return found
    if state.writer.get("boot_id"):
        return "running" if locked else found
    if not state.writer_pid or state.host != platform.node():
        return found
    began = process_began_us(state.writer_pid)
    # The number of the process may belong to another one by now.
    return "killed" if began is None or began > state.started_us + _CLOCK_STEP_US else found


def _follow(paths: list[Path], screen: Screen, last: int | None, check_mirror: Callable[[], bool]) -> None:
    stop = threading.Event()

    def watch() -> None:
        screen.watch()
        if not check_mirror():
            stop.set()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    previous = signal.signal(signal.SIGTERM, end)
    # Of a log that is there already, its newest sessions are shown, and everything that is added from now on.
    count = 1 if last is None else last
    old: dict[Path, _Old] = {}

    def start_of(path: Path) -> int:
        if not path.exists():
            return 0
        old[path] = _Old(path.stat().st_size)
        return session_start(path, _left_for_log(count, path))

    try:
        for path, item in follow(paths, stop=stop, starts=start_of, idle=watch):
            if path not in old or not old[path].is_hidden(item):
                screen.show(str(path), item)
            screen.watch()
            screen.flush()
    except KeyboardInterrupt:
        screen.show_running()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
    screen.show_running()


class _Old:
    """Hides what belongs to sessions that began before the place where reading began, up to a byte offset."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._begun: set[str] = set()

    def is_hidden(self, item: Item) -> bool:
        if isinstance(item, Restarted):
            self._until = 0
        if not isinstance(item, Record) or item.position >= self._until:
            return False
        if item.envelope.seq == 0:
            self._begun.add(item.envelope.stream)
        return item.envelope.stream not in self._begun


def _left_for_log(count: int, path: Path) -> int:
    """Return how many of the newest sessions are to be shown from a log: those in live files are newer, and shown."""
    return max(count - len(live_files(path)), 0)


def _size(source: LogSource) -> int:
    return source.path.stat().st_size if not source.compressed else sys.maxsize


def _profile_sources(path: Path) -> list[LogSource]:
    if not path.exists() and not live_files(path):
        raise FileNotFoundError(2, NO_LOG_YET, str(path))
    return [as_source(path)]


def _many(paths: list[Path]) -> bool:
    return len(paths) > 1 or any(path.is_dir() or path.name.endswith(".zip") for path in paths)


def _outcomes(text: str | None) -> frozenset[str]:
    if not text:
        return frozenset()
    known = KNOWN - {"other"}
    chosen = frozenset(word.strip().lower() for word in text.split(","))
    if not chosen <= known:
        raise typer.BadParameter(f"{', '.join(sorted(chosen - known))}: outcomes are {', '.join(sorted(known))}")
    return chosen


def _no_colour() -> bool:
    import os

    return bool(os.environ.get("NO_COLOR"))
