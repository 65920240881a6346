"""Parse a JSON document of sessions, and read its fields with checks of their types.

`where` is always the JSON path of a value, for messages.
"""

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, cast

import msgspec

from ..times import from_datetime


class DocumentError(ValueError):
    """A document that is not a session; the message has the reason and the JSON path."""


def parse_json(data: bytes) -> object:
    """Return the value in a JSON file; NaN and infinities, which old files have, are accepted too.

    Raises:
        DocumentError: it is not JSON.
    """
    text = data.removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # the slower parser accepts NaN, and its errors name the place
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    except ValueError as error:
        raise DocumentError(f"is not JSON: {error}") from None


def session_documents(data: object) -> list[object]:
    """Return the session documents in a parsed file: a list of them, or an object with `sessions`, or a single one.

    Raises:
        DocumentError: the file is something else.
    """
    if isinstance(data, list):
        return cast("list[object]", data)
    if isinstance(data, dict):
        fields = cast("dict[str, object]", data)
        if isinstance(fields.get("sessions"), list):
            return cast("list[object]", fields["sessions"])
        if "session_start_time" in fields or "test_results" in fields:
            return [fields]
    raise DocumentError("neither a list of sessions nor an object with `sessions`")


def duration_us_of(value: object) -> int | None:
    """Return seconds as microseconds; None if the value is missing, not a finite number, or negative."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return round(value * 1_000_000) if math.isfinite(value) and 0 <= value < 1e12 else None  # noqa: PLR2004


def time_us_of(value: object, where: str) -> int | None:
    """Return a time in ISO 8601 as microseconds since the epoch; None if it is missing. A naive time is local time."""
    if value is None or value == "":
        return None
    try:
        return from_datetime(datetime.fromisoformat(str(value)).astimezone())
    except (ValueError, OverflowError, OSError):
        raise DocumentError(f"not a time in ISO 8601: {str(value)[:60]!r} @ {where}") from None


def object_at(value: object, where: str) -> Mapping[str, Any]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise DocumentError(f"expected an object, got {type(value).__name__} @ {where}")
    return cast("dict[str, Any]", value)


def list_at(value: object, where: str) -> list[object]:
    """Return a value that must be a list; an empty list if it is missing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise DocumentError(f"expected a list, got {type(value).__name__} @ {where}")
    return cast("list[object]", value)


def texts_at(value: object, where: str) -> list[str]:
    """Return a list with each item as text."""
    return [str(item) for item in list_at(value, where)]


def text_of(value: object) -> str:
    """Return a value as text; "" if it is missing."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def text_values_at(value: object, where: str) -> dict[str, str]:
    """Return an object whose values are texts; a value of another type becomes JSON."""
    if value is None:
        return {}
    return {
        str(name): item if isinstance(item, str) else json.dumps(item, default=str)
        for name, item in object_at(value, where).items()
    }


def output_sections(value: object) -> Iterator[tuple[str, str]]:
    """Yield `(name, text)` of sections given as `{name: text}` or `{name: {"name": ..., "content": ...}}`."""
    if not isinstance(value, dict):
        return
    for name, item in cast("dict[str, object]", value).items():
        content = cast("dict[str, object]", item).get("content") if isinstance(item, dict) else item
        if isinstance(content, str) and content:
            yield str(name), content
