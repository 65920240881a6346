"""Compressed bodies, unpacked piece by piece within bounds: a bomb ends at the bound and not in memory."""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from ..limits import RequestLimits
from ..problems import ProblemError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd  # pyright: ignore[reportMissingTypeStubs] - it has types of its own

PIECE_BYTES: Final = 1 << 16
"""Small, as each of its bytes may be a line with a finding."""


class Decompressor(Protocol):
    """One frame of a compressed body."""

    eof: bool
    unused_data: bytes

    def unpack(self, data: bytes) -> bytes:
        """Return at most `PIECE_BYTES`; called with an empty text for more of what was given before."""
        ...

    def has_more(self) -> bool:
        """Return whether there may be more to unpack without new data."""
        ...


class _Zstd:
    # One object for each frame of each body, as one that several threads share gives wrong bytes.
    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def unpack(self, data: bytes) -> bytes:
        return self._frame.decompress(data, PIECE_BYTES)

    def has_more(self) -> bool:
        return not self._frame.eof and not self._frame.needs_input


class _Gzip:
    def __init__(self) -> None:
        self._frame: Any = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def unpack(self, data: bytes) -> bytes:
        return self._frame.decompress(self._frame.unconsumed_tail + data, PIECE_BYTES)

    def has_more(self) -> bool:
        return not self._frame.eof and bool(self._frame.unconsumed_tail)


_FRAMES: Final[dict[str, Callable[[], Any]]] = {"zstd": _Zstd, "gzip": _Gzip, "x-gzip": _Gzip}
ENCODINGS: Final = ("zstd", "gzip", "identity")


def unpacked_bound(length: int, encoding: str, limits: RequestLimits) -> int:
    """Return the number of bytes that a body of a length may unpack to."""
    if encoding.strip().lower() in ("", "identity"):
        return length
    return min(limits.unpacked_bytes, max(limits.ratio_free_bytes, limits.ratio * length))


def unpack_body(body: bytes, encoding: str, limits: RequestLimits) -> Iterator[bytes]:
    """Yield the pieces of a body.

    Args:
        body: as it was sent.
        encoding: of the header `Content-Encoding`.
        limits: bounds.

    Raises:
        ProblemError: the encoding is unknown, the body is damaged or unpacks to more than the bounds allow.
    """
    name = encoding.strip().lower() or "identity"
    if name == "identity":
        yield from (body[first : first + PIECE_BYTES] for first in range(0, len(body), PIECE_BYTES))
        return
    if name not in _FRAMES:
        raise ProblemError(
            "unsupported-encoding", f"Content-Encoding {name}: not known; use {', '.join(ENCODINGS)}",
            {"Accept-Encoding": ", ".join(ENCODINGS)},
        )  # fmt: skip
    most = unpacked_bound(len(body), encoding, limits)
    unpacked = 0
    for piece in _unpack_frames(body, name):
        unpacked += len(piece)
        if unpacked > most:
            raise ProblemError("too-large", f"body: unpacks to more than {most} bytes; send it in several requests")
        yield piece


def _unpack_frames(body: bytes, name: str) -> Iterator[bytes]:
    rest = body
    try:
        while rest:
            frame: Decompressor = _FRAMES[name]()
            yield frame.unpack(rest)
            while frame.has_more():
                yield frame.unpack(b"")
            if not frame.eof:
                raise ProblemError("bad-request", f"body: the {name} data ends in the middle of a frame; send it again")
            rest = frame.unused_data
    except (zstd.ZstdError, zlib.error) as error:
        raise ProblemError("bad-request", f"body: not {name} data: {error}") from error
