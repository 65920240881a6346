"""What is taken for plain at a glance is what the exact rules take, for single lines and for many at once."""

import json
import random
import re

import pytest
from pytest_insight.eventlog import scan, validity
from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import (
    SessionFinished,
    SessionStarted,
    SubtestFinished,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    Vcs,
    WarningRecorded,
)
from pytest_insight.eventlog.lines.heads import has_possible_times, runs_of
from pytest_insight.eventlog.lines.plainlines import is_plain
from pytest_insight.eventlog.scan import Scanner

STREAM, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
AT = "2026-11-21T01:59:59.123456Z"
NAME = "tests/test_a.py::test_b[x-1]"
EVENTS = [
    SessionStarted(
        session_id="s",
        sut="shop",
        testing_system={"name": "n", "a": ""},
        args=["-x", "tests"],
        rootdir="/r",
        vcs=Vcs(commit="ab", branch="main", dirty=True),
        tags={"a": "b"},
        workers=4,
        writer={"pid": "1"},
    ),
    TestsAnnounced(nodeids=[NAME, "b", ""], deselected=2),
    TestsAnnounced(nodeids=["a"], worker="gw0"),
    TestStarted(nodeid=NAME, attempt=2, worker="gw1"),
    TestFinished(nodeid=NAME, outcome="passed", started_at=AT, duration_us=9, phases={"setup": 1, "call": 8}, lineno=3),
    TestFinished(nodeid=NAME, outcome="failed", attempt=2, worker="gw0", phases={"setup": 1}, file="a.py"),
    WarningRecorded(category="UserWarning", message="m", nodeid=NAME, filename="a.py", lineno=1, when="runtest"),
    SessionFinished(exit_status=1, duration_us=5, count=7, root="ab" * 16),
]
PIECES = [
    b'"',
    b"\\",
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"]",
    b"0",
    b"-1",
    b"1e9",
    b"99999999999999999999",
    b"\xff",
    b"\xc3\xa9",
]
PIECES += [
    b"null",
    b'","',
    b'"x":1,',
    b'"seq":1,',
    b'"nodeid":"a",',
    b'"at":"2026-02-30T00:00:00.000000Z",',
    b"6",
    b"9",
    b"\x01",
]


def line_of(event, seq=0, at=AT, stream=STREAM) -> bytes:
    """The line of an event, without its newline."""
    return encode_event(event, stream=stream, seq=seq, at=at)[:-1]


def sealed(line: bytes) -> bytes:
    """The same line with the digest that its bytes have."""
    return line[:-45] + b',"digest":"' + line_hash(line[:-45]).hexdigest().encode() + b'"}'


def changed(line: bytes, rng: random.Random) -> bytes:
    """A line with a piece put in, taken out or replaced, and a right digest."""
    at = rng.randrange(8, len(line) - 45)
    return sealed(line[:at] + rng.choice([b"", *PIECES]) + line[at + rng.choice((0, 0, 1, 1, 2, 7)) :])


def exact_fault(line: bytes, monkeypatch) -> str:
    """What the exact rules say, without the look for plain lines."""
    with monkeypatch.context() as patch:
        patch.setattr(validity, "is_plain", lambda _: False)
        return validity.line_fault(line)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_lines_of_our_writer_are_plain(event):
    """Otherwise nothing is won."""
    assert is_plain(line_of(event))


def test_what_is_plain_has_no_fault(monkeypatch):
    """Lines with something put in, taken out or replaced; the exact rules find no fault in what is plain."""
    rng = random.Random(1)
    lines = [changed(line_of(event), rng) for _ in range(1500) for event in EVENTS]
    plain = [line for line in lines if is_plain(line)]
    assert [line for line in plain if exact_fault(line, monkeypatch)] == []
    assert 100 < len(plain) < len(lines)
    assert any(exact_fault(line, monkeypatch) for line in lines)


@pytest.mark.parametrize("field", ["count", "duration_us", "root", "seq", "at"])
def test_a_key_that_comes_twice_is_not_plain(field):
    """Readers of JSON disagree on those."""
    line = line_of(EVENTS[-1])
    twice = re.sub(rb'("%b":[^,]*,)' % field.encode(), rb"\1\1", line)
    assert twice != line
    assert not is_plain(sealed(twice))


@pytest.mark.parametrize(
    "twice",
    [
        b'"tags":{"a":"b","a":"b"}',
        b'"args":["-x",7]',
        b'"writer":{"pid":1}',
        b'"vcs":{"commit":"a","commit":"a"}',
        b'"v":2',
    ],
)
def test_a_header_with_a_key_twice_or_another_value_is_not_plain(twice):
    """Maps of a header are looked at key by key."""
    name = twice[: twice.index(b":") + 1]
    line = re.sub(re.escape(name) + rb'(\{[^}]*\}|\[[^]]*\]|"[^"]*"|\d+)', twice, line_of(EVENTS[0]))
    assert twice in line
    assert not is_plain(sealed(line))


def session(stream=STREAM, at=AT, tests=4, first=0) -> list[bytes]:
    """Lines of a session."""
    events = [EVENTS[0], *[event for _ in range(tests) for event in EVENTS[3:7]], EVENTS[-1]]
    return [line_of(event, first + seq, at, stream) for seq, event in enumerate(events)]


