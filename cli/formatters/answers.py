"""Sentences of answers: what is broken and since when, what an answer leaves out, what is lost."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from ...api.internal.logs import parse_time
from .values import counted, name, seconds, when

if TYPE_CHECKING:
    from ...api import Analysis
    from ...api.internal.answers import (
        AboutAnswer,
        BranchState,
        Broken,
        CutTest,
        DurationChange,
        FlakyTest,
        LostTest,
        OutageNow,
        Summary,
    )
    from ...api.internal.history import History, Run
    from ..arguments.history import Question

_NAMED = 5


def subject_text(question: "Question", analysis: "Analysis") -> str:
    """Return what an answer speaks about: systems, branch, variants."""
    asked = analysis.asked
    suts = sorted({run.sut for run in asked})
    branches = sorted({run.branch for run in asked if run.branch})
    variants = {run.variant for run in asked if run.variant}
    from ...api.internal.history import variant_text

    parts = [question.sut or ", ".join(suts[:_NAMED]), ", ".join(branches[:_NAMED])]
    parts.append(variant_text(next(iter(variants))) if len(variants) == 1 else f"{len(variants)} variants")
    return "  ".join(name(part) for part in parts if part)


def about_line(runs: "Sequence[Run]") -> str:
    """Return the sessions that an answer speaks about: systems, branches, variants, how many there are, from when."""
    from ...api.internal.answers import about_runs

    return about_text(about_runs(runs))


def about_text(about: "AboutAnswer") -> str:
    """Return what an answer speaks about in one line."""
    names = [", ".join(shown[:_NAMED]) for shown in (about.suts, about.branches)]
    variants = about.variants[0] if len(about.variants) == 1 else f"{len(about.variants)} variants"
    days = [when(parse_time(at))[:10] for at in (about.first_at, about.last_at) if at]
    span = " to ".join(dict.fromkeys(days))
    parts = [*names, variants if about.variants else "", f"{counted(about.sessions, 'session')}, {span}".rstrip(", ")]
    return "  ".join(name(part) for part in parts if part)


def about_data(runs: "Sequence[Run]") -> dict[str, Any]:
    """Return the sessions that an answer speaks about as `--json` prints them."""
    import msgspec

    from ...api.internal.answers import about_runs

    return cast("dict[str, Any]", msgspec.to_builtins(about_runs(runs)))


def headline_text(model: "History", analysis: "Analysis", outage: "OutageNow | None", broken: "list[Broken]") -> str:
    """Return the sentence that an answer begins with; that of `insight` without a command is the same."""
    from ...api.internal.answers import headline_of, newest_of, sentences_of
    from ...api.internal.history import WHOLE

    runs = analysis.asked
    told = headline_of(newest_of(model, runs), outage, broken) if runs else sentences_of(None, WHOLE, outage, broken)
    return name("; ".join(told))


def broken_text(one: "Broken") -> str:
    """Return since when a test is broken, and in which variants if it is good in others."""
    where = f" on {' and '.join(map(name, one.variants))}" if one.variants else ""
    good = f", last good {name(one.last_good.session)}" if one.last_good is not None else ", never good before"
    others = f"; good on {counted(one.good_variants, 'other variant')}" if one.good_variants else ""
    runs = f"{counted(one.failing_runs, 'run')} {name(one.commit_range)}"
    since = f"since session {name(one.first_bad.session)}{good}, {runs}"
    return f"broken{where} {since}{others}".replace("  ", " ")


def flaky_text(one: "FlakyTest") -> str:
    """Return how often a test was flaky, by which rule, and whether that is over."""
    text = f"{one.rule}, {one.count} of {one.considered}, last {name(one.evidence[-1].session)}"
    return f"{text}; recovered, {counted(one.good_since, 'good run')} since" if one.recovered else text


def flaky_lines(analysis: "Analysis", flaky: "list[FlakyTest]") -> list[str]:
    """Return a line for each flaky test; cases of one parametrised test are told in one."""
    from ...api.internal.answers import by_test, count_cases

    groups = by_test(one.nodeid for one in flaky)
    several = [group.test for group in groups if len(group.nodeids) > 1]
    whole = next((run for run in reversed(analysis.asked) if run.selected.is_whole), None)
    totals = count_cases(several, whole.tests) if several and whole is not None else {}
    of_node: dict[str, list[FlakyTest]] = {}
    for one in flaky:
        of_node.setdefault(one.nodeid, []).append(one)
    lines: list[str] = []
    for group in groups:
        found = [one for nodeid in group.nodeids for one in of_node[nodeid]]
        if len(group.nodeids) == 1:
            lines.extend(f"{name(one.nodeid)}  {flaky_text(one)}" for one in found)
            continue
        most = max(found, key=lambda one: one.count)
        cases = f"{len(group.nodeids)} of {max(totals.get(group.test, 0), len(group.nodeids))} cases"
        lines.append(f"{name(group.test)}  {cases}; {name(most.nodeid[len(group.test) :])}: {flaky_text(most)}")
    return lines


def branch_line(branches: "list[BranchState]") -> str:
    """Return in one line what an answer leaves out; empty if nothing."""
    parts: list[str] = []
    for one in branches[:_NAMED]:
        tests = ", ".join(map(name, one.broken[:3])) + (", ..." if len(one.broken) > 3 else "")  # noqa: PLR2004 - a few
        broken = f"{len(one.broken)} broken: {tests}" if one.broken else "nothing broken"
        parts.append(f"{name(one.branch or 'no branch')} ({counted(one.sessions, 'session')}, {broken})")
    more = f"; and {len(branches) - _NAMED} more" if len(branches) > _NAMED else ""
    return f"other branches: {'; '.join(parts)}{more}" if parts else ""


def outage_lines(figures: "Summary") -> Iterator[str]:
    """Yield a line for the sessions in which nearly everything failed: those that count, and those set aside."""
    aside = set(figures.set_aside)
    for sessions, what in (
        ([session for session in figures.outages if session not in aside], "counted, as the tests may be broken"),
        (list(figures.set_aside), "counted as failures, but set aside for rates, flaky and transitions"),
    ):
        if sessions:
            shown = ", ".join(map(name, sessions[-_NAMED:]))
            more = f" and {len(sessions) - _NAMED} more" if len(sessions) > _NAMED else ""
            yield f"outages   {shown}{more}: nearly everything failed; {what}"


def cut_text(one: "CutTest") -> str:
    """Return where a test was cut, and after how long."""
    ran = f"for at least {seconds(one.ran_s)}" if one.ran_s else "unknown how long"
    session = f"session {name(one.run.session)} was killed, {when(one.run.started_us)}"
    return f"{name(one.nodeid)}  running when {session}; {ran}"


def slower_text(one: "DurationChange") -> str:
    """Return by how much a test became slower, by how many runs, and what of it is set-up."""
    runs = f"{one.samples[0]} and {one.samples[1]} runs"
    told = f"{seconds(one.before_s)} -> {seconds(one.after_s)} ({runs}{'' if one.confirmed else ', unconfirmed'})"
    if one.phases is None or not one.phases.in_setup:
        return told
    from .phase_words import phases_text

    return f"{told}: {phases_text(one.phases)}"


def lost_text(one: "LostTest") -> str:
    """Return where a test ran last, since when it is gone, and what it may be called now."""
    if one.moved_to:
        return f"renamed to {name(one.moved_to)} in {name(one.gone_commit[:9])}, as git says"
    gone = name(one.gone_commit[:9] or one.gone_session)
    renamed = f"; perhaps renamed to {' or '.join(map(name, one.renamed))}" if one.renamed else ""
    return f"last ran in {name(one.last_session)} at {when(one.last_us)}, gone since {gone}{renamed}"
