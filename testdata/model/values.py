"""Test data as JSON: allowed values, digests and copies. Pure."""

import math
from hashlib import blake2b
from typing import Any, NamedTuple, cast

import msgspec

__all__ = ["Content", "as_content", "check_json", "check_name"]

_DEPTH_MAX = 100
_INT_BITS_MAX = 1024
_NAME_BYTES_MAX = 1000
_NO_VALUE = "must be made of dict, list, str, int, float, bool and None"

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Content(NamedTuple):
    """A value as it is stored in an event."""

    data: msgspec.Raw
    digest: str
    """BLAKE2b-128 of the JSON with sorted keys, in hexadecimal: equal for equal data."""


def as_content(value: Any, what: str = "data") -> Content:
    """Return `value` as JSON, which is also an independent copy.

    Args:
        value: dict, list, str, int, float, bool, None, nested at will; a tuple becomes a list.
        what: name of the value in errors.

    Raises:
        TypeError: a part of it is not JSON; the message contains its path.
        ValueError: a float is not finite, a text is not valid Unicode, or it is nested too deeply.
    """
    check_json(value, what)
    return Content(msgspec.Raw(_encode(value)), blake2b(_encode_sorted(value), digest_size=16).hexdigest())


def check_json(value: Any, path: str) -> None:
    """Raise the errors of `as_content` unless `value` is JSON."""
    _check(value, path, 0)


def _check(value: Any, path: str, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path}: {value} is not JSON; use None or a text")
    elif isinstance(value, int):
        if value.bit_length() > _INT_BITS_MAX:
            raise ValueError(f"{path}: an integer of {value.bit_length()} bits is too large")
    elif isinstance(value, (dict, list, tuple)):
        _check_items(cast("Any", value), path, depth + 1)
    elif value is not None:
        raise TypeError(f"{path}: {type(value).__name__} is not JSON; it {_NO_VALUE}")


def _check_items(value: Any, path: str, depth: int) -> None:
    if depth > _DEPTH_MAX:
        raise ValueError(f"{path[:200]}...: nested more than {_DEPTH_MAX} deep, or within itself")
    if isinstance(value, dict):
        for key, item in cast("dict[Any, Any]", value).items():
            if not isinstance(key, str):
                raise TypeError(f"{path}: the key {key!r} is not a str; JSON keys are str")
            _check_text(key, path)
            _check(item, f"{path}.{key}", depth)
        return
    for index, item in enumerate(value):
        _check(item, f"{path}[{index}]", depth)


def _check_text(text: str, path: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{path}: contains a lone surrogate; replace it") from error


def check_name(name: Any, what: str) -> str:
    """Return `name` if it is a valid name.

    Raises:
        TypeError: it is not a str.
        ValueError: it is empty, too long, or not valid Unicode.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, not {type(name).__name__}")
    _check_text(name, what)
    if not name or len(name.encode()) > _NAME_BYTES_MAX:
        raise ValueError(f"{what} must have 1 to {_NAME_BYTES_MAX} bytes")
    return name
