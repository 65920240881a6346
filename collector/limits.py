"""Limits of requests: what is checked before any work is done."""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20


@dataclass(frozen=True)
class RequestLimits:
    """Largest request that the server takes."""

    body_bytes: int = 32 * MIB
    """Bytes of a body as it is sent."""
    unpacked_bytes: int = 256 * MIB
    """Bytes of a body after it was unpacked."""
    ratio: int = 200
    """Bytes that one byte of a compressed body may unpack to, above `ratio_free_bytes`."""
    ratio_free_bytes: int = MIB
    """Unpacked bytes up to which the ratio does not matter: short bodies of equal lines compress well."""
    body_s: float = 60.0
    """Seconds in which a body has to arrive."""
    streams: int = 10_000
    """Streams that one question about streams may name."""
    told: int = 1_000
    """Findings and conflicts that one answer lists; the rest is counted only."""
    requests: int = 6_000
    """Requests that one key may send in a minute, to each process of the server; 0 for no limit."""
    received_bytes: int = 256 * MIB
    """Bytes of all bodies that are received at once; beyond them the answer is 503."""
    working_bytes: int = 512 * MIB
    """Bytes that all bodies which are worked on at once may unpack to; further ones wait for their turn."""
    question_bytes: int = 4 * MIB
    """Bytes of a body that is a question or a setting and no log."""
    document_bytes: int = 32 * MIB
    """Bytes of a session as a document, after it was unpacked; as objects it takes several times as much."""
    followers: int = 1_000
    """Connections that may follow the feed of one process at once."""
    page_lines: int = 50_000
    """Lines of one page of the feed, unless a single segment has more."""
