"""Errors of the log: each says where, why and what to do, and is caught by its base."""

import errno
import os
from pathlib import Path

import pytest
from pytest_insight.eventlog import errors
from pytest_insight.eventlog.files.logfile import unavailable

EACH = [
    errors.LogUnavailableError("a.jsonl", "is a folder", "name a file"),
    errors.LogBusyError("a.jsonl", 2.5),
    errors.LogWriteError("a.jsonl", OSError(errno.ENOSPC, "No space left on device")),
    errors.NewerFormatError("a.jsonl", 7),
    errors.SequenceConflictError("ab" * 16, 3, 5),
    errors.InputLimitError("a.zip!b.jsonl", "unpacks to more than 5 MiB"),
    errors.EventTooLargeError("test.finished", 300, 256),
    errors.ForkedWriterError(),
]


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
def test_a_message_has_a_reason_and_a_hint(error):
    """`path: reason; hint`; an error without a path has the other two."""
    reason, semicolon, hint = str(error).rpartition("; ")
    assert semicolon
    assert reason
    assert hint
    if not isinstance(error, errors.ForkedWriterError):
        assert ": " in reason
    assert isinstance(error, errors.EventLogError)


def test_every_error_of_the_log_is_in_the_table_above():
    """A new one is added to it; those without a constructor of their own take any text."""
    known = {type(error) for error in EACH} | {errors.InputUnreadableError, errors.ProfileError}
    assert {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)} == (
        known | {errors.EventLogError}
    )


def test_errors_carry_their_facts():
    """For callers that decide by them."""
    unavailable_, busy, write, newer, conflict, _, large, _ = EACH
    assert (unavailable_.path, unavailable_.reason, unavailable_.hint) == (
        Path("a.jsonl"),
        "is a folder",
        "name a file",
    )
    assert (busy.path, "2.5 s" in str(busy)) == (Path("a.jsonl"), True)
    assert (write.path, write.error.errno) == (Path("a.jsonl"), errno.ENOSPC)
    assert (newer.path, newer.version) == (Path("a.jsonl"), 7)
    assert (conflict.stream, conflict.expected, conflict.actual) == ("ab" * 16, 3, 5)
    assert (large.event_type, large.size_bytes, large.limit_bytes) == ("test.finished", 300, 256)


@pytest.mark.parametrize("cls", [errors.InputUnreadableError, errors.ProfileError])
def test_wrong_input_is_a_value_error_as_well(cls):
    """As callers of the Python API expect."""
    assert issubclass(cls, ValueError)


HINTS = {
    errno.EACCES: "permissions",
    errno.EPERM: "permissions",
    errno.ELOOP: "symbolic link",
    errno.EROFS: "can be written",
    errno.ENOSPC: "free space",
    errno.ENOTDIR: "is a file",
    errno.EISDIR: "not a folder",
    errno.ENXIO: "not a regular file",
    errno.EIO: "another place",
}


@pytest.mark.parametrize(("number", "hint"), HINTS.items())
def test_each_reason_of_the_system_has_a_hint_that_helps(number, hint):
    """With the words of the system as the reason."""
    error = unavailable(Path("a.jsonl"), OSError(number, os.strerror(number)))
    assert error.reason == os.strerror(number)
    assert hint in error.hint


def test_an_error_of_the_system_without_a_number_has_its_text():
    """As a layer above the system may raise it."""
    error = unavailable(Path("a.jsonl"), OSError("closed"))
    assert (error.reason, error.hint) == ("closed", "choose another place")
