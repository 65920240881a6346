"""Shapes of `insight profile`, `insight sql` and `insight sync-storage`."""

# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# Shapes of answers are derived when the module is imported.

from typing import Literal

from msgspec import UNSET

from ...api.internal.history import Column
from ...syncstorage.shim import Installed
from .base import Optional, Scalar, Shape, Utc, UtcOrEmpty, derived

ColumnShape, InstalledShape = derived(Column), derived(Installed)
SqlAnswer = list[dict[str, Scalar]] | dict[str, list[ColumnShape]]

StorageType = Literal["json", "memory", "remote", "bucket"]


class ProfileShape(Shape):
    """A profile and what is in it."""

    name: str
    active: bool
    type: StorageType
    path: str | None
    sessions: int | None
    """Null if the log cannot be read."""
    last_activity: Utc | None
    size_bytes: int
    created: Utc | None
    created_by: str | None
    last_modified: Utc | None
    last_modified_by: str | None
    problem: str
    """Why the log cannot be read; else empty."""
    url: str | Optional = UNSET
    """Collector or bucket of a profile that mirrors one."""
    api_key_file: str | Optional | None = UNSET
    since: str | Optional | None = UNSET


class CreatedProfileShape(Shape):
    """A profile, as `StorageProfile.to_dict` returns it."""

    name: str
    storage_type: StorageType
    file_path: str | None
    created: Utc | None
    last_modified: Utc | None
    created_by: str | None
    last_modified_by: str | None
    url: str | Optional | None = UNSET
    """Collector or bucket of a profile that mirrors one."""
    api_key_file: str | Optional | None = UNSET
    since: str | Optional | None = UNSET


class SwitchedShape(Shape):
    """The profile that is active now."""

    active: str
    overridden_by: str | None
    """The profile of PYTEST_INSIGHT_PROFILE, if it is set."""


class DeletedProfilesShape(Shape):
    """Profiles that were forgotten."""

    deleted: list[str]
    logs: list[str | None]
    """Logs, which stay where they are."""


class CleanedProfilesShape(Shape):
    """Profiles that were forgotten, or would be."""

    deleted: list[str]
    dry_run: bool


class WorkerShape(Shape):
    """A worker of a test run; what only the running service knows is there while it runs."""

    pid: str
    status: str
    since: Utc
    registered_at: Utc
    adopted: bool
    told_master: bool
    is_master: bool
    worker: str
    session_id: str
    host: str
    os_pid: int
    last_seen_s: float | Optional = UNSET
    sends_keep_alive: bool | Optional = UNSET
    running: str | Optional = UNSET
    """Test that it runs."""
    registrations: int | Optional = UNSET
    peer_ports: list[int] | Optional = UNSET


class CutResultShape(Shape):
    """A result that is held back until it is decided."""

    external_id: str
    status_code: str
    status_type: str
    project_id: str
    started_on: str
    """As the adapter gave it."""


class CoordinatedRunShape(Shape):
    """A test run that the service coordinates."""

    test_run: str
    generation: int
    status: Literal["open", "completed", "force_completed"]
    opened_at: Utc
    completed_at: UtcOrEmpty
    master: str
    epoch: int
    published: bool
    finalised: int
    """Held results that were decided, in all generations."""
    workers: list[WorkerShape]
    cuts: list[CutResultShape]


class ServiceShape(Shape):
    """The service on a port; if none was ever there, only `running`, `port`, `runs` and `error`."""

    running: bool
    port: int
    runs: list[CoordinatedRunShape]
    """The newest last."""
    error: str | Optional = UNSET
    service: str | Optional = UNSET
    election: str | Optional = UNSET
    version: str | Optional = UNSET
    started_at: Utc | Optional = UNSET
    stopped: str | Optional = UNSET
    """Why it ended; empty while it runs."""
    last_update: Utc | Optional = UNSET
    os_pid: int | Optional = UNSET
    waiting: int | Optional = UNSET
    """Clients that wait for a completion."""
    repeated_cuts: int | Optional = UNSET
    damaged: int | Optional = UNSET
    """Places in the journal that are not events."""
    problem: str | Optional = UNSET
    """Why the journal cannot be read."""


class StoppedServiceShape(Shape):
    """A service that was ended."""

    port: int
    running: bool
