"""Rewriting a log, the two times it is right: what must go is gone for good, what is old is small, and nothing else changes."""

import gzip
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import warm
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import parse_envelope
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.events import (
    SessionCleared,
    SessionFinished,
    SessionStarted,
    TestFinished,
    TestStarted,
    WarningRecorded,
)
from pytest_insight.eventlog.files.logfile import LogFile
from pytest_insight.eventlog.live.follow import Follower, Restarted
from pytest_insight.eventlog.maintenance.packing import pack_log, unpack_log
from pytest_insight.eventlog.maintenance.purge import PURGED, purge_log
from pytest_insight.eventlog.maintenance.recording import refuse_if_recorded
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.reader import Record, event_at, read_batches, read_records
from pytest_insight.eventlog.sources import LogSource, find_logs, live_files, pack_dir, pack_files
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel

SECRET = "s3cr3t-\u00e9-token"
FAR_FUTURE = 1 << 60


def record(path: Path, label: str, tests: int = 4, text: str = "") -> str:
    """Record a sealed session and return its stream."""
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id=label, sut="shop", args=[text] if text else [], tags={text or "a": "b"}))
    for number in range(tests):
        nodeid = f"t.py::{number}"
        writer.append(TestStarted(nodeid=nodeid))
        writer.append(
            TestFinished(
                nodeid=nodeid, outcome="passed", capstdout=f"out {text}", user_properties=[("k", {"deep": text})]
            )
        )
    if text:
        writer.append(WarningRecorded(category="W", message=f"a {text} b"))
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()
    return writer.stream


def events(path: Path) -> list[bytes]:
    """All lines that readers find, sorted."""
    return sorted({item.line for item in read_records(path) if isinstance(item, Record)})


# ------------------------------------------------------------------ purge


def test_a_text_is_gone_from_every_field_and_the_log_still_verifies(tmp_path):
    """A secret in arguments, tag names, output, nested properties and warnings is replaced; seals are still checked."""
    log = tmp_path / "log.jsonl"
    clean, dirty = record(log, "clean"), record(log, "dirty", text=SECRET)
    before = events(log)
    report = purge_log(log, text=re.compile(re.escape(SECRET)), reason="leaked")
    assert {stream for stream, _, _ in report.changed} == {dirty}
    data = log.read_bytes()
    assert SECRET.encode() not in data
    assert b"s3cr3t" not in data
    assert PURGED.encode() in data
    assert verify_log(log).problems == []
    after = events(log)
    assert [line for line in before if clean.encode() in line] == [line for line in after if clean.encode() in line]
    assert len(after) == len(before) + 1, "every event is still there, and the tombstone"
    assert not purge_log(log, text=re.compile(re.escape(SECRET))).found


def test_changed_lines_stay_what_they_were_but_for_the_text(tmp_path):
    """Order, identity, time and outcome of a changed event are those of before; a flip of a bit is still noticed."""
    log = tmp_path / "log.jsonl"
    record(log, "x", text=SECRET)
    heads = [parse_envelope(line) for batch in read_batches(log) for line in batch.lines]
    purge_log(log, text=re.compile(re.escape(SECRET)))
    lines = [line for batch in read_batches(log) for line in batch.lines]
    assert [parse_envelope(line) for line in lines][: len(heads)] == heads
    data = bytearray(log.read_bytes())
    data[data.index(PURGED.encode())] ^= 1
    log.write_bytes(data)
    assert [finding.reason for finding in verify_log(log).problems][:1] == ["damaged"]


def test_a_session_is_removed_whole_and_named_in_the_tombstone(tmp_path):
    """Nothing of the session is left but its stream in the tombstone; views do not know it, others are as before."""
    log = tmp_path / "log.jsonl"
    gone, kept = record(log, "gone"), record(log, "kept")
    report = purge_log(log, streams=frozenset({gone}), reason="asked for")
    assert (report.streams, report.removed) == ([gone], 10)
    assert log.read_bytes().count(gone.encode()) == 1
    with ReadModel.open(log, None) as model:
        model.catch_up()
        assert [row.stream for row in model.sessions(hidden=True) if row.part.header] == [kept]
    assert verify_log(log).problems == []


def test_a_dry_run_finds_the_same_and_changes_nothing(tmp_path):
    """The preview names what would go, byte for byte nothing is written."""
    log = tmp_path / "log.jsonl"
    record(log, "x", text=SECRET)
    before = log.read_bytes()
    pattern = re.compile(re.escape(SECRET))
    preview = purge_log(log, text=pattern, dry_run=True)
    assert log.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["log.jsonl"]
    assert purge_log(log, text=pattern).changed == preview.changed


