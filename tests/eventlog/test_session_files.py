"""A session writes a file of its own: one write an event, collected once, whatever dies, fills up or is taken away."""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.files.liveness import is_being_written
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.live.follow import FollowSet
from pytest_insight.eventlog.live.owner import own_identity
from pytest_insight.eventlog.maintenance.packing import pack_log
from pytest_insight.eventlog.maintenance.purge import purge_log
from pytest_insight.eventlog.maintenance.repair import repair_log
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.sources import live_dir, live_files
from pytest_insight.eventlog.writer import Durability, LogWriter

FAR_FUTURE = 4_000_000_000_000_000


def begin(path: Path, *names: str, **options) -> LogWriter:
    """A session that is running, with a header and some started tests."""
    writer = LogWriter(path, **options)
    writer.append(SessionStarted(session_id=writer.stream[:12], sut="s", writer=own_identity()))
    for name in names:
        writer.append(TestStarted(nodeid=name))
    return writer


def end(writer: LogWriter) -> None:
    """Seal and close a session."""
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()


def abandon(writer: LogWriter) -> Path:
    """Let a session go as a killed process does: its lock is free, nothing is sealed or collected."""
    path = writer.file
    writer._files.current.close()
    return path


def events(path: Path) -> list[tuple[str, int]]:
    """Every event that a reader of the log yields, in its order."""
    return [(r.envelope.stream, r.envelope.seq) for r in read_records(path) if isinstance(r, Record)]


def names(path: Path) -> list[str]:
    """Node ids of the started tests that a reader of the log yields."""
    found = [r for r in read_records(path) if isinstance(r, Record) and r.envelope.type == "test.started"]
    return [record.event().nodeid for record in found]


def test_a_running_session_is_in_its_own_file_and_then_in_the_log(tmp_path):
    """0600 in 0700, locked, with a high descriptor; nothing of it is in the log until it ends, then one run of lines."""
    log = tmp_path / "log.jsonl"
    one, two = begin(log, "a"), begin(log, "b")
    assert log.read_bytes() == b""
    assert live_files(log) == sorted([one.file, two.file])
    for writer in (one, two):
        assert writer.file == tmp_path / "log.live" / f"{writer.stream}.jsonl"
        assert writer.file.stat().st_mode & 0o777 == 0o600
        assert is_being_written(writer.file)
        assert writer._files.current.fd >= 900
    assert live_dir(log).stat().st_mode & 0o777 == 0o700
    one.append(TestStarted(nodeid="c"))
    assert sorted(names(log)) == ["a", "b", "c"]
    kept = one.file.read_bytes()
    end(one)
    assert log.read_bytes().startswith(kept), "a verbatim copy"
    end(two)
    streams = [stream for stream, _ in events(log)]
    assert streams == sorted(streams, key=[one.stream, two.stream].index), "each session is one run"
    assert not live_dir(log).exists()
    assert verify_log(log).findings == []


class Counting(System):
    """The operating system, noting each call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        for name in (
            "write",
            "fstat",
            "lock",
            "unlock",
            "pread",
            "lstat",
            "open_append",
            "fsync",
            "fdatasync",
            "sleep",
        ):
            setattr(self, name, self._noted(name, getattr(System, name, None) or getattr(super(), name)))

    def _noted(self, name, real):
        bound = real.__get__(self) if name in ("lock", "unlock", "pread", "open_append") else real

        def call(*args, **options):
            self.calls.append(name)
            return bound(*args, **options)

        return call


@pytest.mark.parametrize("direct", [False, True])
def test_an_event_is_one_write_and_nothing_else(tmp_path, direct):
    """After the header: no lock, no look at the file, no wait."""
    system = Counting()
    writer = begin(tmp_path / "log.jsonl", "a", system=system, direct=direct)
    system.calls.clear()
    for number in range(50):
        writer.append(TestStarted(nodeid=str(number)))
    assert system.calls == ["write"] * 50
    end(writer)


MANY = """
import sys, pathlib
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished
writer = LogWriter(pathlib.Path(sys.argv[1]), durability="never", lock_timeout_s=0.2)
writer.append(SessionStarted(session_id=writer.stream, sut="s"))
for number in range(int(sys.argv[2])):
    writer.append(TestFinished(nodeid=str(number), outcome="passed", capstdout="x" * (number % 7 * 200)))
writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
writer.close()
"""


def test_sixty_four_sessions_at_once(tmp_path, program):
    """All of them are there with every event once, in order, sealed; what waited too long is collected by the next."""
    log = tmp_path / "log.jsonl"
    processes = [program(MANY, log, 40) for _ in range(64)]
    assert [process.wait(300) for process in processes] == [0] * 64
    assert len(events(log)) == 64 * 42
    collect_live_files(log)
    found: dict[str, list[int]] = {}
    order = []
    for stream, seq in events(log):
        found.setdefault(stream, []).append(seq)
        order += [stream] if order[-1:] != [stream] else []
    assert len(found) == len(order) == 64, "each session is one run of lines"
    assert all(seqs == list(range(42)) for seqs in found.values())
    report = verify_log(log)
    assert (report.findings, report.sealed) == ([], 64)


def test_the_file_of_a_killed_session_is_collected_by_the_next(tmp_path, program):
    """Kill -9: readers see the events at once; a running session is left alone, a dead one moves into the log."""
    log = tmp_path / "log.jsonl"
    code = MANY.replace("writer.seal", "print('ready', flush=True); import time; time.sleep(60); writer.seal")
    process = program(code, log, 20)
    assert process.stdout.readline() == b"ready\n"
    end(begin(log, "other"))
    assert len(live_files(log)) == 1, "its process lives"
    process.kill()
    process.wait()
    assert len(events(log)) == 24
    end(begin(log, "next"))
    assert live_files(log) == []
    assert len(events(log)) == len(set(events(log))) == 27
    assert verify_log(log).findings == []


def test_a_torn_live_file_is_copied_as_far_as_it_is_whole_and_set_aside(tmp_path):
    """Cut off at each byte of its last lines: whole lines are in the log, the fragment is kept with its finding."""
    whole = begin(tmp_path / "seed.jsonl", "a", "b", "c")
    data = abandon(whole).read_bytes()
    lines = data.split(b"\n")[:-1]
    for cut in range(len(data) - len(lines[-1]) - 3, len(data)):
        log = tmp_path / str(cut) / "log.jsonl"
        file = live_dir(log) / f"{whole.stream}.jsonl"
        file.parent.mkdir(parents=True)
        file.write_bytes(data[:cut])
        kept = [line for line in data[:cut].split(b"\n") if line in lines]
        [report] = collect_live_files(log)
        assert log.read_bytes() == b"".join(line + b"\n" for line in kept)
        fragment = data[:cut].endswith(b"\n") or data[:cut].split(b"\n")[-1] in lines
        assert [finding.reason for finding in report.findings] == ([] if fragment else ["torn"])
        assert bool(report.set_aside) is not fragment
        if report.set_aside:
            assert Path(report.set_aside).read_bytes() == data[:cut]
        assert collect_live_files(log) == []


def test_a_damaged_live_file_loses_only_the_damaged_line(tmp_path):
    """A flipped bit in the middle: the other lines are collected, the file is kept beside."""
    log = tmp_path / "log.jsonl"
    path = abandon(begin(log, "a", "b", "c"))
    data = path.read_bytes().replace(b'"b"', b'"x"')
    path.write_bytes(data)
    [report] = collect_live_files(log)
    assert [finding.reason for finding in report.findings] == ["damaged"]
    assert Path(report.set_aside).read_bytes() == data
    assert names(log) == ["a", "c"]


def test_a_live_file_of_a_newer_release_stays(tmp_path, line):
    """Its lines are not ours to judge: it is left as it is, however often somebody collects."""
    log = tmp_path / "log.jsonl"
    file = live_dir(log) / ("ab" * 16 + ".jsonl")
    file.parent.mkdir()
    content = line(0) + b'{"v":2,"type":"x"}\n'
    file.write_bytes(content)
    for _ in range(2):
        [report] = collect_live_files(log)
        assert "newer" in report.left
        assert (file.read_bytes(), log.read_bytes()) == (content, b"")


def test_live_files_of_earlier_releases_are_read_and_collected(tmp_path, line):
    """They lie in a folder of another name."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(line(0))
    file = tmp_path / "log.jsonl.spool" / ("cd" * 16 + ".jsonl")
    file.parent.mkdir()
    file.write_bytes(line(0, "cd" * 16) + line(1, "cd" * 16))
    assert len(events(log)) == 3
    end(begin(log))
    assert not file.parent.exists()
    assert len(events(log)) == 5


