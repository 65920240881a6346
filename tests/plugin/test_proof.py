"""The comparison of a run's own counts with those of pytest, over its whole domain, and with planted faults."""

import itertools
import sys

import pytest
from pytest_insight.plugin.attempts.proof import COMPARED, compare_counts, compare_failures

OWN_FAULTS = {
    "a failure is dropped": ("add_attempt", "if args[0].outcome == 'failed': return"),
    "a pass is counted twice": ("add_plain_pass", "old(self)"),
}
PLANTED = """
from pytest_insight.plugin.attempts.tally import Tally
old = Tally.{method}
def faulty(self, *args):
    {fault}
    old(self, *args)
Tally.{method} = faulty
"""


@pytest.mark.parametrize("name", [*COMPARED, "quarantined", "subtests passed"])
def test_counts_agree_exactly_where_they_are_equal(name):
    """Over all small counts of each category, pytest's own and one of another plugin."""
    for own, shown in itertools.product(range(3), repeat=2):
        found = compare_counts({name: own}, {name: shown})
        assert (found == []) == (own == shown)
        assert all(name in text and str(shown) in text for text in found)


def test_what_pytest_counts_as_nothing_is_not_compared():
    """Reports without a category are kept by pytest under an empty name."""
    assert compare_counts({"passed": 1}, {"passed": 1, "": 9}) == []


@pytest.mark.parametrize(("bad", "seen", "status"), list(itertools.product(range(2), range(2), range(3))))
def test_failures_that_pytest_has_not_seen_are_a_difference(bad, seen, status):
    """Only recorded failures, none in pytest's session, and exit status 0 contradict each other."""
    found = compare_failures({"failed": bad}, seen, status)
    assert bool(found) == (bad == 1 and seen == 0 and status == 0)


OTHER_REPORTER = """
import pytest
class Letters:
    verbosity = 0
    def __init__(self): self.stats = {}
    def pytest_runtest_logreport(self, report): self.stats.setdefault(report.outcome[0].upper(), []).append(report)
    def write_line(self, *args, **options): pass
@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config.pluginmanager.unregister(config.pluginmanager.getplugin("terminalreporter"))
    config.pluginmanager.register(Letters(), "terminalreporter")
"""


def test_a_reporter_of_another_plugin_that_counts_in_its_own_way_is_no_difference(suite, run):
    """There is nothing of pytest's own to compare with; the record is whole."""
    suite(conftest=OTHER_REPORTER, test_a="def test_a(): pass\ndef test_b(): assert 0\n")
    recorded = run(sys.executable)
    assert recorded.exit_code == 1
    assert recorded.outcomes() == {"test_a": "passed", "test_b": "failed"}
    assert not recorded.of_type("recorder.degraded")


@pytest.mark.parametrize("name", OWN_FAULTS)
@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["normal", "quiet"])
def test_a_planted_fault_is_an_event_and_a_line(suite, run, name, quiet):
    """A recorder that loses or doubles results says so itself; the run ends as it would have."""
    method, fault = OWN_FAULTS[name]
    planted = PLANTED.format(method=method, fault=fault)
    suite(planted=planted, test_a="def test_a(): pass\ndef test_b(): assert 0\n")
    recorded = run(sys.executable, "-p", "planted", *quiet, env={"PYTHONPATH": "."}, differs=True)
    assert recorded.exit_code == 1
    (note,) = recorded.of_type("recorder.degraded")
    assert "recorded, pytest counts" in note["reason"]
    text = (recorded.stdout + recorded.stderr).decode()
    assert text.count("insight: the record differs from pytest: ") == 1
    assert recorded.of_type("session.finished")