def test_what_cannot_be_reached_is_named(tmp_path):
    """Backups beside the log are listed; live files of earlier releases are collected first; packs must be brought back first."""
    log = tmp_path / "log.jsonl"
    record(log, "x", text=SECRET)
    shutil.copy(log, tmp_path / "log.jsonl.broken")
    earlier = tmp_path / "log.jsonl.spool"
    earlier.mkdir()
    (earlier / ("ee" * 16 + ".jsonl")).write_bytes(log.read_bytes())
    report = purge_log(log, text=re.compile("s3cr3t"))
    assert report.left == [str(tmp_path / "log.jsonl.broken")]
    assert report.files == [str(log)]
    assert not earlier.exists()
    assert b"s3cr3t" not in log.read_bytes()
    pack_log(log, FAR_FUTURE)
    with pytest.raises(LogUnavailableError, match="unpack"):
        purge_log(log, text=re.compile("x"))


def test_readers_that_follow_start_again(tmp_path):
    """A tailing reader notices the new file and reads it from its beginning."""
    log = tmp_path / "log.jsonl"
    record(log, "x", text=SECRET)
    follower = Follower(log)
    assert any(isinstance(item, Record) for item in follower.poll())
    purge_log(log, text=re.compile("s3cr3t"))
    items = list(follower.poll())
    assert isinstance(items[0], Restarted)
    assert not any(b"s3cr3t" in item.line for item in items if isinstance(item, Record))


def test_a_writer_goes_on_in_the_new_file(tmp_path):
    """A session that is being recorded while the log is rewritten has all its events in the new log."""
    log = tmp_path / "log.jsonl"
    record(log, "old", text=SECRET)
    writer = LogWriter(log)
    writer.append(SessionStarted(session_id="live", sut="s"))
    purge_log(log, text=re.compile("s3cr3t"))
    writer.append(TestFinished(nodeid="t", outcome="passed"))
    pack_log(log, 1)
    unpack_log(log)
    writer.append(TestFinished(nodeid="u", outcome="passed"))
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()
    found = {item.envelope.seq for item in read_records(log, stream=writer.stream) if isinstance(item, Record)}
    assert found == {0, 1, 2, 3}
    assert verify_log(log).problems == []


# ------------------------------------------------------------------ pack


def test_what_is_packed_is_read_as_before(tmp_path):
    """Sessions, results, texts and verification are the same with old sessions in a pack, and after unpacking."""
    log = tmp_path / "log.jsonl"
    for number in range(3):
        record(log, f"s{number}", tests=30)
    writer = LogWriter(log)
    writer.append(SessionCleared(target=record(log, "cleared")))
    writer.close()
    before = events(log)

    def view():
        with ReadModel.open(log, None) as model:
            model.catch_up()
            rows = model.sessions()
            texts = [model.record_at(a.position).line for row in rows for a in model.attempts(row.stream)]
            return [(row.session_id, row.counts, row.status) for row in rows], texts

    seen = view()
    report = pack_log(log, FAR_FUTURE)
    assert (len(report.streams), report.events) == (4, len(before) - 1), "what speaks about others stays"
    assert report.packed_bytes < report.bytes / 3
    assert events(log) == before
    assert view() == seen
    assert verify_log(log).problems == []
    assert [source.path for source in find_logs(tmp_path)] == [log], "a pack belongs to its log"
    assert gzip.decompress(pack_files(log)[0].read_bytes()).count(b"\n") == report.events, "any gzip reads it"
    assert pack_log(log, FAR_FUTURE).streams == []
    record(log, "later")
    pack_log(log, FAR_FUTURE)
    assert len(pack_files(log)) == 2
    assert unpack_log(log) == 2
    assert not pack_files(log)
    assert [line for line in events(log) if line in set(before)] == before


def test_only_what_is_old_is_packed(tmp_path):
    """A session with an event since the given time stays, whether sealed or not."""
    log = tmp_path / "log.jsonl"
    record(log, "old")
    middle = time.time_ns() // 1000 + 1
    time.sleep(0.01)
    new = record(log, "new")
    report = pack_log(log, middle, dry_run=True)
    assert new not in report.streams
    assert (len(report.streams), report.pack) == (1, "")
    assert not pack_dir(log).exists()
    pack_log(log, middle)
    assert new.encode() in log.read_bytes()


