"""Limits of what an import reads; all are options of the command."""

import re
from dataclasses import dataclass, field

from ..importers.protocol import XmlLimits

_SIZE = re.compile(r"(\d+)\s*([kmg]?)i?b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True)
class ImportLimits:
    """Limits of archives and files."""

    member_bytes: int = 512 << 20
    """Size of one file, unpacked."""
    ratio: int = 200
    """Unpacked per packed byte, once 1 MiB is unpacked."""
    members: int = 100_000
    """Files in one archive."""
    xml: XmlLimits = field(default_factory=XmlLimits)


def parse_size(text: str) -> int:
    """Return a size such as `512MB` in bytes.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write it as 512MB, 100kB or a number of bytes")
    return int(match[1]) * _FACTORS[match[2].lower()]
