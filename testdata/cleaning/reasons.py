"""Reasons of failed cleanups, grouped by kind. Pure."""

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["count_reasons"]

_ERROR = re.compile(r"(?P<type>[\w.]+): .*(?P<place> \([^()]+:\d+\))", re.DOTALL)
"""Form of a recorded error: type, message, and the place where it was raised."""


def count_reasons(texts: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return each kind of failure once, the most frequent first.

    Errors of one type that were raised at one place are one kind, also if their messages differ.

    Args:
        texts: pairs of the id of a resource and the text of its failure.

    Returns:
        for each kind `error` (the first text), `count`, `resources` [ids].
    """
    kinds: dict[Any, dict[str, Any]] = {}
    for resource_id, text in texts:
        found = _ERROR.fullmatch(text)
        kind = kinds.setdefault(
            (found["type"], found["place"]) if found else text, {"error": text, "count": 0, "resources": []}
        )
        kind["count"] += 1
        kind["resources"].append(resource_id)
    return sorted(kinds.values(), key=lambda each: -each["count"])
