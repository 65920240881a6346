"""What is written out for speed gives what the long way gives."""

import copy
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import encode_event, line_encoder
from pytest_insight.eventlog.events import OutputRecorded, TestFinished, TestStarted
from pytest_insight.eventlog.format import LINE_BYTES_MAX
from pytest_insight.plugin import recorder as recorder_module
from pytest_insight.plugin.attempts.announced import AnnouncedTests
from pytest_insight.plugin.attempts.attempt import Attempt
from pytest_insight.plugin.attempts.tally import Tally
from pytest_insight.plugin.attempts.texts import Policy
from pytest_insight.plugin.recorder import Recorder
from pytest_insight.plugin.redaction.redactor import Redactor
from pytest_insight.plugin.xdist_run import XdistRun

POLICY = Policy("failed", 10_000, Redactor())
STREAM, AT = "0123456789abcdef" * 2, "2026-11-21T01:23:45.123456Z"


class OddText(str):
    """Equal to a phase, and yet none by its type."""

    __slots__ = ()


whens = st.sampled_from(["setup", "call", "teardown", "???", None, 7, OddText("call"), OddText("setup")])
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


regular = st.tuples(
    *(reports(st.sampled_from([when, when, OddText(when)])) for when in ("setup", "call", "teardown"))
).map(list)
locations = st.sampled_from([("a.py", 3, "test_x"), ("a.py", None, "test_x"), ("b.py", 3, "test_x"), None, ("", 0)])
markers = st.sampled_from([None, (["slow"], {}), (["slow"], {"team": "a"})])


class LongWay(Attempt):
    """An attempt that never takes the short way."""

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


class Writer:
    """A writer that keeps the events, each with its own time."""

    def __init__(self):
        self.events = []
        self.stream = STREAM
        self.last_at = ""

    def append(self, event):
        """Keep an event."""
        self.events.append(event)
        self.last_at = f"2026-11-21T01:23:45.{len(self.events):06d}Z"
        return self.last_at

    append_named = append


class LongRecorder(Recorder):
    """A recorder whose hooks always take the long way."""

    def pytest_runtest_logstart(self, nodeid, location):
        """As the hook, with its errors."""
        try:
            self._start_in_full(nodeid, location)
        except TypeError as error:
            self.degrade("test.started", error)

    def pytest_runtest_logreport(self, report):
        """As the hook, with its errors."""
        try:
            self._keep_in_full(report)
        except TypeError as error:
            self.degrade("report", error)

    def pytest_runtest_logfinish(self, nodeid):
        """As the hook, with its errors."""
        try:
            self.attempts.finish("", nodeid)
        except TypeError as error:
            self.degrade("test.finished", error)


def recorded(kind, steps, marked, monkeypatch):
    """Return what a recorder makes of calls of its hooks: events, counts, tests without a result, and lost events."""
    lost = []
    recording = SimpleNamespace(
        xdist=XdistRun(),
        tests=AnnouncedTests(),
        writer=(writer := Writer()),
        tally=Tally(),
        policy=POLICY,
        off=False,
        degrade=lambda where, error: lost.append((where, type(error))),
        categories=SimpleNamespace(of_subtest=lambda report: "subtests passed"),
    )
    recording.tests.announce(["a.py::x", "a.py::y"], "")
    recorder = kind(recording)
    monkeypatch.setattr(recorder_module, "Attempt", LongWay if kind is LongRecorder else Attempt)
    recorder.keep_markers([SimpleNamespace(nodeid="a.py::y", iter_markers=lambda: marked)])
    hooks = {
        "start": lambda name: recorder.pytest_runtest_logstart(name, ("a.py", 3, "x")),
        "report": recorder.pytest_runtest_logreport,
        "finish": recorder.pytest_runtest_logfinish,
    }
    for step, value in copy.deepcopy(steps):
        hooks[step](value)
    recorder.finish_open(None)
    return writer.events, recording.tally.counts(), recording.tally.finished, recording.tests.missing(), lost


PHASES = ("setup", "call", "teardown")
tests = st.sampled_from(["a.py::x", "a.py::y"])
names = st.one_of(tests, st.sampled_from(["other", OddText("a.py::x"), 7]))


def plain_report(name, when, outcome="passed", **more):
    """A report as pytest makes it."""
    fields = {"longrepr": None, "longreprtext": "", "sections": [], "user_properties": [], "duration": 0.25}
    return SimpleNamespace(nodeid=name, when=when, outcome=outcome, **(fields | more))


def subtest_report(name):
    """A report of a subtest that passed."""
    return plain_report(name, "call", context=SimpleNamespace(msg="sub", kwargs={"i": 1}))


@st.composite
def odd_reports(draw, name=names, when=whens):
    """A report of a test under some name, as plugins leave it."""
    report = draw(reports(when))
    report.nodeid = draw(name)
    return report


def whole_test(name, kind="passed"):
    """The calls for one test as pytest makes them: it passes, is run again, or has a subtest."""
    kept = [plain_report(name, when, "rerun" if (kind, when) == ("rerun", "call") else "passed") for when in PHASES]
    if kind == "subtest":
        kept.insert(1, subtest_report(name))
    return [("start", name), *(("report", report) for report in kept), ("finish", name)]


@st.composite
def whole_tests(draw):
    """The calls for one test, some of them with odd reports."""
    name = draw(tests)
    kind = draw(st.sampled_from(["passed", "passed", "rerun", "subtest", "odd"]))
    if kind != "odd":
        return whole_test(name, kind)
    kept = [draw(odd_reports(st.just(name), st.sampled_from([when, when, OddText(when)]))) for when in PHASES]
    return [("start", name), *(("report", report) for report in kept), ("finish", name)]


single = st.one_of(
    st.tuples(st.just("start"), tests),
    st.tuples(st.just("finish"), tests),
    st.tuples(st.just("report"), st.builds(plain_report, tests, st.sampled_from(PHASES))),
    st.tuples(st.sampled_from(["start", "finish"]), names),
    st.tuples(st.just("report"), odd_reports()),
    st.tuples(st.just("report"), st.builds(subtest_report, tests)),
)
calls = st.lists(st.one_of(whole_tests(), single.map(lambda step: [step])), max_size=10)


RUN_AGAIN = [whole_test("a.py::x", "rerun"), whole_test("a.py::x"), [("start", "a.py::x")]]
BESIDE = [
    [("start", "a.py::x"), ("start", "a.py::y"), *whole_test("a.py::x")[1:-1]],
    [("report", plain_report("a.py::y", "setup")), ("report", subtest_report("a.py::y"))],
    [("finish", "a.py::x")],
]


WITHOUT_START = [whole_test("a.py::x")[1:-1], whole_test("a.py::x")[1:-1], [("start", "a.py::y")]]
ODD_PHASE = [
    [(step, plain_report("a.py::x", OddText(value.when)) if step == "report" and value.when == "setup" else value)]
    for step, value in whole_test("a.py::x")
]


@example(WITHOUT_START, ())
@example(ODD_PHASE, ())
@example(RUN_AGAIN, ())
@example(BESIDE, ())
@given(calls, st.sampled_from([(), (pytest.Mark("slow", (), {}, _ispytest=True),)]))
def test_the_hooks_record_the_same_on_the_short_way_and_on_the_long_one(parts, marked):
    """Whatever pytest and other plugins call, in any order: the same events, counts, missing tests and errors."""
    steps = [step for part in parts for step in part]
    with pytest.MonkeyPatch.context() as patch:
        assert recorded(Recorder, steps, marked, patch) == recorded(LongRecorder, steps, marked, patch)


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
