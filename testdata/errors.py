"""Errors of test data management, by who must act.

    TestDataError
    ├── TestDataNotFound     the caller: no such data, or retired; also a LookupError and a ValueError
    │   └── VersionNotFound  no such version
    ├── DataConflictError    the caller: other data is recorded already; the conflict is recorded; also a RuntimeError
    ├── StaleTokenError      the caller: the lock was lost, and granted to another holder since
    ├── LockTimeoutError     wait: the lock is held; also a TimeoutError
    ├── MigrationFailed      the handler's author: a step failed, nothing was changed
    ├── NoMigrationPath      the caller: no handlers migrate to that version; also a ValueError
    ├── CleanupTargetError   the caller: "package.module:function" cannot be found or called; also a ValueError
    ├── CleanupCallbackError the caller: a callback that cannot be called; also a TypeError
    └── DataTooLargeError    the caller: too large for an event; also an EventTooLargeError

Errors of the log itself (locked, full disk) are those of `pytest_insight.eventlog.errors`.
"""

from ..eventlog.errors import EventTooLargeError

__all__ = [
    "CleanupCallbackError",
    "CleanupTargetError",
    "DataConflictError",
    "DataTooLargeError",
    "LockTimeoutError",
    "MigrationFailed",
    "NoMigrationPath",
    "StaleTokenError",
    "TestDataError",
    "TestDataNotFound",
    "VersionNotFound",
]


class TestDataError(Exception):
    """Base of the errors of `pytest_insight.testdata`."""

    __test__ = False


class TestDataNotFound(TestDataError, LookupError, ValueError):  # noqa: N818 - the documented name
    """The data does not exist now: never created, retired, or in another namespace."""


class VersionNotFound(TestDataNotFound):
    """The data does not have this version."""


class DataConflictError(TestDataError, RuntimeError):
    """Other data is recorded already; the conflict was recorded.

    Attributes:
        conflict_id: argument for `resolve_conflict`.
    """

    def __init__(self, message: str, conflict_id: str) -> None:
        super().__init__(f"{message}; recorded as conflict {conflict_id}")
        self.conflict_id = conflict_id


class StaleTokenError(TestDataError, RuntimeError):
    """The fencing token is not the newest of its lock; the write was refused."""


class LockTimeoutError(TestDataError, TimeoutError):
    """The lock could not be acquired within the timeout."""


class MigrationFailed(TestDataError, RuntimeError):  # noqa: N818 - the documented name
    """A handler raised an error, or did not return JSON; no version was added."""


class NoMigrationPath(TestDataError, ValueError):  # noqa: N818 - reads as what it says
    """No chain of handlers leads from the current version to the requested one."""


class CleanupTargetError(TestDataError, ValueError):
    """Another process could not find or call the function of a durable cleanup."""


class CleanupCallbackError(TestDataError, TypeError):
    """A cleanup callback cannot be called without arguments; nothing was recorded."""


class DataTooLargeError(TestDataError, EventTooLargeError):
    """The data does not fit into an event; nothing was recorded.

    Attributes:
        event_type: type of the event.
        size_bytes: size of the event.
        limit_bytes: largest size of an event.
    """

    def __init__(self, event_type: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(event_type, size_bytes, limit_bytes)
        # The text of the log's own error is meant for authors of events.
        text = f"test data: {event_type} would have {size_bytes} bytes, the limit is {limit_bytes}"
        self.args = (f"{text}; keep large data in a file and record its path, or record it in several pieces",)
