"""Transactions that several pushes share: what comes while one commits is stored by the next one together.

No push waits for others to come; the longer a commit takes, the more share the next one.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError

from ..bodies.store import BodiesUnavailableError
from .segments import SegmentDamagedError

_BODIES: Final = 64
_BYTES: Final = 16 << 20
_OF_ONE: Final = (DataError, IntegrityError, SegmentDamagedError, BodiesUnavailableError)
"""Errors that one body may cause; each body is stored by itself then, so that one fails alone."""


class SharedBody(Protocol):
    """A body as far as sharing is concerned."""

    @property
    def team(self) -> int:
        """Only bodies of one team share a transaction."""
        ...

    @property
    def packed(self) -> dict[UUID, list[dict[str, Any]]]:
        """Segments by stream; bodies with a common stream do not share a transaction."""
        ...


class _Waiting:
    """A body that waits, and what became of it."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.result: Any = None
        self.error: Exception | None = None
        self.done = False


class _SharingQueue:
    """The bodies that wait for one database."""

    def __init__(self) -> None:
        self.storing = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def add(self, one: _Waiting) -> None:
        """Let a body wait."""
        with self._lock:
            self._waiting.append(one)

    def take_with(self, one: _Waiting) -> list[_Waiting]:
        """Return a body and the others that may share its transaction; they wait no more."""
        taken, streams, size = [one], set(one.body.packed), _size_of(one)
        with self._lock:
            for other in self._waiting:
                fits = len(taken) < _BODIES and size + _size_of(other) <= _BYTES
                if other is one or not fits or other.body.team != one.body.team or streams & other.body.packed.keys():
                    continue
                taken.append(other)
                streams |= other.body.packed.keys()
                size += _size_of(other)
            self._waiting = [other for other in self._waiting if other not in taken]
        return taken


_groups: WeakKeyDictionary[Engine, _SharingQueue] = WeakKeyDictionary()
_groups_lock = threading.Lock()


def share_transaction(engine: Engine, body: Any, store: Callable[[Engine, list[Any]], list[Any]]) -> Any:
    """Store a body with those that wait at the same time, and return its result after the commit.

    Args:
        engine: of the database.
        body: a `SharedBody`.
        store: stores some bodies in one transaction, and returns the result of each.
    """
    with _groups_lock:
        group = _groups.setdefault(engine, _SharingQueue())
    one = _Waiting(body)
    group.add(one)
    with group.storing:
        if not one.done:
            _store_all(engine, group.take_with(one), store)
    if one.error is not None:
        raise one.error
    return one.result


def _store_all(engine: Engine, taken: list[_Waiting], store: Callable[[Engine, list[Any]], list[Any]]) -> None:
    try:
        results = store(engine, [one.body for one in taken])
    except Exception as error:  # noqa: BLE001 - it is raised by the thread of each body
        if len(taken) > 1 and isinstance(error, _OF_ONE):
            for one in taken:
                _store_all(engine, [one], store)
            return
        for one in taken:
            one.error, one.done = error, True
        return
    for one, result in zip(taken, results, strict=True):
        one.result, one.done = result, True


def _size_of(one: _Waiting) -> int:
    return sum(len(part["body"]) for parts in one.body.packed.values() for part in parts)
