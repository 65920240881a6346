"""Names of objects say what is in them; what another program put there is no segment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.collector.client.bucket.coverage import Coverage
from pytest_insight.collector.client.bucket.names import SegmentName, name_segment, parse_key

STREAM, DIGEST = "a" * 32, "0" * 32
SEGMENTS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=8)


@pytest.mark.parametrize("day", ["2026/11/28", ""])
def test_a_name_is_read_as_it_was_written(day):
    """For a session and for tombstones."""
    name = name_segment([b"one", b"two"], STREAM, 7, day)
    assert parse_key(name.key) == name
    assert (name.first, name.events, name.end) == (7, 2, 9)


def test_other_lines_or_another_cut_have_another_name():
    """So that no object replaces another one."""
    names = {name_segment(lines, STREAM, 0, "").key for lines in ([b"one"], [b"two"], [b"one", b"two"])}
    assert len(names) == 3


@pytest.mark.parametrize(
    "key",
    [
        "v1/keep.json",
        "v2/2026/11/28/" + STREAM + "/0-1-" + DIGEST + ".jsonl.zst",
        "v1/2026/11/28/" + STREAM + "/0-0-" + DIGEST + ".jsonl.zst",
        "v1/2026/11/28/" + STREAM + "/00-1-" + DIGEST + ".jsonl.zst",
        "v1/2026/11/28/" + STREAM.upper() + "/0-1-" + DIGEST + ".jsonl.zst",
        "v1/2026/11/28/" + STREAM + "/0-1-" + DIGEST + ".jsonl.zst.part",
        "v1/2026/11/28/../" + STREAM + "/0-1-" + DIGEST + ".jsonl.zst",
    ],
)
def test_a_foreign_name_is_no_segment(key):
    """Only what this release could have written counts."""
    assert parse_key(key) is None


@given(SEGMENTS)
def test_the_next_event_is_the_first_that_no_object_has(pairs):
    """Compared with a set of all seqs."""
    covered = {seq for first, count in pairs for seq in range(first, first + count)}
    coverage = Coverage(SegmentName("2026/11/28", STREAM, first, count, DIGEST) for first, count in pairs)
    assert coverage.next_of(STREAM) == next(seq for seq in range(100) if seq not in covered)
    for seq in range(30):
        assert bool(coverage.with_seq(STREAM, [seq])) == (seq in covered)
