"""`insight analytics`: figures and patterns over many sessions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .answers import (
    about_data,
    about_line,
    branch_line,
    broken_text,
    cut_text,
    flaky_lines,
    flaky_text,
    headline_text,
    lost_text,
    outage_lines,
    slower_text,
    subject_text,
)
from .asking import (
    DEFAULT_DAYS,
    AsOfOption,
    BranchOption,
    DaysOption,
    SutOption,
    TimeOption,
    VariantOption,
    asked,
    bar,
    complete_test,
    data_of,
    find_test,
    name,
    percent,
    seconds,
    spark,
    when,
)
from .columns import STRIP_RUNS
from .common import JsonOption, LogArgument, LogOption, ProfileOption, console, counted, named_logs, print_json
from .comparisons import BaseOption, ModeOption, TargetOption, compare_words
from .paging import pages
from .screen import Line
from .strips import legend, strip, strip_line, words_of

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.history.verdicts.run import Run
    from ..core.questions.broken import Broken
    from ..core.questions.durations import Slow
    from .asking import Question

app = typer.Typer(no_args_is_help=True)

_SHOWN = 20
_BARS = 60


@app.command("summary")
@pages
def summary(
    logs: LogArgument = None,
    sut: SutOption = None,
    days: DaysOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show figures of the last 30 days, or of another span: pass rate with its limits, what is broken, flaky and slow.

    Example: insight analytics summary --sut shop --days 7
    """
    logs = named_logs(logs, log)
    with asked(
        profile, logs, as_of, sut=sut, time=time, days=days, default_days=DEFAULT_DAYS, branch=branch, variant=variant
    ) as question:
        answer = _summary_of(question)
        drawn = {} if as_json else _drawings_of(question, answer)
    if as_json:
        print_json(data_of(answer.pop("figures")) | data_of(answer))
    elif answer["figures"].sessions:
        _print_summary(answer | drawn)
    else:
        console().print("No sessions in that span of time.")


def _summary_of(question: "Question") -> dict[str, Any]:
    """Return the parts of the summary, by the names that they have in JSON."""
    analysis = question.analysis
    broken, outage, flaky = analysis.broken_tests(), analysis.outage_now(), analysis.flaky_tests()
    gone = analysis.gone_tests()
    moved = {one.nodeid for one in gone if one.moved_to}
    broken = [one for one in broken if one.nodeid not in moved]
    return {
        "figures": analysis.summary(),
        "subject": subject_text(question, analysis),
        "about": about_data(analysis.asked),
        "headline": headline_text(question.model, analysis, outage, broken),
        "outage_now": outage,
        "broken": broken,
        "flaky": flaky,
        "most_expensive": analysis.most_expensive_tests(5),
        "daily": _daily(analysis.considered),
        "cut": analysis.cut_tests(),
        "lost": [one for one in gone if not one.moved_to],
        "moved": [one for one in gone if one.moved_to],
        "other_branches": analysis.other_branches(),
    }


def _drawings_of(question: "Question", answer: dict[str, Any]) -> dict[str, Any]:
    """Return what only the text of the summary has: strips of the broken tests, and lines of the flaky ones."""
    from ..core.overview.strips import strips_of  # noqa: PLC0415 - commands import what they use

    analysis = question.analysis
    shown = {one.nodeid: (one.nodeid,) for one in answer["broken"][:_SHOWN]}
    return {
        "strips": strips_of(analysis.asked, shown, STRIP_RUNS),
        "flaky_lines": flaky_lines(analysis, answer["flaky"]),
    }


