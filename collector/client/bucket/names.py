"""Names of the objects of a bucket: the same name means the same content.

So an object can be written again at any time, and no store has to tell a new object from an old one. The name says
which events of which stream the object has: `v1/2026/11/28/STREAM/FIRST-COUNT-DIGEST.jsonl.zst`, with the day on which
the stream began, and BLAKE2b-128 over the lines before compression.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from ....eventlog.codec import parse_envelope
from ....eventlog.format import DIGEST_SIZE

ROOT = "v1/"
"""All objects are below this; a later layout gets another name."""
_TOMBSTONES = "tombstones"
"""In place of the day for streams with an `events.purged`: every client reads these objects first."""
KEEPING_KEY = f"{ROOT}keep.json"
_KEY = re.compile(
    r"v1/(\d{4}/\d\d/\d\d|tombstones)/([0-9a-f]{32})/(0|[1-9]\d{0,9})-([1-9]\d{0,9})-([0-9a-f]{32})\.jsonl\.zst"
)


class SegmentName(NamedTuple):
    """Parts of the name of an object."""

    day: str
    """`YYYY/MM/DD` on which the stream began, in UTC; empty for tombstones."""
    stream: str
    first: int
    """Seq of its first line; the others follow it."""
    events: int
    """Number of lines."""
    digest: str

    @property
    def key(self) -> str:
        """The name in the store."""
        place = f"{self.stream}/{self.first}-{self.events}-{self.digest}.jsonl.zst"
        return f"{ROOT}{self.day or _TOMBSTONES}/{place}"

    @property
    def end(self) -> int:
        """Seq after its last line."""
        return self.first + self.events


def parse_key(key: str) -> SegmentName | None:
    """Return the parts of a name; None for objects of others."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    day, stream, first, count, digest = match.groups()
    return SegmentName("" if day == _TOMBSTONES else day, stream, int(first), int(count), digest)


def name_segment(lines: Sequence[bytes], stream: str, first: int, day: str) -> SegmentName:
    """Return the name of lines, without newlines, whose seqs follow each other."""
    return SegmentName(day, stream, first, len(lines), digest_lines(b"\n".join((*lines, b""))))


def digest_lines(data: bytes) -> str:
    """Return the digest of whole lines, with their newlines."""
    return blake2b(data, digest_size=DIGEST_SIZE).hexdigest()


def day_of(line: bytes) -> str:
    """Return the day of an event as a name has it."""
    envelope = parse_envelope(line)
    return (envelope.at if envelope is not None else "")[:10].replace("-", "/")
