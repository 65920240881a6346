"""Rules of wording: words that the project does not use, openings of docstrings, names of helper functions."""

import ast
import re
from collections.abc import Iterator

from tree import Source

WORDS = (
    "somebody", "nobody", "everybody", "anybody", "whoever",
    "stand", "stands", "is none", "come to", "comes to", "came to", "bear", "bears", "beside", "anew",
    "trouble", "doubt",
)  # fmt: skip
"""Words that name no thing of the field; docs/architecture.md lists what to write instead."""

OPENINGS = ("What", "Who", "Whose", "Whom", "Whoever", "Where", "Say", "Says", "Tell", "Tells", "Give", "Gives")
"""First words of docstrings that do not name their subject."""

_ANY = "|".join(WORDS).replace(" ", r"[ \t]+")
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
    for match in _WORD.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[0]


def find_openings(source: Source) -> Iterator[tuple[int, str]]:
    """Yield each docstring that opens with an unwanted word, by its line and its first words.

    The texts below attributes and constants are docstrings, too.
    """
    for node in source.nodes:
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        text = node.value.value
        if isinstance(text, str) and _OPENING.match(text):
            yield node.lineno, text.strip().partition("\n")[0][:60]


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
