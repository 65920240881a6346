"""Names that are nearly what was written, for messages about unknown names."""

from collections.abc import Iterable

_CUTOFF = 0.6


def nearest_name(text: str, names: Iterable[str]) -> str:
    """Return the name that is most like a text; empty if none is like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for a message about an error

    by_lower = {name.lower(): name for name in names}
    found = get_close_matches(text.lower(), by_lower, n=1, cutoff=_CUTOFF)
    return by_lower[found[0]] if found else ""


def did_you_mean(text: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: `; did you mean shop?`, or nothing if no name is like it."""
    found = nearest_name(text, names)
    return f"; did you mean {found}?" if found else ""
