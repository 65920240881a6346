"""Checking a log: order and completeness of each stream and its seal, against a dictionary of what was put there."""

import pytest
from histories import START, write_line, write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import EventDecoder
from pytest_insight.eventlog.events import TestFinished
from pytest_insight.eventlog.maintenance.purge import purge_log
from pytest_insight.eventlog.maintenance.verify import _SEQ_JUMP_MAX, _StreamState, unread_report, verify_log
from pytest_insight.eventlog.targets.memory_log import MemoryLog

DIGESTS = [bytes([number]) * 16 for number in (1, 2)]


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(DIGESTS)), max_size=20))
def test_the_place_of_each_event_is_judged_by_what_was_there(events):
    """The same event again is a duplicate, another one at its place a conflict; the first one stays."""
    state, known = _StreamState("ab" * 16), {}
    for seq, digest in events:
        expected = None if seq not in known else "duplicate" if known[seq] == digest else "conflict"
        assert state.put(seq, digest) == expected
        known.setdefault(seq, digest)
    length = max(known, default=-1) + 1
    assert (state.present, state.length) == (len(known), length)
    assert state.first_missing() == next((seq for seq in range(length) if seq not in known), length)


def test_a_number_far_beyond_the_others_costs_no_memory():
    """A damaged or hostile seq is a gap; the largest jump that is followed is one of our own streams."""
    state = _StreamState("ab" * 16)
    assert state.put(_SEQ_JUMP_MAX + 1, DIGESTS[0]) == "gap"
    assert state.length == 0
    assert state.put(1000, DIGESTS[0]) is None
    assert state.put(1000 + _SEQ_JUMP_MAX + 2, DIGESTS[0]) == "gap"


SESSION = write_session("s", 1, [("a::b", "passed"), ("a::c", "failed")])
LINES = SESSION.splitlines(keepends=True)


def verified(data, **options):
    """The report of a log with these bytes."""
    return verify_log(MemoryLog(data=bytearray(data)), **options)


def test_what_a_whole_session_is_reported_as():
    """Its events by type, its times and label, sealed."""
    report = verified(SESSION)
    (stream,) = report.streams.values()
    assert (stream.label, stream.sealed, stream.events) == ("s", True, len(LINES))
    assert stream.first_at <= stream.last_at
    assert report.types["test.finished"] == 2
    assert (report.bytes, report.events, report.live) == (len(SESSION), len(LINES), 0)
    assert (report.sealed, report.interrupted, report.findings) == (1, 0, [])


@pytest.mark.parametrize("number", range(len(LINES)))
def test_each_line_that_is_missing_is_missed(number):
    """The seal knows how many there were; without the seal only a gap within shows."""
    report = verified(b"".join(LINES[:number] + LINES[number + 1 :]))
    if number == len(LINES) - 1:
        assert (report.problems, report.sealed, report.interrupted) == ([], 0, 1)
    else:
        (finding,) = report.problems
        assert finding.reason == "gap"
        assert f"lacks 1 of {len(LINES)} events, the first is seq {number}" in finding.detail


@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_that_comes_twice_is_no_damage(number):
    """A collect that was interrupted leaves it so."""
    report = verified(SESSION + LINES[number])
    assert [finding.reason for finding in report.findings] == ["duplicate"]
    assert report.problems == []


def test_another_event_in_the_place_of_one_is_a_conflict_and_breaks_the_seal():
    """If it comes first; behind the real one it is a conflict alone."""
    stream = LINES[0].split(b"stream")[1][3:35].decode()
    other = write_line("test.finished", stream, 2, START, nodeid="x", outcome="passed")
    assert [finding.reason for finding in verified(SESSION + other).problems] == ["conflict"]
    forged = b"".join([*LINES[:2], other, *LINES[3:]])
    assert [finding.reason for finding in verified(forged).problems] == ["seal"]


@pytest.mark.parametrize(("field", "value"), [("count", 99), ("root", "0" * 32)])
def test_a_seal_that_does_not_agree_is_found(field, value):
    """A count beyond the events is a gap, another root a wrong seal."""
    stream = LINES[0].split(b"stream")[1][3:35].decode()
    fields = {"exit_status": 0, "count": len(LINES) - 1, "root": "0" * 32} | {field: value}
    forged = b"".join(LINES[:-1]) + write_line("session.finished", stream, len(LINES) - 1, START, **fields)
    assert [finding.reason for finding in verified(forged).problems] == ["gap" if field == "count" else "seal"]


def test_a_purged_log_is_checked_by_what_was_there_before(tmp_path):
    """The tombstone has the digests of the replaced lines, also when a text was purged twice."""
    import re

    log = tmp_path / "log.jsonl"
    log.write_bytes(SESSION)
    for text in ("a::b", "RuntimeError", "db"):
        assert purge_log(log, text=re.compile(text)).found
        assert verify_log(log).problems == []
    log.write_bytes(log.read_bytes().replace(b"down", b"up!!"))
    assert {finding.reason for finding in verify_log(log).problems} == {"damaged", "gap"}


def test_fields_are_checked_by_the_types_that_are_given():
    """A log of another room has its own; a type that is not known has no fields to check."""
    wrong = write_line("test.started", "ab" * 16, 0, START, nodeid=7)
    assert [finding.reason for finding in verified(wrong).problems] == ["malformed"]
    assert verified(LINES[0], decoder=EventDecoder((TestFinished,))).problems == []


def test_a_log_that_cannot_be_read_is_one_problem():
    """With the reason; so that a check of many logs names them all."""
    report = unread_report("a.zip", "is not a zip archive")
    assert [str(finding) for finding in report.problems] == [
        "a.zip: byte 0, 0 bytes: damaged: the digest does not match the bytes (cannot be read: is not a zip archive)"
    ]
