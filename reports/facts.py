"""Sentences about single tests, for the page of a test: what the answers of the report say about it."""

from typing import TYPE_CHECKING

from .texts import counted, percent, seconds, short_hash

if TYPE_CHECKING:
    from .answers import Answers

Facts = dict[str, list[str]]


def facts_of(answers: "Answers") -> Facts:
    """Return sentences by node id, the most important first."""
    facts: Facts = {}
    for add in (_add_broken, _add_cut, _add_flaky, _add_slower, _add_lost, _add_together):
        add(answers, facts)
    return facts


def _add_broken(answers: "Answers", facts: Facts) -> None:
    for group in answers.overview.groups:
        since = short_hash(group.commit) or f"session {group.session}"
        good = short_hash(group.good_commit) or (f"session {group.good_session}" if group.good_session else "")
        last = f", last good at {good}" if good else ", never good in this span"
        for row in group.rows:
            where = f" on {', '.join(row.variants)}" if row.variants else ""
            for nodeid in row.nodeids:
                note = "" if row.note[:1].isdigit() else f"{row.note}, "
                runs = counted(row.failing_runs, "failing run")
                facts.setdefault(nodeid, []).append(f"Broken{where} since {since}{last}; {note}{runs}.")


def _add_cut(answers: "Answers", facts: Facts) -> None:
    for row in answers.overview.cut:
        ran = f" for at least {seconds(row.ran_s)}" if row.ran_s else ""
        facts.setdefault(row.nodeid, []).append(f"Was running{ran} when session {row.session} was killed.")


def _add_flaky(answers: "Answers", facts: Facts) -> None:
    for line in answers.flaky:
        one = line.flaky
        what = "commits that have several runs" if one.rule == "same-source" else "sessions"
        pair = f" Good in {line.good.session}, bad in {line.bad.session}." if line.good and line.bad else ""
        state = f"Recovered: {counted(one.good_since, 'good run')} since it was flaky" if one.recovered else "Flaky"
        told = f"{state} by rule {one.rule}: on {one.count} of {one.considered} {what}.{pair}"
        facts.setdefault(one.nodeid, []).append(told)


def _add_slower(answers: "Answers", facts: Facts) -> None:
    for row in answers.overview.slower:
        runs = f"{row.samples[0]} and {row.samples[1]} runs"
        sure = "" if row.confirmed else ", unconfirmed"
        told = f"Slower: {seconds(row.before_s)} before, {seconds(row.after_s)} now ({runs}{sure})."
        facts.setdefault(row.nodeid, []).append(told)


def _add_lost(answers: "Answers", facts: Facts) -> None:
    for row in answers.overview.lost:
        gone = short_hash(row.gone_commit) or f"session {row.gone_session}"
        named = f" Perhaps renamed to {' or '.join(row.renamed)}." if row.renamed else ""
        facts.setdefault(row.nodeid, []).append(f"Gone since {gone}; ran last in session {row.last_session}.{named}")
    for row in answers.overview.moved:
        facts.setdefault(row.nodeid, []).append(f"Renamed to {row.moved_to}.")


def _add_together(answers: "Answers", facts: Facts) -> None:
    for group in answers.together:
        for nodeid in group.tests:
            others = [each for each in group.tests if each != nodeid]
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""  # noqa: PLR2004 - a few
            told = f"Fails together with {', '.join(others[:3])}{more} (overlap {percent(group.jaccard)})."
            facts.setdefault(nodeid, []).append(told)
