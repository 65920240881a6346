"""Clearing, restoring and adding sessions of a log in memory: against a slow model of who is visible."""

from datetime import UTC, datetime, timedelta

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.core.exchange.hiding import clear, restore
from pytest_insight.core.exchange.importing import ImportReport, add_sessions, incoming_sessions
from pytest_insight.core.exchange.ingest import Decision, IngestResult, ingest
from pytest_insight.core.exchange.lookup import any_streams_of, candidates_of, hidden_sessions, streams_of
from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.core.exchange.transfer import merge_store
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.eventlog.merging.conflicts import Strategy

START = datetime(2026, 11, 2, tzinfo=UTC)
SKIP, REPLACE, KEEP = Strategy.SKIP_EXISTING, Strategy.REPLACE_EXISTING, Strategy.KEEP_BOTH


def make(name, minute=0, outcome="passed"):
    """Return a session of a name; another minute or outcome is other content."""
    start = START + timedelta(minutes=minute)
    results = [TestResult("t.py::a", outcome, start, duration=0.1)]
    return TestSession("shop", session_id=name, session_start_time=start, session_duration=1.0, test_results=results)


def store_of(*sessions, strategy=KEEP):
    """Return a store in memory with some sessions."""
    store = SessionStore(None)
    for session in sessions:
        list(ingest(store, incoming_sessions([session]), strategy, restore=True))
    return store


def shown(store):
    """Return the names of the visible sessions, the earliest first."""
    return [one.name for one in candidates_of(store)]


def streams_by_minute(store):
    """Return all streams, the earliest first, hidden ones included."""
    with store.model() as model:
        return [row.stream for row in reversed(model.sessions(hidden=True))]


# ------------------------------------------------------------------ adding


@pytest.mark.parametrize(
    ("strategy", "what", "minutes"),
    [(SKIP, ["skipped"], [0]), (REPLACE, ["updated"], [1]), (KEEP, ["added"], [0, 1])],
)
def test_a_second_session_of_a_name_is_treated_by_the_strategy(strategy, what, minutes):
    """Skipped, shown in the place of the other, or shown beside it; doing it again changes nothing."""
    store = store_of(make("s"))
    second = incoming_sessions([make("s", 1)])
    assert [one.decision.what for one in ingest(store, second, strategy, restore=True, dry_run=True)] == what
    assert len(shown(store)) == 1
    assert [one.decision.what for one in ingest(store, second, strategy, restore=True)] == what
    found = [one.started_us for one in candidates_of(store)]
    assert found == [int((START + timedelta(minutes=minute)).timestamp() * 1e6) for minute in minutes]
    assert [one.decision.what for one in ingest(store, second, strategy, restore=True)] == ["skipped"]
    assert [one.started_us for one in candidates_of(store)] == found


def test_sessions_of_one_batch_see_each_other():
    """Two of a name in one import: the second is decided with the first in the log, also in a dry run."""
    batch = incoming_sessions([make("s"), make("s", 1), make("t"), make("s")])
    for dry_run in (True, False):
        store = SessionStore(None)
        found = [one.decision for one in ingest(store, batch, KEEP, restore=True, dry_run=dry_run)]
        assert [one.what for one in found] == ["added", "added", "added", "skipped"]
        assert found[0].shown_as == "s"
        assert found[1].shown_as.startswith("s~")
        assert len(shown(store)) == (0 if dry_run else 3)


def test_a_saved_session_replaces_the_one_of_its_name():
    """The earlier one is in the log still, and hidden."""
    store = store_of(make("s"))
    add_sessions(store, incoming_sessions([make("s", 1)]))
    assert shown(store) == ["s"]
    assert [row.started_us for row in hidden_sessions(store)] == [int(START.timestamp() * 1e6)]


def test_counts_of_an_import_add_up():
    """All is imported, skipped or an error; imported is added or updated."""
    decisions = [Decision(what, "") for what in ("added", "added", "updated", "skipped")]
    report = ImportReport([IngestResult(incoming_sessions([make("s")])[0], one) for one in decisions], ["bad entry"])
    assert report.stats == {"total": 5, "imported": 3, "skipped": 1, "errors": 1, "added": 2, "updated": 1}
    assert report.stats.reasons == ["bad entry"]


