"""Counts of what was recorded, in the categories of pytest's last line."""

from collections import Counter
from collections.abc import Mapping

from ...eventlog.events import TestFinished


class Tally:
    """Recorded counts by terminal category."""

    __slots__ = ("_others", "finished", "plain")

    def __init__(self) -> None:
        self.finished = 0
        """Number of attempts."""
        self.plain = 0
        """Number of attempts in which every phase passed, the call among them; each counts as `passed`."""
        self._others: Counter[str] = Counter()

    def add_attempt(self, event: TestFinished) -> None:
        """Count an attempt: each of its phases that pytest counts, less the subtests that pytest no longer counts."""
        self.finished += 1
        if not event.phase_outcomes:
            self.plain += "call" in event.phases
        else:
            self._others.update(event.phase_outcomes.values())
            if "call" in event.phases and "call" not in event.phase_outcomes:
                self._others["passed"] += 1
        if event.discarded_subtests:
            self._others.subtract(event.discarded_subtests)

    def add_plain_pass(self) -> None:
        """Count an attempt in which every phase passed, the call among them; as `add_attempt` does."""
        self.finished += 1
        self.plain += 1

    def add(self, category: str, count: int = 1) -> None:
        """Count a subtest, a collector, a warning or deselected tests."""
        self._others[category] += count

    def counts(self, more: Mapping[str, int] | None = None) -> Counter[str]:
        """Return the counts by category, without zeros and without anything that pytest does not count."""
        found = Counter(self._others)
        found["passed"] += self.plain
        found.update(more or {})
        return Counter({name: count for name, count in found.items() if name and count > 0})
