"""Drafts of records, each with a random source from the seed, the entity, the name of the call and its number."""

import platform
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from ..entities import Draft, EntitySpec, batch_token, iso
from ..providers import Provider, ProviderFactory, provider_factory
from ..seeds import digest_of
from .kinds import KINDS

__all__ = ["AS_OF_DEFAULT", "Call", "Maker", "moment_of"]

AS_OF_DEFAULT = datetime(2026, 1, 1, tzinfo=UTC)
"""Default time that counts as now: fixed, so that data is the same on every day."""


def moment_of(as_of: datetime | date | str | None) -> datetime:
    """Return the time that counts as now, in UTC, to the second.

    Args:
        as_of: a time with its timezone, a day (its first moment in UTC), either as ISO 8601, or None for the default.

    Raises:
        ValueError: the text is not a time, or the time has no timezone.
    """
    if as_of is None:
        return AS_OF_DEFAULT
    given = as_of
    if isinstance(as_of, str):
        as_of = date.fromisoformat(as_of) if len(as_of) == len("2026-01-01") else datetime.fromisoformat(as_of)
    if not isinstance(as_of, datetime):
        return datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    if as_of.tzinfo is None:
        raise ValueError(f"as_of: {given!r} has no timezone; write it like 2026-01-01T00:00:00+00:00")
    return as_of.astimezone(UTC).replace(microsecond=0)


class Call(NamedTuple):
    """Identity of a call: calls with other values get other data."""

    what: str
    """Entity type, or id of a template."""
    name: str
    """Key, or test or scope."""


class Maker:
    """Maker of drafts, with one provider for each thread.

    Args:
        seed: seed of all random sources.
        locale: locale such as `en_US`.
        as_of: time that counts as now.
        provider: name of a provider, or a function that returns one for a locale.

    Raises:
        ValueError: the provider is unknown.
    """

    def __init__(self, seed: str, locale: str, as_of: datetime, provider: str | ProviderFactory) -> None:
        self.seed = seed
        self.locale = locale
        self.as_of = as_of
        self._factory = provider_factory(provider)
        self._provider_name = provider if isinstance(provider, str) else ""
        self._threads = threading.local()

    @property
    def provider(self) -> Provider:
        """Provider of this thread."""
        provider: Provider | None = getattr(self._threads, "provider", None)
        if provider is None:
            provider = self._threads.provider = self._factory(self.locale)
        return provider

    def record_id(self, *parts: str) -> str:
        """Return the identity of a recorded call, as 32 hex digits; independent of the provider's release."""
        name = self._provider_name or self.provider.name
        return digest_of(self.seed, name, self.locale, iso(self.as_of), *parts).hex()[:32]

    def versions(self) -> dict[str, str]:
        """Return the releases of provider and Python."""
        return {self.provider.name: self.provider.version, "python": platform.python_version()}

    def drafts(
        self,
        spec: EntitySpec | None,
        call: Call,
        first: int,
        count: int,
        *,
        given: list[dict[str, Any]] | None = None,
        parents: list[dict[str, Any]] | None = None,
    ) -> Iterator[Draft]:
        """Yield drafts of the records `first` to `first + count - 1` of a call; use each before the next.

        Args:
            spec: the entity; None for values without an entity.
            call: the call.
            first: number of the first record.
            count: number of records.
            given: fields of each record that are given.
            parents: parent of each record.
        """
        source = sha256(digest_of(self.seed, *call))
        batch = batch_token(self.seed, *call)
        provider = self.provider
        for number in range(count):
            own = source.copy()
            own.update(b"%d" % (first + number))
            yield Draft(
                spec,
                provider,
                KINDS,
                as_of=self.as_of,
                identity=int.from_bytes(own.digest(), "big"),
                batch=batch,
                index=first + number,
                given=given[number] if given else None,
                parent=parents[number] if parents else None,
            )

    def knows(self, spec: EntitySpec | None, name: str) -> bool:
        """Return whether a draft of this entity has a value for a name."""
        return bool(spec and name in spec.fields) or name in KINDS or name in self.provider.words

    def kinds(self) -> str:
        """Return the names of all kinds of values."""
        return ", ".join(sorted({*KINDS, *self.provider.words}))


def child_of(record: Mapping[str, Any], field: str, parent_id: Any) -> dict[str, Any]:
    """Return a record with the id of its parent after its own id."""
    own_id = {"id": record["id"]} if "id" in record else {}
    return {**own_id, field: parent_id, **{name: value for name, value in record.items() if name not in ("id", field)}}
