"""Several writers decide by one log: under the lock, all or nothing, whatever dies in the middle."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import warm
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import EventDecoder
from pytest_insight.eventlog.errors import EventTooLargeError, LogUnavailableError, LogWriteError, SequenceConflictError
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.journal import Journal, JournalEvent, fold_journal
from pytest_insight.eventlog.reader import read_records
from pytest_insight.eventlog.streams import stream_id


class Added(JournalEvent, frozen=True, kw_only=True, tag="test.added"):
    value: int
    text: str = ""


class Sum:
    """Adds up, and remembers who stood where."""

    def __init__(self):
        self.values = []
        self.positions = []

    def apply(self, entry):
        if isinstance(entry.event, Added):
            self.values.append(entry.event.value)
            self.positions.append(entry.position)


def journal(path, **options):
    """A journal of sums."""
    return Journal(path, [Added], Sum, **options)


@pytest.fixture
def path(tmp_path):
    """Where the journal lies."""
    return tmp_path / "data" / "journal.jsonl"


def put(log, *values, name="n"):
    """Write these values in one transaction."""
    with log.transact() as tx:
        tx.append(name, *(Added(value=value) for value in values))
    return tx.entries


def test_what_one_writes_the_other_sees_before_it_decides(path):
    """A transaction starts from everything written so far, by anybody."""
    one, two = journal(path), journal(path)
    put(one, 1)
    with two.transact() as tx:
        assert tx.state.values == [1]
        assert tx.next_seq("n") == 1
        tx.append("n", Added(value=2), expected_seq=1)
    assert one.current().values == [1, 2]


def test_nothing_is_created_by_looking(path):
    """A journal that nobody wrote is empty, and stays absent."""
    assert journal(path).current().values == []
    assert fold_journal(path, EventDecoder((Added,)), Sum())[0].values == []
    assert not path.parent.exists()


def test_an_exception_in_the_block_writes_nothing(path):
    """What was staged before the exception is not written."""
    log = journal(path)
    put(log, 1)
    size = path.stat().st_size
    with pytest.raises(KeyError), log.transact() as tx:
        tx.append("n", Added(value=2))
        raise KeyError
    assert path.stat().st_size == size
    assert put(log, 3)[0].seq == 1


def test_an_old_version_is_refused(path):
    """Compare-and-append: the stream has moved on."""
    log = journal(path)
    put(log, 1)
    with pytest.raises(SequenceConflictError, match="next seq is 1, not 0"), log.transact() as tx:
        tx.append("n", Added(value=2), expected_seq=0)
    assert log.current().values == [1]


RACER = """
import sys
from pathlib import Path
from pytest_insight.eventlog.errors import SequenceConflictError
from pytest_insight.eventlog.journal import Journal, JournalEvent
class Added(JournalEvent, frozen=True, kw_only=True, tag="test.added"):
    value: int
class Nothing:
    def apply(self, entry): pass
log = Journal(Path(sys.argv[1]), [Added], Nothing, lock_timeout_s=300)
won = seq = 0
while won < 30:
    try:
        with log.transact() as tx:
            tx.append("shared", Added(value=won), expected_seq=seq)
        won, seq = won + 1, seq + 1
    except SequenceConflictError as error:
        seq = error.actual
