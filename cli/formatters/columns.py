"""Rows of tests in columns that fit the screen: name, strip, note, text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..terminal.cells import columns_of, padded
from ..terminal.layout import elided, shortened
from ..terminal.safe import safe_line
from ..terminal.words import Line
from .strips import strip_line

GAP = "  "
INDENT = "  "
STRIP_RUNS, STRIP_RUNS_WIDE = 12, 24
WIDE = 110
"""Columns from which on a screen has room for longer strips."""
_NAME_MIN, _NAME_SHARE = 24, 0.6
QUIET = "dim"
NOTE_STYLES = {"cut": "magenta", "was flaky": "yellow", "uncollected": "red", "new": "bold"}


class Cells(NamedTuple):
    """A row about a test."""

    nodeid: str
    strip: Sequence[str] = ()
    """Words of marks."""
    note: str = ""
    text: str = ""


class Widths(NamedTuple):
    """Widths of the columns of some rows; 0 for a column that no row has, or, of names and texts, for any width."""

    names: dict[str, str]
    """Shown part of each node id."""
    name: int
    strip: int
    note: int
    text: int
    """-1 if there is no room for it."""


def short_names(nodeids: Iterable[str], width: int) -> dict[str, str]:
    """Return node ids cut to a width: first their folders are left out, then the file, then the classes.

    Where two of them would look the same, both are shown whole with the middle left out.

    Args:
        nodeids: as they were recorded.
        width: columns; 0 for any number.
    """
    found = {nodeid: _short_name(safe_line(nodeid), width) for nodeid in nodeids}
    counts = Counter(found.values())
    return {nodeid: elided(safe_line(nodeid), width) if counts[short] > 1 else short for nodeid, short in found.items()}


def _short_name(shown: str, width: int) -> str:
    path, colons, rest = shown.partition("::")
    file = path.rpartition("/")[2]
    forms = (shown, f"{file}{colons}{rest}", rest or file)
    return next((form for form in forms if not width or columns_of(form) <= width), elided(forms[-1], width))


def widths_of(rows: Sequence[Cells], width: int) -> Widths:
    """Return the widths of the columns of some rows.

    Args:
        rows: what is shown below each other.
        width: columns of the screen; 0 for any number.
    """
    nodeids = [cells.nodeid for cells in rows]
    longest = max((columns_of(safe_line(nodeid)) for nodeid in nodeids), default=0)
    note = max((columns_of(cells.note) for cells in rows), default=0)
    text = max((columns_of(cells.text) for cells in rows), default=0)
    most = STRIP_RUNS if width and width < WIDE else STRIP_RUNS_WIDE
    strip = min(most, max((len(cells.strip) for cells in rows), default=0))
    if not width:
        return Widths(short_names(nodeids, 0), longest, strip, note, 0)
    room = width - len(INDENT) - _NAME_MIN
    note = max(min(note, room - len(GAP)), 0)
    strip = max(min(strip, room - note - len(GAP) * (1 + bool(note))), 0)
    left = width - len(INDENT) - sum(part + len(GAP) for part in (strip, note) if part) - len(GAP) * bool(text)
    name = min(longest, max(_NAME_MIN, left - text, round(left * _NAME_SHARE)))
    names = short_names(nodeids, name)
    name = max((columns_of(shown) for shown in names.values()), default=0)  # what is left of it is for the text
    return Widths(names, name, strip, note, left - name if left > name else -1)


def row_line(cells: Cells, widths: Widths) -> Line:
    """Return a row as a line; the name is cut in its middle, the text at its end."""
    line = Line()
    line.append(INDENT + padded(widths.names[cells.nodeid], widths.name))
    if widths.strip:
        line.append(GAP)
        line.words.extend(strip_line(cells.strip, width=widths.strip).words)
    if widths.note:
        line.append(GAP)
        line.append(padded(shortened(cells.note, widths.note), widths.note), NOTE_STYLES.get(cells.note, QUIET))
    if cells.text and widths.text >= 0:
        line.append(GAP)
        line.append(shortened(cells.text, widths.text), QUIET)
    return line
