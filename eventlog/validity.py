"""Decide whether a line with a right digest is an event: its content must be possible, not only its bytes whole.

`line_fault` is the one rule. `times_are_possible` is the cheap part of it for the path that reads millions of lines,
whose fields are checked where they are decoded.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from .codec import EventDecodeError, EventDecoder, match_head, parse_envelope, session_events
from .events import EventsPurged
from .format import FORMAT_VERSION
from .lines.plainlines import is_plain
from .times import YEAR_END, YEAR_MIN, is_possible_time, parse_time

DEPTH_MAX: Final = 100
"""Lists and objects within each other that a line may hold; our own events have five."""

INT_MAX: Final = (1 << 63) - 1
"""Largest whole number that a line may hold, as other readers have it."""

DURATION_US_MAX: Final = 1 << 53
"""Longest duration, 285 years: what a double still holds exactly."""

NO_HEAD: Final = "the first keys are not v, type, stream, seq, at"
_AT_KEY = b',"at":"'
_AT_FROM = 60
"""The time never begins before this byte of a line."""
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = re.compile(rb"([\[{])|([\]}])")


_T = ord("t")
_SHORT_BYTES = 800


def line_fault(line: bytes, decoder: EventDecoder = session_events) -> str:  # noqa: PLR0911 - one return a reason
    """Return why a whole line is not an event that can be, or an empty text.

    Args:
        line: with a right digest, without its newline.
        decoder: knows the fields of the types.
    """
    if decoder is session_events and is_plain(line):
        return ""
    envelope = parse_envelope(line)
    if envelope is None:
        return NO_HEAD
    if not is_possible_time(envelope.at):
        return f"there is no time {envelope.at}"
    if envelope.v != FORMAT_VERSION:
        return ""  # a newer format may know more types and values than we do
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start} of the line"
    if _is_too_deep(line):
        return f"more than {DEPTH_MAX} lists and objects within each other"
    try:
        event = decoder.decode(line, envelope.type)
    except EventDecodeError as error:
        return str(error)
    return _content_fault(line) or _value_fault(event)


def is_possible_start(started_at: str) -> bool:
    """Return whether the time that a test started at is one: of any shape that can be read, with an offset from UTC."""
    try:
        parse_time(started_at)
    except (ValueError, OverflowError):
        return False
    return YEAR_MIN <= started_at < YEAR_END


def times_are_possible(lines: Sequence[bytes]) -> bool:
    """Return whether the times of lines are of the right shape and can be; the cheap check of many lines."""
    stamps = [line[(at := line.find(_AT_KEY, _AT_FROM) + _AT_KEY_BYTES) : at + 28] for line in lines]
    if not _STAMPS.fullmatch(b"".join(stamps)):
        return False
    return all(map(is_possible_time, {stamp[:19].decode() for stamp in stamps}))


_AT_KEY_BYTES = len(_AT_KEY)
_STAMPS = re.compile(rb'(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")*')


def extraordinary(lines: Sequence[bytes]) -> list[bytes]:
    """Return the lines that need a full check at once; those of tests that are short are checked when decoded."""
    return [line for line in lines if line[15] != _T or len(line) >= _SHORT_BYTES or not match_head(line)]


def long_lines(lines: Sequence[bytes]) -> list[bytes]:
    """Return the lines of tests that need a full check at once."""
    if max(map(len, lines), default=0) < _SHORT_BYTES:
        return []
    return [line for line in lines if len(line) >= _SHORT_BYTES]


def _is_too_deep(line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= DEPTH_MAX:
        return False
    bare = _STRINGS.sub(b"", line)
    if bare.count(b"[") + bare.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for match in _BRACKETS.finditer(bare):
        depth += bool(match[1]) - bool(match[2])
        if depth > DEPTH_MAX:
            return True
    return False


class _FaultError(ValueError):
    """An invalid value or key of a line."""


def _object_of(pairs: list[tuple[str, Any]]) -> None:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _FaultError(f"the key {twice!r} twice")


def _int_of(text: str) -> int:
    if len(text) > len(str(INT_MAX)) + 1 or abs(int(text)) > INT_MAX:
        raise _FaultError(f"the number {text[:24]} has more than 64 bits")
    return int(text)


def _float_of(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _FaultError(f"the number {text[:24]} is too large")
    return value


def _no_number(text: str) -> None:
    raise _FaultError(f"{text} is no number of JSON")


_strict = json.JSONDecoder(
    object_pairs_hook=_object_of, parse_int=_int_of, parse_float=_float_of, parse_constant=_no_number
)


def _content_fault(line: bytes) -> str:
    """Return what is wrong with keys and numbers: readers of JSON disagree on those."""
    try:
        _strict.decode(line.decode())
    except _FaultError as error:
        return str(error)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return ""


_NOT_NEGATIVE = ("duration_us", "attempt", "count", "ordinal", "part", "dropped", "deselected", "subtests")


def _value_fault(event: Any) -> str:
    """Return the field of an event that has an invalid value."""
    for name in _NOT_NEGATIVE:
        value = getattr(event, name, 0)
        if isinstance(value, int) and not 0 <= value <= DURATION_US_MAX:
            return f"{name} {value} cannot be"
    phases: dict[str, int] = getattr(event, "phases", {})
    for name, value in phases.items():
        if not 0 <= value <= DURATION_US_MAX:
            return f"the phase {name!r} cannot take {value} us"
    started_at = getattr(event, "started_at", "")
    if started_at and not is_possible_start(started_at):
        return f"there is no time {started_at[:40]}"
    if isinstance(event, EventsPurged) and not all(
        seq >= 0 and _HEX.fullmatch(digest) for _, seq, digest in event.lines
    ):
        return "lines names something that is no digest"
    return "" if isinstance(event, msgspec.Struct) else "not an event"


_HEX = re.compile(r"[0-9a-f]{32}")
