"""Bodies of objects: lines packed with zstd, checked against the name when they are read."""

from collections.abc import Sequence

from ....eventlog.codec import match_head
from ....eventlog.scan import Scanner
from ...ingest.segments import ZSTD_LEVEL, zstd
from .names import SegmentName, digest_lines

UNPACKED_MAX = 64 << 20
"""Longest lines of one object, in bytes: a small object could unpack to any size."""


class DamagedObjectError(Exception):
    """The bytes of an object are not those that its name says; the message has the reason."""


def pack_lines(lines: Sequence[bytes]) -> bytes:
    """Return the body of an object with these lines, which have no newlines."""
    return zstd.compress(b"\n".join((*lines, b"")), ZSTD_LEVEL)


def unpack_lines(body: bytes, name: SegmentName) -> list[bytes]:
    """Return the lines of an object, without newlines, each verified.

    Raises:
        DamagedObjectError: the body does not fit its name.
    """
    unpacker = zstd.ZstdDecompressor()
    try:
        data = unpacker.decompress(body, max_length=UNPACKED_MAX + 1)
    except zstd.ZstdError as error:
        raise DamagedObjectError(f"it cannot be unpacked: {error}") from error
    if len(data) > UNPACKED_MAX:
        raise DamagedObjectError(f"its lines are longer than {UNPACKED_MAX >> 20} MB")
    if not unpacker.eof or unpacker.unused_data or digest_lines(data) != name.digest:
        raise DamagedObjectError("its bytes are not those that were written")
    batch = Scanner(name.key, newer=True).feed(data)
    if len(batch.lines) != name.events or not data.endswith(b"\n"):
        raise DamagedObjectError(f"it has {len(batch.lines)} events, and its name says {name.events}")
    for seq, line in enumerate(batch.lines, name.first):
        head = match_head(line)
        if head is None or head[3].decode() != name.stream or int(head[4]) != seq:
            raise DamagedObjectError("its events are not those that its name says")
    return batch.lines
