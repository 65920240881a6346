"""Rules of wording: words that the project does not use, openings of docstrings, names of helper functions."""

import ast
import re
from collections.abc import Iterator

from tree import Source

WORDS = (
    "somebody", "nobody", "everybody", "whoever",
    "stands", "is none", "comes to", "bears", "anew", "trouble", "doubt",
)  # fmt: skip
"""Words that name no thing of the field; docs/architecture.md lists what to write instead."""

OPENINGS = ("What", "Who", "Where", "Say", "Tell", "Give")
"""First words of docstrings that do not name their subject."""

_ANY = "|".join(WORDS).replace(" ", r"\s+")
_SINGLE = "|".join(word.capitalize() for word in WORDS if " " not in word)
_WORD = re.compile(rf"(?<![A-Za-z])(?:{_ANY})(?![a-z])|\b(?:{_SINGLE})(?![a-z])")
_OPENING = re.compile(rf"\s*(?:{'|'.join(OPENINGS)})\b")

_SUFFIXES = ("ed", "wn", "ught", "ept", "itten", "aken", "osen", "oken", "idden")
_PARTICIPLES = re.compile(
    "begun|bound|built|cut|done|felt|found|given|gone|held|kept|laid|led|left|lost|made|meant|met|paid|put|said|seen|sent|"
    "sold|spent|spread|told|torn|understood|won|those|these"
)
_NO_PARTICIPLES = re.compile("bed|down|embed|feed|need|own|proceed|put|seed|shed|speed|succeed|token")
_PRIVATE_WORD = re.compile(r"_[a-z]+")


def find_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield each unwanted word of a text with the number of its line."""
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, match[0]) for match in _WORD.finditer(line))


def find_openings(source: Source) -> Iterator[tuple[int, str]]:
    """Yield each docstring that opens with an unwanted word, by the line and the name of what it documents."""
    for node in source.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text and _OPENING.match(text):
                yield (1, "module") if isinstance(node, ast.Module) else (node.lineno, node.name)


def is_bare_participle(name: str) -> bool:
    """Return whether a private function is named by a participle alone (`_settled`, `_told`)."""
    word = name[1:]
    if not _PRIVATE_WORD.fullmatch(name) or _NO_PARTICIPLES.fullmatch(word):
        return False
    return word.endswith(_SUFFIXES) or _PARTICIPLES.fullmatch(word) is not None


def find_participles(source: Source) -> Iterator[tuple[int, str]]:
    """Yield each function that is named by a participle alone."""
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_bare_participle(node.name):
            yield node.lineno, node.name
