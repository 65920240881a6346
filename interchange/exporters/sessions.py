"""A session as exporters take it, read from the log."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...core.exchange.store import SessionStore
from ...core.questions.clusters import message_of
from ...eventlog.codec import EventDecodeError
from ...eventlog.events import CollectionFailed, CollectionSkipped, SessionStarted, TestFinished, TestStarted
from ...eventlog.outcome import BAD
from ...eventlog.times import parse_time
from ...projections.readmodel import ReadModel
from ...projections.session_row import SessionRow

INTERRUPTED = "crashed"
"""Verdict of a test that was running when its session ended."""


@dataclass
class ExportedAttempt:
    """One attempt of one test."""

    event: TestFinished
    start_us: int
    """When it began; as it was recorded at its end, if its start is not known."""

    @property
    def outcome(self) -> str:
        """Its outcome, under its own name if only another plugin knows it."""
        event = self.event
        return event.category if event.outcome == "other" and event.category else event.outcome

    @property
    def message(self) -> str:
        """One line that says why it is as it is."""
        event = self.event
        if event.reason and not (event.cause is not None and event.cause.message):
            return event.reason.strip().partition("\n")[0]
        return message_of(event.longreprtext, event.cause)


@dataclass
class ExportedTest:
    """One test of a session with its attempts, in order."""

    nodeid: str
    attempts: list[ExportedAttempt] = field(default_factory=list[ExportedAttempt])
    running_since_us: int | None = None
    """When it was started, if it has no result of that start."""
    worker: str = ""

    @property
    def verdict(self) -> str:
        """Outcome of the last attempt; `crashed` if it was running when the session ended."""
        return INTERRUPTED if self.running_since_us is not None else self.attempts[-1].outcome

    @property
    def is_bad(self) -> bool:
        """Whether it says that something is broken."""
        return self.verdict in BAD or bool(self.attempts and self.attempts[-1].event.outcome in BAD)

    @property
    def is_flaky(self) -> bool:
        """Whether it passed in the end, and an attempt before was bad."""
        earlier = {attempt.event.outcome for attempt in self.attempts[:-1]}
        return self.verdict in ("passed", "xpassed") and bool(earlier & {"rerun", "failed", "error"})


@dataclass
class ExportedSession:
    """A session with everything that exporters write."""

    row: SessionRow
    header: SessionStarted
    tests: dict[str, ExportedTest] = field(default_factory=dict[str, ExportedTest])
    collection_errors: list[CollectionFailed] = field(default_factory=list[CollectionFailed])
    collection_skips: list[CollectionSkipped] = field(default_factory=list[CollectionSkipped])

    @property
    def is_complete(self) -> bool:
        """Whether the session was closed."""
        return self.row.exit_status is not None

    def verdicts(self) -> Counter[str]:
        """Return the number of tests by verdict; modules that could not be collected are errors."""
        counts = Counter(test.verdict for test in self.tests.values())
        counts.update(error=len(self.collection_errors), skipped=len(self.collection_skips))
        return +counts


def read_sessions(store: SessionStore, names: Iterable[str]) -> list[ExportedSession]:
    """Return the sessions of these names, in order."""
    with store.model() as model:
        rows = {row.session_id: row for row in model.sessions()}
        return [_read_session(model, rows[name]) for name in names if name in rows]


def _read_session(model: ReadModel, row: SessionRow) -> ExportedSession:
    session = ExportedSession(row, SessionStarted(session_id=row.session_id, sut=row.sut))
    for record in model.records_of(row):
        if record.envelope.stream != row.stream:
            continue
        try:
            event = record.event()
        except EventDecodeError:
            continue  # a finding of `log verify`; the other events count
        at_us = parse_time(record.envelope.at)
        if isinstance(event, TestFinished):
            _take_finished(session, event, at_us)
        elif isinstance(event, TestStarted):
            test = session.tests.setdefault(event.nodeid, ExportedTest(event.nodeid))
            test.running_since_us, test.worker = at_us, event.worker
        elif isinstance(event, SessionStarted):
            session.header = event
        elif isinstance(event, CollectionFailed):
            session.collection_errors.append(event)
        elif isinstance(event, CollectionSkipped):
            session.collection_skips.append(event)
    return session


def _take_finished(session: ExportedSession, event: TestFinished, at_us: int) -> None:
    test = session.tests.setdefault(event.nodeid, ExportedTest(event.nodeid))
    test.running_since_us, test.worker = None, event.worker
    start_us = parse_time(event.started_at) if event.started_at else at_us - event.duration_us
    test.attempts.append(ExportedAttempt(event, max(start_us, 0)))
