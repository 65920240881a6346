"""Texts as PostgreSQL can store them, and keys of node ids."""

from hashlib import blake2b


def storable_text(value: str) -> str:
    """Return a text as PostgreSQL can store it: it has neither NUL nor a lone surrogate."""
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def exact_bytes(text: str) -> bytes:
    """Return the bytes of a text, also of one with a lone surrogate."""
    return text.encode("utf-8", "surrogatepass")


def node_hash(nodeid: str) -> bytes:
    """Return the key of a node id: they may be longer than what an index takes."""
    return blake2b(exact_bytes(nodeid), digest_size=16).digest()
