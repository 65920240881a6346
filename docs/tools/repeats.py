"""Repeated code: blocks of ten lines and more that are in the package twice."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree import Source

BLOCK_LINES = 10
"""Lines of code in a block; blank lines, comments and imports do not count."""

Line = tuple[int, str]


@dataclass(frozen=True)
class Repeat:
    """A block of a file whose text is in another place as well."""

    path: str
    first: int
    last: int
    other: str
    """The place of the first occurrence, as `path:line`."""


def find_repeats(sources: Iterable[Source]) -> list[Repeat]:
    """Return each block that repeats an earlier one, as long as it goes on."""
    places: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    repeats: list[Repeat] = []
    for source in sources:
        lines = list(_code_lines(source))
        windows = [tuple(text for _, text in lines[i : i + BLOCK_LINES]) for i in range(len(lines) - BLOCK_LINES + 1)]
        starts = [i for i, window in enumerate(windows) if window in places]
        for first, last in _stretches(starts):
            path, line = places[windows[first]][0]
            end = lines[last + BLOCK_LINES - 1][0]
            repeats.append(Repeat(source.name, lines[first][0], end, f"{path}:{line}"))
        for i, window in enumerate(windows):
            places[window].append((source.name, lines[i][0]))
    return repeats


def _code_lines(source: Source) -> Iterator[Line]:
    imports = (node for node in source.nodes if isinstance(node, ast.Import | ast.ImportFrom))
    imported = {number for node in imports for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    for number, line in enumerate(source.lines, 1):
        text = line.strip()
        if text and not text.startswith("#") and number not in imported:
            yield number, text


def _stretches(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of consecutive numbers."""
    first = previous = None
    for number in numbers:
        if previous is None or first is None:
            first = number
        elif number != previous + 1:
            yield first, previous
            first = number
        previous = number
    if first is not None and previous is not None:
        yield first, previous
