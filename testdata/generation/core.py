"""State of a generator, and the recording of its records."""

import secrets
from contextlib import AbstractContextManager
from os import environ
from typing import Any, cast

import msgspec

from .cache import DataCache
from .entities import EntitySpec, iso
from .errors import GenerationError, UnknownEntityError
from .jsonvalues import json_copy
from .log.events import DataGenerated
from .log.known_ids import KnownIds
from .log.recorder import GenerationLog, GenerationRecorder
from .making.builtin import builtin_entities
from .making.maker import Maker
from .scopes import Scopes

JsonRecord = dict[str, Any]


class GeneratorCore:
    """The parts that templates and entities share.

    Args:
        maker: makes drafts of records.
        store: a log that keeps templates and records; None for no log.
        cache: keeps records that have a key; None for no cache.
    """

    def __init__(self, maker: Maker, store: GenerationLog | None, cache: DataCache | None) -> None:
        self.seed = maker.seed
        self.as_of = maker.as_of
        self._maker = maker
        self._cache = cache
        self._recorder = GenerationRecorder(store)
        self._entities = builtin_entities(maker.as_of)
        self._scopes = Scopes()
        self._template_ids: dict[str, str] = {}
        """Name of a template to the id of the version that this generator defined last."""
        self._known = KnownIds(self._recorder)
        self._session = environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(16)

    def scope(self, name: str) -> AbstractContextManager[None]:
        """Name the calls within a `with` block: their data follows from this name instead of the running test.

        Shared data, for instance of a session fixture, needs a name, since any of its tests may be the first to use
        it.

        """
        return self._scopes.named(name)

    def _spec(self, entity_type: str) -> EntitySpec:
        spec = self._entities.get(entity_type)
        if spec is None:
            known = ", ".join(sorted(self._entities))
            raise UnknownEntityError(f"no entity {entity_type!r}; register_entity describes one. There are {known}")
        return spec

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
        # The versions are added only here: replaying recorded data loads no provider.
        return self._recorder.save(msgspec.structs.replace(about, versions=self._maker.versions()), made)


def checked_count(count: int) -> int:
    """Return a number of records.

    Raises:
        GenerationError: it is not an integer from 0.
    """
    given = cast("object", count)
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise GenerationError(f"count: {count!r} is not an integer from 0")
    return count


def checked_record(spec: EntitySpec, record: JsonRecord) -> JsonRecord:
    """Return a record as plain JSON types; the same object if the entity is known to make them.

    Raises:
        TypeError: a value is not JSON.
    """
    return record if spec.trusted else json_copy(record, spec.entity_type)
