"""The comparison of a read model with a rebuilt one: what it finds, and what it does not take for a difference."""

from pathlib import Path

import pytest
from histories import START, write_line, write_session
from pytest_insight.eventlog.live.collect import collect_live_files
from pytest_insight.eventlog.sources import live_dir
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.readmodel.differences import list_differences

TESTS = [("t.py::ok", "passed"), ("t.py::bad", "failed"), ("t.py::odd", "of_a_later_release")]

CHANGES = {
    "label": "UPDATE sessions SET label = 'x'",
    "sut": "UPDATE sessions SET sut = 'x'",
    "commit": "UPDATE sessions SET commit_id = 'x'",
    "status": "UPDATE sessions SET status = 'interrupted'",
    "tests": "UPDATE sessions SET tests = tests + 1",
    "missing": "UPDATE sessions SET missing = missing + 1",
    "verdicts": """UPDATE sessions SET verdicts = '{"passed":9}'""",
    "failed": "UPDATE sessions SET failed = x''",
    "rerun": "UPDATE sessions SET rerun = x'00000000'",
    "flaky": "UPDATE sessions SET flaky = x'00000000'",
    "a session": "DELETE FROM sessions",
    "outcomes": "UPDATE chunks SET outcomes = x'000000'",
    "durations": "UPDATE chunks SET durations = zeroblob(24)",
    "positions": "UPDATE chunks SET positions = zeroblob(24)",
    "attempts": "UPDATE chunks SET attempts = x'090909'",
    "attempts of a session": "DELETE FROM chunks",
    "names": "UPDATE nodes SET nodeid = nodeid || 'x'",
    "tombstones": "INSERT INTO tombstones VALUES ('x', '')",
    "changes": "INSERT INTO changes VALUES ('x', '', '', 'cleared')",
    "findings": "DELETE FROM findings",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_model_that_was_changed_from_outside_differs(tmp_path, name):
    """Every column that an answer is made of; after a replay nothing differs."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 1, TESTS) + b"garbage\n")
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        model.catch_up()
        assert model.check() == []
        model._db.execute(CHANGES[name])
        assert model.check() != []
        model.replay(workers=1)
        assert model.check() == []


def test_each_difference_is_one_sentence_in_order():
    """With the value of both sides, and `missing` where a side has none."""
    mine, fresh = [("b", 1), ("a", 2), ("c", 3)], [("a", 2), ("b", 4), ("d", 5)]
    assert list_differences(mine, fresh) == [
        "b: 1 in the read model, 4 in the log",
        "c: 3 in the read model, missing in the log",
        "d: missing in the read model, 5 in the log",
    ]


def test_numbers_of_live_files_are_no_difference(tmp_path):
    """A model that has seen an earlier live file numbers the next one otherwise than a rebuilt model does."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 1, TESTS))
    live_dir(log).mkdir()

    def put_live(name: str, hours: int) -> Path:
        data = write_session(name, hours, [*TESTS, ("t.py::hangs", None)], seal=False, uncollected=["bad.py"])
        stream = data.split(b'"stream":"', 1)[1][:32].decode()
        lines = data.count(b"\n")
        data += write_line("output.recorded", stream, lines, START, name="errors", content="text")
        data += write_line("test.finished", stream, lines + 1, START, nodeid="malformed")
        path = live_dir(log) / f"{stream}.jsonl"
        path.write_bytes(data)
        return path

    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        put_live("first", 2)
        model.catch_up()
        collect_live_files(log)
        model.catch_up()
        live_dir(log).mkdir(exist_ok=True)
        put_live("second", 3)
        assert model.catch_up().rebuilt == ""
        [part] = [row.part for row in model.sessions() if row.session_id == "second"]
        assert part.notes
        assert part.others
        assert part.outputs
        assert part.malformed
        assert model.check() == []
