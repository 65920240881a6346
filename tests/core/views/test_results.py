"""Classes of results: outcomes, attempts, groups of attempts and collections; each round trip and each refusal."""

import copy
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.models import (
    OutputField,
    OutputFields,
    RerunTestGroup,
    Results,
    SUTGroup,
    TestHistory,
    TestOutcome,
    TestResult,
    TestResults,
    TestSession,
)
from pytest_insight.core.views.times import as_utc, moment_of, seconds_of, utc_text

START = datetime(2026, 11, 2, 10, tzinfo=UTC)
NAMES = ["passed", "failed", "skipped", "xfailed", "xpassed", "rerun", "error"]
LATER = timedelta(seconds=1)
texts = st.text(max_size=5)
results = st.builds(
    TestResult,
    nodeid=st.sampled_from(["t.py::a", "t.py::b[ä]"]),
    outcome=st.sampled_from([*NAMES, "quarantined"]).map(TestOutcome.named),
    start_time=st.integers(0, 9).map(lambda seconds: START + timedelta(seconds=seconds)),
    duration=st.integers(0, 5000).map(lambda ms: ms / 1000),
    caplog=texts,
    capstderr=texts,
    capstdout=texts,
    longreprtext=texts,
    has_warning=st.booleans(),
)


def result(outcome="passed", seconds=0, nodeid="t.py::a", **more):
    """Return an attempt that started some seconds behind the start."""
    return TestResult(nodeid, outcome, START + timedelta(seconds=seconds), duration=0.5, **more)


# ------------------------------------------------------------------ outcomes


@pytest.mark.parametrize("name", NAMES)
def test_an_outcome_is_its_name_in_any_case(name):
    """It equals its name in lower case, has its value in upper case, and is one object however it is named."""
    outcome = TestOutcome.from_str(name)
    assert outcome == name == outcome.to_str()
    assert outcome.value == name.upper()
    assert outcome is TestOutcome(name) is TestOutcome(name.upper()) is TestOutcome.from_str(name.title())
    assert outcome is TestOutcome.named(name) is copy.deepcopy(outcome)
    assert not outcome.is_foreign
    assert outcome.is_failed() is (name in ("failed", "error"))


def test_all_outcomes_are_listed_and_nothing_is_a_skip():
    """Old files have no outcome for a test that was skipped."""
    assert sorted(TestOutcome.to_list()) == sorted(NAMES)
    assert TestOutcome.from_str(None) is TestOutcome.from_str("") is TestOutcome.SKIPPED


@pytest.mark.parametrize("name", ["quarantined", "Passed ", "0"])
def test_the_outcome_of_another_plugin_keeps_its_name_and_is_no_member(name):
    """Neither a pass nor a failure; refused where only the outcomes of pytest are taken."""
    foreign = TestOutcome.named(name)
    assert (str(foreign), foreign.is_foreign, foreign.is_failed()) == (name, True, False)
    assert foreign not in list(TestOutcome)
    assert foreign is TestOutcome.named(name) is copy.deepcopy(foreign)
    with pytest.raises(ValueError, match="Invalid test outcome"):
        TestOutcome.from_str(name)
    with pytest.raises(ValueError, match="is not a valid"):
        TestOutcome(name)


# ------------------------------------------------------------------ times


def test_times_are_utc_and_durations_are_seconds():
    """A naive time is local time; a `timedelta` is as good as a number."""
    berlin = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert utc_text(berlin) == "2026-07-01T10:00:00Z"
    naive = datetime(2026, 7, 1, 12)
    assert as_utc(naive).timestamp() == naive.timestamp()
    assert (seconds_of(timedelta(minutes=1)), seconds_of(2)) == (60.0, 2.0)
    assert moment_of("2026-07-01T10:00:00Z") == moment_of(berlin) == berlin
    with pytest.raises(ValueError, match="not a time in ISO 8601: 'noon'"):
        moment_of("noon")


# ------------------------------------------------------------------ attempts


