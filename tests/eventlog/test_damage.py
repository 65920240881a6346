"""Every way a log can be damaged: what is reported, what is kept, and that the next append is clean."""

import random
import subprocess
import sys

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.eventlog.reader import Record, event_at, read_batches, records_in, session_start
from pytest_insight.eventlog.scan import Finding, Scanner
from pytest_insight.eventlog.writer import LogWriter


def scan(data: bytes, chunk: int = 1 << 20) -> tuple[list[bytes], list[Finding]]:
    """Events and findings of some bytes, read in chunks."""
    scanner = Scanner("log")
    lines, findings = [], []
    for start in range(0, len(data), chunk):
        batch = scanner.feed(data[start : start + chunk])
        lines += batch.lines
        findings += batch.findings
    rest = scanner.finish()
    return lines, findings + ([rest] if rest else [])


def test_truncation_at_every_byte_keeps_all_whole_lines(line):
    """A log of 64 kB cut after each byte: every line before the cut is read, the rest is pending, nothing else is said."""
    lines = [line(seq, size=20 + seq % 400) for seq in range(230)]
    data = b"".join(lines)
    assert len(data) >= 64_000
    ends = [sum(map(len, lines[: count + 1])) for count in range(len(lines))]
    cuts = 0
    for cut in range(0, len(data), 7):
        # From the start of the line before the cut, so that 9,000 cuts stay cheap; what is before is the same each time.
        whole = sum(end <= cut for end in ends)
        start = ends[whole - 2] if whole > 1 else 0
        got, findings = scan(data[start:cut])
        assert [entry + b"\n" for entry in got] == lines[max(whole - 1, 0) : whole]
        assert [finding.reason for finding in findings] == (["pending"] if cut not in (0, *ends) else [])
        cuts += 1
    print(f"truncation: {cuts} cuts of {len(data)} bytes, 0 lines lost, 0 invented")


def test_truncation_at_every_byte_of_a_line_then_append(log, line):
    """A real log cut at each byte of its last line: after an append the earlier events and the new one are all there."""
    first, second = line(0), line(1)
    for cut in range(len(second) + 1):
        log.reset(first + second[:cut])
        log.append()
        whole = [0, 1, 0] if cut in (len(second), len(second) - 1) else [0, 0]
        assert log.seqs() == whole, cut
        assert len(log.findings()) == (0 if cut in (0, len(second), len(second) - 1) else 1)
    print(f"truncation with append: {len(second) + 1} cuts, 0 events lost")


def test_every_bit_flip_is_detected(line):
    """Each bit of six lines flipped: never an event that was not written, never more than two lost, never silent."""
    lines = [line(seq, size=90) for seq in range(6)]
    data = b"".join(lines)
    originals = {entry[:-1] for entry in lines}
    flips = 0
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            got, findings = scan(bytes(flipped))
            assert set(got) <= originals, "an event that nobody wrote"
            assert len(got) >= 4
            assert findings or len(got) == 6, "a loss without a word"
            assert not (findings == [] and len(got) < 6)
            flips += 1
    assert flips >= 12_000
    print(f"bit flips: {flips}, 0 accepted, 0 silent")


GARBAGE = {
    "zeros": b"\0" * 5000,
    "newlines": b"\n\n\n",
    "text": b"hello\nworld\n",
    "half a line": b'{"v":1,"type":"test.sta',
    "json without digest": b'{"v":1,"type":"test.started","stream":"x"}\n',
    "carriage returns": b"\r\r\r\n",
    "line separators": "\u2028\u0085\x1c\n".encode(),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_reported_and_the_next_append_is_clean(log, line, name):
    """What is no event is a finding with its offset; events before and after it are read."""
    log.reset(line(0)).write(GARBAGE[name])
    log.append()
    log.write(line(7))
    assert log.seqs() == [0, 0, 7]
    assert sum(finding.length for finding in log.findings()) >= len(GARBAGE[name].strip(b"\n\r")) // 2
    assert log.findings()[0].offset == len(line(0))


def test_newer_lines_name_the_remedy(log, line):
    """A line of a higher version is reported with what to do, and does not hide the others."""
    log.reset(line(0)).write(b'{"v":3,"kind":"x"}\n', line(1))
    assert log.seqs() == [0, 1]
    assert "upgrade" in str(log.findings()[0])


def test_an_event_glued_behind_a_fragment_is_salvaged_at_every_offset(line):
    """Whatever part of a line another writer left without newline: the whole event behind it is found."""
    first, second = line(0, size=60), line(1)
    for cut in range(1, len(first)):
        got, findings = scan(first[:cut] + second)
        assert got[-1] == second[:-1]
        assert findings or cut == len(first) - 1


def test_lines_end_with_newline_bytes_only(tmp_path):
    """Line separators of Unicode, form feeds and carriage returns inside of texts split nothing."""
    from pytest_insight.eventlog.events import TestFinished

    text = "a\u2028b\u2029c\x85d\x0ce\rf\x1cg"
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path)
    writer.append(TestFinished(nodeid="t", outcome="failed", capstdout=text))
    writer.close()
    [record] = [item for batch in read_batches(path) for item in records_in("log", batch)]
    assert record.event().capstdout == text


