"""Entities: fields and their functions, JSON Schema, rules and parents.

A record is generated field by field, each when it is first used, so a field may use any other: `draft["username"]`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, cast
from uuid import UUID

from .errors import GenerationError
from .jsonvalues import encode, json_copy
from .providers import Provider
from .seeds import digest_of

__all__ = ["Draft", "EntitySpec", "Field", "Rule", "iso", "parse_iso", "spec_of"]

Field = Callable[["Draft"], Any]
Rule = Callable[[dict[str, Any]], bool | str | None]
"""Check of one record: None or True if it holds, False or a message if not."""

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_TOKEN_CHARS = 8
_ABSENT, _IN_PROGRESS = object(), object()


@dataclass(frozen=True, kw_only=True)
class EntitySpec:
    """Definition of one type of entity."""

    entity_type: str
    fields: Mapping[str, Field] = field(default_factory=dict[str, Field])
    """Function of each field, in the order of the fields in a record."""
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON Schema of one record."""
    relations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Type of parent to the field that contains the parent's id."""
    rules: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    """Checks across the fields of a record, by name."""
    unique: tuple[str, ...] = ("id",)
    """Fields with a unique value in each record."""
    digest: str = "1"
    """Digest of the definition; values recorded with another digest are not used."""
    trusted: bool = False
    """True if the fields are known to return JSON."""

    def parent_field(self, parent_type: str) -> str:
        """Return the name of the field that holds the id of a parent."""
        return self.relations.get(parent_type, f"{parent_type}_id")


class Draft:
    """A record under construction, the argument of a field's function."""

    def __init__(
        self,
        spec: EntitySpec | None,
        provider: Provider,
        kinds: Mapping[str, Field],
        *,
        as_of: datetime,
        identity: int,
        batch: str,
        index: int,
        given: Mapping[str, Any] | None = None,
        parent: Mapping[str, Any] | None = None,
    ) -> None:
        self.index = index
        """Number of the record in its call, test or key, from 0."""
        self.as_of = as_of
        """Time that counts as now."""
        self.parent = parent
        """Record of the parent; None without a parent."""
        self._fields: Mapping[str, Field] = spec.fields if spec else {}
        self._provider = provider
        self._kinds = kinds
        self._identity = identity
        self._batch = batch
        self._values = dict(given or {})
        provider.random.seed(identity)

    @property
    def random(self) -> Random:
        """Random source of this record."""
        return self._provider.random

    @property
    def uuid(self) -> str:
        """UUID of this record, unique among all records."""
        return str(UUID(int=self._identity >> 128, version=4))

    @property
    def token(self) -> str:
        """Letters and digits that are unique to this record: the token of its batch and its number."""
        return self._batch + base36(self.index)

    def __getitem__(self, name: str) -> Any:
        """Return a field of the record; generate it if it was not used yet.

        Raises:
            KeyError: the entity has no such field.
            GenerationError: fields depend on each other in a cycle.
        """
        value = self._values.get(name, _ABSENT)
        if value is _ABSENT:
            made = self._fields.get(name)
            if made is None:
                raise KeyError(f"no field {name!r}; there are {', '.join(self._fields) or 'none'}")
            self._values[name] = _IN_PROGRESS
            value = self._values[name] = made(self)
        elif value is _IN_PROGRESS:
            circle = [other for other, waiting in self._values.items() if waiting is _IN_PROGRESS]
            raise GenerationError(f"fields depend on each other in a cycle: {' -> '.join([*circle, name])}")
        return value

    def make(self, kind: str) -> Any:
        """Return a new value of a kind, such as `company`.

        Raises:
            GenerationError: the kind is unknown; the message lists all kinds.
        """
        if own := self._kinds.get(kind):
            return own(self)
        if word := self._provider.words.get(kind):
            return word()
        known = ", ".join(sorted({*self._provider.words, *self._kinds}))
        raise GenerationError(f"no kind {kind!r} of value; there are {known}")

    def value(self, name: str) -> Any:
        """Return the field of this name, else one value of this kind; the same value each time."""
        if name not in self._values and name not in self._fields:
            self._values[name] = self.make(name)
        return self[name]

    def moment(self, earliest: datetime, latest: datetime) -> datetime:
        """Return a random time between two times, to the second."""
        return earliest + timedelta(seconds=self.random.randint(0, max(0, int((latest - earliest).total_seconds()))))

    def after_parent(self, within: timedelta = timedelta(days=365)) -> datetime:
        """Return a random time after the parent's creation, and not after `as_of` unless the parent is later."""
        made = parse_iso(self.parent.get("created_at")) if self.parent else None
        earliest = made or self.as_of - within
        return self.moment(earliest, self.as_of if self.as_of > earliest else earliest + timedelta(days=1))

    def record(self) -> dict[str, Any]:
        """Return all fields in their order."""
        return {name: self[name] for name in self._fields}


def base36(number: int) -> str:
    """Return a number from 0 as digits and letters."""
    text = ""
    while number or not text:
        number, digit = divmod(number, 36)
        text = _BASE36[digit] + text
    return text


def batch_token(*parts: str) -> str:
    """Return the prefix of the tokens of a batch: 8 digits and letters."""
    return base36(int.from_bytes(digest_of("batch", *parts), "big")).rjust(_TOKEN_CHARS, "0")[-_TOKEN_CHARS:]


def iso(moment: datetime) -> str:
    """Return a time in UTC in the form of records: `2025-03-01T08:15:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def parse_iso(text: object) -> datetime | None:
    """Return the time of a text; None if it is not a time or has no timezone."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def spec_of(
    entity_type: str,
    schema: Mapping[str, Any] | None,
    fields: Mapping[str, str | Field] | None,
    relations: Mapping[str, str] | Iterable[str] | None,
    rules: Mapping[str, Rule] | None,
    unique: Iterable[str],
    version: str,
) -> EntitySpec:
    """Return the definition of an entity from a user's description; a field is the name of a kind or a function of a
    draft.

    Raises:
        TypeError: a field or a rule is wrong, or the schema is not JSON.
    """
    made = {name: _field(name, what) for name, what in (fields or {}).items()}
    parents: dict[str, str]
    if isinstance(relations, Mapping):
        parents = dict(cast("Mapping[str, str]", relations))
    else:
        parents = {name: f"{name}_id" for name in ((relations,) if isinstance(relations, str) else relations or ())}
    checked = json_copy(dict(schema or {"type": "object"}), "schema")
    if wrong := [name for name, rule in (rules or {}).items() if not callable(rule)]:
        raise TypeError(f"rule {wrong[0]!r} of {entity_type!r}: not a function; give a function of a record")
    kinds = {name: what if isinstance(what, str) else "" for name, what in (fields or {}).items()}
    definition = encode([version, checked, kinds, parents]).decode()
    return EntitySpec(
        entity_type=entity_type,
        fields=made,
        schema=checked,
        relations=parents,
        rules=dict(rules or {}),
        unique=(unique,) if isinstance(unique, str) else tuple(unique),
        digest=digest_of(definition).hex()[:16],
    )


def _field(name: str, what: str | Field) -> Field:
    if isinstance(what, str):
        return lambda draft: draft.make(what)
    if callable(what):
        return what
    raise TypeError(f"field {name!r}: name a kind of value, or give a function of a draft; not {type(what).__name__}")
