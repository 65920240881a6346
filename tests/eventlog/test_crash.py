"""Real processes, really killed: nothing acknowledged is lost, nothing false is accepted."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import warm
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.sources import live_files

WRITER = """
import os, sys, pathlib, random
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.eventlog.events import TestFinished
rng = random.Random(int(sys.argv[3]))
writer = LogWriter(pathlib.Path(sys.argv[1]), durability=sys.argv[4])
acks = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(1, b".")
os.read(0, 1)
while True:
    event = TestFinished(nodeid="t", outcome="passed", capstdout="x" * rng.choice((10, 300, 4000, 60000)))
    seq = writer.next_seq
    if rng.random() < 0.5:
        writer.append(event)
    else:
        writer.record(event)
    if not writer.held:
        os.write(acks, b"%s %d\\n" % (writer.stream.encode(), seq))
"""

_BEGUN = 0.9
"""Part of the sessions that are killed while they write; the others at their start, or while they collect."""


_ACK = re.compile(r"([0-9a-f]{32}) (\d+)\n")
"""An acknowledgement. A kill may cut the write of one at the end of a page; the next one follows without a newline."""


def spawn_writer(arguments: list[str]) -> subprocess.Popen:
    """Start a writer as a program of its own."""
    return warm.Popen([sys.executable, "-c", WRITER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def kill_campaign(folder, kills: int, seed: int, start=spawn_writer) -> tuple[int, list[str]]:
    """Keep four sessions on one log, kill them at random moments, and return acknowledged events and what is wrong.

    Each session that begins collects what the dead ones left, so kills hit collecting as well. `start` starts a writer.
    """
    rng = random.Random(seed)
    log, acks = folder / "log.jsonl", folder / "acks"
    writers: list = []
    for _ in range(kills):
        while len(writers) < 4:
            writers.append(start([str(log), str(acks), str(rng.randrange(10**6)), "never"]))
        victim = writers.pop(rng.randrange(4))
        if rng.random() < _BEGUN:
            victim.stdout.read(1)  # its file is there
            victim.stdin.write(b"\n")
            victim.stdin.flush()
            time.sleep(rng.uniform(0, 0.01))
        else:
            time.sleep(rng.uniform(0, 0.1))
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
    for writer in writers:
        writer.kill()
        writer.communicate()
    acknowledged = set(_ACK.findall(acks.read_text()))
    found: dict[tuple[str, str], str] = {}
    wrong = []
    for item in read_records(log):
        if isinstance(item, Record):
            key = (item.envelope.stream, str(item.envelope.seq))
            if found.setdefault(key, item.digest) != item.digest:
                wrong.append(f"conflict {key}")
    wrong += [f"lost {key}" for key in acknowledged - set(found)]
    before = set(found)
    collect_live_files(log)
    after = {(r.envelope.stream, str(r.envelope.seq)) for r in read_records(log) if isinstance(r, Record)}
    wrong += [f"lost by collecting {key}" for key in before - after]
    if live_files(log):
        wrong.append(f"not collected: {live_files(log)}")
    return len(acknowledged), wrong


def test_random_kills_of_four_writers(tmp_path):
    """Writers killed with SIGKILL at random moments, most of them while they write: no acknowledged event is lost."""
    seed = 20261121
    acknowledged, wrong = kill_campaign(tmp_path, 120, seed)
    torn = sum(finding.reason == "torn" for finding in verify_log(tmp_path / "log.jsonl").findings)
    print(f"kill -9: 120 kills, seed {seed}, {acknowledged} acknowledged, {torn} torn, {len(wrong)} wrong")
    assert wrong == []
    assert acknowledged > 100


INJECTED = """
import ctypes, os, sys, pathlib
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_long(-1))  # any process may trace this one
print("ready", flush=True)
sys.stdin.readline()
os.urandom = lambda count: bytes.fromhex("ab" * count)  # the name of its file is known beforehand
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestStarted
writer = LogWriter(pathlib.Path(sys.argv[1]), durability="event", lock_timeout_s=0.05, direct=sys.argv[3] == "direct")
acks = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
writer.append(SessionStarted(session_id="s", sut="s"))
for number in range(3):
    if writer.append(TestStarted(nodeid=str(number))).place != "held":
        os.write(acks, b"%d\\n" % number)
seal = writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
if seal.place != "held":
    os.write(acks, b"sealed\\n")
