"""Shapes of `insight sync`, `insight serve`, `insight keys`, `insight teams` and `insight db`."""

from typing import Literal

from .base import Shape, Utc


class ServingShape(Shape):
    """A collector that begins to serve."""

    url: str
    key: str
    """Admin key of a new database, shown only now; else empty."""
    database: str


class MadeKeyShape(Shape):
    """A new API key; its text is shown only now."""

    id: str
    key: str
    team: str
    scopes: list[str]


class KeyShape(Shape):
    """An API key without its secret."""

    id: str
    team: str
    owner: str
    scopes: list[str]
    state: Literal["valid", "expired", "revoked"]
    created_at: Utc | None
    expires_at: Utc | None
    revoked_at: Utc | None
    last_used_day: Utc | None


class RevokedKeyShape(Shape):
    """A key that was revoked."""

    id: str
    state: Literal["revoked"]


class TeamShape(Shape):
    """A team."""

    name: str
    keep_days: int | None
    """Days that sessions are kept; null for ever."""


class UpgradedSchemaShape(Shape):
    """The schema of the database before and after."""

    before: str
    """Empty for a new database."""
    after: str


class OrphanObjectShape(Shape):
    """An object of the bucket that no row names."""

    name: str
    bytes: int
    modified_at: Utc


class CheckedDatabaseShape(Shape):
    """Outcome of a check of the database."""

    ok: bool
    findings: list[str]
    orphans: list[OrphanObjectShape]
    """Empty without a bucket."""
    removed_orphans: int
    """Of these, with `--remove-orphans`."""


class BackupShape(Shape):
    """A backup that was written."""

    file: str
    bytes: int
    segments_url: str | None
    """Bucket with bodies of segments, which are not in the backup; null without one."""
    segments_elsewhere: int
    """Segments whose bodies are there."""


class RestoredBackupShape(Shape):
    """A backup that was restored."""

    file: str
    segments_url: str | None
    """Bucket with bodies of segments; null without one."""
    segments_elsewhere: int
    segments_missing: int
    """Rows that were dropped, as their objects are gone."""


class MovedSegmentsShape(Shape):
    """Bodies of segments that were moved."""

    to: str
    """URL of the bucket, or `database`."""
    dry_run: bool
    segments: int
    """That were moved, or would be."""
    bytes: int
    """Of their bodies, compressed."""
    left: int
    """Segments whose bodies are where they were."""
    findings: list[str]
    """Segments that cannot be moved, as they are damaged."""


class RebuiltViewsShape(Shape):
    """Tables of a team that were made again."""

    team: str
    streams: int
    """Streams that this process folded."""


class GrantShape(Shape):
    """A role that may read the documented tables."""

    role: str
    teams: list[str]
    """Teams that it was allowed to see; empty after `--revoke`."""


class ExpiredShape(Shape):
    """Sessions that a team does not keep any more."""

    team: str
    keep_days: int
    streams: int
    events: int
    bytes: int
    """As stored."""
    months: list[str]
    """Partitions of results that are dropped as wholes."""
    dry_run: bool


class SyncConflictShape(Shape):
    """Two events with one identity; each side keeps its own."""

    stream: str
    seq: int
    remote: str
    """Digest of the event of the collector."""
    local: str
    """Digest of the event of the log."""


class KeptConflictShape(Shape):
    """Two events with one identity, as the collector keeps them."""

    stream: str
    seq: int
    sent_at: Utc
    key: str
    """Id of the key with which the second one was sent."""
    stored: str | None
    """Line of the event that counts; null if it is not stored any more."""
    quarantined: str
    """Line of the other one."""


class SyncVerifiedShape(Shape):
    """Comparison of all events of both sides."""

    same: int
    only_local: int
    only_remote: int
    conflicts: int


class SyncShape(Shape):
    """Results of bringing a log and a collector to the same events."""

    remote: str
    """URL of the collector."""
    dry_run: bool
    renewed: bool
    """The database of the collector was restored or replaced since the last run."""
    to_send: int
    """Events that the collector lacked."""
    sent: int
    sent_known: int
    """Events that were sent, and had arrived from elsewhere meanwhile."""
    refused: list[str]
    """Events that the collector cannot take."""
    refused_total: int
    """Also those that the collector counted, and did not list."""
    dropped_streams: int
    """Streams that the collector dropped by its retention."""
    fetched: int
    fetched_known: int
    fetched_newer: int
    """Events of a newer format, which an upgraded client fetches."""
    fetched_not_purged: int
    """Events that the log has purged and the other side still has; they are not fetched."""
    purged_elsewhere: int
    """Events of the log that were purged on another machine; `--purge` removes them."""
    findings: list[str]
    """Parts of the answers that are not events."""
    conflicts: list[SyncConflictShape]
    conflicts_total: int
    """Also those that the collector counted, and did not list."""
    verified: SyncVerifiedShape | None
    """Null without `--verify`."""


SyncAnswer = SyncShape | list[KeptConflictShape]
"""With `--conflicts` a list, the newest first."""