@given(st.binary(max_size=300), st.integers(1, 200), st.integers(0, 3))
def test_reading_does_not_depend_on_chunks(noise, chunk, where):
    """Events and findings are the same for every size of chunk."""
    from pytest_insight.eventlog.codec import encode_event
    from pytest_insight.eventlog.events import TestStarted

    lines = [
        encode_event(TestStarted(nodeid="t"), stream="ab" * 16, seq=n, at="2026-11-21T01:23:45.123456Z")
        for n in range(3)
    ]
    lines.insert(where, noise)
    data = b"".join(lines)
    assert scan(data, chunk) == scan(data)


@settings(max_examples=examples(200))
@given(st.integers(0, 2**32))
def test_mutated_logs_never_yield_an_event_that_was_not_written(seed):
    """Random cuts, copies, swaps and noise, 500 mutations an example: no crash, and only events of the original."""
    from pytest_insight.eventlog.codec import encode_event
    from pytest_insight.eventlog.events import TestStarted

    rng = random.Random(seed)
    at = "2026-11-21T01:23:45.123456Z"
    lines = [encode_event(TestStarted(nodeid=f"t{n}"), stream="ab" * 16, seq=n, at=at) for n in range(4)]
    originals = {entry[:-1] for entry in lines}
    data = b"".join(lines)
    for _ in range(500):
        mutant = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            position = rng.randrange(len(mutant) or 1)
            match rng.randrange(4):
                case 0:
                    del mutant[position : position + rng.randint(1, 60)]
                case 1:
                    mutant[position:position] = rng.randbytes(rng.randint(1, 20))
                case 2:
                    mutant[position : position + 5] = rng.randbytes(5)
                case _:
                    mutant[position:position] = data[: rng.randrange(len(data))]
        got, _ = scan(bytes(mutant))
        assert set(got) <= originals


GIANT = """
import resource, sys
from pytest_insight.eventlog.reader import read_records, Record
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
items = list(read_records(sys.argv[1]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print([item.envelope.seq for item in items if isinstance(item, Record)], [item.reason for item in items if not isinstance(item, Record)], (after - before) // 1024)
"""


def test_a_giant_line_needs_no_memory(log, line):
    """Half a gigabyte without a newline is stepped over in a few megabytes, and the event glued behind it is found."""
    log.reset(line(0))
    with log.path.open("r+b") as stream:
        stream.truncate(len(line(0)) + 500_000_000)
    log.write(line(1), line(2))
    result = subprocess.run([sys.executable, "-c", GIANT, str(log.path)], capture_output=True, text=True, timeout=300)
    seqs, reasons, grown = result.stdout.strip().replace("] ", "]|").split("|")
    assert seqs == "[0, 1, 2]", result.stderr
    assert reasons == "['oversize']"
    assert int(grown) < 64
    print(f"giant line: 500 MB, {grown} MB more memory")


def test_an_event_is_found_by_its_position(log, line):
    """event_at gives the event that begins there, and nothing at any other offset."""
    log.reset(line(0) + line(1))
    assert event_at(log.path, len(line(0))).envelope.seq == 1
    for wrong in (1, len(line(0)) - 1, 10_000):
        with pytest.raises(LookupError):
            event_at(log.path, wrong)


def test_the_newest_session_is_found_from_the_end(tmp_path):
    """session_start gives the offset of the n-th newest header, also across the chunks it reads backwards."""
    from pytest_insight.eventlog.events import OutputRecorded, SessionStarted

    path = tmp_path / "log.jsonl"
    offsets = []
    rng = random.Random(3)
    for number in range(6):
        writer = LogWriter(path)
        offsets.append(path.stat().st_size)
        writer.append(SessionStarted(session_id=str(number), sut="s"))
        for _ in range(rng.randint(1, 12)):
            writer.append(OutputRecorded(name="x", content="y" * 100_000))
        writer.close()
    assert [session_start(path, count) for count in range(1, 7)] == offsets[::-1]
    assert session_start(path, 7) == 0
    assert session_start(path, 0) == path.stat().st_size


def test_records_carry_their_place(log, line):
    """Log, position, raw line and digest of each record are those of the file."""
    log.reset(line(0) + line(1))
    records = [item for batch in read_batches(log.path) for item in records_in("name", batch)]
    data = log.path.read_bytes()
    for record in records:
        assert isinstance(record, Record)
        assert data[record.position : record.position + len(record.line)] == record.line
        assert record.digest.encode() in record.line
