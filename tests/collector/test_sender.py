"""When a session is sent, repeated and given up, with a clock and a collector of the test; and its lines by position."""

import random

import pytest
from pytest_insight.collector.client.requests import BodyTooLargeError, PushAnswer, RemoteRefusedError
from pytest_insight.collector.client.requests import RemoteUnavailableError as Unavailable
from pytest_insight.collector.sending.sender import AFTER_END_S, SEND_BYTES, SEND_EACH_S, Sender, Timing
from pytest_insight.collector.sending.session_lines import SessionLines
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished
from pytest_insight.eventlog.writer import LogWriter


class Clock(Timing):
    """A clock that only sleeping moves; `script` does things at times."""

    def __init__(self, script=(), draw=0.5):
        self.at = 0.0
        self.script = dict(script)
        super().__init__(lambda: self.at, self.pass_time, lambda: draw)

    def pass_time(self, seconds):
        """Move the clock, and do what is due."""
        self.at += seconds
        assert self.at < 10_000, "it never ends"
        for time in sorted(time for time in self.script if time <= self.at):
            self.script.pop(time)()


class Lines:
    """Lines of a session that a test adds."""

    is_complete = True
    sealed = None

    def __init__(self, *lines):
        self.waiting = list(lines)

    def read(self, bytes_max):
        """Return what was added, up to a size."""
        found = []
        while self.waiting and sum(map(len, found)) < bytes_max:
            found.append(self.waiting.pop(0))
        return found

    def end(self):
        """Add the seal."""
        self.waiting.append(b"seal")
        self.sealed = 1


class Place:
    """A collector that answers with what the test says: an error, or None for success."""

    def __init__(self, clock, answer=lambda: None):
        self.clock, self.answer = clock, answer
        self.asked, self.stored = [], []

    def push(self, body):
        """Store lines, or raise."""
        self.asked.append(round(self.clock.at, 1))
        error = self.answer()
        if error is not None:
            raise error
        lines = body.splitlines()
        self.stored += lines
        return PushAnswer(len(lines), 0)

    def close(self):
        """Do nothing."""


def send(lines, clock, place, ended_at=lambda: None):
    """Send to the end, and return the last state and all before it."""
    told = []
    sender = Sender(lines, place, "there", ended_at, told.append, clock)
    return sender.work(), told


def away(retry_after_s=None):
    """The error of a collector that is away."""
    return Unavailable("there", "refused", "later", retry_after_s)


def test_lines_are_sent_in_groups_and_the_rest_at_the_end():
    """Not one request a line: every two seconds, or as soon as enough is there, and at once after the seal."""
    lines = Lines(b"1")
    big = b"x" * SEND_BYTES
    clock = Clock({1.0: lambda: lines.waiting.append(b"2"), 3.0: lambda: lines.waiting.append(big), 9.0: lines.end})
    place = Place(clock)
    state, _ = send(lines, clock, place)
    assert place.stored == [b"1", b"2", big, b"seal"]
    assert place.asked == pytest.approx([SEND_EACH_S, 3.0, 9.0], abs=0.3)
    assert (state.phase, state.sent, state.reason) == ("done", 4, "")


def test_a_collector_that_is_away_is_asked_again_with_growing_pauses():
    """With full jitter of 1, 2, 4 .. seconds, and what was held is sent when it is back."""
    lines = Lines(b"1")
    clock = Clock({300.0: lines.end}, draw=1.0)
    place = Place(clock, lambda: away() if clock.at < 100 else None)
    state, told = send(lines, clock, place)
    gaps = [after - before for before, after in zip(place.asked, place.asked[1:], strict=False)]
    assert gaps[:5] == pytest.approx([1, 2, 4, 8, 16], abs=0.5)
    assert (state.phase, place.stored) == ("done", [b"1", b"seal"])
    assert {one.phase for one in told} == {"sending", "waiting", "done"}


def test_it_waits_as_long_as_the_collector_asks():
    """`Retry-After` wins over the own pause, also over the try at the end."""
    lines = Lines(b"1")
    clock = Clock({5.0: lines.end})
    place = Place(clock, lambda: away(10.0) if clock.at < 10 else None)
    assert send(lines, clock, place)[0].phase == "done"
    assert place.asked[:2] == pytest.approx([2.0, 12.0], abs=0.5)


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_after_the_end_it_gives_up_in_time(draw):
    """No request begins later than the limit."""
    lines = Lines(b"1")
    clock = Clock({50.0: lines.end}, draw=draw)
    place = Place(clock, away)
    state, _ = send(lines, clock, place)
    assert (state.phase, state.sent, state.reason) == ("failed", 0, "there: refused")
    assert 50.0 <= place.asked[-1] <= 50.5 + AFTER_END_S
    assert any(50.0 <= asked <= 50.5 for asked in place.asked), "one try at once after the end"


def test_an_end_during_a_request_counts_from_then():
    """A request that takes long does not make the time after the end longer."""
    lines, clock = Lines(b"1"), Clock()
    place = Place(clock, lambda: clock.pass_time(30) or away())
    assert send(lines, clock, place, lambda: 3.0 if clock.at >= 3 else None)[0].phase == "failed"
    assert len(place.asked) == 1


def test_a_long_pause_that_is_asked_for_ends_it_at_once():
    """There is no use in a process that waits for what it may not do."""
    lines = Lines(b"1")
    clock = Clock({4.0: lines.end})
    assert send(lines, clock, Place(clock, lambda: away(600.0)))[0].phase == "failed"
    assert clock.at < 5


