"""Lines that fit a screen: texts with their middle left out, and lines with something at the right edge."""

import os
import shutil
import sys

from ...api.internal.answers import MARKS
from .words import Line

WIDTH_MAX = 140
"""Columns that a screen uses at most."""
_SPACES = 2


def screen_width() -> int:
    """Return the columns that lines may take; 0 for any number, where output is piped and COLUMNS does not say."""
    if not (os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty()):
        return 0
    return min(shutil.get_terminal_size().columns, WIDTH_MAX)


def screen_height() -> int:
    """Return the lines of the terminal; 0 for any number, where output is piped."""
    return shutil.get_terminal_size().lines if sys.stdout.isatty() else 0


def elided(text: str, width: int) -> str:
    """Return a text of at most so many columns, its middle left out if it is longer; 0 for any number."""
    if not width or len(text) <= width:
        return text
    dots = _dots()
    if width <= len(dots):
        return dots[:width]
    left = width - len(dots)
    head = left // 3
    return text[:head] + dots + text[len(text) - (left - head) :]


def shortened(text: str, width: int) -> str:
    """Return a text of at most so many columns, its end left out if it is longer; 0 for any number."""
    if not width or len(text) <= width:
        return text
    dots = _dots()
    return text[: max(width - len(dots), 0)].rstrip() + dots if width > len(dots) else text[:width]


def _dots() -> str:
    return "…" if can_draw() else "..."


def spread(left: Line, right: Line, width: int) -> Line:
    """Return a line with one part at the left edge and one at the right; the left one is cut if both do not fit.

    Args:
        left, right: the parts.
        width: columns; 0 for any number, with the parts close together.
    """
    line = Line()
    room = width - len(str(right)) - _SPACES if width else len(str(left))
    for word in left.words:
        text = shortened(word, room) if room > 0 else ""
        line.append(text, word.style)
        room -= len(word)
    gap = width - len(str(line)) - len(str(right)) if width else 0
    if right.words:
        line.append(" " * max(gap, _SPACES))
    line.words.extend(right.words)
    return line


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text in lines of at most so many columns, broken between words; those behind the first are indented."""
    if not width or len(text) <= width:
        return [text]
    import textwrap

    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


_POOR_TERMINALS = ("dumb", "linux")
"""Values of TERM whose fonts lack the shapes."""


def can_draw() -> bool:
    """Return whether the output can show the shapes of the marks; its encoding and TERM say so."""
    if os.environ.get("TERM") in _POOR_TERMINALS and sys.stdout.isatty():
        return False
    try:
        "".join(mark.shape for mark in MARKS.values()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
