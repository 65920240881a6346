"""The comparison of two sessions, as `insight session compare` makes it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...core.compare import ComparisonResult, compare_runs
from ...core.history.verdicts.reading import run_of_row
from ...core.naming.newest import NewestRows
from ...core.naming.sides import Chooser
from ...core.questions.setups import with_phases

if TYPE_CHECKING:
    from ...core.history.history import History

SHOWN = 50
"""Tests of one list."""
LISTS = {
    "new_failures": "New failures",
    "new_passes": "Fixed",
    "still_failing": "Still failing",
    "missing_tests": "Lost",
    "new_tests": "New tests",
    "newly_skipped": "Newly skipped",
    "slower_tests": "Slower",
    "faster_tests": "Faster",
    "not_selected": "Not run by both, as one was not told to",
}
"""Lists of a comparison with their titles."""


@dataclass(frozen=True)
class Compared:
    """Two sessions, and what differs."""

    base: str
    target: str
    notes: tuple[str, ...]
    result: ComparisonResult

    @property
    def lists(self) -> list[tuple[str, str, list[Any]]]:
        """The lists that are not empty: name, title, tests."""
        found = [(name, title, list(getattr(self.result, name))) for name, title in LISTS.items()]
        return [each for each in found if each[2]]

    @property
    def empty(self) -> list[str]:
        """Titles of the lists that are empty."""
        return [title.lower() for name, title in LISTS.items() if not getattr(self.result, name)]


def compare_sessions(model: "History", base: str | None, target: str | None, sut: str | None) -> Compared:
    """Compare two sessions.

    Args:
        model: where they are.
        base: the earlier one; None for the one before the target.
        target: the later one; None for the newest.
        sut: only sessions of this system; None for all.

    Raises:
        LookupError: there is no such session, or there is nothing to compare.
    """
    chosen = Chooser(model, NewestRows(model, sut)).sides(base or None, target or None)
    runs = [[run_of_row(model, row) for row in side.rows] for side in (chosen.base, chosen.target)]
    result = compare_runs(runs[0], runs[1], chosen.base.name, chosen.target.name)
    if result.slower_tests:
        result = replace(result, slower_tests=with_phases(model, runs[0], runs[1], result.slower_tests))
    return Compared(chosen.base.name, chosen.target.name, chosen.notes, result)
