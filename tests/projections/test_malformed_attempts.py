"""An attempt whose fields are not those of its type costs that attempt only, also if the digest of its line is right."""

import pytest
from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import SessionStarted, TestFinished
from pytest_insight.projections.readmodel import ReadModel

STREAM = "ab" * 16
PLACE = b'"phases":{"setup":1}'


def line_of(event, seq: int) -> bytes:
    """The line of an event."""
    return encode_event(event, stream=STREAM, seq=seq, at="2026-11-21T01:59:59.123456Z")


def sealed(line: bytes) -> bytes:
    """The same line with the digest that its bytes have."""
    return line[:-46] + b',"digest":"' + line_hash(line[:-46]).hexdigest().encode() + b'"}\n'


@pytest.mark.parametrize(
    "fields",
    [
        b'"phases":"x"',
        b'"phases":{"setup":"y"}',
        b'"phases":{"setup":1},"discarded_subtests":3',
        b'"phases":{"setup":1},"category":3',
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_with_impossible_fields_is_a_finding(tmp_path, fields, workers):
    """The attempts before and behind it are all there."""
    failed = TestFinished(nodeid="bad", outcome="failed", phases={"setup": 1}, phase_outcomes={"call": "failed"})
    bad = sealed(line_of(failed, 2).replace(PLACE, fields))
    others = [TestFinished(nodeid="a", outcome="passed"), TestFinished(nodeid="b", outcome="failed")]
    header = line_of(SessionStarted(session_id="s", sut="shop"), 0)
    first, last = line_of(others[0], 1), line_of(others[1], 3)
    log = tmp_path / "log.jsonl"
    log.write_bytes(header + first + bad + last)
    with ReadModel.open(log, None) as model:
        model.replay(workers=workers)
        [finding] = model.findings()
        assert (finding.reason, finding.offset, finding.length) == ("malformed", len(header + first), len(bad) - 1)
        assert [attempt.nodeid for attempt in model.attempts(STREAM)] == ["a", "b"]
        assert model.check() == []


def test_a_stream_that_is_no_number_in_hex_is_a_finding(tmp_path):
    """A session that cannot be named is none."""
    log = tmp_path / "log.jsonl"
    line = line_of(TestFinished(nodeid="a", outcome="passed"), 1).replace(STREAM.encode(), b"z" * 32)
    log.write_bytes(sealed(line))
    with ReadModel.open(log, None) as model:
        model.replay()
        assert [finding.reason for finding in model.findings()] == ["malformed"]
        assert model.counts()["sessions"] == 0
