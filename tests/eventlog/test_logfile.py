"""One log file, open for appending: its lock, the lines of others, and what a failed write leaves."""

import errno
import os
import stat

import pytest
from histories import START, write_line
from pytest_insight.eventlog.errors import LogBusyError, LogUnavailableError, LogWriteError, NewerFormatError
from pytest_insight.eventlog.files.logfile import Locked, LogFile, check_content
from pytest_insight.eventlog.files.system import SYSTEM, System

STREAM = "ab" * 16
LINE = write_line("test.started", STREAM, 0, START, nodeid="t")
NEWER = LINE.replace(b'{"v":1,', b'{"v":2,', 1)


@pytest.fixture
def path(tmp_path):
    """Where a log may be."""
    return tmp_path / "new" / "log.jsonl"


class Failing(System):
    """A system whose writes take so many bytes and then fail."""

    def __init__(self, room, error=errno.ENOSPC):
        self.room = room
        self.error = error
        self.write = self._write_some

    def _write_some(self, fd, data):
        count = min(self.room, len(data))
        self.room -= count
        if not count and self.error:
            raise OSError(self.error, os.strerror(self.error))
        return os.write(fd, data[:count]) if count else 0


def test_a_new_log_is_private_whatever_the_umask(path):
    """The file has mode 0600 and its folder 0700."""
    old = os.umask(0)
    try:
        LogFile(path).close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_line_of_a_dead_writer_is_ended_at_every_byte(path):
    """Before an append, by its first byte; or by a reader that decides before it appends."""
    file = LogFile(path)
    for cut in range(1, len(LINE)):
        path.write_bytes(LINE[:cut])
        with Locked(file) as size:
            assert file.append_locked(LINE, size) == cut + 1
        assert path.read_bytes() == LINE[:cut] + b"\n" + LINE
        path.write_bytes(LINE[:cut])
        with Locked(file) as size:
            assert file.end_line_locked(size) == cut + 1
        assert path.read_bytes() == LINE[:cut] + b"\n"
    file.close()


def test_a_whole_log_is_not_touched_before_an_append(path):
    """Neither an empty one nor one that ends with a newline."""
    file = LogFile(path)
    for content in (b"", LINE * 2):
        path.write_bytes(content)
        with Locked(file) as size:
            assert file.end_line_locked(size) == len(content)
            assert file.append_locked(LINE, size) == len(content)
        assert path.read_bytes() == content + LINE
    file.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, 0], ids=["full", "broken", "takes nothing"])
def test_a_write_that_fails_at_any_byte_leaves_the_log_as_it_was(path, error):
    """The next append finds a whole log."""
    LogFile(path).close()
    for room in range(len(LINE)):
        path.write_bytes(LINE)
        system = Failing(room, error)
        file = LogFile(path, system=system)
        with Locked(file) as size, pytest.raises(LogWriteError):
            file.append_locked(LINE, size)
        assert path.read_bytes() == LINE
        system.room = 10_000
        with Locked(file) as size:
            assert file.append_locked(LINE, size) == len(LINE)
        assert path.read_bytes() == LINE * 2
        file.close()


@pytest.mark.parametrize("room", [0, 1, len(LINE), len(LINE) + 1, 2 * len(LINE) + 5])
def test_pieces_are_appended_all_or_none(path, room):
    """A full disk in any of them, also behind the line of a dead writer."""
    LogFile(path).close()
    path.write_bytes(LINE[:9])
    system = Failing(room)
    file = LogFile(path, system=system)
    with Locked(file) as size, pytest.raises(LogWriteError):
        file.append_pieces_locked(iter([LINE, LINE, LINE]), size)
    assert path.read_bytes() == LINE[:9]
    system.room = 10_000
    with Locked(file) as size:
        assert file.append_pieces_locked(iter([LINE, LINE, LINE]), size) == 10 + 3 * len(LINE)
    assert path.read_bytes() == LINE[:9] + b"\n" + 3 * LINE
    file.close()


def test_an_interrupt_between_pieces_leaves_none(path):
    """Ctrl-C while a session is collected; an iterator without pieces changes nothing."""
    file = LogFile(path)

    def pieces():
        yield LINE
        raise KeyboardInterrupt

    with Locked(file) as size, pytest.raises(KeyboardInterrupt):
        file.append_pieces_locked(pieces(), size)
    assert path.read_bytes() == b""
    with Locked(file) as size:
        assert file.append_pieces_locked(iter(()), size) == 0
    file.close()


def test_bytes_of_another_program_are_never_cut_off(path):
    """It appended behind our failed write without the lock: the fragment stays, and is ended by the next append."""
    LogFile(path).close()

    class Interfering(Failing):
        def _write_some(self, fd, data):
            if not self.room:
                with path.open("ab") as other:
                    other.write(b"other\n")
            return super()._write_some(fd, data)

    file = LogFile(path, system=Interfering(5))
    with Locked(file) as size, pytest.raises(LogWriteError):
        file.append_locked(LINE, size)
    assert path.read_bytes() == LINE[:5] + b"other\n"
    file.close()


