"""Errors of the event log, with the side that has to act.

    EventLogError
    ├── LogUnavailableError      the user: no permission, not a regular file, a file of another user
    ├── LogBusyError             wait: the lock could not be acquired in time
    ├── LogWriteError            the machine: disk full, I/O error; nothing of the append was kept
    ├── NewerFormatError         upgrade: written by a newer pytest-insight
    ├── SequenceConflictError    the caller: another writer came first (compare-and-append)
    ├── InputLimitError          the user: an archive that unpacks to more than is reasonable
    ├── InputUnreadableError     the user: a file to import that has no known format; also a ValueError
    ├── ProfileError             the user: unknown profile, or operation not allowed; also a ValueError
    ├── EventTooLargeError       the caller: an event that does not fit into a line
    └── ForkedWriterError        the caller: a forked child used its parent's writer

A damaged log is not an error: readers report damage as `Finding` values and read on.
"""

from pathlib import Path


class EventLogError(Exception):
    """Base of every error raised by `pytest_insight.eventlog`."""


class LogUnavailableError(EventLogError):
    """The log cannot be used; the message has the path, the reason and a hint."""

    def __init__(self, path: Path | str, reason: str, hint: str) -> None:
        super().__init__(f"{path}: {reason}; {hint}")
        self.path = Path(path)
        self.reason = reason
        self.hint = hint


class LogBusyError(EventLogError):
    """The log's lock could not be acquired within the timeout."""

    def __init__(self, path: Path | str, waited_s: float) -> None:
        super().__init__(f"{path}: another process holds the lock for more than {waited_s:g} s; try again")
        self.path = Path(path)


class LogWriteError(EventLogError):
    """The operating system refused a write; no part of the append was acknowledged."""

    def __init__(self, path: Path | str, error: OSError) -> None:
        super().__init__(f"{path}: {error.strerror or error}; free space or choose another place, then append again")
        self.path = Path(path)
        self.error = error


class NewerFormatError(EventLogError):
    """The log holds lines of a format version that this release can only read around."""

    def __init__(self, path: Path | str, version: int) -> None:
        super().__init__(
            f"{path}: written by a newer pytest-insight (log format {version}); upgrade pytest-insight to append to it"
        )
        self.path = Path(path)
        self.version = version


class SequenceConflictError(EventLogError):
    """Compare-and-append found another `seq` than the caller expected; nothing was appended."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream}: next seq is {actual}, not {expected}; read the stream again and retry")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class InputLimitError(EventLogError):
    """An input unpacks to more than the limits allow; nothing of it was used."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}; unpack it yourself if you trust it, and name the files in it")


class InputUnreadableError(EventLogError, ValueError):
    """A file that is to be imported cannot be read at all; nothing was changed."""


class ProfileError(EventLogError, ValueError):
    """Unknown profile, invalid name, or operation not allowed."""


class EventTooLargeError(EventLogError):
    """An event does not fit into one line even after its long texts were shortened."""

    def __init__(self, event_type: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{event_type}: {size_bytes} bytes in one line, the limit is {limit_bytes}; split the event")
        self.event_type = event_type
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class ForkedWriterError(EventLogError):
    """A forked child tried to write through the descriptor of its parent."""

    def __init__(self) -> None:
        super().__init__("this writer belongs to the parent process; open a writer of your own after the fork")
