"""The history that is read from the tables equals that of the read model of the command line, in every method."""

import re
from array import array
from dataclasses import replace

import msgspec
import pytest
from collector_odd_histories import ODD, random_history, stream_of
from collectors import make_key
from histories import EIGHT
from pytest_insight.collector.access.keys import split_key
from pytest_insight.collector.access.teams import ensure_team
from pytest_insight.collector.feed.sequencer import give_positions
from pytest_insight.collector.history.cache import HistoryCache
from pytest_insight.collector.history.opening import open_history
from pytest_insight.collector.ingest.accepting import accept_lines
from pytest_insight.collector.ingest.parsing import parse_body
from pytest_insight.core.history.verdicts.reading import run_of_row
from pytest_insight.projections.parts import Rows
from pytest_insight.projections.readmodel import ReadModel

SEEDS = range(8)
PREFIXES = ["", "s", "s1", "S", "S1", "s%", "s_", "odd", "s1~", "last", "nothing", "\\"]
COMMITS = ["", "a", "aaaa", "AAAA", "bb", "%", "0"]


@pytest.fixture(scope="module", params=SEEDS)
def both(request, shared, tmp_path_factory):
    """The read model of a log, and the history of a team that has got the same lines in pieces."""
    engine, pieces = shared.context.engine, random_history(request.param)
    name = f"seed{request.param}"
    key = split_key(make_key(engine, team=name)).id
    with engine.begin() as connection:
        team = ensure_team(connection, name).id
    log = tmp_path_factory.mktemp(name) / "log.jsonl"
    log.write_bytes(b"".join(pieces))
    lines = b"".join(pieces).splitlines(keepends=True)
    size = 5 + request.param
    cache = HistoryCache()
    for start in range(0, len(lines), size * 3):  # tables are brought up to date in between
        for first in range(start, min(start + size * 3, len(lines)), size):
            accept_lines(engine, team, key, parse_body([b"".join(lines[first : first + size])]))
        give_positions(engine)
        with open_history(engine, team, cache):
            pass
    with ReadModel.open(log, None) as model, open_history(engine, team, cache) as (history, _):
        model.catch_up()
        yield model, history


def line_at(store, position):
    """Line of an event; "" for no position."""
    return store.lines_at([position])[0] if position >= 0 else ""


def facts_of(store, row):
    """All of a session, with node ids for numbers and lines for positions."""
    part, names = row.part, store.names()
    named = lambda column: [names[number] for number in array("I", column)]
    places = {
        "header_at": line_at(store, part.header_at),
        "others": {line_at(store, at): name for at, name in part.others.items()},
        **{name: store.lines_at(getattr(part, name)) for name in ("announced_at", "notes", "malformed")},
        "outputs": [(name, line_at(store, at)) for name, at in part.outputs],
        "announced": {worker: named(column) for worker, column in part.announced.items()},
    }
    state = msgspec.structs.asdict(part) | places
    notable = [sorted(named(column)) for column in row.notable]
    plain = replace(row, part=None, notable=None)
    assert all(array("I", column).tolist() == sorted(array("I", column)) for column in row.notable)
    return plain, state, notable, list(row.verdicts)


def rows_facts(store, rows):
    """The columns of a session."""
    names = store.names()
    lines = store.lines_at(list(array("q", rows.positions)))
    nodes = [names[number] for number in array("I", rows.nodes)]
    return nodes, lines, msgspec.structs.replace(rows, nodes=b"", positions=b"")


def answer_of(ask):
    """Answer, or the text of the error."""
    try:
        return ask()
    except LookupError as error:
        return f"{type(error).__name__}: {error}"


def verdicts_of(run):
    """Verdicts of the tests of a session, without places and orders."""
    return {nodeid: test._replace(position=0, order=0) for nodeid, test in run.tests.items()}


