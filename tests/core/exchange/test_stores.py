"""Stores in memory: adding, clearing, restoring and merging sessions, against a set of names and laws of repetition."""

from contextlib import contextmanager
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.exchange.event_logs import EventLogFormat, contents_of, read_log
from pytest_insight.core.exchange.hiding import clear, restore
from pytest_insight.core.exchange.incoming import nodeids_of
from pytest_insight.core.exchange.ingest import ingest
from pytest_insight.core.exchange.lookup import candidates_of, full_sut_name, hidden_sessions, streams_of
from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.core.exchange.transfer import merge_store
from pytest_insight.core.history.selection import Selection
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.eventlog.merging.staging import staging
from pytest_insight.eventlog.targets.memory_log import MemoryLog
from small_runs import scarce, scripted

KEEP, REPLACE, SKIP = Strategy.KEEP_BOTH, Strategy.REPLACE_EXISTING, Strategy.SKIP_EXISTING
SESSIONS = {name: scripted(name, at, "PF"[: at + 1]) for at, name in enumerate("abcd")}


@contextmanager
def log_of(*lines: bytes):
    """What an import sees of a log of these sessions."""
    with staging() as stage:
        yield read_log("other.jsonl", [MemoryLog(data=bytearray(b"".join(lines)))], stage)


def add(store: SessionStore, *lines: bytes, strategy=SKIP, **more) -> list[tuple[str, str]]:
    """Add sessions; what became of each."""
    with log_of(*lines) as contents:
        added = list(ingest(store, contents.sessions, strategy, **{"restore": True} | more))
    return [(one.incoming.label, one.decision.what) for one in added]


def store_of(*lines: bytes) -> SessionStore:
    """A store in memory with these sessions."""
    store = SessionStore(None)
    add(store, *lines)
    return store


def shown(store: SessionStore) -> list[str]:
    """Names of what is visible, the earliest first."""
    return [session.session_id for session in store.sessions()]


def streams(store: SessionStore) -> dict[str, str]:
    """Streams by name, hidden ones too."""
    with store.model() as model:
        return {row.session_id: row.stream for row in model.sessions(hidden=True)}


def line_count(store: SessionStore) -> int:
    """Lines of the log."""
    return bytes(store.target.source.data).count(b"\n")


# ------------------------------------------------------------------ adding


@scarce
@given(st.lists(st.sampled_from(sorted(SESSIONS)), max_size=6), st.sampled_from([KEEP, REPLACE, SKIP]))
def test_a_session_is_added_once_however_often_it_comes(names, strategy):
    """The same session is no conflict: whatever the strategy is, and in whatever order sessions come."""
    store = SessionStore(None)
    for at, name in enumerate(names):
        expected = "skipped" if name in names[:at] else "added"
        assert add(store, SESSIONS[name], strategy=strategy) == [(name, expected)]
    assert shown(store) == sorted(set(names))
    lines = line_count(store)
    assert {what for _, what in add(store, *SESSIONS.values(), strategy=strategy, dry_run=True)} <= {"added", "skipped"}
    assert line_count(store) == lines, "a dry run writes nothing"


OTHER = scripted("other", 5, "PPP", session_id="a")
"""Another session with the name of the first."""


@pytest.mark.parametrize(
    ("strategy", "what", "results"),
    [(SKIP, "skipped", [["P"]]), (REPLACE, "updated", [["P", "P", "P"]]), (KEEP, "added", [["P"], ["P", "P", "P"]])],
)
def test_another_session_of_the_same_name_goes_by_the_strategy(strategy, what, results):
    """Left out, in its place, or kept next to it under a name with digits; doing it again changes nothing."""
    store = store_of(SESSIONS["a"])
    assert add(store, OTHER, strategy=strategy) == [("a", what)]
    lines = line_count(store)
    assert add(store, OTHER) + add(store, SESSIONS["a"]) == [("a", "skipped")] * 2
    assert line_count(store) == lines
    found = [["P" for _ in session.test_results] for session in store.sessions()]
    assert sorted(found) == results
    assert len(set(shown(store))) == len(results)
    assert all(name.startswith("a") for name in shown(store))


def test_a_session_of_which_a_part_was_copied_is_completed():
    """Only the lines that are missing are added, wherever they are; then it is the session itself."""
    whole = SESSIONS["b"].splitlines(keepends=True)
    store = store_of(b"".join(whole[:2]))
    assert add(store, SESSIONS["b"]) == [("b", "updated")]
    assert sorted(bytes(store.target.source.data).splitlines(keepends=True)) == sorted(whole)
    assert [str(one.outcome) for one in store.session_named("b").test_results] == ["passed", "failed"]
    assert add(store, SESSIONS["b"]) == [("b", "skipped")]


def test_lines_that_are_in_a_log_twice_are_one_session():
    """Events are counted by their number; damaged lines are errors that name the log."""
    lines = SESSIONS["b"].splitlines(keepends=True)
    with log_of(SESSIONS["b"], *lines[2:4], SESSIONS["a"], b"rubbish\n") as contents:
        found = {one.label: one for one in contents.sessions}
        assert (found["b"].events, found["b"].last_seq, found["b"].sut) == (len(lines), len(lines) - 1, "shop")
        assert b"".join(found["b"].read()) == SESSIONS["b"]
        assert nodeids_of(found["b"]) == {"t.py::0", "t.py::1"}
        assert found["b"].origin == "other.jsonl"
        assert len(contents.errors) == 1
        assert contents.errors[0].startswith("other.jsonl")


