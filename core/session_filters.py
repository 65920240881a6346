"""Filters of a query on whole sessions."""

import fnmatch
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from ..projections.clock import latest_start_us
from .filters import (
    Filter,
    InvalidQueryParameterError,
    Loads,
    checked_count,
    checked_day,
    checked_midnight,
    checked_moment,
    checked_text,
)
from .storage import get_storage_instance
from .views.outcome import TestOutcome
from .views.session import TestSession


class SessionFilters:
    """Conditions on sessions, combined with AND."""

    def __init__(self, storage: Loads | None = None, profile_name: str | None = None) -> None:
        self._storage: Loads = storage if storage is not None else get_storage_instance(profile_name)
        self._sessions: list[Filter] = []
        self._tests: list[Filter] = []
        self._sut: str | None = None
        self._earliest: datetime | None = None
        self._executed = False

    def for_sut(self, sut_name: str) -> Self:
        """Only sessions of this system under test, by its exact name."""
        name = checked_text(sut_name, "for_sut")
        self._start_if_executed()
        self._sut = name
        return self._add(f"sut {name}", lambda session: session.sut_name == name)

    with_sut = for_sut

    def in_last_seconds(self, seconds: int) -> Self:
        """Only sessions that started within so many seconds, inclusive."""
        return self._since(timedelta(seconds=checked_count(seconds, "in_last_seconds")), f"last {seconds} s")

    def in_last_minutes(self, minutes: int) -> Self:
        """Only sessions that started within so many minutes, inclusive."""
        return self._since(timedelta(minutes=checked_count(minutes, "in_last_minutes")), f"last {minutes} min")

    def in_last_hours(self, hours: int) -> Self:
        """Only sessions that started within so many hours, inclusive."""
        return self._since(timedelta(hours=checked_count(hours, "in_last_hours")), f"last {hours} h")

    def in_last_days(self, days: int) -> Self:
        """Only sessions that started within so many days, inclusive."""
        return self._since(timedelta(days=checked_count(days, "in_last_days")), f"last {days} days")

    def after(self, moment: datetime) -> Self:
        """Only sessions that started later than this; a naive time is local time."""
        when = checked_moment(moment, "after")
        return self._add(f"after {when.isoformat()}", lambda session: session.session_start_time > when)

    def before(self, moment: datetime) -> Self:
        """Only sessions that started earlier than this; a naive time is local time."""
        when = checked_moment(moment, "before")
        return self._add(f"before {when.isoformat()}", lambda session: session.session_start_time < when)

    def after_date(self, day: str | date) -> Self:
        """Only sessions that started on this day, in local time, or later."""
        when = checked_midnight(day, "after_date")
        return self._from(when, f"from {day}")

    def before_date(self, day: str | date) -> Self:
        """Only sessions that started before this day, in local time."""
        when = checked_midnight(day, "before_date")
        return self._add(f"before {day}", lambda session: session.session_start_time < when)

    def between(self, start: datetime, end: datetime) -> Self:
        """Only sessions that started within these times, both inclusive; naive times are local time."""
        first, last = checked_moment(start, "between"), checked_moment(end, "between")
        if last < first:
            raise InvalidQueryParameterError(f"between: the end {last.isoformat()} is before the start")
        return self._add(
            f"{first.isoformat()} to {last.isoformat()}", lambda session: first <= session.session_start_time <= last
        )

    def date_range(self, start: datetime | date | str, end: datetime | date | str) -> Self:
        """Only sessions of these days, both inclusive, or within these times."""
        if isinstance(start, datetime) and isinstance(end, datetime):
            return self.between(start, end)
        first = checked_midnight(start, "date_range")
        last = checked_midnight(checked_day(end, "date_range") + timedelta(days=1), "date_range")
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
        glob = checked_text(pattern, "with_session_id_pattern")
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
        name, wanted = checked_text(key, "with_session_tag"), str(value)

        def has_tag(session: TestSession) -> bool:
            return session.session_tags.get(name) == wanted

        new = Filter(f"tag {name}={wanted}", has_tag)
        self._start_if_executed()
        if not combine_with_or:
            self._sessions.append(new)
            return self
        if not self._sessions or not self._sessions[-1].name.startswith("tag "):
            raise InvalidQueryParameterError("with_session_tag: combine_with_or needs a tag filter right before")
        last = self._sessions.pop()

        def fits_either(session: TestSession) -> bool:
            return bool(last.fits(session)) or has_tag(session)

        self._sessions.append(Filter(f"{last.name} or {new.name[4:]}", fits_either))
        return self

    def with_commit(self, commit: str) -> Self:
        """Only sessions of this commit, given by the beginning of its hash."""
        wanted = checked_text(commit, "with_commit").lower()
        return self._add(f"commit {wanted}", lambda session: str(session.vcs.get("commit") or "").startswith(wanted))

    def with_testing_system(self, name: str) -> Self:
        """Only sessions that ran on the testing system of this name."""
        wanted = checked_text(name, "with_testing_system")
        return self._add(
            f"on {wanted}",
            # `host` is what the recorder writes; `hostname` is in sessions that were made or imported by other means.
            lambda session: any(wanted == session.testing_system.get(key) for key in ("name", "host", "hostname")),
        )

    def test_nodeid_contains(self, text: str) -> Self:
        """Only sessions with a test whose node id contains this text; the sessions stay whole."""
        part = checked_text(text, "test_nodeid_contains")
        return self._add(
            f"a test like {part}",
            lambda session: any(part in result.nodeid for result in session.test_results),
            by_columns=True,
        )

    def reset(self) -> Self:
        """Take all filters away."""
        self._sessions.clear()
        self._tests.clear()
        self._sut = self._earliest = None
        self._executed = False
        return self

    def outcome_meant(self, outcome: object) -> TestOutcome:
        """Return the outcome of a name: one of pytest, or one of another plugin that the storage has.

        Raises:
            InvalidQueryParameterError: there is no such outcome; the message names those that there are.
        """
        if isinstance(outcome, TestOutcome):
            return outcome
        meant = TestOutcome.named(checked_text(outcome, "with_outcome"))
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

    def _since(self, span: timedelta, name: str) -> Self:
        try:
            since = datetime.now(UTC) - span
        except OverflowError:
            since = datetime.min.replace(tzinfo=UTC)
        until = datetime.fromtimestamp(latest_start_us() / 1e6, UTC)
        return self._from(since, name, until)

    def _from(self, since: datetime, name: str, until: datetime | None = None) -> Self:
        self._start_if_executed()
        self._earliest = max(since, self._earliest or since)
        if until is None:
            return self._add(name, lambda session: session.session_start_time >= since)
        return self._add(name, lambda session: since <= session.session_start_time <= until)

    def _add(self, name: str, fits: Callable[[Any], object], *, by_columns: bool = False) -> Self:
        self._start_if_executed()
        self._sessions.append(Filter(name, fits, by_columns))
        return self
