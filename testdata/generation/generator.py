"""`DatabaseTestDataGenerator`: realistic, consistent data that is the same for everybody who names the same seed."""

import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from os import environ
from typing import Any

import msgspec

from .cache import DataCache, metrics_of
from .entities import EntitySpec, Field, Rule, iso, spec_of
from .errors import GenerationError, UnknownEntityError, UnknownEntityWarning, UnknownTemplateError
from .jsonvalues import decode, encode, json_copy
from .log.events import DataGenerated
from .log.known_ids import KnownIds
from .log.recorder import Recorder, Store
from .making.builtin import builtin_entities
from .making.maker import Call, Maker, child_of, moment_of
from .providers import ProviderFactory
from .scopes import Scopes
from .seeds import digest_of, resolve_seed
from .templates.template import DataTemplate
from .templates.variables import call_values, given_values, sort_names
from .validation import Problem, check_schema, problems_of

__all__ = ["DatabaseTestDataGenerator"]

_Json = dict[str, Any]


class DatabaseTestDataGenerator:
    """Makes test data: users, what belongs to them, and whatever a template or a registered entity describes.

    The data follows from the seed and from what is asked for, and by whom: the same test gets the same data on any
    worker, in any order, on any day. With a `store` the data itself is recorded, and stays the same when a library
    of words changes. Methods may be called from several threads.

    Args:
        enable_caching: keep what was made for a `cache_key` in memory.
        cache_ttl: for how long, in seconds.
        seed: 7 and `"7"` are the same; None for that of `PYTEST_INSIGHT_SEED`, or 0.
        locale: language and country of the words, such as `en_US`.
        as_of: what counts as now; None for the first moment of 2026, so that no data depends on the day.
        store: a log that remembers templates and data, such as `GenerationStore("data.jsonl")`; None for none.
        provider: `faker`, the faster `mimesis`, or a function that makes a provider for a locale.
        timer: tells the cache the time, in seconds.

    Raises:
        ValueError: a setting that is none.
        ModuleNotFoundError: a library of the extra `testdata` is needed and not installed.
    """

    def __init__(
        self,
        enable_caching: bool = True,  # noqa: FBT001, FBT002 - the documented signature
        cache_ttl: float = 3600,
        *,
        seed: int | str | None = None,
        locale: str = "en_US",
        as_of: datetime | date | str | None = None,
        store: Store | None = None,
        provider: str | ProviderFactory = "faker",
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        if cache_ttl < 0:
            raise ValueError(f"cache_ttl is a number of seconds from 0, not {cache_ttl}")
        self.seed = resolve_seed(seed)
        self.as_of = moment_of(as_of)
        self._maker = Maker(self.seed, locale.replace("-", "_"), self.as_of, provider)
        self._cache = DataCache(cache_ttl, timer=timer) if enable_caching else None
        self._recorder = Recorder(store)
        self._entities = builtin_entities(self.as_of)
        self._scopes = Scopes()
        self._known = KnownIds(self._recorder)
        self._names: dict[str, str] = {}
        self._session = environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(16)
        self._warming: list[threading.Thread] = []

    # ---------------------------------------------------------- templates

    def create_data_template(self, template_name: str, template_data: Any, entity_type: str) -> str:
        """Keep a template and return its id, which follows from the definition.

        Args:
            template_name: a new definition under a name that is there is a new version of it.
            template_data: JSON; `${name}` in its strings stands for a value, `$${` for the text `${`.
            entity_type: whose fields stand in for names that get no value.

        Raises:
            TypeError: the data is no JSON; the message says where.
            TemplateSyntaxError: a `${` begins no name.
        """
        template = DataTemplate.define(template_name, template_data, entity_type)
        self._recorder.define(template)
        self._names[template_name] = template.id
        return template.id

    def get_template(self, template_id: str) -> DataTemplate:
        """Return a template by its id, or by its name: what was last defined here, else the newest version.

        Raises:
            UnknownTemplateError: there is none.
        """
        found = self._recorder.template(self._names.get(template_id, template_id))
        if found is None:
            known = ", ".join(sorted(self._recorder.state().versions)) or "none"
            raise UnknownTemplateError(f"no template {template_id!r}; create_data_template makes one. Names: {known}")
        return found.template

    def template_versions(self, template_name: str) -> list[str]:
        """Return the ids of all versions of a template, oldest first; empty for an unknown name."""
        return list(self._recorder.state().versions.get(template_name, ()))

    def generate_from_template(self, /, template_id: str, count: int = 1, **context: Any) -> list[Any]:
        """Return `count` records of a template, always as a list.

        A name gets its value from `context`, else from the call (`${index}` from 0, `${seq}` from 1 through all calls
        of the test, `${uuid}`, `${worker}`), else from the entity: the fields of one record are of one person. In
        `context` a list or an iterator gives one value to each record, a function is called with the index, and
        anything else is the same for all. A string that is only `${name}` becomes the value with its type.

        Args:
            template_id: the id, or the name.
            count: how many records.
            context: values for names.

        Raises:
            UnknownTemplateError: there is no such template.
            TemplateVariableError: names without a value, values without a name, or fewer values than records.
            TypeError: a value is no JSON.
        """
        template = self.get_template(template_id)
        spec = self._entities.get(template.entity_type)
        fields = spec.fields if spec else {}
        names = sort_names(template.variables, context, fields, lambda name: self._maker.knows(spec, name))
        given = given_values(names.given, _checked_count(count))
        scope, before = self._scopes.take(template.id, count)
        values = [{**item, **call_values(names.call, index, before)} for index, item in enumerate(given)]
        if names.made:
            records = self._made_from(template, spec, names.made, values, (scope, before))
        else:
            records = [template.render(item) for item in values]
        return self._known.remember(template.entity_type, records)

    def _made_from(
        self,
        template: DataTemplate,
        spec: EntitySpec | None,
        made: Sequence[str],
        values: list[_Json],
        place: tuple[str, int],
    ) -> list[Any]:
        scope, before = place
        asked = digest_of(encode(values).decode()).hex()
        definition = spec.digest if spec else ""
        record = self._maker.record_id("template", template.id, definition, scope, str(before), asked)
        found = self._recorder.find(record)
        if len(found) != len(values):
            call = Call(template.id, scope)
            drafts = self._maker.drafts(spec, call, before, len(values), given=values)
            rendered = [
                encode(template.render({**item, **{name: draft.value(name) for name in made}}))
                for item, draft in zip(values, drafts, strict=True)
            ]
            about = self._about(record, template.entity_type, scope=f"{scope}#{before}", template_id=template.id)
            found = self._save(about, rendered)
        return [decode(item) for item in found]

    # ---------------------------------------------------------- entities

    def generate_realistic_user_data(
        self,
        count: int = 1,
        cache_key: str | None = None,
        use_cache: bool = True,  # noqa: FBT001, FBT002 - the documented signature
    ) -> list[_Json]:
        """Return users whose fields agree with each other: the address is of the name, the age of the day of birth.

        Mail addresses and telephone numbers are of ranges that belong to nobody.

        Args:
            count: how many.
            cache_key: the same key gives the same users everywhere; more of a key are the same ones and further ones.
                Without a key they are the test's own, and the next call in the same test gives others.
            use_cache: False neither looks into the cache nor puts anything there; the users are the same.
        """
        return self.generate_data("user", count, cache_key, use_cache=use_cache)

    def generate_data(
        self, entity_type: str, count: int = 1, cache_key: str | None = None, *, use_cache: bool = True
    ) -> list[_Json]:
        """Return records of any entity, as `generate_realistic_user_data` does of users.

        Raises:
            UnknownEntityError: the entity is neither built in nor registered.
        """
        spec = self._spec(entity_type)
        _checked_count(count)
        if cache_key is None:
            scope, before = self._scopes.take(entity_type, count)
            return self._known.remember(entity_type, self._unkeyed(spec, scope, before, count))
        cache = self._cache if use_cache else None
        place = (entity_type, spec.digest, cache_key)
        found = cache.get(place, count) if cache else None
        if found is None:
            found = self._keyed(spec, cache_key, count)
            if cache:
                cache.put(place, found)
        return self._known.remember(entity_type, [decode(item) for item in found[:count]])

    def _unkeyed(self, spec: EntitySpec, scope: str, before: int, count: int) -> list[_Json]:
        call = Call(spec.entity_type, scope)
        if not self._recorder.lasting:
            return [_plain(spec, draft.record()) for draft in self._maker.drafts(spec, call, before, count)]
        record = self._maker.record_id("scope", spec.entity_type, spec.digest, scope, str(before))
        about = self._about(record, spec.entity_type, scope=f"{scope}#{before}")
        return [decode(item) for item in self._recorded(spec, call, about, before, count)]

    def _keyed(self, spec: EntitySpec, key: str, count: int) -> list[bytes]:
        record = self._maker.record_id("key", spec.entity_type, spec.digest, key)
        about = self._about(record, spec.entity_type, key=key)
        return self._recorded(spec, Call(spec.entity_type, f"key:{key}"), about, 0, count)

    def _recorded(self, spec: EntitySpec, call: Call, about: DataGenerated, before: int, count: int) -> list[bytes]:
        """The first `count` values of a record: those that are there, and new ones behind them."""
        found = self._recorder.find(about.record)
        if len(found) >= count:
            return found[:count]
        made = self._made(spec, call, before + len(found), count - len(found))
        return found + self._save(msgspec.structs.replace(about, first=len(found)), made)

    def _made(self, spec: EntitySpec, call: Call, first: int, count: int) -> list[bytes]:
        return [encode(_plain(spec, draft.record())) for draft in self._maker.drafts(spec, call, first, count)]

    def generate_related_data(
        self,
        entity_type: str,
        parent_data: _Json | Sequence[_Json],
        count_per_parent: int = 1,
        *,
        parent_type: str | None = None,
    ) -> list[_Json]:
        """Return records that belong to others, in the order of the parents, `count_per_parent` for each.

        A record names its parent in `<parent>_id` and is dated after it.

        Args:
            entity_type: order, payment, review, or a registered one.
            parent_data: the parents; each has an `id`.
            count_per_parent: how many for each.
            parent_type: what the parents are; None for what they were generated as, else the only kind of parent that
                the entity has.

        Raises:
            UnknownEntityError: the entity is neither built in nor registered.
            ValueError: a parent has no id, or what it is cannot be told.
        """
        spec = self._spec(entity_type)
        total = _checked_count(count_per_parent)
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
                encode(child_of(_plain(spec, draft.record()), field, parent["id"]))
                for draft, parent in zip(drafts, each, strict=True)
            ]
            found = self._save(self._about(record, entity_type, scope=f"{scope}#{before}"), made)
        return self._known.remember(entity_type, [decode(item) for item in found])

    def _parent_type(self, spec: EntitySpec, parents: list[_Json]) -> str:
        if known := self._known.type_of(parents[0]["id"]):
            return known
        if len(spec.relations) == 1:
            return next(iter(spec.relations))
        raise GenerationError(
            f"what the parents of {spec.entity_type!r} are cannot be told: these were not generated here, and it may"
            f" belong to {', '.join(spec.relations) or 'anything'}; pass parent_type="
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
        """Describe a type of entity, or describe one anew.

        Args:
            entity_type: its name.
            schema: JSON Schema of one record.
            fields: how each is made: the name of a kind such as `company`, or a function of a `Draft`.
            relations: the types of its parents; a mapping says in which field the parent's id stands, else it is
                `<parent>_id`.
            rules: by name, functions of a record that return True or None if it is well, False or a message if not.
            unique: fields of which no two records may have the same value.
            version: change it when a function changes, so that data recorded with the old one is not used.

        Raises:
            TypeError: a field, a rule or the schema is nothing of the kind.
            GenerationError: the schema is no JSON Schema, or a field names an unknown kind.
        """
        spec = spec_of(entity_type, schema, fields, relations, rules, unique, version)
        if schema is not None:
            check_schema(spec.schema)
        for name, what in (fields or {}).items():
            if isinstance(what, str) and not self._maker.knows(None, what):
                raise GenerationError(f"field {name!r}: no kind {what!r} of value; there are {self._maker.kinds()}")
        self._entities[entity_type] = spec

    def _spec(self, entity_type: str) -> EntitySpec:
        spec = self._entities.get(entity_type)
        if spec is None:
            known = ", ".join(sorted(self._entities))
            raise UnknownEntityError(f"no entity {entity_type!r}; register_entity describes one. There are {known}")
        return spec

    # --------------------------------------------------------- validation

    def validate_generated_data(
        self, data: Any, entity_type: str, *, strict: bool = False, parents: Iterable[_Json] = ()
    ) -> bool:
        """Tell whether data is what records of an entity should be; `explain_validation` says why not.

        Args:
            data: one record, or a list of them; an empty list is well.
            entity_type: what they should be. An unknown type is not well, and warned of.
            strict: raise an error for an unknown type instead.
            parents: records that count as parents besides all that were generated here.

        Raises:
            UnknownEntityError: the entity is unknown, and `strict`.
        """
        if entity_type not in self._entities:
            if strict:
                self._spec(entity_type)
            warnings.warn(
                f"no entity {entity_type!r} to validate data as; register_entity describes one",
                UnknownEntityWarning,
                stacklevel=2,
            )
            return False
        return not self.explain_validation(data, entity_type, parents=parents)

    def explain_validation(self, data: Any, entity_type: str, *, parents: Iterable[_Json] = ()) -> list[Problem]:
        """Return everything that is wrong with data: where, by which rule, and what; empty if nothing is."""
        spec = self._entities.get(entity_type)
        if spec is None:
            return [Problem("$", "entity", f"no entity {entity_type!r}; there are {', '.join(sorted(self._entities))}")]
        records = list(data) if isinstance(data, (list, tuple)) else [data]
        exists = self._known.judge(parents)
        return problems_of(records, spec, exists, alone=not isinstance(data, (list, tuple)))

    # -------------------------------------------------------------- cache

    def enable_cache_warming(self, keys: Iterable[str] | Mapping[str, int] | None = None, *, wait: bool = False) -> int:
        """Put data of keys into the cache before it is asked for, in a thread of its own; values are no others for it.

        Args:
            keys: keys of users, perhaps with how many; None for all keys that the store knows, of any entity.
            wait: return when it is done.

        Returns:
            how many keys are being made; those in the cache already are left alone.
        """
        cache = self._cache
        if cache is None:
            return 0
        wanted = [
            (spec, key, count)
            for (entity_type, key), count in self._wanted(keys).items()
            if (spec := self._entities.get(entity_type)) and not cache.holds((entity_type, spec.digest, key), count)
        ]
        if wanted:
            thread = threading.Thread(target=self._warm, args=(cache, wanted), name="insight-warming", daemon=True)
            self._warming.append(thread)
            thread.start()
        if wait:
            self.wait_for_warming()
        return len(wanted)

    def wait_for_warming(self, timeout: float | None = None) -> bool:
        """Wait until what is being made for the cache is there; False if it is not after `timeout` seconds a thread."""
        for thread in self._warming:
            thread.join(timeout)
        self._warming = [thread for thread in self._warming if thread.is_alive()]
        return not self._warming

    def _wanted(self, keys: Iterable[str] | Mapping[str, int] | None) -> dict[tuple[str, str], int]:
        recorded = dict[tuple[str, str], int](self._recorder.state().keys.items())
        if keys is None:
            return dict(list(recorded.items())[-self._cache.maxsize :]) if self._cache else {}
        if isinstance(keys, Mapping):
            return {("user", key): count for key, count in keys.items()}
        names = [keys] if isinstance(keys, str) else list(keys)
        return {("user", key): recorded.get(("user", key), 1) for key in names}

    def _warm(self, cache: DataCache, wanted: list[tuple[EntitySpec, str, int]]) -> None:
        for spec, key, count in wanted:
            cache.put((spec.entity_type, spec.digest, key), self._keyed(spec, key, count), warmed=True)

    def get_cache_performance_metrics(self) -> dict[str, Any]:
        """Return enabled, hit_rate (0 to 1), hits, misses, expired, evicted, size, maxsize, ttl (in s) and warmed."""
        return metrics_of(self._cache)

    # -------------------------------------------------------------- scope

    def scope(self, name: str) -> AbstractContextManager[None]:
        """Name the calls within a `with` block: their data follows from this name instead of the running test.

        Data that several tests share, as a fixture of a session makes it, needs a name, since any of the tests may be
        the first to ask for it.
        """
        return self._scopes.named(name)

    def _about(
        self, record: str, entity_type: str, *, key: str = "", scope: str = "", template_id: str = ""
    ) -> DataGenerated:
        return DataGenerated(
            record=record,
            entity_type=entity_type,
            key=key,
            scope=scope,
            template_id=template_id,
            seed=self.seed,
            as_of=iso(self.as_of),
            locale=self._maker.locale,
            session=self._session,
        )

    def _save(self, about: DataGenerated, made: list[bytes]) -> list[bytes]:
        # Who made it is said only now: to replay what was recorded, no provider is loaded.
        return self._recorder.save(msgspec.structs.replace(about, versions=self._maker.versions()), made)


def _checked_count(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise GenerationError(f"a count is a whole number from 0, not {count!r}")
    return count


def _plain(spec: EntitySpec, record: _Json) -> _Json:
    return record if spec.trusted else json_copy(record, spec.entity_type)


def _parents(parent_data: _Json | Sequence[_Json]) -> list[_Json]:
    given = [parent_data] if isinstance(parent_data, Mapping) else list(parent_data)
    parents = json_copy(given, "parent_data")
    for index, parent in enumerate(parents):
        if not isinstance(parent, dict) or parent.get("id") is None:
            raise GenerationError(f"parent_data[{index}] has no id for its children to name")
    return parents
