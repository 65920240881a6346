"""Answers as JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, cast

import typer

from ..terminal.safe import safe_json
from .values import utc_text


def print_json(data: Any) -> None:
    """Print one JSON document; see `json_text`."""
    typer.echo(json_text(data, indent=2))


def json_text(data: Any, indent: int | None = None) -> str:
    """Return data as JSON; all that is not printable ASCII is escaped, whatever the encoding of the output."""
    text = json.dumps(data)
    return safe_json(text if indent is None else _indent(text, data, indent))


def _indent(text: str, data: Any, indent: int) -> str:
    """Return JSON with line breaks; the standard library needs ten times as long for it as without them."""
    import msgspec

    try:
        return msgspec.json.format(text, indent=indent)
    except msgspec.DecodeError:  # half a surrogate pair, or NaN
        return json.dumps(data, indent=indent)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def data_of(value: Any) -> Any:
    """Return an answer as `--json` prints it: dataclasses and named tuples as objects, times as ISO 8601."""
    kind: type = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in _PLAIN:
        return value
    known = _fields_of(kind)
    if known is not None:
        return {key: convert(getattr(value, name)) for name, key, convert in known}
    if isinstance(value, dict):
        return {str(name): data_of(item) for name, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [data_of(item) for item in cast("Sequence[Any]", value)]
    return value


@cache
def _fields_of(kind: type) -> tuple[tuple[str, str, Callable[[Any], Any]], ...] | None:
    """Return `(name, name in JSON, conversion)` of each field of a dataclass or named tuple; None for other types."""
    names: Sequence[str] | None = getattr(kind, "_fields", None)
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
    if names is None:
        return None
    return tuple(
        (name, f"{name.removesuffix('_us')}_at", utc_text) if name.endswith("_us") else (name, name, data_of)
        for name in names
    )
