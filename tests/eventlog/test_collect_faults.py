"""Collecting the file of a dead session dies, fails or meets a second collector at each of its system calls."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from pytest_insight.eventlog.errors import EventLogError
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestStarted
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.live.follow import FollowSet
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.merging.merger import merge_logs
from pytest_insight.eventlog.merging.staging import staging
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.sources import live_dir, live_files
from pytest_insight.eventlog.writer import LogWriter

CALLS = (
    "open_append",
    "fstat",
    "lock",
    "pread",
    "write",
    "ftruncate",
    "fsync",
    "sync_dir",
    "unlink",
    "rename",
    "unlock",
)
DIED = 9


class Watched(System):
    """Calls `hook(number, is_over)` before and after each system call."""

    def __init__(self, hook: Callable[[int, bool], None]) -> None:
        self.count = 0
        for name in CALLS:
            if hasattr(System, name):
                setattr(self, name, self._watch(getattr(System(), name), hook))

    def _watch(self, call, hook):
        def watched(*args, **options):
            self.count += 1
            number = self.count
            hook(number, False)
            result = call(*args, **options)
            hook(number, True)
            return result

        return watched


def begin(path: Path, *names: str) -> LogWriter:
    """A session that is running, with a header and some started tests."""
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id=writer.stream[:12], sut="s"))
    for name in names:
        writer.append(TestStarted(nodeid=name))
    return writer


def end(writer: LogWriter) -> None:
    """Seal and close a session."""
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()


def events(path: Path) -> list[tuple[str, int]]:
    """Every event that a reader of the log yields, sorted."""
    return sorted((r.envelope.stream, r.envelope.seq) for r in read_records(path) if isinstance(r, Record))


@pytest.fixture
def dead(tmp_path):
    """A log with one whole session, and the live files of two that died, one of them in the middle of a line."""
    log = tmp_path / "seed" / "log.jsonl"
    log.parent.mkdir()
    end(begin(log, "whole"))
    writers = [begin(log, "a", "b"), begin(log, "c")]
    for number, writer in enumerate(writers):
        path = writer.file
        writer._files.current.close()
        if number:
            with path.open("ab") as stream:
                stream.write(b'{"v":1,"type":"test.star')
    return log


def calls_of_a_collect(dead: Path, folder: Path) -> int:
    """How many system calls a collect makes that nothing disturbs."""
    system = Watched(lambda *_: None)
    collect_live_files(copy_of(dead, folder), system=system)
    assert system.count > 15
    return system.count


def copy_of(dead: Path, folder: Path) -> Path:
    """The log and its live files in a folder of their own."""
    shutil.copytree(dead.parent, folder)
    return folder / dead.name


def settled(log: Path, expected: list[tuple[str, int]]) -> bool:
    """Whether a further collect leaves each event (some twice, as readers know), no live file, and nothing wrong."""
    collect_live_files(log)
    return sorted(set(events(log))) == expected and not live_files(log) and not verify_log(log).problems


def die_in_a_collect(log: Path, case: tuple[int, bool]) -> NoReturn:
    """Collect, and end this process before or behind one of the system calls, without any cleaning up."""
    try:
        collect_live_files(log, system=Watched(lambda *now: os._exit(DIED) if now == case else None))
    finally:
        os._exit(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process that dies is a fork")
def test_a_collector_that_dies_at_any_call_while_a_reader_follows(tmp_path, dead):
    """Before and behind each system call: every event is there, the reader has each once, the next collect ends it."""
    expected = events(dead)
    cases = [(n, over) for n in range(1, calls_of_a_collect(dead, tmp_path / "calm") + 1) for over in (False, True)]
    wrong = []
    for case in cases:
        log = copy_of(dead, tmp_path / f"{case}")
        followed = FollowSet([log])
        seen = [item for _, item in followed.poll()]
        child = os.fork()
        if not child:
            die_in_a_collect(log, case)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == DIED
        followed.rescan()
        seen += [item for _, item in followed.poll()]
        as_left = events(log)
        is_settled = settled(log, expected)
        followed.rescan()
        seen += [item for _, item in followed.poll()]
        followed_events = sorted((i.envelope.stream, i.envelope.seq) for i in seen if isinstance(i, Record))
        if not (died and as_left == expected and is_settled and followed_events == expected):
            wrong.append((case, died, as_left == expected, is_settled, followed_events == expected))
    assert wrong == []


def test_a_second_collector_between_any_two_calls_of_the_first(tmp_path, dead):
    """It collects what is free, or finds the log locked; each event is in the log in the end, and none is lost."""
    expected = events(dead)
    busy, wrong = 0, []
    for number in range(1, calls_of_a_collect(dead, tmp_path / "calm") + 1):
        log = copy_of(dead, tmp_path / str(number))

        def second(now, is_over, log=log, number=number):
            nonlocal busy
            if (now, is_over) == (number, False):
                try:
                    reports = collect_live_files(log, lock_timeout_s=0.01)
                except EventLogError:
                    busy += 1
                else:
                    busy += any(report.left for report in reports)

        collect_live_files(log, system=Watched(second))
        if not settled(log, expected):
            wrong.append(number)
    assert wrong == []
    assert busy  # the lock was met


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EACCES])
def test_a_collect_whose_calls_fail_leaves_every_event(tmp_path, dead, code):
    """An error of each system call in turn is raised or reported; nothing is lost, and the next collect ends it."""
    expected = events(dead)
    wrong = []
    for number in range(1, calls_of_a_collect(dead, tmp_path / "calm") + 1):
        log = copy_of(dead, tmp_path / str(number))

        def fail(now, is_over, number=number):
            if (now, is_over) == (number, False):
                raise OSError(code, os.strerror(code))

        try:
            reports = collect_live_files(log, system=Watched(fail))
        except (EventLogError, OSError):
            reports = None
        as_left = events(log)
        if as_left != expected or not settled(log, expected):
            wrong.append((number, reports))
    assert wrong == []


def test_a_folder_that_is_copied_during_a_run_is_collected_on_its_own(tmp_path):
    """The copy holds what was written so far; the run goes on in its own folder, and both merge into one session."""
    log = tmp_path / "home" / "log.jsonl"
    log.parent.mkdir()
    end(begin(log, "old"))
    writer = begin(log, "a")
    shutil.copytree(log.parent, tmp_path / "copy")
    copy = tmp_path / "copy" / log.name
    early = events(copy)
    collect_live_files(copy)
    assert not live_files(copy)
    assert events(copy) == early
    assert live_dir(log).exists()
    writer.append(TestStarted(nodeid="b"))
    end(writer)
    whole = events(log)
    assert set(early) < set(whole)
    merged = tmp_path / "merged.jsonl"
    with staging() as stage, merged.open("wb") as out:
        merge_logs([copy, log], out, stage)
    assert events(merged) == whole
    assert verify_log(merged).problems == []