def test_a_refused_key_ends_it_at_once():
    """A refusal is repeated by no number of tries."""
    clock = Clock()
    place = Place(clock, lambda: RemoteRefusedError("there", "no such key (401)", "check it"))
    state, _ = send(Lines(b"1"), clock, place)
    assert (state.phase, len(place.asked)) == ("failed", 1)
    assert "401" in state.reason


def test_a_collector_that_takes_less_gets_halves_and_a_line_too_long_is_told():
    """The others are stored, each once."""
    lines = Lines(*(b"%d" % number for number in range(8)), b"long" * 9)
    clock = Clock({1.0: lines.end})
    place = Place(clock)
    store = place.push

    def push(body):
        if len(body) > 20:
            raise BodyTooLargeError("there", "too large (413)", "send less")
        return store(body)

    place.push = push
    state, _ = send(lines, clock, place)
    assert sorted(place.stored) == sorted([*(b"%d" % number for number in range(8)), b"seal"])
    assert state.phase == "done"
    assert "1 were refused" in state.reason


def test_a_killed_session_is_sent_and_the_process_ends():
    """Without a seal it is the end of the recording process that counts."""
    lines, clock = Lines(b"1"), Clock()
    place = Place(clock)
    assert send(lines, clock, place, lambda: 0.5 if clock.at >= 0.5 else None)[0].phase == "done"
    assert place.stored == [b"1"]


def test_an_outage_holds_no_more_than_a_bounded_part_in_memory(monkeypatch):
    """The rest stays in the log, which is read on when the collector is back."""
    monkeypatch.setattr("pytest_insight.collector.sending.sender.HELD_BYTES_MAX", 50)
    everything = [b"%09d" % number for number in range(100)]
    lines = Lines(*everything)
    clock = Clock({200.0: lines.end})
    left = []
    place = Place(clock, lambda: left.append(len(lines.waiting)) or (away() if clock.at < 60 else None))
    assert send(lines, clock, place)[0].sent == 101
    assert left[0] >= 90
    assert place.stored == [*everything, b"seal"]


def record(log, **more):
    """A session that is being recorded."""
    writer = LogWriter(log, durability="never", lock_timeout_s=0, **more)
    writer.append(SessionStarted(session_id="s", sut="shop"))
    return writer


def finish(writer):
    """End a session."""
    writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()


def seqs(lines):
    """The seqs of lines."""
    import json

    return [json.loads(line)["seq"] for line in lines]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("direct", [False, True], ids=["profile", "own log"])
def test_each_line_is_read_once_however_the_looks_fall(tmp_path, direct, seed):
    """Live file, move to the log, other sessions in the same log and small pieces: every line, once, in order."""
    dice = random.Random(seed)
    log = tmp_path / "default.jsonl"
    finish(record(log))
    writer = record(log, direct=direct)
    lines = SessionLines(log, writer.stream, writer.begin if direct else log.stat().st_size)
    other = record(log)
    found = []
    for number in range(40):
        writer.append(TestFinished(nodeid=f"t::{number}", outcome="passed", capstdout="x" * dice.randrange(3000)))
        other.append(TestFinished(nodeid=f"t::{number}", outcome="failed"))
        if dice.random() < 0.3:
            found += lines.read(dice.choice((1, 5000, 1 << 20)))
    finish(other)
    assert not lines.is_complete
    finish(writer)
    while more := lines.read(1):
        found += more
    assert seqs(found) == list(range(42))
    assert lines.is_complete
    assert lines.read_all_again() == []


def test_a_session_that_goes_on_in_another_file_is_read_on(tmp_path):
    """After its file was deleted, the next one begins with the header again, which counts once."""
    log = tmp_path / "default.jsonl"
    writer = record(log)
    lines = SessionLines(log, writer.stream)
    first = lines.read(1 << 20)
    writer.file.unlink()
    import os

    os.close(writer._files.current.fd)
    writer.append(TestFinished(nodeid="t::a", outcome="passed"))
    assert writer.file.name.startswith(writer.stream)
    assert seqs(first + lines.read(1 << 20)) == [0, 1]
    writer.close()


def test_a_log_that_was_rewritten_meanwhile_is_read_whole(tmp_path):
    """A shorter log, and one in which the lines came to lie before the position that was noted."""
    log = tmp_path / "default.jsonl"
    for _ in range(3):
        finish(record(log))
    writer = record(log)
    lines = SessionLines(log, writer.stream, log.stat().st_size)
    found = lines.read(1 << 20)
    writer.append(TestFinished(nodeid="t::a", outcome="passed"))
    finish(writer)
    own = [line for line in log.read_bytes().splitlines(keepends=True) if writer.stream.encode() in line]
    log.write_bytes(b"".join(own))
    found += lines.read(1 << 20)
    padding = own[0] * 3
    log.write_bytes(b"".join(own) + padding)
    assert sorted(seqs(found + lines.read_all_again())) == [0, 1, 2]
    assert lines.is_complete


def test_lines_that_are_damaged_are_not_sent(tmp_path):
    """A finding of the local log; the rest is read."""
    log = tmp_path / "default.jsonl"
    writer = record(log)
    writer.append(TestFinished(nodeid="t::a", outcome="passed"))
    with writer.file.open("ab") as live:
        live.write(b'{"v":1,"type":"te\n' + b"\n" + b'{"stream":"' + writer.stream.encode() + b'"}\n')
    lines = SessionLines(log, writer.stream)
    assert seqs(lines.read(1 << 20)) == [0, 1]
    writer.close()


def test_a_log_that_is_not_there_or_is_a_folder_has_no_lines(tmp_path):
    """Recording reports it; sending waits."""
    for path in (tmp_path / "none.jsonl", tmp_path):
        assert SessionLines(path, "a" * 32).read(100) == []
        assert SessionLines(path, "a" * 32).read_all_again() == []
