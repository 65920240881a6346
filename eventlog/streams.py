"""Ids of streams that several writers know by name."""

from hashlib import blake2b

from .format import DIGEST_SIZE


def stream_id(name: str) -> str:
    """Return the stream id of a stream that many writers know by name.

    It is BLAKE2b-128 of `stream:` and the name in UTF-8, as 32 hex digits.
    """
    return blake2b(b"stream:" + name.encode("utf-8", "surrogatepass"), digest_size=DIGEST_SIZE).hexdigest()
