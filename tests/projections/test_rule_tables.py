"""Rules of the views that are small enough for a table, and where a replay cuts a log."""

import itertools

import pytest
from histories import START, write_line, write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.lines.heads import runs_of
from pytest_insight.eventlog.scan import Batch, Finding
from pytest_insight.projections.clock import FUTURE_US, is_future, latest_start_us
from pytest_insight.projections.fold import fold_lines
from pytest_insight.projections.parts import Nodes
from pytest_insight.projections.replay import Stretch, _last_end, _Mailbox, _reporting, _send, malformed_findings
from pytest_insight.projections.rules import is_cut, is_left_open, terminal_categories, verdict_of

DAY_US = 86_400 * 10**6


@pytest.mark.parametrize(
    ("ahead_us", "future"), [(0, False), (-DAY_US, False), (DAY_US, False), (DAY_US + 1, True), (10 * DAY_US, True)]
)
def test_a_session_is_of_the_future_more_than_a_day_from_now(ahead_us, future):
    """A clock that is a few hours ahead, or in another zone, is not worth a word."""
    now_us = 10**15
    assert is_future(now_us + ahead_us, now_us) is future
    assert latest_start_us(now_us) == now_us + FUTURE_US == now_us + DAY_US
    assert not is_future(now_us)


@pytest.mark.parametrize(
    ("sealed", "interrupted", "cut"), [(1, "", 0), (1, "KeyboardInterrupt", 1), (0, "KeyboardInterrupt", 0), (0, "", 0)]
)
def test_a_run_was_cut_if_its_seal_says_so(sealed, interrupted, cut):
    """One without a seal died, whatever it was doing."""
    assert is_cut(sealed=bool(sealed), interrupted=interrupted) == bool(cut)


LEFT_OPEN = {  # sealed, attempt, last finished, settled
    (False, 1, 0, False): True,
    (False, 1, 1, True): False,
    (False, 2, 1, False): True,
    (False, 2, 1, True): True,
    (False, 1, 2, True): False,
    (True, 1, 0, False): True,
    (True, 2, 1, False): True,
    (True, 2, 1, True): False,
    (True, 1, 1, True): False,
}


@pytest.mark.parametrize("case", LEFT_OPEN)
def test_a_start_without_a_finish_leaves_its_test_running(case):
    """Unless the same or a later attempt is finished, or the session was closed with a final result of the test."""
    sealed, attempt, last, settled = case
    assert is_left_open(sealed=sealed, attempt=attempt, last_finished=last, settled=settled) is LEFT_OPEN[case]


@pytest.mark.parametrize(("crashed", "running", "cut"), list(itertools.product([False, True], repeat=3)))
def test_a_test_that_an_interrupted_run_left_is_cut_and_not_crashed(crashed, running, cut):
    """A worker that died in it is a crash all the same."""
    expected = "crashed" if crashed else ("cut" if cut else "crashed") if running else "passed"
    assert verdict_of(["passed"], crashed=crashed, running=running, cut=cut) == expected


@pytest.mark.parametrize(
    ("phases", "special", "counted"),
    [
        (["setup", "call", "teardown"], {}, ["passed"]),
        (["setup", "call", "teardown"], {"teardown": "error"}, ["error", "passed"]),
        (["setup", "call", "teardown"], {"call": "failed", "teardown": "error"}, ["failed", "error"]),
        (["setup", "teardown"], {"setup": "skipped"}, ["skipped"]),
        (["setup", "call"], {"call": ""}, []),
        (["???"], {"???": "failed"}, ["failed"]),
        (["setup"], {}, []),
    ],
)
def test_each_phase_that_says_something_counts(phases, special, counted):
    """As in the last line of pytest: a call that passed and a teardown that failed are two."""
    assert terminal_categories(phases, special) == counted


SEALED = write_session("sealed", 1, [("a::b", "passed")]).splitlines()
OPEN = write_session("open", 2, [("a::b", "passed")], seal=False).splitlines()
STATEMENT = write_line("session.cleared", "cd" * 16, 0, START, target="ab" * 16)[:-1]


def cut_of(lines, first=0):
    """Where a stretch of these lines may end."""
    return _last_end(list(runs_of(lines)), first)


@pytest.mark.parametrize(
    ("lines", "first", "cut"),
    [
        (SEALED, 0, len(SEALED)),
        (OPEN, 0, 0),
        (SEALED + OPEN, 0, len(SEALED)),
        (OPEN + SEALED, 0, len(OPEN) + len(SEALED)),
        (OPEN + SEALED[:3], 0, len(OPEN)),
        (OPEN + SEALED[:3], len(OPEN) + 1, 0),
        (SEALED[2:], 0, len(SEALED) - 2),
        ([STATEMENT], 0, 0),
    ],
    ids=["sealed", "open", "sealed and open", "open and sealed", "begun", "begun before", "end alone", "a statement"],
)
def test_a_stretch_ends_where_a_session_ends_or_the_next_begins(lines, first, cut):
    """What is folded as a whole needs no joining; the lines behind the cut wait for the next stretch."""
    assert cut_of(lines, first) == cut


def test_a_malformed_line_of_any_session_is_a_finding_in_its_place():
    """With its length, and the offset in its own file."""
    good = OPEN[:2]
    bad = write_line("test.finished", "ef" * 16, 0, START, nodeid=7, outcome="passed")[:-1]
    lines, base = [*good, bad], 1000
    offsets = [base + 50 * number for number in range(3)]
    fold = fold_lines(offsets, lines, Nodes(), list(runs_of(lines)))
    batch = Batch([offset - base for offset in offsets], lines, [], 0)
    assert malformed_findings(fold, batch, base, "log") == [Finding("log", 100, len(bad), "malformed")]


class Pipe:
    """A pipe in memory: what is written is read from its start."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        """Append."""
        self.data += data

    def read(self, size):
        """Take from the front."""
        taken, self.data = self.data[:size], self.data[size:]
        return taken


def stretch_of(lines, end):
    """A stretch of a log."""
    nodes = Nodes()
    fold = fold_lines(list(range(len(lines))), lines, nodes, list(runs_of(lines)))
    return Stretch(fold, nodes.names(), 0, [Finding("log", 3, 4, "torn", "why")], end)


def test_stretches_come_out_of_the_pipe_as_they_went_in():
    """In their order, with their findings; an empty pipe has none."""
    pipe, sent = Pipe(), [stretch_of(SEALED, 5), stretch_of(OPEN, 9)]
    for stretch in sent:
        _send(stretch, pipe)
    assert list(_Mailbox(pipe).stretches()) == sent
    assert list(_Mailbox(Pipe()).stretches()) == []


@given(st.lists(st.integers(0, 100), max_size=5), st.integers(0, 50), st.integers(0, 80))
def test_progress_never_goes_back_and_is_never_beyond_the_whole(ends, done, size):
    """A log that grows while it is read has a whole that grows with it; without a listener nothing is called."""
    stretches = [stretch_of([], end) for end in sorted(ends)]
    seen = []
    assert list(_reporting(iter(stretches), done, size, lambda *step: seen.append(step))) == stretches
    assert [step[0] for step in seen] == sorted(max(end, done) for end in ends)
    assert all(whole >= size for _, whole in seen)
    assert list(_reporting(iter(stretches), done, size, None)) == stretches
