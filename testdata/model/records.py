"""Records that the events of test data fold into.

Each record keeps the positions of its events, so the state of a namespace at any position can be read without folding
again.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from . import events as ev
from .versions import version_key

CHECKSUM_MOD = 1 << 128


class Life(NamedTuple):
    """What a resource is from its creation to its end; an id may be used again for something else."""

    data_type: str = ""
    test: str = ""
    depends_on: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it: the state is read only
    copied_from: str = ""


_NO_LIFE = Life()


class VersionRecord(NamedTuple):
    """One version of one resource; never changes."""

    version: str
    content: str
    data: msgspec.Raw
    position: int
    at_us: int
    session: str
    origin: str
    """`created`, `versioned` or `migrated`."""
    life: Life

    def value(self) -> Any:
        """Return the data, a new copy each time."""
        return msgspec.json.decode(self.data)


class Moment(NamedTuple):
    """From this position on a resource has this version; None means that it is retired."""

    position: int
    record: VersionRecord | None


@dataclass(slots=True)
class Cleanup:
    """Something that is to be done when a resource goes."""

    cleanup_id: str
    session: str
    target: str
    arguments: dict[str, Any]
    import_root: str
    status: str = "pending"
    """`pending`, `succeeded`, `failed`, `abandoned`, `waived`."""
    attempts: int = 0
    running: str = ""
    """Session that has begun it and has not said how it went."""
    error: str = ""
    next_due_us: int = 0

    @property
    def is_open(self) -> bool:
        """It is still to be done."""
        return self.status in ("pending", "failed", "abandoned")


@dataclass(slots=True)
class Resource:
    """A piece of test data over its life, or over its lives if its id was used again."""

    namespace: str
    resource_id: str
    life: Life = _NO_LIFE
    session: str = ""
    """Its owner."""
    position: int = -1
    """Where it was created last."""
    at_us: int = 0
    expires_us: int = 0
    versions: dict[str, VersionRecord] = field(default_factory=dict)
    """Of this life, by `version_key`, in order."""
    moments: list[Moment] = field(default_factory=list)
    """Of all lives."""
    cleanups: list[Cleanup] = field(default_factory=list)

    @property
    def current(self) -> VersionRecord | None:
        """The version it has now; None if it is retired."""
        return self.moments[-1].record if self.moments else None

    def at(self, position: int) -> VersionRecord | None:
        """Return the version it had before the event at `position`; None if it was not there."""
        index = bisect_left(self.moments, position, key=lambda moment: moment.position)
        return self.moments[index - 1].record if index else None

    def open_cleanups(self) -> list[Cleanup]:
        """Return what is still to be done, in the order in which it is done: last registered, first done."""
        return [cleanup for cleanup in reversed(self.cleanups) if cleanup.is_open]


@dataclass(slots=True)
class Namespace:
    """A name under which ids are unique."""

    name: str
    session: str = ""
    """Who opened it last."""
    context: bool = False
    """An isolated context is using it."""
    opened_at_us: int = 0
    kept_until_us: int = 0
    kept_reason: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    """Everything that ever was in it."""
    live: dict[str, Resource] = field(default_factory=dict)
    dependants: dict[str, set[str]] = field(default_factory=dict)
    """Id to the live ids that depend on it."""
    copies: dict[str, str] = field(default_factory=dict)
    """Id in a snapshot to the id of the copy that was restored here last."""
    checksum: int = 0

    def at(self, position: int) -> Iterator[tuple[Resource, VersionRecord]]:
        """Yield what was in it before the event at `position`, in order of creation."""
        for resource in self.resources.values():
            record = resource.at(position)
            if record is not None:
                yield resource, record


class Snapshot(NamedTuple):
    """A position by name."""

    snapshot_id: str
    name: str
    namespace: str
    position: int
    at_us: int
    resources: int
    checksum: str
    metadata: dict[str, Any]
    session: str
    test: str


@dataclass(slots=True)
class Hold:
    """One holder of a lock."""

    token: int
    lock_id: str
    session: str
    mode: str
    ttl_us: int
    renewed: int
    """Position of the grant or of the last renewal."""
    granted_at_us: int
    renewed_at_us: int
    test: str


@dataclass(slots=True)
class Lock:
    """A named lock: who holds it, and the highest token it ever gave."""

    namespace: str
    key: str
    highest_token: int = -1
    holds: dict[int, Hold] = field(default_factory=dict)


@dataclass(slots=True)
class OwnerState:
    """A process as the log knows it."""

    session: str
    owner: ev.Owner | None = None
    joined_at_us: int = 0
    lease_us: int = 0
    renewed: int = -1
    """Position of the last sign of life."""
    renewed_at_us: int = 0
    ended: str = ""
    resources: dict[tuple[str, str], Resource] = field(default_factory=dict)
    """Live ones that it created."""
    tokens: dict[int, Lock] = field(default_factory=dict)
    contexts: dict[str, Namespace] = field(default_factory=dict)

    @property
    def holds_anything(self) -> bool:
        """There is something that must be cleaned or freed after it."""
        return bool(self.resources or self.tokens or self.contexts)


class OpenConflict(NamedTuple):
    """Something that was refused, and has not been decided."""

    event: ev.ConflictDetected
    position: int
    at_us: int


def checksum_text(checksum: int) -> str:
    """Return the sum of a namespace as an event holds it."""
    return f"{checksum:032x}"


def checksum_of(records: Iterable[tuple[str, VersionRecord]]) -> str:
    """Return the sum that a namespace with these ids and versions has."""
    return checksum_text(sum(weight_of(key, record) for key, record in records) % CHECKSUM_MOD)


def weight_of(resource_id: str, record: VersionRecord) -> int:
    """Return the share of one resource in the checksum of its namespace."""
    text = f"{resource_id}\0{version_key(record.version)}\0{record.content}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big")
