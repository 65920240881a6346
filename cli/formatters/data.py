"""Answers as JSON."""

import json
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any, cast

import typer

from ..terminal.safe import safe_json
from .values import utc_text


def print_json(data: Any) -> None:
    """Print one JSON document; see `json_text`."""
    typer.echo(json_text(data, indent=2))


def json_text(data: Any, indent: int | None = None) -> str:
    """Return data as JSON; all that is not printable ASCII is escaped, whatever the encoding of the output."""
    return safe_json(json.dumps(data, indent=indent))


def data_of(value: Any) -> Any:
    """Return an answer as `--json` prints it: dataclasses as objects, times as ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        fields = {name: data_of(item) for name, item in asdict_shallow(value).items()}
        return _with_times(fields)
    fields = getattr(value, "_asdict", None)
    if fields is not None:
        return _with_times({name: data_of(item) for name, item in fields().items()})
    if isinstance(value, dict):
        return {str(name): data_of(item) for name, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [data_of(item) for item in cast("Sequence[Any]", value)]
    return value


def asdict_shallow(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass without going into them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _with_times(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        (name[:-3] + "_at" if name.endswith("_us") else name): utc_text(item) if name.endswith("_us") else item
        for name, item in fields.items()
    }