@given(results)
def test_an_attempt_comes_back_from_its_dictionary(one):
    """Equal, with the same dictionary; a foreign outcome is marked as one for readers of other languages."""
    data = one.to_dict()
    again = TestResult.from_dict(data)
    assert again == one
    assert again.to_dict() == data
    assert hash(again) == hash(one)
    assert ("category" in data) is (data["outcome"] not in NAMES)
    assert one.stop_time - one.start_time == pytest.approx(
        timedelta(seconds=one.duration), abs=timedelta(microseconds=1)
    )


@pytest.mark.parametrize(
    "times",
    [
        {"stop_time": START + LATER},
        {"duration": 1.0},
        {"duration": LATER},
        {"stop_time": 1.0},
        {"stop_time": LATER},
        {"stop_time": START + 9 * LATER, "duration": 1},
        {"stop_time": (START + LATER).astimezone(timezone(timedelta(hours=5)))},
    ],
    ids=str,
)
def test_a_stop_time_or_a_duration_is_enough_and_the_duration_wins(times):
    """Also one that is given in the place of the stop time."""
    one = TestResult("a", "passed", START, **times)
    assert (one.duration, one.stop_time, one.start_time.tzinfo) == (1.0, START + LATER, UTC)


def test_what_an_attempt_lacks_is_refused():
    """Without an end, with two durations, or with an unknown outcome."""
    with pytest.raises(ValueError, match="stop_time or duration"):
        TestResult("a", "passed", START)
    with pytest.raises(TypeError, match="stop_time is a datetime"):
        TestResult("a", "passed", START, 1.0, 2.0)
    with pytest.raises(ValueError, match="Invalid test outcome"):
        TestResult("a", "nonsense", START, duration=1)
    for missing in ("nodeid", "start_time"):
        with pytest.raises(ValueError, match="needs nodeid and start_time"):
            TestResult.from_dict({name: value for name, value in result().to_dict().items() if name != missing})


def test_texts_are_read_once_when_the_first_is_asked_for():
    """And never if the loader is forgotten before."""
    calls = []
    load = lambda: calls.append(1) or {"caplog": "log", "longreprtext": "E   boom"}
    one = result(texts=load)
    assert calls == []
    assert (one.longreprtext, one.caplog, one.capstdout, len(calls)) == ("E   boom", "log", "", 1)
    other = result(texts=load, caplog="given")
    other.forget_loader()
    assert (other.caplog, len(calls)) == ("given", 1)


# ------------------------------------------------------------------ groups of attempts


@given(st.permutations(range(4)))
def test_attempts_are_in_order_of_their_start_however_they_are_added(order):
    """The last one decides; those before it are its forerunners."""
    attempts = [result("rerun", 0), result("failed", 1), result("rerun", 2), result("passed", 3)]
    group = RerunTestGroup("t.py::a")
    for number in order:
        group.add_test(attempts[number])
    assert group.tests == group.full_test_list == attempts
    assert (group.final_test, group.final_outcome, group.forerunners) == (attempts[3], "passed", attempts[:3])
    assert RerunTestGroup.from_dict(group.to_dict()) == group


def test_a_group_may_be_given_by_any_of_its_names_if_they_agree():
    """Two names with other attempts, or an outcome that is not the last one's, are refused."""
    first, last = result("failed"), result("passed", 1)
    whole = RerunTestGroup("a", [first, last])
    assert RerunTestGroup("a", full_test_list=[first, last]) == whole
    assert RerunTestGroup("a", final_test=last, forerunners=[first], final_outcome="PASSED") == whole
    assert RerunTestGroup("a", [first, last], full_test_list=[first, last]) == whole
    with pytest.raises(ValueError, match="not the same attempts"):
        RerunTestGroup("a", [first], full_test_list=[last])
    with pytest.raises(ValueError, match="final_outcome is failed"):
        RerunTestGroup("a", [first, last], final_outcome="failed")
    nothing = RerunTestGroup("a")
    assert (nothing.final_test, nothing.final_outcome, nothing.forerunners) == (None, None, [])


# ------------------------------------------------------------------ collections


