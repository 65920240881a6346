"""Open attempts, and the table `STEPS` of what ends each of them.

For each run of a test pytest sends one start, one report for each phase, and one finish. Some plugins differ: they
start a test several times before one finish, call it several times within one start, send reports without start and
finish, give reports another name, or run tests in parallel. This module does not depend on pytest, times or texts.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any, Generic, Literal, TypeVar

State = Literal["started", "set up", "called", "torn down", "undecided"]
"""State of an open attempt: the latest phase that was reported. `started` has no report. `undecided` has finished, and
its reports do not tell how; the next start tells whether it was repeated."""

Input = Literal["setup", "call", "teardown", "crash", "start", "other start", "other report", "finish", "end"]
"""Input of the state machine: a report by its phase, a start of the same or of another test on the same worker, a
report of another test on that worker, the finish, the end of the session."""

Ending = Literal["finished", "repeated"]
"""End of an attempt: `repeated` if the same test began again within one run of it."""


class Step(Enum):
    """Action for an open attempt."""

    KEEP = auto()
    """Keep it open."""
    ADD = auto()
    """Add the report."""
    ADD_AND_CLOSE = auto()
    """Add the report, which is the last one."""
    NEXT = auto()
    """Close the attempt as repeated; the start or the report belongs to the next attempt."""
    DROP = auto()
    """Remove it without an event."""
    CLOSE = auto()
    """Close the attempt."""


ADD, ADD_AND_CLOSE, KEEP, NEXT, DROP, CLOSE = (
    Step.ADD,
    Step.ADD_AND_CLOSE,
    Step.KEEP,
    Step.NEXT,
    Step.DROP,
    Step.CLOSE,
)

STEPS: dict[State, dict[Input, Step]] = {
    "started": {
        "setup": ADD,
        "call": ADD,
        "teardown": ADD,
        "crash": ADD_AND_CLOSE,
        "start": DROP,
        "other start": KEEP,
        "other report": KEEP,
        "finish": DROP,
        "end": DROP,
    },
    "set up": {
        "setup": NEXT,
        "call": ADD,
        "teardown": ADD,
        "crash": ADD_AND_CLOSE,
        "start": NEXT,
        "other start": KEEP,
        "other report": KEEP,
        "finish": CLOSE,
        "end": CLOSE,
    },
    "called": {
        "setup": NEXT,
        "call": NEXT,
        "teardown": ADD,
        "crash": ADD_AND_CLOSE,
        "start": NEXT,
        "other start": KEEP,
        "other report": KEEP,
        "finish": CLOSE,
        "end": CLOSE,
    },
    "torn down": {
        "setup": NEXT,
        "call": NEXT,
        "teardown": ADD,
        "crash": ADD_AND_CLOSE,
        "start": NEXT,
        "other start": CLOSE,
        "other report": CLOSE,
        "finish": CLOSE,
        "end": CLOSE,
    },
    "undecided": {
        "setup": NEXT,
        "call": NEXT,
        "teardown": ADD,
        "crash": ADD_AND_CLOSE,
        "start": NEXT,
        "other start": DROP,
        "other report": DROP,
        "finish": KEEP,
        "end": DROP,
    },
}
"""Action by the state of an attempt and the input. In addition, the teardown report closes an attempt without a start,
since it gets no finish."""

AFTER: dict[str, State] = {"setup": "set up", "call": "called", "teardown": "torn down", "crash": "torn down"}
"""State of an attempt after a report was added."""

CRASH_PHASE = "???"

ADDED: dict[State, dict[str, State]] = {
    state: {what: after for what, after in AFTER.items() if row[what] is ADD}  # type: ignore[index]
    for state, row in STEPS.items()
}
"""State after a report that is only added, by the state before it and the phase: most reports of a run."""


def input_of(when: object) -> Input:
    """Return the input for the phase of a report; any unknown phase counts as `call`, as in pytest."""
    if when == CRASH_PHASE:
        return "crash"
    return when if when in ("setup", "call", "teardown") else "call"  # type: ignore[return-value]


class OpenAttempt:
    """An open attempt, as far as the state machine is concerned."""

    aliases: tuple[str, ...] = ()
    """Other names that its reports use."""

    def __init__(self, key: str, worker: str, *, has_start: bool) -> None:
        self.key = key
        """Name that its start and its finish use."""
        self.worker = worker
        self.has_start = has_start
        self.state: State = "started"
        self.reports: list[Any] = []


A = TypeVar("A", bound=OpenAttempt)


class Attempts(Generic[A]):
    """The open attempts of all workers.

    Args:
        close: called with an attempt that is over; returns whether its reports tell how it ended.
        is_announced: returns whether a test of this name was announced.

    Attributes:
        keeps_bare_starts: count a start without reports as an attempt if the same test starts again. The plugin flaky
            reports only the last attempt; other plugins send a start twice for one attempt.
    """

    def __init__(self, close: Callable[[A, Ending], bool], is_announced: Callable[[str], bool]) -> None:
        self.keeps_bare_starts = False
        self._close = close
        self._is_announced = is_announced
        self._open: dict[str, dict[str, A]] = {}

    def __iter__(self) -> Iterator[A]:
        """Iterate over the open attempts, on each worker in the order of their starts."""
        for mine in self._open.values():
            yield from mine.values()

    def of_worker(self, worker: str) -> dict[str, A]:
        """Return the open attempts of a worker by name; always the same dictionary, so that it may be kept."""
        return self._open.setdefault(worker, {})

    def make_way(self, worker: str, key: str) -> None:
        """Close or remove the attempts that end when the test `key` starts on this worker."""
        self._others(worker, key, "other start")
        mine = self._open.get(worker)
        attempt = mine.get(key) if mine else None
        if attempt is not None:
            step = STEPS[attempt.state]["start"]
            self._apply(attempt, NEXT if step is DROP and self.keeps_bare_starts else step)

    def open(self, attempt: A) -> None:
        """Add an attempt that begins."""
        self.of_worker(attempt.worker)[attempt.key] = attempt

    def find(self, worker: str, name: object) -> A | None:
        """Return the open attempt that a report belongs to, or None.

        An attempt is found by its name, or by a name that an earlier report used; also one whose start came without a
        worker. A name that was not announced belongs to the test that started last: its reports were renamed.
        """
        mine = self._open.get(worker, {})
        if isinstance(name, str):
            attempt = mine.get(name)
            if attempt is not None:
                return attempt
            attempt = next((one for one in mine.values() if name in one.aliases), None)
            if attempt is None and worker and name in self._open.get("", {}):
                attempt = self._open[""].pop(name)
                attempt.worker = worker
                self.open(attempt)
            if attempt is not None or self._is_announced(name):
                return attempt
        last = next(reversed(mine.values()), None)
        is_over = last is not None and last.state in ("torn down", "undecided")
        if last is None or not last.has_start or (is_over and isinstance(name, str)):
            return None
        if isinstance(name, str):
            last.aliases = (*last.aliases, name)
        return last

    def report(self, worker: str, name: object, when: object, report: Any, begin: Callable[[], A]) -> A:
        """Add a report to its attempt, and return the attempt.

        Args:
            worker: worker that ran it.
            name: name of the test in the report.
            when: the phase.
            report: kept with the attempt.
            begin: returns a new attempt without a start.
        """
        mine = self._open.get(worker)
        attempt = mine.get(name) if mine and type(name) is str else None
        if attempt is None or len(mine or ()) > 1:
            attempt = self._route(worker, name, begin)
        step = STEPS[attempt.state][input_of(when)]
        if step is NEXT:
            self._apply(attempt, NEXT)
            attempt = self._begin(begin, like=attempt)
            step = STEPS["started"][input_of(when)]
        attempt.reports.append(report)
        attempt.state = AFTER[input_of(when)]
        if step is ADD_AND_CLOSE or (when == "teardown" and not attempt.has_start):
            self._apply(attempt, ADD_AND_CLOSE)
        return attempt

    def finish(self, worker: str, key: str) -> None:
        """Apply the finish of a test, if its attempt is open."""
        mine = self._open.get(worker)
        attempt = mine.get(key) if mine else None
        if attempt is not None:
            self._apply(attempt, STEPS[attempt.state]["finish"])

    def running(self, worker: str) -> list[A]:
        """Return the open attempts of a worker that are not finished."""
        return [attempt for attempt in self._open.get(worker, {}).values() if attempt.state != "undecided"]

    def end(self) -> Iterator[A]:
        """Remove all open attempts at the end of the session, and yield those that have a result."""
        for attempt in list(self):
            self._open[attempt.worker].pop(attempt.key, None)
            if STEPS[attempt.state]["end"] is CLOSE:
                yield attempt

    def _route(self, worker: str, name: object, begin: Callable[[], A]) -> A:
        attempt = self.find(worker, name)
        self._others(worker, attempt.key if attempt is not None else None, "other report")
        return attempt if attempt is not None else self._begin(begin)

    def _begin(self, begin: Callable[[], A], like: A | None = None) -> A:
        attempt = begin()
        if like is not None:
            attempt.key, attempt.worker = like.key, like.worker
            attempt.aliases, attempt.has_start = like.aliases, like.has_start
        self.open(attempt)
        return attempt

    def _others(self, worker: str, key: str | None, what: Input) -> None:
        for other in list(self._open.get(worker, {}).values()):
            if other.key != key:
                self._apply(other, STEPS[other.state][what])

    def _apply(self, attempt: A, step: Step) -> None:
        if step is KEEP:
            return
        self._open[attempt.worker].pop(attempt.key, None)
        if step is DROP:
            return
        if not self._close(attempt, "repeated" if step is NEXT else "finished") and attempt.has_start and step is CLOSE:
            attempt.state = "undecided"
            self.open(attempt)