@pytest.mark.parametrize(
    ("name", "head", "is_log"),
    [
        ("x.jsonl", SESSIONS["a"][:100], True),
        ("x", b"rubbish\n" + SESSIONS["a"][:100], True),
        ("x.json", b"[1]", False),
        ("x", b"", True),
        ("x.json", b"", False),
        ("x.json.gz", b"", False),
    ],
)
def test_a_log_is_recognized_by_a_line_that_begins_as_an_event(name, head, is_log):
    """An empty file is a log unless its name says that it is a document."""
    assert EventLogFormat().recognizes(name, head) == is_log


# ------------------------------------------------------------------ clearing


def test_what_is_cleared_is_hidden_and_comes_back():
    """The lines stay; the counts are of what changed, so that doing it again counts nothing."""
    store = store_of(*SESSIONS.values())
    known = streams(store)
    assert clear(store, [known["b"], known["c"], "unknown"]) == 2
    assert (shown(store), [row.session_id for row in hidden_sessions(store)]) == (["a", "d"], ["c", "b"])
    assert clear(store, [known["b"]]) == clear(store, []) == 0
    assert restore(store, [known["b"], known["a"], "unknown"]) == 1
    assert shown(store) == ["a", "b", "d"]
    assert clear(store, None) == 3
    assert restore(store, known.values()) == 4
    assert shown(store) == sorted(SESSIONS)


@pytest.mark.parametrize(("is_restored", "what", "names"), [(True, "added", ["a"]), (False, "skipped", [])])
def test_a_cleared_session_comes_back_by_an_import_and_not_by_a_merge(is_restored, what, names):
    """What the user asks for explicitly is done; what another log has is not."""
    store = store_of(SESSIONS["a"])
    clear(store, None)
    assert add(store, SESSIONS["a"], restore=is_restored) == [("a", what)]
    assert shown(store) == names


# ------------------------------------------------------------------ merging

parts = st.lists(st.sets(st.sampled_from(sorted(SESSIONS))), min_size=1, max_size=3)


@scarce
@given(parts, st.sets(st.sampled_from(sorted(SESSIONS))))
def test_merging_is_the_union_less_what_was_cleared(these, cleared):
    """In any order of the stores; what is cleared in one of them is cleared in the result."""
    stores = [store_of(*(SESSIONS[name] for name in sorted(names))) for names in these]
    known = {name: stream for store in stores for name, stream in streams(store).items()}
    clear(stores[0], [known[name] for name in cleared & these[0]])
    expected = sorted(set().union(*these) - (cleared & these[0]))
    for order in list(permutations(stores))[:3]:
        target = SessionStore(None)
        for store in (*order, *order[:1]):
            assert merge_store(target, store, KEEP).errors == []
        assert shown(target) == expected
        lines = line_count(target)
        assert all(merge_store(target, store, KEEP).stats["imported"] == 0 for store in order)
        assert line_count(target) == lines, "merging again changes nothing"


@pytest.mark.parametrize(
    ("pattern", "names"), [("b", ["b"]), ("[ab]", ["a", "b"]), ("t.py::1", ["b", "c", "d"]), ("x", [])]
)
def test_a_pattern_merges_what_fits_and_no_statements(pattern, names):
    """By the name of the session or one of its tests; what the source cleared stays in the target."""
    store = store_of(*SESSIONS.values())
    target = SessionStore(None)
    assert merge_store(target, store, SKIP, pattern=pattern, dry_run=True).stats["added"] == len(names)
    assert shown(target) == []
    merge_store(target, store, SKIP, pattern=pattern)
    assert shown(target) == [name for name in names if name in "ab" or pattern == "t.py::1"]
    clear(store, None)
    merge_store(target, store, SKIP, pattern="*")
    assert shown(target) == names


# ------------------------------------------------------------------ finding


def test_sessions_of_a_store_can_be_selected():
    """The earliest first, with their tests read when a pattern asks for them."""
    store = store_of(*SESSIONS.values())
    found = candidates_of(store)
    assert [one.name for one in found] == sorted(SESSIONS)
    assert [one.name for one in Selection(pattern="t.py::1").pick(found)] == ["b", "c", "d"]
    assert {one.name: one.stream for one in found} == streams(store)
    assert streams_of(store, ["a", "last"]) == [streams(store)["a"], streams(store)["d"]]
    assert full_sut_name(store, "sh") == "shop"


def test_a_store_knows_its_last_session_and_each_by_name():
    """None of an empty one; a name is whole."""
    store = store_of(*SESSIONS.values())
    assert store.last_session().session_id == "d"
    assert store.session_named("a").session_id == "a"
    assert store.session_named("none") is None
    assert SessionStore(None).last_session() is None
    assert [one.session_id for one in store.sessions(since_us=candidates_of(store)[2].started_us)] == ["c", "d"]
    assert store.sessions(sut="pay") == []


def test_the_contents_of_a_store_are_its_lines():
    """Sessions with their lines in order, and what was said about them apart."""
    store = store_of(*SESSIONS.values())
    clear(store, [streams(store)["b"]])
    with staging() as stage:
        contents = contents_of(store, stage)
        assert {one.label: b"".join(one.read()) for one in contents.sessions} == {n: SESSIONS[n] for n in "acd"}
        assert [b"session.cleared" in lines for lines in contents.statements] == [True]
