"""Lines of the attempts of a session that failed, packed, so that their texts are found without its segments.

They are a copy: what is too long is left out, and is read from the segments.
"""

import sys
from collections.abc import Iterable
from typing import Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd  # pyright: ignore[reportMissingTypeStubs] - it has types of its own

_LINE_MAX: Final = 16 << 10
_BYTES_MAX: Final = 128 << 10
"""Bytes of all lines of a session before compression."""
_LEVEL: Final = 3


def pack_failures(lines: Iterable[tuple[int, bytes]]) -> bytes | None:
    """Return lines with their sequence numbers as one value; None without any."""
    found: list[bytes] = []
    size = 0
    for seq, line in lines:
        if len(line) <= _LINE_MAX and size + len(line) <= _BYTES_MAX:
            found.append(b"%d %b" % (seq, line))
            size += len(line)
    return zstd.compress(b"\n".join(found), _LEVEL) if found else None


def unpack_failures(packed: bytes) -> dict[int, bytes]:
    """Return the lines by their sequence numbers."""
    pairs = (line.split(b" ", 1) for line in zstd.decompress(packed).split(b"\n"))
    return {int(seq): line for seq, line in pairs}
