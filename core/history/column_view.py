"""A stored session as far as the read model knows it: what filters can be decided by without reading the log."""

from array import array
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ...projections.parts import CRASHED_FLAG
from ...projections.rules import OUTCOMES
from ..views.outcome import TestOutcome

if TYPE_CHECKING:
    from ..views.session import TestSession
    from .history import History

_OUTCOMES = [TestOutcome.named(name) for name in OUTCOMES]


class AttemptSeen(NamedTuple):
    """The fields of a `TestResult` that are in the columns, by the same names."""

    nodeid: str
    outcome: TestOutcome
    duration: float
    """Seconds."""
    has_warning: bool


class Peek:
    """A stored session; has the attributes of a `TestSession` that can be told without its log.

    Args:
        model: where it is stored.
        stream: of the session.

    Raises:
        LookupError: it is not there any more.
    """

    def __init__(self, model: "History", stream: str) -> None:
        row = model.session_of(stream)
        if row is None:
            raise LookupError(f"session {stream} is not stored any more")
        self._model, self._row = model, row

    @cached_property
    def test_results(self) -> list[AttemptSeen]:
        """All attempts, in the order of their reports."""
        rows, names, warned = self._model.columns(self._row.stream), self._model.names(), set(self._row.part.warned)
        nodeids = [names[number] for number in array("I", rows.nodes)]
        codes = [_OUTCOMES[code & ~CRASHED_FLAG] for code in rows.outcomes]
        others = self._row.part.others
        if others:
            places = enumerate(array("q", rows.positions))
            codes = [TestOutcome.named(others[at]) if at in others else codes[place] for place, at in places]
        durations = [duration_us / 1_000_000 for duration_us in array("q", rows.durations)]
        warnings = [nodeid in warned for nodeid in nodeids] if warned else [False] * len(nodeids)
        return list(map(AttemptSeen._make, zip(nodeids, codes, durations, warnings, strict=True)))

    @cached_property
    def rerun_test_groups(self) -> list[str]:
        """Node ids of the tests that have several attempts."""
        counts = Counter(attempt.nodeid for attempt in self.test_results) if self._row.part.reruns else Counter[str]()
        return [nodeid for nodeid, count in counts.items() if count > 1]


def is_stored(session: "TestSession") -> bool:
    """Return whether a session still equals the stored one, so that a `Peek` has the same values."""
    return session.models is not None and session.is_untouched
