"""Plain values from the attributes of reports, which any plugin may have changed.

Each function returns a value to record and whether something was lost; a value that cannot be used affects nothing
else.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from ...eventlog.plain import clean_text, plain, type_name

_DURATION_US_MAX = 2**53


def duration_us(report: Any) -> tuple[int, bool]:
    """Return the duration of a report in microseconds; 0 if it is not a number, not finite or negative."""
    try:
        number = round(report.duration * 1_000_000)
    except Exception:  # noqa: BLE001 - None, NaN, infinite, or an object of another plugin
        return 0, True
    return (number, False) if type(number) is int and 0 <= number < _DURATION_US_MAX else (0, True)


def text_of(value: object) -> tuple[str, bool]:
    """Return the text of any value; its type in angle brackets if it has no text."""
    if isinstance(value, str):
        try:
            return clean_text(value)
        except Exception:  # noqa: BLE001 - a subclass may raise in anything
            return f"<{type_name(value)}>", True
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace"), True
    try:
        return clean_text(str(value))
    except Exception:  # noqa: BLE001 - a foreign __str__ may raise anything
        return f"<{type_name(value)}>", True


def sections_of(report: Any) -> tuple[list[tuple[str, str]], bool]:
    """Return the sections of a report that are pairs of name and text."""
    found: list[tuple[str, str]] = []
    lossy = False
    for section in _items(getattr(report, "sections", ())):
        if not isinstance(section, (tuple, list)) or len(cast("Any", section)) != 2:  # noqa: PLR2004 - a pair
            lossy = True
            continue
        (name, lost_name), (text, lost) = (text_of(part) for part in cast("Iterable[object]", section))
        lossy = lossy or lost_name or lost
        found.append((name, text))
    return found, lossy


def properties_of(report: Any) -> tuple[list[tuple[str, Any]], bool]:
    """Return the user properties of a report as pairs of name and plain data; an entry that is not a pair gets an
    empty name.
    """
    return plain_properties(getattr(report, "user_properties", ()))


def plain_properties(given: Any) -> tuple[list[tuple[str, Any]], bool]:
    """Return properties as pairs of name and plain data, and whether something of them was lost."""
    found: list[tuple[str, Any]] = []
    lossy = isinstance(given, Mapping)
    for entry in _items(cast("Any", given).items() if isinstance(given, Mapping) else given):
        is_pair = isinstance(entry, (tuple, list)) and len(cast("Any", entry)) == 2  # noqa: PLR2004 - a pair
        name, value = cast("tuple[object, object]", entry if is_pair else ("", entry))
        text, lost_name = text_of(name)
        data, lost = _plain(value)
        lossy = lossy or lost or lost_name or not is_pair
        found.append((text, data))
    return found, lossy


def _plain(value: object) -> tuple[Any, bool]:
    try:
        return plain(value)
    except Exception:  # noqa: BLE001 - a container of another plugin may raise when it is gone through
        return {"$repr": f"<{type_name(value)}>", "type": type_name(value)}, True


def _items(values: object) -> list[Any]:
    if isinstance(values, str):
        return [values]
    try:
        return list(cast("Iterable[Any]", values))
    except Exception:  # noqa: BLE001 - nothing that can be gone through
        return [] if values is None else [values]
