"""The beginning of an answer: the newest session if nearly everything fails in it, and the tests that were cut."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...projections.rules import BAD
from ..history.series import series_of
from ..questions.evidence import Occurrence, occurrence
from ..questions.outages import is_outage

if TYPE_CHECKING:
    from ..history.verdicts.run import Run

    Messages = Callable[[list[Run]], dict[tuple[str, str], str]]

RULES_VERSION = 1
"""Rises when the same history would begin with something else."""


@dataclass(frozen=True)
class OutageNow:
    """The newest session of the branch that is meant, in which nearly everything fails."""

    session: str
    bad: int
    considered: int
    since_session: str
    """The first of the unbroken row of such sessions of its series."""
    since_commit: str
    since_us: int
    sessions: int
    """Length of that row."""
    good_session: str
    """The one before it; empty for the first."""
    good_commit: str
    message: str
    """What most of its failures say."""


@dataclass(frozen=True)
class CutTest:
    """A test that was running when its session ended without its result."""

    nodeid: str
    run: Occurrence


def outage_now(runs: "Sequence[Run]", messages_of: "Messages") -> OutageNow | None:
    """Return the outage that goes on; None if the newest session is no outage.

    Args:
        runs: sessions of the branch that is meant, in order of time.
        messages_of: returns the message of each failure of some sessions, by stream and node id.
    """
    if not runs or not is_outage(runs[-1]):
        return None
    newest = runs[-1]
    series = next(own for own in series_of(runs).values() if own[-1] is newest)
    row = 1
    while row < len(series) and is_outage(series[-1 - row]):
        row += 1
    first = series[-row]
    good = series[-1 - row] if row < len(series) else None
    return OutageNow(
        session=newest.name,
        bad=newest.bad,
        considered=newest.considered,
        since_session=first.name,
        since_commit=first.commit,
        since_us=first.started_us,
        sessions=row,
        good_session=good.name if good is not None else "",
        good_commit=good.commit if good is not None else "",
        message=_most_frequent(list(messages_of([newest]).values())),
    )


def _most_frequent(messages: Sequence[str]) -> str:
    """Return the message that most failures have; of equally frequent ones the first in order."""
    counts = Counter(message for message in messages if message)
    return min(counts, key=lambda message: (-counts[message], message)) if counts else ""


def cut_tests(runs: "Sequence[Run]") -> list[CutTest]:
    """Return the tests that were running when a session ended, and were not interrupted on purpose; newest first."""
    found = [
        CutTest(nodeid, occurrence(run, run.tests[nodeid]))
        for run in reversed(runs)
        if run.status != "complete"
        for nodeid in run.failed_tests
        if run.tests[nodeid].position < 0 and run.tests[nodeid].verdict in BAD
    ]
    return [one for one in found if one.run.stream]
