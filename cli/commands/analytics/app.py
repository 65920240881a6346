"""`insight analytics`: figures and patterns over many sessions."""

from typing import TYPE_CHECKING, Annotated

import typer

from ...arguments.comparisons import compare_words
from ...arguments.completion import complete_test
from ...arguments.history import asked, find_test
from ...arguments.logs import named_logs
from ...formatters.answers import about_data, about_line, branch_line, flaky_lines, outage_lines
from ...formatters.data import data_of, print_json
from ...formatters.strips import strip
from ...formatters.values import counted, name, when
from ...options import (
    DEFAULT_DAYS,
    AsOfOption,
    BaseOption,
    BranchOption,
    DaysOption,
    JsonOption,
    LogArgument,
    LogOption,
    ModeOption,
    ProfileOption,
    SutOption,
    TargetOption,
    TimeOption,
    VariantOption,
)
from ...terminal.paging import pages
from ...terminal.screen import console
from .metrics import METRICS
from .summary import SHOWN, drawings_of, print_section, print_summary, summary_of

if TYPE_CHECKING:
    pass

app = typer.Typer(no_args_is_help=True)


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
        answer = summary_of(question)
        drawn = {} if as_json else drawings_of(question, answer)
    if as_json:
        print_json(data_of(answer.pop("figures")) | data_of(answer))
    elif answer["figures"].sessions:
        print_summary(answer | drawn)
    else:
        console().print("No sessions in that span of time.")


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
        from ....api.internal.history import did_you_mean

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
        print_section(key, lines, always=metric != "all")
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
    for cluster in clusters[:SHOWN]:
        out.print(
            f"{counted(cluster.count, 'time')} in {counted(len(cluster.tests), 'test')}: {name(cluster.message)}",
            soft_wrap=True,
        )
        last = cluster.evidence[-1]
        more = f" and {len(cluster.tests) - 3} more" if len(cluster.tests) > 3 else ""  # noqa: PLR2004 - a few
        out.print(f"    {', '.join(map(name, cluster.tests[:3]))}{more}", style="dim", soft_wrap=True)
        out.print(f"    last in session {name(last.session)} at {when(last.started_us)}", style="dim", soft_wrap=True)
    print_section(
        "fail together", [f"{', '.join(map(name, one.tests[:5]))}  ({counted(one.joint, 'time')})" for one in together]
    )
    if not clusters:
        out.print("no failures")
