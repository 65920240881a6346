"""Find sessions and tests: a fluent query over a storage.

    Query(storage).for_sut("shop").in_last_days(7).with_outcome("failed").execute()

Filters accumulate on the query and are combined with AND; the first filter after `execute()` starts a new query.
Filters of sessions decide which sessions are found; those of tests, opened by `filter_by_test()`, also which tests
the sessions in the result hold. The context stays: a session in the result keeps all its own fields, and clearing or
exporting with a result is about the stored sessions whole.
"""

import copy
from collections.abc import Iterable, Iterator
from html import escape
from importlib import import_module
from typing import Any, Self, overload

from .filters import (
    Filter,
    TestFilter,
)
from .history.column_view import Peek, is_stored
from .session_filters import SessionFilters
from .storage import get_storage_instance
from .views.session import TestSession
from .views.stored import part_of

_HTML_ROWS = 50


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


class Query(SessionFilters):
    """A query over the sessions of a storage.

    Args:
        storage: where to look; None for that of the profile.
        profile_name: which profile; None for the active one.
    """

    # -------------------------------------------------------------- sessions

    def with_profile(self, profile_name: str) -> Self:
        """Look into the storage of another profile."""
        self._storage = get_storage_instance(profile_name)
        return self

    def filter_by_test(self) -> "TestFilter[Self]":
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
            if (chosen := self._select_tests(session)) is not None
        ]
        self._executed = True
        return QueryResult(found, str(self))

    def add_test_filters(self, filters: Iterable[Filter]) -> None:
        """Take filters of tests; `TestFilter.apply` calls it."""
        self._start_if_executed()
        self._tests.extend(filters)

    def _select_tests(self, session: TestSession) -> TestSession | None:
        """The session, or a copy with the tests that fit; None if it, or none of them, does."""
        deeper = [one for one in self._sessions if one.by_columns]
        if not (deeper or self._tests):
            return session
        models = session.models
        if models is None or not is_stored(session):
            fits = all(one.fits(session) for one in deeper)
            return self._keep_tests(session) if fits and self._tests else session if fits else None
        with models() as model:
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
        part = part_of(session, models, places, [seen.test_results[place].outcome.to_str() for place in places])
        return part if len(quick) == len(self._tests) else self._keep_tests(part)

    def _keep_tests(self, session: TestSession) -> TestSession | None:
        """A copy with the tests that fit, None if none does."""
        results = [result for result in session.test_results if all(one.fits(result) for one in self._tests)]
        if not results:
            return None
        narrowed = copy.copy(session)
        nodeids = {result.nodeid for result in results}
        narrowed.test_results = results
        narrowed.rerun_test_groups = [group for group in session.rerun_test_groups if group.nodeid in nodeids]
        return narrowed

    def __str__(self) -> str:
        return ", ".join(one.name for one in (*self._sessions, *self._tests))

    def __repr__(self) -> str:
        return f"<Query: {str(self) or 'everything'}>"
