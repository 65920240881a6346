"""Results and output of stored sessions, from the read model and the log."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import msgspec

from ...eventlog import outcome as verdict
from ...eventlog.codec import EventDecodeError
from ...eventlog.events import OutputRecorded, TestFinished, TestsAnnounced
from ...eventlog.times import parse_time, to_datetime
from ...eventlog.validity import is_possible_start
from ...projections.parts import CRASHED_FLAG
from ...projections.readmodel import Attempted
from ...projections.rules import OUTCOMES
from ...projections.session_row import SessionRow
from ..history.history import History
from .lazy import LazyResults
from .outcome import TestOutcome
from .output import OutputFields
from .rerun import RerunTestGroup
from .result import TestResult

_TEXTS = ("caplog", "capstderr", "capstdout", "longreprtext")


Models = Callable[[], AbstractContextManager[History]]
"""Opens a history."""

_Session = TypeVar("_Session", bound=LazyResults)


class _StartedAt(msgspec.Struct):
    started_at: str = ""


def part_of(session: _Session, models: Models, places: list[int], outcomes: Iterable[str]) -> _Session:
    """Return a copy of a stored session that holds only some of its attempts; they are read when they are asked for.

    Args:
        session: a stored session.
        models: opens the read model that the session is in.
        places: which attempts, by their place in the order of reports.
        outcomes: of those attempts.
    """
    return session.part(lambda view: fill_session(view, models, only=places), Counter(outcomes))


def fill_session(session: LazyResults, models: Models, *, texts: bool = False, only: list[int] | None = None) -> None:
    """Read the results and the output of a session.

    Args:
        session: a stored session.
        models: opens the read model that the session is in.
        texts: read all captured texts too, at once, instead of each when it is asked for.
        only: places of the attempts that are wanted; None for all. Rerun groups of those tests are whole all the same.

    Raises:
        LookupError: the log does not have the session any more.
    """
    with models() as model:
        row = model.session_of(session.stream)
        if row is None:
            raise LookupError(f"session {session.session_id} ({session.stream}) is not in {model.name} any more")
        session.load_later(lambda _: None)
        attempts = model.attempts(row.stream)
        wanted = None if only is None else _with_other_attempts(attempts, only)
        results = _results_of(model, row, attempts, models, texts=texts, only=wanted)
        session.test_results = results if wanted is None else _results_at(results, wanted, only or [])
        session.rerun_test_groups = rerun_groups(results)
        session.output_fields = load_output(model, row)
        session.not_run = not_run_tests(model, row, {attempt.nodeid for attempt in attempts})


def _with_other_attempts(attempts: list[Attempted], places: list[int]) -> list[int]:
    """These places, and those of the other attempts of the same tests."""
    wanted = {attempts[place].nodeid for place in places}
    return [place for place, attempt in enumerate(attempts) if attempt.nodeid in wanted]


def _results_at(results: list[TestResult], places: list[int], wanted: list[int]) -> list[TestResult]:
    kept = set(wanted)
    return [result for place, result in zip(places, results, strict=True) if place in kept]


def _results_of(
    model: History, row: SessionRow, attempts: list[Attempted], models: Models, *, texts: bool, only: list[int] | None
) -> list[TestResult]:
    """The attempts of a session in the order of its log, or those at some places; their texts now, or read later."""
    warned = set(row.part.warned)
    decode = msgspec.json.Decoder(TestFinished if texts else _StartedAt).decode
    places = range(len(attempts)) if only is None else only
    lines = model.lines_at([attempts[place].position for place in places])
    results: list[TestResult] = []
    for number, line in zip(places, lines, strict=True):
        attempt = attempts[number]
        event = _decode_attempt(line, decode)
        result = TestResult(
            nodeid=attempt.nodeid,
            outcome=TestOutcome.named(
                row.part.others.get(attempt.position) or OUTCOMES[attempt.outcome & ~CRASHED_FLAG]
            ),
            start_time=to_datetime(_start_us(event.started_at, row.started_us)),
            duration=attempt.duration_us / 1_000_000,
            has_warning=attempt.nodeid in warned,
            texts=_reader_of_texts(models, row.stream, number, attempt.position),
            **({name: getattr(event, name) for name in _TEXTS} if texts else {}),
        )
        if texts:
            result.forget_loader()
        results.append(result)
    return results


def _decode_attempt(line: bytes, decode: Callable[[bytes], Any]) -> Any:
    """Return the shown fields of an attempt; none of them if a field of the attempt has a wrong type."""
    try:
        return decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return TestFinished(nodeid="", outcome="passed")


def _start_us(started_at: str, otherwise_us: int) -> int:
    return parse_time(started_at) if started_at and is_possible_start(started_at) else otherwise_us


def rerun_groups(results: list[TestResult]) -> list[RerunTestGroup]:
    """Return the tests that have more than one attempt."""
    groups: dict[str, list[TestResult]] = {}
    for result in sorted(results, key=lambda result: result.start_time):
        groups.setdefault(result.nodeid, []).append(result)
    return [RerunTestGroup(nodeid, tests) for nodeid, tests in groups.items() if len(tests) > 1]


def running_tests(row: SessionRow) -> list[str]:
    """Return what was started and has no result."""
    return [nodeid for nodeid, _, _ in row.part.open]


def not_run_tests(model: History, row: SessionRow, reported: set[str]) -> list[str]:
    """Return the announced tests that never started, in the order of their announcement.

    Args:
        model: where to read.
        row: the session.
        reported: node ids of the tests that have a report.
    """
    if not row.missing:
        return []
    names: dict[str, None] = {}
    for position in row.part.announced_at:
        event = model.record_at(position).event()
        if isinstance(event, TestsAnnounced):
            names.update(dict.fromkeys(event.nodeids))
    wanted = verdict.not_run_tests(names.keys(), reported, set(running_tests(row)))
    return [nodeid for nodeid in names if nodeid in wanted]


def section_text(model: History, row: SessionRow, name: str) -> str:
    """Return a section of the terminal output; empty if it did not occur."""
    parts: list[str] = []
    for section, position in row.part.outputs:
        if section == name:
            event = model.record_at(position).event()
            if isinstance(event, OutputRecorded):
                parts.append(event.content)
    return "".join(parts)


def load_output(model: History, row: SessionRow) -> OutputFields:
    """Return the sections of the terminal output of a session."""
    names = dict.fromkeys(name for name, _ in row.part.outputs)
    return OutputFields.from_contents({name: section_text(model, row, name) for name in names})


def finished_event(model: History, position: int) -> TestFinished:
    """Return the event of an attempt, with everything that was recorded.

    Raises:
        LookupError: the log does not have it any more.
    """
    try:
        event = model.record_at(position).event()
    except EventDecodeError as error:
        raise LookupError(f"no test.finished at {position}: {error}") from error
    if not isinstance(event, TestFinished):
        raise LookupError(f"no test.finished at {position}")  # noqa: TRY004 - it is the place that is wrong
    return event


def _reader_of_texts(models: Models, stream: str, number: int, position: int) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        with models() as model:
            try:
                event = finished_event(model, position)
            except LookupError:
                # The log was rewritten (packed, purged, repaired) since; the attempt is still the same by its number.
                model.catch_up()
                event = finished_event(model, model.attempts(stream)[number].position)
        return {name: getattr(event, name) for name in _TEXTS}

    return read
