"""Queries over sessions, against plain Python over the list of all sessions."""

from datetime import timedelta
from itertools import product

import pytest
from histories import START, write_line, write_session
from pytest_insight.projections.readmodel import (
    AmbiguousCommitError,
    AmbiguousPrefixError,
    ReadModel,
    UnknownSessionError,
)
from pytest_insight.projections.readmodel.queries import list_notable_tests, read_stored_verdicts
from pytest_insight.projections.session_row import Notable

SESSIONS = [
    # label, hours after the start, system, first digit of the commit
    ("ab1", 1, "shop", "a"),
    ("ab2", 2, "shop", "b"),
    ("x_1", 3, "search", "b"),
    ("x%1", 4, "search", "c"),
    ("x\\1", 5, "cart", "C"),
    ("AB3", 5, "cart", "d"),
    ("same", 6, "shop", "e"),
    ("gone", 7, "lonely", "f"),
]
TESTS = [("t.py::ok", "passed"), ("t.py::bad", "failed"), ("t.py::flaky", "rerun"), ("t.py::flaky", "passed")]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Sessions with odd labels, two of one label, one of these restored, one cleared."""
    log = tmp_path_factory.mktemp("queries") / "log.jsonl"
    data = [
        write_session(label, hours, TESTS, sut=sut, commit=commit, session_id=label)
        for label, hours, sut, commit in SESSIONS
    ]
    data.append(write_session("twin", 8, TESTS, sut="shop", commit="e", session_id="same"))
    streams = [part.split(b'"stream":"', 1)[1][:32].decode() for part in data]
    late = START + timedelta(days=1)
    data.append(write_line("session.cleared", "0" * 31 + "1", 0, late, target=streams[7]))
    data.append(write_line("session.restored", "0" * 31 + "2", 0, late, target=streams[8]))
    data.append(
        write_line("events.purged", "0" * 31 + "3", 0, late, streams=["9" * 32], lines=[["8" * 32, 3, "7" * 32]])
    )
    log.write_bytes(b"".join(data) + b"garbage\n")
    with ReadModel.open(log, None) as found:
        found.catch_up()
        yield found


def visible(model) -> list:
    """All sessions that are shown."""
    return model.sessions()


def microseconds(hours: float) -> int:
    """Hours after the start, in microseconds since the epoch."""
    return round((START + timedelta(hours=hours)).timestamp() * 1_000_000)


def test_the_sessions_are_those_that_were_written(model):
    """By name and order; the cleared one only among the hidden."""
    twin = next(row.stream for row in visible(model) if row.session_id.startswith("same~"))
    assert [row.session_id for row in visible(model)] == [
        f"same~{twin[:8]}",
        "same",
        *sorted(("x\\1", "AB3"), key=lambda label: next(r.stream for r in visible(model) if r.session_id == label)),
        "x%1",
        "x_1",
        "ab2",
        "ab1",
    ]
    assert [row.session_id for row in model.sessions(hidden=True) if row not in visible(model)] == ["gone"]


@pytest.mark.parametrize("hidden", [False, True])
def test_filters_are_those_of_plain_python(model, hidden):
    """Every combination of system, first start and limit."""
    everything = model.sessions(hidden=hidden)
    starts = [None, 0, microseconds(5), microseconds(5) + 1, microseconds(99)]
    for sut, since_us, limit in product((None, "shop", "cart", "lonely", "none"), starts, (None, 1, 2, 99)):
        expected = [
            row
            for row in everything
            if (sut is None or row.sut == sut) and (since_us is None or row.started_us >= since_us)
        ]
        assert model.sessions(sut=sut, since_us=since_us, limit=limit, hidden=hidden) == expected[:limit]


def test_every_beginning_of_a_name_or_stream_finds_what_begins_so(model):
    """All prefixes of all names, labels and streams, and texts that are patterns of SQL."""
    rows = visible(model)
    texts = [text for row in rows for text in (row.session_id, row.stream[:4], row.stream)]
    prefixes = {text[:length] for text in texts for length in range(1, len(text) + 1)} | {"%", "_", "\\", "a%", "~"}
    for prefix in prefixes:
        exact = [row for row in rows if prefix in (row.session_id, row.stream)]
        label, _, digits = prefix.rpartition("~")
        begins = [
            row
            for row in rows
            if any(text.lower().startswith(prefix.lower()) for text in (row.part.header["session_id"], row.stream))
            or (label == row.part.header["session_id"] and row.stream.startswith(digits))
        ]
        expected = exact or begins
        if len(expected) == 1:
            assert model.find_session(prefix) == expected[0]
        else:
            with pytest.raises(AmbiguousPrefixError if expected else UnknownSessionError):
                model.find_session(prefix)


def test_last_is_the_newest_and_unknown_in_an_empty_log(model, tmp_path):
    """Both words."""
    assert model.find_session("last") == model.find_session("latest") == model.newest_session() == visible(model)[0]
    with ReadModel.open(tmp_path / "none.jsonl", None) as empty:
        assert empty.newest_session() is None
        for word in ("last", "latest"):
            with pytest.raises(UnknownSessionError):
                empty.find_session(word)


@pytest.mark.parametrize(
    ("days", "expected"),
    [([-2, -1, 0], 0), ([-2, -1, 300], -1), ([200, 300], 300), ([300], 300), ([-1, 200, 300], -1)],
)
def test_a_session_of_the_future_is_the_newest_only_among_such(tmp_path, days, expected):
    """A clock that is wrong by months does not hide what ran today."""
    log = tmp_path / "log.jsonl"
    now = START + timedelta(days=6)
    log.write_bytes(b"".join(write_session(f"day {day}", 0, [], start=now + timedelta(days=day)) for day in days))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        assert model.newest_session().session_id == f"day {expected}"


def test_commits_are_found_by_their_beginning_in_any_case(model):
    """Of the visible sessions; several commits are an error, none is not."""
    rows = visible(model)
    for prefix in [*"abcdefC", "a" * 40, "a" * 41, "B" * 7, "", "%", "_"]:
        expected = [row for row in rows if row.commit.startswith(prefix.lower())]
        if len({row.commit for row in expected}) > 1:
            with pytest.raises(AmbiguousCommitError):
                model.sessions_of_commit(prefix)
        else:
            assert model.sessions_of_commit(prefix) == expected
    assert [row.session_id for row in model.sessions_of_commit("c" * 40)] == ["x\\1", "x%1"]


def test_names_and_streams_find_exactly_one(model):
    """A name is that of a visible session; a stream finds a hidden one, too."""
    for row in model.sessions(hidden=True):
        assert model.session_of(row.stream) == row
        shown = row in visible(model)
        assert model.session_named(row.session_id) == (row if shown else None)
        assert model.visible_sessions_of([row.stream, "0" * 32]) == ([row] if shown else [])
    for name in ("", "ab", "same~", "same~0", "~", "none"):
        assert model.session_named(name) is None
    assert model.session_of("0" * 31 + "1") is None, "the stream of an event about a session"
    assert model.part_of("0" * 31 + "1") is None or model.part_of("0" * 31 + "1").header is None
    assert model.part_of("f" * 32) is None


def test_systems_count_their_visible_sessions(model):
    """With first and last start, by name; a system whose sessions are all hidden has only its name."""
    rows = visible(model)
    names = sorted({row.sut for row in rows})
    starts = {sut: [row.started_us for row in rows if row.sut == sut] for sut in names}
    assert model.suts() == [(sut, len(starts[sut]), min(starts[sut]), max(starts[sut])) for sut in names]
    assert model.sut_names() == sorted([*names, "lonely"])


def test_verdicts_are_stored_with_the_rules_that_made_them(model):
    """Of all sessions, also hidden ones; of a test that passed plainly nothing."""
    stored = model.stored_verdicts()
    assert stored.sessions.keys() == {row.stream for row in model.sessions(hidden=True)}
    for row in model.sessions(hidden=True):
        found = stored.sessions[row.stream]
        assert found.label == row.part.header["session_id"]
        assert found.what == {"passed": 2, "failed": 1, "flaky": 1, "session complete": 1}
        assert found.tests == {"t.py::bad": ("failed",), "t.py::flaky": ("rerun", "flaky")}


def test_verdicts_of_an_earlier_release_lack_the_classes_it_did_not_store(tmp_path):
    """A column that is missing from the table is read as empty, not as an error."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("one", 1, TESTS))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        model._db.execute("ALTER TABLE sessions DROP COLUMN flaky")
        [found] = read_stored_verdicts(model._db, "earlier", model.names()).sessions.values()
    assert found.tests == {"t.py::bad": ("failed",), "t.py::flaky": ("rerun",)}


