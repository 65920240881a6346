"""Find sessions and tests: a fluent query over a storage.

    Query(storage).for_sut("shop").in_last_days(7).with_outcome("failed").execute()

Filters accumulate on the query and are combined with AND; the first filter after `execute()` starts a new query.
Filters of sessions decide which sessions are found; those of tests, opened by `filter_by_test()`, also which tests
the sessions in the result hold. The context stays: a session in the result keeps all its own fields, and clearing or
exporting with a result is about the stored sessions whole.
"""

import copy
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from importlib import import_module
from typing import Any, NamedTuple, Protocol, Self, overload

from ..projections.models import TestOutcome, TestResult, TestSession, as_utc
from ..projections.sessions import part_of
from .peek import Peek, is_stored
from .storage import get_storage_instance

_HTML_ROWS = 50
_GLOB = re.compile(r"[*?\[]")
_TEST_FIELDS = ("nodeid", "caplog", "capstderr", "capstdout", "longreprtext", "outcome")
_COLUMN_FIELDS = ("nodeid", "outcome")
"""Those of them that the read model has; the others are texts, which stand in the log."""


class InvalidQueryParameterError(ValueError):
    """A filter was given something it cannot work with; the message says what it takes."""


class Loads(Protocol):
    """What a query needs of a storage."""

    def load_matching(self, sut_name: str | None = None, since: datetime | None = None) -> list[TestSession]:
        """Return at least the sessions of a system that started at a time or later."""
        ...


class Filter(NamedTuple):
    """One condition."""

    name: str
    """How it reads in `repr`."""
    fits: Callable[[Any], object]
    by_columns: bool = False
    """Whether it can be told of a `Peek`, or an attempt in it, and so without reading the log."""


