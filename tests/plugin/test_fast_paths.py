"""What is written out for speed gives what the long way gives."""

import copy
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import encode_event, line_encoder
from pytest_insight.eventlog.events import OutputRecorded, TestFinished, TestStarted
from pytest_insight.eventlog.format import LINE_BYTES_MAX
from pytest_insight.plugin.attempts.attempt import Attempt
from pytest_insight.plugin.attempts.state_machine import AFTER, STEPS, Attempts, OpenAttempt
from pytest_insight.plugin.attempts.texts import Policy
from pytest_insight.plugin.redaction.redactor import Redactor

POLICY = Policy("failed", 10_000, Redactor())
STREAM, AT = "0123456789abcdef" * 2, "2026-11-21T01:23:45.123456Z"


class OddText(str):
    """Equal to a phase, and yet none by its type."""

    __slots__ = ()


whens = st.sampled_from(["setup", "call", "teardown", "???", None, 7, OddText("call")])
durations = st.one_of(
    st.floats(0, 10), st.sampled_from([float("nan"), float("inf"), -1.0, 1e12, None, 3, True, "1"]), st.just(0.5)
)
extras = st.fixed_dictionaries({}, optional={"wasxfail": st.sampled_from(["", "reason: x"])})


@st.composite
def reports(draw, when=whens):
    """A report as plugins leave it: most of it right, a few things odd."""
    return SimpleNamespace(
        when=draw(when),
        outcome=draw(st.sampled_from(["passed", "passed", "passed", "failed", "skipped"])),
        duration=draw(durations),
        longrepr=None,
        longreprtext="",
        sections=draw(st.sampled_from([[], [], [("Captured stdout call", "x")]])),
        user_properties=draw(st.sampled_from([[], [], [("a", 1)]])),
        **draw(extras),
    )


regular = st.tuples(*(reports(st.just(when)) for when in ("setup", "call", "teardown"))).map(list)
locations = st.sampled_from([("a.py", 3, "test_x"), ("a.py", None, "test_x"), ("b.py", 3, "test_x"), None, ("", 0)])
markers = st.sampled_from([None, (["slow"], {}), (["slow"], {"team": "a"})])


class LongWay(Attempt):
    """An attempt that never takes the short way."""

    __slots__ = ()

    def simple_pass(self, markers):
        """Leave it to the long way."""


def finish_of(kind, kept, location, marked, group):
    """The event of an attempt with these reports, or the error that it ends with."""
    attempt = kind("a.py::test_x", "a.py::test_x", 2, "gw1", AT, location, group)
    attempt.reports = copy.deepcopy(kept)
    try:
        return attempt.finish(POLICY, marked)
    except TypeError as error:
        return str(error)


@given(st.one_of(regular, st.lists(reports(), max_size=4)), locations, markers, st.sampled_from(["", "left"]))
def test_a_pass_without_anything_to_tell_is_the_event_of_the_long_way(kept, location, marked, group):
    """Whatever the reports are: the short way gives the same event, or leaves it to the long one."""
    assert finish_of(Attempt, kept, location, marked, group) == finish_of(LongWay, kept, location, marked, group)


def test_a_plain_pass_takes_the_short_way():
    """The case that the short way is for."""
    attempt = Attempt("a.py::test_x", "a.py::test_x", 1, "", AT, ("a.py", 3, "test_x"))
    for when in ("setup", "call", "teardown"):
        report = {"when": when, "outcome": "passed", "duration": 0.25, "sections": [], "user_properties": []}
        attempt.reports.append(SimpleNamespace(**report))
    event = attempt.simple_pass(None)
    assert event is not None
    assert event.phases == {"setup": 250_000, "call": 250_000, "teardown": 250_000}
    assert (event.duration_us, event.lineno, event.outcome) == (750_000, 4, "passed")


@given(
    st.sampled_from(list(STEPS)),
    st.sampled_from([*AFTER, "???", None, "collect", 7, ["call"]]),
    st.booleans(),
    st.booleans(),
)
def test_a_report_that_is_simply_added_is_added_as_the_table_says(state, when, has_start, is_alone):
    """`add` does what `report` does, or nothing."""

    def state_after(*, with_add):
        closed = []
        attempts = Attempts(lambda one, ending: closed.append((one.key, ending)) or True, lambda name: name == "a")
        attempt = OpenAttempt("a", "", has_start=has_start)
        attempt.state = state
        attempts.open(attempt)
        if not is_alone:
            attempts.open(OpenAttempt("b", "", has_start=True))
        if not (with_add and attempts.add("", "a", when, "report")):
            attempts.report("", "a", when, "report", lambda: OpenAttempt("a", "", has_start=False))
        return closed, [(one.key, one.state, one.has_start, one.reports) for one in attempts]

    try:
        expected = state_after(with_add=False)
    except TypeError:
        with pytest.raises(TypeError):
            state_after(with_add=True)
        return
    assert state_after(with_add=True) == expected


texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
events = st.one_of(
    st.builds(TestStarted, nodeid=texts, attempt=st.integers(1, 9), worker=st.sampled_from(["", "gw0"])),
    st.builds(
        TestFinished, nodeid=texts, outcome=st.just("passed"), capstdout=texts, user_properties=st.just([("a", 1)])
    ),
    st.builds(OutputRecorded, name=st.just("errors"), content=texts.map(lambda text: text * 20_000)),
)


@given(events, st.integers(0, 10**6))
def test_lines_of_many_events_are_those_of_each(event, seq):
    """With lone surrogates, and with texts that are too long for a line."""
    assert line_encoder(STREAM)(event, seq, AT) == encode_event(event, stream=STREAM, seq=seq, at=AT)


@pytest.mark.parametrize("more", range(-3, 4))
def test_a_line_of_exactly_the_limit_is_written_as_it_is(more):
    """The limit counts the whole line, digest and newline as well."""
    encode = line_encoder(STREAM)
    room = LINE_BYTES_MAX - len(encode(OutputRecorded(name="x", content=""), 1, AT))
    line = encode(OutputRecorded(name="x", content="y" * (room + more)), 1, AT)
    assert (b"bytes left out" in line) == (more > 0)
    assert len(line) <= LINE_BYTES_MAX
