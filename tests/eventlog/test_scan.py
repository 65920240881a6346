"""Bytes to lines and findings: the reason of each kind of damage, whatever the chunks in which it is read."""

import pytest
from histories import START, write_line
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog import scan
from pytest_insight.eventlog.codec import line_hash
from pytest_insight.eventlog.format import LINE_BYTES_MAX
from pytest_insight.eventlog.scan import PROBLEM, Finding, Reason, Scanner, first_event, is_newer_event, is_whole

STREAM = "ab" * 16


def line(seq=0, **fields):
    """A whole line with its newline."""
    return write_line("test.started", STREAM, seq, START, **({"nodeid": "t"} | fields))


def newer(version=2):
    """A whole line of a later format."""
    body = line().rstrip()[:-45].replace(b'{"v":1,', b'{"v":%d,' % version, 1)
    return b'%b,"digest":"%b"}' % (body, line_hash(body).hexdigest().encode())


def reasons(data, chunk=1 << 20, **options):
    """The findings of a log, each as reason and detail, and what is left at its end."""
    scanner = Scanner("log", **options)
    found, lines = [], []
    for start in range(0, len(data), chunk):
        batch = scanner.feed(data[start : start + chunk])
        found += batch.findings
        lines += batch.lines
    rest = scanner.finish()
    return [(finding.reason, finding.detail) for finding in [*found, *([rest] if rest else [])]], lines


WHOLE = line()[:-1]
DAMAGE = {
    "torn": (WHOLE[:60] + b"\n", ("torn", "")),
    "torn in its first bytes": (b'{"v"\n', ("torn", "")),
    "torn before another": (WHOLE[:60] + WHOLE + b"\n", ("torn", "another line follows on it")),
    "one bit": (WHOLE.replace(b'"t"', b'"u"') + b"\n", ("damaged", "")),
    "zeros": (b"\0" * 40 + b"\n", ("damaged", "zeros")),
    "foreign": (b"hello\n", ("damaged", "not a line of an event log")),
    "blank": (b"\n", ("blank", "")),
    "blanks": (b" \t\r\n", ("blank", "")),
    "newer": (newer() + b"\n", ("newer-format", "log format 2")),
    "newer, torn": (newer(9)[:50] + b"\n", ("newer-format", "log format 9")),
    "not an event": (line(nodeid=7), ("malformed", "Expected `str`, got `int` - at `$.nodeid`")),
    "pending": (WHOLE[:60], ("pending", "")),
}


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_has_its_reason_in_chunks_of_any_size(name, chunk):
    """And costs nothing of the lines around it."""
    data, expected = DAMAGE[name]
    found, lines = reasons(line(1) + data, chunk, strict=True)
    assert found == [expected]
    assert lines == [line(1)[:-1], *([WHOLE] if name == "torn before another" else [])]


def test_every_reason_is_explained():
    """Messages never show a bare word; the place is in them."""
    assert set(PROBLEM) == set(Reason.__args__)
    finding = Finding("a.jsonl", 7, 3, "torn", "why")
    assert str(finding) == f"a.jsonl: byte 7, 3 bytes: torn: {PROBLEM['torn']} (why)"
    assert str(finding._replace(detail="")).endswith(PROBLEM["torn"])


@given(st.lists(st.sampled_from([*DAMAGE]), max_size=4), st.integers(1, 90))
def test_findings_and_lines_together_are_all_bytes(names, chunk):
    """Every byte belongs to a line, a finding, or a newline between them; nothing is passed over in silence."""
    data = b"".join(part for name in names for part in (line(1), DAMAGE[name][0]))
    scanner, covered = Scanner("log", strict=True), bytearray(len(data))
    for start in range(0, len(data), chunk):
        batch = scanner.feed(data[start : start + chunk])
        spans = [(offset, len(one)) for offset, one in zip(batch.offsets, batch.lines, strict=True)]
        for offset, length in [*spans, *((finding.offset, finding.length) for finding in batch.findings)]:
            assert not any(covered[offset : offset + length]), "a byte in two of them"
            covered[offset : offset + length] = b"\1" * length
    rest = scanner.finish()
    if rest is not None:
        covered[rest.offset : rest.offset + rest.length] = b"\1" * rest.length
    assert {data[index : index + 1] for index, byte in enumerate(covered) if not byte} <= {b"\n"}


@pytest.mark.parametrize("size", range(-2, 3))
def test_a_line_is_too_long_beyond_the_limit_and_not_at_it(monkeypatch, size):
    """The limit is that of the bytes without a newline; a longer line is named as such."""
    monkeypatch.setattr(scan, "LINE_BYTES_MAX", 100)
    found, _ = reasons(b"x" * (100 + size) + b"\n")
    assert found == [("oversize", "") if size > 0 else ("damaged", "not a line of an event log")]


@pytest.mark.parametrize("chunk", [1, 50, 10_000])
def test_an_event_behind_an_endless_line_is_found(monkeypatch, chunk):
    """Only so much of it is kept that a line glued to its end can be salvaged, and its place is right."""
    monkeypatch.setattr(scan, "LINE_BYTES_MAX", 400)
    data = b"x" * 3000 + WHOLE + b"\n" + line(1)
    scanner = Scanner("log")
    offsets, lines, findings, kept = [], [], [], 0
    for start in range(0, len(data), chunk):
        batch = scanner.feed(data[start : start + chunk])
        offsets += batch.offsets
        lines += batch.lines
        findings += batch.findings
        kept = max(kept, len(scanner._tail))
    assert (lines, offsets) == ([WHOLE, line(1)[:-1]], [3000, 3000 + len(WHOLE) + 1])
    assert next((finding.reason, finding.offset, finding.length) for finding in findings)[1:] == (0, 3000)
    assert kept <= 2 * 400
    assert LINE_BYTES_MAX == 256 * 1024


def test_a_finished_log_ends_with_an_event_or_a_torn_line():
    """What is pending in a log that is written is settled in one that is not; its end is that of the bytes."""
    for data, expected in ((WHOLE, 1), (WHOLE[:-1], 0), (b"", 0)):
        scanner = Scanner("log")
        scanner.feed(data)
        batch = scanner.settle()
        assert len(batch.lines) == expected
        assert batch.end == len(data)


def test_a_line_is_whole_with_its_last_byte():
    """And with no byte less, at every byte."""
    for cut in range(len(WHOLE)):
        assert not is_whole(WHOLE[:cut])
        assert first_event(WHOLE[:cut]) is None
    assert is_whole(WHOLE)


@pytest.mark.parametrize("behind", [b"", b"x", b"garbage", WHOLE, line(1)[:-1] + b"x"])
def test_the_first_event_of_a_line_is_found_whatever_is_glued_to_it(behind):
    """One foreign byte in place of the newline, or another line."""
    expected = None if behind == b"garbage" else WHOLE
    assert first_event(WHOLE + behind) == expected
    assert first_event(b"x" + WHOLE) is None


def test_only_a_whole_line_of_a_later_format_is_one():
    """With our first keys and our digest; such a line is copied, and never judged."""
    assert is_newer_event(newer())
    assert not is_newer_event(newer()[:-1])
    assert not is_newer_event(newer().replace(b"2,", b"3,", 1))
    assert not is_newer_event(WHOLE)
    found, lines = reasons(newer() + b"\n", newer=True)
    assert (found, lines) == ([("newer-format", "log format 2")], [newer()])
