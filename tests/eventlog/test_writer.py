"""What append promises, kept: on full and failing disks, busy locks, hostile files, forks, interrupts."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pytest_insight.eventlog import writer as writer_module
from pytest_insight.eventlog.errors import (
    ForkedWriterError,
    LogUnavailableError,
    NewerFormatError,
)
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestStarted
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.writer import Durability, LogWriter


class Failing(System):
    """The operating system, failing one call at its k-th use."""

    CALLS = ("write", "fstat", "fdatasync", "fsync", "ftruncate", "lock", "unlock", "pread", "unlink", "open_append")

    def __init__(self, call: str, at: int, error: int | BaseException, short: int | None = None) -> None:
        self.uses = 0
        real = getattr(super(), call)

        def failing(*args, **kwargs):
            self.uses += 1
            if self.uses == at:
                if short is not None:
                    real(args[0], args[1][:short])
                    return short
                raise error if isinstance(error, BaseException) else OSError(error, os.strerror(error))
            return real(*args, **kwargs)

        setattr(self, call, failing)


def nodeids(path: Path) -> list[str]:
    """Node ids of all started tests of a log and its live files; a line that stands twice is one event."""
    found = {}
    for item in read_records(path):
        if isinstance(item, Record) and item.envelope.type == "test.started":
            found[item.envelope.stream, item.envelope.seq, item.digest] = item.event().nodeid
    return list(found.values())


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EINTR])
@pytest.mark.parametrize("call", Failing.CALLS)
def test_any_call_may_fail_at_any_time(tmp_path, call, error):
    """Each system call failing at each of its first uses: what was acknowledged is there once, and nothing raises."""
    injected = 0
    for at in range(1, 9):
        path = tmp_path / f"{call}-{error}-{at}" / "log.jsonl"
        system = Failing(call, at, error)
        try:
            writer = LogWriter(path, durability=Durability.EVENT, lock_timeout_s=0.02, system=system)
        except (LogUnavailableError, OSError):
            continue
        acked, held = [], []
        for number in range(6):
            ack = writer.append(TestStarted(nodeid=str(number)))
            (held if ack.place == "held" else acked).append(str(number))
        writer.close()
        found = nodeids(path)
        assert sorted(set(found)) == sorted(found), "an event twice"
        assert set(acked) <= set(found), f"lost at use {at}"
        assert not [finding for finding in verify_log(path).problems if finding.reason != "torn"]
        injected += system.uses >= at
    assert injected or call in ("unlink", "ftruncate", "pread", "fsync", "open_append")


@pytest.mark.parametrize("short", [0, 1, 50, 150])
def test_short_writes_are_continued(tmp_path, short):
    """A write that takes only some bytes is followed by one for the rest."""
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path, system=Failing("write", 2, 0, short=short))
    for number in range(4):
        writer.append(TestStarted(nodeid=str(number)))
    writer.close()
    assert nodeids(path) == ["0", "1", "2", "3"]


LIMITS = """
import resource, signal, sys
from pathlib import Path
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.eventlog.events import TestStarted
from pytest_insight.eventlog.reader import read_records, Record
wrong = 0
for limit in range(200, 1400):
    folder = Path(sys.argv[1]) / str(limit)
    writer = LogWriter(folder / "log.jsonl", durability="never")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    acked = [n for n in range(8) if writer.append(TestStarted(nodeid=str(n))).place in ("log", "live")]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    resumed = writer.append(TestStarted(nodeid="later"))
    writer.close()
    found = [r.event().nodeid for r in read_records(folder / "log.jsonl") if isinstance(r, Record)]
    bad = [r for r in read_records(folder / "log.jsonl") if not isinstance(r, Record)]
    if not {str(n) for n in acked} <= set(found) or len(set(found)) != len(found) or "later" not in found or bad:
        wrong += 1; print(limit, acked, found, bad)
