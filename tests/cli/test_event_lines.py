"""Lines of `insight tail`: what an event changes in the state of its session, and what is said of tests that hang."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.cli.formatters.event_lines import (
    TRACE_LINES_MAX,
    SessionState,
    gone_line,
    named_outcome,
    outcome_of,
    render,
    running_lines,
    stuck_lines,
    unknown_line,
)
from pytest_insight.eventlog.events import (
    CollectionFailed,
    OutputRecorded,
    SessionDescribed,
    SessionFinished,
    SessionStarted,
    SubtestFinished,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    UnknownEvent,
    Vcs,
    WorkerLost,
)
from pytest_insight.eventlog.times import format_time, parse_time

AT = "2026-11-28T12:00:00.000000Z"
AT_US = parse_time(AT)
EVIL = "\x1b]0;x\x07\n\u202e"


def texts(state, *events, at=AT):
    """Return the lines of some events, one after the other."""
    return [line.text for event in events for line in render(event, state, at)]


def started(**fields):
    """Return the event that begins a session."""
    return SessionStarted(session_id="s1", sut="shop", **fields)


def sealed(**fields):
    """Return the event that ends a session."""
    return SessionFinished(count=1, root="", **({"exit_status": 0} | fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, []),
        ({"vcs": Vcs(commit="0123456789abcdef")}, ["commit 0123456789ab"]),
        ({"workers": 4}, ["4 workers"]),
        ({"test_run": "r7"}, ["run r7"]),
        ({"vcs": Vcs(commit="")}, []),
    ],
)
def test_the_head_of_a_session_names_what_is_known(fields, words):
    """And nothing that is not: no `0 workers`, no empty commit."""
    (line,) = texts(SessionState(""), started(**fields))
    assert line.startswith("=== session s1 of shop, 2026-11-28 ")
    assert [word for word in ("commit", "workers", "run") if f" {word}" in line] == [
        word for word in ("commit", "workers", "run") if any(word in part for part in words)
    ]
    assert all(word in line for word in words)


@pytest.mark.parametrize(("pid", "number"), [("123", 123), ("", 0), ("x", 0), ("-1", 0), ("\u0661", 0)])
def test_only_a_plain_number_is_a_process(pid, number):
    """A header of a stranger may say anything; it never raises, and never names another process."""
    state = SessionState("")
    texts(state, started(writer={"pid": pid, "host": "ci-7"}))
    assert (state.writer_pid, state.host) == (number, "ci-7")


def test_a_started_test_runs_until_its_result():
    """By worker and node id: the same test on another worker is another one."""
    state = SessionState("s1")
    texts(state, TestStarted(nodeid="a", worker="gw0"), TestStarted(nodeid="a", worker="gw1"))
    texts(state, TestFinished(nodeid="a", outcome="passed", worker="gw0"))
    assert list(state.running) == [("gw1", "a")]


def test_a_lost_worker_runs_nothing_any_more():
    """Tests of other workers go on."""
    state = SessionState("s1")
    texts(state, TestStarted(nodeid="a", worker="gw0"), TestStarted(nodeid="b", worker="gw1"))
    (line,) = texts(state, WorkerLost(worker="gw0", running=["a"], error="killed"))
    assert list(state.running) == [("gw1", "b")]
    assert line == "LOST    worker gw0, running a: killed"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"outcome": "passed", "duration_us": 12_000}, "PASSED  t.py::a  12 ms"),
        ({"outcome": "skipped", "reason": "no db"}, "SKIPPED t.py::a  0.0 ms  no db"),
        ({"outcome": "rerun"}, "RERUN   t.py::a (attempt 1)  0.0 ms"),
        ({"outcome": "passed", "attempt": 3, "worker": "gw1"}, "PASSED  t.py::a (attempt 3) [gw1]  0.0 ms"),
        ({"outcome": "failed", "crashed": True}, "CRASHED t.py::a  0.0 ms"),
        ({"outcome": "other", "category": "quarantined"}, "QUARANTINED t.py::a  0.0 ms"),
        ({"outcome": "other"}, "OTHER   t.py::a  0.0 ms"),
        ({"outcome": "levitated"}, "LEVITATED t.py::a  0.0 ms"),
    ],
)
def test_a_result_has_one_line_with_its_word_first(fields, line):
    """Words of plugins and of later releases are shown as they are."""
    assert texts(SessionState("s1"), TestFinished(nodeid="t.py::a", **fields)) == [line]


@pytest.mark.parametrize("outcome", ["failed", "error", "passed", "skipped", "xfailed"])
def test_only_what_went_wrong_has_its_text_below(outcome):
    """The traceback of an expected failure would hide the others."""
    lines = list(render(TestFinished(nodeid="a", outcome=outcome, longreprtext="E  no\n"), SessionState("s"), AT))
    assert [line.text for line in lines[1:]] == (["        E  no"] if outcome in ("failed", "error") else [])
    assert [line.detail for line in lines] == [False, *[True] * (len(lines) - 1)]


@pytest.mark.parametrize("count", [0, 1, TRACE_LINES_MAX, TRACE_LINES_MAX + 1, 50_000])
def test_a_long_text_is_cut_in_its_middle(count):
    """Where the test begins and what it says at the end are both there, and how much is not."""
    text = "\n".join(f"line {number}" for number in range(count))
    lines = texts(SessionState("s"), TestFinished(nodeid="a", outcome="failed", longreprtext=text))[1:]
    if count <= TRACE_LINES_MAX:
        assert lines == [f"        line {number}" for number in range(count)]
        return
    assert len(lines) == TRACE_LINES_MAX + 1
    assert (lines[0].strip(), lines[-1].strip()) == ("line 0", f"line {count - 1}")
    assert f"[... {count - TRACE_LINES_MAX} lines left out ...]" in lines[TRACE_LINES_MAX // 2]


@pytest.mark.parametrize(
    ("announced", "finished", "missing"),
    [
        ([TestsAnnounced(nodeids=["a", "b"])], ["a", "b"], 0),
        ([TestsAnnounced(nodeids=["a", "b"])], ["a"], 1),
        ([TestsAnnounced(nodeids=["a"]), TestsAnnounced(nodeids=["a"])], [], 1),
        ([TestsAnnounced(nodeids=["a"], worker="gw0"), TestsAnnounced(nodeids=["a"], worker="gw1")], [], 2),
        ([], ["a"], 0),
    ],
)
def test_the_last_line_counts_what_was_announced_and_not_reported(announced, finished, missing):
    """A test is missing once, however often it was announced; with `--dist each` once for each worker."""
    state = SessionState("s1")
    texts(state, *announced, *(TestFinished(nodeid=nodeid, outcome="passed") for nodeid in finished))
    last = texts(state, sealed())[-1]
    assert (f"{missing} not reported" in last) == bool(missing)
    assert state.sealed


@given(st.lists(st.sampled_from(["passed", "failed", "skipped", "error", "xfailed", "strange"]), max_size=30))
def test_the_last_line_counts_every_result(outcomes):
    """As many as there were, by their words."""
    state = SessionState("s1")
    texts(state, *(TestFinished(nodeid=str(place), outcome=outcome) for place, outcome in enumerate(outcomes)))
    (last,) = texts(state, sealed(duration_us=1_500_000))
    expected = ", ".join(f"{outcomes.count(word)} {word}" for word in sorted(set(outcomes))) or "no tests ran"
    assert last == f"=== session s1: {expected} in 1.5 s, exit 0"


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"exit_status": 2, "interrupted": "KeyboardInterrupt"}, "exit 2, KeyboardInterrupt"),
        ({"exit_status": 3, "internal_error": "INTERNALERROR: x\nsecond"}, "exit 3, INTERNALERROR: x"),
        ({"exit_status": 5}, "exit 5"),
    ],
)
def test_the_last_line_says_what_ended_a_session(fields, end):
    """Of an internal error its first line."""
    assert texts(SessionState("s1"), sealed(**fields))[-1].endswith(end)


@pytest.mark.parametrize("after_s", [1, 30, 45.5])
def test_a_stuck_test_is_named_each_time_that_the_time_has_doubled(after_s):
    """A test that hangs all night is named a dozen times, and never twice for the same span."""
    state = SessionState("s1", running={("gw0", "a"): AT})
    named = [second for second in range(36_000) if list(stuck_lines(state, AT_US + second * 1_000_000, after_s))]
    due, expected = after_s, []
    while due < 36_000:
        expected.append(-(-due // 1))
        due *= 2
    assert named == expected


def test_after_a_pause_a_stuck_test_is_named_once():
    """A machine that slept for a day does not catch up on its lines."""
    state = SessionState("s1", running={("", "a"): AT})
    now_us = AT_US + 86_400_000_000
    assert len(list(stuck_lines(state, now_us, 30))) == 1
    assert list(stuck_lines(state, now_us, 30)) == []


@pytest.mark.parametrize(("ahead_s", "took"), [(-60, "0.0 ms"), (0, "0.0 ms"), (90, "1 min 30 s")])
def test_no_test_runs_for_less_than_nothing(ahead_s, took):
    """A clock that was set back makes no negative durations."""
    state = SessionState("s1", running={("gw0", "a"): AT})
    assert [line.text for line in running_lines(state, AT_US + ahead_s * 1_000_000)] == [f"RUNNING a [gw0]  for {took}"]


def test_a_session_whose_writer_is_gone_is_said_to_be_killed_with_what_ran():
    """Once: nothing of it runs any more."""
    state = SessionState("s1", running={("gw0", "a"): AT, ("", "b"): AT}, writer_pid=77)
    assert gone_line(state).text.endswith("process 77 ended without a word (killed), running a [gw0], b")
    assert (state.gone, state.running) == (True, {})
    assert gone_line(state).text.endswith("running nothing")


def test_a_session_of_another_machine_is_not_said_to_be_killed():
    """Whether its process runs cannot be seen from here."""
    state = SessionState("s1")
    assert "killed" not in unknown_line(state).text
    assert state.gone


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (TestFinished(nodeid="a", outcome="xfailed"), "xfailed"),
        (SubtestFinished(nodeid="a", outcome="failed", ordinal=1), "failed"),
        (CollectionFailed(nodeid="a"), "error"),
        (TestStarted(nodeid="a"), ""),
        (UnknownEvent(type="test.levitated", fields={}), ""),
    ],
)
def test_an_event_has_an_outcome_only_if_it_reports_one(event, outcome):
    """`tail --outcome` filters by it; a module that could not be collected is an error."""
    assert outcome_of(event) == outcome


@pytest.mark.parametrize(("category", "word"), [("quarantined", "quarantined"), ("", "other")])
def test_an_outcome_of_another_plugin_goes_by_its_name(category, word):
    """And by `other` if it has none."""
    assert named_outcome(TestFinished(nodeid="a", outcome="other", category=category)) == word


@pytest.mark.parametrize(
    "event", [OutputRecorded(name="x", content="y"), UnknownEvent(type="a.b", fields={"text": EVIL})]
)
def test_an_event_that_repeats_the_rest_or_is_not_known_is_no_line(event):
    """A log of a later release can be followed with this one."""
    assert texts(SessionState("s"), event) == []


@pytest.mark.parametrize(
    "event",
    [
        SessionStarted(session_id=EVIL, sut=EVIL, test_run=EVIL, vcs=Vcs(commit=EVIL)),
        TestFinished(nodeid=EVIL, outcome="failed", worker=EVIL, reason=EVIL, longreprtext=EVIL),
        TestFinished(nodeid=EVIL, outcome="other", category=EVIL),
        SubtestFinished(nodeid=EVIL, outcome="failed", ordinal=1, params={EVIL: EVIL}),
        SessionDescribed(properties=[(EVIL, EVIL)], worker=EVIL),
        WorkerLost(worker=EVIL, running=[EVIL], error=EVIL),
        SessionFinished(exit_status=0, count=0, root="", interrupted=EVIL, internal_error=EVIL),
    ],
    ids=lambda event: type(event).__name__,
)
def test_no_event_moves_the_cursor_or_breaks_a_line(event):
    """Names and texts come from anywhere."""
    for line in texts(SessionState(EVIL), event):
        assert len(line.splitlines()) == 1
        assert not set(line) & {"\x1b", "\x07", "\u202e", "\n"}


def test_times_of_events_are_those_of_the_reader():
    """The head of a session has its local time, the same moment that the log has in UTC."""
    (line,) = texts(SessionState(""), started(), at=format_time(AT_US))
    from datetime import UTC, datetime

    assert f"{datetime.fromtimestamp(AT_US / 1e6, UTC).astimezone():%Y-%m-%d %H:%M:%S}" in line
