"""Broken tests: the newest conclusive run of a series is bad."""

from dataclasses import dataclass

from ...projections.rules import BAD
from ..history.series import series_of
from ..history.variants import Variant, differing_text
from ..history.verdicts.columns import Wanted
from ..history.verdicts.reading import many_objects
from ..history.verdicts.run import Run
from .evidence import Occurrence, conclusive_runs, runs_of_failed_tests


@dataclass(frozen=True)
class Broken:
    """A test that fails since a certain session."""

    nodeid: str
    failing_runs: int
    last_good: Occurrence | None
    """None if it never passed in the history that was looked at."""
    first_bad: Occurrence
    evidence: list[Occurrence]
    sut: str = ""
    branch: str = ""
    variants: tuple[str, ...] = ()
    """Variants in which it is broken; empty if it ran in one only, or is broken in all."""
    good_variants: int = 0
    """Variants in which it is good."""

    @property
    def commit_range(self) -> str:
        """The commits among which the culprit is, as git writes it: `good..bad`."""
        good = self.last_good.commit[:12] if self.last_good is not None else ""
        bad = self.first_bad.commit[:12]
        return f"{good or '?'}..{bad or '?'}" if good or bad else ""


@dataclass(frozen=True)
class BranchState:
    """A branch that an answer leaves out."""

    sut: str
    branch: str
    sessions: int
    broken: list[str]
    """Tests that are broken there."""


def in_order(runs: list[Run]) -> list[Run]:
    """Return sessions in order of their start."""
    return sorted(runs, key=lambda run: (run.started_us, run.stream))


@many_objects()
def broken_tests(runs: list[Run]) -> list[Broken]:
    """Tests whose last telling run in a series is bad, from the first of the unbroken row of bad ones there.

    Of a test that is broken in several variants of a branch, the earliest first bad run is told, and the variants.
    """
    grouped: dict[tuple[str, str], dict[Variant, list[Run]]] = {}
    for key, series in series_of(runs).items():
        grouped.setdefault((key.sut, key.branch), {})[key.variant] = series
    found = [one for (sut, branch), variants in grouped.items() for one in _broken_on_branch(sut, branch, variants)]
    return sorted(found, key=lambda one: (-one.first_bad.started_us, one.nodeid))


def _broken_on_branch(sut: str, branch: str, variants: dict[Variant, list[Run]]) -> list[Broken]:
    rows: dict[str, dict[Variant, Broken]] = {}
    for variant, series in variants.items():
        for nodeid, seen in runs_of_failed_tests(series).items():
            one = _broken_in_series(nodeid, conclusive_runs(seen))
            if one is not None:
                rows.setdefault(nodeid, {})[variant] = one
    if not rows:
        return []
    wanted = Wanted(set(rows))
    ran = {variant: {nodeid for run in series for nodeid in run.some(wanted)} for variant, series in variants.items()}
    found: list[Broken] = []
    for nodeid, broken in rows.items():
        good = [variant for variant, tests in ran.items() if nodeid in tests and variant not in broken]
        first = min(broken.values(), key=lambda one: one.first_bad.started_us)
        names = tuple(differing_text(variant, variants) for variant in sorted(broken)) if good else ()
        runs = sum(one.failing_runs for one in broken.values())
        proof = sorted((seen for one in broken.values() for seen in one.evidence), key=lambda seen: seen.started_us)
        found.append(
            Broken(
                nodeid,
                runs,
                first.last_good,
                first.first_bad,
                proof,
                sut=sut,
                branch=branch,
                variants=names,
                good_variants=len(good),
            )
        )
    return found


def _broken_in_series(nodeid: str, telling: list[Occurrence]) -> Broken | None:
    row = 0
    while row < len(telling) and telling[-1 - row].verdict in BAD:
        row += 1
    if not row:
        return None
    last_good = telling[-1 - row] if row < len(telling) else None
    return Broken(nodeid, row, last_good, telling[-row], telling[-row:])
