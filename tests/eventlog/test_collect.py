"""Collecting live files: which are taken, which are left and why, and what is kept of a damaged one."""

import os
from pathlib import Path

import pytest
from histories import write_session
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.live.collect import collect_live_files, collect_own_file, remove_empty_dirs
from pytest_insight.eventlog.live.session_file import create_live_file

SESSION = write_session("s", 1, [("a::b", "passed")])
LINES = SESSION.splitlines(keepends=True)
NEWER = LINES[0].replace(b'{"v":1,', b'{"v":2,', 1)


@pytest.fixture
def log(tmp_path):
    """Where the log will be."""
    return tmp_path / "log.jsonl"


@pytest.fixture
def live(log):
    """Write a live file whose process has ended: `live(content)`."""

    def write(content, name="ab"):
        path = log.with_name("log.live") / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def test_nothing_to_collect_creates_nothing(log):
    """Not even the log."""
    assert collect_live_files(log) == []
    assert not log.exists()


def test_a_whole_file_is_moved_into_the_log(log, live):
    """Behind what is there, and its folder goes when it is empty."""
    log.write_bytes(LINES[0])
    path = live(SESSION)
    (report,) = collect_live_files(log)
    assert log.read_bytes() == LINES[0] + SESSION
    assert (report.bytes, report.findings, report.set_aside, report.left) == (len(SESSION), [], "", "")
    assert not path.parent.exists()


def test_an_empty_file_is_removed(log, live):
    """Its process ended before its first line."""
    live(b"")
    (report,) = collect_live_files(log)
    assert (report.bytes, report.left, log.read_bytes()) == (0, "", b"")


def test_whole_lines_of_a_file_are_in_the_log_wherever_it_was_cut(log, live):
    """At every byte; a file that ends within a line is kept beside, and one whose line lacks only its newline is not."""
    ends = [sum(map(len, LINES[: number + 1])) for number in range(len(LINES))]
    for cut in range(len(SESSION) + 1):
        log.unlink(missing_ok=True)
        path = live(SESSION[:cut])
        (report,) = collect_live_files(log, sync=False)
        whole = sum(end <= cut + 1 for end in ends)
        assert log.read_bytes() == b"".join(LINES[:whole]), cut
        is_torn = cut not in {0, *ends, *(end - 1 for end in ends)}
        assert bool(report.set_aside) == is_torn
        assert not path.exists()
        if is_torn:
            os.unlink(report.set_aside)


def test_damage_in_the_middle_costs_its_line_and_keeps_the_file(log, live):
    """Under another name; one that is there already is not replaced."""
    content = LINES[0] + b"garbage\n" + b"".join(LINES[1:])
    live(b"earlier").rename(log.with_name("log.live") / "ab.jsonl.broken")
    live(content)
    (report,) = collect_live_files(log)
    assert log.read_bytes() == SESSION
    assert report.set_aside.endswith("ab.jsonl.broken-2")
    assert Path(report.set_aside).read_bytes() == content
    assert [finding.reason for finding in report.findings] == ["damaged"]


def test_lines_of_a_newer_release_stay_where_they_are(log, live):
    """That release will collect them; nothing of the file is in the log."""
    log.write_bytes(LINES[0])
    path = live(SESSION + NEWER)
    (report,) = collect_live_files(log)
    assert "newer release" in report.left
    assert (log.read_bytes(), path.read_bytes()) == (LINES[0], SESSION + NEWER)


def test_a_session_that_runs_is_left_alone(log):
    """Its file is locked by its process, here this one."""
    running = create_live_file(log, "cd" * 16)
    running.append(SESSION)
    (report,) = collect_live_files(log)
    assert report.left == "its session is running"
    assert running.path.read_bytes() == SESSION
    running.close()
    assert [one.left for one in collect_live_files(log)] == [""]
    assert log.read_bytes() == SESSION


def test_a_file_that_another_process_collected_meanwhile_is_not_collected_twice(log, live):
    """It was opened while it had its name, and its lock is free because the other process is done with it."""
    path = live(SESSION)

    class Race(System):
        def lock(self, fd):
            if path.exists() and os.fstat(fd).st_ino == path.stat().st_ino:
                path.unlink()
            return super().lock(fd)

    assert collect_live_files(log, system=Race()) == []
    assert log.read_bytes() == b""


def test_a_file_with_a_second_name_or_behind_a_link_is_left(log, live):
    """Another program may have planted it."""
    path = live(SESSION, "a")
    path.with_name("b.jsonl").hardlink_to(path)
    path.with_name("c.jsonl").symlink_to(path)
    reports = collect_live_files(log)
    assert ["second name" in report.left for report in reports[:2]] == [True, True]
    assert reports[2].left
    assert log.read_bytes() == b""


def test_one_file_that_cannot_be_read_does_not_keep_the_others(log, live):
    """It is left with the reason of the system."""
    live(SESSION, "a")
    bad = live(SESSION, "b")
    live(write_session("t", 2, []), "c")

    class Broken(System):
        def pread(self, fd, size, offset):
            if os.path.sameopenfile(fd, handle):
                raise OSError(5, "Input/output error")
            return super().pread(fd, size, offset)

    handle = os.open(bad, os.O_RDONLY)
    reports = collect_live_files(log, system=Broken())
    os.close(handle)
    assert [report.left for report in reports] == ["", "Input/output error", ""]
    assert log.read_bytes() == SESSION + write_session("t", 2, [])
    assert bad.read_bytes() == SESSION


@pytest.mark.parametrize("sync", [True, False])
def test_events_are_durable_in_the_log_before_their_file_is_removed(log, live, sync):
    """Unless the session asked for no fsync at all."""
    calls = []

    class Noting(System):
        fsync = staticmethod(lambda fd: calls.append("fsync"))
        unlink = staticmethod(lambda path: (calls.append("unlink"), os.unlink(path))[0])

    live(SESSION)
    collect_live_files(log, sync=sync, system=Noting())
    assert calls == (["fsync", "fsync", "unlink"] if sync else ["unlink"])


def test_a_session_collects_its_own_file_which_it_still_holds(log):
    """Also one whose name the tested code removed: the bytes are still there."""
    for lose_name in (False, True):
        log.unlink(missing_ok=True)
        own = create_live_file(log, "ef" * 16)
        own.append(SESSION)
        if lose_name:
            own.path.unlink()
        report = collect_own_file(log, own, sync=False)
        assert (report.bytes, log.read_bytes()) == (len(SESSION), SESSION)
        assert not own.path.exists()
        own.close()
    remove_empty_dirs(log)
    assert [path.name for path in log.parent.iterdir()] == ["log.jsonl"]


def test_a_folder_with_other_files_stays(log, live):
    """Only empty ones are removed."""
    path = live(b"x")
    remove_empty_dirs(log)
    assert path.exists()
