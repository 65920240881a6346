"""Figures of a history: every run counts, and how runs are counted."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.counting import cut_count, runs_of_modules, verdict_counts
from pytest_insight.core.history.modules import module_runs
from pytest_insight.core.questions.stats import wilson
from pytest_insight.core.questions.summary import summary_of
from small_histories import BAD_LETTERS, GOOD_LETTERS, HOUR_US, make_run, make_sessions, make_test

OUT = "a=F b=F c=F d=F e=F"
GOOD = "a=P b=P c=P d=P e=P"


@given(st.lists(st.tuples(st.text("PFESCKxX?", max_size=4), st.integers(0, 2)), max_size=5))
def test_every_run_and_every_module_that_was_not_collected_counts(sessions):
    """Of fewer than five tests there is no outage, so that the rate is of all good and bad runs; a module is an error."""
    runs = [
        make_run(
            number,
            " ".join(f"t{at}={letter}" for at, letter in enumerate(letters)),
            uncollected=tuple(f"m{at}.py" for at in range(modules)),
        )
        for number, (letters, modules) in enumerate(sessions, 1)
    ]
    together = "".join(letters for letters, _ in sessions)
    errors = sum(modules for _, modules in sessions)
    found = summary_of(runs)
    good, bad = (sum(one in letters for one in together) for letters in (GOOD_LETTERS, BAD_LETTERS))
    assert (found.sessions, found.runs) == (len(sessions), len(together) + errors)
    assert found.pass_rate == wilson(good, good + bad + errors)
    assert found.tests == max((len(letters) for letters, _ in sessions), default=0)
    assert found.verdicts.get("error", 0) == together.count("E") + errors
    assert list(found.verdicts.values()) == sorted(found.verdicts.values(), reverse=True)
    assert found.sessions_all_good == sum(not (set(lt) & BAD_LETTERS or modules) for lt, modules in sessions)


def test_an_outage_counts_in_everything_but_the_rate():
    """It is named and counted; set aside where the sessions around it are good, and in the rate if it is the newest."""
    found = summary_of(make_sessions(GOOD, OUT, GOOD))
    assert (found.outages, found.set_aside, found.runs) == (["s2"], ("s2",), 15)
    assert (found.pass_rate, found.verdicts) == (wilson(10, 10), {"passed": 10, "failed": 5})
    newest = summary_of(make_sessions(GOOD, OUT))
    assert (newest.outages, newest.set_aside, newest.pass_rate) == (["s2"], (), wilson(5, 10))


def test_times_and_states_of_a_summary():
    """First and last start in any order of sessions, the median duration, and how many were interrupted."""
    runs = [make_run(3, "a=P", duration_us=5_000_000), make_run(1, "a=P", status="interrupted"), make_run(2, "b=S")]
    found = summary_of(runs)
    assert (found.first_us, found.last_us, found.median_duration_s) == (HOUR_US, 3 * HOUR_US, 1.0)
    assert (found.interrupted, found.sessions_all_good, found.tests) == (1, 2, 2)
    nothing = summary_of([])
    assert (nothing.first_us, nothing.last_us, nothing.runs, nothing.pass_rate) == (0, 0, 0, wilson(0, 0))


def test_runs_are_counted_by_what_is_stored_or_by_looking_at_each():
    """Stored counts are taken as they are, without those that are no verdict of a run."""
    stored = make_run(1, "a=P", verdicts={"passed": 4, "failed": 1, "flaky": 2, "not_run": 3})
    assert verdict_counts(stored) == {"passed": 4, "failed": 1}
    assert (stored.considered, stored.bad) == (5, 1)
    looked_at = make_run(1, "a=P b=F c=C d=S e=K", uncollected=("m.py",))
    assert verdict_counts(looked_at) == {"passed": 1, "failed": 1, "crashed": 1, "skipped": 1, "cut": 1, "error": 1}
    assert (looked_at.considered, looked_at.bad) == (3, 2)


def test_a_module_has_a_run_where_it_failed_and_where_a_test_of_it_ran():
    """A package holds the tests below its folder; a module that runs as a test of that name has its own runs."""
    runs = [
        make_run(1, "m.py::a=F p/x.py::a=P"),
        make_run(2, "mm.py::a=P pp/x.py::a=P"),
        make_run(3, uncollected=("m.py", "p")),
    ]
    told = {name: [(run.name, test.verdict) for run, test in seen] for name, seen in module_runs(runs).items()}
    both = [("s1", "passed"), ("s3", "error")]
    assert told == {"m.py": both, "p": both}
    assert set(runs_of_modules([*runs, make_run(4, "m.py::a=P doc.py::m.py=P")])) == {"m.py", "p"}
    named = make_run(4, tests={"m.py": make_test("P")})
    assert set(runs_of_modules([*runs, named])) == {"p"}
    assert runs_of_modules(runs[:2]) == {}


def test_a_test_that_was_started_twice_is_cut_once():
    """The count of what was running is one of tests."""
    row = SimpleNamespace(part=SimpleNamespace(open=[("a", 1, 5), ("b", 1, 6), ("a", 2, 7)]))
    assert cut_count(row) == 2
