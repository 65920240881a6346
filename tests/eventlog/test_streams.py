"""Streams that many processes write: their ids, and the next number in each."""

import hashlib

import pytest
from histories import START, write_line
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.streams import StreamIndex, stream_id
from pytest_insight.eventlog.times import from_datetime

ONE, TWO = stream_id("one"), stream_id("two")


@given(st.text(st.characters(exclude_categories=()), max_size=10))
def test_the_id_of_a_stream_is_the_digest_of_its_name(name):
    """By the rule of the format page, also for a name with a lone surrogate."""
    data = b"stream:" + name.encode("utf-8", "surrogatepass")
    assert stream_id(name) == hashlib.blake2b(data, digest_size=16).hexdigest()


def line(stream, seq, hours=0):
    """A line of a stream."""
    return write_line("test.started", stream, seq, START + hours * (START - START.replace(hour=0)), nodeid="t")


LINES = st.lists(
    st.one_of(
        st.builds(line, st.sampled_from([ONE, TWO]), st.integers(0, 12), st.integers(0, 2)),
        st.sampled_from([b"garbage\n", b"\n", line(ONE, 99)[:-9] + b"\n"]),
    ),
    max_size=8,
)


@given(LINES, st.lists(st.integers(0, 2000), max_size=4), st.integers(1, 3000))
def test_reading_on_gives_what_reading_at_once_gives(lines, stops, chunk):
    """Wherever the earlier looks ended, also within a line, and however few bytes each read returns."""
    data = b"".join(lines)
    whole = [one for one in lines if b'"digest"' in one and one.endswith(b'"}\n') and ONE.encode() in one]
    index = StreamIndex(ONE)
    for size in [*sorted(stop for stop in stops if stop < len(data)), len(data)]:
        index.catch_up(lambda count, offset: data[offset : offset + min(count, chunk)], size)
    seqs = [int(one.split(b'"seq":')[1].split(b",")[0]) for one in whole]
    assert index.next_seq == max(seqs, default=-1) + 1


def test_the_latest_time_of_the_stream_is_known():
    """So that the next event is not earlier; the other streams do not matter."""
    data = line(ONE, 0, 2) + line(ONE, 1, 1) + line(TWO, 0, 5)
    index = StreamIndex(ONE)
    index.catch_up(lambda count, offset: data[offset : offset + count], len(data))
    assert index.last_us == from_datetime(START + 2 * (START - START.replace(hour=0)))


@pytest.mark.parametrize("size", [0, 1])
def test_a_log_that_became_shorter_is_another_one(size):
    """What was known of the old one counts no more."""
    old, new = line(ONE, 7) * 2, line(ONE, 0)
    index = StreamIndex(ONE)
    index.catch_up(lambda count, offset: old[offset : offset + count], len(old))
    assert index.next_seq == 8
    index.catch_up(lambda count, offset: new[offset : offset + count], len(new) * size)
    assert index.next_seq == size


def test_a_log_that_lost_its_last_byte_is_read_again():
    """Its last line is not finished any more, and does not count."""
    data = line(ONE, 0) + line(ONE, 1)
    index = StreamIndex(ONE)
    for size, expected in ((len(data), 2), (len(data) - 1, 1), (len(data), 2)):
        index.catch_up(lambda count, offset: data[offset : offset + count], size)
        assert index.next_seq == expected


def test_a_read_that_returns_nothing_ends_the_look():
    """A file that was cut between the two calls."""
    index = StreamIndex(ONE)
    index.catch_up(lambda count, offset: b"", 100)
    assert index.next_seq == 0
