"""Places in a log: the next line, the newest session, one event; each against a search of the whole log."""

import gzip

import pytest
from histories import START, write_line, write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog import reader
from pytest_insight.eventlog.reader import (
    EventDecodeError,
    Record,
    after_line,
    event_at,
    line_start_after,
    read_batches,
    records_in,
    session_start,
)
from pytest_insight.eventlog.scan import Batch, Finding
from pytest_insight.eventlog.targets.memory_log import MemoryLog

ONE, TWO = write_session("one", 1, [("a::b", "passed")]), write_session("two", 2, [])
LOG = ONE + b"garbage\n" + TWO
HEADER = b'{"v":1,"type":"session.started"'


def memory(data):
    """A log in memory."""
    return MemoryLog(data=bytearray(data))


def test_the_line_behind_any_byte_is_found():
    """At every byte; behind the last newline there is none."""
    for near in range(len(LOG) + 1):
        cut = LOG.find(b"\n", near)
        assert line_start_after(memory(LOG), near) == (cut + 1 if cut >= 0 else None)


@pytest.mark.parametrize(
    ("data", "end", "expected"),
    [(b"", 0, 0), (b"ab\ncd", 3, 3), (b"ab\ncd", 2, 3), (b"ab", 2, 2), (b"ab\n\n", 3, 3), (b"ab\n\n", 2, 3)],
)
def test_a_newline_that_came_later_is_passed_over(data, end, expected):
    """A line may have been whole but for it when it was read; an empty line behind it is another one."""
    assert after_line(memory(data), end) == expected


@pytest.mark.parametrize("chunk", [1, 31, 32, 100, 1 << 20])
@pytest.mark.parametrize("kind", ["plain", "gzip"])
def test_the_newest_sessions_are_found_from_the_end(tmp_path, monkeypatch, chunk, kind):
    """Wherever a chunk ends in the header; the beginning if there are fewer."""
    monkeypatch.setattr(reader, "CHUNK_BYTES", chunk)
    log = tmp_path / ("log.jsonl" if kind == "plain" else "log.jsonl.gz")
    log.write_bytes(LOG if kind == "plain" else gzip.compress(LOG))
    starts = [len(ONE) + len(b"garbage\n"), 0, 0, 0]
    for count, expected in enumerate(starts, 1):
        assert session_start(log, count) == expected
    assert kind == "gzip" or session_start(log, 0) == len(LOG)


def test_a_header_within_a_text_is_no_session(tmp_path):
    """A test may print a line of a log; only one at the start of a line counts."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(TWO + write_line("x.y", "ab" * 16, 0, START, text=HEADER.decode() + ",") + b"x" + HEADER + b",\n")
    assert session_start(log) == 0


def test_an_event_starts_at_each_line_and_nowhere_else():
    """At every byte, with its own line."""
    starts = {0, *(index + 1 for index, byte in enumerate(LOG) if byte == 10)} - {len(LOG), len(ONE)}
    for position in range(len(LOG)):
        if position in starts:
            record = event_at(memory(LOG), position)
            assert record.line == LOG[position : LOG.index(b"\n", position)]
            assert record.digest == record.line[-34:-2].decode()
        elif position % 7 == 0:
            with pytest.raises(LookupError):
                event_at(memory(LOG), position)


def test_an_event_that_cannot_be_decoded_is_named_with_its_place():
    """The log, the byte and the type."""
    line = write_line("test.started", "ab" * 16, 0, START, nodeid=7)[:-1]
    record = Record("a.jsonl", 9, line, reader.parse_envelope(line))
    with pytest.raises(EventDecodeError, match=r"a\.jsonl: byte 9: test\.started: Expected `str`"):
        record.event()


@given(st.lists(st.booleans(), max_size=8))
def test_events_and_findings_come_in_order_of_position(kinds):
    """However they alternate."""
    line = ONE.splitlines()[0]
    offsets = [10 * number for number, is_event in enumerate(kinds) if is_event]
    findings = [Finding("a", 10 * number, 1, "torn") for number, is_event in enumerate(kinds) if not is_event]
    batch = Batch(offsets, [line] * len(offsets), findings, 0)
    found = list(records_in("a", batch))
    assert [item.position if isinstance(item, Record) else item.offset for item in found] == [
        10 * number for number in range(len(kinds))
    ]
    assert [isinstance(item, Record) for item in found] == kinds


@given(st.integers(0, 3), st.integers(0, 5), st.integers(1, 400))
def test_a_stretch_of_a_log_is_read_alone(first, count, chunk):
    """From the start of one line to that of another, in chunks of any size."""
    lines = ONE.splitlines(keepends=True)
    last = min(first + count, len(lines))
    start, end = len(b"".join(lines[:first])), len(b"".join(lines[:last]))
    found = [line for batch in read_batches(memory(ONE), start, end, chunk) for line in batch.lines]
    assert found == [line[:-1] for line in lines[first:last]]


def test_a_log_that_cannot_be_read_on_is_a_finding(tmp_path):
    """What came before it counts."""

    class Breaking(MemoryLog):
        def open(self, start=0):
            stream = super().open(start)
            real = stream.read
            stream = type("Stream", (), {"__enter__": lambda s: s, "__exit__": lambda s, *_: None})()
            reads = iter([real(300)])

            def read(_size):
                for data in reads:
                    return data
                raise OSError("device gone")

            stream.read = read
            return stream

    batches = list(read_batches(Breaking(data=bytearray(ONE)), settle=False))
    assert next(finding.reason for batch in batches for finding in batch.findings) == "damaged"
    assert b"".join(line + b"\n" for batch in batches for line in batch.lines) == ONE[: ONE.rfind(b"\n", 0, 300) + 1]
