"""Marks: one character for the result of one run, the same in every place that draws the last runs of a test.

Shapes differ first, then colours, so that a strip can be read without colour; each mark has an ASCII form for a
terminal that cannot show the shape.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...eventlog.outcome import GOOD, RESULTS
from ...projections.rules import is_flaky

RULES_VERSION = 1
"""Rises when the same run would get another mark."""


class Mark(NamedTuple):
    """How the result of a run is drawn."""

    word: str
    shape: str
    ascii: str
    color: str
    """Name of a colour or style, as Rich has it."""
    meaning: str


MARKS: dict[str, Mark] = {
    result.name: Mark(result.name, result.shape, result.letter, result.mark_style, result.meaning) for result in RESULTS
}
"""Marks by word. Of several results drawn as one mark, the first of this table is taken."""

_RANKS = {word: rank for rank, word in enumerate(MARKS)}


def mark_word(verdict: str, outcomes: Sequence[str] = ()) -> str:
    """Return the word of the mark for a verdict.

    Args:
        verdict: of the test in a session.
        outcomes: of its attempts; a pass behind a bad attempt is `flaky`.
    """
    if verdict in GOOD - {"xpassed"} and is_flaky(outcomes):  # type: ignore[arg-type]  # words of any plugin
        return "flaky"
    return verdict if verdict in MARKS else "other"


def worst_word(words: Iterable[str]) -> str:
    """Return which of several marks is drawn if there is room for one; `not_run` of none."""
    return min(words, key=_RANKS.__getitem__, default="not_run")