print("disk full:", 1200, "limits,", wrong, "wrong")
"""


def test_a_full_disk_at_every_byte(tmp_path):
    """1,200 limits on the size of files: all that was acknowledged is there, and writing goes on when there is space."""
    result = subprocess.run([sys.executable, "-c", LIMITS, str(tmp_path)], capture_output=True, text=True, timeout=300)
    print(result.stdout.strip())
    assert result.stdout.strip().endswith("1200 limits, 0 wrong"), result.stdout[-500:] + result.stderr[-2000:]


def test_when_nothing_can_be_written_lines_are_held_then_counted(tmp_path, monkeypatch):
    """With no space anywhere appends are held and written later; beyond the limit they are dropped and counted."""

    class Full(System):
        full = False

        def write(self, fd, data):
            if self.full:
                raise OSError(errno.ENOSPC, "full")
            return System.write(fd, data)

    monkeypatch.setattr(writer_module, "HELD_BYTES_MAX", 2000)
    system = Full()
    writer = LogWriter(tmp_path / "log.jsonl", system=system)
    writer.append(SessionStarted(session_id="s", sut="s"))
    system.full = True
    places = [writer.append(TestStarted(nodeid=str(number))).place for number in range(30)]
    system.full = False
    assert places.count("dropped") == writer.dropped > 0
    assert writer.append(TestStarted(nodeid="space")).place in ("log", "live")
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()
    assert len(nodeids(tmp_path / "log.jsonl")) == places.count("held") + 1
    assert verify_log(tmp_path / "log.jsonl").findings == []


def test_an_interrupt_in_the_middle_of_a_write_makes_no_conflict(tmp_path):
    """Ctrl-C right behind the system call: the next append repeats the same line, and readers see one event."""
    path = tmp_path / "log.jsonl"

    class Interrupted(System):
        armed = False

        def write(self, fd, data):
            count = System.write(fd, data)
            if self.armed:
                self.armed = False
                raise KeyboardInterrupt
            return count

    system = Interrupted()
    writer = LogWriter(path, system=system)
    writer.append(SessionStarted(session_id="s", sut="s"))
    system.armed = True
    with pytest.raises(KeyboardInterrupt):
        writer.append(TestStarted(nodeid="a"))
    writer.append(TestStarted(nodeid="b"))
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()
    assert sorted(set(nodeids(path))) == ["a", "b"]
    assert verify_log(path).problems == []


def test_a_forked_child_cannot_write(tmp_path):
    """A writer refuses in a child process, and its close there leaves the parent's lock and file alone."""
    writer = LogWriter(tmp_path / "log.jsonl")
    writer.append(TestStarted(nodeid="a"))
    pid = os.fork()
    if pid == 0:
        try:
            writer.append(TestStarted(nodeid="child"))
        except ForkedWriterError:
            writer.close()
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    writer.append(TestStarted(nodeid="b"))
    writer.close()
    assert nodeids(tmp_path / "log.jsonl") == ["a", "b"]


REFUSED = {
    "a link": lambda path: (path.with_name("victim").write_text("v"), path.symlink_to(path.with_name("victim"))),
    "a FIFO": os.mkfifo,
    "a second name": lambda path: (path.with_name("other").touch(), os.link(path.with_name("other"), path)),
    "a folder": lambda path: path.mkdir(),
    "a text file": lambda path: path.write_text("not a log\nat all\n"),
    "a JSON document": lambda path: path.write_text('{"sessions": []}'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_log_is_refused_and_untouched(tmp_path, name):
    """The error names the path and what to do; nothing is written through links or into other files."""
    path = tmp_path / "log.jsonl"
    REFUSED[name](path)
    before = {entry: entry.read_bytes() for entry in tmp_path.iterdir() if stat.S_ISREG(entry.lstat().st_mode)}
    with pytest.raises(LogUnavailableError, match=r"log\.jsonl: .+; .+"):
        LogWriter(path)
    assert {entry: entry.read_bytes() for entry in before} == before


def test_a_newer_log_is_not_appended_to(log, line):
    """A log whose first or last line has a higher version is left alone, with what to upgrade."""
    for content in (b'{"v":2,"x":1}\n' + line(0), line(0) + b'{"v":9,"x":1}\n'):
        log.reset(content)
        with pytest.raises(NewerFormatError, match="upgrade"):
            LogWriter(log.path)
        assert log.path.read_bytes() == content


def test_a_damaged_log_is_still_a_log(log, line):
    """A log whose beginning was overwritten is appended to all the same."""
    log.reset(b"\0" * 300 + b"\n" + line(1))
    log.append()
    assert log.seqs() == [1, 0]


def test_files_are_private_whatever_the_umask(tmp_path):
    """Folders 0700, files 0600."""
    old = os.umask(0)
    try:
        LogWriter(tmp_path / "new" / "deep" / "log.jsonl").close()
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new/deep/log.jsonl").stat().st_mode) == 0o600


def test_the_test_tier_syncs_in_the_background(tmp_path):
    """Within about a second after an append fsync is called, without a further append."""
    synced = threading.Event()

    class Watched(System):
        def fdatasync(self, fd):
            System.fdatasync(fd)
            synced.set()

    writer = LogWriter(tmp_path / "log.jsonl", durability=Durability.TEST, system=Watched())
    writer.append(TestStarted(nodeid="header"))
    synced.clear()
    assert not writer.append(TestStarted(nodeid="a")).durable
    assert synced.wait(300)
    writer.close()


def test_only_the_tier_event_calls_every_append_durable(tmp_path):
    """Ack.durable tells the truth of each tier."""
    durable = {}
    for tier in Durability:
        writer = LogWriter(tmp_path / f"{tier}.jsonl", durability=tier)
        durable[tier] = [writer.append(TestStarted(nodeid=str(n))).durable for n in range(3)]
        writer.close()
    assert durable == {
        Durability.NEVER: [False] * 3,
        Durability.SESSION: [True, False, False],
        Durability.TEST: [True, False, False],
        Durability.EVENT: [True] * 3,
    }
