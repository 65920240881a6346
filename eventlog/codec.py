"""Events to lines and back: the pure core of log format 1 (docs/format.md).

No path, clock or environment variable enters here.
"""

import re
from collections.abc import Callable
from functools import cached_property, partial
from hashlib import blake2b
from typing import Any, NamedTuple, cast

import msgspec

from .errors import EventTooLargeError
from .events import SESSION_EVENTS, Event, Truncation, UnknownEvent
from .format import (
    DIGEST_HEX,
    DIGEST_KEY,
    DIGEST_SIZE,
    FORMAT_VERSION,
    LINE_BYTES_MAX,
    LINE_END,
    SUFFIX_SIZE,
)
from .plain import clean_text, plain, shorten

line_hash = partial(blake2b, digest_size=DIGEST_SIZE)
"""Hash of a line's bytes before `,"digest":"`; also of a seal's root."""

_encode = msgspec.json.Encoder().encode
_HEAD = re.compile(
    rb'\{"v":(\d{1,9}),"type":"([^"\\]{1,100})","stream":"([0-9a-f]{32})","seq":(\d{1,15}),'
    rb'"at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"'
)
_VERSION = re.compile(rb'\{"v":(\d{1,9}),')


class Envelope(NamedTuple):
    """The first keys of a line."""

    v: int
    type: str
    stream: str
    """32 hex digits; random for a session."""
    seq: int
    at: str


class EventDecodeError(ValueError):
    """A whole line that is not an event of its type; the message says where in the line."""


# ------------------------------------------------------------------ encoding


def encode_event(event: Event, *, stream: str, seq: int, at: str, limit_bytes: int = LINE_BYTES_MAX) -> bytes:
    """Return the line of `event`, newline included.

    Texts that UTF-8 cannot carry are escaped and flagged `lossy`; texts that would make the line longer
    than `limit_bytes` keep their head and tail, and `truncated` says what they were.

    Args:
        event: what happened.
        stream: 32 hex digits.
        seq: number of the event in its stream, from 0.
        at: when it was recorded, as `times.format_time` writes it.
        limit_bytes: longest line, newline included.

    Raises:
        EventTooLargeError: the event does not fit even with shortened texts.
    """
    try:
        body = _encode(event)
    except (UnicodeEncodeError, TypeError, OverflowError, ValueError, RecursionError):
        body = _encode(_clean_event(event))
    line = _line(type(event), body, stream, seq, at)
    if len(line) > limit_bytes:
        line = _shorten_event(event, stream, seq, at, limit_bytes)
    return line


def line_encoder(stream: str) -> Callable[[Event, int, str], bytes]:
    """Return a function that returns the line of an event of one stream, as `encode_event` does: for many of them.

    It gets the event, its `seq` and its time. How the lines of a type begin is made once.
    """
    heads: dict[type[Event], tuple[str, int]] = {}

    def encode(event: Event, seq: int, at: str) -> bytes:
        cls = type(event)
        head = heads.get(cls)
        if head is None:
            text, tag_bytes = _type_heads.get(cls) or _type_head(cls)
            head = heads[cls] = f'{text}{stream}","seq":', tag_bytes
        try:
            body = _encode(event)
        except (UnicodeEncodeError, TypeError, OverflowError, ValueError, RecursionError):
            return encode_event(event, stream=stream, seq=seq, at=at)
        unsealed = f'{head[0]}{seq},"at":"{at}"'.encode() + body[head[1] : -1]
        if len(unsealed) > _UNSEALED_BYTES_MAX:
            return encode_event(event, stream=stream, seq=seq, at=at)
        return b'%b,"digest":"%b"}\n' % (unsealed, blake2b(unsealed, digest_size=DIGEST_SIZE).hexdigest().encode())

    return encode


_UNSEALED_BYTES_MAX = LINE_BYTES_MAX - SUFFIX_SIZE - 1
"""Longest part of a line before its digest."""


def encode_exact(event: Event, *, stream: str, seq: int, at: str) -> bytes:
    """Return the line of `event`, newline included, as `encode_event` does, but refuse what would have to be changed.

    Raises:
        TypeError, ValueError: a value is nothing that JSON or UTF-8 has words for.
        EventTooLargeError: the event does not fit into a line.
    """
    line = _line(type(event), _encode(event), stream, seq, at)
    if len(line) > LINE_BYTES_MAX:
        raise EventTooLargeError(_tag(type(event)), len(line), LINE_BYTES_MAX)
    return line


def _tag(cls: type[Event]) -> str:
    return cast("str", cls.__struct_config__.tag)


class _TypeHead(NamedTuple):
    """First bytes of the lines of one event type."""

    text: str
    tag_bytes: int
    """Length of what msgspec writes for the tag, which the head replaces."""


_type_heads: dict[type[Event], _TypeHead] = {}


def _type_head(cls: type[Event]) -> _TypeHead:
    tag = _tag(cls)
    head = _TypeHead(f'{{"v":{FORMAT_VERSION},"type":"{tag}","stream":"', len(f'{{"type":"{tag}"'))
    _type_heads[cls] = head
    return head


def _line(cls: type[Event], body: bytes, stream: str, seq: int, at: str) -> bytes:
    text, tag_bytes = _type_heads.get(cls) or _type_head(cls)
    unsealed = f'{text}{stream}","seq":{seq},"at":"{at}"'.encode() + body[tag_bytes:-1]
    return b'%b,"digest":"%b"}\n' % (unsealed, blake2b(unsealed, digest_size=DIGEST_SIZE).hexdigest().encode())