def remove(path):
    """Delete the log."""
    path.unlink()


def replace(path):
    """Put another file in its place."""
    other = path.with_name("other")
    other.write_bytes(LINE)
    other.replace(path)


@pytest.mark.parametrize(("change", "before"), [(remove, b""), (replace, LINE)])
def test_the_file_that_has_the_name_now_is_written(path, change, before):
    """A log that was deleted or replaced is opened again, and its lock held."""
    file = LogFile(path)
    change(path)
    with Locked(file) as size:
        assert size == len(before)
        file.append_locked(LINE, size)
    assert file.reopened == 1
    assert path.read_bytes() == before + LINE
    file.close()


def test_a_descriptor_that_the_tested_code_closed_is_not_used(path):
    """Its number may be that of a file of the user, which is neither written nor closed."""
    file = LogFile(path)
    os.close(file.fd)
    theirs = os.open(path.with_name("theirs"), os.O_RDWR | os.O_CREAT)
    assert theirs == file.fd
    with Locked(file) as size:
        file.append_locked(LINE, size)
    file.close()
    os.write(theirs, b"still open")
    os.close(theirs)
    assert path.with_name("theirs").read_bytes() == b"still open"
    assert path.read_bytes() == LINE


def test_a_log_that_is_replaced_at_every_look_is_given_up(path):
    """Another program that fights for the name; the number of tries is bounded."""

    class Restless(System):
        def lock(self, fd):
            replace(path)
            return True

    file = LogFile(path, system=Restless())
    with pytest.raises(LogUnavailableError, match="replaced again and again"):
        file.acquire()
    file.close()


@pytest.mark.parametrize(("timeout_s", "naps"), [(0.0, 1), (0.01, 2), (0.1, 20)])
def test_waiting_for_the_lock_is_counted_in_naps(path, timeout_s, naps):
    """The tested code may have replaced every clock."""
    slept = []

    class Busy(System):
        lock = staticmethod(lambda fd: False)
        sleep = staticmethod(slept.append)

    LogFile(path).close()
    path.write_bytes(LINE)
    file = LogFile(path, lock_timeout_s=timeout_s, system=Busy())
    with pytest.raises(LogBusyError):
        file.acquire()
    assert len(slept) == naps
    file.close()


CONTENTS = {
    "empty": (b"", None),
    "one line": (LINE, None),
    "first bytes": (LINE[:3], None),
    "damaged, one line left": (b"x" * 70_000 + b"\n" + LINE, None),
    "a line in the middle of the head": (b"garbage\n" + LINE + b"y" * 200_000, None),
    "newer in front": (NEWER + LINE, NewerFormatError),
    "newer at the end": (LINE + NEWER, NewerFormatError),
    "newer at the end, torn": (LINE + NEWER[:20], NewerFormatError),
    "text": (b"hello\n", LogUnavailableError),
    "json": (b'{"sessions": []}', LogUnavailableError),
    "binary": (b"\0" * 100, LogUnavailableError),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_only_a_log_is_appended_to(path, name):
    """A damaged log is still one; another file is refused and stays as it is."""
    content, error = CONTENTS[name]
    path.parent.mkdir()
    path.write_bytes(content)
    if error is None:
        LogFile(path).close()
    else:
        with pytest.raises(error):
            LogFile(path)
    assert path.read_bytes() == content
    with path.open("rb") as stream:
        if error is not LogUnavailableError:
            check_content(path, stream.fileno(), SYSTEM, rewrites=True)


@pytest.mark.parametrize(
    ("name", "mode", "refused"),
    [
        ("log.jsonl", 0o644, False),
        ("log.ndjson", 0o644, False),
        ("log", 0o644, False),
        ("__init__.py", 0o644, True),
        ("py.typed", 0o644, True),
        ("notes.txt", 0o600, False),
    ],
)
def test_an_empty_file_of_another_kind_is_not_taken(tmp_path, name, mode, refused):
    """One that another process made a moment ago has the mode of a log."""
    path = tmp_path / name
    path.touch()
    path.chmod(mode)
    if refused:
        with pytest.raises(LogUnavailableError, match="empty file of another kind"):
            LogFile(path)
    else:
        LogFile(path).close()
    assert path.read_bytes() == b""


def hard_link(path):
    """A file with a second name."""
    path.write_bytes(LINE)
    path.with_name("second").hardlink_to(path)


def symbolic_link(path):
    """A link to a log."""
    path.with_name("second").write_bytes(LINE)
    path.symlink_to("second")


def named_pipe(path):
    """A FIFO, which must not block."""
    os.mkfifo(path)


def folder(path):
    """A folder."""
    path.mkdir()


@pytest.mark.parametrize("make", [hard_link, symbolic_link, named_pipe, folder])
def test_what_could_lead_elsewhere_is_no_log(tmp_path, make):
    """A planted file must not be written to, nor stop the run."""
    path = tmp_path / "log.jsonl"
    make(path)
    with pytest.raises(LogUnavailableError):
        LogFile(path)