class QueryResult:
    """The sessions that a query found, the earliest first.

    Args:
        sessions: them.
        description: the filters, in words.
    """

    def __init__(self, sessions: Iterable[TestSession], description: str = "") -> None:
        self._sessions = list(sessions)
        self._description = description

    @property
    def sessions(self) -> list[TestSession]:
        """The sessions, as a list of their own."""
        return list(self._sessions)

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not self._sessions

    def __iter__(self) -> Iterator[TestSession]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    @overload
    def __getitem__(self, index: int) -> TestSession: ...

    @overload
    def __getitem__(self, index: slice) -> list[TestSession]: ...

    def __getitem__(self, index: int | slice) -> TestSession | list[TestSession]:
        return self._sessions[index]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one row for each test result, without its texts, with session, system, commit and times."""
        return [
            {
                "session_id": session.session_id,
                "sut_name": session.sut_name,
                "session_start_time": session.session_start_time,
                "status": session.status,
                "commit": str(session.vcs.get("commit") or ""),
                "branch": str(session.vcs.get("branch") or ""),
                "nodeid": result.nodeid,
                "outcome": result.outcome.to_str(),
                "start_time": result.start_time,
                "duration": result.duration,
                "has_warning": result.has_warning,
            }
            for session in self._sessions
            for result in session.test_results
        ]

    def to_frame(self) -> Any:
        """Return the rows of `to_dicts` as a data frame of pandas, or of polars where pandas is not installed.

        Raises:
            ImportError: neither is installed.
        """
        for name in ("pandas", "polars"):
            try:
                return import_module(name).DataFrame(self.to_dicts())
            except ModuleNotFoundError:
                continue
        raise ImportError("to_frame needs pandas or polars; to_dicts gives the same rows without them")

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{title}</th>" for title in ("session", "started", "system", "status", "outcomes"))
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(session)) + "</tr>"
            for session in self._sessions[:_HTML_ROWS]
        )
        more = len(self._sessions) - _HTML_ROWS
        rest = f"<tr><td colspan='5'>... and {more} more</td></tr>" if more > 0 else ""
        return f"<table><caption>{escape(repr(self))}</caption><tr>{head}</tr>{rows}{rest}</table>"

    def __repr__(self) -> str:
        what = f" for {self._description}" if self._description else ""
        return f"<QueryResult: {len(self._sessions)} sessions{what}>"


def _cells(session: TestSession) -> tuple[str, ...]:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in session.outcome_counts.items())
    started = f"{session.session_start_time:%Y-%m-%d %H:%M:%S}"
    return session.session_id, started, session.sut_name, session.status, outcomes


class Query:
    """A query over the sessions of a storage.

    Args:
        storage: where to look; None for that of the profile.
        profile_name: which profile; None for the active one.
    """

    def __init__(self, storage: Loads | None = None, profile_name: str | None = None) -> None:
        self._storage: Loads = storage if storage is not None else get_storage_instance(profile_name)
        self._sessions: list[Filter] = []
        self._tests: list[Filter] = []
        self._sut: str | None = None
        self._earliest: datetime | None = None
        self._executed = False

    # -------------------------------------------------------------- sessions

    def for_sut(self, sut_name: str) -> Self:
        """Only sessions of this system under test, by its exact name."""
        name = _text(sut_name, "for_sut")
        self._start_if_executed()
        self._sut = name
        return self._add(f"sut {name}", lambda session: session.sut_name == name)

    with_sut = for_sut

    def in_last_seconds(self, seconds: int) -> Self:
        """Only sessions that started within so many seconds, inclusive."""
        return self._since(timedelta(seconds=_count(seconds, "in_last_seconds")), f"last {seconds} s")

    def in_last_minutes(self, minutes: int) -> Self:
        """Only sessions that started within so many minutes, inclusive."""
        return self._since(timedelta(minutes=_count(minutes, "in_last_minutes")), f"last {minutes} min")

    def in_last_hours(self, hours: int) -> Self:
        """Only sessions that started within so many hours, inclusive."""
        return self._since(timedelta(hours=_count(hours, "in_last_hours")), f"last {hours} h")

    def in_last_days(self, days: int) -> Self:
        """Only sessions that started within so many days, inclusive."""
        return self._since(timedelta(days=_count(days, "in_last_days")), f"last {days} days")

    def after(self, moment: datetime) -> Self:
        """Only sessions that started later than this; a naive time is local time."""
        when = _moment(moment, "after")
        return self._add(f"after {when.isoformat()}", lambda session: session.session_start_time > when)

    def before(self, moment: datetime) -> Self:
        """Only sessions that started earlier than this; a naive time is local time."""
        when = _moment(moment, "before")
        return self._add(f"before {when.isoformat()}", lambda session: session.session_start_time < when)

    def after_date(self, day: str | date) -> Self:
        """Only sessions that started on this day, in local time, or later."""
        when = _midnight(day, "after_date")
        return self._from(when, f"from {day}")

    def before_date(self, day: str | date) -> Self:
        """Only sessions that started before this day, in local time."""
        when = _midnight(day, "before_date")
        return self._add(f"before {day}", lambda session: session.session_start_time < when)

    def between(self, start: datetime, end: datetime) -> Self:
        """Only sessions that started within these times, both inclusive; naive times are local time."""
        first, last = _moment(start, "between"), _moment(end, "between")
        if last < first:
            raise InvalidQueryParameterError(f"between: the end {last.isoformat()} is before the start")
        return self._add(
            f"{first.isoformat()} to {last.isoformat()}", lambda session: first <= session.session_start_time <= last
        )

    def date_range(self, start: datetime | date | str, end: datetime | date | str) -> Self:
        """Only sessions of these days, both inclusive, or within these times."""
        if isinstance(start, datetime) and isinstance(end, datetime):
            return self.between(start, end)
        first = _midnight(start, "date_range")
        last = _midnight(_day(end, "date_range") + timedelta(days=1), "date_range")
        if last <= first:
            raise InvalidQueryParameterError(f"date_range: {end} is before {start}")
        return self._add(f"{start} to {end}", lambda session: first <= session.session_start_time < last)

    def with_outcome(self, outcome: str | TestOutcome) -> Self:
        """Only sessions in which some attempt had this outcome, given by name in any case or as enum.

        Raises:
            InvalidQueryParameterError: pytest has no such outcome, and no session here was recorded with it.
        """
        wanted = self.outcome_meant(outcome)
        return self._add(
            f"some {wanted.to_str()}",
            lambda session: any(TestOutcome.named(name).value == wanted.value for name in session.outcome_counts),
        )

    def with_warning(self, has_warning: bool = True) -> Self:  # noqa: FBT001, FBT002 - the documented signature
        """Only sessions in which some test caused a warning, or none did."""
        return self._add(
            "warnings" if has_warning else "no warnings",
            lambda session: any(result.has_warning for result in session.test_results) == has_warning,
            by_columns=True,
        )

    def with_reruns(self, has_reruns: bool = True) -> Self:  # noqa: FBT001, FBT002 - the documented signature
        """Only sessions in which some test was run again, or none was."""
        return self._add(
            "reruns" if has_reruns else "no reruns",
            lambda session: bool(session.rerun_test_groups) == has_reruns,
            by_columns=True,
        )

    def with_session_id_pattern(self, pattern: str) -> Self:
        """Only sessions whose id fits this glob."""
        glob = _text(pattern, "with_session_id_pattern")
        return self._add(f"id {glob}", lambda session: fnmatch.fnmatchcase(session.session_id, glob))

    def with_session_tag(self, key: str, value: str, combine_with_or: bool = False) -> Self:  # noqa: FBT001, FBT002
        """Only sessions with this tag.

        Args:
            key: name of the tag.
            value: its value.
            combine_with_or: also sessions that fit the tag filter given just before.

        Raises:
            InvalidQueryParameterError: there is no tag filter before to combine with.
        """
        name, wanted = _text(key, "with_session_tag"), str(value)
        new = Filter(f"tag {name}={wanted}", lambda session: session.session_tags.get(name) == wanted)
        self._start_if_executed()
        if not combine_with_or:
            self._sessions.append(new)
            return self
        if not self._sessions or not self._sessions[-1].name.startswith("tag "):
            raise InvalidQueryParameterError("with_session_tag: combine_with_or needs a tag filter right before")
        last = self._sessions.pop()
        self._sessions.append(
            Filter(f"{last.name} or {new.name[4:]}", lambda session: last.fits(session) or new.fits(session))
        )
        return self

    def with_commit(self, commit: str) -> Self:
        """Only sessions of this commit, given by the beginning of its hash."""
        wanted = _text(commit, "with_commit").lower()
        return self._add(f"commit {wanted}", lambda session: str(session.vcs.get("commit") or "").startswith(wanted))

    def with_testing_system(self, name: str) -> Self:
        """Only sessions that ran on the testing system of this name."""
        wanted = _text(name, "with_testing_system")
        return self._add(
            f"on {wanted}",
            # `host` is what the recorder writes; `hostname` is in sessions that were made or imported by other means.
            lambda session: any(wanted == session.testing_system.get(key) for key in ("name", "host", "hostname")),
        )

    def test_nodeid_contains(self, text: str) -> Self:
        """Only sessions with a test whose node id contains this text; the sessions stay whole."""
        part = _text(text, "test_nodeid_contains")
        return self._add(
            f"a test like {part}",
            lambda session: any(part in result.nodeid for result in session.test_results),
            by_columns=True,
        )

    def with_profile(self, profile_name: str) -> Self:
        """Look into the storage of another profile."""
        self._storage = get_storage_instance(profile_name)
        return self

    def filter_by_test(self) -> "TestFilter":
        """Open filters of tests; `apply()` leads back to this query."""
        return TestFilter(self)

    # -------------------------------------------------------------- running it

    def execute(self, sessions: Iterable[TestSession] | None = None) -> QueryResult:
        """Return what fits.

        Args:
            sessions: look among these; None for all of the storage.
        """
        everyone = self._storage.load_matching(self._sut, self._earliest) if sessions is None else sessions
        found = [
            chosen
            for session in everyone
            if all(one.fits(session) for one in self._sessions if not one.by_columns)
            if (chosen := self._chosen(session)) is not None
        ]
        self._executed = True
        return QueryResult(found, str(self))

    def reset(self) -> Self:
        """Take all filters away."""
        self._sessions.clear()
        self._tests.clear()
        self._sut = self._earliest = None
        self._executed = False
        return self

    def add_test_filters(self, filters: Iterable[Filter]) -> None:
        """Take filters of tests; `TestFilter.apply` calls it."""
        self._start_if_executed()
        self._tests.extend(filters)

    def outcome_meant(self, outcome: object) -> TestOutcome:
        """Return the outcome of a name: one of pytest, or one of another plugin that the storage has.

        Raises:
            InvalidQueryParameterError: there is no such outcome; the message names those that there are.
        """
        if isinstance(outcome, TestOutcome):
            return outcome
        meant = TestOutcome.named(_text(outcome, "with_outcome"))
        if not meant.is_foreign:
            return meant
        recorded = {name for session in self._storage.load_matching() for name in session.outcome_counts}
        foreign = {name for name in recorded if TestOutcome.named(name).is_foreign}
        if meant.value in {name.upper() for name in foreign}:
            return meant
        names = ", ".join([*TestOutcome.to_list(), *sorted(foreign)])
        raise InvalidQueryParameterError(f"with_outcome: no outcome {outcome!r}; use one of {names}")

    def _start_if_executed(self) -> None:
        """Take the filters of an executed query away, so that the next filter does not add to them."""
        if self._executed:
            self.reset()

    def _chosen(self, session: TestSession) -> TestSession | None:
        """The session, or a copy with the tests that fit; None if it, or none of them, does."""
        deeper = [one for one in self._sessions if one.by_columns]
        if not (deeper or self._tests):
            return session
        if not is_stored(session):
            fits = all(one.fits(session) for one in deeper)
            return self._narrowed(session) if fits and self._tests else session if fits else None
        with session.models() as model:
            seen = Peek(model, session.stream)
            if not all(one.fits(seen) for one in deeper):
                return None
            if not self._tests:
                return session
            quick = [one for one in self._tests if one.by_columns]
            places = [
                place for place, attempt in enumerate(seen.test_results) if all(one.fits(attempt) for one in quick)
            ]
        if not places:
            return None
        part = part_of(session, places, [seen.test_results[place].outcome.to_str() for place in places])
        return part if len(quick) == len(self._tests) else self._narrowed(part)

    def _narrowed(self, session: TestSession) -> TestSession | None:
        """A copy with the tests that fit, None if none does."""
        results = [result for result in session.test_results if all(one.fits(result) for one in self._tests)]
        if not results:
            return None
        narrowed = copy.copy(session)
        nodeids = {result.nodeid for result in results}
        narrowed.test_results = results
        narrowed.rerun_test_groups = [group for group in session.rerun_test_groups if group.nodeid in nodeids]
        return narrowed

    def _since(self, span: timedelta, name: str) -> Self:
        try:
            since = datetime.now(UTC) - span
        except OverflowError:
            since = datetime.min.replace(tzinfo=UTC)
        return self._from(since, name)

    def _from(self, since: datetime, name: str) -> Self:
        self._start_if_executed()
        self._earliest = max(since, self._earliest or since)
        return self._add(name, lambda session: session.session_start_time >= since)

    def _add(self, name: str, fits: Callable[[Any], object], *, by_columns: bool = False) -> Self:
        self._start_if_executed()
        self._sessions.append(Filter(name, fits, by_columns))
        return self

    def __str__(self) -> str:
        return ", ".join(one.name for one in (*self._sessions, *self._tests))

    def __repr__(self) -> str:
        return f"<Query: {self or 'everything'}>"


class TestFilter:
    """Filters of tests, combined with AND on one and the same test.

    Args:
        query: where they go with `apply()`.
    """

    __test__ = False

    def __init__(self, query: Query) -> None:
        self._query = query
        self._filters: list[Filter] = []

    def with_pattern(self, pattern: str, field_name: str = "nodeid", use_regex: bool = False) -> Self:  # noqa: FBT001, FBT002
        """Only tests with a field that fits.

        Args:
            pattern: a text that the field contains; a glob for all of it, if there are glob characters in it; with
                `use_regex` a regular expression to search for.
            field_name: `nodeid`, `caplog`, `capstderr`, `capstdout`, `longreprtext` or `outcome`.
            use_regex: take the pattern as a regular expression.

        Raises:
            InvalidQueryParameterError: there is no such field, or the expression is none.
        """
        wanted = _text(pattern, "with_pattern")
        if field_name not in _TEST_FIELDS:
            raise InvalidQueryParameterError(
                f"with_pattern: no field {field_name!r}; use one of {', '.join(_TEST_FIELDS)}"
            )
        fits = _matcher(wanted, use_regex=use_regex)
        return self._add(
            f"{field_name} {wanted}",
            lambda result: fits(_field(result, field_name)),
            by_columns=field_name in _COLUMN_FIELDS,
        )

    def with_nodeid_containing(self, text: str) -> Self:
        """Only tests whose node id contains this text."""
        return self._containing("nodeid", text)

    def with_error_containing(self, text: str) -> Self:
        """Only tests whose traceback contains this text."""
        return self._containing("longreprtext", text)

    def with_log_containing(self, text: str) -> Self:
        """Only tests whose captured log contains this text."""
        return self._containing("caplog", text)

    def with_stdout_containing(self, text: str) -> Self:
        """Only tests whose captured stdout contains this text."""
        return self._containing("capstdout", text)

    def with_stderr_containing(self, text: str) -> Self:
        """Only tests whose captured stderr contains this text."""
        return self._containing("capstderr", text)

    def with_outcome(self, outcome: str | TestOutcome) -> Self:
        """Only attempts with this outcome, given by name in any case or as enum.

        Raises:
            InvalidQueryParameterError: pytest has no such outcome, and no session here was recorded with it.
        """
        wanted = self._query.outcome_meant(outcome)
        return self._add(f"tests {wanted.to_str()}", lambda result: result.outcome.value == wanted.value)

    def with_duration_between(self, min_seconds: float, max_seconds: float) -> Self:
        """Only attempts that took this long, both inclusive, in seconds."""
        if not (isinstance(min_seconds, (int, float)) and isinstance(max_seconds, (int, float))):
            raise InvalidQueryParameterError("with_duration_between: two numbers of seconds are needed")
        if not 0 <= min_seconds <= max_seconds:
            raise InvalidQueryParameterError(f"with_duration_between: not 0 <= {min_seconds} <= {max_seconds}")
        return self._add(
            f"{min_seconds} to {max_seconds} s", lambda result: min_seconds <= result.duration <= max_seconds
        )

    def with_warning(self, has_warning: bool = True) -> Self:  # noqa: FBT001, FBT002 - the documented signature
        """Only tests that caused a warning, or did not."""
        return self._add(
            "with warning" if has_warning else "without warning", lambda result: result.has_warning == has_warning
        )

    def with_custom_filter(self, predicate: Callable[[TestResult], object], name: str = "custom") -> Self:
        """Only tests for which a function of yours returns something true.

        Raises:
            InvalidQueryParameterError: it is no function.
        """
        if not callable(predicate):
            raise InvalidQueryParameterError("with_custom_filter: a function of a TestResult is needed")
        return self._add(name, predicate, by_columns=False)

    def apply(self) -> Query:
        """Put the filters into the query, and return it."""
        self._query.add_test_filters(self._filters)
        return self._query

    def _containing(self, field_name: str, text: str) -> Self:
        part = _text(text, f"a filter on {field_name}")
        return self._add(
            f"{part!r} in {field_name}",
            lambda result: part in _field(result, field_name),
            by_columns=field_name in _COLUMN_FIELDS,
        )

    def _add(self, name: str, fits: Callable[[Any], object], *, by_columns: bool = True) -> Self:
        self._filters.append(Filter(name, fits, by_columns))
        return self


def _field(result: Any, name: str) -> str:
    return result.outcome.to_str() if name == "outcome" else str(getattr(result, name))


def _matcher(pattern: str, *, use_regex: bool) -> Callable[[str], object]:
    if use_regex:
        try:
            return re.compile(pattern).search
        except re.error as error:
            raise InvalidQueryParameterError(f"not a regular expression: {pattern!r}: {error}") from error
    if _GLOB.search(pattern):
        return re.compile(fnmatch.translate(pattern)).match
    return lambda text: pattern in text


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidQueryParameterError(f"{where}: a text that is not empty is needed, not {value!r}")
    return value


def _count(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidQueryParameterError(f"{where}: a whole number, 0 or more, is needed, not {value!r}")
    return min(value, 10**9)


def _moment(value: object, where: str) -> datetime:
    if not isinstance(value, datetime):
        raise InvalidQueryParameterError(f"{where}: a datetime is needed, not {value!r}")
    return as_utc(value)


def _day(value: object, where: str) -> date:
    if isinstance(value, datetime):
        return value.astimezone().date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InvalidQueryParameterError(f"{where}: a date or YYYY-MM-DD is needed, not {value!r}") from None


def _midnight(value: object, where: str) -> datetime:
    return as_utc(datetime.combine(_day(value, where), time.min))