def _print_summary(answer: dict[str, Any]) -> None:
    figures = answer["figures"]
    out = console()
    rate = figures.pass_rate
    span = f"{when(figures.first_us)} to {when(figures.last_us)}"
    sizes = ((figures.sessions, "session"), (figures.tests, "test"), (figures.runs, "run"))
    out.print(answer["subject"], style="bold", soft_wrap=True)
    out.print(answer["headline"], soft_wrap=True)
    if line := branch_line(answer["other_branches"]):
        out.print(line, style="dim", soft_wrap=True)
    out.print(", ".join([*(counted(count, noun) for count, noun in sizes), span]), style="bold")
    out.print(f"pass rate {bar(rate.estimate)} {percent(rate.estimate)} ({percent(rate.low)} to {percent(rate.high)})")
    out.print(_drawn(answer["daily"]))
    out.print(f"all good  {counted(figures.sessions_all_good, 'session')}; {figures.interrupted} were interrupted")
    for line in outage_lines(figures):
        out.print(line, style="yellow", soft_wrap=True)
    out.print("verdicts  " + ", ".join(f"{count} {verdict}" for verdict, count in figures.verdicts.items()))
    _print_names("broken now", [_broken_line(one, answer["strips"]) for one in answer["broken"]])
    _print_names("cut", [cut_text(one) for one in answer["cut"]])
    _print_names("flaky", answer["flaky_lines"])
    for what in ("lost", "moved"):
        _print_names(what, [f"{name(one.nodeid)}  {lost_text(one)}" for one in answer[what]])
    costs = answer["most_expensive"]
    _print_names("most expensive", list(map(_cost_text, costs)))


def _cost_text(one: "Slow") -> str:
    """Return what a test costs; its longest run by phase, if not all of it was the test itself."""
    text = f"{name(one.nodeid)}  {seconds(one.total_s)} in {counted(one.runs, 'run')}"
    longest = one.longest
    if longest is None or longest.setup_s + longest.teardown_s < longest.call_s:
        return text
    phases = {"set-up": longest.setup_s, "call": longest.call_s, "teardown": longest.teardown_s}
    shown = ", ".join(f"{phase} {seconds(taken_s)}" for phase, taken_s in phases.items())
    return f"{text}; longest: {shown} in session {name(longest.session)}"


def _broken_line(one: "Broken", strips: dict[str, tuple[str, ...]]) -> Line:
    """Return a broken test with the strip of its last runs."""
    line = strip_line(strips.get(one.nodeid, ()), width=STRIP_RUNS)
    line.append(f"  {name(one.nodeid)}  {broken_text(one)}")
    return line


