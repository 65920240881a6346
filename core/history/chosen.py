"""The sessions that an analysis is about, chosen like those of a query."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

from ...projections.clock import is_future
from ..questions.outages import key_of, set_aside
from .series import asked_runs, series_of
from .variants import is_of_variant
from .verdicts.reading import many_objects, run_of_row, runs_of
from .verdicts.run import Run
from .windows import Window

if TYPE_CHECKING:  # a command that has its read model open pays for none of these
    from collections.abc import Callable

    from ...projections.session_row import SessionRow
    from ..filters import Loads
    from ..query import Query
    from ..views.session import TestSession
    from .history import History


class ChosenSessions:
    """Sessions of a storage or of a read model, narrowed step by step."""

    def __init__(
        self, storage: "Loads | None" = None, profile_name: str | None = None, runs: list[Run] | None = None
    ) -> None:
        self._storage = storage
        self._profile = profile_name
        self._query: Query | None = None
        self._runs = runs
        self._models: Any = None
        self._branch: str | None = None
        self._variant: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_model(cls, model: "History", sut: str | None = None, window: Window = Window()) -> Self:  # noqa: B008
        """Analyse the sessions of an open read model.

        Args:
            model: stays open as long as questions are asked.
            sut: only of this system under test.
            window: only those that started within.
        """
        rows = [row for row in model.sessions(sut=sut, since_us=window.since_us) if window.holds(row.started_us)]
        return cls.of_rows(model, rows)

    @classmethod
    def of_rows(cls, model: "History", rows: "list[SessionRow]") -> Self:
        """Analyse some sessions of an open read model, given the newest first."""
        with many_objects():
            analysis = cls(runs=[run_of_row(model, row) for row in reversed(rows)])
        analysis._models = lambda: nullcontext(model)
        return analysis

    @classmethod
    def of_test(
        cls,
        model: "History",
        nodeid: str,
        sut: str | None = None,
        window: Window = Window(),  # noqa: B008 - immutable
        *,
        alone: bool = False,
    ) -> Self:
        """Analyse the sessions that have a run of one test; as `of_model`, but others are not looked at.

        Args:
            model: stays open as long as questions are asked.
            nodeid: the test.
            sut: only of this system under test.
            window: only sessions that started within.
            alone: leave out the other tests of those sessions; only the history of this one is asked for.
        """
        rows = model.visible_sessions_of(model.sessions_with(nodeid, window.since_us))
        fit = [row for row in rows if sut in (None, row.sut) and window.holds(row.started_us)]
        fit.sort(key=lambda row: (row.started_us, row.stream))
        only = nodeid if alone else None
        analysis = cls(runs=[run_of_row(model, row, only=only) for row in fit])
        analysis._models = lambda: nullcontext(model)
        return analysis

    def for_sut(self, sut_name: str) -> Self:
        """Only sessions of this system under test."""
        return self.where(lambda query: query.for_sut(sut_name))

    def in_last_days(self, days: int) -> Self:
        """Only sessions that started within so many days."""
        return self.where(lambda query: query.in_last_days(days))

    def where(self, narrow: "Callable[[Query], object]") -> Self:
        """Narrow the history by any filter of a query: `lambda q: q.with_session_tag("team", "pay")`."""
        if self._query is None:
            from ..query import Query  # noqa: PLC0415 - as above

            self._query = Query(self._storage, self._profile)
        narrow(self._query)
        self._runs = None
        return self

    def on_branch(self, branch: str | None) -> Self:
        """Only sessions of this branch; of the project's own branch also those that do not know theirs.

        None: the branch that `branch_asked` names, for the questions that look at one branch.
        """
        self._branch = branch
        return self

    def in_variant(self, **values: str) -> Self:
        """Only sessions of the variants that have these values: `in_variant(python="3.13")`."""
        self._variant = tuple(values.items())
        return self

    def of(self, sessions: "Iterable[TestSession]") -> Self:
        """Analyse these sessions, for instance the result of a query."""
        given = list(sessions)
        self._models = next((session.models for session in given if session.models is not None), None)
        self._runs = runs_of(given)
        return self

    @property
    def runs(self) -> list[Run]:
        """The sessions that are looked at, in order of time, outages included."""
        if self._runs is None:
            self.where(lambda _: None)
            self.of(self._query.execute() if self._query is not None else ())
        runs = self._runs or []
        if self._variant:
            runs = [run for run in runs if is_of_variant(run.variant, self._variant)]
        if self._branch is not None:
            of_branch = [series for key, series in series_of(runs).items() if key.branch == self._branch]
            runs = sorted((run for series in of_branch for run in series), key=lambda run: (run.started_us, run.stream))
        return runs

    @property
    def asked(self) -> list[Run]:
        """The sessions of the branch that is meant: the one that was named, else the project's; see `branch_asked`."""
        runs = self._timely
        return runs if self._branch is not None else asked_runs(runs)

    @property
    def _timely(self) -> list[Run]:
        """The sessions that do not claim to be of the future: their place in the order of time is not known."""
        runs = self.runs
        if not runs or not is_future(runs[-1].started_us):
            return runs
        return [run for run in runs if not is_future(run.started_us)] or runs

    @property
    def considered(self) -> list[Run]:
        """The sessions that are evidence about single tests: all without the outages that are set aside."""
        runs = self._timely
        aside = set_aside(runs)
        return [run for run in runs if key_of(run) not in aside] if aside else runs
