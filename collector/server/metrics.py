"""Counters of the server, as text for Prometheus; they have no names of teams, sessions or tests."""

import threading
from collections import Counter
from typing import Final

COUNTERS: Final = {
    "pushes": "requests that stored events",
    "events_accepted": "events that were stored",
    "events_known": "events that were stored before",
    "conflicts": "events that were put into quarantine",
    "findings": "lines that are not events",
    "questions": "questions that were asked",
}


class Counters:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self._values: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, **more: int) -> None:
        """Add to some counters."""
        with self._lock:
            self._values.update(more)

    def text(self, gauges: dict[str, float]) -> str:
        """Return all counters, and gauges of now."""
        lines: list[str] = []
        for name, meaning in COUNTERS.items():
            full = f"insight_{name}_total"
            lines += [f"# HELP {full} {meaning}", f"# TYPE {full} counter", f"{full} {self._values[name]}"]
        for name, value in gauges.items():
            lines += [f"# TYPE insight_{name} gauge", f"insight_{name} {value:g}"]
        return "\n".join(lines) + "\n"
