"""The tree as the tools see it: rooms, their Python files, and the pages of documentation."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

NOT_ROOMS = {"benchmarks", "tests", "docs"}
"""Folders at the top that are not part of the package."""

NOT_TESTS = {"data", "campaigns"}
"""Folders of tests/ that hold recorded files and long campaigns instead of tests."""


@dataclass(frozen=True)
class Source:
    """One Python file, by its path from the root of the tree."""

    path: Path
    text: str

    @property
    def room(self) -> str:
        """The folder at the top."""
        return self.path.parts[0]

    @property
    def name(self) -> str:
        """The path as text, with `/`."""
        return self.path.as_posix()

    @property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.splitlines()

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """The module and all statements in it; expressions are left out."""
        return list(_statements(ast.parse(self.text)))


@dataclass(frozen=True)
class Tree:
    """All files that the rules are about."""

    root: Path
    package: list[Source]
    tests: list[Source]
    pages: list[tuple[str, str]]
    """Pages of documentation: name and text."""
    tools: list[Source] = field(default_factory=list[Source])
    """The tools of the documentation, which keep to the rules of wording, too."""


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _statements(child)


def read_rooms(root: Path) -> list[str]:
    """Return the folders at the top that are part of the package."""
    return sorted({path.parent.name for path in root.glob("*/__init__.py")} - NOT_ROOMS)


@cache
def read_tree(root: Path = ROOT) -> Tree:
    """Read the tree below a folder."""
    tests = [path for path in _python_files(root, "tests") if not NOT_TESTS & set(path.relative_to(root).parts)]
    pages = [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]
    return Tree(
        root,
        [_read_source(root, path) for room in read_rooms(root) for path in _python_files(root, room)],
        [_read_source(root, path) for path in tests],
        [(page.relative_to(root).as_posix(), page.read_text(encoding="utf-8")) for page in pages],
        [_read_source(root, path) for path in _python_files(root, "docs/tools")],
    )


def _python_files(root: Path, folder: str) -> list[Path]:
    return sorted((root / folder).rglob("*.py"))


def _read_source(root: Path, path: Path) -> Source:
    return Source(path.relative_to(root), path.read_text(encoding="utf-8"))
