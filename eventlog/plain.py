"""Turn any Python value into one that UTF-8 JSON can carry, and say whether something was lost.

Test code hands over anything: lone surrogates, `Path` objects, NaN, subclasses of `str`, objects whose
`__repr__` raises. A recorder may neither fail on them nor write something that looks like a plain value
and is not, so what JSON lacks is written as an object with one `$` key: `{"$float": "nan"}`,
`{"$int": "1000..."}`, `{"$repr": "...", "type": "pkg.Class"}`.
"""

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, cast

from .events import Truncation
from .format import DIGEST_SIZE

DEPTH_MAX = 12
ITEMS_MAX = 1000
REPR_CHARS_MAX = 2000
_INT_LIMIT = 2**63


def clean_text(text: str) -> tuple[str, bool]:
    r"""Return `text` with lone surrogates written as `\udcXX`, and whether there were any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode(), True
    # str.__str__ of a subclass may be overridden; join gives the real characters as an exact str
    return (text if type(text) is str else "".join(text)), False


def shorten(text: str, limit_bytes: int) -> tuple[str, Truncation | None]:
    """Keep the head and the tail of a text that is longer than `limit_bytes` in UTF-8.

    Returns:
        The text, and what the original was; None if it was short enough.
    """
    if len(text) * 4 <= limit_bytes:
        return text, None
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= limit_bytes:
        return text, None
    half = max(limit_bytes // 2 - 32, 0)
    head = raw[:half].decode("utf-8", "ignore")
    tail = raw[len(raw) - half :].decode("utf-8", "ignore")
    left_out = len(raw) - len(head.encode()) - len(tail.encode())
    digest = blake2b(raw, digest_size=DIGEST_SIZE).hexdigest()
    return f"{head}\n[... {left_out} bytes left out ...]\n{tail}", Truncation(bytes=len(raw), blake2b=digest)


def plain(value: Any, depth: int = 0) -> tuple[Any, bool]:  # noqa: PLR0911 - one return for each kind of value
    """Return `value` as plain JSON data, and whether it lost anything on the way."""
    if value is None or value is True or value is False:
        return value, False
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return _plain_int(value)
    if isinstance(value, float):
        number = float(value)
        return (number, False) if math.isfinite(number) else ({"$float": str(number)}, False)
    if depth < DEPTH_MAX:
        if isinstance(value, Mapping):
            return _plain_mapping(cast("Mapping[Any, Any]", value), depth)
        if isinstance(value, (list, tuple, AbstractSet)):
            return _plain_items(cast("list[Any]", value), depth)
    if isinstance(value, PurePath):
        return clean_text(str(value))
    return {"$repr": safe_repr(value), "type": type_name(value)}, True


def safe_repr(value: object) -> str:
    """Return `repr(value)`, bounded and without surrogates; a broken `__repr__` is named, never raised."""
    try:
        text = repr(value)
    except BaseException as error:  # noqa: BLE001 - foreign code; even SystemExit in __repr__ must not end a test run
        return f"<unprintable: {type_name(error)}>"
    return clean_text(text[:REPR_CHARS_MAX])[0]


def type_name(value: object) -> str:
    """Return the dotted name of the type of `value`."""
    cls = type(value)
    return f"{cls.__module__}.{cls.__qualname__}"


def _plain_int(value: int) -> tuple[Any, bool]:
    number = int(value)
    if -_INT_LIMIT <= number < _INT_LIMIT:
        return number, False
    return {"$int": hex(number)}, False


def _plain_mapping(value: Mapping[Any, Any], depth: int) -> tuple[dict[str, Any], bool]:
    result: dict[str, Any] = {}
    lost = len(value) > ITEMS_MAX
    for key, item in list(value.items())[:ITEMS_MAX]:
        text, key_lost = clean_text(key) if isinstance(key, str) else (safe_repr(key), True)
        lost = lost or key_lost or text in result
        result[text], item_lost = plain(item, depth + 1)
        lost = lost or item_lost
    return result, lost


def _plain_items(value: Any, depth: int) -> tuple[list[Any], bool]:
    items = list(value)
    lost = len(items) > ITEMS_MAX
    result: list[Any] = []
    for item in items[:ITEMS_MAX]:
        plain_item, item_lost = plain(item, depth + 1)
        result.append(plain_item)
        lost = lost or item_lost
    return result, lost
