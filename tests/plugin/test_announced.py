"""Announced tests and their results, compared with a slow model that keeps all calls."""

from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.plugin.attempts.announced import AnnouncedTests

NAMES, WORKERS = ("a", "b"), ("gw0", "gw1")
CALLS = st.lists(
    st.tuples(
        st.sampled_from(["announce", "result", "rerun", "restart"]), st.sampled_from(NAMES), st.sampled_from(WORKERS)
    ),
    max_size=12,
)


def missing_by_the_model(calls, *, each):
    """Go through all calls for one test at a time: announced, and no result."""
    keys = [(worker, name) for worker in WORKERS for name in NAMES] if each else list(NAMES)
    found = set()
    for key in keys:
        announced = reported = False
        for what, name, worker in calls:
            mine = (worker, name) == key if each else name == key
            if what == "announce" and mine:
                announced = True
            if what in ("result", "rerun") and mine:
                reported = True
        if announced and not reported:
            found.add(key)
    return found


@given(CALLS.filter(lambda calls: all(what != "restart" for what, _, _ in calls)))
def test_a_test_is_missing_until_it_has_a_result(calls):
    """Without repeated tests: announced and no result, on its worker if each worker runs all."""
    for each in (False, True):
        tests = AnnouncedTests()
        tests.each = each
        for number, (what, name, worker) in enumerate(calls, 1):
            if what == "announce":
                tests.announce([name], worker)
            else:
                tests.add_result(name, worker, number, is_rerun=what == "rerun")
        assert tests.missing() == missing_by_the_model(calls, each=each)


def test_only_a_rerun_makes_a_test_wait_for_another_result():
    """A second start after a rerun takes the result back; after a final result it does not."""
    for is_rerun in (True, False):
        tests = AnnouncedTests()
        tests.announce(["a"], "")
        tests.add_result("a", "", 1, is_rerun=is_rerun)
        assert tests.missing() == set()
        tests.restart("a", "")
        assert tests.missing() == ({"a"} if is_rerun else set())
        tests.add_result("a", "", 2, is_rerun=False)
        tests.restart("a", "")
        assert tests.missing() == set()


def test_new_names_are_those_not_announced_before():
    """The controller of xdist announces each name once, in the order of the worker that knows it first."""
    tests = AnnouncedTests()
    tests.announce(["a", "b"], "")
    assert tests.find_new(["c", "a", "d", "b"]) == ["c", "d"]
    assert len(tests) == 2
    assert "a" in tests
    assert "c" not in tests
