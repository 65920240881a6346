"""T10: every step costs what it does, not what there is. Counted in calls, not in seconds.

With 50,000 resources it is a command of its own: `python tests/campaigns/testdata.py`.
"""

import gc
import sys

import pytest
from pytest_insight.testdata import TestDataManager
from pytest_insight.testdata.model import events as ev
from pytest_insight.testdata.model.values import as_content
from pytest_insight.testdata.store.streams import namespace_stream

COUNT = 3_000


def fill(manager, count, first=0):
    """Create many in batches, as restoring does."""
    content = as_content({"n": 1})
    with manager.store.transact() as tx:
        for number in range(first, first + count):
            event = ev.ResourceCreated(
                namespace="n",
                resource_id=f"x_{number:08d}",
                data_type="x",
                session=manager.store.session,
                version="1.0.0",
                content=content.digest,
                data=content.data,
            )
            tx.append(namespace_stream("n"), event)


def calls_of(work):
    """How many Python functions are entered: a cost that other processes do not change."""
    count = 0

    def trace(frame, what, _):
        nonlocal count
        count += what == "call"

    # A collection of garbage would count the finalizers of others.
    gc.collect()
    gc.disable()
    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    """What each step costs with a tenth of the resources and with all of them."""
    return {count: costs_of(tmp_path_factory.mktemp("scale"), count) for count in (COUNT // 10, COUNT)}


def costs_of(folder, count):
    """What each step costs among so many resources."""
    manager = TestDataManager(folder)
    manager.store.renewer.start = lambda *_: None
    fill(manager, count)
    steps = {
        "create": lambda m=manager: m.create_test_data("x", 1, "n"),
        "update": lambda m=manager: m.update_test_data("x_00000001", 2, "n"),
        "get": lambda m=manager: m.get_test_data("x_00000001", "n"),
        "lock": lambda m=manager: m.isolation_manager.lock_resource("n", "x_00000002", "me"),
        "snapshot": lambda m=manager: m.create_snapshot("s", "n"),
        "clean one": lambda m=manager: m.cleanup_test_data("x_00000003", "n"),
        "report": lambda m=manager: m.cleanup_registry.get_cleanup_report(),
        "restore": lambda m=manager: m.restore_snapshot(m.find_snapshot("s")),
        "clean all": lambda m=manager: m.cleanup_test_data(namespace="n"),
    }
    found = {name: calls_of(step) for name, step in steps.items()}
    assert manager.list_test_data() == []
    assert len(manager.cleanup_registry.get_cleanup_report()["cleanup_results"]) > count
    manager.store.close()
    return found


@pytest.mark.parametrize("step", ["create", "update", "get", "lock", "snapshot", "clean one"])
def test_one_step_costs_the_same_among_many(costs, step):
    """Ten times as many resources do not make it dearer."""
    assert costs[COUNT][step] <= costs[COUNT // 10][step] + 5


@pytest.mark.parametrize("step", ["report", "restore", "clean all"])
def test_what_touches_all_is_linear(costs, step):
    """Ten times as many resources cost ten times as much, not a hundred times."""
    assert costs[COUNT][step] < 11 * costs[COUNT // 10][step]