# ------------------------------------------------------------------ clearing and restoring

steps = st.lists(st.tuples(st.sampled_from(["clear", "restore"]), st.sets(st.integers(0, 3), max_size=3)), max_size=5)


@settings(max_examples=examples(25))
@given(steps)
def test_clearing_and_restoring_is_what_was_done_last(done):
    """Four sessions of four names: each is visible unless it was cleared last; the counts are of those that changed."""
    store = store_of(*(make(f"s{number}", number) for number in range(4)))
    streams = streams_by_minute(store)
    visible = set(range(4))
    for what, chosen in done:
        act = clear if what == "clear" else restore
        changed = chosen & visible if what == "clear" else chosen - visible
        assert act(store, [streams[number] for number in chosen]) == len(changed)
        visible = visible - chosen if what == "clear" else visible | chosen
        assert shown(store) == [f"s{number}" for number in sorted(visible)]
    assert len(hidden_sessions(store)) == 4 - len(visible)
    assert clear(store, None) == len(visible)
    assert shown(store) == []
    assert clear(store, None) == 0


def test_what_a_cleared_session_hides_does_not_appear_in_its_place():
    """Two logs put together have two sessions of a name, of which the earlier is shown; clearing it clears both."""
    first, second = store_of(make("s")), store_of(make("s", 1))
    both = SessionStore(None)
    with both.target.locked() as append:
        for store in (first, second):
            for one in incoming_sessions([make("s", 0 if store is first else 1)]):
                append(b"".join(one.read()))
    assert [row.started_us for row in hidden_sessions(both)] == [int((START + timedelta(minutes=1)).timestamp() * 1e6)]
    assert clear(both, streams_of(both, ["s"])) == 1
    assert shown(both) == []
    assert restore(both, streams_by_minute(both)[1:]) == 1
    assert [one.started_us for one in candidates_of(both)] == [int((START + timedelta(minutes=1)).timestamp() * 1e6)]


def test_nothing_is_cleared_by_an_empty_choice_and_unknown_streams_are_no_error():
    """None means all, and an empty list means none."""
    store = store_of(make("s"))
    assert clear(store, []) == clear(store, ["f" * 32]) == restore(store, ["f" * 32]) == restore(store, []) == 0
    assert shown(store) == ["s"]


# ------------------------------------------------------------------ merging and finding


def test_a_merge_takes_what_was_cleared_along_and_brings_nothing_cleared_back():
    """Unlike an import, which restores; with a pattern only the sessions that fit are added, and no clearing."""
    source, target = store_of(make("s"), make("t", 1)), store_of(make("s"), make("t", 1), make("u", 2))
    clear(source, streams_of(source, ["s"]))
    clear(target, streams_of(target, ["t"]))
    part = merge_store(target, source, KEEP, pattern="t*")
    assert [one.decision.what for one in part.outcomes] == ["skipped"]
    assert shown(target) == ["s", "u"]
    merge_store(target, source, KEEP, dry_run=True)
    assert shown(target) == ["s", "u"]
    merge_store(target, source, KEEP)
    assert shown(target) == ["u"]
    list(ingest(target, incoming_sessions([make("t", 1)]), SKIP, restore=True))
    assert shown(target) == ["t", "u"]


def test_sessions_are_found_by_a_beginning_that_is_unique():
    """Hidden ones by `any_streams_of` only; an id that is written in full is meant although others begin so."""
    store = store_of(make("run"), make("run-2", 1), make("old", 2))
    streams = streams_by_minute(store)
    clear(store, [streams[2]])
    assert any_streams_of(store, ["run", "run-", "old", streams[1]]) == [streams[0], streams[1], streams[2], streams[1]]
    assert streams_of(store, ["run-2"]) == [streams[1]]
    for prefix, problem in (("ru", "2 sessions"), ("x", "no session")):
        with pytest.raises(LookupError, match=f"{problem} with an id or stream that begins with '{prefix}'"):
            any_streams_of(store, [prefix])
    with pytest.raises(LookupError, match="no session has an id that begins with 'ol'"):
        streams_of(store, ["ol"])
