"""What scripts of users rely on: outcomes as text, constructors by name, the order of results, names of profiles."""

import copy
import json
import pickle
import random
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from pytest_insight.core.core_api import InsightAPI, analyze, compare, query
from pytest_insight.core.filters import InvalidQueryParameterError
from pytest_insight.core.models import (
    OutputField,
    OutputFields,
    RerunTestGroup,
    SUTGroup,
    TestHistory,
    TestOutcome,
    TestResult,
    TestSession,
)
from pytest_insight.core.query import Query
from pytest_insight.core.storage import (
    InMemoryStorage,
    JSONStorage,
    create_profile,
    get_profile_manager,
    get_storage_instance,
    list_profiles,
    load_sessions,
    switch_profile,
)

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def session_of(*results: TestResult, name: str = "s") -> TestSession:
    """A session of a minute with these results."""
    return TestSession(
        "shop", session_id=name, session_start_time=START, session_duration=60.0, test_results=list(results)
    )


def result_of(nodeid: str, outcome: str = "passed", second: float = 0) -> TestResult:
    """A result that started so many seconds after the session."""
    return TestResult(nodeid, TestOutcome.named(outcome), START + timedelta(seconds=second), duration=0.1)


# ------------------------------------------------------------------ outcomes


@pytest.mark.parametrize("name", ["passed", "failed", "skipped", "xfailed", "xpassed", "rerun", "error"])
def test_an_outcome_equals_its_name(name):
    """As text it is the name in lower case; the name and the value stay in upper case."""
    outcome = TestOutcome[name.upper()]
    assert isinstance(outcome, StrEnum)
    assert outcome == name
    assert {outcome: 1}[name] == 1
    assert f"{outcome}" == str(outcome) == outcome.to_str() == json.loads(json.dumps(outcome)) == name
    assert outcome.value == outcome.name == name.upper()
    assert TestOutcome(name) is TestOutcome(name.upper()) is TestOutcome.from_str(name) is outcome
    assert pickle.loads(pickle.dumps(outcome)) is copy.deepcopy(outcome) is outcome  # noqa: S301 - written above


def test_an_outcome_of_another_plugin_keeps_its_name():
    """It is text too, equals no member, and survives a copy to another process."""
    outcome = TestOutcome.named("Known_Bug")
    assert outcome == outcome.to_str() == "Known_Bug"
    assert outcome.value == "KNOWN_BUG"
    assert outcome.is_foreign
    assert not outcome.is_failed()
    assert outcome not in list(TestOutcome)
    assert pickle.loads(pickle.dumps(outcome)) is copy.deepcopy(outcome) is outcome  # noqa: S301 - written above
    for wrong in ("Known_Bug", "faild", "", 3):
        with pytest.raises(ValueError, match="is not a valid TestOutcome"):
            TestOutcome(wrong)


def test_sessions_and_tests_are_found_by_the_outcome_of_another_plugin():
    """In any case; and an outcome that nothing was recorded with is an error that names those that there are."""
    bug = session_of(result_of("t.py::a", "Known_Bug"), result_of("t.py::b"), name="with")
    storage = InMemoryStorage([bug, session_of(result_of("t.py::a"), name="without")])
    for wanted in ("Known_Bug", "known_bug", TestOutcome.named("Known_Bug")):
        (found,) = Query(storage).with_outcome(wanted).execute()
        assert found.session_id == "with"
        (found,) = Query(storage).filter_by_test().with_outcome(wanted).apply().execute()
        assert [result.nodeid for result in found.test_results] == ["t.py::a"]
    for ask in (Query(storage).with_outcome, Query(storage).filter_by_test().with_outcome):
        with pytest.raises(InvalidQueryParameterError, match=r"'faild'; use one of passed, .*error, Known_Bug"):
            ask("faild")


def test_outcomes_of_other_plugins_survive_saving_and_exchange(tmp_path):
    """Through storage, JSON and JSON Lines to another storage; a name without the mark of a category is refused."""
    storage = InMemoryStorage([session_of(result_of("t.py::a", "quarantined"), result_of("t.py::b", "failed"))])
    for name in ("out.json", "out.jsonl"):
        storage.export_sessions(tmp_path / name)
        other = InMemoryStorage()
        assert other.import_sessions(tmp_path / name)["added"] == 1
        (session,) = other.load_sessions()
        assert [result.outcome for result in session.test_results] == ["quarantined", "failed"]
        assert session.outcome_counts == {"quarantined": 1, "failed": 1}
        assert other.import_sessions(tmp_path / name)["skipped"] == 1


