"""Content that cannot be, in a line whose digest is right: one reason each, and nothing at the limits themselves."""

import json

import pytest
from histories import START, write_line
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import EventDecoder, line_hash
from pytest_insight.eventlog.events import TestStarted
from pytest_insight.eventlog.validity import (
    DEPTH_MAX,
    DURATION_US_MAX,
    INT_MAX,
    NO_HEAD,
    is_possible_start,
    line_fault,
    times_are_possible,
)

STREAM = "ab" * 16


def seal(body):
    """A line with a right digest around any bytes."""
    return b'%b,"digest":"%b"}' % (body, line_hash(body).hexdigest().encode())


def line_of(kind="test.finished", **fields):
    """A line of some fields, without its newline."""
    fields = {"nodeid": "t", "outcome": "passed"} | fields if kind == "test.finished" else fields
    return write_line(kind, STREAM, 0, START, **fields)[:-1]


def with_text(text, *, at="2026-11-21T01:23:45.123456Z", version=1):
    """A line of an unknown type with this JSON as the value of a field."""
    return seal(f'{{"v":{version},"type":"x.y","stream":"{STREAM}","seq":0,"at":"{at}","field":{text}'.encode())


def nested(depth):
    """Lists within each other; the line itself is one more level."""
    return "[" * (depth - 1) + "]" * (depth - 1)


GOOD = {
    "plain": line_of(),
    "deepest": with_text(nested(DEPTH_MAX)),
    "deepest of several": with_text(f"[{nested(DEPTH_MAX - 1)},{nested(5)}]"),
    "wide": with_text(json.dumps([[]] * (DEPTH_MAX * 2))),
    "brackets in a text": with_text(json.dumps("[{" * DEPTH_MAX + '\\"[[')),
    "largest number": with_text(str(INT_MAX)),
    "smallest number": with_text(str(-INT_MAX)),
    "largest float": with_text("1e308"),
    "longest duration": line_of(duration_us=DURATION_US_MAX),
    "longest phase": line_of(phases={"call": DURATION_US_MAX}),
    "start with an offset": line_of(started_at="2026-11-21T01:23:45+02:00"),
    "purged": line_of("events.purged", lines=[[STREAM, 0, "0" * 32]]),
    "newer format": with_text(nested(DEPTH_MAX * 2), version=2),
    "same key on two levels": with_text('{"a":{"a":1}}'),
}
BAD = {
    "no head": (seal(b'{"v":1,"type":"x.y"'), NO_HEAD),
    "upper case stream": (seal(b'{"v":1,"type":"x.y","stream":"%b","seq":0,"at":"x"' % (b"AB" * 16)), NO_HEAD),
    "no such day": (with_text("1", at="2026-02-30T01:23:45.123456Z"), "there is no time 2026-02-30"),
    "before 1970": (with_text("1", at="1969-12-31T23:59:59.999999Z"), "there is no time 1969"),
    "not UTF-8": (seal(line_of()[:-45] + b'","x":"\xff"'), "not UTF-8 at byte"),
    "too deep": (with_text(nested(DEPTH_MAX + 1)), f"more than {DEPTH_MAX} lists"),
    "too deep, one of several": (with_text(f"[{nested(DEPTH_MAX)},{nested(5)}]"), f"more than {DEPTH_MAX} lists"),
    "objects too deep": (with_text('{"a":' * DEPTH_MAX + "1" + "}" * DEPTH_MAX), f"more than {DEPTH_MAX} lists"),
    "key twice": (with_text('{"a":1,"b":2,"a":3}'), "the key 'a' twice"),
    "envelope key twice": (with_text('1,"seq":1'), "the key 'seq' twice"),
    "number too large": (with_text(str(INT_MAX + 1)), "has more than 64 bits"),
    "number of many digits": (with_text("9" * 5000), "out of range"),
    "infinite": (with_text("1e309"), "out of range"),
    "minus infinite": (with_text("-1e309"), "out of range"),
    "negative duration": (line_of(duration_us=-1), "duration_us -1 cannot be"),
    "endless duration": (line_of(duration_us=DURATION_US_MAX + 1), "cannot be"),
    "negative phase": (line_of(phases={"call": -1}), "the phase 'call' cannot take -1 us"),
    "attempt": (line_of(attempt=-1), "attempt -1 cannot be"),
    "start": (line_of(started_at="yesterday"), "there is no time yesterday"),
    "start without offset": (line_of(started_at="2026-11-21T01:23:45"), "there is no time 2026"),
    "wrong type": (line_of(nodeid=3), "Expected `str`"),
    "missing field": (line_of("test.started"), "missing required field"),
    "purged seq": (line_of("events.purged", lines=[[STREAM, -1, "0" * 32]]), "no digest"),
    "purged digest": (line_of("events.purged", lines=[[STREAM, 0, "X" * 32]]), "no digest"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_can_be_is_an_event(name):
    """At each limit, and where a rule of a bad line only seems to apply."""
    assert line_fault(GOOD[name]) == ""


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_named(name):
    """Each with its own reason."""
    line, reason = BAD[name]
    assert reason in line_fault(line)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "'a'", "undefined", "[1,]"])
def test_what_is_no_json_is_refused(word):
    """Readers in other languages would stop at it."""
    assert line_fault(with_text(word))


def test_a_decoder_of_other_types_judges_their_fields():
    """A log of another room has types of its own; ours are unknown to it, and carried."""
    other = EventDecoder((TestStarted,))
    assert line_fault(line_of("test.started", nodeid=3), other)
    assert line_fault(line_of(nodeid=3), other) == ""


def slow_depth(text):
    """The depth of a JSON text by walking its value."""
    deepest = lambda value: 1 + max(
        map(deepest, value.values() if isinstance(value, dict) else value), default=0
    ) if isinstance(value, (list, dict)) else 0  # fmt: skip
    return deepest(json.loads(text))


@given(
    st.integers(90, 110),
    st.integers(90, 110),
    st.lists(st.text('[]{}"\\a', max_size=3), max_size=3),
)
def test_the_depth_of_a_line_is_that_of_its_value(first, second, texts):
    """Brackets within texts, escaped quotes and lists next to each other do not count."""
    field = f"[{nested(first)},{nested(second)},{json.dumps(texts)}]"
    line = with_text(field)
    is_too_deep = slow_depth(line) > DEPTH_MAX
    assert ("lists and objects within each other" in line_fault(line)) is is_too_deep


@pytest.mark.parametrize(
    ("started_at", "possible"),
    [
        ("2026-11-21T01:23:45Z", True),
        ("2026-11-21T01:23:45.1+14:00", True),
        ("8999-12-31T23:59:59Z", True),
        ("9000-01-01T00:00:00Z", False),
        ("1969-12-31T23:59:59Z", False),
        ("1970-01-01T00:00:00Z", True),
        ("2026-11-21", False),
        ("", False),
    ],
)
def test_a_start_is_an_instant_of_our_years(started_at, possible):
    """In any notation with an offset, as documents of other tools have it."""
    assert is_possible_start(started_at) is possible


@given(
    st.lists(st.booleans(), max_size=5), st.sampled_from(["2026-11-31T00:00:00.000000Z", "0000-01-01T00:00:00.000000Z"])
)
def test_one_impossible_time_among_many_lines_is_seen(good, wrong):
    """The times of all lines are looked at together."""
    lines = [with_text("1") if is_good else with_text("1", at=wrong) for is_good in good]
    assert times_are_possible(lines) is all(good)
