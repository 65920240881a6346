"""Errors of test data management, split by who must act.

    TestDataError
    ├── TestDataNotFound     the caller: no such data, or retired; also a LookupError and a ValueError
    │   └── VersionNotFound  no such version
    ├── DataConflictError    the caller: other data stands there already; recorded; also a RuntimeError
    ├── StaleTokenError      the caller: the lock was lost, somebody else has been granted it since
    ├── LockTimeoutError     wait: none is free; also a TimeoutError
    ├── MigrationFailed      the handler's author: a hop failed, nothing was changed
    ├── NoMigrationPath      the caller: no handlers lead there; also a ValueError
    ├── CleanupTargetError   the caller: "package.module:function" names nothing that can be run; also a ValueError
    ├── CleanupCallbackError the caller: a callback that cannot be called; also a TypeError
    └── DataTooLargeError    the caller: more than fits into an event; also an EventTooLargeError

What the log itself can say (busy, full disk) are the errors of `pytest_insight.eventlog.errors`.
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
    """There is no such data now: never created, retired, or in another namespace."""


class VersionNotFound(TestDataNotFound):
    """The data has no such version."""


class DataConflictError(TestDataError, RuntimeError):
    """Other data stands there already; the conflict was recorded.

    Attributes:
        conflict_id: what `resolve_conflict` takes.
    """

    def __init__(self, message: str, conflict_id: str) -> None:
        super().__init__(f"{message}; recorded as conflict {conflict_id}")
        self.conflict_id = conflict_id


class StaleTokenError(TestDataError, RuntimeError):
    """The fencing token is not the newest of its lock: the write was refused."""


class LockTimeoutError(TestDataError, TimeoutError):
    """The lock exists, or nobody says that it does not, but it was not to be had in time."""


class MigrationFailed(TestDataError, RuntimeError):  # noqa: N818 - the documented name
    """A handler raised, or returned what is no JSON; no version was added."""


class NoMigrationPath(TestDataError, ValueError):  # noqa: N818 - reads as what it says
    """No chain of handlers leads from the version there is to the one that was asked for."""


class CleanupTargetError(TestDataError, ValueError):
    """A durable cleanup does not name a function that another process could find."""


class CleanupCallbackError(TestDataError, TypeError):
    """A cleanup callback cannot be called without arguments; nothing was recorded."""


class DataTooLargeError(TestDataError, EventTooLargeError):
    """What is to be recorded does not fit into an event; nothing was recorded.

    Attributes:
        event_type: of the event that is too large.
        size_bytes: its size.
        limit_bytes: how large it may be.
    """

    def __init__(self, event_type: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(event_type, size_bytes, limit_bytes)
        # The text of the log's error is for those who make events.
        text = f"test data: {event_type} would have {size_bytes} bytes, the limit is {limit_bytes}"
        self.args = (f"{text}; keep what is large in a file and record its path, or record it in several pieces",)
