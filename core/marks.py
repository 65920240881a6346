"""Marks: one character for the result of one run, the same in every place that draws the last runs of a test.

Shapes differ first, then colours, so that a strip can be read without colour; each mark has an ASCII form for a
terminal that cannot show the shape.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..projections.rules import is_flaky

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
    mark.word: mark
    for mark in (
        Mark("crashed", "▚", "!", "bold red", "running when its session or worker ended"),
        Mark("error", "◆", "E", "bold red", "error"),
        Mark("failed", "█", "F", "red", "failed"),
        Mark("cut", "▞", "/", "magenta", "interrupted by the user"),
        Mark("rerun", "△", "r", "yellow", "another attempt was due"),
        Mark("flaky", "▲", "~", "yellow", "passed after another attempt"),
        Mark("xpassed", "═", "X", "yellow", "passed, expected to fail"),
        Mark("other", "?", "?", "magenta", "outcome of another plugin"),
        Mark("passed", "─", "-", "green", "passed"),
        Mark("xfailed", "╌", "x", "green", "failed as expected"),
        Mark("skipped", "·", ".", "dim", "skipped"),
        Mark("not_run", " ", " ", "", "not run"),
    )
}
"""Marks by word. Of several results drawn as one mark, the first of this table is taken."""

_RANKS = {word: rank for rank, word in enumerate(MARKS)}


def mark_word(verdict: str, outcomes: Sequence[str] = ()) -> str:
    """Return the word of the mark for a verdict.

    Args:
        verdict: of the test in a session.
        outcomes: of its attempts; a pass behind a bad attempt is `flaky`.
    """
    if verdict in ("passed", "xfailed") and is_flaky(outcomes):  # type: ignore[arg-type]  # words of any plugin
        return "flaky"
    return verdict if verdict in MARKS else "other"


def worst_word(words: Iterable[str]) -> str:
    """Return which of several marks is drawn if there is room for one; `not_run` of none."""
    return min(words, key=_RANKS.__getitem__, default="not_run")