def _clean_event(event: Event) -> Event:
    """The same event with every value made encodable."""
    changes: dict[str, Any] = {}
    lossy = False
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, str):
            changes[name], lost = clean_text(value)
        elif isinstance(value, msgspec.Struct):
            fields, lost = plain(msgspec.structs.asdict(value))
            changes[name] = type(value)(**fields)
        elif isinstance(value, (dict, list)):
            changes[name], lost = _plain_container(cast("Any", value))
        else:
            continue
        lossy = lossy or lost
    if lossy and "lossy" in event.__struct_fields__:
        changes["lossy"] = True
    return msgspec.structs.replace(event, **changes)


def _plain_container(value: Any) -> tuple[Any, bool]:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        if any(isinstance(item, Truncation) for item in items.values()):
            return items, False
    return plain(value)


_LAST_RESORT = frozenset({"nodeid", "nodeids"})


def _shorten_event(event: Event, stream: str, seq: int, at: str, limit_bytes: int) -> bytes:
    """Shorten the long texts of an event, more and more, until its line fits."""
    event = _clean_event(event)
    size = 0
    for text_bytes_max in (limit_bytes // 4, limit_bytes // 8, limit_bytes // 16, limit_bytes // 64, 256):
        smaller = _with_texts_below(event, text_bytes_max, names_too=text_bytes_max <= limit_bytes // 16)
        line = _line(type(event), _encode(smaller), stream, seq, at)
        size = len(line)
        if size <= limit_bytes:
            return line
    raise EventTooLargeError(_tag(type(event)), size, limit_bytes)


def _with_texts_below(event: Event, text_bytes_max: int, *, names_too: bool) -> Event:
    changes: dict[str, Any] = {}
    truncated: dict[str, Truncation] = dict(getattr(event, "truncated", {}))
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in _LAST_RESORT and not names_too:
            continue
        if isinstance(value, str):
            changes[name], was = shorten(value, text_bytes_max)
            if was is not None:
                truncated.setdefault(name, was)
        elif isinstance(value, (dict, list)) and name != "truncated":
            changes[name] = _container_below(cast("Any", value), text_bytes_max)
    if truncated and "truncated" in event.__struct_fields__:
        changes["truncated"] = truncated
    return msgspec.structs.replace(event, **changes)


def _container_below(value: Any, text_bytes_max: int) -> Any:
    if isinstance(value, str):
        return shorten(value, text_bytes_max)[0]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {shorten(key, text_bytes_max)[0]: _container_below(item, text_bytes_max) for key, item in items}
    if isinstance(value, (list, tuple)):
        return [_container_below(item, text_bytes_max) for item in cast("list[Any]", value)]
    return value


# ------------------------------------------------------------------ decoding


def has_good_digest(line: bytes) -> bool:
    """Return whether `line` (without its newline) ends in the right digest of the bytes before it."""
    return (
        line[-SUFFIX_SIZE : -SUFFIX_SIZE + len(DIGEST_KEY)] == DIGEST_KEY
        and line[-len(LINE_END) :] == LINE_END
        and line_hash(line[:-SUFFIX_SIZE]).hexdigest().encode() == line[-(DIGEST_HEX + 2) : -2]
    )


def line_digest(line: bytes) -> str:
    """Return the 32 hex digits that a whole `line` (without its newline) carries."""
    return line[-(DIGEST_HEX + 2) : -2].decode("ascii")


match_head = _HEAD.match
"""Match of a line's first keys with the groups v, type, stream, seq, at as bytes, or None."""


def parse_envelope(line: bytes) -> Envelope | None:
    """Return the first keys of a line, or None if it does not start as format 1 demands."""
    match = _HEAD.match(line)
    if match is None:
        return None
    version, kind, stream, seq, at = match.groups()
    try:
        return Envelope(int(version), kind.decode(), stream.decode(), int(seq), at.decode())
    except UnicodeDecodeError:
        return None


def parse_version(line: bytes) -> int | None:
    """Return the format version a line claims, or None; also for formats whose other keys are unknown."""
    match = _VERSION.match(line)
    return None if match is None else int(match[1])


class EventDecoder:
    """Decodes whole lines into events of the given types; other types become `UnknownEvent`.

    Args:
        types: event classes, for instance `SESSION_EVENTS`, or those of another room with its own log.
    """

    def __init__(self, types: tuple[type[Event], ...] = SESSION_EVENTS) -> None:
        self._types = types
        self._known = frozenset(_tag(cls) for cls in types)
        self._any: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Event]:
        """Made when it is first needed: a writer never is in need of it."""
        union: Any = self._types[0]
        for cls in self._types[1:]:
            union = union | cls
        return msgspec.json.Decoder(union)

    def decode(self, line: bytes, kind: str) -> Event | UnknownEvent:
        """Decode `line` (without its newline), whose envelope says it is of type `kind`.

        Raises:
            EventDecodeError: the line is not valid JSON or its fields do not have the types of `kind`.
        """
        try:
            if kind in self._known:
                return self._decoder.decode(line)
            return UnknownEvent(type=kind, fields=self._any.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EventDecodeError(str(error)) from error
        except RecursionError as error:
            raise EventDecodeError("nested too deeply") from error


session_events = EventDecoder()
