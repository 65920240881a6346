"""Where chance comes from: one seed for a project, and from it a random source for every single record.

The source of a record depends on the seed, the entity, the name of the call and the index of the record, and on nothing
else: not on the worker, the order of tests, the clock or `PYTHONHASHSEED`.
"""

import os
import secrets
from collections.abc import MutableMapping
from hashlib import sha256

SEED_VARIABLE = "PYTEST_INSIGHT_SEED"
SEED_DEFAULT = "0"
_SEPARATOR = b"\x1f"


def resolve_seed(seed: int | str | None = None, environ: MutableMapping[str, str] = os.environ) -> str:
    """Return the seed to use: the one given, else that of `PYTEST_INSIGHT_SEED`, else `0`; 7 and `"7"` are the same.

    `PYTEST_INSIGHT_SEED=random` becomes a seed that is drawn now, and put there for whoever asks next.
    """
    if seed is not None:
        return str(seed)
    if environ.get(SEED_VARIABLE) == "random":
        environ[SEED_VARIABLE] = str(secrets.randbelow(10**9))
    return environ.get(SEED_VARIABLE) or SEED_DEFAULT


def settle_seed() -> str:
    """Decide the seed of a session; to be called before its workers start, which inherit the environment."""
    return resolve_seed()


def seed_header(seed: int | str | None = None) -> str:
    """Return the line for pytest's header: the seed, and how to have the same data again."""
    resolved = resolve_seed(seed)
    return f"test data: seed {resolved} (the same data again: {SEED_VARIABLE}={resolved})"


def digest_of(*parts: str) -> bytes:
    """Return the SHA-256 of texts, each ended so that no two lists of texts give the same bytes."""
    fields = (part.encode("utf-8", "surrogatepass") for part in parts)
    return sha256(b"".join(b"%d%b%b" % (len(field), _SEPARATOR, field) for field in fields)).digest()


def number_of(*parts: str) -> int:
    """Return a 256-bit number for texts, to seed a random source with."""
    return int.from_bytes(digest_of(*parts), "big")
