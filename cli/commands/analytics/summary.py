"""The answer of `insight analytics summary`, as data and as text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...formatters.answers import (
    about_data,
    branch_line,
    broken_text,
    cut_text,
    flaky_lines,
    headline_text,
    lost_text,
    outage_lines,
    subject_text,
)
from ...formatters.columns import STRIP_RUNS
from ...formatters.drawings import bar, spark
from ...formatters.strips import strip_line
from ...formatters.values import counted, name, percent, seconds, when
from ...terminal.screen import console
from ...terminal.words import Line

if TYPE_CHECKING:
    from ....api.internal.answers import Broken, Slow
    from ....api.internal.history import Run
    from ...arguments.history import Question

SHOWN = 20


_BARS = 60


def summary_of(question: "Question") -> dict[str, Any]:
    """Return the parts of the summary, by the names that they have in JSON."""
    analysis = question.analysis
    gone, outage, flaky = analysis.gone_tests(), analysis.outage_now(), analysis.flaky_tests()
    moved = {one.nodeid for one in gone if one.moved_to}
    broken = [one for one in analysis.broken_tests() if one.nodeid not in moved]
    return {
        "figures": analysis.summary(),
        "subject": subject_text(question, analysis),
        "about": about_data(analysis.asked),
        "headline": headline_text(question.model, analysis, outage, broken),
        "outage_now": outage,
        "broken": broken,
        "flaky": flaky,
        "most_expensive": analysis.most_expensive_tests(5),
        "daily": daily_rates(analysis.considered),
        "cut": analysis.cut_tests(),
        "lost": [one for one in gone if not one.moved_to],
        "moved": [one for one in gone if one.moved_to],
        "other_branches": analysis.other_branches(),
    }


def drawings_of(question: "Question", answer: dict[str, Any]) -> dict[str, Any]:
    """Return what only the text of the summary has: strips of the broken tests, and lines of the flaky ones."""
    from ....api.internal.answers import strips_of

    analysis = question.analysis
    shown = {one.nodeid: (one.nodeid,) for one in answer["broken"][:SHOWN]}
    return {
        "strips": strips_of(analysis.asked, shown, STRIP_RUNS),
        "flaky_lines": flaky_lines(analysis, answer["flaky"]),
    }


def print_summary(answer: dict[str, Any]) -> None:
    """Print the summary for people."""
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
    out.print(days_line(answer["daily"]))
    out.print(f"all good  {counted(figures.sessions_all_good, 'session')}; {figures.interrupted} were interrupted")
    for line in outage_lines(figures):
        out.print(line, style="yellow", soft_wrap=True)
    out.print("verdicts  " + ", ".join(f"{count} {verdict}" for verdict, count in figures.verdicts.items()))
    print_section("broken now", [broken_line(one, answer["strips"]) for one in answer["broken"]])
    print_section("cut", [cut_text(one) for one in answer["cut"]])
    print_section("flaky", answer["flaky_lines"])
    for what in ("lost", "moved"):
        print_section(what, [f"{name(one.nodeid)}  {lost_text(one)}" for one in answer[what]])
    costs = answer["most_expensive"]
    print_section("most expensive", list(map(_cost_text, costs)))


def _cost_text(one: "Slow") -> str:
    """Return what a test costs; its longest run by phase, if not all of it was the test itself."""
    text = f"{name(one.nodeid)}  {seconds(one.total_s)} in {counted(one.runs, 'run')}"
    longest = one.longest
    if longest is None or longest.setup_s + longest.teardown_s < longest.call_s:
        return text
    phases = {"set-up": longest.setup_s, "call": longest.call_s, "teardown": longest.teardown_s}
    shown = ", ".join(f"{phase} {seconds(taken_s)}" for phase, taken_s in phases.items())
    return f"{text}; longest: {shown} in session {name(longest.session)}"


def broken_line(one: "Broken", strips: dict[str, tuple[str, ...]]) -> Line:
    """Return a broken test with the strip of its last runs."""
    line = strip_line(strips.get(one.nodeid, ()), width=STRIP_RUNS)
    line.append(f"  {name(one.nodeid)}  {broken_text(one)}")
    return line


def daily_rates(runs: "list[Run]") -> list[tuple[str, float]]:
    """Pass rate by local day, for days that have tests that passed or failed."""
    days: dict[str, list[int]] = {}
    for run in runs:
        totals = days.setdefault(when(run.started_us)[:10], [0, 0])
        totals[0] += run.considered - run.bad
        totals[1] += run.considered
    return [(day, good / total) for day, (good, total) in sorted(days.items()) if total]


def days_line(daily: list[tuple[str, float]]) -> str:
    """A sparkline of the pass rates; of many days, several share a bar, which is their mean."""
    each = max(-(-len(daily) // _BARS), 1)
    shares = [share for _, share in daily]
    groups = [shares[start : start + each] for start in range(0, len(shares), each)]
    bars = [sum(group) / len(group) for group in groups]
    return f"{'by day' if each == 1 else f'{each} days'.ljust(6)}    {spark(bars)}"


def print_section(title: str, lines: "Sequence[str | Line]", *, always: bool = False) -> None:
    """Print a heading with the number of lines below it, and the first of them."""
    if not lines and not always:
        return
    out = console()
    out.print(f"{title}: {len(lines)}", style="bold")
    for line in lines[:SHOWN]:
        out.print("    ", end="")
        out.print(line, soft_wrap=True)
    if len(lines) > SHOWN:
        out.print(f"    ... and {len(lines) - SHOWN} more; --json shows all")