@given(st.lists(results, max_size=6))
def test_results_are_found_by_outcome_and_by_test(found):
    """In their order; failures are those that failed or ended in an error."""
    collection = TestResults(found)
    assert list(collection) == found
    assert len(collection) == len(found)
    for name in NAMES:
        expected = [one for one in found if str(one.outcome) == name]
        assert list(collection.with_outcome(name.upper())) == expected
        assert list(collection.with_outcome(TestOutcome.from_str(name))) == expected
    assert list(collection.failures()) == [one for one in found if str(one.outcome) in ("failed", "error")]
    assert list(collection.of_test("t.py::a")) == [one for one in found if one.nodeid == "t.py::a"]
    with pytest.raises(ValueError, match="nonsense"):
        collection.with_outcome("nonsense")


def test_sessions_are_grouped_by_their_system():
    """In the order in which they come; the returned list is a copy."""
    sessions = [
        TestSession(sut, session_id=str(number), session_start_time=START, session_duration=1)
        for number, sut in enumerate(["shop", "pay", "shop"])
    ]
    history = TestHistory.of(sessions)
    assert list(history.sut_groups) == ["shop", "pay"]
    assert history.get_sessions_for_sut("shop") == [sessions[0], sessions[2]]
    history.get_sessions_for_sut("shop").clear()
    assert history.sut_groups["shop"] == SUTGroup("shop", [sessions[0], sessions[2]])
    assert history.get_sessions_for_sut("none") == []


def test_sections_of_the_output_that_did_not_occur_are_empty():
    """Unknown sections are left out; the dictionary has those with a content."""
    fields = OutputFields.from_contents({"errors": "E", "passes": "", "nonsense": "x"})
    assert fields.errors == OutputField("errors", "E")
    assert fields.lastline == OutputField()
    assert fields.to_dict() == {"errors": "E"}
    assert OutputFields.from_contents(fields.to_dict()).to_dict() == fields.to_dict()


# ------------------------------------------------------------------ sessions


@given(st.lists(results, max_size=4), st.dictionaries(st.sampled_from(["team", "run"]), texts))
def test_a_session_comes_back_from_its_dictionary(attempts, tags):
    """With its results, tags, output, and what is known beside the documented fields."""
    session = TestSession(
        "shop",
        {"host": "ci"},
        "s1",
        START,
        session_duration=2.5,
        session_tags=tags,
        test_results=attempts,
        rerun_test_groups=[RerunTestGroup("t.py::a", [result("rerun"), result("passed", 1)])],
        output_fields=OutputFields.from_contents({"lastline": "1 passed"}),
    )
    session.exit_status, session.vcs, session.running = 1, {"commit": "a" * 40}, ["t.py::c"]
    data = session.to_dict()
    again = TestSession.from_dict(data)
    assert again.to_dict() == data
    assert (again.test_results, again.rerun_test_groups) == (session.test_results, session.rerun_test_groups)
    counts = {name: sum(str(one.outcome) == name for one in attempts) for name in {str(o.outcome) for o in attempts}}
    assert session.outcome_counts == counts
    whole = Results.of_session(session)
    assert (list(whole.test_results), whole.session_duration) == (attempts, 2.5)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ({}, "session_start_time must be provided"),
        ({"session_start_time": START}, "session_stop_time or session_duration"),
    ],
)
def test_a_session_needs_a_start_and_an_end(times, message):
    """The stop time or the duration; the duration wins."""
    with pytest.raises(ValueError, match=message):
        TestSession("shop", **times)
    with pytest.raises(TypeError, match="testing_system is a mapping"):
        TestSession("shop", "s1", session_start_time=START, session_duration=1)
    both = TestSession("shop", session_start_time=START, session_stop_time=START + 9 * LATER, session_duration=1)
    assert both.session_stop_time == START + LATER
    one = TestSession("shop", session_start_time=START, session_stop_time=START + LATER)
    assert one.session_duration == 1.0


def test_results_that_cannot_be_read_now_are_read_later():
    """A failure to read is no empty session."""
    session = TestSession("shop", session_start_time=START, session_duration=1)
    answers = iter([OSError("disk"), [result()]])

    def load(view):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        view.test_results = answer

    session.load_later(load, {"passed": 1})
    assert session.is_untouched
    assert session.outcome_counts == {"passed": 1}
    with pytest.raises(OSError, match="disk"):
        _ = session.test_results
    assert session.is_untouched
    assert len(session.test_results) == 1
    assert not session.is_untouched
