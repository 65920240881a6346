"""Tables that fit the terminal: which cells are elided, and how much of them is left."""

from collections.abc import Sequence

from .cells import columns_of, head_of, tail_of
from .words import Line, Word

GAP = 2
ELLIPSIS = "…"


def elide_middle(text: str, width: int) -> str:
    """Return a text without its middle, so that it takes at most so many columns."""
    if columns_of(text) <= width:
        return text
    tail = (width - 1) // 2
    head = width - 1 - tail
    return f"{head_of(text, head)}{ELLIPSIS}{tail_of(text, tail)}"


def elide_words(line: Line, width: int) -> Line:
    """Return a line of which some words are left out, so that it takes at most so many columns.

    The last ones go first, and those about what went wrong after all others.
    """
    if line.columns <= width:
        return line
    words = list(line.words)
    while words and sum(map(columns_of, words)) + len(ELLIPSIS) > width:
        places = [place for place, word in enumerate(words) if not _is_bad(word)]
        words.pop(places[-1] if places else -1)
    kept = Line()
    for word in words:
        kept.append(word if kept.words else word.removeprefix(", "), word.style)
    kept.append(f", {ELLIPSIS}" if words and kept.columns + len(ELLIPSIS) + 2 <= width else ELLIPSIS, "dim")
    return kept


def _is_bad(word: Word) -> bool:
    return "red" in word.style or "magenta" in word.style


def fitted(cell: "str | Line", width: int) -> "str | Line":
    """Return a cell that takes at most so many columns."""
    if isinstance(cell, Line):
        return elide_words(cell, width)
    if columns_of(cell) <= width:
        return cell
    return Word(elide_middle(cell, width), cell.style) if isinstance(cell, Word) else elide_middle(cell, width)


def fitted_widths(natural: Sequence[int], least: Sequence[int], total: int) -> list[int]:
    """Return widths of columns that fit together, as near as possible to what they need.

    The widest column that may shrink gives way first, down to its least width.

    Args:
        natural: what each column needs.
        least: what each column keeps in any case.
        total: characters of a line, the gaps between columns included.
    """
    widths = list(natural)
    over = sum(widths) + GAP * (len(widths) - 1) - total
    while over > 0:
        able = [place for place, width in enumerate(widths) if width > least[place]]
        if not able:
            break
        widest = max(able, key=lambda place: widths[place] - least[place])
        widths[widest] -= 1
        over -= 1
    return widths
