"""The beginning of an answer: the newest session that ran tests, if nearly everything fails in it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..history.series import series_of
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
    """The session before that row; empty if the series begins with it."""
    good_commit: str
    message: str
    """The most frequent message of its failures."""


def tested_runs(runs: "Sequence[Run]") -> "list[Run]":
    """Return sessions without those behind the last one that ran tests: they ended before they could say anything."""
    last = next((place for place in reversed(range(len(runs))) if runs[place].has_tests), -1)
    return list(runs[: last + 1])


def outage_now(runs: "Sequence[Run]", messages_of: "Messages") -> OutageNow | None:
    """Return the outage that goes on; None if the newest session that ran tests is no outage.

    Args:
        runs: sessions of the branch that is meant, in order of time.
        messages_of: returns the message of each failure of some sessions, by stream and node id.
    """
    runs = tested_runs(runs)
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
