"""Plain technical English: the word list, and the patterns of docstrings that name no subject."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ["eventlog", "core/exchange", "docs/tools"]
"""Folders that keep to the list; the others follow."""

WORDS = re.compile(
    r"\b(some|no|every|any)body\b|\bwhoever\b|\bstands?\b|\bis none\b(?! of)|\bcomes? to\b|\bbears?\b|\bbeside\b|\banew\b"
    r"|\btrouble\b|\bdoubt\b",
    re.IGNORECASE,
)
OPENINGS = re.compile(r"(What|Who|Whose|Whom|Where|Whoever|Says?|Tells?|Gives?)\b")


def docstrings(path: Path) -> list[tuple[int, str]]:
    """Docstrings and the texts below fields of a module, each with its line."""
    return [
        (node.lineno, node.value.value)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]


def texts(path: Path) -> list[tuple[int, str]]:
    """Docstrings, comments and messages of a module, each with its line."""
    found = docstrings(path)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        _, mark, comment = line.partition("# ")
        found += [(number, comment)] if mark else []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            found += [(node.lineno, str(part.value)) for part in node.values if isinstance(part, ast.Constant)]
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_word_of_the_list_is_used(room):
    """Docstrings, comments and messages name things by the terms of the field."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {word[0]}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in texts(path)
        for word in WORDS.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_name_their_subject(room):
    """None opens with What, Who, Where, Say, Tell or Give."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {text.splitlines()[0]}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in docstrings(path)
        if OPENINGS.match(text)
    ]
    assert found == []
