"""Columns that a text takes on a terminal: two for a wide character, none for a mark on the letter before it."""

from functools import cache

_NO_COLUMN = ("Mn", "Me", "Cf")
"""Categories of characters that are drawn onto the one before, or not at all."""


def columns_of(text: str) -> int:
    """Return the columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def head_of(text: str, columns: int) -> str:
    """Return the longest beginning of a text that takes at most so many columns, with the marks on its last letter."""
    if text.isascii():
        return text[: max(columns, 0)]
    taken = 0
    for place, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[:place]
    return text


def tail_of(text: str, columns: int) -> str:
    """Return the longest end of a text that takes at most so many columns; it begins with no mark of a letter."""
    if text.isascii():
        return text[len(text) - max(columns, 0) :] if columns < len(text) else text
    taken, start = 0, len(text)
    for place in range(len(text) - 1, -1, -1):
        width = _columns(text[place])
        taken += width
        if taken > columns:
            break
        if width:
            start = place
    return text[start:] if taken > columns else text


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Return a text with blanks behind it, or before it, so that it takes at least so many columns."""
    blanks = " " * (columns - columns_of(text))
    return blanks + text if right else text + blanks


@cache
def _columns(character: str) -> int:
    from unicodedata import category, east_asian_width

    kind = category(character)
    if kind in _NO_COLUMN:
        return 0
    width = east_asian_width(character)
    # Python 3.11 says "F" for each character that has no meaning yet; full width are only some that have one.
    return 2 if width == "W" or (width == "F" and kind != "Cn") else 1
