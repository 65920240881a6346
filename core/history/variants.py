"""Variants: what the same tests are run under on purpose, as the version of Python and the operating system."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

Variant = tuple[tuple[str, str], ...]
"""Names and values, in order of the names."""


_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows", "cygwin": "Cygwin", "windows": "Windows"}
"""Names of operating systems by how `sys.platform` begins."""


def variant_of(header: Mapping[str, Any]) -> Variant:
    """Return the variant that a session is of: what it recorded, else its Python version and its operating system.

    Args:
        header: fields of its `session.started`.
    """
    recorded = header.get("variant")
    if isinstance(recorded, dict) and recorded:
        return tuple(sorted((str(name), str(value)) for name, value in cast("dict[str, Any]", recorded).items()))
    system = header.get("testing_system")
    platform = str(cast("dict[str, Any]", system).get("platform") or "") if isinstance(system, dict) else ""
    python = ".".join(str(header.get("python") or "").split(".")[:2])
    return tuple((name, value) for name, value in (("os", system_name(platform)), ("python", python)) if value)


def system_name(platform: str) -> str:
    """Return the name of the operating system that a platform begins with: `Linux` of `linux` or `Linux-6.1-x86_64`."""
    word = platform.split("-", maxsplit=1)[0]
    return next((name for start, name in _SYSTEMS.items() if word.lower().startswith(start)), word)


def variant_text(variant: Variant) -> str:
    """Return a variant as people write it: `os=Linux python=3.13`."""
    return " ".join(f"{name}={value}" for name, value in variant)


def differing_text(variant: Variant, others: Iterable[Variant]) -> str:
    """Return only what tells a variant from others; all of it if nothing does."""
    sets = [set(other) for other in others]
    telling = tuple(item for item in variant if not all(item in other for other in sets))
    return variant_text(telling or variant)


def parse_variant(text: str) -> tuple[str, str]:
    """Return a name and a value written as `python=3.13`.

    Raises:
        ValueError: it is not written so.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ValueError(f"--variant: {text!r} is not KEY=VALUE; write for instance python=3.13")
    return name.strip(), value.strip()


def is_of_variant(variant: Variant, wanted: Iterable[tuple[str, str]]) -> bool:
    """Return whether a variant has all of some names with their values."""
    return set(wanted) <= set(variant)
