"""The union of several files by the index of their segments: each event once, in order, verbatim."""

import random

import pytest
from histories import START, write_line
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.merging import segments as segments_module
from pytest_insight.eventlog.merging import union
from pytest_insight.eventlog.merging.segments import Segment, SegmentIndex
from pytest_insight.eventlog.merging.union import Union, _clusters
from pytest_insight.eventlog.sources import LogSource

ONE, TWO = "1" * 32, "2" * 32


def line(stream, seq, name="t"):
    """A line of a stream."""
    return write_line("test.started", stream, seq, START, nodeid=name)


def index_of(folder, *logs):
    """The index of some logs, and their sources."""
    files = []
    for number, data in enumerate(logs):
        path = folder / f"{number}.jsonl"
        path.write_bytes(data)
        files.append(LogSource(path))
    index = SegmentIndex(folder)
    for number, file in enumerate(files):
        index.add(number, file)
    return index, files


def read_union(index, files):
    """The whole union, the number of events that its pieces begin, and its counts."""
    with Union(index, files) as result:
        pieces = [piece for info, parts in index.by_stream() for piece in result.pieces(info, parts)]
        return b"".join(data for data, _ in pieces), sum(count for _, count in pieces), result


SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda span: (span[0], span[0] + span[1])), max_size=8
)


@given(SPANS)
def test_a_group_shares_no_number_with_another(spans):
    """All segments in their order, each in one group; within a group each overlaps with one before it."""
    segments = [Segment(0, 0, first, last, 0, 0) for first, last in sorted(spans)]
    clusters = list(_clusters(segments))
    assert [segment for cluster in clusters for segment in cluster] == segments
    seen = [{seq for part in cluster for seq in range(part.first_seq, part.last_seq + 1)} for cluster in clusters]
    assert sum(map(len, seen)) == len(set().union(*seen))
    for cluster in clusters:
        for place, segment in enumerate(cluster[1:], 1):
            assert any(part.last_seq >= segment.first_seq for part in cluster[:place])


def test_equal_copies_are_read_once_and_counted(tmp_path):
    """In any number of files, and at once as a whole."""
    data = line(ONE, 0) + line(ONE, 1) + line(TWO, 0)
    found, events, result = read_union(*index_of(tmp_path, data, data, data))
    assert (found, events) == (data, 3)
    assert (result.repeated, result.purged) == (6, 0)


def test_overlapping_parts_are_joined_line_by_line(tmp_path):
    """A copy that was made during the run, a later part, and another version of one event, in order of its digest."""
    parts = [line(ONE, 0) + line(ONE, 1), line(ONE, 1) + line(ONE, 2), line(ONE, 1, "other")]
    found, events, result = read_union(*index_of(tmp_path, *parts))
    versions = sorted([line(ONE, 1), line(ONE, 1, "other")], key=lambda one: one[-35:-3])
    assert found == line(ONE, 0) + b"".join(versions) + line(ONE, 2)
    assert (events, result.repeated) == (4, 1)


def test_what_a_tombstone_names_is_left_out_of_every_file(tmp_path):
    """A stream as a whole, or one line of it; both are counted."""
    digest = line(ONE, 1)[-35:-3].decode()
    tombstone = write_line("events.purged", "3" * 32, 0, START, streams=[TWO], lines=[[ONE, 1, digest]])
    logs = [line(ONE, 0) + line(ONE, 1), line(TWO, 0) + line(TWO, 1), tombstone]
    found, _, result = read_union(*index_of(tmp_path, *logs))
    assert found == line(ONE, 0) + tombstone
    assert result.purged == 3


def test_a_missing_newline_is_written(tmp_path):
    """At the end of a file, or where another byte is in its place."""
    found, events, _ = read_union(*index_of(tmp_path, line(ONE, 0)[:-1], line(TWO, 0)[:-1] + b"x" + line(TWO, 1)))
    assert (found, events) == (line(ONE, 0) + line(TWO, 0) + line(TWO, 1), 3)


