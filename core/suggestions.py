"""Suggestions for names that are unknown: what a mistyped name may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_CUTOFF = 0.6
_SHOWN = 3


def close_names(text: str, names: Iterable[str]) -> list[str]:
    """Return the names that a mistyped one may have meant, the most similar first."""
    lower = {name.lower(): name for name in dict.fromkeys(names)}
    return [lower[found] for found in get_close_matches(text.lower(), lower, _SHOWN, _CUTOFF)]


def suggestion(text: str, names: Iterable[str]) -> str:
    """Return `; did you mean NAME?` for a mistyped name, or nothing if no name is similar."""
    found = close_names(text, names)
    return f"; did you mean {' or '.join(found)}?" if found else ""
