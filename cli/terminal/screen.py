"""Output for people: Rich on a terminal, plain lines elsewhere.

What is piped is neither wrapped nor coloured, so that `grep` and `awk` find whole lines, and Rich, which takes longer
to import than most questions take to answer, is not loaded. `FORCE_COLOR` gives Rich's output everywhere.
"""

import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from . import paging
from .cells import columns_of, padded
from .words import Line, Word

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text


Cell = str | Line


class Listing:
    """A table.

    Args:
        columns: their titles; one that begins with `>` is set to the right, and neither that nor one that begins with
            `|` is folded where the terminal is narrow.
        least: columns whose cells are elided instead, with the characters that are left of them; of several such steps
            the next one is taken where the terminal is too narrow for the one before. Each row of such a table is one
            line.
        optional: columns that are left out where a terminal is too narrow for all, the last ones first.
    """

    def __init__(self, *columns: str, least: Sequence[Mapping[str, int]] = (), optional: Sequence[str] = ()) -> None:
        self.columns = [column.lstrip(">|") for column in columns]
        self.right = [column.startswith(">") for column in columns]
        self.whole = [column.startswith((">", "|")) or bool(least) for column in columns]
        self.least = least
        self.optional = optional
        self.rows: list[tuple[Cell, ...]] = []

    def add_row(self, *cells: Cell) -> None:
        """Add a row, a cell for each column."""
        self.rows.append(cells)

    def lines(self) -> list[str]:
        """Return it as lines of aligned columns."""
        rows = [tuple(self.columns), *(tuple(map(str, row)) for row in self.rows)]
        widths = [max(columns_of(row[place]) for row in rows) for place in range(len(self.columns))]
        return ["  ".join(map(_align, row, widths, self.right)).rstrip() for row in rows]

    def fitted_to(self, width: int) -> "Listing":
        """Return a table that fits into lines of so many characters."""
        if not self.least or not self.rows:
            return self
        from .fitting import GAP, fitted, fitted_widths

        places = range(len(self.columns))
        natural = [
            max(columns_of(self.columns[place]), *(_columns(row[place]) for row in self.rows)) for place in places
        ]
        present = [name for name in self.optional if name in self.columns]
        if present and sum(natural) + GAP * (len(natural) - 1) > width:
            return self._without(present[-1]).fitted_to(width)
        widths = natural
        for step in self.least:
            least = [
                min(widths[place], max(step.get(name, widths[place]), len(name)))
                for place, name in enumerate(self.columns)
            ]
            widths = fitted_widths(widths, least, width)
        table = self._without("")
        table.rows = [tuple(map(fitted, row, widths)) for row in self.rows]
        return table

    def _without(self, name: str) -> "Listing":
        """Return a copy without a column."""
        places = [place for place, column in enumerate(self.columns) if column != name]
        table = Listing(*(self.columns[place] for place in places), least=self.least, optional=self.optional)
        table.right = [self.right[place] for place in places]
        table.rows = [tuple(row[place] for place in places) for row in self.rows]
        return table


def _align(cell: str, width: int, right: bool) -> str:
    return padded(cell, width, right=right)


def _columns(cell: Cell) -> int:
    return cell.columns if isinstance(cell, Line) else columns_of(cell)


class Output(Protocol):
    """Output that commands print to."""

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
        painted = [_paint(part, self._console.width) for part in parts]
        self._console.print(*painted, style=style or None, end=end, soft_wrap=soft_wrap)


def painted(parts: Sequence[object]) -> "Group":
    """Return parts of an output, one below the other, as something that Rich can show."""
    from rich.console import Group

    return Group(*map(_paint, parts))


def _paint(part: object, width: int = 0) -> Any:
    from rich.text import Text

    if isinstance(part, Word):
        return Text(part, style=part.style)
    if isinstance(part, Line):
        return Text.assemble(*((str(word), word.style) for word in part.words))
    return _painted_table(part, width) if isinstance(part, Listing) else part


def _painted_table(listing: Listing, width: int) -> "Table":
    from rich.table import Table

    listing = listing.fitted_to(width) if width else listing
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name, right, whole in zip(listing.columns, listing.right, listing.whole, strict=True):
        made.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=whole)
    for row in listing.rows:
        made.add_row(*map(_painted_cell, row))
    return made


def _painted_cell(cell: Cell) -> "Text | str":
    painted: Text | str = _paint(cell)
    return painted


__all__ = ["Cell", "Line", "Listing", "Output", "Word", "output", "painted", "rich_console", "use_color"]

_color: ContextVar[str] = ContextVar("color", default="auto")


@contextmanager
def use_color(word: str) -> Generator[None]:
    """Choose colours for what is printed within: `always`, `never`, or `auto` for those that the terminal has.

    Raises:
        ValueError: it is another word.
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
    from rich.console import Console

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


def console(*, err: bool = False) -> Output:
    """Return where people read."""
    return output(err=err)