def malformed_by_line(lines: list[bytes]) -> list[bytes]:
    """Lines that are malformed when each is looked at for itself, by the rules for reading many."""
    apart = [line for line in lines if validity.extraordinary([line])]
    fault = {line for line in apart if validity.line_fault(line)}
    return [line for line in lines if line in fault or not validity.times_are_possible([line])]


def malformed_by_scanner(lines: list[bytes]) -> list[bytes]:
    """Lines that a scanner finds malformed."""
    data = b"".join(line + b"\n" for line in lines)
    batch = Scanner("log").feed(data)
    assert [finding.reason for finding in batch.findings] == ["malformed"] * len(batch.findings)
    return [data[finding.offset : finding.offset + finding.length] for finding in batch.findings]


def test_many_lines_at_once_are_judged_as_each_for_itself():
    """Sessions of which one line is changed somewhere, with a right digest."""
    rng = random.Random(2)
    found = 0
    for _ in range(400):
        lines = [*session(), *session(OTHER, tests=2)]
        place = rng.randrange(len(lines))
        lines[place] = changed(lines[place], rng)
        if b"\n" in lines[place] or not scan.is_whole(lines[place]):
            continue
        expected = malformed_by_line(lines)
        assert malformed_by_scanner(lines) == expected, lines[place]
        found += bool(expected)
    assert found > 50


@pytest.mark.parametrize(
    "at",
    [
        "2026-02-29T00:00:00.000000Z",
        "2026-13-01T00:00:00.000000Z",
        "2026-11-31T00:00:00.000000Z",
        "2026-11-21T24:00:00.000001Z",
        "2026-11-21T24:30:00.000000Z",
        "2026-11-21T01:60:00.000000Z",
        "2026-11-21T01:00:60.000000Z",
        "1969-12-31T23:59:59.999999Z",
        "9000-01-01T00:00:00.000000Z",
        "2026-11-21 01:00:00.000000Z",
        "2026-11-21T01:00:00.00000Z",
        "2026-11-21T01:00:00.000000",
        "2026-11-21T01:00:00.00000aZ",
    ],
)
@pytest.mark.parametrize("place", [1, 2, 14, 18])
def test_a_time_that_cannot_be_is_found_in_any_line(at, place):
    """Of a start, a finish, another and the last test, in the midst of lines with possible times."""
    lines = session(tests=5)
    lines[place] = sealed(lines[place].replace(AT.encode(), at.encode(), 1))
    assert malformed_by_scanner(lines) == [lines[place]]


def test_possible_times_of_any_day_are_possible():
    """Also the last second of a leap day, and sessions that go on over midnight."""
    for at in ("2024-02-29T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z", "8999-12-31T23:59:59.999999Z"):
        lines = [*session(at=at), *session(OTHER)]
        assert all(run.stream and has_possible_times(run) for run in runs_of(lines))
        assert malformed_by_scanner(lines) == []
    over = [*session(), *session(at="2026-11-22T00:00:01.000000Z", first=18)[1:]]
    [run] = runs_of(over)
    assert has_possible_times(run)


def test_a_stream_that_is_no_number_in_hex_is_malformed():
    """Its line would belong to no session that can be named."""
    lines = [sealed(line.replace(STREAM.encode(), b"z" * 32)) for line in session(tests=1)]
    assert malformed_by_scanner(lines) == lines


@pytest.mark.parametrize("first", [0, 5, 95, 99_990, 999_995, 12_345_678])
def test_numbers_of_any_length_are_read(first):
    """`seq` grows a digit within the session; more digits than the quick look knows are read line by line."""
    lines = session(first=first)
    assert malformed_by_scanner(lines) == []
    [run] = runs_of(lines)
    assert run.stream
    assert has_possible_times(run) == (first < 999_000)


def test_runs_hold_each_line_once_and_in_its_place():
    """Sessions behind each other, mixed with lines that are not plain: nothing is lost or in two lists."""
    mixed = [line_of(EVENTS[4], 1), line_of(EVENTS[4], 2, stream=OTHER), line_of(EVENTS[3], 3)]
    subtest = line_of(SubtestFinished(nodeid="a", outcome="passed", ordinal=1), 30)
    lines = [*mixed, *session(), *session(OTHER), subtest]
    runs = list(runs_of(lines))
    assert [line for run in runs for line in run.lines] == lines
    assert [run.start for run in runs] == [0, 3, 3 + len(session())]
    assert [run.stream for run in runs[:2]] == [b"", STREAM.encode()]
    for run in runs[1:2]:
        places = range(run.start, run.start + len(run.lines))
        kinds = [json.loads(line)["type"] for line in run.lines]
        assert [lines[at] for at in run.finished_of(places)] == list(run.finished)
        assert [lines[at] for at in run.others_of(places)] == list(run.others)
        assert [kinds.count("test.finished"), kinds.count("test.started")] == [len(run.finished), len(run.starts)]
        assert len(run.others) == len(run.lines) - len(run.finished) - len(run.starts)
