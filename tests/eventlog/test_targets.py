"""Logs as targets of appends: on disk and in memory, under one lock."""

import os

import pytest
from pytest_insight.eventlog.codec import line_digest, line_hash
from pytest_insight.eventlog.errors import SequenceConflictError
from pytest_insight.eventlog.events import SessionCleared, SessionFinished, SessionStarted, TestStarted
from pytest_insight.eventlog.live.acks import DelayedSync, Durability
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.reader import read_records
from pytest_insight.eventlog.targets.log_targets import DiskTarget, MemoryTarget, statement_lines
from pytest_insight.eventlog.targets.memory_log import MemoryLog
from pytest_insight.eventlog.targets.memory_profiles import drop_memory_log, find_memory_log, open_memory_log
from pytest_insight.eventlog.targets.memory_writer import MemoryWriter


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_what_is_appended_is_read(tmp_path, kind):
    """Both kinds give back the events in order, and appending again adds to them."""
    target = DiskTarget(tmp_path / "new" / "log.jsonl") if kind == "disk" else MemoryTarget()
    for name in ("a", "b"):
        with target.locked() as append:
            append(statement_lines([SessionCleared(target=name)], 0))
    assert [record.event().target for record in read_records(target.source)] == ["a", "b"]


def test_statements_are_later_than_what_they_are_about():
    """Even if the clock of this machine is behind; all have one stream of their own."""
    far = 4_000_000_000_000_000
    log = MemoryLog(data=bytearray(statement_lines([SessionCleared(target="a"), SessionCleared(target="b")], far)))
    records = list(read_records(log))
    assert [record.envelope.seq for record in records] == [0, 1]
    assert len({record.envelope.stream for record in records}) == 1
    assert all(record.envelope.at > "2096-10-02T07:06:40.000000Z" for record in records)


def test_an_open_memory_log_keeps_its_content():
    """A reader does not see what is appended after it opened the log."""
    log = MemoryLog(data=bytearray(b"one\n"))
    with log.open(1) as stream:
        log.data.extend(b"two\n")
        assert stream.read() == b"ne\n"
    assert (log.size(), log.exists(), log.on_disk, log.compressed) == (8, True, False, False)


def test_a_memory_profile_has_one_log_for_each_file_of_profiles(tmp_path):
    """The same name in another file is another log; a dropped one is new when it is opened again."""
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert find_memory_log(one, "p") is None
    first = open_memory_log(one, "p")
    assert open_memory_log(one, "p") is first is find_memory_log(one, "p")
    assert open_memory_log(two, "p") is not first
    drop_memory_log(one, "p")
    drop_memory_log(one, "p")
    assert find_memory_log(one, "p") is None
    assert open_memory_log(one, "p") is not first
    drop_memory_log(one, "p")
    drop_memory_log(two, "p")


def test_a_session_in_memory_is_sealed_like_one_on_disk():
    """Count and root digest fit the lines, and compare-and-append refuses a wrong `seq`."""
    target = MemoryTarget()
    writer = MemoryWriter(target)
    writer.append(SessionStarted(session_id="s", sut="s"))
    writer.record(TestStarted(nodeid="a"))
    with pytest.raises(SequenceConflictError, match="next seq is 2, not 5"):
        writer.append(TestStarted(nodeid="b"), expected_seq=5)
    ack = writer.seal(lambda count, root: SessionFinished(exit_status=0, duration_us=1, count=count, root=root))
    writer.close()
    assert (ack.first_seq, ack.place, ack.durable) == (2, "log", False)
    records = list(read_records(target.source))
    root = line_hash()
    for record in records[:-1]:
        root.update(line_digest(record.line).encode())
    assert (records[-1].event().count, records[-1].event().root) == (2, root.hexdigest())
    assert verify_log(target.source).problems == []


def test_a_delayed_sync_runs_at_the_end_at_the_latest():
    """Stopping syncs what was appended last, and ends the thread."""
    calls = []
    syncer = DelayedSync(lambda: calls.append(os.getpid()))
    syncer.wake()
    syncer.stop()
    assert calls
    assert {tier.value for tier in Durability} == {"never", "session", "test", "event"}