writer.close()
"""
STREAM = "ab" * 16
SYSCALLS = {
    "openat": 5,
    "mkdir": 1,
    "flock": 5,
    "fstat,newfstatat": 8,
    "fcntl": 2,
    "write": 6,
    "fdatasync": 5,
    "fsync": 4,
    "pread64": 2,
    "unlink": 1,
    "rmdir": 1,
}
"""How many uses of each call are failed: all of create, lock, append, collect and remove."""
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")


def inject(folder, first, way: str, calls: str, fault: str, use: int) -> list[object]:
    """Run a session with one system call on its files failing or killing it; return what is wrong then."""
    log, acks = folder / "log.jsonl", folder / "acks"
    folder.mkdir()
    shutil.copy(first, log)
    paths = [log, folder / "log.live", folder / "log.live" / f"{STREAM}.jsonl"]
    command = [sys.executable, "-c", INJECTED, str(log), str(acks), way]
    session = warm.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert session.stdout.readline() == b"ready\n"
    command = ["strace", "-f", "-o", os.devnull, "-e", f"inject={calls}:{fault}:when={use}", "-p", str(session.pid)]
    command += [word for path in paths for word in ("-P", str(path))]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
        said = tracer.stderr.readline()
        assert "attached" in said, said
        session.communicate(b"\n", timeout=300)
        tracer.communicate()
    acked = set(acks.read_text().split()) if acks.exists() else set()
    wrong: list[object] = []
    for _ in range(2):  # as it was left, and when the next has collected what was left
        records = [item for item in read_records(log) if isinstance(item, Record)]
        mine = [record for record in records if record.envelope.stream == STREAM]
        found = {getattr(record.event(), "nodeid", "sealed") for record in mine if record.envelope.seq}
        if not acked <= found or len({(r.envelope.seq, r.digest) for r in mine}) != len({r.envelope.seq for r in mine}):
            wrong.append((calls, fault, use, way, acked, found))
        if len({(r.envelope.stream, r.envelope.seq) for r in records}) < len(mine) // 2 + 5:
            wrong.append((calls, fault, use, way, "the sessions before lost something"))
        if [finding for finding in verify_log(log).problems if finding.reason != "torn"]:
            wrong.append((calls, fault, use, way, "damage"))
        collect_live_files(log)
    return wrong


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("way", ["live", "direct"])
def test_every_system_call_failing_or_killed(tmp_path, way):
    """strace fails or kills each call on the files of a session at each use: what was acknowledged is there, and clean."""
    first = tmp_path / "first.jsonl"
    code = INJECTED.replace("os.urandom =", "unused =")
    warm.run([sys.executable, "-c", code, str(first), str(tmp_path / "first.acks"), "live"], check=True, input=b"\n")
    cases = [(calls, fault, use) for calls, uses in SYSCALLS.items() for fault in FAULTS for use in range(1, uses + 1)]
    if way == "direct":
        cases = [case for case in cases if case[0] in ("flock", "write", "fdatasync", "pread64")]
    wrong = []
    for number, case in enumerate(cases):
        wrong += inject(tmp_path / str(number), first, way, *case)
    print(f"strace: {len(cases)} injections, {len(wrong)} wrong")
    assert wrong == []


CONCURRENT = """
import sys, pathlib
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.eventlog.events import TestFinished
writer = LogWriter(pathlib.Path(sys.argv[1]), durability="never", lock_timeout_s=300)
for number in range(int(sys.argv[2])):
    writer.append(TestFinished(nodeid=str(number), outcome="passed", capstdout="x" * (number % 7 * 200)))
writer.close()
"""


def test_sixteen_writers(tmp_path, program):
    """16 processes with 1,000 events each: every event once, in order within its stream, and nothing else."""
    log = tmp_path / "log.jsonl"
    processes = [program(CONCURRENT, log, 1000) for _ in range(16)]
    assert [process.wait(300) for process in processes] == [0] * 16
    streams: dict[str, list[int]] = {}
    findings = 0
    for item in read_records(log):
        if isinstance(item, Record):
            streams.setdefault(item.envelope.stream, []).append(item.envelope.seq)
        else:
            findings += 1
    print(f"writers: 16 x 1,000, {sum(map(len, streams.values()))} present, {findings} findings")
    assert findings == 0
    assert len(streams) == 16
    assert all(seqs == list(range(1000)) for seqs in streams.values())


KILLED_RUN = """
import os, time, pytest
@pytest.mark.parametrize("i", range(400))
def test_x(i): time.sleep(0.002)
"""
ORACLE = """
import os
fd = os.open(os.environ["ORACLE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
import pytest
@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid): os.write(fd, f"finished {nodeid}\\n".encode())
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item): os.write(fd, f"running {item.nodeid}\\n".encode())
"""


def test_a_killed_run_has_all_finished_tests_and_names_the_running_one(tmp_path):
    """pytest killed at ten random moments: an oracle of its own saw no finished test that is not in the log."""
    (tmp_path / "test_slow.py").write_text(KILLED_RUN)
    (tmp_path / "conftest.py").write_text(ORACLE)
    rng = random.Random(7)
    finished_total = 0
    for number in range(10):
        log, oracle = tmp_path / f"{number}.jsonl", tmp_path / f"{number}.oracle"
        env = {
            name: value
            for name, value in os.environ.items()
            if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
        }
        env |= {"ORACLE": str(oracle), "HOME": str(tmp_path)}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--insight-log", str(log)]
        process = warm.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL)
        while process.poll() is None and not (oracle.exists() and b"running" in oracle.read_bytes()):
            time.sleep(0.005)
        time.sleep(rng.uniform(0.01, 0.7))
        process.kill()
        process.wait()
        lines = oracle.read_text().splitlines()
        events = [
            json.loads(line) for line in log.read_bytes().split(b"\n") if re.search(rb'"digest":"[0-9a-f]{32}"}$', line)
        ]
        recorded = {event["nodeid"] for event in events if event["type"] == "test.finished"}
        started = {event["nodeid"] for event in events if event["type"] == "test.started"}
        finished = {line.partition(" ")[2] for line in lines if line.startswith("finished ")}
        running = {line.partition(" ")[2] for line in lines if line.startswith("running ")} - finished
        assert finished <= recorded
        assert running <= started
        finished_total += len(finished)
    print(f"killed runs: 10, {finished_total} finished tests, 0 missing, every running test named")
