"""Tables that fit the terminal: what may be elided in a cell, and how much of it is left."""

from collections.abc import Sequence

from .words import Line, Word

GAP = 2
ELLIPSIS = "…"


def elide_middle(text: str, width: int) -> str:
    """Return a text without its middle, so that it has at most so many characters."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    head = width - 1 - tail
    return f"{text[:head]}{ELLIPSIS}{text[-tail:] if tail else ''}"


def elide_words(line: Line, width: int) -> Line:
    """Return a line of which some words are left out, so that it has at most so many characters.

    The last ones go first, and those about what went wrong after all others.
    """
    if len(line) <= width:
        return line
    words = list(line.words)
    while words and sum(map(len, words)) + len(ELLIPSIS) > width:
        places = [place for place, word in enumerate(words) if not _is_bad(word)]
        words.pop(places[-1] if places else -1)
    kept = Line()
    for word in words:
        kept.append(word if kept.words else word.removeprefix(", "), word.style)
    kept.append(f", {ELLIPSIS}" if words and len(kept) + len(ELLIPSIS) + 2 <= width else ELLIPSIS, "dim")
    return kept


def _is_bad(word: Word) -> bool:
    return "red" in word.style or "magenta" in word.style


def fitted(cell: "str | Line", width: int) -> "str | Line":
    """Return a cell of at most so many characters."""
    if isinstance(cell, Line):
        return elide_words(cell, width)
    if len(cell) <= width:
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