def test_a_file_that_became_shorter_is_an_error(tmp_path):
    """Half an event is never written."""
    index, files = index_of(tmp_path, line(ONE, 0) + line(ONE, 1))
    files[0].path.write_bytes(line(ONE, 0)[:20])
    with pytest.raises(OSError, match="became shorter"):
        read_union(index, files)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_size_of_a_copy_does_not_matter(tmp_path, monkeypatch, size):
    """A read may end in the middle of any line."""
    data = line(ONE, 0) + line(ONE, 1)
    monkeypatch.setattr(union, "COPY_BYTES", size)
    assert read_union(*index_of(tmp_path, data, data, line(ONE, 1) + line(ONE, 2)))[:2] == (data + line(ONE, 2), 3)


def mixed_logs(seed):
    """Some logs in which several writers took turns, with damage."""
    choose = random.Random(seed)
    logs = []
    for _ in range(3):
        left = dict.fromkeys((ONE, TWO), 0)
        data = b""
        for _ in range(choose.randrange(12)):
            stream = choose.choice([ONE, TWO])
            data += line(stream, left[stream]) + choose.choice([b"", b"", b"", b"garbage\n"])
            left[stream] += choose.choice([1, 1, 1, 2])
        logs.append(data)
    return logs


def contents(index):
    """Everything that an index knows, in a form that can be compared."""
    streams = [(info.stream, info.first_seq, info.start, info.events) for info, _ in index.by_stream()]
    spans = [[segment[1:] for segment in parts] for _, parts in index.by_stream()]
    return streams, spans, index.headers, index.changes, index.statements, index.tombstones, index.findings


def test_segments_cover_each_event_once(tmp_path):
    """Each range holds consecutive events of its stream, and nothing else."""
    for seed in range(40):
        logs = mixed_logs(seed)
        index, _ = index_of(tmp_path, *logs)
        found = []
        for info, parts in index.by_stream():
            for part in parts:
                inside = logs[part.source][part.begin : part.end].splitlines(keepends=True)
                assert inside == [line(info.stream, seq) for seq in range(part.first_seq, part.last_seq + 1)]
                found += [(part.source, one) for one in inside]
        assert sorted(found) == sorted(
            (number, one)
            for number, data in enumerate(logs)
            for one in data.splitlines(keepends=True)
            if one[:1] == b"{"
        )
        assert {number: total.events for number, total in index.totals.items()} == {
            number: data.count(b'"digest"') for number, data in enumerate(logs)
        }


def test_an_index_on_disk_and_one_of_another_process_are_the_same_index(tmp_path, monkeypatch):
    """Segments that are too many for memory, and those that another process sends."""
    for seed in range(20):
        logs = mixed_logs(seed)
        whole, files = index_of(tmp_path, *logs)
        with monkeypatch.context() as patch:
            patch.setattr(segments_module, "_SPILL_SEGMENTS", 2)
            spilled, _ = index_of(tmp_path, *logs)
        assert contents(spilled) == contents(whole)
        other, mine = SegmentIndex(tmp_path), SegmentIndex(tmp_path)
        mine.add(0, files[0])
        for number in (1, 2):
            other.add(number, files[number])
        mine.take_over(other.parcel())
        assert contents(mine) == contents(whole)


def test_what_an_index_notes_of_sessions(tmp_path):
    """Headers, events about other sessions, and tombstones; a malformed one is a finding and nothing else."""
    target = {"target": ONE}
    log = b"".join([
        write_line("session.started", ONE, 0, START, session_id="a", sut="shop"),
        write_line("session.cleared", "3" * 32, 0, START, **target),
        write_line("session.restored", "3" * 32, 1, START, **target),
        write_line("session.superseded", "4" * 32, 0, START, **target),
        write_line("session.started", TWO, 0, START, session_id=7),
    ])  # fmt: skip
    index, _ = index_of(tmp_path, log)
    assert [(header.stream, header.label, header.sut) for header in index.headers] == [(ONE, "a", "shop")]
    assert [change.what for change in index.changes] == ["cleared", "restored", "superseded"]
    assert index.statements == {"3" * 32, "4" * 32}
    assert [finding.reason for _, finding in index.findings] == ["malformed"]
