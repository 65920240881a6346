"""Segments: runs of lines of one stream, verbatim and compressed, with a digest over the bytes before compression."""

import sys
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from ...eventlog.format import DIGEST_SIZE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd  # pyright: ignore[reportMissingTypeStubs] - it has types of its own

ZSTD_LEVEL: Final = 1
"""Level 3 makes segments larger and slower, level 9 saves 4 % and takes nine times as long."""

SEGMENT_BYTES_MAX: Final = 8 << 20
"""Lines of longer runs are stored as several segments: a segment is unpacked as a whole."""


class SegmentDamagedError(RuntimeError):
    """The stored bytes of a segment are not those that were written."""


def digest_of_lines(data: bytes) -> bytes:
    """Return the digest of a segment, over its lines with their newlines."""
    return blake2b(data, digest_size=DIGEST_SIZE).digest()


def pack_segment(lines: Sequence[bytes]) -> dict[str, Any]:
    """Return the columns of a segment that depend on its lines (without newlines) alone."""
    data = b"\n".join(lines) + b"\n"
    return {
        "count": len(lines),
        "digest": digest_of_lines(data),
        "bytes": len(data),
        "body": zstd.compress(data, ZSTD_LEVEL),
    }


def unpack_segment(body: bytes, digest: bytes, name: str, size: int | None = None) -> bytes:
    """Return the lines of a segment, each with its newline.

    Args:
        body: as it is stored.
        digest: of the lines.
        name: of the segment, for the message.
        size: bytes of the lines, if others can write the body: no more than these are unpacked.

    Raises:
        SegmentDamagedError: the digest does not match.
    """
    try:
        data = zstd.decompress(body) if size is None else zstd.ZstdDecompressor().decompress(body, size + 1)
    except zstd.ZstdError as error:
        raise SegmentDamagedError(f"segment {name}: its body cannot be unpacked: {error}") from error
    if digest_of_lines(data) != digest:
        raise SegmentDamagedError(f"segment {name}: its digest does not match its lines; restore it from a backup")
    return data