"""


def test_compare_and_append_lets_one_of_many_win(path, program):
    """8 processes append 30 events each to one stream: every seq once, without gaps."""
    processes = [program(RACER, path) for _ in range(8)]
    assert [process.wait(300) for process in processes] == [0] * 8
    assert [item.envelope.seq for item in read_records(path)] == list(range(240))


def test_a_stream_goes_on_behind_a_torn_line(path):
    """A line that lacks only its newline is an event; one that lacks more is none, and the next begins behind it."""
    put(journal(path), 1)
    path.write_bytes(path.read_bytes()[:-1])
    assert put(journal(path), 2)[0].seq == 1
    path.write_bytes(path.read_bytes() + b'{"v":1,"ty')
    assert put(journal(path), 3)[0].seq == 2
    assert journal(path).current().values == [1, 2, 3]


def test_a_file_system_without_locks_is_refused(path):
    """Two writers there would give one number twice."""

    class Network(System):
        is_network = staticmethod(lambda path: True)

    with pytest.raises(LogUnavailableError, match="cannot lock"):
        put(journal(path, system=Network()), 1)


def test_streams_count_for_themselves(path):
    """Each named stream has its own seq, within one transaction too."""
    log = journal(path)
    with log.transact() as tx:
        tx.append("a", Added(value=1), Added(value=2))
        tx.append("b", Added(value=3), expected_seq=0)
        assert tx.next_seq("a") == 2
    assert [(entry.stream, entry.seq) for entry in tx.entries] == [
        (stream_id("a"), 0),
        (stream_id("a"), 1),
        (stream_id("b"), 0),
    ]
    assert [entry.position for entry in tx.entries] == log.current().positions


def test_a_transaction_in_a_transaction_is_refused(path):
    """The inner one would free the lock of the outer."""
    log = journal(path)
    with log.transact(), pytest.raises(RuntimeError, match="within a transaction"), log.transact():
        pass
    put(log, 1)
    assert log.current().values == [1]


def test_what_does_not_fit_is_refused_not_shortened(path):
    """Data is never cut to make it fit."""
    log = journal(path)
    with pytest.raises(EventTooLargeError), log.transact() as tx:
        tx.append("n", Added(value=1), Added(value=2, text="x" * 300_000))
    assert log.current().values == []


def test_a_batch_cut_anywhere_counts_whole_or_not_at_all(path):
    """Cut a batch of three after each of its bytes: all three or none, and the next writer is not confused."""
    log = journal(path)
    put(log, 1)
    start = path.stat().st_size
    put(log, 2, 3, 4)
    log.close()
    whole = path.read_bytes()
    for end in range(start, len(whole) + 1):
        path.write_bytes(whole[:end])
        with journal(path) as again:
            assert again.current().values == ([1, 2, 3, 4] if end == len(whole) else [1])
            # Only the last newline is missing: it comes with the next write, and the batch is whole.
            expected = [1, 2, 3, 4] if end >= len(whole) - 1 else [1]
            put(again, 5)
            assert again.current().values == [*expected, 5]
        assert fold_journal(path, EventDecoder((Added,)), Sum())[0].values == [*expected, 5]


def test_damage_within_a_finished_batch_costs_its_line(path):
    """The rest of the batch counts, and the damage is reported."""
    log = journal(path)
    entries = put(log, 1, 2, 3)
    log.close()
    data = bytearray(path.read_bytes())
    data[entries[1].position + 20] ^= 1
    path.write_bytes(data)
    with journal(path) as again:
        assert again.current().values == [1, 3]
        assert [finding.reason for finding in again.findings] == ["damaged"]


def test_a_full_disk_leaves_nothing_behind(path):
    """A write that fails half way is cut back, and the next one counts."""

    class Filling(System):
        left = 1 << 30

        def write(self, fd, data):
            count = os.write(fd, data[: self.left]) if self.left else 0
            self.left -= count
            if not count:
                raise OSError(28, "No space left on device")
            return count

    system = Filling()
    log = journal(path, system=system)
    put(log, 1)
    size = path.stat().st_size
    system.left = 250
    with pytest.raises(LogWriteError, match="No space left"):
        put(log, 2, 3)
    assert path.stat().st_size == size
    system.left = 1 << 30
    put(log, 4)
    assert log.current().values == [1, 4]


def test_what_is_to_be_durable_is_synced_and_so_is_its_folder_once(path):
    """A transaction that asks for it, and `sync`: the file each time, the folder's entry the first time."""
    calls = []

    class Watching(System):
        def fdatasync(self, fd):
            calls.append("file")
            os.fdatasync(fd)

        def sync_dir(self, folder):
            calls.append("folder")
            super().sync_dir(folder)

    log = journal(path, system=Watching())
    log.sync()
    put(log, 1)
    assert calls == []
    with log.transact(sync=True) as tx:
        tx.append("n", Added(value=2))
    assert calls == ["file", "folder"]
    with log.transact(sync=True):
        pass
    log.sync()
    assert calls == ["file", "folder", "file"]


def test_the_state_as_of_a_position_is_that_of_everything_before(path):
    """A position is a moment: what came later is not there."""
    log = journal(path)
    put(log, 1)
    moment = put(log, 2, 3)[0].position
    put(log, 4)
    assert log.as_of(moment).values == [1]
    assert log.as_of(log.position).values == [1, 2, 3, 4]


