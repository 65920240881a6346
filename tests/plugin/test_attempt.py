"""One attempt of one test: the event that its reports make, by a table of results written out by hand."""

import itertools
from types import SimpleNamespace

import pytest
from builders import PHASES, Raises, make_policy, make_report
from pytest_insight.plugin.attempts.attempt import Attempt, is_failure, phase_of

AT = "2026-11-21T01:23:45.123456Z"
POLICY = make_policy("all")

KINDS = {  # kind of report: outcome, more attributes, category in set-up and teardown, category in the call
    "passed": ("passed", {}, None, None),
    "failed": ("failed", {}, "error", "failed"),
    "skipped": ("skipped", {}, "skipped", "skipped"),
    "xfailed": ("skipped", {"wasxfail": "x"}, "xfailed", "xfailed"),
    "xpassed": ("passed", {"wasxfail": ""}, "xpassed", "xpassed"),
    "rerun": ("rerun", {}, "rerun", "rerun"),
}
ORDER = ("rerun", "error", "failed", "xpassed", "passed", "xfailed", "skipped")
"""The first of these that a phase has is the result of the test."""


def make_attempt(reports=(), nodeid="test_a.py::test_a", location=("test_a.py", 4, "test_a"), **more):
    """An attempt with these reports."""
    attempt = Attempt(nodeid, nodeid, 2, "gw1", AT, location, **more)
    attempt.reports = list(reports)
    return attempt


def report_of(when, kind):
    """A report of one of the kinds of the table."""
    outcome, more, _, _ = KINDS[kind]
    return make_report(when, outcome, **more)


def test_the_result_of_any_three_phases_is_that_of_the_table():
    """All 216 combinations, with the category of each phase and the sum of the durations."""
    for kinds in itertools.product(KINDS, repeat=3):
        by_phase = dict(zip(PHASES, kinds, strict=True))
        event = make_attempt([report_of(when, kind) for when, kind in by_phase.items()]).finish(POLICY, None)
        categories = {when: KINDS[kind][3 if when == "call" else 2] for when, kind in by_phase.items()}
        special = {when: category for when, category in categories.items() if category is not None}
        present = {*special.values()} | ({"passed"} if "call" not in special else set())
        assert event is not None
        assert event.outcome == next(result for result in ORDER if result in present), kinds
        assert event.phase_outcomes == special
        assert (event.duration_us, event.phases) == (3000, dict.fromkeys(PHASES, 1000))
        assert (event.attempt, event.worker, event.started_at) == (2, "gw1", AT)


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_without_a_call_has_the_result_of_its_setup(kind):
    """A set-up that passed decides nothing: the attempt is still open, or was repeated."""
    reports = [report_of("setup", kind), report_of("teardown", "passed")]
    event = make_attempt(reports).finish(POLICY, None)
    assert (event and event.outcome) == KINDS[kind][2]
    again = make_attempt(reports).finish(POLICY, None, repeated=True)
    assert again is not None
    assert again.outcome == (KINDS[kind][2] or "rerun")


def test_a_failure_that_another_plugin_counts_under_its_name_is_failed():
    """The category is kept beside it; a category without a failure is `other`."""
    category_of = lambda report: "quarantined" if report.when == "call" else None
    for outcome, expected in (("failed", "failed"), ("passed", "other"), ("skipped", "other")):
        reports = [report_of("setup", "passed"), make_report("call", outcome), report_of("teardown", "passed")]
        event = make_attempt(reports).finish(POLICY, None, category_of)
        assert event is not None
        assert (event.outcome, event.category) == (expected, "quarantined")


def test_only_a_failed_subtest_fails_its_test():
    """pytest's fixture fails the parent itself, unittest does not: the result is the same."""
    for outcome, more, expected in (
        ("failed", {}, "failed"),
        ("skipped", {"wasxfail": "x"}, "passed"),
        ("skipped", {}, "passed"),
        ("passed", {}, "passed"),
    ):
        attempt = make_attempt([report_of(when, "passed") for when in PHASES])
        attempt.subtest(subtest_report(outcome, **more), POLICY, "")
        event = attempt.finish(POLICY, None)
        assert event is not None
        assert (event.outcome, event.subtests) == (expected, 1)


def subtest_report(outcome="passed", msg="m", kwargs=None, **more):
    """A report as the fixture `subtests` sends it."""
    return make_report("call", outcome, context=SimpleNamespace(msg=msg, kwargs=kwargs or {}), **more)


def test_subtests_are_numbered_within_their_attempt():
    """Their parameters may repeat, so the number tells them apart."""
    attempt = make_attempt()
    events = [attempt.subtest(subtest_report(kwargs={"i": 1}), POLICY, "subtests passed") for _ in range(3)]
    assert [event.ordinal for event in events] == [1, 2, 3]
    assert {(event.attempt, event.worker, event.message) for event in events} == {(2, "gw1", "m")}
    assert [category for category, _ in attempt.counted] == ["subtests passed"] * 3


