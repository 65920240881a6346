"""Strips of marks on a screen: the last runs of a test, the newest right."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...api.internal.answers import MARKS, mark_word
from ..terminal.layout import can_draw
from ..terminal.words import Line

if TYPE_CHECKING:
    from ...api.internal.answers import Occurrence


def words_of(history: "Iterable[Occurrence]") -> list[str]:
    """Return the words of the marks of some runs."""
    return [mark_word(one.verdict, one.outcomes) for one in history]


def strip_line(words: Iterable[str], *, width: int = 0) -> Line:
    """Return a mark a run, in colour where there is colour.

    Args:
        words: of the marks, the newest last; of more than fit the newest are taken.
        width: pads on the left, so that the newest ones of several strips are below each other; 0 for no padding.
    """
    words = list(words)[-width:]
    line, shapes = Line(), can_draw()
    if width > len(words):
        line.append(" " * (width - len(words)))
    for word in words:
        mark = MARKS.get(word, MARKS["other"])
        line.append(mark.shape if shapes else mark.ascii, mark.color)
    return line


def strip(history: "Iterable[Occurrence]") -> Line:
    """Return the strip of some runs of a test, the earliest first."""
    return strip_line(words_of(history))


def legend(words: Iterable[str]) -> str:
    """Return what the marks mean that some words have."""
    shapes, used = can_draw(), set(words)
    shown = (mark for word, mark in MARKS.items() if word in used and mark.shape.strip())
    return "  ".join(f"{mark.shape if shapes else mark.ascii} {mark.meaning}" for mark in shown)
