"""Attempts and node ids of the read model, against the events that were written."""

import json
import random
from array import array

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.projections.parts import CRASHED_FLAG
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.readmodel.attempts import NodeNames, contains_number
from pytest_insight.projections.readmodel.connection import ModelConnection
from pytest_insight.projections.rules import OUTCOMES

NUMBERS = st.one_of(st.integers(0, 3), st.sampled_from([1 << 8, 1 << 16, 1 << 24, 0x01010101, 2**32 - 1]))


@given(st.lists(NUMBERS), NUMBERS)
def test_a_number_is_in_a_column_if_it_is_in_the_list(column, number):
    """Bytes that span two neighbours look like other numbers and do not count."""
    assert contains_number(array("I", column).tobytes(), array("I", [number]).tobytes()) == (number in column)


def random_results(rng: random.Random) -> list:
    """Results of a session: some tests twice, some that hang."""
    names = [f"t.py::test_{rng.randrange(60)}" for _ in range(rng.choice([1, 5, 50]))]
    return [(name, rng.choice(["passed", "failed", "skipped", "rerun", None])) for name in names]


@pytest.mark.parametrize("seed", range(4))
def test_attempts_and_columns_say_what_the_events_say(tmp_path, seed):
    """In order of the log, however many increments it was folded in, for few tests and for many."""
    rng = random.Random(seed)
    log = tmp_path / "log.jsonl"
    data = b"".join(write_session(f"s{n}", n, random_results(rng), seal=rng.random() < 0.5) for n in range(8))
    lines = data.splitlines(keepends=True)
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        for cut in [*sorted(rng.randrange(len(lines)) for _ in range(3)), len(lines)]:
            log.write_bytes(b"".join(lines[:cut]))
            model.catch_up()
        finished: dict[str, list] = {}
        started: dict[str, set] = {}
        at = 0
        for line in lines:
            event = json.loads(line)
            if event["type"] == "test.finished":
                one = (event["nodeid"], event["outcome"], event["duration_us"], at, event.get("attempt", 1), "")
                finished.setdefault(event["stream"], []).append(one)
            if event["type"] == "test.started":
                started.setdefault(event["nodeid"], set()).add(event["stream"])
            at += len(line)
        for row in model.sessions():
            attempts = [(a[0], OUTCOMES[a.outcome & ~CRASHED_FLAG], *a[2:]) for a in model.attempts(row.stream)]
            assert attempts == finished.get(row.stream, [])
            columns, names = model.columns(row.stream), model.names()
            assert [names[number] for number in array("I", columns.nodes)] == [attempt[0] for attempt in attempts]
            assert list(array("q", columns.positions)) == [attempt[3] for attempt in attempts]
            assert list(array("q", columns.durations)) == [attempt[2] for attempt in attempts]
            assert list(columns.attempts) == [attempt[4] for attempt in attempts]
        ended = {
            name: {stream for stream, all_ in finished.items() if any(one[0] == name for one in all_)}
            for name in started
        }
        sealed = {row.stream for row in model.sessions() if row.exit_status is not None}
        for name, streams in started.items():
            found = model.sessions_with(name)
            assert len(found) == len(set(found))
            assert ended[name] | (streams - sealed) <= set(found) <= streams
        assert model.sessions_with("t.py::none") == []
        assert (model.attempts("0" * 32), len(model.columns("0" * 32))) == ([], 0)


def fill(connection: ModelConnection, names: list[str]) -> None:
    """Write node ids from number 0."""
    connection.db.executemany("INSERT INTO nodes VALUES (?, ?)", enumerate(names))


def test_names_follow_every_kind_of_change(tmp_path):
    """New names, a rebuild that numbers as many others, another process, and another file."""
    path = tmp_path / "model.sqlite"
    connection = ModelConnection(path)
    nodes = NodeNames(connection)
    assert (nodes.all_names(), nodes.all_numbers()) == ([], {})
    fill(connection, ["a", "b"])
    assert (nodes.all_names(), nodes.all_numbers()) == (["a", "b"], {"a": 0, "b": 1})
    assert nodes.all_names() is nodes.all_names()
    assert nodes.all_numbers() is nodes.all_numbers()
    connection.recreate_tables()
    fill(connection, ["b", "a"])
    assert (nodes.all_names(), nodes.all_numbers()) == (["b", "a"], {"b": 0, "a": 1})
    other = ModelConnection(path)
    other.db.execute("UPDATE nodes SET nodeid = 'c' WHERE id = 1")
    assert (nodes.all_names(), nodes.all_numbers()) == (["b", "c"], {"b": 0, "c": 1})
    other.close()
    replacement = ModelConnection(path.with_name("new.sqlite"))
    fill(replacement, ["x", "y"])
    replacement.close()
    path.with_name("new.sqlite").replace(path)
    connection.reopen_if_replaced()
    assert nodes.all_names() == ["x", "y"]
    connection.switch_to_memory()
    fill(connection, ["p", "q"])
    assert nodes.all_names() == ["p", "q"]
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 20, 21, 50])
def test_few_names_and_many_are_looked_up_alike(count):
    """Whichever way is taken, each number leads to its name."""
    connection = ModelConnection(None)
    names = [f"t.py::{number}" for number in range(50)]
    fill(connection, names)
    found = NodeNames(connection).names_of(set(range(count)))
    assert [found[number] for number in range(count)] == names[:count]
    connection.close()
