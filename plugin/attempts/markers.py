"""Markers of a test, and the tags that `insight_tag` gives it."""

import pytest

_SILENT = frozenset({"parametrize", "usefixtures", "filterwarnings"})
"""Markers that describe how a test runs, not what it tests."""


class MarkerReader:
    """Reads the markers of many tests; those of a class, a module or a package are collected once for all its tests."""

    def __init__(self) -> None:
        self._of_nodes: dict[pytest.Item | pytest.Collector, list[pytest.Mark]] = {}

    def read(self, item: pytest.Item) -> tuple[list[str], dict[str, str]] | None:
        """Return the names of an item's markers and its tags; None if it has neither."""
        names: dict[str, None] = {}
        tags: dict[str, str] = {}
        for mark in self._marks_of(item):
            if mark.name == "insight_tag":
                name, value = _tag(mark)
                tags.setdefault(name, value)  # the closest marker comes first
            elif mark.name not in _SILENT:
                names[mark.name] = None
        if not names and not tags:
            return None
        return list(names), tags

    def _marks_of(self, item: pytest.Item) -> list[pytest.Mark]:
        """Return all markers of an item, the closest first, as `iter_markers` does."""
        if getattr(type(item), "iter_markers", None) is not pytest.Item.iter_markers:
            return list(item.iter_markers())  # an item of a plugin, with an order of its own
        return item.own_markers + self._marks_of_parents(item)

    def _marks_of_parents(self, node: pytest.Item | pytest.Collector) -> list[pytest.Mark]:
        parent = node.parent
        if parent is None:
            return []
        found = self._of_nodes.get(parent)
        if found is None:
            found = self._of_nodes[parent] = parent.own_markers + self._marks_of_parents(parent)
        return found


def _tag(mark: pytest.Mark) -> tuple[str, str]:
    values = dict(zip(("name", "value"), mark.args, strict=False)) | dict(mark.kwargs)
    return str(values.get("name", "")), str(values.get("value", ""))
