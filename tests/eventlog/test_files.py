"""Access to files: sources of bytes, archives, pipes, modes, locks and the clock."""

import gzip
import os
import stat
import threading
import zipfile

import pytest
from pytest_insight.eventlog.errors import LogBusyError, LogUnavailableError
from pytest_insight.eventlog.files import archives
from pytest_insight.eventlog.files.clock import SystemClock
from pytest_insight.eventlog.files.liveness import is_being_written
from pytest_insight.eventlog.files.log_source import LogSource
from pytest_insight.eventlog.files.logfile import Locked, LogFile
from pytest_insight.eventlog.files.pipes import is_pipe, read_pipe
from pytest_insight.eventlog.files.private import open_private
from pytest_insight.eventlog.files.system import System, why_unsafe
from pytest_insight.eventlog.sources import as_source

DATA = b"".join(b"line %d\n" % number for number in range(5000))


def packed(path, kind):
    """The data as a plain file, a gzip file or a member of an archive."""
    if kind == "plain":
        path.write_bytes(DATA)
        return LogSource(path)
    if kind == "gzip":
        path = path.with_name("log.jsonl.gz")
        path.write_bytes(gzip.compress(DATA[:20_000]) + gzip.compress(DATA[20_000:]))
        return LogSource(path)
    path = path.with_name("logs.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/log.jsonl", DATA)
    return as_source(f"{path}!a/log.jsonl")


@pytest.mark.parametrize("kind", ["plain", "gzip", "member"])
@pytest.mark.parametrize("start", [0, 1, 19_999, 20_000, 20_001, len(DATA) - 1, len(DATA)])
def test_offsets_are_those_of_the_unpacked_bytes(tmp_path, kind, start):
    """Reading from any byte gives the same, however the log is kept."""
    source = packed(tmp_path / "log.jsonl", kind)
    assert source.compressed == (kind != "plain")
    with source.open(start) as stream:
        found = b""
        while data := stream.read(4096):
            found += data
    assert found == DATA[start:]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damage_of_an_archive_is_an_os_error(tmp_path, damage):
    """What was whole comes first; then one kind of error, whatever the library raises."""
    data = bytearray(gzip.compress(DATA))
    if damage == "cut":
        del data[len(data) // 2 :]
    else:
        data[-6] ^= 0xFF
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(data)
    found = b""
    with path.open("rb") as raw, archives.open_gzip(raw) as stream, pytest.raises(OSError, match=r"damaged|CRC"):
        while piece := stream.read(1000):
            found += piece
    assert DATA.startswith(found)


def test_a_file_that_is_no_archive_is_an_error_with_a_hint(tmp_path):
    """The message has the path, the reason and what to check."""
    path = tmp_path / "logs.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(LogUnavailableError, match=r"logs\.zip!log\.jsonl: .*; check"):
        as_source(f"{path}!log.jsonl").open()


def test_a_fifo_is_read_once(tmp_path):
    """The bytes of a FIFO come as a file that can be opened again."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert is_pipe(path)
    assert not is_pipe(tmp_path)
    writer = threading.Thread(target=path.write_bytes, args=(DATA,))
    writer.start()
    log = read_pipe(path)
    writer.join()
    for _ in range(2):
        with log.open() as stream:
            assert stream.read() == DATA
    assert log.name == str(path)
    assert read_pipe(path) is log


def test_a_fifo_without_a_writer_is_given_up(tmp_path):
    """After the time that was given, with the path in the message."""
    path = tmp_path / "silent"
    os.mkfifo(path)
    with pytest.raises(LogUnavailableError, match=r"silent: nothing came"):
        read_pipe(path, idle_max_s=0.1)


def test_files_with_recorded_text_are_private(tmp_path):
    """Mode 0600 under any umask; opening again empties the file."""
    before = os.umask(0)
    try:
        with open_private(tmp_path / "a") as out:
            out.write(b"first")
        with open_private(tmp_path / "a") as out:
            out.write(b"2")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert (tmp_path / "a").read_bytes() == b"2"


def test_unsafe_files_are_named(tmp_path):
    """A folder and a file with two names are refused; a file with one is not."""
    path = tmp_path / "a"
    path.touch()
    assert why_unsafe(path.stat()) == ""
    assert why_unsafe(tmp_path.stat())
    (tmp_path / "b").hardlink_to(path)
    assert why_unsafe(path.stat())


def test_a_held_lock_is_seen_and_times_out(tmp_path):
    """A second process would see the file as being written, and gives up with LogBusyError."""
    path = tmp_path / "log.jsonl"
    first = LogFile(path)
    second = LogFile(path, lock_timeout_s=0.02)
    with Locked(first) as size:
        assert size == 0
        assert is_being_written(path)
        with pytest.raises(LogBusyError, match=r"log\.jsonl: another process holds the lock"):
            second.acquire()
    assert not is_being_written(path)
    with Locked(second) as size:
        assert second.append_locked(b"line\n", size) == 0
    first.close()
    second.close()
    assert path.read_bytes() == b"line\n"


class FakeTime(System):
    """A system whose wall clock and elapsed time are set by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.wall_us = 1_000_000_000_000
        self.elapsed = 0.0
        self.time_ns = lambda: self.wall_us * 1000
        self.elapsed_s = lambda: self.elapsed


def test_the_clock_follows_small_steps_and_checks_large_ones():
    """A wall clock that jumps without time passing is a fake; the elapsed time decides."""
    fake = FakeTime()
    clock = SystemClock(None, fake)
    fake.wall_us += 1000
    assert clock.now_us() == fake.wall_us
    real = fake.wall_us
    fake.wall_us -= 10**15
    fake.elapsed = 2.0
    assert abs(clock.now_us() - real) < 10_000_000