@app.command("compare")
@pages
def compare(
    logs: LogArgument = None,
    base: BaseOption = None,
    target: TargetOption = None,
    mode: ModeOption = None,
    time: TimeOption = None,
    sut: SutOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two sessions, systems, branches, spans of time, commits or profiles.

    Without --base and --target: the newest session with the one before it.

    Example: insight analytics compare --base 2026-11-01..2026-11-07 --target 7d
    """
    compare_words(
        base,
        target,
        mode=mode,
        profile=profile,
        logs=named_logs(logs, log),
        as_of=as_of,
        sut=sut,
        time=time,
        as_json=as_json,
    )


@app.command("analyze")
@pages
def analyze(
    logs: LogArgument = None,
    sut: SutOption = None,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="One question only; see the list in docs/analysis.md.")
    ] = "all",
    days: DaysOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer the questions of the analysis, each with its evidence; of all of them, or of one with --metric.

    Example: insight analytics analyze --sut shop --metric flaky --days 14
    """
    if metric != "all" and metric not in METRICS:
        from ..core.naming.nearest import did_you_mean  # noqa: PLC0415 - only for the message

        hint = did_you_mean(metric, METRICS) or f"; use all or one of {', '.join(METRICS)}"
        raise ValueError(f"no such metric: {metric!r}{hint}")
    wanted = METRICS if metric == "all" else {metric: METRICS[metric]}
    logs = named_logs(logs, log)
    with asked(
        profile, logs, as_of, sut=sut, time=time, days=days, default_days=DEFAULT_DAYS, branch=branch, variant=variant
    ) as question:
        analysis = question.analysis
        answers = {key: ask(analysis) for key, (ask, _) in wanted.items()}
        figures, others = analysis.summary(), analysis.other_branches()
        about, told = (about_data(analysis.runs), about_line(analysis.runs))
        flaky = flaky_lines(analysis, answers["flaky"]) if "flaky" in answers else []
    if as_json:
        left_out = {"outages": figures.outages, "set_aside": figures.set_aside, "other_branches": data_of(others)}
        print_json({"about": about, **left_out, **{key: data_of(answer) for key, answer in answers.items()}})
        return
    console().print(told, style="bold", soft_wrap=True)
    for key, answer in answers.items():
        lines = flaky if key == "flaky" else [wanted[key][1](one) for one in answer]
        _print_names(key, lines, always=metric != "all")
    for line in outage_lines(figures):
        console().print(line, style="yellow", soft_wrap=True)
    if line := branch_line(others):
        console().print(line, style="dim", soft_wrap=True)


@app.command("failures")
@pages
def failures(
    logs: LogArgument = None,
    sut: SutOption = None,
    nodeid: Annotated[
        str | None,
        typer.Option("--nodeid", metavar="NODEID", help="Only of this test.", autocompletion=complete_test),
    ] = None,
    days: DaysOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show failures by what they say, and which tests fail together.

    Example: insight analytics failures --days 7
    """
    logs = named_logs(logs, log)
    with asked(
        profile, logs, as_of, sut=sut, time=time, days=days, default_days=DEFAULT_DAYS, branch=branch, variant=variant
    ) as question:
        test = find_test(question.model, nodeid) if nodeid else None
        analysis = question.analysis
        clusters = [one for one in analysis.failure_clusters() if test is None or test in one.tests]
        together = [one for one in analysis.failing_together() if test is None or test in one.tests]
        history = analysis.history_of(test) if test else []
        about, told = about_data(analysis.runs), about_line(analysis.runs)
    if as_json:
        print_json(
            {"about": about, "clusters": data_of(clusters), "together": data_of(together), "history": data_of(history)}
        )
        return
    out = console()
    out.print(told, style="bold", soft_wrap=True)
    if history:
        out.print(name(test or ""), style="bold", soft_wrap=True)
        out.print(strip(history), soft_wrap=True)
    for cluster in clusters[:_SHOWN]:
        out.print(
            f"{counted(cluster.count, 'time')} in {counted(len(cluster.tests), 'test')}: {name(cluster.message)}",
            soft_wrap=True,
        )
        last = cluster.evidence[-1]
        more = f" and {len(cluster.tests) - 3} more" if len(cluster.tests) > 3 else ""  # noqa: PLR2004 - a few
        out.print(f"    {', '.join(map(name, cluster.tests[:3]))}{more}", style="dim", soft_wrap=True)
        out.print(f"    last in session {name(last.session)} at {when(last.started_us)}", style="dim", soft_wrap=True)
    _print_names(
        "fail together", [f"{', '.join(map(name, one.tests[:5]))}  ({counted(one.joint, 'time')})" for one in together]
    )
    if not clusters:
        out.print("no failures")


def draw_worst(question: "Question", count: int = 15) -> None:
    """Draw the verdicts of the tests that failed most, a row a test and a letter a session."""
    analysis = question.analysis
    worst = sorted(analysis.failure_rates(), key=lambda one: (-one.bad, one.nodeid))[:count]
    rows = [(one, analysis.history_of(one.nodeid)) for one in worst]
    if not rows:
        return
    out = console()
    for one, history in rows:
        line = strip(history[-60:])
        line.append(f"  {name(one.nodeid)}  {one.bad} of {one.considered}")
        out.print(line, soft_wrap=True)
    out.print(legend(word for _, history in rows for word in words_of(history[-60:])), style="dim", soft_wrap=True)


METRICS: dict[str, tuple[Callable[["Analysis"], list[Any]], Callable[[Any], str]]] = {
    "broken": (
        lambda analysis: analysis.broken_tests(),
        lambda one: f"{name(one.nodeid)}  {broken_text(one)}",
    ),
    "flaky": (
        lambda analysis: analysis.flaky_tests(),
        lambda one: f"{name(one.nodeid)}  {flaky_text(one)}",
    ),
    "rates": (
        lambda analysis: analysis.failure_rates(),
        lambda one: (
            f"{name(one.nodeid)}  {percent(one.rate.estimate)} of {counted(one.considered, 'run')}"
            f" ({percent(one.rate.low)} to {percent(one.rate.high)}){'' if one.enough else ', too few to judge'}"
        ),
    ),
    "transitions": (
        lambda analysis: analysis.transition_scores(),
        lambda one: f"{name(one.nodeid)}  {counted(one.changes, 'change')} in {counted(one.considered, 'run')}",
    ),
    "slow": (
        lambda analysis: analysis.slowest_tests(),
        lambda one: f"{name(one.nodeid)}  median {seconds(one.median_s)}, 95 % below {seconds(one.p95_s)}",
    ),
    "cost": (
        lambda analysis: analysis.most_expensive_tests(),
        lambda one: f"{name(one.nodeid)}  {seconds(one.total_s)} in {counted(one.runs, 'run')}",
    ),
    "shifts": (
        lambda analysis: analysis.duration_shifts(),
        lambda one: (
            f"{name(one.nodeid)}  {seconds(one.before_s)} to {seconds(one.after_s)} since {name(one.since.session)}"
        ),
    ),
    "slower": (
        lambda analysis: analysis.slower_tests(),
        lambda one: f"{name(one.nodeid)}  {slower_text(one)}",
    ),
    "together": (
        lambda analysis: analysis.failing_together(),
        lambda one: f"{', '.join(map(name, one.tests))}  {counted(one.joint, 'time')}",
    ),
    "lost": (
        lambda analysis: analysis.lost_tests(),
        lambda one: f"{name(one.nodeid)}  {lost_text(one)}",
    ),
    "moved": (
        lambda analysis: analysis.moved_tests(),
        lambda one: f"{name(one.nodeid)}  {lost_text(one)}",
    ),
    "cut": (lambda analysis: analysis.cut_tests(), cut_text),
    "order": (
        lambda analysis: analysis.order_suspects(),
        lambda one: f"{name(one.nodeid)}  fails only after {name(one.after)} ({counted(one.failed_after, 'time')})",
    ),
}
"""Questions by name: how to ask, and how an answer is told."""


def _daily(runs: "list[Run]") -> list[tuple[str, float]]:
    """Pass rate by local day, for days that have tests that passed or failed."""
    days: dict[str, list[int]] = {}
    for run in runs:
        totals = days.setdefault(when(run.started_us)[:10], [0, 0])
        totals[0] += run.considered - run.bad
        totals[1] += run.considered
    return [(day, good / total) for day, (good, total) in sorted(days.items()) if total]


def _drawn(daily: list[tuple[str, float]]) -> str:
    """A sparkline of the pass rates; of many days, several share a bar, which is their mean."""
    each = max(-(-len(daily) // _BARS), 1)
    shares = [share for _, share in daily]
    groups = [shares[start : start + each] for start in range(0, len(shares), each)]
    bars = [sum(group) / len(group) for group in groups]
    return f"{'by day' if each == 1 else f'{each} days'.ljust(6)}    {spark(bars)}"


def _print_names(title: str, lines: "Sequence[str | Line]", *, always: bool = False) -> None:
    if not lines and not always:
        return
    out = console()
    out.print(f"{title}: {len(lines)}", style="bold")
    for line in lines[:_SHOWN]:
        out.print("    ", end="")
        out.print(line, soft_wrap=True)
    if len(lines) > _SHOWN:
        out.print(f"    ... and {len(lines) - _SHOWN} more; --json shows all")
