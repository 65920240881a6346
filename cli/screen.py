"""Where people read: Rich on a terminal, plain lines elsewhere.

What is piped is neither wrapped nor coloured, so that `grep` and `awk` find whole lines, and Rich, which takes longer
to import than most questions take to answer, is not loaded. `FORCE_COLOR` gives Rich's output everywhere.
"""

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, Self

from . import paging

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text


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


class Listing:
    """A table.

    Args:
        columns: their titles; one that begins with `>` is set to the right, and neither that nor one that begins with
            `|` is folded where the terminal is narrow.
    """

    def __init__(self, *columns: str) -> None:
        self.columns = [column.lstrip(">|") for column in columns]
        self.right = [column.startswith(">") for column in columns]
        self.whole = [column.startswith((">", "|")) for column in columns]
        self.rows: list[tuple[str | Line, ...]] = []

    def add_row(self, *cells: "str | Line") -> None:
        """Add a row, a cell for each column."""
        self.rows.append(cells)

    def lines(self) -> list[str]:
        """Return it as lines of aligned columns."""
        rows = [tuple(self.columns), *(tuple(map(str, row)) for row in self.rows)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(self.columns))]
        return ["  ".join(map(_aligned, row, widths, self.right)).rstrip() for row in rows]


def _aligned(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


class Output(Protocol):
    """What commands print to."""

    def print(self, *parts: object, style: str = "", end: str = "\n", soft_wrap: bool = False) -> None:
        """Print texts, words, lines and listings, with blanks between them."""
        ...


class PlainOutput:
    """Prints lines as they are."""

    def __init__(self, *, err: bool = False) -> None:
        self._err = err

    def print(self, *parts: object, style: str = "", end: str = "\n", soft_wrap: bool = False) -> None:  # noqa: ARG002
        """Print; see `Output`."""
        stream = sys.stderr if self._err else sys.stdout
        text = " ".join("\n".join(part.lines()) if isinstance(part, Listing) else str(part) for part in parts)
        stream.write(text + end)


class RichOutput:
    """Prints with Rich: styles, and tables that fit the terminal.

    Args:
        console: where to.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console

    def print(self, *parts: object, style: str = "", end: str = "\n", soft_wrap: bool = False) -> None:
        """Print; see `Output`."""
        painted = [_painted(part) for part in parts]
        self._console.print(*painted, style=style or None, end=end, soft_wrap=soft_wrap)


def painted(parts: Sequence[object]) -> "Group":
    """Return parts of an output, one below the other, as something that Rich can show."""
    from rich.console import Group  # noqa: PLC0415

    return Group(*map(_painted, parts))


def _painted(part: object) -> Any:
    from rich.text import Text  # noqa: PLC0415

    if isinstance(part, Word):
        return Text(part, style=part.style)
    if isinstance(part, Line):
        return Text.assemble(*((str(word), word.style) for word in part.words))
    return _painted_table(part) if isinstance(part, Listing) else part


def _painted_table(listing: Listing) -> "Table":
    from rich.table import Table  # noqa: PLC0415

    made = Table(box=None, pad_edge=False, header_style="bold")
    for name, right, whole in zip(listing.columns, listing.right, listing.whole, strict=True):
        made.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=whole)
    for row in listing.rows:
        made.add_row(*map(_painted_cell, row))
    return made


def _painted_cell(cell: "str | Line") -> "Text | str":
    painted: Text | str = _painted(cell)
    return painted


_color: ContextVar[str] = ContextVar("color", default="auto")


@contextmanager
def use_color(word: str) -> Generator[None]:
    """Choose colours for what is printed within: `always`, `never`, or `auto` for those that the terminal has.

    Raises:
        ValueError: the word is none of these.
    """
    if word not in ("auto", "always", "never"):
        raise ValueError(f"--color: {word!r} is unknown; use auto, always or never")
    token = _color.set(word)
    try:
        yield
    finally:
        _color.reset(token)


def output(*, err: bool = False) -> Output:
    """Return where people read: the pager's screen, the terminal, or plain lines."""
    if _color.get() == "never":
        return PlainOutput(err=err)
    collected = None if err else paging.current()
    if collected is not None:
        return RichOutput(collected)
    is_wanted = _color.get() == "always" or os.environ.get("FORCE_COLOR")
    if not (sys.stderr if err else sys.stdout).isatty() and not is_wanted:
        return PlainOutput(err=err)
    return RichOutput(rich_console(err=err))


def rich_console(*, err: bool = False) -> "Console":
    """Return Rich's console: no markup in what is printed, no guessing of colours for numbers and paths."""
    from rich.console import Console  # noqa: PLC0415

    is_forced = True if _color.get() == "always" else None
    no_color = None if is_forced is None else False
    return Console(
        stderr=err,
        force_terminal=is_forced,
        no_color=no_color,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )
