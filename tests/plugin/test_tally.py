"""Counts of recorded results, against the slow count of pytest's last line from the events."""

import random

import msgspec
import pytest
from pytest_insight.eventlog.events import SubtestFinished, TestFinished
from pytest_insight.plugin.attempts.tally import Tally

CATEGORIES = ("failed", "error", "skipped", "xfailed", "xpassed", "rerun", "quarantined", "")


def random_attempt(choose):
    """An attempt with any phases, some of them with a category of their own."""
    phases = [when for when in ("setup", "call", "teardown") if choose.random() < 0.7]
    special = {when: choose.choice(CATEGORIES) for when in phases if choose.random() < 0.4}
    discarded = {"failed": choose.randrange(2)} if choose.random() < 0.2 else {}
    return TestFinished(
        nodeid="a",
        outcome="passed",
        phases=dict.fromkeys(phases, 1),
        phase_outcomes=special,
        discarded_subtests=discarded,
    )


def test_the_counts_are_those_of_the_events(fold):
    """For 300 random sessions; both count each phase, and know nothing of each other."""
    for seed in range(300):
        choose = random.Random(seed)
        tally, events = Tally(), []
        for _ in range(choose.randrange(8)):
            attempt = random_attempt(choose)
            events.append(attempt)
            tally.add_attempt(attempt)
        for category in choose.choices(CATEGORIES, k=choose.randrange(4)):
            events.append(SubtestFinished(nodeid="a", outcome="passed", ordinal=1, category=category))
            tally.add(category)
        expected = fold([msgspec.to_builtins(event) for event in events])
        assert dict(tally.counts()) == {name: count for name, count in expected.items() if count > 0}, seed
        assert tally.finished == sum(isinstance(event, TestFinished) for event in events)


@pytest.mark.parametrize(("phases", "counted"), [({"setup": 1, "call": 1}, 1), ({"setup": 1, "teardown": 1}, 0)])
def test_only_a_call_counts_as_passed(phases, counted):
    """A test that is set up and torn down without a call has no result in pytest either."""
    tally = Tally()
    tally.add_attempt(TestFinished(nodeid="a", outcome="passed", phases=phases))
    assert (tally.plain, tally.finished) == (counted, 1)
    assert tally.counts() == ({"passed": 1} if counted else {})


def test_counts_of_the_session_are_added_to_those_of_its_tests():
    """Deselected tests are known beside the tally; a count of zero is not shown, and asking changes nothing."""
    tally = Tally()
    tally.add("warnings", 2)
    tally.add("error")
    for _ in range(2):
        assert tally.counts({"deselected": 3, "failed": 0}) == {"warnings": 2, "error": 1, "deselected": 3}
