"""View classes: values in every form that is taken, plain data and back, texts and results that are read once."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.models import RerunTestGroup, TestOutcome, TestResult, TestSession
from pytest_insight.core.views.files import is_log, newest_exported, newest_row
from pytest_insight.core.views.output import OutputFields
from pytest_insight.core.views.results import Results
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


# ------------------------------------------------------------------ results


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


def test_a_stored_session_that_is_gone_is_an_error():
    """It does not read as an empty one."""
    with model_of(scripted("one", 0, "PF")) as model:
        from contextlib import nullcontext

        stored = TestSession.from_row(lambda: nullcontext(model), model.sessions()[0])
        stored.stream = "f" * 32
        with pytest.raises(LookupError, match="not in memory any more"):
            fill_session(stored, lambda: nullcontext(model))


# ------------------------------------------------------------------ collections, output, files


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