COLLECT_FULL = """
import resource, sys, shutil
from pathlib import Path
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.errors import LogWriteError
from pytest_insight.eventlog.reader import read_records
log, seed = Path(sys.argv[1]) / "log.jsonl", Path(sys.argv[2])
before = log.read_bytes()
file = Path(sys.argv[1]) / "log.live" / seed.name
data = seed.read_bytes()
wrong = 0
for limit in range(len(before), len(before) + len(data)):
    log.write_bytes(before)
    shutil.copy(seed, file)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        collect_live_files(log, sync=False)
        failed = False
    except LogWriteError:
        failed = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if not failed or log.read_bytes() != before or file.read_bytes() != data:
        wrong += 1
    collect_live_files(log, sync=False)
    if log.read_bytes() != before + data or file.exists():
        wrong += 1
    file.parent.mkdir(exist_ok=True)
print(len(data), "limits,", wrong, "wrong")
"""


def test_a_disk_that_is_full_at_each_byte_of_a_collect(tmp_path):
    """Nothing of the session is in the log, the live file is as it was, and it is collected when there is space."""
    log = tmp_path / "log.jsonl"
    end(begin(log, "before"))
    seed = tmp_path / "seed" / f"{'ef' * 16}.jsonl"
    seed.parent.mkdir()
    live_dir(log).mkdir()
    shutil.move(abandon(begin(tmp_path / "other.jsonl", "a", "b", "c")), seed)
    command = [sys.executable, "-c", COLLECT_FULL, str(tmp_path), str(seed)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == f"{seed.stat().st_size} limits, 0 wrong", result.stderr[-2000:]


COLLECTOR = """
import sys, pathlib
from pytest_insight.eventlog.live.collect import collect_live_files
print("ready", flush=True)
sys.stdin.readline()
collect_live_files(pathlib.Path(sys.argv[1]), lock_timeout_s=300)
"""


def test_two_collectors_at_once_while_a_reader_follows(tmp_path, program):
    """Twenty dead sessions: each event is in the log once, and the reader sees each once."""
    log = tmp_path / "log.jsonl"
    end(begin(log, "first"))
    for number in range(20):
        abandon(begin(log, *(f"{number}-{n}" for n in range(5))))
    expected = len(events(log))
    followed = FollowSet([log])
    seen = [item for _, item in followed.poll()]
    collectors = [program(COLLECTOR, log, stdin=subprocess.PIPE) for _ in range(2)]
    for collector in collectors:
        assert collector.stdout.readline() == b"ready\n"
    for collector in collectors:
        collector.stdin.write(b"\n")
        collector.stdin.flush()
    while any(collector.poll() is None for collector in collectors):
        assert len(set(events(log))) == expected
        seen += [item for _, item in followed.poll()]
        followed.rescan()
    assert [collector.returncode for collector in collectors] == [0, 0]
    seen += [item for _, item in followed.poll()]
    records = [(item.envelope.stream, item.envelope.seq) for item in seen if isinstance(item, Record)]
    assert len(records) == len(set(records)) == expected
    assert len(events(log)) == len(set(events(log))) == expected
    assert live_files(log) == []


def test_a_crash_between_append_and_removal_leaves_the_same_events_twice(tmp_path):
    """The lines are in both places: readers yield each once, and collecting again harms nothing."""
    log = tmp_path / "log.jsonl"
    path = abandon(begin(log, "a", "b"))

    class Dies(System):
        def _die(self, *_):
            raise KeyboardInterrupt

        unlink = _die

    with pytest.raises(KeyboardInterrupt):
        collect_live_files(log, system=Dies())
    assert log.read_bytes() == path.read_bytes()
    assert names(log) == ["a", "b"]
    collect_live_files(log)
    assert {finding.reason for finding in verify_log(log).findings} == {"duplicate"}
    assert verify_log(log).problems == []


@pytest.mark.parametrize("fork", [True, False])
def test_a_child_of_the_tested_code_does_not_keep_a_session_running(tmp_path, fork):
    """A forked child that outlives the run holds no lock; a program it starts has no descriptor of ours."""
    writer = begin(tmp_path / "log.jsonl", "a")
    if fork:
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        stop = lambda: (os.kill(pid, 9), os.waitpid(pid, 0))
    else:
        child = subprocess.Popen(["sleep", "600"])
        stop = lambda: (child.kill(), child.wait())
    try:
        deadline = time.monotonic() + 300
        path = writer.file
        os.close(writer._files.current.fd)  # as the death of this process does
        while is_being_written(path) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_being_written(path)
    finally:
        stop()


def test_code_that_closes_all_descriptors_does_not_get_ours(tmp_path):
    """os.closerange and then a file of their own: their file is untouched, and no event is lost."""
    log = tmp_path / "log.jsonl"
    writer = begin(log, "a")
    os.close(writer._files.current.fd)
    theirs = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    writer.append(TestStarted(nodeid="b"))
    assert is_being_written(writer.file), "opened again, and locked again"
    end(writer)
    assert (tmp_path / "theirs").read_bytes() == b""
    assert os.fstat(theirs)
    os.close(theirs)
    assert names(log) == ["a", "b"]
    assert verify_log(log).findings == []


@pytest.mark.parametrize("direct", [False, True])
def test_a_file_that_the_tested_code_deletes_is_still_collected(tmp_path, direct):
    """Its bytes are there as long as our descriptor is: all of them are in the log at the end."""
    log = tmp_path / "log.jsonl"
    writer = begin(log, "before", direct=direct)
    writer.file.unlink()
    writer.append(TestStarted(nodeid="after"))
    end(writer)
    assert names(log) == ["before", "after"]
    assert verify_log(log).findings == []


def test_a_file_that_is_closed_and_deleted_is_begun_again_with_its_header(tmp_path):
    """What was in it is gone; what follows is told by its header whose events they are."""
    log = tmp_path / "log.jsonl"
    writer = begin(log, "before")
    os.close(writer._files.current.fd)
    writer.file.unlink()
    writer.append(TestStarted(nodeid="after"))
    end(writer)
    types = [r.envelope.type for r in read_records(log) if isinstance(r, Record)]
    assert types == ["session.started", "test.started", "session.finished"]
    assert names(log) == ["after"]
    assert writer.troubles


def test_after_a_failed_fsync_everything_is_written_elsewhere(tmp_path):
    """The file is not trusted after fsync failed: what was not synced is in a second file, durable, and collected."""
    log = tmp_path / "log.jsonl"

    class Failing(System):
        uses = 0

        def fdatasync(self, fd):
            self.uses += 1
            if self.uses == 2:
                raise OSError(errno.EIO, "I/O error")
            System.fdatasync(fd)

    writer = begin(log, *map(str, range(5)), system=Failing())
    assert writer.append(TestStarted(nodeid="synced"), sync=True).durable
    second = live_dir(log) / f"{writer.stream}.2.jsonl"
    assert second.read_bytes().count(b"test.started") == 6
    assert any("fsync" in trouble for trouble in writer.troubles)
    end(writer)
    assert live_files(log) == []
    assert set(names(log)) == {"0", "1", "2", "3", "4", "synced"}
    assert verify_log(log).problems == []


def test_on_a_network_file_system_a_session_needs_no_lock_that_hosts_share(tmp_path):
    """Recording works in a file of its own, the log is not touched; `log collect` on one host brings it in."""

    class Network(System):
        def is_network(self, path):
            return True

        def lock(self, fd):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    log = tmp_path / "log.jsonl"
    writer = begin(log, "a", system=Network())
    end(writer)
    assert not log.exists()
    assert names(log) == ["a"]
    assert not collect_live_files(log)[0].left
    assert names(log) == ["a"]
    assert log.exists()


def test_a_clock_that_jumps_never_turns_time_back(tmp_path):
    """Back to 1970 and ahead to 2099 during a run: times of a session never fall, and order is by seq."""

    class Jumping(System):
        jump = 0

        def time_ns(self):
            return System.time_ns() + self.jump

    system = Jumping()
    writer = begin(tmp_path / "log.jsonl", system=system)
    times = []
    for years in (0, -50, 70, 0, -1, 3):
        system.jump = years * 365 * 86400 * 10**9
        writer.append(TestStarted(nodeid=str(years)))
        times.append(writer.last_at)
    end(writer)
    assert times == sorted(times)
    assert {at[:4] for at in times} == {time.strftime("%Y", time.gmtime())}
    assert verify_log(tmp_path / "log.jsonl").findings == []


CHANGES = {
    "packed": lambda log: pack_log(log, FAR_FUTURE),
    "purged": lambda log: purge_log(log, text=re.compile("secret")),
    "repaired": lambda log: (log.write_bytes(log.read_bytes() + b"not an event\n"), repair_log(log)),
    "replaced": lambda log: (log.with_name("new").write_bytes(b""), os.replace(log.with_name("new"), log)),
    "deleted": lambda log: log.unlink(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_becomes_of_the_log_during_a_run_the_run_is_whole(tmp_path, name):
    """Nothing of the run is in the log yet, so nothing of it can be lost there."""
    log = tmp_path / "log.jsonl"
    end(begin(log, "old-secret"))
    writer = begin(log, "a")
    CHANGES[name](log)
    writer.append(TestStarted(nodeid="b"))
    end(writer)
    assert [n for n in names(log) if n in ("a", "b")] == ["a", "b"]
    assert verify_log(log).problems == []


def test_a_secret_in_a_running_session_stops_a_purge_that_names_it(tmp_path):
    """What cannot be purged now is an error with the name of the session, never silence."""
    log = tmp_path / "log.jsonl"
    end(begin(log, "old-secret"))
    writer = begin(log, "new-secret")
    with pytest.raises(LogUnavailableError, match=writer.stream[:12]):
        purge_log(log, text=re.compile("secret"))
    end(writer)
    purge_log(log, text=re.compile("secret"))
    assert b"secret" not in log.read_bytes()


# ------------------------------------------------------------------ one file for a run


def test_a_log_that_is_named_stays_one_file(tmp_path):
    """Locked for the whole run and written directly, behind what is in it; nothing lies beside it."""
    log = tmp_path / "log.jsonl"
    end(begin(log, "old"))
    with log.open("ab") as stream:
        stream.write(b'{"v":1,"torn')
    writer = begin(log, "a", direct=True)
    assert writer.file == log
    assert is_being_written(log)
    assert os.listdir(tmp_path) == ["log.jsonl"]
    end(writer)
    assert not is_being_written(log)
    assert names(log) == ["old", "a"]
    assert [finding.reason for finding in verify_log(log).findings] == ["torn"]


def test_a_second_process_on_a_named_log_uses_a_live_file(tmp_path):
    """It is collected at the end of whichever ends last."""
    log = tmp_path / "log.jsonl"
    first = begin(log, "a", direct=True)
    second = begin(log, "b", direct=True, lock_timeout_s=0.05)
    assert (first.file, second.file.parent) == (log, live_dir(log))
    end(second)
    assert names(log) == ["a", "b"]
    end(first)
    assert os.listdir(tmp_path) == ["log.jsonl"]
    assert sorted(names(log)) == ["a", "b"]
    assert verify_log(log).findings == []


REWRITES = {
    "pack": lambda log: pack_log(log, FAR_FUTURE),
    "purge": lambda log: purge_log(log, text=re.compile("a")),
    "repair": repair_log,
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_log_that_is_being_recorded_into_is_not_rewritten(tmp_path, name):
    """The error comes at once and names the session."""
    log = tmp_path / "log.jsonl"
    writer = begin(log, "a", direct=True)
    content = log.read_bytes()
    with pytest.raises(LogUnavailableError, match=f"session {writer.stream[:12]} is being recorded"):
        REWRITES[name](log)
    assert log.read_bytes() == content
    end(writer)
    REWRITES[name](log)


# ------------------------------------------------------------------ readers


def test_a_reader_that_follows_sees_each_event_once_while_sessions_come_and_go(tmp_path):
    """Polls between every step of sessions that begin, write, end, are abandoned and collected."""
    log = tmp_path / "log.jsonl"
    followed = FollowSet([log])
    seen = []

    def look():
        followed.rescan()
        seen.extend((i.envelope.stream, i.envelope.seq) for _, i in followed.poll() if isinstance(i, Record))

    writers = [begin(log, "a") for _ in range(4)]
    look()
    for step in range(12):
        writers[step % 4].append(TestStarted(nodeid=str(step)))
        if step % 3 == 0:
            look()
    abandon(writers[0])
    end(writers[1])
    look()
    end(writers[2])
    end(begin(log, "between two looks"))
    end(writers[3])
    look()
    look()
    assert len(seen) == len(set(seen))
    assert set(seen) == set(events(log))


def test_a_reader_never_misses_a_session_that_is_collected_while_it_reads(tmp_path):
    """The log is read to its end before the session moves into it: the session is still yielded."""
    log = tmp_path / "log.jsonl"
    end(begin(log, "old"))
    writer = begin(log, "a", "b")
    reading = read_records(log)
    found = [next(reading)]
    found += [next(reading), next(reading)]
    end(writer)
    found += list(reading)
    seen = [(r.envelope.stream, r.envelope.seq) for r in found if isinstance(r, Record)]
    assert len(seen) == len(set(seen))
    assert {seq for stream, seq in seen if stream == writer.stream} >= {0, 1, 2}


def test_collecting_is_about_as_fast_as_a_copy(tmp_path):
    """No line is looked at: the own file of a session that went well is copied in pieces of a megabyte."""
    log = tmp_path / "log.jsonl"
    system = Counting()
    writer = begin(log, durability=Durability.NEVER, system=system)
    for _ in range(300):
        writer.append(*(TestFinished(nodeid=str(n), outcome="passed", capstdout="x" * 900) for n in range(30)))
    size = writer.file.stat().st_size
    system.calls.clear()
    writer.close()
    pieces = size // (1 << 20) + 1
    assert system.calls.count("write") <= pieces + 1
    assert system.calls.count("pread") <= pieces + 2


def test_threads_of_one_session_lose_nothing(tmp_path):
    """Eight threads append to one writer: every seq once, in the order of the file."""
    log = tmp_path / "log.jsonl"
    writer = begin(log)
    threads = [
        threading.Thread(target=lambda: [writer.append(TestStarted(nodeid="x")) for _ in range(200)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end(writer)
    assert [seq for _, seq in events(log)] == list(range(8 * 200 + 2))
