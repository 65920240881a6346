"""Names of the objects of a collector: the same name means the same content.

`v1/TEAM/STREAM/FIRST-COUNT-DIGEST.jsonl.zst`. A name depends on the lines alone, so that a push that was cut off names
the same object when it is repeated, in whatever order the parts of a stream arrive. All objects of a stream are below
one prefix: a purge finds also those that no row names.
"""

import re
from typing import Final, NamedTuple
from uuid import UUID

ROOT: Final = "v1/"
"""All objects are below this; a later layout gets another name."""

OWNER_NAME: Final = f"{ROOT}database.json"
"""Object that names the database to which the others belong."""

_NAME: Final = re.compile(
    r"v1/([1-9]\d{0,9})/([0-9a-f]{32})/(0|[1-9]\d{0,9})-([1-9]\d{0,9})-([0-9a-f]{32})\.jsonl\.zst"
)


class ObjectName(NamedTuple):
    """Parts of the name of an object."""

    team: int
    stream: UUID
    first: int
    """Seq of its first line; the others follow it."""
    events: int
    digest: bytes
    """Of the lines."""

    def text(self) -> str:
        """Return the name."""
        return f"{stream_prefix(self.team, self.stream)}{self.first}-{self.events}-{self.digest.hex()}.jsonl.zst"


def stream_prefix(team: int, stream: UUID) -> str:
    """Return the beginning of the names of all objects of a stream."""
    return f"{ROOT}{team}/{stream.hex}/"


def parse_name(text: str) -> ObjectName | None:
    """Return the parts of a name; None for objects of others."""
    match = _NAME.fullmatch(text)
    if match is None:
        return None
    team, stream, first, count, digest = match.groups()
    return ObjectName(int(team), UUID(hex=stream), int(first), int(count), bytes.fromhex(digest))
