"""How answers are told: what is broken and since when, what an answer leaves out, what is lost."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .asking import name, when
from .common import counted

if TYPE_CHECKING:
    from ..core.analysis import Analysis, BranchState, Broken, FlakyTest, Summary
    from ..core.headline import CutTest, OutageNow
    from ..core.lost import LostTest
    from .asking import Question

_NAMED = 5


def subject_text(question: "Question", analysis: "Analysis") -> str:
    """Return what an answer speaks about: systems, branch, variants."""
    asked = analysis.asked
    suts = sorted({run.sut for run in asked})
    branches = sorted({run.branch for run in asked if run.branch})
    variants = {run.variant for run in asked if run.variant}
    from ..core.series import variant_text  # noqa: PLC0415 - commands import what they use

    parts = [question.sut or ", ".join(suts[:_NAMED]), ", ".join(branches[:_NAMED])]
    parts.append(variant_text(next(iter(variants))) if len(variants) == 1 else f"{len(variants)} variants")
    return "  ".join(name(part) for part in parts if part)


def headline_text(outage: "OutageNow | None", broken: "list[Broken]") -> str:
    """Return the sentence that an answer begins with."""
    if outage is not None:
        since = name(outage.since_commit[:9] or outage.since_session)
        good = f", last good {name(outage.good_commit[:9] or outage.good_session)}" if outage.good_session else ""
        row = f" ({counted(outage.sessions, 'session')})"
        message = f": {name(outage.message)}" if outage.message else ""
        return f"latest session: {outage.bad} of {outage.considered} fail since {since}{row}{good}{message}"
    known = [one for one in broken if one.last_good is not None]
    if known:
        newest = max(known, key=lambda one: one.first_bad.started_us)
        since = [one for one in known if one.first_bad.session == newest.first_bad.session]
        good = newest.last_good
        where = name((good.commit[:9] or good.session) if good is not None else "")
        verb = "fails that was" if len(since) == 1 else "fail that were"
        return f"{counted(len(since), 'test')} {verb} good at {where}"
    return f"{counted(len(broken), 'test')} broken, never good in this span" if broken else "nothing is broken"


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
    """Return where a test was cut."""
    return f"{name(one.nodeid)}  running when session {name(one.run.session)} was killed, {when(one.run.started_us)}"


def lost_text(one: "LostTest") -> str:
    """Return where a test ran last, since when it is gone, and what it may be called now."""
    gone = name(one.gone_commit[:9] or one.gone_session)
    renamed = f"; perhaps renamed to {' or '.join(map(name, one.renamed))}" if one.renamed else ""
    return f"last ran in {name(one.last_session)} at {when(one.last_us)}, gone since {gone}{renamed}"
