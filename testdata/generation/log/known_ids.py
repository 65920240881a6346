"""Known ids and their entity types: from this generator and from the log."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from ..jsonvalues import encode
from .recorder import GenerationRecorder

__all__ = ["KnownIds"]

R = TypeVar("R")


class _WithId(msgspec.Struct):
    id: Any = None


_decode_id = msgspec.json.Decoder(_WithId).decode


class KnownIds:
    """The ids of records by their entity type.

    Args:
        recorder: reads the records of other processes and earlier sessions.
    """

    def __init__(self, recorder: GenerationRecorder) -> None:
        self._recorder = recorder
        self._types: dict[bytes, str] = {}
        """Entity type by the JSON of an id."""
        self._read: dict[str, int] = {}
        """Number of values of each recorded call that have been read."""

    def remember(self, entity_type: str, records: list[R]) -> list[R]:
        """Store the ids of records, and return the records."""
        for record in records:
            if isinstance(record, Mapping) and (own_id := cast("Mapping[str, Any]", record).get("id")) is not None:
                self._types[encode(own_id)] = entity_type
        return records

    def type_of(self, own_id: Any) -> str | None:
        """Return the entity type of the record with this id; None if it is unknown."""
        key = encode(own_id)
        if key not in self._types:
            self._catch_up()
        return self._types.get(key)

    def parent_check(self, parents: Iterable[Mapping[str, Any]]) -> Callable[[str, Any], bool]:
        """Return a function `(parent type, id)` that returns whether the parent exists.

        Args:
            parents: records that count as parents of any type.
        """
        given = {encode(parent["id"]) for parent in parents if "id" in parent}
        return lambda parent_type, own_id: encode(own_id) in given or self.type_of(own_id) == parent_type

    def _catch_up(self) -> None:
        for name, record in list(self._recorder.state().records.items()):
            values = record.values[self._read.get(name, 0) :]
            self._read[name] = self._read.get(name, 0) + len(values)
            for value in values:
                if (own_id := _id_in(value)) is not None:
                    self._types.setdefault(encode(own_id), record.event.entity_type)


def _id_in(value: bytes) -> Any:
    try:
        return _decode_id(value).id
    except msgspec.ValidationError:
        return None  # what a template makes need not be an object
