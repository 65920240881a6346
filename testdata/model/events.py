"""Events of test data management. One journal holds them together with the events of generated data.

`session` is always the acting owner: one process of one run, described by its `owner.joined`. Names contain the units.
"""

from typing import Any

import msgspec

from ...eventlog.journal import JournalEvent

__all__ = ["EVENTS", "Owner"]

# An empty default is left out of an event only if its factory is the built-in type itself.
_TEXTS: type[list[str]] = list
_VALUES: type[dict[str, Any]] = dict

Raw = msgspec.Raw


class Owner(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Identity of a process, with which another process can find out whether it still lives: a PID alone is reused."""

    session: str
    """16 random hex digits for one process in one run. A forked child is another owner than its parent."""
    host: str
    boot: str
    """Boot id of the machine; empty if the system has none."""
    pid: int
    pid_space: str = ""
    """PID namespace, which differs in containers. Empty if the system has none."""
    started_ms: int = -1
    """Start of the process in milliseconds after the boot; -1 if unknown."""
    worker: str = ""
    """Name of the xdist worker; empty outside of one."""


class OwnerJoined(JournalEvent, frozen=True, kw_only=True, tag="owner.joined"):
    """First event of an owner, which renews its lease while it holds anything."""

    owner: Owner
    lease_us: int


class OwnerRenewed(JournalEvent, frozen=True, kw_only=True, tag="owner.renewed"):
    """The owner lives. This matters only for owners that cannot be observed (on another machine or in a container)."""

    session: str


class OwnerEnded(JournalEvent, frozen=True, kw_only=True, tag="owner.ended"):
    """The owner ended: `dead` (observed), `lapsed` (its lease ended) or `left` (it wrote so itself)."""

    session: str
    reason: str
    token: int = 0
    """Fencing token of the reaper that wrote this."""


class NamespaceOpened(JournalEvent, frozen=True, kw_only=True, tag="namespace.opened"):
    """A namespace was opened, by its first resource or as a context."""

    namespace: str
    session: str
    label: str = ""
    """Requested name, if it was in use."""
    context: bool = False
    """True for an isolated context, which is in use until it is closed, even if empty."""


class NamespaceClosed(JournalEvent, frozen=True, kw_only=True, tag="namespace.closed"):
    """A namespace was closed."""

    namespace: str
    session: str


class NamespaceKept(JournalEvent, frozen=True, kw_only=True, tag="namespace.kept"):
    """The data of a namespace is kept for inspection, for instance after a failed test, until a time."""

    namespace: str
    session: str
    until_us: int
    """In microseconds since the epoch."""
    reason: str = ""


class ResourceCreated(JournalEvent, frozen=True, kw_only=True, tag="resource.created"):
    """A resource was created, with an id and its first version."""

    namespace: str
    resource_id: str
    data_type: str
    session: str
    version: str
    content: str
    """BLAKE2b-128 of the data as JSON with sorted keys, in hexadecimal."""
    data: Raw
    test: str = ""
    """Node id of the running test."""
    depends_on: list[str] = msgspec.field(default_factory=_TEXTS)
    metadata: dict[str, Any] = msgspec.field(default_factory=_VALUES)
    expires_us: int = 0
    """Time after which it may be reaped although its owner lives, in microseconds since the epoch; 0 for never."""
    copied_from: str = ""
    """Id in the snapshot that it was restored from."""


class ResourceVersioned(JournalEvent, frozen=True, kw_only=True, tag="resource.versioned"):
    """A resource got a new version, or an id that has only versions (empty namespace)."""

    namespace: str
    resource_id: str
    session: str
    version: str
    content: str
    data: Raw
    test: str = ""
    token: int = 0
    """Fencing token of the writer; 0 for none."""


class ResourceMigrated(JournalEvent, frozen=True, kw_only=True, tag="resource.migrated"):
    """One step of a migration; all steps of one migration are one batch."""

    namespace: str
    resource_id: str
    session: str
    version_from: str
    version: str
    handler: str
    content: str
    data: Raw


class MigrationRefused(JournalEvent, frozen=True, kw_only=True, tag="migration.failed"):
    """A migration step failed; the resource is unchanged."""

    namespace: str
    resource_id: str
    session: str
    version_from: str
    version: str
    handler: str
    error: str


class ResourceRetired(JournalEvent, frozen=True, kw_only=True, tag="resource.retired"):
    """A resource was removed: `cleaned` or `reaped`, cleaned by hand (`waived`), or not in a restored snapshot
    (`restored`).
    """

    namespace: str
    resource_id: str
    session: str
    reason: str


class ResourceRestored(JournalEvent, frozen=True, kw_only=True, tag="resource.restored"):
    """A resource has an earlier version of its own history again; nothing outside the log is changed."""

    namespace: str
    resource_id: str
    session: str
    version: str
    written: int
    """Position of the event that wrote that version: a reused id may have had the same version twice."""


class SnapshotTaken(JournalEvent, frozen=True, kw_only=True, tag="snapshot.taken"):
    """The state of a namespace before this event got a name. Nothing is copied."""

    snapshot_id: str
    name: str
    namespace: str
    session: str
    resources: int
    checksum: str
    """Checksum of ids, versions and contents, in any order."""
    metadata: dict[str, Any] = msgspec.field(default_factory=_VALUES)
    test: str = ""


class SnapshotRestored(JournalEvent, frozen=True, kw_only=True, tag="snapshot.restored"):
    """A namespace got the state of a snapshot; first event of its batch."""

    snapshot_id: str
    target: str
    session: str
    resources: int


class CleanupRegistered(JournalEvent, frozen=True, kw_only=True, tag="cleanup.registered"):
    """A cleanup was registered: it runs when the resource is removed."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str
    target: str = ""
    """`package.module:function`; empty for a callback that only its process can call."""
    arguments: dict[str, Any] = msgspec.field(default_factory=_VALUES)
    import_root: str = ""
    """Folder in which the registering process found the package."""


class CleanupStarted(JournalEvent, frozen=True, kw_only=True, tag="cleanup.started"):
    """A cleanup is about to run. Without a later result the process died in it, and it runs again."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str
    attempt: int
    token: int = 0
    """Fencing token of the reaper; 0 for the owner itself."""


class CleanupSucceeded(JournalEvent, frozen=True, kw_only=True, tag="cleanup.succeeded"):
    """A cleanup succeeded."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str


class CleanupFailed(JournalEvent, frozen=True, kw_only=True, tag="cleanup.failed"):
    """A cleanup raised an error, took too long or was not found."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str
    attempt: int
    error: str
    next_due_us: int
    """Time at which a reaper may try again, in microseconds since the epoch."""


class CleanupAbandoned(JournalEvent, frozen=True, kw_only=True, tag="cleanup.abandoned"):
    """A cleanup failed so often that no reaper tries it again; a person must act."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str


class CleanupWaived(JournalEvent, frozen=True, kw_only=True, tag="cleanup.waived"):
    """A resource was cleaned by hand."""

    namespace: str
    resource_id: str
    session: str


class LockGranted(JournalEvent, frozen=True, kw_only=True, tag="lock.granted"):
    """A lock was granted; the position of this event is the fencing token."""

    namespace: str
    key: str
    lock_id: str
    session: str
    mode: str
    ttl_us: int
    test: str = ""


class LockRenewed(JournalEvent, frozen=True, kw_only=True, tag="lock.renewed"):
    """The holder of a lock renewed it."""

    namespace: str
    key: str
    token: int


class LockReleased(JournalEvent, frozen=True, kw_only=True, tag="lock.released"):
    """A lock was released by its holder, or by another process with a reason."""

    namespace: str
    key: str
    token: int
    session: str
    reason: str = ""


class LockExpired(JournalEvent, frozen=True, kw_only=True, tag="lock.expired"):
    """A lock expired: its holder is `dead`, or did not renew it in time (`lapsed`)."""

    namespace: str
    key: str
    token: int
    session: str
    reason: str


class ConflictDetected(JournalEvent, frozen=True, kw_only=True, tag="conflict.detected"):
    """A write was refused, since other data is recorded already."""

    conflict_id: str
    kind: str
    """`create`, `version`, `update`, `restore`."""
    namespace: str
    key: str
    session: str
    holder: str
    """Session that wrote the recorded data."""
    version: str
    """Version of the recorded data."""
    content: str
    """Digest of the refused data."""
    current_value: Raw
    new_value: Raw
    test: str = ""


class ConflictResolved(JournalEvent, frozen=True, kw_only=True, tag="conflict.resolved"):
    """A conflict was resolved with `keep`, `take` or `merge`."""

    conflict_id: str
    session: str
    outcome: str


class HealthChecked(JournalEvent, frozen=True, kw_only=True, tag="health.checked"):
    """A health check wrote this event and read it back."""

    session: str
    failing: list[str] = msgspec.field(default_factory=_TEXTS)


EVENTS: tuple[type[JournalEvent], ...] = (
    OwnerJoined,
    OwnerRenewed,
    OwnerEnded,
    NamespaceOpened,
    NamespaceClosed,
    NamespaceKept,
    ResourceCreated,
    ResourceVersioned,
    ResourceMigrated,
    MigrationRefused,
    ResourceRetired,
    ResourceRestored,
    SnapshotTaken,
    SnapshotRestored,
    CleanupRegistered,
    CleanupStarted,
    CleanupSucceeded,
    CleanupFailed,
    CleanupAbandoned,
    CleanupWaived,
    LockGranted,
    LockRenewed,
    LockReleased,
    LockExpired,
    ConflictDetected,
    ConflictResolved,
    HealthChecked,
)
"""All event types of test data management."""
