"""Records of entities, with a cache for records that have a key."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from .core import GeneratorCore, JsonRecord, checked_count, checked_record
from .entities import EntitySpec, Field, Rule, spec_of
from .errors import GenerationError
from .jsonvalues import decode, encode, json_copy
from .log.events import DataGenerated
from .making.maker import Call, child_of
from .seeds import digest_of
from .validation import check_schema


class EntityGeneration(GeneratorCore):
    """Records of the built-in and the registered entities."""

    def generate_realistic_user_data(
        self,
        count: int = 1,
        cache_key: str | None = None,
        use_cache: bool = True,  # noqa: FBT001, FBT002 - the documented signature
    ) -> list[JsonRecord]:
        """Return users with consistent fields: the address contains the name, the age follows from the day of birth.

        Mail addresses and telephone numbers are from ranges that are reserved for examples.

        Args:
            count: number of users.
            cache_key: the same key gives the same users everywhere; a higher count adds users. Without a key the users
                belong to the test, and the next call in the same test returns others.
            use_cache: False does not use the cache; the users are the same.
        """
        return self.generate_data("user", count, cache_key, use_cache=use_cache)

    def generate_data(
        self, entity_type: str, count: int = 1, cache_key: str | None = None, *, use_cache: bool = True
    ) -> list[JsonRecord]:
        """Return records of any entity, as `generate_realistic_user_data` does for users.

        Raises:
            UnknownEntityError: the entity is neither built in nor registered.
        """
        spec = self._spec(entity_type)
        checked_count(count)
        if cache_key is None:
            scope, before = self._scopes.take(entity_type, count)
            return self._known.remember(entity_type, self._generate_unkeyed(spec, scope, before, count))
        cache = self._cache if use_cache else None
        place = (entity_type, spec.digest, cache_key)
        found = cache.get(place, count) if cache else None
        if found is None:
            found = self._generate_keyed(spec, cache_key, count)
            if cache:
                cache.put(place, found)
        return self._known.remember(entity_type, [decode(item) for item in found[:count]])

    def _generate_unkeyed(self, spec: EntitySpec, scope: str, before: int, count: int) -> list[JsonRecord]:
        call = Call(spec.entity_type, scope)
        if not self._recorder.lasting:
            return [checked_record(spec, draft.record()) for draft in self._maker.drafts(spec, call, before, count)]
        record = self._maker.record_id("scope", spec.entity_type, spec.digest, scope, str(before))
        about = self._about(record, spec.entity_type, scope=f"{scope}#{before}")
        return [decode(item) for item in self._find_or_make(spec, call, about, before, count)]

    def _generate_keyed(self, spec: EntitySpec, key: str, count: int) -> list[bytes]:
        record = self._maker.record_id("key", spec.entity_type, spec.digest, key)
        about = self._about(record, spec.entity_type, key=key)
        return self._find_or_make(spec, Call(spec.entity_type, f"key:{key}"), about, 0, count)

    def _find_or_make(self, spec: EntitySpec, call: Call, about: DataGenerated, before: int, count: int) -> list[bytes]:
        """Return the first `count` values of a record: recorded ones, and new ones after them."""
        found = self._recorder.find(about.record)
        if len(found) >= count:
            return found[:count]
        made = self._make_records(spec, call, before + len(found), count - len(found))
        return found + self._save(msgspec.structs.replace(about, first=len(found)), made)

    def _make_records(self, spec: EntitySpec, call: Call, first: int, count: int) -> list[bytes]:
        return [encode(checked_record(spec, draft.record())) for draft in self._maker.drafts(spec, call, first, count)]

    def generate_related_data(
        self,
        entity_type: str,
        parent_data: JsonRecord | Sequence[JsonRecord],
        count_per_parent: int = 1,
        *,
        parent_type: str | None = None,
    ) -> list[JsonRecord]:
        """Return child records in the order of the parents, `count_per_parent` for each.

        A record contains the id of its parent in `<parent>_id`, and is dated after it.

        Args:
            entity_type: order, payment, review, or a registered one.
            parent_data: the parents; each has an `id`.
            count_per_parent: number of records for each parent.
            parent_type: type of the parents; None for the type that they were generated as, else the only parent
                type of the entity.

        Raises:
            UnknownEntityError: the entity is neither built in nor registered.
            ValueError: a parent has no id, or its type is unknown.
        """
        spec = self._spec(entity_type)
        total = checked_count(count_per_parent)
        parents = _parents(parent_data)
        if not parents or not total:
            return []
        field = spec.parent_field(parent_type or self._parent_type(spec, parents))
        each = [parent for parent in parents for _ in range(total)]
        scope, before = self._scopes.take(f"{entity_type} of {field}", len(each))
        call = Call(f"{entity_type} of {field}", scope)
        asked = digest_of(encode(parents).decode(), str(total)).hex()
        record = self._maker.record_id("related", *call, spec.digest, str(before), asked)
        found = self._recorder.find(record)
        if len(found) != len(each):
            drafts = self._maker.drafts(spec, call, before, len(each), parents=each)
            made = [
                encode(child_of(checked_record(spec, draft.record()), field, parent["id"]))
                for draft, parent in zip(drafts, each, strict=True)
            ]
            found = self._save(self._about(record, entity_type, scope=f"{scope}#{before}"), made)
        return self._known.remember(entity_type, [decode(item) for item in found])

    def _parent_type(self, spec: EntitySpec, parents: list[JsonRecord]) -> str:
        if known := self._known.type_of(parents[0]["id"]):
            return known
        if len(spec.relations) == 1:
            return next(iter(spec.relations))
        raise GenerationError(
            f"parent_data: the type of the parents of {spec.entity_type!r} is unknown: they were not generated here,"
            f" and it may belong to {', '.join(spec.relations) or 'anything'}; pass parent_type="
        )

    def register_entity(
        self,
        entity_type: str,
        schema: Mapping[str, Any] | None = None,
        fields: Mapping[str, str | Field] | None = None,
        relations: Mapping[str, str] | Iterable[str] | None = None,
        *,
        rules: Mapping[str, Rule] | None = None,
        unique: Iterable[str] = ("id",),
        version: str = "1",
    ) -> None:
        """Register a type of entity, or replace its definition.

        Args:
            entity_type: its name.
            schema: JSON Schema of one record.
            fields: for each field the name of a kind such as `company`, or a function of a `Draft`.
            relations: types of its parents; a mapping gives also the field of the parent's id, else it is
                `<parent>_id`.
            rules: by name, functions of a record that return True or None if it is valid, False or a message if not.
            unique: fields with a unique value in each record.
            version: change it when a function changes, so that data recorded with the old one is not used.

        Raises:
            TypeError: a field, a rule or the schema has the wrong type.
            GenerationError: the schema is not a JSON Schema, or a field names an unknown kind.
        """
        spec = spec_of(entity_type, schema, fields, relations, rules, unique, version)
        if schema is not None:
            check_schema(spec.schema)
        for name, what in (fields or {}).items():
            if isinstance(what, str) and not self._maker.knows(None, what):
                raise GenerationError(f"field {name!r}: no kind {what!r} of value; there are {self._maker.kinds()}")
        self._entities[entity_type] = spec


def _parents(parent_data: JsonRecord | Sequence[JsonRecord]) -> list[JsonRecord]:
    given = [parent_data] if isinstance(parent_data, Mapping) else list(parent_data)
    parents: list[Any] = json_copy(given, "parent_data")
    for index, parent in enumerate(parents):
        if not isinstance(parent, dict) or cast("JsonRecord", parent).get("id") is None:
            raise GenerationError(f"parent_data[{index}] has no id for its children to name")
    return parents
