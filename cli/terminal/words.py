"""Texts with a style: words, and lines of words."""

from typing import Self

from .cells import columns_of


class Word(str):
    """A text with a style, as Rich names them: `green`, `bold red`, `dim`."""

    __slots__ = ("style",)

    style: str

    def __new__(cls, text: str, style: str = "") -> Self:
        """Make a word."""
        word = super().__new__(cls, text)
        word.style = style
        return word


class Line:
    """Words without anything between them."""

    def __init__(self) -> None:
        self.words: list[Word] = []

    def append(self, text: str, style: str = "") -> None:
        """Add a word."""
        self.words.append(Word(text, style))

    def __str__(self) -> str:
        return "".join(self.words)

    def __len__(self) -> int:
        return sum(map(len, self.words))

    @property
    def columns(self) -> int:
        """Columns that it takes on a terminal."""
        return sum(map(columns_of, self.words))