# ------------------------------------------------------------------ constructors


def test_durations_are_seconds_or_timedelta():
    """By name, and in the place after the start."""
    span = timedelta(minutes=1, microseconds=250)
    for result in (
        TestResult("t.py::a", "PASSED", START, duration=span),
        TestResult("t.py::a", "PASSED", START, span),
        TestResult("t.py::a", "PASSED", START, 60.00025),
        TestResult("t.py::a", "PASSED", START, START + span),
    ):
        assert (result.duration, result.stop_time) == (60.00025, START + span)
    with pytest.raises(TypeError, match="by name"):
        TestResult("t.py::a", "PASSED", START, 0.5, "a log")  # type: ignore[arg-type]
    session = TestSession("shop", session_id="s", session_start_time=START, session_duration=span)
    assert (session.session_duration, session.session_stop_time) == (60.00025, START + span)


def test_the_classes_of_the_first_design_are_made_by_name():
    """Every field of its dataclasses, in its order, by name; those with a default may be left out."""
    result = TestResult(
        nodeid="t.py::a",
        outcome="FAILED",
        start_time=START,
        duration=0.25,
        caplog="log",
        capstderr="err",
        capstdout="out",
        longreprtext="text",
        has_warning=True,
    )
    first = result_of("t.py::a", "rerun", -1)
    group = RerunTestGroup(
        nodeid="t.py::a",
        final_outcome="FAILED",
        final_test=result,
        forerunners=[first],
        full_test_list=[first, result],
    )
    fields = OutputFields(
        test_session_starts=OutputField(name="test_session_starts", content="=== start"),
        errors=OutputField(),
        failures=OutputField(),
        passes=OutputField(),
        warnings_summary=OutputField(),
        rerun_test_summary=OutputField(),
        short_test_summary=OutputField(),
        lastline=OutputField("lastline", "1 failed"),
    )
    session = TestSession(
        sut_name="shop",
        session_id="s",
        session_start_time=START,
        session_stop_time=START + timedelta(seconds=2),
        session_duration=timedelta(seconds=2),
        test_results=[first, result],
        output_fields=fields,
        rerun_test_groups=[group],
    )
    history = TestHistory()
    history.add_test_session(session)
    suts = SUTGroup(sut_name="shop")
    suts.add_session(session)
    assert history.get_sessions_for_sut("shop") == suts.sessions == [session]
    assert history.get_sessions_for_sut("else") == []
    (stored,) = InMemoryStorage([session]).load_sessions()
    assert [one.longreprtext for one in stored.test_results] == ["", "text"]
    assert (stored.session_duration, stored.output_fields.lastline.content) == (2.0, "1 failed")
    assert (RerunTestGroup().tests, RerunTestGroup().final_test, RerunTestGroup().final_outcome) == ([], None, None)


def test_a_group_whose_parts_contradict_each_other_is_refused():
    """The attempts decide; what is said of them beside is checked."""
    first, last = result_of("t.py::a", "rerun"), result_of("t.py::a", "passed", 1)
    for group in (
        RerunTestGroup("t.py::a", [first, last]),
        RerunTestGroup("t.py::a", full_test_list=[first, last]),
        RerunTestGroup("t.py::a", forerunners=[first], final_test=last),
    ):
        assert (group.tests, group.forerunners, group.final_test) == ([first, last], [first], last)
        assert group.final_outcome == "passed"
    with pytest.raises(ValueError, match="final_outcome is failed, but the last attempt is passed"):
        RerunTestGroup("t.py::a", [first, last], final_outcome="failed")
    with pytest.raises(ValueError, match="not the same attempts"):
        RerunTestGroup("t.py::a", [first, last], final_test=first)


def test_the_session_id_in_the_place_of_the_machine_is_refused():
    """With the way out, instead of a machine that is called like the session."""
    with pytest.raises(TypeError, match="session_id and what follows by name"):
        TestSession("shop", "s", START, session_duration=1)  # type: ignore[arg-type]


