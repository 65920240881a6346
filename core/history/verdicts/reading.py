"""Reading sessions with their verdicts.

Sessions of a log are read from the columns of the read model, others from their results.
"""

import gc
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ....projections.apply import SessionRow
from ....projections.rules import is_cut, verdict_of
from ..history import History
from ..partial import CUT_SHORT, selected_of
from ..variants import variant_of
from .columns import ColumnTests, Ends, TestRun, tests_of_rows
from .run import Run

if TYPE_CHECKING:
    from ...views.session import TestSession


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
    yield _run_of_results(session, _header_of(session))


def _header_of(session: "TestSession") -> Mapping[str, object]:
    """Fields of the first event of a session, as far as they are known."""
    if session.models is not None and session.stream:
        with session.models() as model:
            row = model.session_of(session.stream)
            if row is not None:
                return row.part.header or {}
    return {"testing_system": session.testing_system}


def run_of_row(model: History, row: SessionRow, name: str = "", only: str | None = None) -> Run:
    """Return a stored session with its verdicts.

    Args:
        model: where it is stored.
        row: the session.
        name: how to call it; empty for the name it is shown by.
        only: leave out all tests but this one.
    """
    vcs = (row.part.header or {}).get("vcs") or {}
    running = list(dict.fromkeys(nodeid for nodeid, _, _ in row.part.open))
    status: str = row.status
    verdicts = row.verdicts
    if running and model.state_of(row) == "running":  # what runs now has no verdict yet
        verdicts = dict(Counter(verdicts) - Counter(crashed=len(running)))
        status, running = "running", []
    rows, workers, names = model.columns(row.stream), row.part.workers, model.names()
    cut = is_cut(sealed=row.exit_status is not None, interrupted=row.part.interrupted)
    ends = Ends(row.part.others, verdict_of((), running=True, cut=cut))
    if only is None:
        tests = ColumnTests(rows, workers, names, model.numbers(), running, row.notable, ends)
    else:
        tests = tests_of_rows(rows, workers, names, running, only, ends)
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
        variant=variant_of(row.part.header or {}),
        selected=selected_of(
            row.part.header or {}, row.part.deselected, row.missing, ended=row.exit_status not in CUT_SHORT
        ),
        uncollected=tuple(dict.fromkeys(row.part.collect_failed)),
    )


def _run_of_results(session: "TestSession", header: Mapping[str, object]) -> Run:
    tests: dict[str, TestRun] = {}
    for order, result in enumerate(session.test_results):
        outcome = result.outcome.to_str()
        before = tests.get(result.nodeid)
        outcomes = (*before.outcomes, outcome) if before is not None else (outcome,)
        verdict = verdict_of(outcomes)  # type: ignore[arg-type]
        tests[result.nodeid] = TestRun(verdict, outcomes, round(result.duration * 1e6), -1, "", order)
    for nodeid in session.running:
        cut = is_cut(sealed=session.status != "interrupted", interrupted="yes" if session.exit_status == 2 else "")  # noqa: PLR2004 - pytest's exit status of an interrupted run
        tests[nodeid] = TestRun(verdict_of((), running=True, cut=cut), (), 0, -1, "", len(tests))
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
        variant=variant_of(header),
    )
