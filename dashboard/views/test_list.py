"""All tests, by folder, with the strips of their last runs: a part of them at a time."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ...core.overview.strips import strips_of
from ...reports.limits import STRIP_RUNS
from ..survey import SurveyAnswers

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 100
"""Tests on one page."""
KINDS = {"all": "all tests", "broken": "broken", "failed": "failed once", "flaky": "flaky", "slower": "slower"}
"""Words of the filter, with what they are called."""


@dataclass(frozen=True)
class Folder:
    """Some tests of one folder."""

    name: str
    rows: list[tuple[str, tuple[str, ...]]]
    """Node ids with the words of their marks."""


@dataclass(frozen=True)
class TestList:
    """A part of the tests that a filter leaves."""

    __test__ = False  # no test to pytest

    found: int
    first: int
    """Place of the first one that is shown."""
    folders: list[Folder]

    @property
    def next_first(self) -> int:
        """Place of the first one of the next part; 0 without one."""
        after = self.first + ROWS
        return after if after < self.found else 0


class TestGroups:
    """Which tests are broken, flaky, slower, or failed once.

    Args:
        snapshot: the answers.
    """

    __test__ = False

    def __init__(self, snapshot: SurveyAnswers) -> None:
        self._snapshot = snapshot
        answers = snapshot.answers
        self.broken = {nodeid for group in answers.overview.groups for row in group.rows for nodeid in row.nodeids}
        self.flaky = {line.flaky.nodeid for line in answers.flaky if not line.flaky.recovered}
        self.slower = {row.nodeid for row in answers.overview.slower}

    @cached_property
    def failed(self) -> set[str]:
        """Tests that failed at least once."""
        return {nodeid for _, nodeid, _ in self._snapshot.answers.failures}

    def rank(self, nodeid: str) -> int:
        """Return where a test belongs in a list: broken, flaky, slower, failed once, all others."""
        groups = (self.broken, self.flaky, self.slower, self.failed)
        return next((rank for rank, group in enumerate(groups) if nodeid in group), len(groups))

    def filter_of(self, kind: str) -> "Callable[[str], bool]":
        """Return the filter of a word of `KINDS`; that of all for other words."""
        group: set[str] | None = getattr(self, kind, None) if kind in KINDS and kind != "all" else None
        return group.__contains__ if group is not None else lambda _: True


def folder_of(nodeid: str) -> str:
    """Return the folder of a test's file; empty for the top folder."""
    return nodeid.partition("::")[0].rpartition("/")[0]


def list_tests(snapshot: SurveyAnswers, text: str, kind: str, first: int) -> TestList:
    """Return a part of the tests.

    Args:
        snapshot: the answers.
        text: words that all have to be in the node id.
        kind: one of `KINDS`.
        first: place of the first one that is shown.
    """
    groups = TestGroups(snapshot)
    fits, words = groups.filter_of(kind), text.lower().split()
    found = [nodeid for nodeid in snapshot.tests if fits(nodeid) and all(word in nodeid.lower() for word in words)]
    rank, best = {nodeid: groups.rank(nodeid) for nodeid in found}, dict[str, int]()
    for nodeid in found:
        folder = folder_of(nodeid)
        best[folder] = min(best.get(folder, rank[nodeid]), rank[nodeid])
    found.sort(key=lambda nodeid: (best[folder_of(nodeid)], folder_of(nodeid), rank[nodeid], nodeid))
    first = first if 0 <= first < len(found) else 0
    shown = found[first : first + ROWS]
    strips = strips_of(snapshot.analysis.asked, {nodeid: (nodeid,) for nodeid in shown}, STRIP_RUNS)
    folders: list[Folder] = []
    for nodeid in shown:
        if not folders or folders[-1].name != folder_of(nodeid):
            folders.append(Folder(folder_of(nodeid), []))
        folders[-1].rows.append((nodeid, strips.get(nodeid, ())))
    return TestList(len(found), first, folders)
