"""Markers of a test, and the tags that `insight_tag` gives it."""

import pytest

_SILENT = frozenset({"parametrize", "usefixtures", "filterwarnings"})
"""Markers that describe how a test runs, not what it tests."""


def markers_of(item: pytest.Item) -> tuple[list[str], dict[str, str]] | None:
    """Return the names of an item's markers and its tags; None if it has neither."""
    names: dict[str, None] = {}
    tags: dict[str, str] = {}
    for mark in item.iter_markers():
        if mark.name == "insight_tag":
            name, value = _tag(mark)
            tags.setdefault(name, value)  # the closest marker comes first
        elif mark.name not in _SILENT:
            names[mark.name] = None
    if not names and not tags:
        return None
    return list(names), tags


def _tag(mark: pytest.Mark) -> tuple[str, str]:
    values = dict(zip(("name", "value"), mark.args, strict=False)) | dict(mark.kwargs)
    return str(values.get("name", "")), str(values.get("value", ""))
