"""`insight test`: one test over many sessions."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ...arguments.history import asked
from ...formatters.answers import about_data, about_line
from ...formatters.columns import STRIP_RUNS, short_names
from ...formatters.data import data_of, print_json
from ...formatters.drawings import spark
from ...formatters.outcomes import styled
from ...formatters.sessions.failure_groups import restored_indentation
from ...formatters.strips import legend, strip, strip_line, words_of
from ...formatters.values import counted, name, seconds, table, when
from ...options import (
    DEFAULT_DAYS,
    LIMIT,
    AllOption,
    AsOfOption,
    BranchOption,
    DaysOption,
    JsonOption,
    LogOption,
    NodeArgument,
    ProfileOption,
    SutOption,
    TimeOption,
    VariantOption,
)
from ...terminal.layout import screen_width
from ...terminal.paging import pages
from ...terminal.safe import safe
from ...terminal.screen import console
from .verdicts import ask_test, last_cut, last_failure, verdict_sentences, verdicts_of

if TYPE_CHECKING:
    pass

app = typer.Typer(no_args_is_help=True)


_STRIP = 60


_FIGURES_WIDTH = 50
"""Columns of `test list` other than the name."""


@app.command("list")
@pages
def list_tests(
    pattern: Annotated[str, typer.Argument(metavar="[TEXT]", help="Only tests with this in their node id.")] = "",
    sut: SutOption = None,
    time: TimeOption = None,
    days: DaysOption = None,
    everything: AllOption = False,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """List tests with their runs, failures and median duration; those that fail most come first.

    The span of time is the last 30 days unless it is given.

    Example: insight test list checkout --time 7d
    """
    from ....api.internal.answers import strips_of

    with asked(
        profile, log, as_of, sut=sut, time=time, days=days, default_days=DEFAULT_DAYS, branch=branch, variant=variant
    ) as question:
        analysis = question.analysis
        rows = analysis.tests(pattern)
        shown = rows if everything else rows[:LIMIT]
        about, told = about_data(analysis.runs), about_line(analysis.runs)
        strips = {} if as_json else strips_of(analysis.runs, {row.nodeid: (row.nodeid,) for row in shown}, STRIP_RUNS)
    if as_json:
        print_json({"about": about, "tests": data_of(shown)})
        return
    listing = table("test", ">runs", ">failed", ">median", "last", "|newest right")
    width = screen_width() - _FIGURES_WIDTH if screen_width() else 0
    names = short_names((row.nodeid for row in shown), width)
    for row in shown:
        figures = (str(row.runs), str(row.failed), seconds(row.median_s), styled(row.last))
        listing.add_row(names[row.nodeid], *figures, strip_line(strips.get(row.nodeid, ()), width=STRIP_RUNS))
    out = console()
    out.print(told, style="bold", soft_wrap=True)
    out.print(listing)
    if len(rows) > len(shown):
        console(err=True).print(f"The first {LIMIT} of {len(rows)}; --all shows all of them.")


@app.command("show")
@pages
def show_test(
    nodeid: NodeArgument,
    sut: SutOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of a test: its rate, since when it fails, whether it is flaky and by what evidence.

    Example: insight test show test_refund
    """
    with asked(profile, log, as_of, sut=sut, time=time, branch=branch, variant=variant) as question:
        test, analysis, history = ask_test(question, nodeid)
        answer = verdicts_of(analysis, test)
        newest = question.model.newest_session()
        if newest is not None and newest.stream not in {one.stream for one in history}:
            answer["lost"] = next((one for one in question.analysis.gone_tests() if one.nodeid == test), None)
        text = last_failure(question.model, history)
        about, told = about_data(analysis.runs), about_line(analysis.runs)
        cut = last_cut(question.model, history, test)
    if as_json:
        print_json(
            {
                "about": about,
                "nodeid": test,
                "runs": len(history),
                **{key: data_of(value) for key, value in answer.items()},
                "last_failure": text,
                "last_cut": cut,
            }
        )
        return
    out = console()
    out.print(name(test), style="bold", soft_wrap=True)
    out.print(told, style="dim", soft_wrap=True)
    out.print(strip(history[-_STRIP:]), soft_wrap=True)
    counts = Counter(one.verdict for one in history)
    out.print(
        f"{counted(len(history), 'run')}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    )
    for line in verdict_sentences(answer, history):
        out.print(line, soft_wrap=True)
    if text:
        out.print("last failure:", style="dim")
        for line in safe(restored_indentation(text)).rstrip("\n").split("\n"):
            out.print(f"    {line}", soft_wrap=True)
    for title, written in (cut or {}).items():
        out.print(f"when it was cut last, {title}:", style="dim")
        for line in safe(written).rstrip("\n").split("\n"):
            out.print(f"    {line}", soft_wrap=True)


@app.command("history")
@pages
def list_runs(
    nodeid: NodeArgument,
    sut: SutOption = None,
    time: TimeOption = None,
    everything: AllOption = False,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every run of a test, the newest first, with session, commit and position of its event.

    Example: insight test history test_refund --time 30d
    """
    with asked(profile, log, as_of, sut=sut, time=time, branch=branch, variant=variant) as question:
        test, analysis, history = ask_test(question, nodeid, alone=True)
        about, told = about_data(analysis.runs), about_line(analysis.runs)
    newest = history[::-1]
    shown = newest if everything else newest[:LIMIT]
    if as_json:
        print_json({"about": about, "nodeid": test, "runs": data_of(shown)})
        return
    listing = table("session", "started", "verdict", ">duration", "attempts", "commit")
    for one in shown:
        attempts = " ".join(one.outcomes) if len(one.outcomes) > 1 else ""
        row = (name(one.session), when(one.started_us), styled(one.verdict), seconds(one.duration_s))
        listing.add_row(*row, attempts, name(one.commit[:12]))
    out = console()
    out.print(name(test), style="bold", soft_wrap=True)
    out.print(told, style="dim", soft_wrap=True)
    out.print(strip(history[-_STRIP:]), soft_wrap=True)
    out.print(listing)
    if len(newest) > len(shown):
        console(err=True).print(f"The newest {LIMIT} of {len(newest)}; --all shows all of them.")


@app.command("trends")
@pages
def draw_trends(
    nodeid: NodeArgument,
    sut: SutOption = None,
    time: TimeOption = None,
    branch: BranchOption = None,
    variant: VariantOption = None,
    profile: ProfileOption = None,
    log: LogOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw verdicts and durations of a test over its sessions, and say whether its duration changed its level.

    Example: insight test trends test_refund --time 90d
    """
    from ....api.internal.answers import median, quantile

    with asked(profile, log, as_of, sut=sut, time=time, branch=branch, variant=variant) as question:
        test, analysis, history = ask_test(question, nodeid, alone=True)
        shift = next((one for one in analysis.duration_shifts() if one.nodeid == test), None)
        about, told = about_data(analysis.runs), about_line(analysis.runs)
    durations = [one.duration_s for one in history if one.verdict == "passed"]
    middle, high = median(durations), quantile(durations, 0.95)
    if as_json:
        figures = {"median_s": middle, "p95_s": high, "durations_s": durations}
        print_json(
            {
                "about": about,
                "nodeid": test,
                "runs": len(history),
                **figures,
                "shift": data_of(shift),
                "verdicts": [one.verdict for one in history],
            }
        )
        return
    out = console()
    out.print(name(test), style="bold", soft_wrap=True)
    out.print(told, style="dim", soft_wrap=True)
    out.print(strip(history[-_STRIP:]), soft_wrap=True)
    out.print(legend(words_of(history[-_STRIP:])), style="dim", soft_wrap=True)
    out.print(f"{spark(durations[-_STRIP:])}  of passing runs: median {seconds(middle)}, 95 % below {seconds(high)}")
    if shift is not None:
        out.print(
            f"changed from {seconds(shift.before_s)} to {seconds(shift.after_s)} with session"
            f" {name(shift.since.session)} at {when(shift.since.started_us)} (p = {shift.p:.2g})",
            soft_wrap=True,
        )
