"""Events to lines and back."""

import json
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog import events
from pytest_insight.eventlog.codec import (
    EventDecodeError,
    EventDecoder,
    encode_event,
    has_good_digest,
    line_digest,
    parse_envelope,
    session_events,
)
from pytest_insight.eventlog.events import SESSION_EVENTS, TestFinished, TestsAnnounced, UnknownEvent
from pytest_insight.eventlog.format import LINE_BYTES_MAX, SUFFIX_SIZE
from pytest_insight.eventlog.outcome import PRECEDENCE, attempt_outcome
from pytest_insight.eventlog.plain import plain
from pytest_insight.eventlog.times import format_time, from_datetime, parse_time, to_datetime

STREAM = "0f" * 16
AT = "2026-11-21T01:23:45.123456Z"
GOLDEN = Path(__file__).parent / "golden" / "v1.jsonl"

TEXT = st.text(st.characters(exclude_categories=()), max_size=30)  # surrogates included
BY_TYPE = {
    "str": TEXT,
    "int": st.integers(0, 2**40),
    "bool": st.booleans(),
    "list[str]": st.lists(TEXT, max_size=3),
    "dict[str, str]": st.dictionaries(TEXT, TEXT, max_size=3),
    "dict[str, int]": st.dictionaries(TEXT, st.integers(0, 10**9), max_size=3),
}


def event_of(cls):
    """Events of a type with random values in its plain fields."""
    fields = {}
    for field in msgspec.structs.fields(cls):
        name = getattr(field.type, "__name__", "") if not getattr(field.type, "__args__", None) else str(field.type)
        if field.name == "outcome":
            fields[field.name] = st.sampled_from(PRECEDENCE)
        elif name in BY_TYPE and field.name != "lossy":
            fields[field.name] = BY_TYPE[name]
    return st.builds(cls, **fields)


@given(st.one_of([event_of(cls) for cls in SESSION_EVENTS]), st.integers(0, 10**9))
def test_every_event_round_trips(event, seq):
    """What is decoded is what was encoded; a text that UTF-8 cannot carry comes back escaped, and flagged."""
    line = encode_event(event, stream=STREAM, seq=seq, at=AT)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert has_good_digest(line[:-1])
    envelope = parse_envelope(line[:-1])
    assert envelope == (1, type(event).__struct_config__.tag, STREAM, seq, AT)
    decoded = session_events.decode(line[:-1], envelope.type)
    try:
        msgspec.json.encode(event)
    except UnicodeEncodeError:
        assert getattr(decoded, "lossy", True)
    else:
        assert decoded == event


@given(st.one_of([event_of(cls) for cls in SESSION_EVENTS]))
def test_lines_are_what_the_format_page_says(event):
    """First keys, last key and digest, checked with json and hashlib alone."""
    line = encode_event(event, stream=STREAM, seq=3, at=AT)[:-1]
    data = json.loads(line)
    assert list(data)[:5] == ["v", "type", "stream", "seq", "at"]
    assert list(data)[-1] == "digest"
    assert data["digest"] == blake2b(line[:-SUFFIX_SIZE], digest_size=16).hexdigest() == line_digest(line)


@given(
    st.integers(0, 2_000_000),
    st.sampled_from(["capstdout", "longreprtext", "nodeid", "reason"]),
    st.sampled_from('a"\n\x00é\udc80'),
)
def test_no_line_is_longer_than_the_limit(size, field, char):
    """Whatever the length and the characters: the line fits, head and tail stay, and what was cut is on record."""
    values = {"nodeid": "t", "outcome": "failed"} | {field: "HEAD" + char * (size % 400_000) + "TAIL"}
    line = encode_event(TestFinished(**values), stream=STREAM, seq=0, at=AT)
    assert len(line) <= LINE_BYTES_MAX
    event = session_events.decode(line[:-1], "test.finished")
    text = getattr(event, field)
    assert text.startswith("HEAD")
    assert text.endswith("TAIL")
    if len(text) < size % 400_000:
        assert event.truncated[field].bytes > len(text.encode())


def test_a_giant_node_id_is_shortened_in_lists_too():
    """Even a node id that is longer than a line is recorded, shortened."""
    line = encode_event(TestsAnnounced(nodeids=["x" * 600_000]), stream=STREAM, seq=0, at=AT)
    assert len(line) <= LINE_BYTES_MAX


def test_golden_lines_are_read_for_ever():
    """Lines as the first version wrote them, one of every type, decode to their types."""
    kinds = []
    for line in GOLDEN.read_bytes().split(b"\n")[:-1]:
        assert has_good_digest(line)
        envelope = parse_envelope(line)
        event = session_events.decode(line, envelope.type)
        assert not isinstance(event, UnknownEvent)
        kinds.append(envelope.type)
        again = encode_event(event, stream=envelope.stream, seq=envelope.seq, at=envelope.at)
        assert again == line + b"\n", "a field changed its name, type, default or place"
    assert sorted(kinds) == sorted(cls.__struct_config__.tag for cls in SESSION_EVENTS)