def test_plain_data_has_times_in_utc_with_z():
    """Whatever the time zone that a time was given in."""
    there = timezone(timedelta(hours=5, minutes=30))
    session = TestSession(
        "shop",
        session_id="s",
        session_start_time=START.astimezone(there),
        session_duration=1,
        test_results=[TestResult("t.py::a", "passed", START.astimezone(there), duration=0.5)],
    )
    data = session.to_dict()
    assert (data["session_start_time"], data["session_stop_time"]) == ("2026-11-02T08:00:00Z", "2026-11-02T08:00:01Z")
    assert data["test_results"][0]["stop_time"] == "2026-11-02T08:00:00.500000Z"
    assert TestSession.from_dict(data).to_dict() == data
    assert create_profile("x").to_dict()["created"].endswith("Z")


# ------------------------------------------------------------------ order


@pytest.mark.parametrize("seed", range(5))
def test_saved_results_come_back_in_the_order_in_which_they_were_given(seed, tmp_path):
    """Also those that started at the same time, later ones first, and attempts of one test apart from each other."""
    dice = random.Random(seed)
    results = [result_of(f"t.py::n{number}", second=dice.choice([0, 0, number, -number])) for number in range(12)]
    results += [result_of("t.py::again", "rerun", 1), result_of("t.py::again", "passed", 2)]
    dice.shuffle(results)
    session = session_of(*results)
    for storage in (InMemoryStorage(), JSONStorage(tmp_path / "log.jsonl")):
        for _ in range(2):
            storage.save_session(session)
            (stored,) = storage.load_sessions()
            assert [(r.nodeid, r.outcome) for r in stored.test_results] == [(r.nodeid, r.outcome) for r in results]
            assert [r.start_time for r in stored.test_results] == [r.start_time for r in results]
        (group,) = stored.rerun_test_groups
        assert group.final_outcome == "passed", "attempts are in the order of their start"
        storage.save_session(stored)
        storage.export_sessions(tmp_path / "back.json")
        assert storage.import_sessions(tmp_path / "back.json", "replace_existing")["skipped"] == 1
        assert [r.nodeid for r in storage.load_sessions()[0].test_results] == [r.nodeid for r in results]


# ------------------------------------------------------------------ profiles


READS = {
    "load_sessions": load_sessions,
    "storage": lambda name: get_storage_instance(name).load_sessions(),
    "JSONStorage": lambda name: JSONStorage(profile_name=name).load_sessions(),
    "by id": lambda name: get_storage_instance(name).get_session_by_id("s"),
    "last": lambda name: get_storage_instance(name).get_last_session(),
    "export": lambda name: get_storage_instance(name).export_sessions("never.json"),
    "clear": lambda name: get_storage_instance(name).clear_sessions(),
    "query": lambda name: query(name).execute(),
    "with_profile": lambda name: query().with_profile(name).with_sut("shop").execute(),
    "api": lambda name: InsightAPI(name).query().in_last_days(7).execute(),
    "analyze": lambda name: analyze(name).summary(),
    "compare": lambda name: compare(name).between_suts("a", "b").execute(),
    "switch": switch_profile,
    "manager": lambda name: get_profile_manager().get_profile(name),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_mistyped_profile_is_an_error_for_reading(read, tmp_path, monkeypatch):
    """It names the nearest profile, and nothing is created by it."""
    monkeypatch.chdir(tmp_path)
    create_profile("checkout")
    with pytest.raises(ValueError, match=r"^Profile 'chekout' does not exist; did you mean checkout\?$"):
        read("chekout")
    with pytest.raises(ValueError, match=r"^Profile 'zzz' does not exist$"):
        read("zzz")
    assert set(list_profiles()) == {"default", "checkout"}
    assert not list(tmp_path.glob("never*"))


def test_saving_and_importing_create_a_profile(tmp_path):
    """Then the same object reads it, and a bad import creates nothing."""
    storage = get_storage_instance("first")
    with pytest.raises(FileNotFoundError):
        storage.import_sessions(tmp_path / "no.json")
    assert "first" not in list_profiles()
    storage.save_session(session_of(result_of("t.py::a")))
    assert list(load_sessions("first")) == [storage.load_sessions()[0].session_id] == ["s"]
    storage.export_sessions(tmp_path / "some.json")
    second = get_storage_instance("second")
    assert second.import_sessions(tmp_path / "some.json")["added"] == 1
    get_profile_manager().save_session("third", session_of(result_of("t.py::a")), "named")
    assert list(load_sessions("third")) == ["named"]
    assert set(list_profiles()) == {"default", "first", "second", "third"}
