"""View classes: values in every form that is taken, plain data and back, texts and results that are read once."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.models import RerunTestGroup, TestOutcome, TestResult, TestSession
from pytest_insight.core.views.files import is_log, newest_exported, newest_row
from pytest_insight.core.views.groups import TestHistory
from pytest_insight.core.views.lazy import LazyResults
from pytest_insight.core.views.output import OUTPUT_FIELDS, OutputFields
from pytest_insight.core.views.results import Results, TestResults
from pytest_insight.core.views.stored import fill_session, rerun_groups
from pytest_insight.core.views.times import as_utc, moment_of, seconds_of, utc_text
from small_runs import few, model_of, scripted

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = ("passed", "failed", "skipped", "xfailed", "xpassed", "rerun", "error")
TEXTS = ("caplog", "capstderr", "capstdout", "longreprtext")
moments = st.datetimes(
    datetime(1980, 1, 1),
    datetime(2100, 1, 1),
    timezones=st.integers(-12, 12).map(lambda h: timezone(timedelta(hours=h))),
)


def result(nodeid="t.py::x", outcome="passed", second=0, **more) -> TestResult:
    """An attempt that started so many seconds after the first."""
    return TestResult(nodeid, outcome, START + timedelta(seconds=second), **{"duration": 0.5} | more)


# ------------------------------------------------------------------ times


@few
@given(moments)
def test_a_time_keeps_its_moment_in_utc(moment):
    """Whatever its zone; as text it is read back as the same moment."""
    assert as_utc(moment) == moment
    assert as_utc(moment).utcoffset() == timedelta(0)
    assert utc_text(moment).endswith("Z")
    assert moment_of(utc_text(moment)) == moment == moment_of(moment)


@pytest.mark.parametrize("value", ["yesterday", "", None, 5])
def test_what_is_no_time_is_an_error(value):
    """Never a time of its own."""
    with pytest.raises(ValueError, match="not a time in ISO 8601"):
        moment_of(value)
    assert seconds_of(timedelta(minutes=1)) == seconds_of(60) == 60.0


# ------------------------------------------------------------------ outcomes


@pytest.mark.parametrize("name", NAMES)
def test_an_outcome_has_one_member_in_any_case(name):
    """By name, by value and by text; only a failure and an error are failures."""
    member = TestOutcome.named(name)
    assert member is TestOutcome(name) is TestOutcome(name.upper()) is TestOutcome.from_str(name.title())
    assert (member == name, member.to_str(), member.is_foreign) == (True, name, False)
    assert member.is_failed() == (name in ("failed", "error"))
    assert name in TestOutcome.to_list()


@pytest.mark.parametrize("name", ["quarantined", "XDIST"])
def test_an_outcome_that_is_not_of_pytest_keeps_its_own_name(name):
    """The same object each time, and neither pass nor failure; `from_str` refuses it."""
    odd = TestOutcome.named(name)
    assert odd is TestOutcome.named(name)
    assert (odd.to_str(), odd.is_foreign, odd.is_failed()) == (name, True, False)
    assert odd not in list(TestOutcome)
    with pytest.raises(ValueError, match=f"Invalid test outcome: {name}"):
        TestOutcome.from_str(name)
    assert TestOutcome.named(None) is TestOutcome.named("") is TestOutcome.SKIPPED


# ------------------------------------------------------------------ results


@pytest.mark.parametrize(
    ("given_as", "seconds"),
    [
        ({"duration": 2}, 2.0),
        ({"duration": timedelta(seconds=2)}, 2.0),
        ({"stop_time": START + timedelta(seconds=3)}, 3.0),
        ({"stop_time": 4.0}, 4.0),
        ({"stop_time": timedelta(seconds=4)}, 4.0),
        ({"stop_time": START + timedelta(seconds=3), "duration": 1.0}, 1.0),
    ],
)
def test_a_duration_is_taken_in_each_form(given_as, seconds):
    """Both times and the duration agree; a duration wins over a time."""
    made = TestResult("t", "passed", START, **given_as)
    assert (made.duration, made.stop_time) == (seconds, START + timedelta(seconds=seconds))


def test_a_result_needs_an_end():
    """A time or a duration; two durations contradict each other."""
    with pytest.raises(ValueError, match="stop_time or duration"):
        TestResult("t", "passed", START)
    with pytest.raises(TypeError, match="stop_time is a datetime"):
        TestResult("t", "passed", START, 1.0, 2.0)


@few
@given(
    st.sampled_from([*NAMES, "quarantined"]),
    moments,
    st.integers(0, 10**7),
    st.booleans(),
    st.dictionaries(st.sampled_from(TEXTS), st.text(max_size=5)),
)
def test_a_result_survives_as_plain_data(outcome, at, micros, warned, texts):
    """Also through JSON; only an outcome of another plugin is told by its category."""
    made = TestResult("t.py::x", TestOutcome.named(outcome), at, duration=micros / 1e6, has_warning=warned, **texts)
    data = json.loads(json.dumps(made.to_dict()))
    assert TestResult.from_dict(data) == made
    assert hash(TestResult.from_dict(data)) == hash(made)
    assert ("category" in data) == (outcome == "quarantined")


@pytest.mark.parametrize("missing", ["nodeid", "start_time"])
def test_a_result_without_name_or_start_is_an_error(missing):
    """Nothing is made up for them."""
    data = result().to_dict()
    del data[missing]
    with pytest.raises(ValueError, match="needs nodeid and start_time"):
        TestResult.from_dict(data)


def test_texts_are_read_once_and_only_when_they_are_asked_for():
    """One call for all of them; what is forgotten is not read."""
    calls = []

    def read():
        calls.append(1)
        return dict.fromkeys(TEXTS, "read")

    lazy = result(texts=read)
    assert (lazy.outcome, calls) == ("passed", [])
    assert [getattr(lazy, name) for name in TEXTS] == ["read"] * 4
    assert calls == [1]
    taken = result(texts=read, caplog="given")
    taken.forget_loader()
    assert (taken.caplog, calls) == ("given", [1])


def test_results_are_found_by_outcome_failure_and_test():
    """In their order; an unknown outcome is an error and not an empty answer."""
    made = [result("a", "failed"), result("b", "passed"), result("a", "error", 1)]
    found = TestResults(made)
    assert (list(found), len(found)) == (made, 3)
    assert list(found.with_outcome("FAILED")) == list(found.with_outcome(TestOutcome.FAILED)) == made[:1]
    assert list(found.failures()) == list(found.of_test("a")) == [made[0], made[2]]
    with pytest.raises(ValueError, match="odd"):
        found.with_outcome("odd")


# ------------------------------------------------------------------ reruns


@few
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5)), max_size=6))
def test_tests_with_several_attempts_are_groups_in_order_of_their_start(attempts):
    """Each test once, with all its attempts; the last is the final one. They survive as plain data."""
    made = [result(name, "passed" if second % 2 else "failed", second) for name, second in attempts]
    groups = {group.nodeid: group for group in rerun_groups(made)}
    assert set(groups) == {name for name in "ab" if sum(one == name for one, _ in attempts) > 1}
    for name, group in groups.items():
        own = sorted((one for one in made if one.nodeid == name), key=lambda one: one.start_time)
        assert group.full_test_list == group.tests == own == [*group.forerunners, group.final_test]
        assert group.final_outcome == own[-1].outcome
        assert RerunTestGroup.from_dict(group.to_dict()) == group
    empty = RerunTestGroup("a")
    assert (empty.final_test, empty.final_outcome, empty.forerunners) == (None, None, [])


# ------------------------------------------------------------------ sessions


def session(**more) -> TestSession:
    """A session with two attempts of a test and one of another."""
    results = [result("a", "rerun"), result("a", "passed", 1), result("b", "failed", 2)]
    return TestSession("shop", {"host": "h"}, "s1", START, session_duration=9.0, test_results=results, **more)


def test_a_session_survives_as_plain_data():
    """With what is known of checkout, exit and output; what is not known is not there."""
    made = session(session_tags={"team": "a"}, output_fields=OutputFields.from_contents({"lastline": "1 failed"}))
    made.vcs, made.exit_status, made.running = {"commit": "c" * 40}, 1, ["c"]
    for group in rerun_groups(made.test_results):
        made.add_rerun_group(group)
    data = json.loads(json.dumps(made.to_dict()))
    back = TestSession.from_dict(data)
    assert back.to_dict() == made.to_dict()
    assert {"ci", "not_run", "status"}.isdisjoint(data)
    with pytest.raises(ValueError, match="needs session_start_time"):
        TestSession.from_dict(data | {"session_start_time": None})


@pytest.mark.parametrize(
    ("outcomes", "rate"),
    [
        ([], 0.0),
        (["passed"], 1.0),
        (["passed", "failed"], 0.5),
        (["passed", "skipped", "rerun"], 1.0),
        (["skipped"], 0.0),
        (["passed", "error", "xfailed", "quarantined"], 0.25),
    ],
)
def test_the_pass_rate_leaves_out_skips_and_reruns(outcomes, rate):
    """Of attempts, not of tests; 0 of 0 is 0.0, as documented."""
    made = TestSession("shop", session_start_time=START, session_duration=1.0)
    for outcome in outcomes:
        made.add_test_result(result("t", TestOutcome.named(outcome)))
    assert made.pass_rate == rate
    assert sum(made.outcome_counts.values()) == len(outcomes)


def test_a_session_needs_a_start_and_an_end():
    """And names the field that is missing; results are found by a glob that respects case."""
    with pytest.raises(ValueError, match="session_start_time"):
        TestSession("shop")
    with pytest.raises(ValueError, match="session_stop_time or session_duration"):
        TestSession("shop", session_start_time=START)
    made = TestSession("shop", session_start_time=START, session_stop_time=START + timedelta(seconds=3))
    assert (made.session_duration, made.state, made.is_complete) == (3.0, "finished", True)
    assert [one.nodeid for one in session().matching("[b-z]")] == ["b"]
    assert session().matching("B") == []


def test_results_of_a_stored_session_are_read_once():
    """A failed reading is tried again, and a head reads by itself."""
    calls = []

    def load(view):
        calls.append(1)
        if len(calls) == 1:
            raise LookupError("not now")
        view.load_later(lambda _: None)
        view.test_results = [result()]

    lazy = session()
    assert isinstance(lazy, LazyResults)
    lazy.load_later(load, {"passed": 1})
    assert (lazy.outcome_counts, lazy.is_untouched, calls) == ({"passed": 1}, True, [])
    with pytest.raises(LookupError, match="not now"):
        _ = lazy.test_results
    assert lazy.is_untouched
    assert len(lazy.test_results) == len(lazy.test_results) == 1
    assert (calls, lazy.is_untouched) == ([1, 1], False)


def test_a_stored_session_that_is_gone_is_an_error():
    """It does not read as an empty one."""
    with model_of(scripted("one", 0, "PF")) as model:
        from contextlib import nullcontext

        stored = TestSession.from_row(lambda: nullcontext(model), model.sessions()[0])
        stored.stream = "f" * 32
        with pytest.raises(LookupError, match="not in memory any more"):
            fill_session(stored, lambda: nullcontext(model))


# ------------------------------------------------------------------ collections, output, files


def test_a_history_has_the_sessions_of_each_system():
    """In their order; of an unknown system none."""
    made = [
        TestSession(sut, {}, str(at), START, session_duration=1.0) for at, sut in enumerate(["shop", "pay", "shop"])
    ]
    history = TestHistory.of(made)
    assert history.get_sessions_for_sut("shop") == [made[0], made[2]]
    assert history.get_sessions_for_sut("none") == []
    history.get_sessions_for_sut("pay").clear()
    assert history.get_sessions_for_sut("pay") == [made[1]], "the list is the caller's own"


@few
@given(st.dictionaries(st.sampled_from([*OUTPUT_FIELDS, "unknown"]), st.text(max_size=3)))
def test_sections_of_the_output_are_kept_by_name(contents):
    """Empty and unknown ones are left out."""
    fields = OutputFields.from_contents(contents)
    assert fields.to_dict() == {name: text for name, text in contents.items() if text and name in OUTPUT_FIELDS}


@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: [{}, data], lambda data: {"sessions": [data]}])
def test_the_newest_session_of_an_export_is_its_last(wrap, tmp_path):
    """Of one session, a list of them, or a document of the earlier plugin."""
    path = tmp_path / "out.json"
    path.write_text(json.dumps(wrap(session().to_dict())))
    assert not is_log(path)
    assert newest_exported(path) == session().to_dict()
    found = Results.from_file(path)
    assert [str(one.outcome) for one in found.test_results] == ["rerun", "passed", "failed"]
    assert found.session_duration == 9.0


@pytest.mark.parametrize("content", ["", "[]", "5", "{", "[5]", '{"sessions": []}'])
def test_a_file_without_a_session_is_an_error_with_its_name(content, tmp_path):
    """Whatever else is in it."""
    path = tmp_path / "out.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"out\.json: "):
        newest_exported(path)


def test_the_newest_session_of_a_log_is_the_one_that_started_last(tmp_path):
    """With its texts, which are read while the log is open; an empty log is an error."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(scripted("late", 5, "F") + scripted("early", 1, "P"))
    assert is_log(path)
    with newest_row(path) as (_, row):
        assert row.session_id == "late"
    found = TestSession.from_file(path)
    assert (found.session_id, found.test_results[0].longreprtext) == ("late", "RuntimeError: db down")
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="holds no session"), newest_row(path):
        pass