def test_unknown_types_and_fields_are_carried():
    """A type or field of a later release is no error."""
    known = b'{"type":"test.started","nodeid":"a","new_field":[1]}'
    assert session_events.decode(known, "test.started") == events.TestStarted(nodeid="a")
    unknown = session_events.decode(b'{"type":"test.paused","by":"x"}', "test.paused")
    assert unknown == UnknownEvent(type="test.paused", fields={"type": "test.paused", "by": "x"})


def test_an_outcome_of_a_later_release_is_carried():
    """Its name stays as it is written; it is neither damage nor another outcome."""
    event = session_events.decode(b'{"type":"test.finished","nodeid":"a","outcome":"exploded"}', "test.finished")
    assert event == events.TestFinished(nodeid="a", outcome="exploded")


HOSTILE = {
    "deep nesting": b'{"type":"test.started","nodeid":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "wrong type": b'{"type":"test.started","nodeid":17}',
    "huge integer": b'{"type":"test.started","nodeid":"a","attempt":' + b"9" * 5000 + b"}",
    "not a number": b'{"type":"test.started","nodeid":"a","attempt":NaN}',
    "infinity": b'{"type":"test.finished","nodeid":"a","outcome":"passed","duration_us":1e999}',
    "invalid UTF-8": b'{"type":"test.started","nodeid":"\xff"}',
    "UTF-16": '{"type":"test.started","nodeid":"a"}'.encode("utf-16"),
    "lone surrogate": b'{"type":"test.started","nodeid":"\\udc80"}',
    "no field": b'{"type":"test.started"}',
    "not an object": b"[]",
    "deep unknown": b'{"type":"test.paused","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines_are_refused_with_a_reason(name):
    """Nothing but EventDecodeError comes out, whatever goes in."""
    kind = "test.paused" if "paused" in HOSTILE[name][:30].decode("latin-1") else "test.started"
    kind = "test.finished" if b"test.finished" in HOSTILE[name][:30] else kind
    with pytest.raises(EventDecodeError, match=r".+"):
        session_events.decode(HOSTILE[name], kind)


def test_a_decoder_knows_the_types_it_is_given():
    """Other rooms read their own events with the same decoder."""
    assert isinstance(
        EventDecoder((events.SessionCleared,)).decode(b'{"type":"test.started"}', "test.started"), UnknownEvent
    )


class Odd:
    """An object with a broken repr."""

    def __repr__(self):
        raise RuntimeError("no")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.builds(Odd)
    | st.builds(Path, st.just("a"))
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_plain_makes_anything_encodable(value):
    """Whatever a test records, JSON can carry what is made of it, and it comes back the same."""
    data, _ = plain(value)
    assert msgspec.json.decode(msgspec.json.encode(data)) == json.loads(json.dumps(data))


def test_plain_marks_what_json_lacks():
    """NaN, huge integers and objects do not pass for plain values."""
    assert plain(float("nan")) == ({"$float": "nan"}, False)
    assert plain(2**70) == ({"$int": hex(2**70)}, False)
    assert plain(Odd())[0]["$repr"].startswith("<unprintable")


@given(st.integers(0, 253_402_300_799_999_999))
def test_times_round_trip(time_us):
    """Microseconds to text and back, and the text sorts as the number does."""
    text = format_time(time_us)
    assert len(text) == 27
    assert parse_time(text) == time_us == from_datetime(to_datetime(time_us))


PHASES = {
    "setup": [None, "error", "skipped", "xfailed", "rerun"],
    "call": [None, "failed", "skipped", "xfailed", "xpassed", "rerun", "absent"],
    "teardown": [None, "error", "skipped", "rerun", "absent"],
}


def test_outcome_of_an_attempt_over_its_whole_domain():
    """Every combination of phases against a plain reading of the rule: the worst thing that happened names it."""
    rank = {
        name: place
        for place, name in enumerate(["rerun", "error", "failed", "xpassed", "passed", "xfailed", "skipped"])
    }
    for setup in PHASES["setup"]:
        for call in PHASES["call"]:
            for teardown in PHASES["teardown"]:
                for subtest_failed in (False, True):
                    given_phases = {"setup": setup, "call": call, "teardown": teardown}
                    present = {name: 1 for name, what in given_phases.items() if what != "absent"}
                    special = {name: what for name, what in given_phases.items() if what not in (None, "absent")}
                    seen = list(special.values()) + (["passed"] if call is None else []) + ["failed"] * subtest_failed
                    expected = min(seen, key=rank.__getitem__) if seen else None
                    assert attempt_outcome(present, special, subtest_failed=subtest_failed) == expected