@settings(max_examples=examples(20))
@given(st.integers(0, 2**32).map(random.Random))
def test_an_event_in_the_middle_of_a_pack_is_found_at_its_place(tmp_path_factory, rng):
    """Every position gives its event, also behind members that are passed over."""
    from pytest_insight.eventlog.maintenance import packing

    log = tmp_path_factory.mktemp("p") / "log.jsonl"
    for number in range(3):
        record(log, f"s{number}", tests=rng.randint(1, 30), text="x" * rng.randrange(300))
    lines = log.read_bytes()
    size, packing.MEMBER_BYTES = packing.MEMBER_BYTES, rng.choice([500, 2000, 10_000])
    try:
        pack_log(log, FAR_FUTURE)
    finally:
        packing.MEMBER_BYTES = size
    (pack,) = pack_files(log)
    source = LogSource(pack)
    with source.open() as stream:
        unpacked = b""
        while data := stream.read(1 << 20):
            unpacked += data
    assert unpacked == lines
    position = 0
    for line in lines.split(b"\n")[:-1]:
        assert event_at(source, position).line == line
        position += len(line) + 1


CRASH = """
import os, signal, sys
from pathlib import Path
from pytest_insight.eventlog.maintenance import packing, purge
from pytest_insight.eventlog.files.system import System
left = int(sys.argv[3])

class Dying(System):
    def __getattribute__(self, name):
        global left
        if name in ("write", "fsync", "rename", "unlink", "sync_dir", "open_append", "close", "lock", "unlock", "fstat"):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return object.__getattribute__(self, name)

log = Path(sys.argv[2])
if sys.argv[1] == "pack":
    packing.pack_log(log, 1 << 60, system=Dying())
elif sys.argv[1] == "unpack":
    packing.unpack_log(log, system=Dying())
else:
    purge.purge_log(log, streams=frozenset({sys.argv[4]}), system=Dying())
print("done")
"""


@pytest.mark.parametrize("what", ["pack", "unpack", "purge"])
def test_killed_at_every_system_call_nothing_is_lost(tmp_path, what):
    """Before and after each call of the rewrite a kill leaves every event readable; doing it again completes it."""
    master = tmp_path / "master" / "log.jsonl"
    master.parent.mkdir()
    streams = [record(master, f"s{n}", tests=2) for n in range(3)]
    if what == "unpack":
        pack_log(master, FAR_FUTURE)
    whole = events(master)
    expected = [line for line in whole if what != "purge" or streams[0].encode() not in line]
    for calls in range(200):
        folder = tmp_path / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(master.parent, folder)
        log = folder / "log.jsonl"
        command = [sys.executable, "-c", CRASH, what, str(log), str(calls), streams[0]]
        process = warm.run(command, capture_output=True, text=True)
        lines = [line for line in events(log) if b"events.purged" not in line]
        assert lines in (whole, expected), f"after {calls} calls"
        assert verify_log(log).problems == []
        if process.returncode == 0:
            assert "done" in process.stdout
            break
        assert process.returncode == -signal.SIGKILL
        again = warm.run([*command[:-2], "1000000", streams[0]], capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert [line for line in events(log) if b"events.purged" not in line] == expected
    else:
        pytest.fail("it never came to its end")
    assert calls > 10


def test_packing_while_others_write_loses_nothing(tmp_path):
    """Sessions that are recorded while the log is packed and unpacked again and again are all there.

    A header may stand twice: a writer whose session is moved into a pack in the middle writes it again.
    """
    log = tmp_path / "log.jsonl"
    streams: list[str] = []

    def write(number: int) -> None:
        streams.extend(record(log, f"{number}-{n}", tests=5) for n in range(6))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    record(log, "first")
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        pack_log(log, FAR_FUTURE)
        unpack_log(log)
    for thread in threads:
        thread.join()
    report = verify_log(log)
    assert report.problems == []
    found = {stream: set() for stream in streams}
    for line in events(log):
        envelope = parse_envelope(line)
        found.get(envelope.stream, set()).add(envelope.seq)
    assert len(found) == 18
    assert all(seqs == set(range(12)) for seqs in found.values())


def test_a_session_that_is_being_collected_is_not_one_that_is_recorded_into_the_log(tmp_path):
    """Half of it is in the log, which is locked, and its live file is still there; without the file it is refused."""
    log = tmp_path / "log.jsonl"
    writer = LogWriter(log)
    writer.append(SessionStarted(session_id="half", sut="shop"))
    [live] = live_files(log)
    log.write_bytes(live.read_bytes())
    file = LogFile(log)
    file.acquire()
    try:
        refuse_if_recorded(log)
        writer.close()
        live.unlink()
        with pytest.raises(LogUnavailableError, match="session half is being recorded into it"):
            refuse_if_recorded(log)
    finally:
        file.release()
        file.close()
