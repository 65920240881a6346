"""Import circles: groups of modules that import each other, directly or through others."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tree import Source

Graph = dict[str, set[str]]
"""The files that each file imports."""


def import_graph(sources: Iterable[Source]) -> Graph:
    """Return the imports between some files, also those inside of functions."""
    files = {source.name: source for source in sources}
    return {name: set(_imports(source, files)) - {name} for name, source in files.items()}


def find_circles(graph: Graph) -> list[list[str]]:
    """Return the groups of files that import each other (the strongly connected components of two and more)."""
    reached = {name: _reach(graph, name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reach(graph: Graph, start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph[waiting.pop()] - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def _imports(source: Source, files: dict[str, Source]) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            base = _base_folder(source, node)
            if base is not None:
                yield from _targets(base, [alias.name for alias in node.names], files)


def _base_folder(source: Source, node: ast.ImportFrom) -> Path | None:
    """Return the path that an import starts from, without a suffix; None if it leaves the package."""
    words = (node.module or "").split(".") if node.module else []
    if node.level:
        parts = source.path.parent.parts
        return Path(*parts[: len(parts) - node.level + 1], *words)
    return Path(*words[1:]) if words[:1] == ["pytest_insight"] else None


def _targets(base: Path, names: list[str], files: dict[str, Source]) -> Iterator[str]:
    module = base.with_name(f"{base.name}.py").as_posix() if base.name else ""
    if module in files:
        yield module
        return
    for name in names:
        inner = [(base / f"{name}.py").as_posix(), (base / name / "__init__.py").as_posix()]
        found = [path for path in inner if path in files] or [(base / "__init__.py").as_posix()]
        yield from (path for path in found[:1] if path in files)
