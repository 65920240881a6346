"""The events of test data management, by what they mean. One journal holds them all, with those of generated data.

`session` is always the owner who acts: one process of one run, described by its `owner.joined`. Units stand in the
names.
"""

from typing import Any

import msgspec

from ...eventlog.journal import JournalEvent

__all__ = ["EVENTS", "Owner"]

Raw = msgspec.Raw


class Owner(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process, so described that another one can tell whether it still lives: a PID alone is used again."""

    session: str
    """16 hex digits, random: one process, one run. A forked child is another owner than its parent."""
    host: str
    boot: str
    """Id of the boot of the machine; empty where the system has none."""
    pid: int
    pid_space: str = ""
    """The space in which the PID counts; containers have their own. Empty where the system has none."""
    started_ms: int = -1
    """Start of the process in milliseconds after the boot; -1 if unknown."""
    worker: str = ""
    """Name of the xdist worker, empty outside of one."""


class OwnerJoined(JournalEvent, frozen=True, kw_only=True, tag="owner.joined"):
    """First event of an owner; while it holds anything it renews its lease."""

    owner: Owner
    lease_us: int


class OwnerRenewed(JournalEvent, frozen=True, kw_only=True, tag="owner.renewed"):
    """It lives. Only who cannot be looked at (another machine or container) is judged by this."""

    session: str


class OwnerEnded(JournalEvent, frozen=True, kw_only=True, tag="owner.ended"):
    """Nothing will come from it any more: `dead` (found so), `lapsed` (its lease ended) or `left` (said so itself)."""

    session: str
    reason: str
    token: int = 0
    """Fencing token of the reaper that decided so."""


class NamespaceOpened(JournalEvent, frozen=True, kw_only=True, tag="namespace.opened"):
    """A namespace is there, implicitly by its first resource or as a context of its own."""

    namespace: str
    session: str
    label: str = ""
    """What the owner wanted to call it, if that was taken."""
    context: bool = False
    """Opened as an isolated context: in use until it is closed, even if empty."""


class NamespaceClosed(JournalEvent, frozen=True, kw_only=True, tag="namespace.closed"):
    """Nobody uses it any more."""

    namespace: str
    session: str


class NamespaceKept(JournalEvent, frozen=True, kw_only=True, tag="namespace.kept"):
    """Its data stays for a look at it (a test failed), until a time."""

    namespace: str
    session: str
    until_us: int
    """In microseconds since the epoch."""
    reason: str = ""


class ResourceCreated(JournalEvent, frozen=True, kw_only=True, tag="resource.created"):
    """A piece of test data with an id and its first version."""

    namespace: str
    resource_id: str
    data_type: str
    session: str
    version: str
    content: str
    """BLAKE2b-128 of the data as JSON with sorted keys, in hexadecimal."""
    data: Raw
    test: str = ""
    """Node id of the test that ran."""
    depends_on: list[str] = msgspec.field(default_factory=list)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    expires_us: int = 0
    """When it may be reaped though its owner lives, in microseconds since the epoch; 0 is never."""
    copied_from: str = ""
    """`namespace/id` in the snapshot that it was restored from."""


class ResourceVersioned(JournalEvent, frozen=True, kw_only=True, tag="resource.versioned"):
    """A new version of a resource, or of an id that has only versions (namespace empty)."""

    namespace: str
    resource_id: str
    session: str
    version: str
    content: str
    data: Raw
    test: str = ""
    token: int = 0
    """Fencing token that the writer showed; 0 for none."""


class ResourceMigrated(JournalEvent, frozen=True, kw_only=True, tag="resource.migrated"):
    """One hop of a migration; all hops of one migration are one batch."""

    namespace: str
    resource_id: str
    session: str
    version_from: str
    version: str
    handler: str
    content: str
    data: Raw


class MigrationRefused(JournalEvent, frozen=True, kw_only=True, tag="migration.failed"):
    """A hop failed; the resource is what it was."""

    namespace: str
    resource_id: str
    session: str
    version_from: str
    version: str
    handler: str
    error: str


class ResourceRetired(JournalEvent, frozen=True, kw_only=True, tag="resource.retired"):
    """It is cleaned (`cleaned`, `reaped`), was cleaned by hand (`waived`), or a restore does not have it
    (`restored`).
    """

    namespace: str
    resource_id: str
    session: str
    reason: str


class ResourceRestored(JournalEvent, frozen=True, kw_only=True, tag="resource.restored"):
    """The record has this version of its own history again; what it stands for outside is not touched."""

    namespace: str
    resource_id: str
    session: str
    version: str
    written: int
    """Position of the event that wrote that version: an id that was used again may have had the same version twice."""


class SnapshotTaken(JournalEvent, frozen=True, kw_only=True, tag="snapshot.taken"):
    """The state of a namespace before this event, by name. Nothing is copied."""

    snapshot_id: str
    name: str
    namespace: str
    session: str
    resources: int
    checksum: str
    """Of what is in the namespace: ids, versions and contents, whatever their order."""
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    test: str = ""


class SnapshotRestored(JournalEvent, frozen=True, kw_only=True, tag="snapshot.restored"):
    """What a namespace had at a snapshot stands in the target; first of its batch."""

    snapshot_id: str
    target: str
    session: str
    resources: int


class CleanupRegistered(JournalEvent, frozen=True, kw_only=True, tag="cleanup.registered"):
    """What is to be done when the resource goes."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str
    target: str = ""
    """`package.module:function`; empty for a callback that only its process can call."""
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    import_root: str = ""
    """Folder in which the registering process found the package."""


class CleanupStarted(JournalEvent, frozen=True, kw_only=True, tag="cleanup.started"):
    """About to be called. Without an event that says how it went, the process died in it, and it will be called
    again.
    """

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str
    attempt: int
    token: int = 0
    """Fencing token of the reaper; 0 for the owner itself."""


class CleanupSucceeded(JournalEvent, frozen=True, kw_only=True, tag="cleanup.succeeded"):
    """It returned."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str


class CleanupFailed(JournalEvent, frozen=True, kw_only=True, tag="cleanup.failed"):
    """It raised, took too long or could not be found."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str
    attempt: int
    error: str
    next_due_us: int
    """When a reaper may try again, in microseconds since the epoch."""


class CleanupAbandoned(JournalEvent, frozen=True, kw_only=True, tag="cleanup.abandoned"):
    """It failed so often that no reaper tries it again; only a person can help."""

    namespace: str
    resource_id: str
    cleanup_id: str
    session: str


class CleanupWaived(JournalEvent, frozen=True, kw_only=True, tag="cleanup.waived"):
    """Somebody cleaned the resource by hand."""

    namespace: str
    resource_id: str
    session: str


class LockGranted(JournalEvent, frozen=True, kw_only=True, tag="lock.granted"):
    """The position of this event is the fencing token."""

    namespace: str
    key: str
    lock_id: str
    session: str
    mode: str
    ttl_us: int
    test: str = ""


class LockRenewed(JournalEvent, frozen=True, kw_only=True, tag="lock.renewed"):
    """Its holder lives."""

    namespace: str
    key: str
    token: int


class LockReleased(JournalEvent, frozen=True, kw_only=True, tag="lock.released"):
    """Given back by its holder, or taken from it by somebody with a reason."""

    namespace: str
    key: str
    token: int
    session: str
    reason: str = ""


class LockExpired(JournalEvent, frozen=True, kw_only=True, tag="lock.expired"):
    """Its holder is `dead`, or was not heard of for longer than it promised (`lapsed`)."""

    namespace: str
    key: str
    token: int
    session: str
    reason: str


class ConflictDetected(JournalEvent, frozen=True, kw_only=True, tag="conflict.detected"):
    """Somebody wanted to write something else than what stands there; it was refused."""

    conflict_id: str
    kind: str
    """`create`, `version`, `update`, `restore`."""
    namespace: str
    key: str
    session: str
    holder: str
    """Session that wrote what stands there."""
    version: str
    """Of what stands there."""
    content: str
    """Of what was refused."""
    current_value: Raw
    new_value: Raw
    test: str = ""


class ConflictResolved(JournalEvent, frozen=True, kw_only=True, tag="conflict.resolved"):
    """Somebody decided: `keep`, `take` or `merge`."""

    conflict_id: str
    session: str
    outcome: str


class HealthChecked(JournalEvent, frozen=True, kw_only=True, tag="health.checked"):
    """A health check wrote this and read it back."""

    session: str
    failing: list[str] = msgspec.field(default_factory=list)


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
"""Every type of event of this part."""
