"""A replay folds sessions as a whole where it can: no line is lost, moved or folded twice, wherever a log is cut."""

import json

import pytest
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionDescribed, SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.reader import read_batches
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections import replay
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.readmodel.differences import list_differences, read_facts
from pytest_insight.projections.replay import whole_sessions


@pytest.fixture
def log(tmp_path):
    """Nine sessions behind each other, of other tests each; every third has no seal."""
    path = tmp_path / "log.jsonl"
    for number in range(9):
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=f"s{number}", sut="shop"))
        for test in range(number, number + 12):
            name = f"test_{test}"
            writer.append(TestStarted(nodeid=name), TestFinished(nodeid=name, outcome="passed"))
        if number % 3:
            writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
        writer.close()
    return path


@pytest.mark.parametrize("chunk_bytes", [300, 1000, 5000, 1 << 20])
def test_lines_stay_in_order_and_the_next_stretch_begins_where_one_ends(log, chunk_bytes):
    """Compared with all lines read at once."""
    [whole] = [batch for batch in read_batches(log, chunk_bytes=1 << 22) if batch.lines]
    found = list(whole_sessions(read_batches(log, chunk_bytes=chunk_bytes)))
    assert [line for batch in found for line in batch.lines] == whole.lines
    assert [offset for batch in found for offset in batch.offsets] == whole.offsets
    assert found[-1].end == log.stat().st_size
    starts = [batch.offsets[0] for batch in found if batch.lines]
    assert [batch.end for batch in found if batch.lines][:-1] == starts[1:]


def test_a_session_is_in_one_stretch_though_it_is_in_several_chunks(log):
    """Each stretch begins with a header."""
    found = [batch for batch in whole_sessions(read_batches(log, chunk_bytes=1000)) if batch.lines]
    assert len(found) > 5
    assert all(b'"session.started"' in batch.lines[0] for batch in found)


def test_a_session_longer_than_what_is_held_is_cut(log, monkeypatch):
    """Memory has a bound, and no line is lost."""
    monkeypatch.setattr(replay, "_HELD_LINES_MAX", 5)
    found = [batch for batch in whole_sessions(read_batches(log, chunk_bytes=1000)) if batch.lines]
    assert any(b'"session.started"' not in batch.lines[0] for batch in found)
    assert sum(len(batch.lines) for batch in found) == sum(len(batch.lines) for batch in read_batches(log))


@pytest.mark.parametrize("workers", [1, 2])
def test_numbers_of_node_ids_are_those_of_the_model(log, monkeypatch, workers):
    """In many stretches and in two processes, each with numbers of its own, every attempt has its own name."""
    monkeypatch.setattr(replay, "CHUNK_BYTES", 1000)
    with ReadModel.open(log, None) as model:
        model.replay(workers=workers)
        rows = {row.session_id: row for row in model.sessions()}
        assert len(rows) == 9
        for number in range(9):
            names = [attempt.nodeid for attempt in model.attempts(rows[f"s{number}"].stream)]
            assert names == [f"test_{test}" for test in range(number, number + 12)]
        assert model.check() == []


def facts_of(model):
    """All facts of a model that do not depend on the way of folding."""
    return read_facts(model._db, model._nodes, model._updater.files)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("more", ["the same again", "an event behind the seal", "both"])
def test_what_comes_after_a_session_was_written_counts(log, monkeypatch, workers, more):
    """A complete session is written at once; a catch-up, which folds each part when it comes, says the same."""
    monkeypatch.setattr(replay, "CHUNK_BYTES", 1000)
    lines = log.read_bytes().splitlines(keepends=True)
    stream = json.loads(next(line for line in lines if b'"session_id":"s1"' in line))["stream"]
    own = [line for line in lines if stream.encode() in line]
    again = own if more != "an event behind the seal" else []
    behind = encode_event(SessionDescribed(dirty=True), stream=stream, seq=len(own), at="2026-11-28T00:00:00.000000Z")
    added = [*again, *([behind] if more != "the same again" else [])]
    with ReadModel.open(log, None) as caught_up:
        caught_up.catch_up()
        with log.open("ab") as end:
            end.writelines(added)
        caught_up.catch_up()
        with ReadModel.open(log, None) as model:
            model.replay(workers=workers)
            assert list_differences(facts_of(model), facts_of(caught_up)) == []
            part = model.part_of(stream)
    assert part.events == len(own) + (more != "the same again")
    assert part.dirty == (None if more == "the same again" else True)
