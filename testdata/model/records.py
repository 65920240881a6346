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
    """Fixed attributes of a resource from its creation to its end; an id may be reused with other attributes."""

    data_type: str = ""
    test: str = ""
    depends_on: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}  # noqa: RUF012 - never changed: the state is read only
    copied_from: str = ""


_NO_LIFE = Life()


class VersionRecord(NamedTuple):
    """One version of one resource; immutable."""

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
        """Return a new copy of the data."""
        return msgspec.json.decode(self.data)


class Moment(NamedTuple):
    """Version of a resource from a position on; None for a retired resource."""

    position: int
    record: VersionRecord | None


@dataclass(slots=True)
class Cleanup:
    """A cleanup of a resource."""

    cleanup_id: str
    session: str
    target: str
    arguments: dict[str, Any]
    import_root: str
    status: str = "pending"
    """`pending`, `succeeded`, `failed`, `abandoned`, `waived`."""
    attempts: int = 0
    running: str = ""
    """Session that is running it; empty if none is."""
    error: str = ""
    next_due_us: int = 0

    @property
    def is_open(self) -> bool:
        """True if the cleanup has not succeeded and was not waived."""
        return self.status in ("pending", "failed", "abandoned")


@dataclass(slots=True)
class Resource:
    """A resource over its life, or over several lives if its id was reused."""

    namespace: str
    resource_id: str
    life: Life = _NO_LIFE
    session: str = ""
    """Session of its owner."""
    position: int = -1
    """Position of its last creation."""
    at_us: int = 0
    expires_us: int = 0
    versions: dict[str, VersionRecord] = field(default_factory=dict[str, VersionRecord])
    """Versions of this life by `version_key`, in order."""
    moments: list[Moment] = field(default_factory=list[Moment])
    """Moments of all lives."""
    cleanups: list[Cleanup] = field(default_factory=list[Cleanup])

    @property
    def current(self) -> VersionRecord | None:
        """Current version; None if it is retired."""
        return self.moments[-1].record if self.moments else None

    def at(self, position: int) -> VersionRecord | None:
        """Return the version before the event at `position`; None if it did not exist."""
        index = bisect_left(self.moments, position, key=lambda moment: moment.position)
        return self.moments[index - 1].record if index else None

    def open_cleanups(self) -> list[Cleanup]:
        """Return the open cleanups in the order in which they run: last registered first."""
        return [cleanup for cleanup in reversed(self.cleanups) if cleanup.is_open]


@dataclass(slots=True)
class Namespace:
    """A namespace, in which ids are unique."""

    name: str
    session: str = ""
    """Session that opened it last."""
    context: bool = False
    """True while an isolated context uses it."""
    opened_at_us: int = 0
    kept_until_us: int = 0
    kept_reason: str = ""
    resources: dict[str, Resource] = field(default_factory=dict[str, Resource])
    """All resources that were ever created in it."""
    live: dict[str, Resource] = field(default_factory=dict[str, Resource])
    dependants: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Id to the live ids that depend on it."""
    copies: dict[str, str] = field(default_factory=dict[str, str])
    """Id in a snapshot to the id of the copy that was restored here last."""
    checksum: int = 0

    def at(self, position: int) -> Iterator[tuple[Resource, VersionRecord]]:
        """Yield the resources and versions before the event at `position`, in order of creation."""
        for resource in self.resources.values():
            record = resource.at(position)
            if record is not None:
                yield resource, record


class Snapshot(NamedTuple):
    """A named position."""

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
    """A named lock: its holders, and the highest token that was ever granted."""

    namespace: str
    key: str
    highest_token: int = -1
    holds: dict[int, Hold] = field(default_factory=dict[int, Hold])


@dataclass(slots=True)
class OwnerState:
    """A process, as recorded in the log."""

    session: str
    owner: ev.Owner | None = None
    joined_at_us: int = 0
    lease_us: int = 0
    renewed: int = -1
    """Position of the last renewal."""
    renewed_at_us: int = 0
    ended: str = ""
    resources: dict[tuple[str, str], Resource] = field(default_factory=dict[tuple[str, str], Resource])
    """Live resources that it created."""
    tokens: dict[int, Lock] = field(default_factory=dict[int, Lock])
    contexts: dict[str, Namespace] = field(default_factory=dict[str, Namespace])

    @property
    def holds_anything(self) -> bool:
        """True if resources, locks or contexts of it must be cleaned or released."""
        return bool(self.resources or self.tokens or self.contexts)


class OpenConflict(NamedTuple):
    """A refused write that was not resolved yet."""

    event: ev.ConflictDetected
    position: int
    at_us: int


def checksum_text(checksum: int) -> str:
    """Return the checksum of a namespace as text, as in an event."""
    return f"{checksum:032x}"


def checksum_of(records: Iterable[tuple[str, VersionRecord]]) -> str:
    """Return the checksum of a namespace with these ids and versions."""
    return checksum_text(sum(weight_of(key, record) for key, record in records) % CHECKSUM_MOD)


def weight_of(resource_id: str, record: VersionRecord) -> int:
    """Return the share of one resource in the checksum of its namespace."""
    text = f"{resource_id}\0{version_key(record.version)}\0{record.content}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big")
