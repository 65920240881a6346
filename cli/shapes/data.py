"""Shapes of `insight data`."""

from typing import Any

from msgspec import UNSET

from .base import Optional, Shape, Utc


class CleanupShape(Shape):
    """Something that is to be done when test data is cleaned."""

    target: str
    """Function to call; empty for a callback of the process."""
    status: str
    attempts: int
    error: str


class TestDataShape(Shape):
    """Live test data."""

    __test__ = False

    resource_id: str
    namespace: str
    data_type: str
    version: str | None
    created_at: Utc
    position: int
    session: str
    test: str
    depends_on: list[str]
    metadata: dict[str, Any]
    cleanups: list[CleanupShape]


class VersionShape(Shape):
    """A version of test data."""

    version: str
    at: Utc
    position: int
    origin: str
    session: str


class TestDataDetailsShape(TestDataShape):
    """Test data with its content and versions."""

    __test__ = False

    data: Any
    versions: list[VersionShape]
    process: str


class DataEventShape(Shape):
    """Something that happened to test data."""

    position: int
    at: Utc
    type: str
    namespace: str
    resource_id: str
    key: str
    """Of a lock or snapshot."""
    session: str
    who: str
    detail: str


class LockShape(Shape):
    """A lock that is held."""

    namespace: str
    key: str
    lock_id: str
    mode: str
    token: int
    session: str
    owner: str
    granted_at: Utc
    expires_at: Utc
    gone: str
    """Why the holder is known to be gone; else empty."""
    test: str


class ConflictShape(Shape):
    """A write that was refused and is not decided yet."""

    conflict_id: str
    kind: str
    namespace: str
    key: str
    version: str
    current_value: Any
    new_value: Any
    detected_at: Utc
    actors: list[str]
    position: int
    test: str


class SnapshotShape(Shape):
    """A position of a namespace by name."""

    snapshot_id: str
    name: str
    namespace: str
    position: int
    resources: int
    checksum: str
    metadata: dict[str, Any]
    session: str
    test: str
    taken_at: Utc


class OrphanShape(Shape):
    """Test data that only a person can clean."""

    resource_id: str
    namespace: str
    data_type: str
    data: Any
    metadata: dict[str, Any]
    created_at: Utc
    test: str
    process: str


class ReasonShape(Shape):
    """Why resources were not cleaned."""

    error: str
    count: int
    resources: list[str]


class ReapedShape(Shape):
    """Result of cleaning up after processes that are gone, or of a dry run."""

    busy: bool
    """Another process is cleaning."""
    dry_run: bool
    token: int
    lost: str
    gone: dict[str, str]
    """Processes by session, with how that is known."""
    unknown: list[str]
    cleaned: list[str]
    failed: list[str]
    waiting: list[str]
    abandoned: list[str]
    orphaned: list[OrphanShape]
    runnable: list[str]
    blocked: list[str]
    """Resources that others use."""
    reasons: list[ReasonShape]
    """Why cleanups failed, the most frequent first."""


class CheckShape(Shape):
    """One answer of the health check."""

    ok: bool
    detail: str


class CleanupReportShape(Shape):
    """How cleanups went."""

    total_resources: int
    namespaces: dict[str, int]
    cleanup_results: dict[str, bool]
    retry_counts: dict[str, int]
    failed_cleanups: list[str]
    locked_resources: list[str]
    pending: int
    abandoned: list[str]
    waived: list[str]
    errors: dict[str, str]
    oldest_overdue_s: float
    orphaned: list[str]
    """Test data with a callback that only a process could call that is gone."""


class NamespacesShape(Shape):
    """Namespaces and open conflicts."""

    namespaces: list[str]
    conflicts: int


class TemplatesShape(Shape):
    """Templates of generators."""

    templates_count: int


class VersioningShape(Shape):
    """Whether versions are kept."""

    enabled: bool


class HealthChecksShape(Shape):
    """The last health check."""

    last_run: Utc | None
    failing: list[str]


class DataStoreShape(Shape):
    """The log of the test data."""

    path: str
    position: int
    findings: list[str]
    """Parts of it that are not events."""


class DataStatusShape(Shape):
    """How everything is."""

    cleanup_registry: CleanupReportShape
    isolation_manager: NamespacesShape
    template_manager: TemplatesShape
    version_manager: VersioningShape
    health_checks: HealthChecksShape
    locks: list[LockShape]
    snapshots: int
    pending_cleanups: int
    store: DataStoreShape


class HealthShape(Shape):
    """Checks of the test data."""

    cleanup_registry: CheckShape
    isolation_manager: CheckShape
    template_manager: CheckShape
    event_store: CheckShape
    locks: CheckShape
    reaper: CheckShape
    cache: CheckShape
    status: DataStatusShape
    version_manager: CheckShape | Optional = UNSET
