"""One answer for a working day: what is broken since which commit, what was cut, is flaky, got slower or is gone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...eventlog.times import format_time
from ..questions.duration_changes import DurationChange
from ..questions.outages import is_outage
from .about import AboutAnswer, about_runs
from .breakage import STRIP_RUNS, broken_groups, count_broken
from .cases import by_test, count_cases
from .data import (
    BranchRow,
    BrokenGroup,
    CutRow,
    FlakyRow,
    LostRow,
    MovedRow,
    NewestSession,
    OutageRow,
    Overview,
    SlowerRow,
)
from .sentence import Progress, headline_of, newest_of
from .strips import strips_of

if TYPE_CHECKING:
    from ..analyzer import Analysis
    from ..history.history import History
    from ..history.verdicts.run import Run
    from ..questions.flaky import FlakyTest
    from ..questions.lost import LostTest
    from .cut_tests import CutTest

WEEK_US = 7 * 86_400_000_000


def overview_of(
    model: "History", analysis: "Analysis", *, rows: int | None = None, strip_runs: int = STRIP_RUNS
) -> Overview:
    """Return the answer about the sessions of an analysis.

    Args:
        model: where they are stored.
        analysis: them; of one system under test.
        rows: how many tests of each section get their strip and message; None for all.
        strip_runs: how many runs a strip has.
    """
    runs = analysis.asked
    if not runs:
        return Overview(about=AboutAnswer())
    gone, flaky = analysis.gone_tests(), analysis.flaky_tests()
    moved = {one.nodeid for one in gone if one.moved_to}
    broken = [one for one in analysis.broken_tests() if one.nodeid not in moved]
    told = newest_of(model, runs)
    newest = _session(model, told.run, told.progress)
    tested = newest if told.tested is told.run else None
    if tested is None and told.tested is not None:
        tested = _session(model, told.tested, told.tested_progress)
    outage = analysis.outage_now()
    sentences = headline_of(told, outage, broken)
    groups = broken_groups(
        model, runs, broken, flaky, gone={one.nodeid for one in gone}, rows=rows, strip_runs=strip_runs
    )
    cut = analysis.cut_tests()
    meant = {run.stream or run.name for run in runs}
    flaky_rows = _flaky_rows(runs, [one for one in flaky if not one.recovered], rows, strip_runs)
    return Overview(
        about=about_runs(runs),
        headline="; ".join(sentences),
        sentences=sentences,
        newest=newest,
        tested=None if tested is newest else tested,
        broken=count_broken(broken),
        groups=groups,
        cut=_cut_rows(model, [one for one in cut if one.run.stream in meant]),
        flaky=flaky_rows,
        flaky_tests=len({one.nodeid for one in flaky if not one.recovered}),
        flaky_new=len({one.nodeid for one in flaky if _first_us(one) >= runs[-1].started_us - WEEK_US}),
        recovered=len({one.nodeid for one in flaky if one.recovered}),
        slower=[_slower_row(one) for one in analysis.slower_tests()],
        lost=[_lost_row(one) for one in gone if not one.moved_to],
        moved=[MovedRow(one.nodeid, one.moved_to, one.gone_commit) for one in gone if one.moved_to],
        outages=[
            OutageRow(run.name, format_time(run.started_us), run.bad, run.considered)
            for run in reversed(runs)
            if is_outage(run) and (outage is None or run.started_us < outage.since_us)
        ],
        other_branches=[BranchRow(one.branch, one.sessions, one.broken) for one in analysis.other_branches()],
        commands=_commands(model, newest, tested, groups),
    )


def _session(model: "History", run: "Run", progress: Progress | None) -> NewestSession:
    """Return a session with its progress."""
    row = model.session_of(run.stream)
    if row is None or progress is None:
        return NewestSession(session_id=run.name, commit=run.commit, branch=run.branch)
    header = row.part.header or {}
    return NewestSession(
        session_id=run.name,
        state=progress.state,
        exit_status=row.exit_status,
        commit=run.commit,
        branch=run.branch,
        started_at=format_time(run.started_us),
        duration_s=run.duration_us / 1e6,
        host=_host(header),
        counts=row.counts,
        done=progress.done,
        total=progress.total,
        running=list(progress.running),
        uncollected=list(progress.uncollected),
        selection=[*run.selected.options, *run.selected.paths],
    )


def _host(header: dict[str, object]) -> str:
    system = header.get("testing_system")
    return str(system.get("host") or system.get("name") or "") if isinstance(system, dict) else ""  # type: ignore[misc]


def _cut_rows(model: "History", cut: "list[CutTest]") -> list[CutRow]:
    """Return the tests that were running when sessions were killed, a row a test, its newest first."""
    found: dict[str, CutRow] = {}
    for one in cut:
        known = found.get(one.nodeid)
        if known is not None:
            known.times += 1
            continue
        row = model.session_of(one.run.stream)
        host = _host(row.part.header or {}) if row is not None else ""
        found[one.nodeid] = CutRow(one.nodeid, one.run.session, format_time(one.run.started_us), host, one.ran_s)
    return list(found.values())


def _first_us(one: "FlakyTest") -> int:
    """Return when the first evidence is of, that a test is flaky."""
    return min(seen.started_us for seen in one.evidence)


def _flaky_rows(runs: "Sequence[Run]", flaky: "list[FlakyTest]", rows: int | None, strip_runs: int) -> list[FlakyRow]:
    """Return flaky tests, cases of one test in one row, those with most evidence first."""
    of_node: dict[str, list[FlakyTest]] = {}
    for one in flaky:
        of_node.setdefault(one.nodeid, []).append(one)
    groups = by_test(of_node)
    wanted = groups[:rows]
    strips = strips_of(runs, {group.test: group.nodeids for group in wanted}, strip_runs)
    several = [group.test for group in wanted if len(group.nodeids) > 1]
    whole = next((run for run in reversed(runs) if run.selected.is_whole), runs[-1])
    totals = count_cases(several, whole.tests) if several else {}
    found: list[FlakyRow] = []
    for group in groups:
        evidence = [one for nodeid in group.nodeids for one in of_node[nodeid]]
        best = max(evidence, key=lambda one: one.count)
        found.append(
            FlakyRow(
                nodeid=group.label,
                nodeids=list(group.nodeids),
                cases=max(totals.get(group.test, 0), len(group.nodeids)) if len(group.nodeids) > 1 else 1,
                rules=sorted({one.rule for one in evidence}),
                rule=best.rule,
                count=best.count,
                considered=best.considered,
                is_new=min(map(_first_us, evidence)) >= runs[-1].started_us - WEEK_US,
                last_at=format_time(max(one.last_us for one in evidence)),
                strip=list(strips.get(group.test, ())),
            )
        )
    return found


def _slower_row(one: DurationChange) -> SlowerRow:
    figures = (one.before_s, one.after_s, list(one.samples))
    return SlowerRow(one.nodeid, *figures, confirmed=one.confirmed, phases=one.phases)


def _lost_row(one: "LostTest") -> LostRow:
    gone = {"gone_commit": one.gone_commit, "gone_session": one.gone_session}
    return LostRow(one.nodeid, one.last_session, format_time(one.last_us), **gone, renamed=list(one.renamed))


def _commands(
    model: "History", newest: NewestSession, tested: NewestSession | None, groups: list[BrokenGroup]
) -> list[str]:
    """Return the commands that lead on from here."""
    found: list[str] = []
    if tested is not newest:
        found.append(f"insight session show {newest.session_id}")
    if tested is not None and (tested.running or tested.uncollected or tested.done < tested.total or groups):
        found.append("insight session rerun" + ("" if tested is newest else f" {tested.session_id}"))
    newest_group = next((group for group in groups if group.commit and group.good_commit != group.commit), None)
    if newest_group is not None and newest_group.good_commit:
        found.append(f"git log {newest_group.good_commit[:9]}..{newest_group.commit[:9]}")
    if groups:
        found.append(f"insight test show {_argument(model, groups[0].rows[0].nodeids[0])}")
    return found or ["insight test list"]


def _argument(model: "History", nodeid: str) -> str:
    """Return a word for a shell that means one test: the shortest part of its node id that no other has."""
    import shlex  # noqa: PLC0415 - only where something is broken

    test, _, parameters = nodeid.partition("[") if "::" in nodeid else (nodeid, "", "")
    name = test.rpartition("::")[2]
    parts = [name, *([f"{name}[{parameters}"] if parameters else []), nodeid.rpartition("/")[2]]
    return shlex.quote(next((part for part in parts if len(model.nodeids(part)) == 1), nodeid))
