"""Lines that fit a screen: texts with their middle left out, and lines with something at the right edge."""

import os
import shutil
import sys

from ...api.internal.answers import MARKS
from .cells import columns_of, head_of, tail_of
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
    if not width or columns_of(text) <= width:
        return text
    dots = _dots()
    if width <= len(dots):
        return dots[:width]
    left = width - len(dots)
    head = left // 3
    return head_of(text, head) + dots + tail_of(text, left - head)


def shortened(text: str, width: int) -> str:
    """Return a text of at most so many columns, its end left out if it is longer; 0 for any number."""
    if not width or columns_of(text) <= width:
        return text
    dots = _dots()
    return head_of(text, width - len(dots)).rstrip() + dots if width > len(dots) else head_of(text, width)


def _dots() -> str:
    return "…" if can_draw() else "..."


def spread(left: Line, right: Line, width: int) -> Line:
    """Return a line with one part at the left edge and one at the right; the left one is cut first if both do not fit.

    Args:
        left, right: the parts.
        width: columns; 0 for any number, with the parts close together.
    """
    line = Line()
    room = width - right.columns - _SPACES * bool(right.words) if width else left.columns
    for word in left.words:
        text = shortened(word, room) if room > 0 else ""
        line.append(text, word.style)
        room -= columns_of(word)
    if right.words:
        gap = width - line.columns - right.columns if width else _SPACES
        line.append(" " * max(gap, _SPACES if line.columns else 0))
    room = width - line.columns if width else right.columns
    for word in right.words:
        line.append(shortened(word, room) if room > 0 else "", word.style)
        room -= columns_of(word)
    return line


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text in lines of at most so many columns, broken between words; those behind the first are indented."""
    if not width or columns_of(text) <= width:
        return [text]
    lines = [""]
    for word in text.split():
        if lines[-1].strip() and columns_of(f"{lines[-1]} {word}") > width:
            lines.append(indent)
        rest = f" {word}" if lines[-1].strip() else word
        while columns_of(lines[-1] + rest) > width:  # a word that is longer than a line
            part = head_of(rest, width - columns_of(lines[-1])) or rest[0]
            lines[-1] += part
            lines.append(indent)
            rest = rest.removeprefix(part)
        lines[-1] += rest
    return lines


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
