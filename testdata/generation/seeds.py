"""Seeds: one for a project, and from it a random source for each record.

The source of a record depends only on the seed, the entity, the name of the call and the index of the record: not on
the worker, the order of tests, the clock or `PYTHONHASHSEED`.
"""

import os
import secrets
from collections.abc import MutableMapping
from hashlib import sha256

SEED_VARIABLE = "PYTEST_INSIGHT_SEED"
SEED_DEFAULT = "0"
_SEPARATOR = b"\x1f"


def resolve_seed(seed: int | str | None = None, environ: MutableMapping[str, str] = os.environ) -> str:
    """Return the seed: the given one, else `PYTEST_INSIGHT_SEED`, else `0`; 7 and `"7"` are equal.

    `PYTEST_INSIGHT_SEED=random` is replaced by a random seed in the environment, so that later calls return the same.
    """
    if seed is not None:
        return str(seed)
    if environ.get(SEED_VARIABLE) == "random":
        environ[SEED_VARIABLE] = str(secrets.randbelow(10**9))
    return environ.get(SEED_VARIABLE) or SEED_DEFAULT


def settle_seed() -> str:
    """Return the seed of a session; called before its workers start, which inherit the environment."""
    return resolve_seed()


def seed_header(seed: int | str | None = None) -> str:
    """Return the line for pytest's header: the seed, and how to generate the same data again."""
    resolved = resolve_seed(seed)
    return f"test data: seed {resolved} (the same data again: {SEED_VARIABLE}={resolved})"


def digest_of(*parts: str) -> bytes:
    """Return the SHA-256 of texts with their lengths, so that no two lists of texts have the same input."""
    fields = (part.encode("utf-8", "surrogatepass") for part in parts)
    return sha256(b"".join(b"%d%b%b" % (len(field), _SEPARATOR, field) for field in fields)).digest()


def number_of(*parts: str) -> int:
    """Return a 256-bit number from texts, as a seed."""
    return int.from_bytes(digest_of(*parts), "big")