@pytest.mark.parametrize(
    ("outcome", "category", "expected"),
    [
        ("passed", "", ("passed", "")),
        ("passed", "subtests passed", ("passed", "subtests passed")),
        ("failed", "failed", ("failed", "")),
        ("failed", "subtests failed", ("failed", "subtests failed")),
        ("strange", "strange", ("other", "strange")),
    ],
)
def test_a_category_is_written_only_where_it_says_more_than_the_outcome(outcome, category, expected):
    """A failed subtest counts as `failed` without a word."""
    event = make_attempt().subtest(subtest_report(outcome), POLICY, category)
    assert (event.outcome, event.category) == expected


def test_parameters_of_a_subtest_are_texts():
    """Names and values of any type; one that has no text is named, and said to be lost."""
    event = make_attempt().subtest(subtest_report(msg=None, kwargs={1: 2, "a": Raises()}), POLICY, "")
    assert event.params == {"1": "2", "a": "<builders.Raises>"}
    assert event.message == ""
    assert event.lossy


@pytest.mark.parametrize(
    ("nodeid", "location", "file", "lineno"),
    [
        ("test_a.py::test_a", ("test_a.py", 0, "x"), "", 1),
        ("test_a.py::test_a", ("base.py", 9, "x"), "base.py", 10),
        ("test_a.py::test_a", ("test_a.py", None, "x"), "", None),
        ("test_a.py::test_a", None, "", None),
        ("test_a.py::test_a", ("", 2, "x"), "", 3),
    ],
)
@pytest.mark.parametrize("kind", ["passed", "failed"])
def test_the_place_of_a_test_is_its_file_and_line_from_1(nodeid, location, file, lineno, kind):
    """pytest counts lines from 0; the file is written only if the name of the test does not begin with it."""
    reports = [report_of(when, kind if when == "call" else "passed") for when in PHASES]
    event = make_attempt(reports, nodeid, location).finish(POLICY, None)
    assert event is not None
    assert (event.file, event.lineno) == (file, lineno)


def test_the_cause_is_the_first_crash_of_a_phase_that_did_not_pass():
    """Path, line and message as pytest has them; the message without secrets, the line a number or 0."""
    crash = lambda path, lineno, message: SimpleNamespace(
        reprcrash=SimpleNamespace(path=path, lineno=lineno, message=message)
    )
    reports = [
        make_report("setup", longrepr=crash("not.py", 1, "passed phases have no cause")),
        make_report("call", "failed", longrepr="a text has no place"),
        make_report("teardown", "failed", longrepr=crash("b.py", "7", "E: password=Canary1xyz")),
    ]
    event = make_attempt(reports).finish(POLICY, None)
    assert event is not None
    assert event.cause is not None
    assert (event.cause.path, event.cause.lineno, event.cause.message) == ("b.py", 0, "E: password=[redacted]")


def test_a_crash_of_the_worker_is_a_failed_phase_of_its_own():
    """xdist sends one report with the phase `???`, after the set-up or without any other."""
    for before in ([], [make_report("setup")]):
        event = make_attempt([*before, make_report("???", "failed", duration=0)]).finish(POLICY, None)
        assert event is not None
        assert (event.outcome, event.crashed, event.phase_outcomes) == ("failed", True, {"???": "failed"})


def test_markers_tags_and_the_group_of_xdist_are_in_the_event():
    """The group is a tag, and does not push out the others."""
    reports = [report_of(when, "passed") for when in PHASES]
    event = make_attempt(reports, group="db").finish(POLICY, (["slow"], {"team": "a"}))
    assert event is not None
    assert (event.markers, event.tags) == (["slow"], {"team": "a", "xdist_group": "db"})


@pytest.mark.parametrize(("last", "lossy"), [(0.25, False), (None, True), (float("nan"), True), (-1.0, True)])
def test_a_duration_that_is_none_counts_nothing_and_is_noted(last, lossy):
    """The durations of the other phases are kept."""
    reports = [make_report("setup", duration=1.0), make_report("call", "failed", duration=last)]
    event = make_attempt(reports).finish(POLICY, None)
    assert event is not None
    assert event.phases == {"setup": 1_000_000, "call": 0 if lossy else 250_000}
    assert (event.duration_us, event.lossy) == (1_000_000 + (0 if lossy else 250_000), lossy)


def test_details_that_raise_cost_the_details_alone():
    """The verdict is recorded, with the note that something was lost."""
    report = make_report("call", "failed", longrepr=SimpleNamespace(reprcrash=SimpleNamespace()))
    event = make_attempt([report]).finish(POLICY, None)
    assert event is not None
    assert (event.outcome, event.lossy, event.longreprtext) == ("failed", True, "")


@pytest.mark.parametrize(("when", "phase"), [("setup", "setup"), ("???", "???"), ("collect", "call"), (7, "call")])
def test_an_unknown_phase_counts_as_the_call(when, phase):
    """As in pytest's terminal."""
    assert phase_of(make_report(when)) == phase


def test_only_an_unexpected_failure_is_one():
    """A failed report with `wasxfail`, whatever its value, was expected."""
    found = [is_failure(make_report("call", outcome, **more)) for outcome, more, _, _ in KINDS.values()]
    assert found == [False, True, False, False, False, False]
    assert not is_failure(make_report("call", "failed", wasxfail=""))
