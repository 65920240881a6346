"""The file of one session: appends, other writers, lost names and descriptors; and the set of such files."""

import errno
import os

import pytest
from pytest_insight.eventlog.errors import LogUnavailableError, LogWriteError
from pytest_insight.eventlog.files.liveness import is_being_written
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.live.session_file import create_live_file, take_log
from pytest_insight.eventlog.live.session_files import SessionFiles
from pytest_insight.eventlog.sources import live_files

STREAM = "ab" * 16


@pytest.fixture
def log(tmp_path):
    """The path of a log that does not exist yet."""
    return tmp_path / "log.jsonl"


def test_a_live_file_is_locked_and_has_the_name_of_its_stream(log):
    """A second one of the same stream gets a number."""
    first, second = create_live_file(log, STREAM), create_live_file(log, STREAM)
    assert sorted(path.name for path in live_files(log)) == [f"{STREAM}.2.jsonl", f"{STREAM}.jsonl"]
    assert is_being_written(first.path)
    assert (first.append(b"one\n"), first.append(b"two\n"), first.end) == (0, 4, 8)
    assert first.path.read_bytes() == b"one\ntwo\n"
    first.close()
    second.close()
    assert not is_being_written(first.path)


def test_a_log_is_taken_by_one_session_only(log):
    """While one holds it, another gets None; then it may."""
    first = take_log(log)
    assert first.in_log
    assert take_log(log) is None
    first.close()
    second = take_log(log)
    assert second is not None
    second.close()


@pytest.mark.parametrize("written", range(4))
def test_a_short_write_that_fails_leaves_nothing(log, written):
    """After any number of bytes: they are cut off, and the next append is whole."""

    class Short(System):
        def __init__(self):
            super().__init__()
            self.left = None
            self._real = self.write
            self.write = self.shorten

        def shorten(self, fd, data):
            if self.left is None:
                return self._real(fd, data)
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            count, self.left = self._real(fd, data[: self.left]), 0
            return count

    system = Short()
    file = create_live_file(log, STREAM, system=system)
    file.append(b"one\n")
    system.left = written
    with pytest.raises(LogWriteError, match="No space left"):
        file.append(b"two\n")
    system.left = None
    assert file.append(b"three\n") == 4
    assert file.path.read_bytes() == b"one\nthree\n"
    assert file.is_clean
    file.close()


def test_a_closed_descriptor_is_opened_again(log):
    """The tested code may close it; the next append goes to the same file."""
    file = create_live_file(log, STREAM)
    file.append(b"one\n")
    os.close(file.fd)
    assert not file.is_ours()
    assert file.append(b"two\n") == 4
    assert file.path.read_bytes() == b"one\ntwo\n"
    file.close()


def test_a_removed_file_without_descriptor_is_an_error(log):
    """What was in it is gone, and the caller is told."""
    file = create_live_file(log, STREAM)
    file.append(b"one\n")
    file.path.unlink()
    assert file.is_gone()
    os.close(file.fd)
    with pytest.raises(LogUnavailableError):
        file.append(b"two\n")


def test_the_set_continues_in_a_new_file_that_begins_with_the_header(log):
    """So the events of the new file are known to be of the session."""
    files = SessionFiles(log, STREAM, direct=False, sync=False, lock_timeout_s=1.0)
    files.header = b"header\n"
    assert files.write(b"header\n") == ("live", 0)
    first = files.current
    first.path.unlink()
    os.close(first.fd)
    place, position = files.write(b"one\n")
    assert (place, position) == ("live", len(b"header\n"))
    assert files.current.path.read_bytes() == b"header\none\n"
    assert len(files.troubles) == 1
    files.note(files.troubles[0])
    assert len(files.troubles) == 1
    files.current.close()