def test_every_method_has_the_answer_of_the_read_model(both):
    """Sessions, names, columns, texts, prefixes, commits, states: the same values and the same errors."""
    model, _ = both
    ask = lambda question: [answer_of(lambda store=store: question(store)) for store in both]
    shown = lambda rows: [(row.session_id, row.stream) for row in rows]
    for options in ({}, {"hidden": True}, {"limit": 2}, {"sut": "shop"}, {"sut": "sho", "hidden": True}, {"sut": ""}):
        first, second = ask(lambda store, options=options: shown(store.sessions(**options)))
        assert first == second, options
    rows = model.sessions(hidden=True)
    assert rows
    for since in {row.started_us + more for row in rows for more in (0, 1)}:
        first, second = ask(lambda store, since=since: shown(store.sessions(since_us=since)))
        assert first == second
    for question in (
        lambda store: store.suts(),
        lambda store: store.sut_names(),
        lambda store: store.nodeids(),
        lambda store: store.nodeids("test_3"),
        lambda store: sorted(filter(None, store.numbers())),
        lambda store: getattr(store.newest_session(), "stream", None),
        lambda store: store.visible_sessions_of(["0" * 32, "x"]),
        lambda store: shown(store.visible_sessions_of([row.stream for row in rows])),
        lambda store: store.session_of("0" * 32),
        lambda store: store.attempts("0" * 32),
        lambda store: store.columns("0" * 32),
    ):
        first, second = ask(question)
        assert first == second
    for prefix in [*PREFIXES, *(row.session_id for row in rows), *(row.stream[:6] for row in rows)]:
        first, second = ask(lambda store, prefix=prefix: store.find_session(prefix).stream)
        assert first == second, prefix
    for prefix in COMMITS:
        first, second = ask(lambda store, prefix=prefix: shown(store.sessions_of_commit(prefix)))
        assert first == second, prefix
    for nodeid in [*EIGHT, *ODD, "t.py::unknown", ""]:
        first, second = ask(lambda store, nodeid=nodeid: sorted(store.sessions_with(nodeid)))
        assert first == second, nodeid


def test_every_session_has_the_columns_of_the_read_model(both):
    """State, attempts, events and verdicts of each session, read one by one and each test by itself."""
    model, history = both
    for row in model.sessions(hidden=True):
        other = history.session_of(row.stream)
        assert facts_of(history, other) == facts_of(model, row)
        assert history.state_of(other) == model.state_of(row)
        assert rows_facts(history, history.columns(row.stream)) == rows_facts(model, model.columns(row.stream))
        plain = lambda found: [one._replace(position=0) for one in found]
        assert plain(history.attempts(row.stream)) == plain(model.attempts(row.stream))
        expected = [record.line for record in model.records_of(row)]
        found = list(history.records_of(other))
        assert [record.line for record in found] == expected
        middle = found[len(found) // 2]
        later = history.records_of(other, middle.position)
        assert [record.line for record in later] == expected[len(found) // 2 :]
        assert history.record_at(middle.position) == middle
        assert history.finished_at([]) == []
        whole, theirs = run_of_row(history, other), run_of_row(model, row)
        assert verdicts_of(whole) == verdicts_of(theirs)
        assert list(whole.tests) == list(theirs.tests)
        assert replace(whole, tests={}) == replace(theirs, tests={})
        for nodeid in theirs.tests:
            alone = verdicts_of(run_of_row(history, other, only=nodeid))
            assert alone == verdicts_of(run_of_row(model, row, only=nodeid)) == {nodeid: verdicts_of(theirs)[nodeid]}


def test_an_unknown_position_is_an_error(both):
    """There is no event behind the last one of a session, and none of a session that is not there."""
    _, history = both
    row = history.sessions(hidden=True)[0]
    last = max(record.position for record in history.records_of(row))
    for position in (last + 1, 1 << 50):
        with pytest.raises(
            LookupError, match=re.escape(f"the log of the team: no event starts at position {position}")
        ):
            history.lines_at([position])
    assert history.columns_of(row.stream, "unknown") == Rows()


def test_the_odd_histories_have_what_they_are_for():
    """Over all seeds there are hidden sessions, open tests, unknown outcomes, and missing lines."""
    logs = [b"".join(random_history(seed)) for seed in SEEDS]
    for word in (b"session.cleared", b"session.restored", b"flunked", b"KeyboardInterrupt", b"ImportError"):
        assert any(word in log for log in logs), word
    assert len({stream_of(piece) for seed in SEEDS for piece in random_history(seed)}) > 55
