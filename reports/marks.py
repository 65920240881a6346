"""Marks of results as shapes of SVG: each result has a shape of its own, then a colour; a strip has words too.

Colours are attributes, so that a page without style sheets shows them; the style sheet repeats them for dark pages.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from ..core.overview.marks import MARKS
from ..projections.rules import BAD
from .texts import counted

CELL = 7
"""Width of a run in a strip."""
HEIGHT = 20


class Drawing(NamedTuple):
    """How the mark of a result is drawn."""

    path: str
    """Relative to the upper left corner of its cell, which is 7 wide and 20 high."""
    light: str
    """Colour on a white page."""
    dark: str
    """Colour on a dark page."""


_GREEN, _RED, _PURPLE, _ORANGE, _GREY = (
    ("#4d8f7c", "#3a8674"),
    ("#b2182b", "#ff7b72"),
    ("#7b3294", "#d2a8ff"),
    ("#c96a00", "#ffb454"),
    ("#6e7681", "#7d8590"),
)
DRAWINGS: dict[str, Drawing] = {
    "crashed": Drawing("m.5 2h2v8h2v-8h2v16h-6z", *_RED),
    "error": Drawing("m3.5 .5l3.4 9.5-3.4 9.5-3.4-9.5z", *_PURPLE),
    "failed": Drawing("m.5 2h6v16h-6z", *_RED),
    "cut": Drawing("m.5 2h6v3h-6zm0 13h6v3h-6z", *_PURPLE),
    "rerun": Drawing("m.5 4h6l-3 13zm1.9 2 1.1 5 1.1-5z", *_ORANGE),
    "flaky": Drawing("m.5 17l6-13v13z", *_ORANGE),
    "xpassed": Drawing("m0 6h7v2.5h-7zm0 5.5h7v2.5h-7z", *_ORANGE),
    "other": Drawing("m.5 6h6v8h-6zm2 2v4h2v-4z", *_PURPLE),
    "passed": Drawing("m0 8.5h7v3h-7z", *_GREEN),
    "xfailed": Drawing("m3.5 6.5a3.5 3.5 0 10.01 0zm0 2a1.5 1.5 0 11-.01 0z", *_GREEN),
    "skipped": Drawing("m2 8.5h3v3h-3z", *_GREY),
    "not_run": Drawing("m3.5 9a1 1 0 10.01 0z", *_GREY),
}
"""By the word of the mark; the words are those of every other strip."""

_STARTS = {
    word: (float(left), rest)
    for word, drawing in DRAWINGS.items()
    for left, _, rest in [drawing.path[1:].partition(" ")]
}
"""Distance of the first line of a mark from the left, and the path behind it."""
_WITH_HOLES = ("rerun", "other", "xfailed")
WORDS = tuple(MARKS)
"""Words of marks; the place is the code in the data of a report, from 1 on."""


def strip_svg(words: Sequence[str], count: int = 0) -> Markup:
    """Return a strip of the last runs, the newest on the right.

    Args:
        words: of the marks, the newest last.
        count: how many runs there is room for.
    """
    count = max(count, len(words), 1)
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words, count - len(words)):
        places.setdefault(word if word in DRAWINGS else "other", []).append(place)
    paths = "".join(_path(word, at) for word, at in places.items())
    return Markup(
        '<svg class="strip" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' preserveAspectRatio="xMaxYMid slice" aria-label="{label}">{paths}</svg>'
    ).format(width=count * CELL, height=HEIGHT, label=words_of_strip(words), paths=Markup(paths))  # noqa: S704 - digits


def _path(word: str, places: list[int]) -> str:
    """Return one path for all runs of a mark; neighbouring passes are one line."""
    if word == "passed":
        path = "".join(f"M{first * CELL} 8.5h{length * CELL}v3h-{length * CELL}z" for first, length in _rows_of(places))
    else:
        left, rest = _STARTS[word]
        path = "".join(f"M{place * CELL + left:g} {rest}" for place in places)
    return _element(word, path)


def _element(word: str, path: str) -> str:
    rule = ' fill-rule="evenodd"' if word in _WITH_HOLES else ""
    return f'<path class="m-{escape(word)}" fill="{DRAWINGS[word].light}"{rule} d="{path}"/>'


def _rows_of(places: list[int]) -> list[tuple[int, int]]:
    """Return unbroken rows of places as `(first, length)`."""
    rows: list[tuple[int, int]] = []
    for place in places:
        if rows and sum(rows[-1]) == place:
            rows[-1] = rows[-1][0], rows[-1][1] + 1
        else:
            rows.append((place, 1))
    return rows


def words_of_strip(words: Sequence[str]) -> str:
    """Return a strip in words: how many of the last runs had which result, and how long it fails."""
    if not words:
        return "no run"
    failing = 0
    while failing < len(words) and words[-1 - failing] in BAD:
        failing += 1
    counts = Counter(words)
    told = ", ".join(f"{word.replace('_', ' ')} {counts[word]}" for word in MARKS if counts[word])
    rest = [word for word in counts if word not in MARKS]
    told = ", ".join([told, *(f"{word} {counts[word]}" for word in rest)]) if rest else told
    runs = counted(len(words), "run")
    since = f"failing since {failing} of {runs}" if failing else runs
    return f"{since}: {told}"


def mark_svg(word: str, *, is_legend: bool = False) -> Markup:
    """Return one mark alone: in the legend of a page as it is drawn, elsewhere as a reference to that one."""
    known = word if word in DRAWINGS else "other"
    path = f'<use href="#m-{known}"/>'
    if is_legend:
        path = _element(known, DRAWINGS[known].path).replace("<path", f'<path id="m-{known}"')
    return Markup('<svg class="mark" width="7" height="20" aria-hidden="true">{}</svg>').format(
        Markup(path)  # noqa: S704 - made of digits and of words of the table
    )
