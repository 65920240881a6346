"""Collection turned into events: announced tests in parts, and what could not be collected."""

import itertools
from types import SimpleNamespace

import msgspec
import pytest
from builders import make_recording, make_report
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.events import CollectionFailed, CollectionSkipped, TestsAnnounced
from pytest_insight.plugin import collection
from pytest_insight.plugin.collection import CollectionHooks, split_by_size

NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters='"\\', min_codepoint=32), max_size=8))


@given(NAMES, st.integers(1, 60))
def test_parts_are_the_list_and_each_fits(nodeids, limit):
    """In their order; a part exceeds the limit only if one name alone does."""
    parts = list(split_by_size(nodeids, limit))
    assert [nodeid for part in parts for nodeid in part] == nodeids
    for part in parts:
        size = len(msgspec.json.encode(part)) - 2
        assert part
        assert size <= limit or len(part) == 1


@given(st.lists(st.text("abc", max_size=5)), st.integers(3, 40))
def test_a_part_ends_only_where_the_next_name_does_not_fit(nodeids, limit):
    """No event is written without need."""
    parts = list(split_by_size(nodeids, limit))
    for part, following in itertools.pairwise(parts):
        assert sum(len(nodeid) + 3 for nodeid in (*part, following[0])) > limit


@pytest.fixture
def hooks():
    """Hooks of a session; `collected` keeps the items."""
    collected = []
    hooks = CollectionHooks(make_recording(output_limit=500), collected.extend)
    hooks.collected = collected
    return hooks


def events_of(hooks, cls):
    """The events of a type."""
    return [event for event in hooks.recording.writer.events if isinstance(event, cls)]


@pytest.mark.parametrize("xdist", [False, True])
def test_the_tests_of_a_session_are_announced_by_the_process_that_runs_them(hooks, xdist):
    """With xdist the controller has no tests of its own; its workers announce them."""
    hooks.recording.xdist.active = xdist
    items = [SimpleNamespace(nodeid=name) for name in ("a", "b")]
    hooks.pytest_deselected(iter(["c", "d"]))
    hooks.pytest_deselected(["e"])
    hooks.pytest_collection_finish(SimpleNamespace(items=items))
    assert hooks.collected == items
    expected = [] if xdist else [TestsAnnounced(nodeids=["a", "b"], deselected=3)]
    assert events_of(hooks, TestsAnnounced) == expected


def test_the_number_of_deselected_tests_is_in_the_last_part(hooks, monkeypatch):
    """It is counted once, however many events the names need; an empty list is one event."""
    monkeypatch.setattr(collection, "_ANNOUNCED_BYTES", 10)
    hooks.pytest_deselected("xy")
    hooks.announce(["aaaaa", "bbbbb", "c"], "gw1")
    hooks.announce([], "gw2")
    found = [(event.nodeids, event.deselected, event.worker) for event in events_of(hooks, TestsAnnounced)]
    assert found == [(["aaaaa"], 0, "gw1"), (["bbbbb"], 0, "gw1"), (["c"], 2, "gw1"), ([], 2, "gw2")]


def test_a_file_that_cannot_be_collected_is_an_error_with_its_text(hooks):
    """Redacted, and cut to the limit of output."""
    text = "password = Canary1xyz\n" + "x" * 600 + "\nlast \ud800"
    hooks.pytest_collectreport(make_report(outcome="failed", nodeid="test_a.py", longrepr=text, longreprtext=text))
    (event,) = events_of(hooks, CollectionFailed)
    assert event.nodeid == "test_a.py"
    assert event.longreprtext.startswith("password = [redacted]\n")
    assert event.longreprtext.endswith("last \\ud800")
    assert set(event.truncated) == {"longreprtext"}
    assert event.lossy
    assert hooks.recording.tally.counts() == {"error": 1}


def test_a_file_that_skips_itself_is_skipped_with_its_reason(hooks):
    """As pytest counts it; a collector that passed is no event."""
    hooks.pytest_collectreport(make_report(outcome="passed", nodeid="test_b.py"))
    longrepr = ("test_a.py", 1, "Skipped: token=Canary1xyz")
    hooks.pytest_collectreport(make_report(outcome="skipped", nodeid="test_a.py", longrepr=longrepr))
    assert hooks.recording.writer.events == [CollectionSkipped(nodeid="test_a.py", reason="token=[redacted]")]
    assert hooks.recording.tally.counts() == {"skipped": 1}


@pytest.mark.parametrize(("xdist", "expected"), [(True, 3), (False, 4)])
def test_the_error_of_several_workers_is_one_for_each_distinct_text(hooks, xdist, expected):
    """xdist shows and counts each distinct text; without xdist pytest counts every report."""
    hooks.recording.xdist.active = xdist
    for nodeid, text in (("a.py", "one"), ("a.py", "one"), ("a.py", "two"), ("b.py", "one")):
        hooks.pytest_collectreport(make_report(outcome="failed", nodeid=nodeid, longrepr=text, longreprtext=text))
    assert len(events_of(hooks, CollectionFailed)) == expected
    assert hooks.recording.tally.counts() == {"error": expected}
