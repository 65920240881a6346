"""Positions to events, against the bytes of the files."""

import gzip
import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.sources import live_dir, pack_dir
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.readmodel.log_files import SOURCE_SHIFT
from pytest_insight.projections.readmodel.log_lookup import group_positions

FAR_BYTES = 32 * 1024


def line_starts(data: bytes) -> dict[int, bytes]:
    """Lines by the offset at which they start."""
    found, at = {}, 0
    for line in data.split(b"\n")[:-1]:
        found[at] = line
        at += len(line) + 1
    return found


def stream_of(data: bytes) -> str:
    """The stream of the first line."""
    return json.loads(data.split(b"\n", 1)[0])["stream"]


@pytest.fixture
def logs(tmp_path) -> tuple[Path, dict[int, bytes]]:
    """A log with a pack, two live files and long lines; all its lines by position."""
    log = tmp_path / "log.jsonl"
    long = [(f"t.py::{'x' * 3000}[{number}]", "failed") for number in range(30)]
    parts = [
        write_session("one", 1, [("t.py::a", "passed")]) + write_session("two", 2, long),
        write_session("packed", 0, [("t.py::a", "failed")]),
        *(write_session(f"live {n}", 3 + n, [("t.py::a", "passed")], seal=False) for n in range(2)),
    ]
    log.write_bytes(parts[0])
    pack_dir(log).mkdir()
    (pack_dir(log) / "0001.jsonl.gz").write_bytes(gzip.compress(parts[1]))
    live_dir(log).mkdir()
    parts[2:] = sorted(parts[2:], key=stream_of)
    for part in parts[2:]:
        (live_dir(log) / f"{stream_of(part)}.jsonl").write_bytes(part)
    return log, {
        number << SOURCE_SHIFT | at: line for number, part in enumerate(parts) for at, line in line_starts(part).items()
    }


def test_every_line_is_found_by_its_position(logs):
    """One by one and together, in any order and repeated: the bytes of the file."""
    log, lines = logs
    with ReadModel.open(log, None) as model:
        model.catch_up()
        for position, line in lines.items():
            assert model.record_at(position).line == line
        rng = random.Random(1)
        for count in (1, 2, 10, len(lines)):
            for _ in range(5):
                positions = [*rng.sample(list(lines), count), rng.choice(list(lines))]
                assert model.lines_at(positions) == [lines[position] for position in positions]
        assert model.lines_at([]) == []


def test_positions_of_attempts_are_those_of_their_events(logs):
    """Each attempt leads to the `test.finished` of its test; all attempts of the log are there."""
    log, lines = logs
    finished = {
        position: event["nodeid"]
        for position, event in ((position, json.loads(line)) for position, line in lines.items())
        if event["type"] == "test.finished"
    }
    with ReadModel.open(log, None) as model:
        model.catch_up()
        attempts = [attempt for row in model.sessions() for attempt in model.attempts(row.stream)]
        assert {attempt.position: attempt.nodeid for attempt in attempts} == finished
        events = model.finished_at([attempt.position for attempt in attempts])
        assert [event.nodeid for event in events] == [attempt.nodeid for attempt in attempts]


@pytest.mark.parametrize("shift", [1, 7, 10**9])
def test_a_position_between_lines_is_an_error(logs, shift):
    """Alone and among good ones; never the line beside it."""
    log, lines = logs
    with ReadModel.open(log, None) as model:
        model.catch_up()
        first = next(iter(lines))
        for positions in ([first + shift], [first, first + shift]):
            with pytest.raises(LookupError, match="no event starts at position"):
                model.lines_at(positions)
        with pytest.raises(LookupError):
            model.record_at(first + shift)


def test_a_position_in_a_file_that_never_was_is_an_error(logs):
    """Also after the catch-up that the lookup tries."""
    log, _ = logs
    with ReadModel.open(log, None) as model:
        model.catch_up()
        with pytest.raises(LookupError, match="is gone"):
            model.record_at(77 << SOURCE_SHIFT)


def test_positions_in_a_live_file_lead_to_the_log_after_it_moved(logs):
    """Without a catch-up by the caller; lines are the same bytes."""
    log, lines = logs
    with ReadModel.open(log, None) as model:
        model.catch_up()
        collect_live_files(log)
        live = [position for position in lines if position >> SOURCE_SHIFT >= 2]
        assert live
        assert model.lines_at(live) == [lines[position] for position in live]


def test_the_events_of_a_session_are_all_of_its_lines(logs):
    """In the order of its file, for sessions in the log, in a pack and in live files."""
    log, lines = logs
    with ReadModel.open(log, None) as model:
        model.catch_up()
        rows = model.sessions()
        assert len(rows) == 5
        for row in rows:
            expected = [line for _, line in sorted(lines.items()) if json.loads(line)["stream"] == row.stream]
            assert [record.line for record in model.records_of(row)] == expected


OFFSETS = st.integers(0, 400_000)


@given(st.sets(st.tuples(st.integers(0, 3), OFFSETS)))
def test_groups_cover_all_positions_and_cut_only_where_a_read_ends(places):
    """A new group begins at another file or behind a gap, and nowhere else."""
    positions = sorted(number << SOURCE_SHIFT | offset for number, offset in places)
    groups = list(group_positions(positions))
    assert [position for group in groups for position in group] == positions
    starts = {group[0] for group in groups}
    for before, after in pairwise(positions):
        is_apart = after - before > FAR_BYTES or before >> SOURCE_SHIFT != after >> SOURCE_SHIFT
        assert (after in starts) == is_apart
