"""The comparison of two sessions, as `insight session compare` makes it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...core.compare import ComparisonResult, compare_runs
from ...core.history.verdicts.reading import run_of_row
from ...core.naming.newest import NewestRows
from ...core.naming.sides import Chooser
from ...core.questions.clusters import cluster_of, message_of
from ...core.questions.setups import with_phases

if TYPE_CHECKING:
    from ...core.compare import Change
    from ...core.history.history import History
    from ...core.history.verdicts.run import Run

SHOWN = 50
"""Tests of one list."""
MESSAGES_READ = 500
"""Tests that fail on both sides whose messages are compared."""
LISTS = {
    "new_failures": "New failures",
    "new_passes": "Fixed",
    "still_failing": "Still failing",
    "other_messages": "Fail with another message",
    "missing_tests": "Lost",
    "new_tests": "New tests",
    "newly_skipped": "Newly skipped",
    "slower_tests": "Slower",
    "faster_tests": "Faster",
    "not_selected": "Not run by both, as one was not told to",
}
"""Lists of a comparison with their titles."""


@dataclass(frozen=True)
class OtherMessage:
    """A test that fails on both sides, each time for another reason."""

    nodeid: str
    before: str
    after: str


@dataclass(frozen=True)
class Compared:
    """Two sessions, and what differs."""

    base: str
    target: str
    notes: tuple[str, ...]
    result: ComparisonResult
    other_messages: tuple[OtherMessage, ...] = ()
    """Of the first tests that still fail, those whose message differs."""

    @property
    def lists(self) -> list[tuple[str, str, list[Any]]]:
        """The lists that are not empty: name, title, tests."""
        return [(name, title, found) for name, title in LISTS.items() if (found := self._list(name))]

    @property
    def empty(self) -> list[str]:
        """Titles of the lists that are empty."""
        return [title.lower() for name, title in LISTS.items() if not self._list(name)]

    def _list(self, name: str) -> list[Any]:
        return list(self.other_messages if name == "other_messages" else getattr(self.result, name))


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
    others = tuple(_other_messages(model, runs[0], runs[1], result.still_failing[:MESSAGES_READ]))
    return Compared(chosen.base.name, chosen.target.name, chosen.notes, result, others)


def _other_messages(
    model: "History", base: "list[Run]", target: "list[Run]", changes: "list[Change]"
) -> "Iterator[OtherMessage]":
    """Yield the tests among those that still fail which say something else now; modules are left out."""
    sides = ({run.name: run for run in base}, {run.name: run for run in target})
    tests = [
        (change.nodeid, [runs[name].tests[change.nodeid] for runs, name in zip(sides, names, strict=True)])
        for change in changes
        for names in [(change.base_session, change.target_session)]
        if all(name in runs and change.nodeid in runs[name].tests for runs, name in zip(sides, names, strict=True))
    ]
    places = [test.position for _, pair in tests for test in pair if test.position >= 0]
    texts = iter([message_of(event.longreprtext, event.cause) for event in model.finished_at(places)])
    for nodeid, pair in tests:
        before, after = (cluster_of(next(texts) if test.position >= 0 else "", test) for test in pair)
        if before != after:
            yield OtherMessage(nodeid, before, after)
