"""Version numbers and migration plans. Pure.

Versions are ordered by PEP 440: `1.0` and `1.0.0` are one version, and `1.10` comes after `1.9`.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol, TypeVar, cast

from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion, Version

__all__ = ["FIRST_VERSION", "check_version", "next_version", "plan_migration", "version_key"]

FIRST_VERSION = "1.0.0"


def check_version(version: str) -> str:
    """Return `version` if it is a valid version.

    Raises:
        TypeError: it is not a str.
        ValueError: it is not a version.
    """
    given = cast("object", version)
    if not isinstance(given, str):
        raise TypeError(f"a version must be a str, not {type(version).__name__}")
    try:
        Version(version)
    except InvalidVersion as error:
        raise ValueError(f"{version!r}: not a version; write it like 1.2.0 or 2.0.0rc1") from error
    return version


@lru_cache(maxsize=4096)
def version_key(version: str) -> str:
    """Return a key that is equal for all spellings of one version; an invalid version itself."""
    return canonicalize_version(version)


def next_version(last: str | None, taken: Iterable[str]) -> str:
    """Return the next free version after `last`, by its patch number.

    Args:
        last: the newest version; None before the first.
        taken: keys (`version_key`) of all existing versions.
    """
    if last is None:
        return FIRST_VERSION
    try:
        parsed = Version(last)
    except InvalidVersion:
        return FIRST_VERSION
    keys = frozenset(taken)
    patch = parsed.micro + 1
    while version_key(f"{parsed.major}.{parsed.minor}.{patch}") in keys:
        patch += 1
    return f"{parsed.major}.{parsed.minor}.{patch}"


class _Planned(Protocol):
    edges: Sequence[tuple[str, str]]

    def can_handle(self, from_version: str, to_version: str) -> bool: ...


H = TypeVar("H", bound=_Planned)


def plan_migration(start: str, target: str, known: Iterable[str], handlers: Sequence[H]) -> list[tuple[str, str, H]]:
    """Return the shortest chain of steps `(from, to, handler)` from `start` to `target`; empty without a chain.

    Args:
        start: the current version.
        target: the requested version.
        known: versions that a chain may pass; the handlers' `edges` are added.
        handlers: if several can make a step, the last one does.
    """
    names = {version_key(name): name for name in [*known, *(v for h in handlers for edge in h.edges for v in edge)]}
    names |= {version_key(start): start, version_key(target): target}
    nodes = sorted(names.values(), key=_order)
    came: dict[str, tuple[str, H]] = {}
    queue = deque([start])
    seen = {version_key(start)}
    # The direct step is tried first: a handler may support it without naming it as an edge.
    while queue:
        here = queue.popleft()
        for there in [target, *nodes]:
            handler = None if version_key(there) in seen else _handler(handlers, here, there)
            if handler is not None:
                seen.add(version_key(there))
                came[there] = (here, handler)
                queue.append(there)
        if target in came:
            return _hops(start, target, came)
    return []


def _handler(handlers: Sequence[H], start: str, target: str) -> H | None:
    return next((handler for handler in reversed(handlers) if handler.can_handle(start, target)), None)


def _hops(start: str, target: str, came: dict[str, tuple[str, H]]) -> list[tuple[str, str, H]]:
    hops: list[tuple[str, str, H]] = []
    here = target
    while here != start:
        before, handler = came[here]
        hops.append((before, here, handler))
        here = before
    return hops[::-1]


def _order(version: str) -> tuple[int, Version | str]:
    try:
        return 1, Version(version)
    except InvalidVersion:
        return 0, version