def test_a_replaced_log_is_read_anew(path):
    """Nobody keeps a state that the file does not give."""
    log = journal(path)
    put(log, 1)
    path.unlink()
    assert log.current().values == []
    put(log, 2)
    assert journal(path).current().values == [2]


def test_a_forked_child_writes_with_a_lock_of_its_own(path):
    """Parent and child count without losing anything, though the child has the parent's journal."""
    log = journal(path)
    put(log, 0)
    child = os.fork()
    if not child:
        for _ in range(200):
            with log.transact() as tx:
                tx.append("n", Added(value=len(tx.state.values)))
        os._exit(0)
    for _ in range(200):
        with log.transact() as tx:
            tx.append("n", Added(value=len(tx.state.values)))
    assert os.waitpid(child, 0)[1] == 0
    assert log.current().values == list(range(401))


def test_threads_share_one_journal(path):
    """Four threads count: no number twice, none missing."""
    log = journal(path)

    def count():
        for _ in range(100):
            with log.transact() as tx:
                tx.append("n", Added(value=len(tx.state.values)))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.current().values == list(range(400))


def test_a_large_batch_is_staged_in_proportion(path):
    """Saying 20,000 events one by one does not look at all those said before: counted in comparisons, not in seconds."""
    compared = []

    class Stream(str):
        __slots__ = ()

        def __eq__(self, other):
            compared.append(1)
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    log = journal(path)
    with log.transact() as tx:
        for value in range(20_000):
            tx.append("n", Added(value=value))
            tx._staged[-1] = (Stream(tx._staged[-1][0]), *tx._staged[-1][1:])  # what a look at all would compare
        assert tx.next_seq("n") == 20_000
        assert len(compared) < 100
    assert [entry.seq for entry in tx.entries] == list(range(20_000))


def test_a_state_that_is_looked_at_stands_still(path):
    """Another thread's event is folded after the look, not in the middle of it."""
    log = journal(path)
    put(log, 1)
    writer = threading.Thread(target=put, args=(log, 2))
    with log.look() as state:
        writer.start()
        writer.join(0.1)
        assert writer.is_alive()
        assert state.values == [1]
    writer.join()
    assert log.current().values == [1, 2]


COUNTER = """
import sys
from pathlib import Path
from pytest_insight.eventlog.journal import Journal, JournalEvent
class Added(JournalEvent, frozen=True, kw_only=True, tag="test.added"):
    value: int
    text: str = ""
class Sum:
    def __init__(self): self.count = 0
    def apply(self, entry): self.count += 1
log = Journal(Path(sys.argv[1]), [Added], Sum)
while True:
    with log.transact() as tx:
        tx.append("n", *(Added(value=tx.state.count + i, text="x" * 3000) for i in range(3)))
    print(tx.entries[-1].event.value, flush=True)
"""


def test_killed_writers_lose_nothing_acknowledged_and_leave_no_half_batch(path):
    """Four processes count in threes and are killed at random: the numbers have no gap, and none appears twice."""
    acknowledged = []
    for round_ in range(3):
        processes = [warm.Popen([sys.executable, "-c", COUNTER, str(path)], stdout=subprocess.PIPE) for _ in range(4)]
        for process in processes:  # each is at it, on a machine of any speed
            acknowledged += [int(process.stdout.readline()) for _ in range(6)]
        time.sleep(round_ * 0.07)
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            out = process.communicate()[0].split(b"\n")[:-1]
            acknowledged += [int(value) for value in out]
    values = journal(path).current().values
    assert values == list(range(len(values)))
    assert len(values) % 3 == 0
    assert set(acknowledged) <= set(values)
    assert len(acknowledged) > 50


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4), st.booleans()), max_size=12))
def test_two_journals_agree_with_a_list(tmp_path_factory, steps):
    """Whatever two writers do in turn, both see the one list of everything, in one order."""
    path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    logs = {"a": journal(path), "b": journal(path)}
    model = []
    for who, count, fails in steps:
        values = [len(model) + index for index in range(count)]
        try:
            with logs[who].transact() as tx:
                assert tx.state.values == model
                tx.append(who, *(Added(value=value) for value in values))
                if fails:
                    raise KeyError  # noqa: TRY301 - the exception of a caller
            model += values
        except KeyError:
            pass
    assert logs["a"].current().values == logs["b"].current().values == model
    assert fold_journal(path, EventDecoder((Added,)), Sum())[0].values == model
    for log in logs.values():
        log.close()
