"""`DatabaseTestDataGenerator`: realistic, consistent data that is the same for everyone who uses the same seed."""

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, cast

from .cache import DataCache, metrics_of
from .core import JsonRecord
from .entities import EntitySpec
from .entity_generation import EntityGeneration
from .errors import UnknownEntityWarning
from .log.recorder import GenerationLog
from .making.maker import Maker, moment_of
from .providers import ProviderFactory
from .seeds import resolve_seed
from .template_generation import TemplateGeneration
from .validation import Problem, problems_of

__all__ = ["DatabaseTestDataGenerator"]


class DatabaseTestDataGenerator(TemplateGeneration, EntityGeneration):
    """Generator of test data: users, their orders, payments and reviews, registered entities, and templates.

    The data follows from the seed, the arguments and the running test: the same test gets the same data on any worker,
    in any order, on any day. With a `store` the data is recorded, and stays the same when a library of words changes.
    Methods may be called from several threads.

    Args:
        enable_caching: keep the records of a `cache_key` in memory.
        cache_ttl: time for which they are kept, in seconds.
        seed: 7 and `"7"` are the same; None for that of `PYTEST_INSIGHT_SEED`, or 0.
        locale: language and country of the words, such as `en_US`.
        as_of: time that counts as now; None for the start of 2026, so that no data depends on the current day.
        store: a log that keeps templates and data, such as `GenerationStore("data.jsonl")`; None for no log.
        provider: `faker`, the faster `mimesis`, or a function that returns a provider for a locale.
        timer: returns the time for the cache, in seconds.

    Raises:
        ValueError: an argument has a wrong value.
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
        store: GenerationLog | None = None,
        provider: str | ProviderFactory = "faker",
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        if cache_ttl < 0:
            raise ValueError(f"cache_ttl: {cache_ttl} is negative; use a number of seconds from 0")
        maker = Maker(resolve_seed(seed), locale.replace("-", "_"), moment_of(as_of), provider)
        super().__init__(maker, store, DataCache(cache_ttl, timer=timer) if enable_caching else None)
        self._warming: list[threading.Thread] = []

    # --------------------------------------------------------- validation

    def validate_generated_data(
        self, data: Any, entity_type: str, *, strict: bool = False, parents: Iterable[JsonRecord] = ()
    ) -> bool:
        """Return whether data is valid for an entity; `explain_validation` gives the reasons.

        Args:
            data: one record, or a list of records; an empty list is valid.
            entity_type: type of the records. With an unknown type the data is not valid, with a warning.
            strict: raise an error for an unknown type instead.
            parents: records that count as parents in addition to those generated here.

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

    def explain_validation(self, data: Any, entity_type: str, *, parents: Iterable[JsonRecord] = ()) -> list[Problem]:
        """Return all problems of data: path, rule and message; empty if it is valid."""
        spec = self._entities.get(entity_type)
        if spec is None:
            return [Problem("$", "entity", f"no entity {entity_type!r}; there are {', '.join(sorted(self._entities))}")]
        is_list = isinstance(data, (list, tuple))
        records: list[Any] = list(cast("Iterable[Any]", data)) if is_list else [data]
        return problems_of(records, spec, self._known.parent_check(parents), alone=not is_list)

    # -------------------------------------------------------------- cache

    def enable_cache_warming(self, keys: Iterable[str] | Mapping[str, int] | None = None, *, wait: bool = False) -> int:
        """Generate the data of keys into the cache in a thread of its own; the values are the same as without it.

        Args:
            keys: keys of users, with or without counts; None for all recorded keys of any entity.
            wait: return when the thread is done.

        Returns:
            the number of keys that are generated; those in the cache are skipped.
        """
        cache = self._cache
        if cache is None:
            return 0
        wanted = [
            (spec, key, count)
            for (entity_type, key), count in self._select_keys(keys).items()
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
        """Wait for the cache warming; return False if it is not done after `timeout` seconds for each thread."""
        for thread in self._warming:
            thread.join(timeout)
        self._warming = [thread for thread in self._warming if thread.is_alive()]
        return not self._warming

    def _select_keys(self, keys: Iterable[str] | Mapping[str, int] | None) -> dict[tuple[str, str], int]:
        recorded = dict[tuple[str, str], int](self._recorder.state().keys.items())
        if keys is None:
            return dict(list(recorded.items())[-self._cache.maxsize :]) if self._cache else {}
        if isinstance(keys, Mapping):
            counts = cast("Mapping[str, int]", keys)
            return {("user", key): count for key, count in counts.items()}
        names = [keys] if isinstance(keys, str) else list(keys)
        return {("user", key): recorded.get(("user", key), 1) for key in names}

    def _warm(self, cache: DataCache, wanted: list[tuple[EntitySpec, str, int]]) -> None:
        for spec, key, count in wanted:
            cache.put((spec.entity_type, spec.digest, key), self._generate_keyed(spec, key, count), warmed=True)

    def get_cache_performance_metrics(self) -> dict[str, Any]:
        """Return enabled, hit_rate (0 to 1), hits, misses, expired, evicted, size, maxsize, ttl (in s) and warmed."""
        return metrics_of(self._cache)
