"""Which sessions are shown: the rules as tables, and the rows that are selected for them."""

from datetime import timedelta
from itertools import permutations, product

import pytest
from histories import START, write_line, write_session
from pytest_insight.projections.readmodel import ReadModel
from pytest_insight.projections.readmodel.visibility import decide_visibility, read_visibility, select_latest_changes

FIRST, SECOND = "a" * 32, "b" * 32
PLAIN, SUFFIXED = "L", {FIRST: "L~aaaaaaaa", SECOND: "L~bbbbbbbb"}

NO = None
TABLE = {
    # latest event of the first, of the second: name of the first, of the second
    ("", ""): (PLAIN, NO),
    ("", "cleared"): (PLAIN, NO),
    ("", "superseded"): (PLAIN, NO),
    ("", "restored"): (PLAIN, SUFFIXED[SECOND]),
    ("cleared", ""): (NO, PLAIN),
    ("cleared", "cleared"): (NO, NO),
    ("cleared", "superseded"): (NO, NO),
    ("cleared", "restored"): (NO, PLAIN),
    ("superseded", ""): (NO, PLAIN),
    ("superseded", "cleared"): (NO, NO),
    ("superseded", "superseded"): (PLAIN, NO),
    ("superseded", "restored"): (NO, PLAIN),
    ("restored", ""): (SUFFIXED[FIRST], PLAIN),
    ("restored", "cleared"): (PLAIN, NO),
    ("restored", "superseded"): (PLAIN, NO),
    ("restored", "restored"): (PLAIN, SUFFIXED[SECOND]),
}
"""Two sessions of one label; the first started earlier, and the event about it is earlier."""


@pytest.mark.parametrize("purged", [set(), {FIRST}, {SECOND}, {FIRST, SECOND}], ids=len)
@pytest.mark.parametrize("kinds", TABLE, ids="-".join)
def test_two_sessions_of_a_label(kinds, purged):
    """Names follow the table; a tombstone hides a session and leaves the names of others as they are."""
    changes = {
        stream: (at, "d", kind) for stream, at, kind in zip((FIRST, SECOND), ("1", "2"), kinds, strict=True) if kind
    }
    sessions = [(FIRST, "L", 1), (SECOND, "L", 2)]
    for order in permutations(sessions):
        found = decide_visibility(order, changes, purged)
        names = {stream: name for stream, name in zip((FIRST, SECOND), TABLE[kinds], strict=True) if name is not None}
        assert found.names == names
        assert found.hidden == {FIRST, SECOND} - names.keys() | purged


def test_the_table_has_every_pair():
    """No pair of events is left out of the table above."""
    assert set(TABLE) == set(product(("", "cleared", "superseded", "restored"), repeat=2))


def test_labels_do_not_influence_each_other():
    """Two labels decided together give what each gives alone."""
    changes = {"b" * 32: ("1", "d", "restored"), "c" * 32: ("1", "d", "cleared")}
    one, other = [("a" * 32, "L", 1), ("b" * 32, "L", 2)], [("c" * 32, "M", 1), ("d" * 32, "M", 2)]
    both, alone = decide_visibility(one + other, changes, ()), [decide_visibility(x, changes, ()) for x in (one, other)]
    assert both.hidden == alone[0].hidden | alone[1].hidden == {"c" * 32}
    assert both.names == alone[0].names | alone[1].names


def test_the_latest_event_counts_in_any_order():
    """By time, then by digest, for each stream by itself."""
    events = [
        ("s", "2026-01-01", "f", "cleared"),
        ("s", "2026-01-02", "a", "restored"),
        ("s", "2026-01-02", "b", "superseded"),
        ("t", "2026-01-01", "0", "cleared"),
    ]
    expected = {"s": ("2026-01-02", "b", "superseded"), "t": ("2026-01-01", "0", "cleared")}
    assert all(select_latest_changes(order) == expected for order in permutations(events))
    assert select_latest_changes([]) == {}


def test_sessions_that_are_not_selected_are_shown_by_their_label(tmp_path):
    """Only labels with several sessions or an event are decided; deciding all sessions gives the same answer."""
    log = tmp_path / "log.jsonl"
    data = [write_session(f"session {n}", n, [("t.py::a", "passed")], session_id=f"label {n % 4}") for n in range(6)]
    data.append(write_session("alone", 7, [], session_id="alone"))
    data.append(write_session("cleared", 8, [], session_id="cleared"))
    log.write_bytes(b"".join(data))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        rows = {row.session_id: row.stream for row in model.sessions(hidden=True)}
        targets = [("cleared", rows["cleared"]), ("restored", rows["label 1"]), ("superseded", rows["alone"])]
        with log.open("ab") as stream:
            for number, (kind, target) in enumerate(targets):
                at = START + timedelta(days=5, seconds=number)
                stream.write(write_line(f"session.{kind}", f"{number:032x}", 0, at, target=target))
            at = START + timedelta(days=5, seconds=9)
            stream.write(write_line("events.purged", "f" * 32, 0, at, streams=["e" * 32]))
        model.catch_up()
        everything = decide_visibility(
            model._db.execute("SELECT stream, label, started_us FROM sessions WHERE label IS NOT NULL").fetchall(),
            {target: ("later", "d", kind) for kind, target in targets},
            ["e" * 32],
        )
        selected = read_visibility(model._db)
        assert selected.hidden == everything.hidden >= {rows["cleared"], "e" * 32}
        labels = {row.stream: row.part.header["session_id"] for row in model.sessions(hidden=True)}
        shown = labels.keys() - everything.hidden
        assert {stream: selected.names.get(stream, labels[stream]) for stream in shown} == everything.names


def test_known_visibility_is_that_of_now(tmp_path):
    """Also after another process has changed the model, and it is not read again without a change."""
    log, path = tmp_path / "log.jsonl", tmp_path / "model"
    log.write_bytes(b"".join(write_session(f"session {n}", n, [], session_id="same") for n in range(3)))
    with ReadModel.open(log, path) as model, ReadModel.open(log, path) as other:
        model.catch_up()
        streams = [row.stream for row in model.sessions(hidden=True)]
        for number, catching_up in enumerate((model, other, model, other)):
            names = {stream: model.session_of(stream).session_id for stream in streams}
            visibility = read_visibility(model._db)
            assert names == {stream: visibility.names.get(stream, "same") for stream in streams}
            assert model._visibility.get(model._db) is model._visibility.get(model._db)
            with log.open("ab") as stream:
                at = START + timedelta(days=5, seconds=number)
                kind = ("cleared", "restored")[number % 2]
                stream.write(write_line(f"session.{kind}", f"{number:032x}", 0, at, target=streams[0]))
            catching_up.catch_up()
        assert model._visibility.get(model._db) == read_visibility(model._db)
