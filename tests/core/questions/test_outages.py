"""Outages: the share by whole numbers, and every row of the table that sets one aside."""

from itertools import product

import pytest
from hypothesis import given
from pytest_insight.core.questions.outages import is_outage, key_of, set_aside
from pytest_insight.core.questions.stats import wilson
from pytest_insight.core.questions.summary import summary_of
from small_runs import few, make_run, small_histories

STATES = {"good": "PPPPPP", "mixed": "PPFFFF", "outage": "FFFFFF", "empty": "SSSSSS", "absent": None}


def test_more_than_four_of_five_of_at_least_five_tests_are_an_outage():
    """Over all numbers up to 40, in whole numbers: 5 bad > 4 considered."""
    for considered in range(41):
        for bad in range(considered + 1):
            run = make_run(0, {}, verdicts={"failed": bad, "passed": considered - bad, "skipped": 7, "not_run": 9})
            assert is_outage(run) == (considered >= 5 and 5 * bad > 4 * considered)


def state(number: int, what: str, **more):
    """A session of six tests."""
    return make_run(number, {f"t.py::{at}": letter for at, letter in enumerate(STATES[what])}, **more)


def expected_aside(before: str, same_before: bool, behind: str, same_behind: bool) -> bool:
    """The table of the rule, read by one who knows only its words: is the outage in the middle set aside?"""
    if behind == "absent":
        return False  # the newest session counts
    neighbours = [(before, same_before), (behind, same_behind)]
    of_commit = [what for what, same in neighbours if same and what != "absent"]
    if "outage" in of_commit:
        return False  # two in a row are a break
    works = {"good", "mixed"}
    if of_commit and set(of_commit) <= works:
        return True
    return before in works and behind in works


@pytest.mark.parametrize("same", list(product([False, True], repeat=2)))
def test_each_pair_of_neighbours_decides_as_the_table_says(same):
    """Any two neighbours, each of the same or of another commit."""
    outage = state(5, "outage")
    for before, behind in product(STATES, repeat=2):
        runs = [] if before == "absent" else [state(4, before, **{"commit": outage.commit} if same[0] else {})]
        runs.append(outage)
        runs += [] if behind == "absent" else [state(6, behind, **{"commit": outage.commit} if same[1] else {})]
        assert (outage.stream in set_aside(runs)) == expected_aside(before, same[0], behind, same[1]), (before, behind)


def test_neighbours_are_those_of_the_same_series():
    """A good session of another branch, system or variant in between says nothing about this machine."""
    other = [{"branch": "fix"}, {"sut": "pay"}, {"variant": (("os", "Windows"),)}]
    outage = state(2, "outage")
    for elsewhere in other:
        assert set_aside([state(1, "good", **elsewhere), outage, state(3, "good", **elsewhere)]) == set()
        mixed = [state(1, "good"), outage, state(3, "outage", **elsewhere), state(4, "good")]
        assert set_aside(mixed) == {outage.stream}


def test_sessions_without_a_commit_do_not_share_one():
    """Two outages that know no commit are not two of one commit; good sessions around each set it aside."""
    unknown = {"commit": ""}
    runs = [state(1, "good", **unknown), state(2, "outage", **unknown), state(3, "good", **unknown)]
    assert set_aside(runs) == {runs[1].stream}
    assert set_aside(runs[1:]) == set(), "one good session behind it is not one of the same commit"
    assert set_aside([runs[0], runs[1], state(3, "outage", **unknown), state(4, "good", **unknown)]) == set()


@few
@given(small_histories())
def test_only_outages_are_set_aside_and_never_the_newest(runs):
    """For any history, blown up to six tests with the verdict of one."""
    wide = [
        make_run(number, {f"t{at}": run.tests.get("a.py::a", run.tests["t.py::always"]) for at in range(6)})
        for number, run in enumerate(runs)
    ]
    aside = set_aside(wide)
    assert aside <= {key_of(run) for run in wide[:-1] if is_outage(run)}


def test_a_run_that_is_in_no_log_is_told_by_its_name():
    """A session of the API has no stream."""
    assert key_of(make_run(1, {}, stream="")) == "s1"
    assert key_of(make_run(1, {})) == f"{1:032x}"


# ------------------------------------------------------------------ figures of a history


def test_the_summary_counts_everything_and_rates_what_is_evidence():
    """An outage between good sessions is named and counted, and only the pass rate is without it."""
    runs = [state(1, "good"), state(2, "outage"), state(3, "good"), make_run(4, {}, uncollected=("m.py",))]
    found = summary_of(runs)
    assert found.verdicts == {"passed": 12, "failed": 6, "error": 1}
    assert (found.runs, found.sessions, found.tests) == (19, 4, 6)
    assert (found.outages, found.set_aside) == (["s2"], ("s2",))
    assert found.pass_rate == wilson(12, 13)
    assert (found.first_us, found.last_us) == (runs[0].started_us, runs[-1].started_us)


@pytest.mark.parametrize(
    ("more", "letters", "is_good"),
    [
        ({}, "P", True),
        ({}, "S", True),
        ({}, "F", False),
        ({}, "!", False),
        ({"status": "incomplete"}, "P", False),
        ({"status": "interrupted"}, "P", False),
        ({"uncollected": ("m.py",)}, "P", False),
    ],
)
def test_a_session_is_all_good_if_it_is_complete_and_nothing_was_bad(more, letters, is_good):
    """A skip is not bad; a session that was cut, or could not collect a module, is not all good."""
    found = summary_of([make_run(1, {"t": letters}, **more)])
    assert found.sessions_all_good == is_good
    assert found.interrupted == (more.get("status") == "interrupted")


def test_the_summary_of_nothing_knows_nothing():
    """No session, no rate: the interval is 0 to 1."""
    found = summary_of([])
    assert (found.sessions, found.runs, found.first_us, found.median_duration_s) == (0, 0, 0, 0.0)
    assert found.pass_rate == (0.0, 0.0, 1.0)


def test_the_median_duration_is_in_seconds():
    """Of three sessions the middle one, whatever their order."""
    runs = [make_run(at, {"t": "P"}, duration_us=took) for at, took in enumerate((3_000_000, 1_000_000, 90_000_000))]
    assert summary_of(runs).median_duration_s == 3.0
