"""The answers about one test, and their sentences."""

from typing import TYPE_CHECKING, Any

from ...arguments.history import find_test
from ...formatters.answers import broken_text, lost_text
from ...formatters.values import counted, name, percent, seconds, when

if TYPE_CHECKING:
    from ....api import Analysis
    from ....api.internal.answers import Occurrence
    from ....api.internal.history import History
    from ...arguments.history import Question


def ask_test(question: "Question", text: str, *, alone: bool = False) -> "tuple[str, Analysis, list[Occurrence]]":
    """Find the test that is meant, and its history.

    Args:
        question: where to look.
        text: the test.
        alone: other tests of its sessions are not needed.
    """
    from ....api import Analysis

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


def verdicts_of(analysis: "Analysis", test: str) -> dict[str, Any]:
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


def verdict_sentences(answer: dict[str, Any], history: "list[Occurrence]") -> list[str]:
    """Return the answers about a test as sentences."""
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
    from ....api.internal.logs import BAD

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


def last_cut(model: "History", history: "list[Occurrence]", nodeid: str) -> dict[str, str] | None:
    """Return what a test had written when it was cut last, by name; None if it never was, or had written nothing."""
    from ....api.internal.logs import TestCut
    from ...formatters.sessions.session_notes import noted_events

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


def last_failure(model: "History", history: "list[Occurrence]") -> str:
    """Return the text of the newest failure of a test; empty if it has none."""
    from ....api.internal.history import finished_event
    from ....api.internal.logs import BAD

    last = next((one for one in reversed(history) if one.verdict in BAD and one.position >= 0), None)
    return finished_event(model, last.position).longreprtext if last is not None else ""
