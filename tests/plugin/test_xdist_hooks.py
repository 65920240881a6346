"""Hooks of xdist in its controller: names, groups, lost workers, and the worker of each start and finish."""

from types import SimpleNamespace

import pytest
from builders import make_node, make_recording
from pytest_insight.eventlog.events import WorkerLost
from pytest_insight.plugin.attempts.announced import AnnouncedTests
from pytest_insight.plugin.worker import GROUPS_KEY
from pytest_insight.plugin.xdist import XdistHooks
from pytest_insight.plugin.xdist_run import XdistRun


@pytest.fixture
def hooks():
    """Hooks whose announcements go into a list, and into the announced tests as in a run."""
    recording = make_recording()
    made = []

    def announce(names, worker):
        made.append((names, worker))
        recording.tests.announce(names, worker)

    hooks = XdistHooks(recording, announce, lambda worker: [f"running on {worker}"])
    hooks.made = made
    return hooks


def test_workers_that_collect_the_same_announce_it_once(hooks):
    """The second list adds what is new in it; one without anything new adds nothing."""
    for worker, ids in (("gw0", ["a", "b"]), ("gw1", ["a", "b"]), ("gw2", ["b", "c"])):
        hooks.pytest_xdist_node_collection_finished(make_node(worker), ids)
    assert hooks.made == [(["a", "b"], ""), (["c"], "")]


def test_a_run_without_any_test_is_announced_as_empty(hooks):
    """The set of announced tests is known then, and is not the same as one that was never told."""
    hooks.pytest_xdist_node_collection_finished(make_node(), [])
    assert hooks.made == [([], "")]


def test_each_worker_announces_its_own_set_where_each_runs_all(hooks):
    """With `--dist each`."""
    hooks.recording.tests.each = True
    for worker in ("gw0", "gw1"):
        hooks.pytest_xdist_node_collection_finished(make_node(worker), ["a"])
    assert hooks.made == [(["a"], "gw0"), (["a"], "gw1")]


def test_the_groups_that_a_worker_sends_are_taken_from_its_names(hooks):
    """Before xdist itself handles the message, whose result is passed on."""
    handled = []
    node = make_node(process_from_remote=None)
    node.process_from_remote = lambda call: handled.append(call) or "result"
    hooks.pytest_configure_node(node)
    calls = [
        ("collectionfinish", {GROUPS_KEY: {"a@g": ["a", "g"]}, "ids": ["a@g", "b"]}),
        ("collectionfinish", {"ids": []}),
        ("logstart", {}),
        object(),
    ]
    assert [node.process_from_remote(call) for call in calls] == ["result"] * 4
    assert handled == calls
    assert hooks.recording.xdist.groups == {"a@g": ("a", "g")}
    hooks.pytest_xdist_node_collection_finished(node, ["a@g", "b"])
    assert hooks.made == [(["a", "b"], "")]


@pytest.mark.parametrize(("error", "lost"), [(None, []), ("", []), ("Not properly terminated", ["gw1"])])
def test_a_worker_that_ends_with_an_error_is_lost_with_the_tests_that_it_ran(hooks, error, lost):
    """One that ends because there is nothing left to do is not."""
    hooks.pytest_testnodedown(make_node("gw1"), error)
    events = hooks.recording.writer.events
    assert [event.worker for event in events] == lost
    assert all(isinstance(event, WorkerLost) and event.running == ["running on gw1"] for event in events)


def test_the_error_of_a_worker_is_redacted(hooks):
    """It may be any text of the tested code."""
    hooks.pytest_testnodedown(make_node(), "died: password=Canary1xyz \ud800")
    assert hooks.recording.writer.events[0].error == "died: password=[redacted] \\ud800"


class Scheduler:
    """The plugin of xdist that knows the worker of each message."""

    def __init__(self, xdist):
        self.xdist = xdist
        self.seen = []

    def worker_logstart(self, node, nodeid, location):
        """Note the worker that is known while the hook is called."""
        self.seen.append((self.xdist.worker, nodeid, location))
        if nodeid == "raises":
            raise ValueError
        return "started"


def config_with(scheduler, dist):
    """The config of a run; without a scheduler it is one without xdist."""
    manager = SimpleNamespace(getplugin=lambda name: scheduler if name == "dsession" else None)
    return SimpleNamespace(pluginmanager=manager, option=SimpleNamespace(dist=dist))


def test_the_worker_is_known_during_the_start_of_its_test_and_not_after_it():
    """Also if another plugin raises in the hook; a method that this xdist does not have is not missed."""
    xdist, tests = XdistRun(), AnnouncedTests()
    scheduler = Scheduler(xdist)
    xdist.find_scheduler(config_with(scheduler, "load"), tests)
    assert scheduler.worker_logstart(make_node("gw1"), nodeid="a", location=1) == "started"
    with pytest.raises(ValueError):
        scheduler.worker_logstart(make_node("gw2"), "raises", location=2)
    assert scheduler.seen == [("gw1", "a", 1), ("gw2", "raises", 2)]
    assert xdist.worker == ""
    assert not hasattr(scheduler, "worker_logfinish")


@pytest.mark.parametrize(
    ("has_scheduler", "dist", "active", "each"),
    [(False, "each", False, False), (True, "load", True, False), (True, "each", True, True)],
)
def test_xdist_is_active_if_it_schedules_and_each_worker_may_run_all(has_scheduler, dist, active, each):
    """The option alone, as with `-n0`, does not make it active."""
    xdist, tests = XdistRun(), AnnouncedTests()
    xdist.find_scheduler(config_with(Scheduler(xdist) if has_scheduler else None, dist), tests)
    assert (xdist.active, tests.each) == (active, each)
