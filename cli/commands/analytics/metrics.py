"""Questions by name, and the drawing of the tests that failed most."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...formatters.answers import (
    broken_text,
    cut_text,
    flaky_text,
    lost_text,
    slower_text,
)
from ...formatters.strips import legend, strip, words_of
from ...formatters.values import counted, name, percent, seconds
from ...terminal.screen import console

if TYPE_CHECKING:
    from ....api import Analysis
    from ...arguments.history import Question


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
