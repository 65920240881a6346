"""Values that JSON can represent without a change: recorded data must be read back equal."""

import math
from collections.abc import Mapping
from typing import Any, cast

import msgspec

DEPTH_MAX = 100
INT_MIN, INT_MAX = -(2**63), 2**64 - 1
"""Range of integers that all JSON readers return unchanged."""

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def json_copy(value: Any, path: str = "$") -> Any:
    """Return a deep copy of `value` as plain JSON types: tuples become lists, subclasses their base type.

    Args:
        value: None, bool, int, float, str, and lists, tuples and str-keyed mappings of these.
        path: name of the value in errors.

    Raises:
        TypeError: a value is not JSON; the message contains its path.
    """
    return _copy(value, path, DEPTH_MAX)


def _copy(value: Any, path: str, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, (int, float)):
        return _number(value, path)
    if depth == 0:
        raise TypeError(f"{path}: nested deeper than {DEPTH_MAX} levels, or holding itself; make it flatter")
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {_key(key, path): _copy(item, f"{path}.{key}", depth - 1) for key, item in items}
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        return [_copy(item, f"{path}[{index}]", depth - 1) for index, item in enumerate(items)]
    raise TypeError(f"{path}: {type(value).__name__} is not JSON; write it as a str, a number, a list or a dict")


def _text(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TypeError(
            f"{path}: a lone surrogate at character {error.start} is not valid Unicode; replace it"
        ) from None
    return "".join(text)


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{path}: the key {key!r} is of type {type(key).__name__}; keys of JSON objects are str")
    return _text(key, path)


def _number(number: float, path: str) -> float:
    if isinstance(number, int):
        if not INT_MIN <= number <= INT_MAX:
            raise TypeError(f"{path}: {number} does not fit into 64 bits; write it as a str")
        return int(number)
    if not math.isfinite(number):
        raise TypeError(f"{path}: {number} is not JSON; write None or a str")
    return float(number)
