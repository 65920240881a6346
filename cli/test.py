"""`insight test`: one test over many sessions."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .answers import about_data, about_line, broken_text, lost_text
from .asking import (
    DEFAULT_DAYS,
    LIMIT,
    AllOption,
    AsOfOption,
    BranchOption,
    DaysOption,
    NodeArgument,
    SutOption,
    TimeOption,
    VariantOption,
    asked,
    data_of,
    find_test,
    name,
    percent,
    seconds,
    spark,
    table,
    when,
)
from .columns import STRIP_RUNS, short_names
from .common import JsonOption, LogOption, ProfileOption, console, counted, print_json, styled
from .failure_groups import restored_indentation
from .layout import screen_width
from .paging import pages
from .safe import safe
from .strips import legend, strip, strip_line, words_of

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.questions.evidence import Occurrence
    from ..projections.readmodel import ReadModel
    from .asking import Question

app = typer.Typer(no_args_is_help=True)

_STRIP = 60
_FIGURES_WIDTH = 50
"""Columns of `test list` beside the name."""


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
    from ..core.overview.strips import strips_of  # noqa: PLC0415 - commands import what they use

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
        test, analysis, history = _ask(question, nodeid)
        answer = _verdicts(analysis, test)
        newest = question.model.newest_session()
        if newest is not None and newest.stream not in {one.stream for one in history}:
            answer["lost"] = next((one for one in question.analysis.gone_tests() if one.nodeid == test), None)
        text = _last_failure(question.model, history)
        about, told = about_data(analysis.runs), about_line(analysis.runs)
        cut = _last_cut(question.model, history, test)
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
    for line in _sentences(answer, history):
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
        test, analysis, history = _ask(question, nodeid, alone=True)
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
    from ..core.questions.stats import median, quantile  # noqa: PLC0415

    with asked(profile, log, as_of, sut=sut, time=time, branch=branch, variant=variant) as question:
        test, analysis, history = _ask(question, nodeid, alone=True)
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


def _ask(question: "Question", text: str, *, alone: bool = False) -> "tuple[str, Analysis, list[Occurrence]]":
    """Find the test that is meant, and its history.

    Args:
        question: where to look.
        text: the test.
        alone: other tests of its sessions are not needed.
    """
    from ..core.analyzer import Analysis  # noqa: PLC0415 - commands import what they use

    test = find_test(question.model, text)
    if test in question.model.numbers():
        analysis = Analysis.of_test(question.model, test, question.sut, question.window, alone=alone)
    else:  # a module that could not be collected: also the sessions in which its tests ran
        analysis = Analysis.of_model(question.model, question.sut, question.window)
    analysis = question.narrowed(analysis)
    history = analysis.history_of(test)
    if not history:
        raise LookupError(f"no run of {test} in that span of time")
    return test, analysis, history


def _verdicts(analysis: "Analysis", test: str) -> dict[str, Any]:
    """The answer of each question about one test; None where there is nothing to say."""

    def of(found: list[Any]) -> Any:
        return next((one for one in found if one.nodeid == test), None)

    others = analysis.other_branches()
    return {
        "failure_rate": of(analysis.failure_rates()),
        "broken": of(analysis.broken_tests()),
        "broken_elsewhere": [one.branch for one in others if test in one.broken],
        "good_elsewhere": [one.branch for one in others if test not in one.broken],
        "lost": of(analysis.gone_tests()),
        "flaky": [one for one in analysis.flaky_tests() if one.nodeid == test],
        "transitions": of(analysis.transition_scores()),
        "duration_shift": of(analysis.duration_shifts()),
        "order_suspects": [one for one in analysis.order_suspects() if one.nodeid == test],
    }


def _sentences(answer: dict[str, Any], history: "list[Occurrence]") -> list[str]:
    lines: list[str] = []
    rate, broken, shift, score = (answer[key] for key in ("failure_rate", "broken", "duration_shift", "transitions"))
    if rate is not None:
        limits = f"{percent(rate.rate.low)} to {percent(rate.rate.high)} with 95 % confidence"
        lines.append(f"fails in {percent(rate.rate.estimate)} of {counted(rate.considered, 'run')} ({limits})")
    if broken is not None:
        lines.append(f"{broken_text(broken)}, {when(broken.first_bad.started_us)}")
        if answer["good_elsewhere"]:
            lines.append(f"good on branch {', '.join(map(name, answer['good_elsewhere']))}")
    lines.extend(f"broken on branch {name(branch)}" for branch in answer["broken_elsewhere"])
    for flaky in answer["flaky"]:
        what = "sessions it passed after a retry" if flaky.rule == "retry" else "commits it passed and failed"
        proof = ", ".join(dict.fromkeys(name(one.session) for one in flaky.evidence[-5:]))
        lines.append(f"flaky ({flaky.rule}): in {flaky.count} of {flaky.considered} {what}; see {proof}")
        if flaky.recovered:
            lines.append(f"recovered: {counted(flaky.good_since, 'good run')} since {when(flaky.last_us)}")
    if score is not None:
        lines.append(
            f"changed between good and bad {counted(score.changes, 'time')} in {counted(score.considered, 'run')}"
        )
    if shift is not None:
        lines.append(f"duration changed from {seconds(shift.before_s)} to {seconds(shift.after_s)}")
    lines.extend(f"fails only after {name(one.after)} on the same worker" for one in answer["order_suspects"])
    return [*lines, *_counted_runs(answer, history, is_silent=not lines)]


def _counted_runs(answer: dict[str, Any], history: "list[Occurrence]", *, is_silent: bool) -> list[str]:
    """Return what every run says, whatever the rules made of it: a test that failed or was cut once is named so."""
    from ..projections.rules import BAD  # noqa: PLC0415 - commands import what they use

    bad = sum(one.verdict in BAD or any(outcome in BAD for outcome in one.outcomes) for one in history)
    cut = [one for one in history if one.position < 0 and one.verdict in ("crashed", "cut")]
    lines = [f"cut: running when session {name(one.session)} ended, {when(one.started_us)}" for one in cut[-3:]]
    if is_silent and not (lines or bad):
        lines.append("never failed")
    elif bad and answer["failure_rate"] is None:
        lines.append(f"failed in {bad} of {counted(len(history), 'run')}, in sessions that are no evidence of its own")
    if answer["lost"] is not None:
        lines.append(lost_text(answer["lost"]))
    return lines


def _last_cut(model: "ReadModel", history: "list[Occurrence]", nodeid: str) -> dict[str, str] | None:
    """Return what a test had written when it was cut last, by name; None if it never was, or had written nothing."""
    from ..eventlog.events import TestCut  # noqa: PLC0415 - commands import what they use
    from .session_notes import noted_events  # noqa: PLC0415

    last = next((one for one in reversed(history) if one.position < 0 and one.verdict in ("crashed", "cut")), None)
    row = model.session_of(last.stream) if last is not None else None
    for event in reversed(noted_events(model, row) if row is not None else []):
        if isinstance(event, TestCut) and event.nodeid == nodeid:
            texts = {
                "stacks": event.longreprtext,
                "stdout": event.capstdout,
                "stderr": event.capstderr,
                "log": event.caplog,
            }
            return {title: text for title, text in texts.items() if text}
    return None


def _last_failure(model: "ReadModel", history: "list[Occurrence]") -> str:
    from ..core.views.stored import finished_event  # noqa: PLC0415
    from ..projections.rules import BAD  # noqa: PLC0415

    last = next((one for one in reversed(history) if one.verdict in BAD and one.position >= 0), None)
    return finished_event(model, last.position).longreprtext if last is not None else ""
