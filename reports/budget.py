"""How much a report holds: as much as fits into a size, and sentences on what was left out."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .texts import counted

if TYPE_CHECKING:
    from .answers import Answers

TEXTS_KEPT = 200
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)i?b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


@dataclass(frozen=True)
class Extent:
    """How much a report holds."""

    sessions: int
    """The newest of them are in the table of all results."""
    sessions_with_durations: int
    texts: int
    """Kinds of failures that have their text."""


def parse_size(text: str) -> int:
    """Return a size in bytes: `2MB`, `500k`.

    Raises:
        ValueError: the text has another form.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"--max-size: {text!r} is no size; write it as 2MB or 500kB")
    return int(float(match[1]) * _FACTORS[match[2].lower()])


def extents(answers: "Answers") -> Iterator[Extent]:
    """Yield ever less: durations of the older half, then texts, then the older sessions."""
    sessions, texts = len(answers.sessions), len(answers.clusters)
    half = sessions - sessions // 2
    yield Extent(sessions, sessions, texts)
    yield Extent(sessions, half, texts)
    for kept in dict.fromkeys((min(texts, TEXTS_KEPT), min(texts, TEXTS_KEPT // 4), 0)):
        yield Extent(sessions, half, kept)
    while sessions > 1:
        sessions -= sessions // 2
        yield Extent(sessions, min(sessions, half), 0)
    yield Extent(0, 0, 0)


def left_out(answers: "Answers", extent: Extent) -> list[str]:
    """Return sentences on what a report leaves out because of its size."""
    told: list[str] = []
    sessions, texts = len(answers.sessions), len(answers.clusters)
    if extent.sessions < sessions:
        gone = counted(sessions - extent.sessions, "session")
        told.append(f"The table of all tests leaves out the oldest {gone} of {sessions:,}.")
    if extent.sessions_with_durations < extent.sessions:
        gone = counted(extent.sessions - extent.sessions_with_durations, "session")
        told.append(f"Durations of the oldest {gone} in it are left out.")
    if extent.texts < texts:
        told.append(f"Texts of {texts - extent.texts:,} of {counted(texts, 'kind')} of failures are left out.")
    return told


def fit(
    answers: "Answers", limit: int, render: Callable[[Extent, list[str]], bytes]
) -> tuple[bytes, Extent, list[str]]:
    """Return a report that is as complete as a size allows; one that is too large even without data as it is."""
    for extent in dict.fromkeys(extents(answers)):
        told = left_out(answers, extent)
        page = render(extent, told)
        if len(page) <= limit:
            return page, extent, told
    smallest = Extent(0, 0, 0)
    told = [*left_out(answers, smallest), f"It is still larger than {limit:,} bytes."]
    return render(smallest, told), smallest, told
