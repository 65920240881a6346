"""Reading sessions with their verdicts.

Sessions of a log are read from the columns of the read model, others from their results.
"""

import gc
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ....projections.rules import is_cut, verdict_of
from ....projections.session_row import SessionRow
from ..history import History
from ..partial import CUT_SHORT, Selected, selected_of
from ..variants import variant_of
from .columns import ColumnTests, Ends, TestRun, tests_of_rows
from .run import Run

if TYPE_CHECKING:
    from ...views.session import TestSession


_KEPT_RUN: Final = "run"


@contextmanager
def many_objects() -> Generator[None]:
    """Keep the garbage collector from looking again and again through very many new objects, none of them garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def runs_of(sessions: "Iterable[TestSession]") -> list[Run]:
    """Return sessions with their verdicts, in order of their start."""
    with many_objects():
        runs = [run for session in sessions for run in _run_of(session)]
    return sorted(runs, key=lambda run: (run.started_us, run.stream))


def _run_of(session: "TestSession") -> Iterator[Run]:
    models = session.models
    if models is not None and session.is_untouched:
        with models() as model:
            row = model.session_of(session.stream)
            if row is not None:
                yield run_of_row(model, row, session.session_id)
                return
    row = _row_of(session)
    run = _run_of_results(session, row)
    yield run if row is None else _with_stored_facts(run, session, row)


def _row_of(session: "TestSession") -> SessionRow | None:
    if session.models is None or not session.stream:
        return None
    with session.models() as model:
        return model.session_of(session.stream)


def _with_stored_facts(run: Run, session: "TestSession", row: SessionRow) -> Run:
    """Return the run of a session whose results were read, with what only the log knows of it.

    Of a session that was narrowed to some of its results the absence of the others says nothing.
    """
    run = replace(run, variant=variant_of(row.part.header or {}))
    absent = sum(row.part.outcomes.values()) - len(session.test_results)
    if absent > 0:
        return replace(run, selected=Selected(deselected=absent))
    return replace(run, selected=_selected_of_row(row), uncollected=tuple(dict.fromkeys(row.part.collect_failed)))


def _selected_of_row(row: SessionRow) -> Selected:
    ended = row.exit_status not in CUT_SHORT
    return selected_of(row.part.header or {}, row.part.deselected, row.missing, ended=ended)


def run_of_row(model: History, row: SessionRow, name: str = "", only: str | None = None) -> Run:
    """Return a stored session with its verdicts.

    Args:
        model: where it is stored.
        row: the session.
        name: how to call it; empty for the name it is shown by.
        only: leave out all tests but this one.
    """
    kept = model.kept_of(row) if only is None and not name else None
    if kept is None:
        return _read_run(model, row, name, only)
    run = kept.get(_KEPT_RUN)
    if run is None or run.name != row.session_id:
        run = kept[_KEPT_RUN] = _read_run(model, row, "", None)
    elif isinstance(run.tests, ColumnTests):
        run.tests.attach(model.names(), model.numbers())
    return run


def forget_places(kept: dict[str, Any]) -> None:
    """Release the memory of what a kept session has made of its columns, and can make again."""
    run = kept.get(_KEPT_RUN)
    if run is not None and isinstance(run.tests, ColumnTests):
        run.tests.forget()


def _read_run(model: History, row: SessionRow, name: str, only: str | None) -> Run:
    header: dict[str, Any] = row.part.header or {}
    vcs: dict[str, Any] = header.get("vcs") or {}
    running = list(dict.fromkeys(nodeid for nodeid, _, _ in row.part.open))
    status: str = row.status
    verdicts = row.verdicts
    if running and model.state_of(row) == "running":  # what runs now has no verdict yet
        verdicts = dict(Counter(verdicts) - Counter(crashed=len(running)))
        status, running = "running", []
    rows = model.columns(row.stream) if only is None else model.columns_of(row.stream, only)
    workers, names = row.part.workers, model.names()
    cut = is_cut(sealed=row.exit_status is not None, interrupted=row.part.interrupted)
    ends = Ends(row.part.others, verdict_of((), running=True, cut=cut))
    if only is None:
        tests = ColumnTests(rows, workers, names, model.numbers(), running, row.notable, ends)
    else:
        tests = tests_of_rows(rows, workers, names, running, (only, model.numbers()[only]), ends)
    return Run(
        name=name or row.session_id,
        stream=row.stream,
        sut=row.sut,
        started_us=row.started_us,
        duration_us=row.duration_us,
        status=status,
        commit=str(vcs.get("commit") or ""),
        branch=str(vcs.get("branch") or ""),
        dirty=vcs.get("dirty"),
        tests=tests,
        verdicts=verdicts,
        variant=variant_of(header),
        selected=_selected_of_row(row),
        uncollected=tuple(dict.fromkeys(row.part.collect_failed)),
    )


def _interruption_of(session: "TestSession") -> str:
    """Return why a session that is in no log was interrupted, as far as its exit status tells it."""
    return "exit status 2" if session.exit_status == 2 else ""  # noqa: PLR2004 - pytest's status of an interrupted run


def _run_of_results(session: "TestSession", row: SessionRow | None) -> Run:
    interrupted = _interruption_of(session) if row is None else row.part.interrupted
    tests: dict[str, TestRun] = {}
    for order, result in enumerate(session.test_results):
        outcome = result.outcome.to_str()
        before = tests.get(result.nodeid)
        outcomes = (*before.outcomes, outcome) if before is not None else (outcome,)
        verdict = verdict_of(outcomes)  # type: ignore[arg-type]
        tests[result.nodeid] = TestRun(verdict, outcomes, round(result.duration * 1e6), -1, "", order)
    for nodeid in session.running:
        cut = is_cut(sealed=session.status != "interrupted", interrupted=interrupted)
        before = tests.get(nodeid)
        outcomes = before.outcomes if before is not None else ()
        tests[nodeid] = TestRun(verdict_of((), running=True, cut=cut), outcomes, 0, -1, "", len(session.test_results))
    return Run(
        name=session.session_id,
        stream=session.stream,
        sut=session.sut_name,
        started_us=round(session.session_start_time.timestamp() * 1e6),
        duration_us=round(session.session_duration * 1e6),
        status=session.status,
        commit=str(session.vcs.get("commit") or ""),
        branch=str(session.vcs.get("branch") or ""),
        dirty=session.vcs.get("dirty"),
        tests=tests,
        variant=variant_of({"testing_system": session.testing_system}),
    )