def test_classes_of_tests_are_in_the_order_of_the_columns():
    """Numbers are those of the list of names."""
    column = lambda *numbers: b"".join(number.to_bytes(4, "little") for number in numbers)
    found = list_notable_tests(Notable(column(0, 2), column(2), column(1, 2)), ["a", "b", "c"])
    assert found == {"a": ("failed",), "b": ("flaky",), "c": ("failed", "rerun", "flaky")}


def test_the_roster_has_every_stream_event_and_tombstone(model):
    """What a writer needs to know before it adds a session."""
    roster = model.roster()
    rows = {row.stream: row for row in model.sessions(hidden=True)}
    sessions = {stream: label for stream, (label, _) in roster.streams.items() if label is not None}
    assert sessions == {stream: row.part.header["session_id"] for stream, row in rows.items()}
    assert all(roster.streams[stream][1] == row.started_us for stream, row in rows.items())
    assert sorted(kind for _, _, kind in roster.changes.values()) == ["cleared", "restored"]
    assert (roster.buried, roster.buried_lines) == ({"9" * 32}, {"7" * 32})


def test_counts_are_those_of_what_was_written(model):
    """Attempts, tests and damaged lines; sessions also count streams that are none, as the table has them."""
    counts = model.counts()
    sessions = len(SESSIONS) + 1
    assert counts["attempts"] == sessions * len(TESTS)
    assert counts["nodes"] == len({nodeid for nodeid, _ in TESTS}) == len(model.nodeids())
    assert counts["findings"] == len(model.findings()) == 1
    assert counts["sessions"] == len(model.roster().streams) >= sessions
    assert model.nodeids("py::f") == ["t.py::flaky"]
