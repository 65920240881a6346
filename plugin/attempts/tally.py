"""Count what was recorded as pytest's last line counts it, so that the record can be compared with the terminal."""

from collections import Counter
from collections.abc import Mapping

from ...eventlog.events import TestFinished


class Tally:
    """Counts by terminal category, of what the recorder has written so far."""

    __slots__ = ("_others", "finished", "plain")

    def __init__(self) -> None:
        self.finished = 0
        """Attempts."""
        self.plain = 0
        """Attempts of which every phase passed, and the call was among them; each counts as `passed`."""
        self._others: Counter[str] = Counter()

    def add_attempt(self, event: TestFinished) -> None:
        """Count an attempt: each of its phases that pytest counts, less the subtests that pytest took back."""
        self.finished += 1
        if not event.phase_outcomes:
            self.plain += "call" in event.phases
        else:
            self._others.update(event.phase_outcomes.values())
            if "call" in event.phases and "call" not in event.phase_outcomes:
                self._others["passed"] += 1
        if event.discarded_subtests:
            self._others.subtract(event.discarded_subtests)

    def add(self, category: str, count: int = 1) -> None:
        """Count something else: a subtest, a collector, a warning, tests that were deselected."""
        self._others[category] += count

    def counts(self, more: Mapping[str, int] | None = None) -> Counter[str]:
        """Return the counts by category; none of them is zero, and what pytest does not count is left out."""
        found = Counter(self._others)
        found["passed"] += self.plain
        found.update(more or {})
        return Counter({name: count for name, count in found.items() if name and count > 0})
