"""How many rows the part of a report has that needs no script; its script shows all."""

from dataclasses import dataclass, fields, replace

STRIP_RUNS = 60
"""Runs in a strip of a report."""
_STEP = 0.7
_LEAST = 5


@dataclass(frozen=True)
class Limits:
    """Rows by page, and characters of tracebacks."""

    broken: int = 50
    flaky: int = 30
    clusters: int = 30
    sessions: int = 40
    slow: int = 10
    section: int = 8
    """Rows of each section of the overview."""
    text_chars: int = 40_000

    @property
    def can_shrink(self) -> bool:
        """Whether there are fewer rows that still say something."""
        return self.broken > _LEAST

    def shrunk(self) -> "Limits":
        """Return fewer rows of everything."""
        less = {each.name: max(int(getattr(self, each.name) * _STEP), _LEAST - 1) for each in fields(self)}
        return replace(self, **less)
