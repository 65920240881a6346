"""Broken tests in groups: one for each pair of first bad and last good commit, cases of a test in one row."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ...eventlog.times import format_time
from ...projections.rules import BAD
from ..history.variants import variant_text
from ..questions.clusters import CUT, collection_messages, message_of
from .cases import Cases, by_test
from .data import BrokenGroup, BrokenRow
from .strips import strips_of

if TYPE_CHECKING:
    from ..history.history import History
    from ..history.verdicts.run import Run
    from ..questions.broken import Broken
    from ..questions.flaky import FlakyTest

RULES_VERSION = 1
"""Rises when the same tests would be grouped, or noted, in another way."""

STRIP_RUNS = 24
"""Runs in a strip of the first screen."""
_DIED = "the worker process died"


def count_broken(broken: "Iterable[Broken]") -> int:
    """Return how many tests and modules are broken; one that is broken on several branches counts once."""
    return len({one.nodeid for one in broken})


def broken_groups(
    model: "History",
    runs: "Sequence[Run]",
    broken: "Sequence[Broken]",
    flaky: "Sequence[FlakyTest]",
    *,
    gone: Collection[str] = (),
    rows: int | None = None,
    strip_runs: int = STRIP_RUNS,
) -> list[BrokenGroup]:
    """Return broken tests in groups, the newest first.

    Args:
        model: where the sessions are stored.
        runs: the sessions, in order of time.
        broken: the tests.
        flaky: tests that are, or were, flaky, with their evidence.
        gone: tests that no whole session has any more.
        rows: how many rows of a group get their strip and message; None for all.
        strip_runs: how many runs a strip has.
    """
    grouped: dict[tuple[str, str], list[Broken]] = {}
    for one in broken:
        grouped.setdefault(_key(one), []).append(one)
    notes = dict.fromkeys(_flaky_before(broken, flaky), "was flaky") | dict.fromkeys(gone, "gone")
    found = [_group(model, runs, members, notes, rows, strip_runs) for members in grouped.values()]
    return sorted(found, key=lambda group: (group.started_at, group.tests), reverse=True)


def _flaky_before(broken: "Sequence[Broken]", flaky: "Sequence[FlakyTest]") -> set[str]:
    """Return the broken tests that were flaky before they broke; the break itself is no evidence of that."""
    since = {one.nodeid: one.first_bad.started_us for one in broken}
    return {
        one.nodeid
        for one in flaky
        for seen in one.evidence
        if seen.started_us < since.get(one.nodeid, 0) and (one.rule == "retry" or seen.verdict in BAD)
    }


def _key(one: "Broken") -> tuple[str, str]:
    """Return the first bad and the last good commit, or the sessions if the commits are not known."""
    good = one.last_good
    return one.first_bad.commit or one.first_bad.session, (good.commit or good.session) if good is not None else ""


def _group(
    model: "History",
    runs: "Sequence[Run]",
    members: "list[Broken]",
    notes: dict[str, str],
    rows: int | None,
    strip_runs: int,
) -> BrokenGroup:
    first = min(members, key=lambda one: one.first_bad.started_us)
    good = max((one.last_good for one in members if one.last_good is not None), default=None, key=_start_of)
    of_node = {one.nodeid: one for one in members}
    cases = by_test(sorted(of_node))
    told = cases[:rows]
    strips = _strips(runs, [(case, of_node[case.nodeids[0]]) for case in told], strip_runs)
    messages = _messages(model, [of_node[case.nodeids[0]] for case in told])
    return BrokenGroup(
        commit=first.first_bad.commit,
        session=first.first_bad.session,
        started_at=format_time(first.first_bad.started_us),
        good_commit=good.commit if good is not None else "",
        good_session=good.session if good is not None else "",
        sessions=sum(run.started_us >= first.first_bad.started_us and run.has_tests for run in runs),
        tests=len(members),
        rows=[_row(case, of_node, notes, strips, messages) for case in cases],
    )


def _start_of(seen: object) -> int:
    return seen.started_us  # type: ignore[attr-defined]


def _row(
    case: Cases,
    of_node: "dict[str, Broken]",
    notes: dict[str, str],
    strips: dict[str, tuple[str, ...]],
    messages: dict[str, str],
) -> BrokenRow:
    members = [of_node[nodeid] for nodeid in case.nodeids]
    first = members[0]
    return BrokenRow(
        nodeid=case.label,
        nodeids=list(case.nodeids),
        verdict=first.evidence[-1].verdict,
        note=note_of(first, next((notes[nodeid] for nodeid in case.nodeids if nodeid in notes), "")),
        failing_runs=max(one.failing_runs for one in members),
        variants=list(first.variants),
        strip=list(strips.get(case.label, ())),
        message=messages.get(first.nodeid, ""),
    )


def note_of(one: "Broken", known: str = "") -> str:
    """Return a word about a broken test that tells more than its strip.

    | what is known | note |
    |---|---|
    | a module that could not be collected | uncollected |
    | it was running when its session or worker ended | cut |
    | no whole session has it any more | gone |
    | there is evidence from before it broke that it is flaky | was flaky |
    | it has no good run in the span | never good |
    | it is bad in one session | new |
    | else | N runs |
    """
    newest = one.evidence[-1]
    if "::" not in one.nodeid and newest.verdict == "error" and newest.position < 0:
        return "uncollected"
    if newest.verdict == "crashed":
        return "cut"
    if known:
        return known
    if one.last_good is None:
        return "never good"
    return "new" if one.failing_runs == 1 else f"{one.failing_runs} runs"


def _strips(runs: "Sequence[Run]", told: "list[tuple[Cases, Broken]]", count: int) -> dict[str, tuple[str, ...]]:
    """Return the last runs of each row; of a test that is broken on some variants, its runs on the first of them."""
    by_variant: dict[str, dict[str, tuple[str, ...]]] = {}
    for case, one in told:
        variant = one.first_bad.variant if one.variants else ""
        by_variant.setdefault(variant, {})[case.label] = case.nodeids
    found: dict[str, tuple[str, ...]] = {}
    for variant, rows in by_variant.items():
        fits = [run for run in runs if not variant or variant_text(run.variant) == variant]
        found |= strips_of(fits, rows, count)
    return found


def _messages(model: "History", told: "list[Broken]") -> dict[str, str]:
    """Return what the newest failure of each test says."""
    newest = {one.nodeid: one.evidence[-1] for one in told}
    places = {nodeid: seen.position for nodeid, seen in newest.items() if seen.position >= 0}
    events = model.finished_at(list(places.values())) if places else []
    found = {
        nodeid: _DIED if newest[nodeid].verdict == "crashed" else message_of(event.longreprtext, event.cause)
        for nodeid, event in zip(places, events, strict=True)
    }
    modules: dict[tuple[str, str], str] = {}
    for nodeid, seen in newest.items():
        if seen.position >= 0:
            continue
        if seen.verdict == "crashed":
            found[nodeid] = CUT
        elif seen.stream:
            if not any(stream == seen.stream for stream, _ in modules):
                modules |= collection_messages(model, seen.stream)
            found[nodeid] = modules.get((seen.stream, nodeid), "")
    return found
