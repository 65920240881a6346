"""The seam to the operating system: what the kernel promises and the log relies on."""

import os
import stat
import subprocess
import sys

import pytest
from pytest_insight.eventlog.files import system as system_module
from pytest_insight.eventlog.files.liveness import is_being_written
from pytest_insight.eventlog.files.system import SYSTEM, System, _mount_type, why_unsafe

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/tmp tmpfs rw 0 0
//server/my\\040share /mnt/my\\040share cifs rw 0 0
overlay / overlay rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "overlay"),
        ("/var/log", "overlay"),
        ("/home", "nfs4"),
        ("/home/me", "nfs4"),
        ("/home/me/tmp/x", "tmpfs"),
        ("/homes/me", "overlay"),
        ("/mnt/my share/x", "cifs"),
        ("/mnt/my", "overlay"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_longest_mount_point(path, kind):
    """Of two mounts at one point the later one is seen; a blank in a name is written as an escape."""
    assert _mount_type(MOUNTS, path) == kind


def test_a_machine_without_a_mount_table_has_no_network(tmp_path, monkeypatch):
    """There locks are tried, and an error of them is seen."""
    monkeypatch.setattr(system_module.Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert not SYSTEM.is_network(tmp_path)


@pytest.fixture
def file(tmp_path):
    """An open file, and its path."""
    path = tmp_path / "a"
    fd = SYSTEM.open_append(str(path))
    yield fd, path
    os.close(fd)


def test_a_lock_survives_an_unrelated_open_and_close(file):
    """Code that looks into the log does not free it, as it would with locks of `fcntl`."""
    fd, path = file
    assert SYSTEM.lock(fd)
    path.read_bytes()
    assert is_being_written(path)
    SYSTEM.unlock(fd)
    assert not is_being_written(path)


def test_a_second_descriptor_of_this_process_does_not_get_the_lock(file):
    """Locks belong to the open file, so two sessions of one process exclude each other."""
    fd, path = file
    second = SYSTEM.open_append(str(path))
    assert SYSTEM.lock(fd)
    assert not SYSTEM.lock(second)
    SYSTEM.unlock(fd)
    assert SYSTEM.lock(second)
    os.close(second)
    assert SYSTEM.lock(fd)


def test_a_child_that_has_the_descriptor_keeps_the_lock_until_it_is_released(file):
    """Closing is not enough while a forked child has the file open: the lock is given back by name."""
    fd, path = file
    os.set_inheritable(fd, True)
    assert SYSTEM.lock(fd)
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[fd])
    copy = os.dup(fd)
    os.close(copy)
    assert is_being_written(path)
    SYSTEM.unlock(fd)
    assert not is_being_written(path)
    child.communicate(b"\n")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: None], ids=["FIFO", "folder", "nothing"])
def test_what_is_no_regular_file_is_not_being_written(tmp_path, make):
    """And looking at a FIFO does not block."""
    make(tmp_path / "a")
    assert not is_being_written(tmp_path / "a")


def test_a_file_system_without_locks_has_no_writer(file):
    """None of ours holds a lock there."""

    class NoLocks(System):
        def lock(self, fd):
            raise OSError(95, "not supported")

    assert not is_being_written(file[1], NoLocks())


@pytest.mark.parametrize(("exists", "exclusive", "create"), [
    (False, False, True), (True, False, True), (False, True, True), (True, True, True), (False, False, False),
    (True, False, False),
])  # fmt: skip
def test_a_file_is_created_only_where_that_is_asked_for(tmp_path, exists, exclusive, create):
    """An existing one keeps its content and its mode; a new one is private."""
    path = tmp_path / "a"
    if exists:
        path.write_bytes(b"content")
        path.chmod(0o644)
    error = FileExistsError if exists and exclusive else FileNotFoundError if not exists and not create else None
    if error is not None:
        with pytest.raises(error):
            SYSTEM.open_append(str(path), exclusive=exclusive, create=create)
        return
    fd = SYSTEM.open_append(str(path), exclusive=exclusive, create=create)
    os.write(fd, b"+")
    assert SYSTEM.pread(fd, 100, 0) == path.read_bytes() == (b"content+" if exists else b"+")
    assert stat.S_IMODE(path.stat().st_mode) == (0o644 if exists else 0o600)
    os.close(fd)


def test_a_file_that_appears_between_the_two_looks_is_opened(tmp_path):
    """Another process created it first."""
    path = tmp_path / "a"

    class Late(System):
        def __init__(self):
            self.calls = 0

        def _open(self, name, flags, mode=0o777):
            self.calls += 1
            if self.calls == 2:
                path.write_bytes(b"theirs")
            return os.open(name, flags, mode)

    fd = Late().open_append(str(path))
    assert os.pread(fd, 10, 0) == b"theirs"
    os.close(fd)


def test_a_descriptor_moves_out_of_the_way_of_the_tested_code(file):
    """Its number is high, it is not inherited, and the low one is free again."""
    fd = os.dup(file[0])
    high = SYSTEM.move_high(fd)
    assert high >= 900
    assert not os.get_inheritable(high)
    assert os.path.sameopenfile(high, file[0])
    with pytest.raises(OSError):
        os.fstat(fd)
    os.close(high)


def test_the_time_of_the_kernel_is_that_of_the_file(file):
    """Now, whatever Python's clocks say."""
    before = SYSTEM.time_ns()
    stamped = SYSTEM.file_time_ns(file[0])
    assert stamped == file[1].stat().st_mtime_ns
    assert abs(stamped - before) < 60 * 10**9
    assert SYSTEM.elapsed_s() <= SYSTEM.elapsed_s()


def test_a_file_of_another_user_is_unsafe(file, monkeypatch):
    """Unless this user is root, who may write anything."""
    theirs = list(os.fstat(file[0]))
    theirs[4] = 1000
    for user, reason in ((1000, ""), (1001, "belongs to another user"), (0, "")):
        monkeypatch.setattr(system_module.os, "geteuid", lambda user=user: user)
        assert why_unsafe(os.stat_result(theirs)) == reason


def test_folders_are_made_private_and_existing_ones_kept(tmp_path):
    """Each new one on the way; one that another process made meanwhile is taken."""
    tmp_path.chmod(0o755)
    SYSTEM.make_private_dir(tmp_path / "a" / "b")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")] == [
        *(0o755, 0o700, 0o700),
    ]

    class Race(System):
        def _mkdir(self, path, mode):
            os.mkdir(path)
            raise FileExistsError(path)

    Race().make_private_dir(tmp_path / "c")
    assert (tmp_path / "c").is_dir()
