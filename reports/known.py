"""Rows that one page shows, the numbers of its headings, and notes on broken tests, for the templates."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.overview.marks import MARKS
from .limits import STRIP_RUNS
from .texts import cut_text

if TYPE_CHECKING:
    from ..core.overview.data import BrokenRow
    from .answers import Answers, SessionLine
    from .clusters import Cluster
    from .limits import Limits


class PageFacts:
    """Rows of one page, with what is known of them.

    Args:
        answers: what the page shows.
        limits: how many rows it has.
    """

    def __init__(self, answers: "Answers", limits: "Limits") -> None:
        self._answers, self._limits = answers, limits
        self.clusters = _with_texts(answers, limits)
        self.sessions: list[SessionLine] = list(reversed(answers.sessions))[: limits.sessions]
        self._session_ids = {line.session_id for line in self.sessions}
        rows = [row.nodeids[0] for group in answers.overview.groups for row in group.rows]
        self._broken = frozenset(rows[: limits.broken])
        shown = {cluster.key for cluster, _ in self.clusters}
        newest = {nodeid: key for _, nodeid, key in answers.failures}
        self._clusters = {nodeid: key for nodeid, key in newest.items() if key in shown}
        self._note_of = note_finder(answers)

    def has_session(self, session_id: str) -> bool:
        """Return whether the page has a row of a session."""
        return session_id in self._session_ids

    def is_broken_row(self, nodeid: str) -> bool:
        """Return whether the page has a row of a broken test."""
        return nodeid in self._broken

    def cluster_of(self, nodeid: str) -> str:
        """Return the key of the cluster of a test's newest failure; empty if the page does not show it."""
        return self._clusters.get(nodeid, "")

    def note_of(self, row: "BrokenRow") -> str:
        """Return what is known of a broken test."""
        return self._note_of(row)

    @property
    def room(self) -> int:
        """Runs that there is room for in a strip: those of the longest history of a test, at most 60."""
        return min(max(self._answers.overview.about.sessions, 12), STRIP_RUNS)

    @property
    def is_narrow(self) -> bool:
        """Whether strips take half of their column."""
        return self.room <= STRIP_RUNS // 2

    @property
    def legend(self) -> list[tuple[str, str]]:
        """The words and meanings of all marks, as every strip has them; nothing without sessions."""
        return [(word, mark.meaning) for word, mark in MARKS.items()] if self._answers.sessions else []

    @property
    def counts(self) -> dict[str, int]:
        """The numbers that headings tell."""
        answers = self._answers
        states = [line.state for line in answers.sessions]
        flaky = {line.flaky.nodeid for line in answers.flaky if not line.flaky.recovered}
        return {
            "flaky": len(flaky),
            "recovered": len({line.flaky.nodeid for line in answers.flaky if line.flaky.recovered} - flaky),
            "passed": states.count("passed"),
            "short": sum(line.is_short for line in answers.sessions),
            "confirmed": sum(row.confirmed for row in answers.overview.slower),
        }


def _with_texts(answers: "Answers", limits: "Limits") -> "list[tuple[Cluster, str]]":
    """Return the clusters that are shown with their texts, as far as there is room."""
    room = limits.text_chars
    found: list[tuple[Cluster, str]] = []
    for cluster in answers.clusters[: limits.clusters]:
        text = cluster.text if len(cluster.text) <= room else cut_text(cluster.text, 20, 2000) if room else ""
        room = max(room - len(text), 0)
        found.append((cluster, text))
    return found


def note_finder(answers: "Answers") -> Callable[["BrokenRow"], str]:
    """Return a function that tells what is known of a broken test, and whether it was ever flaky."""
    rules: dict[str, str] = {}
    for line in answers.flaky:
        one = line.flaky
        rules.setdefault(one.nodeid, f"rule {one.rule}, {one.count} of {one.considered}")

    def note_of(row: "BrokenRow") -> str:
        known = next((rules[nodeid] for nodeid in row.nodeids if nodeid in rules), "")
        if known:
            before = "was flaky before" if row.note == "was flaky" else f"{row.note}, was flaky"
            return f"{before} ({known})"
        return f"{row.note}, never flaky" if row.note in ("new", "never good") or row.note[:1].isdigit() else row.note

    return note_of
