"""Compare two sets of sessions: what broke, what was mended, what is gone, what became slower.

A test's verdict on one side is that of the last session there that ran it. Durations are compared on all its passing
runs of each side, by a test on the distributions where there are enough of them. Both are compared in each variant that
both sides have.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ..projections.rules import BAD, GOOD
from .history.variants import differing_text
from .history.verdicts.reading import runs_of
from .history.verdicts.run import Run
from .questions.duration_changes import DurationChange, compare_durations

if TYPE_CHECKING:  # a command that has its read model open pays for none of these
    from .filters import Loads
    from .query import Query
    from .views.session import TestSession

RULES_VERSION = 4
"""Rises when the same two sides would differ in another way."""


LISTS = ("new_failures", "new_passes", "missing_tests", "new_tests", "newly_skipped", "slower_tests", "faster_tests")
"""Lists of a comparison that are differences, in the order in which they are shown."""


@dataclass(frozen=True)
class Change:
    """A test with its verdicts on both sides; None where it did not run."""

    nodeid: str
    before: str | None
    after: str | None
    base_session: str = ""
    """Name of the session with the verdict."""
    target_session: str = ""
    variant: str = ""
    """In which it changed so, of the variants that both sides have; empty if they have one."""


@dataclass(frozen=True)
class ComparisonResult:
    """Differences between two sets of sessions. Lists are sorted by node id, those of durations by the change."""

    base: str
    target: str
    base_sessions: list[str]
    target_sessions: list[str]
    new_failures: list[Change]
    """Good before, bad now."""
    new_passes: list[Change]
    """Bad before, good now."""
    still_failing: list[Change]
    missing_tests: list[Change]
    """Ran before, does not any more, though the target was told to run it: lost, renamed or removed."""
    new_tests: list[Change]
    newly_skipped: list[Change]
    outcome_changes: list[Change]
    """Every test whose verdict differs."""
    slower_tests: list[DurationChange]
    faster_tests: list[DurationChange]
    not_selected: list[Change] = field(default_factory=list[Change])
    """Ran on one side only, and the other was not told to run them, or ended before them: no difference."""

    def has_changes(self) -> bool:
        """Return whether anything differs."""
        return any(getattr(self, name) for name in (*LISTS, "outcome_changes"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        lists: dict[str, list[dict[str, Any]]] = {
            name: [vars(item) for item in getattr(self, name)]
            for name in (*LISTS, "still_failing", "outcome_changes", "not_selected")
        }
        for name in ("slower_tests", "faster_tests"):
            lists[name] = [asdict(item) for item in getattr(self, name)]
        sessions = {"base_sessions": self.base_sessions, "target_sessions": self.target_sessions}
        return {"base": self.base, "target": self.target, **sessions, **lists}

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {len(getattr(self, name))}" for name in (*LISTS, "still_failing"))
        return f"<ComparisonResult {self.base} -> {self.target}: {counts}>"

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415 - only in notebooks

        rows = "".join(
            f"<tr><th>{name.replace('_', ' ')}</th><td>{len(getattr(self, name))}</td><td>"
            + "<br>".join(escape(item.nodeid) for item in getattr(self, name)[:20])
            + "</td></tr>"
            for name in (*LISTS, "still_failing")
        )
        return f"<table><caption>{escape(self.base)} &rarr; {escape(self.target)}</caption>{rows}</table>"


class Comparison:
    """A comparison to be set up and executed.

        compare().between_suts("shop", "shop-next").apply_to_both(lambda q: q.in_last_days(7)).execute()

    Args:
        storage: where both sides are; None for that of the profile.
        profile_name: which profile; None for the active one.
    """

    def __init__(self, storage: "Loads | None" = None, profile_name: str | None = None) -> None:
        from .query import Query  # noqa: PLC0415 - as above

        self._base = Query(storage, profile_name)
        self._target = Query(storage, profile_name)
        self._names = ["base", "target"]
        self._given: tuple[list[TestSession], list[TestSession]] | None = None

    def between_suts(self, base: str, target: str) -> Self:
        """Compare two systems under test."""
        self._base.for_sut(base)
        self._target.for_sut(target)
        return self._name_sides(base, target)

    def with_profiles(self, base: str, target: str) -> Self:
        """Compare two profiles."""
        self._base.with_profile(base)
        self._target.with_profile(target)
        return self._name_sides(base, target)

    def between_sessions(self, base: "str | TestSession", target: "str | TestSession") -> Self:
        """Compare two sessions, given as they are or by their ids."""
        sides = [self._session(one) if isinstance(one, str) else one for one in (base, target)]
        self._given = [sides[0]], [sides[1]]
        return self._name_sides(sides[0].session_id, sides[1].session_id)

    def between_periods(self, base: tuple[datetime, datetime], target: tuple[datetime, datetime]) -> Self:
        """Compare two spans of time, both ends inclusive."""
        self._base.between(*base)
        self._target.between(*target)
        return self._name_sides(*(f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}" for start, end in (base, target)))

    def between_commits(self, base: str, target: str) -> Self:
        """Compare two commits, given by the beginnings of their hashes."""
        self._base.with_commit(base)
        self._target.with_commit(target)
        return self._name_sides(base, target)

    def apply_to_both(self, narrow: "Callable[[Query], object]") -> Self:
        """Narrow both sides in the same way, for instance `lambda q: q.for_sut("shop").in_last_days(7)`."""
        narrow(self._base)
        narrow(self._target)
        return self

    def execute(
        self, base: "Iterable[TestSession] | None" = None, target: "Iterable[TestSession] | None" = None
    ) -> ComparisonResult:
        """Return what differs.

        Args:
            base, target: sessions to compare; None for those that were set up.
        """
        given = self._given or (None, None)
        sides = [
            list(sessions) if sessions is not None else list(query.execute(found))
            for sessions, query, found in ((base, self._base, given[0]), (target, self._target, given[1]))
        ]
        return compare_runs(runs_of(sides[0]), runs_of(sides[1]), *self._names)

    def _session(self, session_id: str) -> "TestSession":
        found = next((one for one in self._base.execute() if one.session_id == session_id), None)
        if found is None:
            raise LookupError(f"no session {session_id!r}")
        return found

    def _name_sides(self, base: str, target: str) -> Self:
        self._names = [base, target]
        return self


def compare_runs(
    base: list[Run], target: list[Run], base_name: str = "base", target_name: str = "target"
) -> ComparisonResult:
    """Compare two lists of runs, each in order of time, in each variant that both sides have.

    A test that is always bad in one variant and always good in another has not changed, whichever ran last.
    """
    parts = _by_variant(base, target)
    base = [run for part in parts for run in part.base]
    target = [run for part in parts for run in part.target]
    modules = {module for run in (*base, *target) for module in run.uncollected}
    changes = _changes(parts, modules)
    slower, faster = _duration_changes(parts)
    both = [change for change in changes if change.before is not None and change.after is not None]
    silent = {c.nodeid for c in changes if c.after is None and not _says_about(target, base, c.nodeid)}
    silent |= {c.nodeid for c in changes if c.before is None and not _says_about(base, target, c.nodeid)}
    return ComparisonResult(
        base=base_name,
        target=target_name,
        base_sessions=[run.name for run in base],
        target_sessions=[run.name for run in target],
        new_failures=[c for c in changes if c.before not in BAD and c.after in BAD and c.before is not None],
        new_passes=[c for c in both if c.before in BAD and c.after in GOOD],
        still_failing=[c for c in both if c.before in BAD and c.after in BAD],
        missing_tests=[c for c in changes if c.after is None and c.nodeid not in silent],
        new_tests=[c for c in changes if c.before is None and c.nodeid not in silent],
        newly_skipped=[c for c in both if c.before != "skipped" and c.after == "skipped"],
        outcome_changes=[c for c in both if c.before != c.after],
        slower_tests=slower,
        faster_tests=faster,
        not_selected=[c for c in changes if c.nodeid in silent],
    )


def _says_about(runs: list[Run], others: list[Run], nodeid: str) -> bool:
    """Return whether the absence of a test from some sessions means that it is not there any more, or not yet.

    It does if one of them would have run it, or was told the same as one of the other side that did. A session that
    could not collect a module says nothing about what it did not run: pytest stops after such an error.
    """
    return any(
        run.selected.covers(nodeid)
        or any(run.selected.is_like(other.selected) for other in others if nodeid in other.tests)
        for run in runs
        if not run.uncollected
    )


class _Part(NamedTuple):
    """The runs of both sides in one variant."""

    variant: str
    base: list[Run]
    target: list[Run]


def _by_variant(base: list[Run], target: list[Run]) -> list[_Part]:
    """Return the runs of both sides by the variants that both have; all as one part if they have none in common."""
    common = sorted({run.variant for run in base} & {run.variant for run in target})
    if not common:
        return [_Part("", base, target)]
    return [
        _Part(
            differing_text(variant, common) if len(common) > 1 else "",
            [run for run in base if run.variant == variant],
            [run for run in target if run.variant == variant],
        )
        for variant in common
    ]


def _changes(parts: list[_Part], modules: set[str]) -> list[Change]:
    """Return one change of each test, in order of node id: that of the variant in which most happened.

    In a single variant, tests that were and are good in the same way are left out.
    """
    found: dict[str, list[Change]] = {}
    for variant, base, target in parts:
        before, after = _last(base, modules), _last(target, modules)
        if len(parts) == 1:
            return [_change(nodeid, before, after, variant) for nodeid in sorted(_restless(before, after))]
        for nodeid in before.keys() | after.keys():
            found.setdefault(nodeid, []).append(_change(nodeid, before, after, variant))
    return [_most_telling(found[nodeid]) for nodeid in sorted(found)]


def _restless(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> set[str]:
    """Return the tests that are on one side only, are bad on any, or changed."""
    found = before.keys() ^ after.keys()
    for nodeid in before.keys() & after.keys():
        old, new = before[nodeid][0], after[nodeid][0]
        if old != new or old in BAD:
            found.add(nodeid)
    return found


def _most_telling(changes: list[Change]) -> Change:
    """Return the change that says most; of a test that no variant has on both sides, its verdicts across variants."""
    both = [change for change in changes if change.before is not None and change.after is not None]
    if both or len(changes) == 1:
        return max(both or changes, key=_weight)
    before = next((change for change in changes if change.before is not None), None)
    after = next((change for change in changes if change.after is not None), None)
    if before is None or after is None:
        return replace(changes[0], variant="")
    return replace(before, after=after.after, target_session=after.target_session, variant="")


def _weight(change: Change) -> int:
    """Return how much a change says: a new failure most, then one that goes on, one that is mended, any other."""
    if change.after in BAD:
        return 3 if change.before in BAD else 4
    if change.before in BAD and change.after in GOOD:
        return 2
    return int(change.before != change.after)


def _duration_changes(parts: list[_Part]) -> tuple[list[DurationChange], list[DurationChange]]:
    """Return the tests that became slower, and faster, each in the variant in which it changed most."""
    if len(parts) == 1:
        return compare_durations(_passing(parts[0].base), _passing(parts[0].target))
    before: dict[str, list[float]] = {}
    after: dict[str, list[float]] = {}
    for number, part in enumerate(parts):
        before |= {f"{number} {nodeid}": seconds for nodeid, seconds in _passing(part.base).items()}
        after |= {f"{number} {nodeid}": seconds for nodeid, seconds in _passing(part.target).items()}
    slower, faster = compare_durations(before, after)
    return _of_tests(slower), _of_tests(faster)


def _of_tests(changes: list[DurationChange]) -> list[DurationChange]:
    """Return the first change of each test, under the test's own name."""
    found: dict[str, DurationChange] = {}
    for change in changes:
        nodeid = change.nodeid.partition(" ")[2]
        found.setdefault(nodeid, replace(change, nodeid=nodeid))
    return list(found.values())


def _last(runs: list[Run], modules: set[str]) -> dict[str, tuple[str, str]]:
    """Verdict of each test in the last run that has it, with the name of that run.

    Args:
        runs: in order of time.
        modules: modules that a session of either side could not collect; they are bad there, and good where their
            tests ran.
    """
    found: dict[str, tuple[str, str]] = {}
    for run in runs:
        name = run.name
        found |= {nodeid: (verdict, name) for nodeid, verdict in run.last_verdicts().items()}
    for run in runs if modules else ():
        for module in modules:
            if module in run.uncollected:
                found[module] = ("error", run.name)
            elif any(nodeid.startswith((f"{module}::", f"{module}/")) for nodeid in run.tests):
                found[module] = ("passed", run.name)
    return found


def _change(nodeid: str, before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]], variant: str) -> Change:
    old, new = before.get(nodeid, (None, "")), after.get(nodeid, (None, ""))
    return Change(nodeid, old[0], new[0], old[1], new[1], variant)


def _passing(runs: list[Run]) -> dict[str, list[float]]:
    """Seconds of the passing runs of each test."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for nodeid, duration_us in run.passing_durations().items():
            found.setdefault(nodeid, []).append(duration_us / 1e6)
    return found
