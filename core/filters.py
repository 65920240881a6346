"""Filters of a query: conditions on sessions and on single tests, and the values they take."""

import fnmatch
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from .views.outcome import TestOutcome
from .views.result import TestResult
from .views.session import TestSession
from .views.times import as_utc

GLOB = re.compile(r"[*?\[]")


TEST_FIELDS = ("nodeid", "caplog", "capstderr", "capstdout", "longreprtext", "outcome")


COLUMN_FIELDS = ("nodeid", "outcome")
"""Those of them that the read model has; the others are texts, which are in the log."""


class InvalidQueryParameterError(ValueError):
    """A filter was given something it cannot work with; the message says what it takes."""


class Loads(Protocol):
    """Interface of a storage that a query reads."""

    def load_matching(self, sut_name: str | None = None, since: datetime | None = None) -> list[TestSession]:
        """Return at least the sessions of a system that started at a time or later."""
        ...


class TakesTestFilters(Protocol):
    """A query, as far as a filter of its tests needs it."""

    def add_test_filters(self, filters: Iterable["Filter"]) -> None:
        """Add conditions on single tests."""
        ...

    def outcome_meant(self, outcome: object) -> TestOutcome:
        """Return the outcome that a filter names, in any case, or as an enum."""
        ...


Q = TypeVar("Q", bound=TakesTestFilters)


class Filter(NamedTuple):
    """One condition."""

    name: str
    """How it reads in `repr`."""
    fits: Callable[[Any], object]
    by_columns: bool = False
    """Whether it can be told of a `Peek`, or an attempt in it, and so without reading the log."""


class TestFilter(Generic[Q]):
    """Filters of tests, combined with AND on one and the same test.

    Args:
        query: where they go with `apply()`.
    """

    __test__ = False

    def __init__(self, query: Q) -> None:
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
            InvalidQueryParameterError: there is no such field, or the expression is invalid.
        """
        wanted = checked_text(pattern, "with_pattern")
        if field_name not in TEST_FIELDS:
            raise InvalidQueryParameterError(
                f"with_pattern: no field {field_name!r}; use one of {', '.join(TEST_FIELDS)}"
            )
        fits = matcher_of(wanted, use_regex=use_regex)
        return self._add(
            f"{field_name} {wanted}",
            lambda result: fits(field_of(result, field_name)),
            by_columns=field_name in COLUMN_FIELDS,
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
        given: tuple[Any, ...] = min_seconds, max_seconds  # a program without type checks may give anything
        if not all(isinstance(seconds, (int, float)) for seconds in given):
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

    def apply(self) -> Q:
        """Put the filters into the query, and return it."""
        self._query.add_test_filters(self._filters)
        return self._query

    def _containing(self, field_name: str, text: str) -> Self:
        part = checked_text(text, f"a filter on {field_name}")
        return self._add(
            f"{part!r} in {field_name}",
            lambda result: part in field_of(result, field_name),
            by_columns=field_name in COLUMN_FIELDS,
        )

    def _add(self, name: str, fits: Callable[[Any], object], *, by_columns: bool = True) -> Self:
        self._filters.append(Filter(name, fits, by_columns))
        return self


def field_of(result: Any, name: str) -> str:
    """Return a field of a result as text."""
    return result.outcome.to_str() if name == "outcome" else str(getattr(result, name))


def matcher_of(pattern: str, *, use_regex: bool) -> Callable[[str], object]:
    """Return a function that tells whether a text fits a pattern: a part of it, a glob, or a regular expression.

    Raises:
        InvalidQueryParameterError: invalid regular expression.
    """
    if use_regex:
        try:
            return re.compile(pattern).search
        except re.error as error:
            raise InvalidQueryParameterError(f"not a regular expression: {pattern!r}: {error}") from error
    if GLOB.search(pattern):
        return re.compile(fnmatch.translate(pattern)).match
    return lambda text: pattern in text


def checked_text(value: object, where: str) -> str:
    """Return a text that is not empty.

    Raises:
        InvalidQueryParameterError: another value; names the method.
    """
    if not isinstance(value, str) or not value:
        raise InvalidQueryParameterError(f"{where}: a text that is not empty is needed, not {value!r}")
    return value


def checked_count(value: object, where: str) -> int:
    """Return a whole number, 0 or more, at most `timedelta.max.days`.

    Raises:
        InvalidQueryParameterError: another value; names the method.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidQueryParameterError(f"{where}: a whole number, 0 or more, is needed, not {value!r}")
    return min(value, timedelta.max.days)


def checked_moment(value: object, where: str) -> datetime:
    """Return a time in UTC; a naive one is local time.

    Raises:
        InvalidQueryParameterError: another value; names the method.
    """
    if not isinstance(value, datetime):
        raise InvalidQueryParameterError(f"{where}: a datetime is needed, not {value!r}")
    return as_utc(value)


def checked_day(value: object, where: str) -> date:
    """Return a day, given as a date, a time or `YYYY-MM-DD`.

    Raises:
        InvalidQueryParameterError: another value; names the method.
    """
    if isinstance(value, datetime):
        return value.astimezone().date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InvalidQueryParameterError(f"{where}: a date or YYYY-MM-DD is needed, not {value!r}") from None


def checked_midnight(value: object, where: str) -> datetime:
    """Return the beginning of a day in local time, as UTC."""
    return as_utc(datetime.combine(checked_day(value, where), time.min))
