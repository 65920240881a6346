"""The decisions, against an independent slow model: whatever order messages, silence, force and restarts come in."""

import pytest
from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pytest_insight.eventlog.codec import EventDecoder
from pytest_insight.eventlog.journal import fold_journal
from pytest_insight.syncstorage.defaults import SilenceLimits
from pytest_insight.syncstorage.service.coordinator import Coordinator
from pytest_insight.syncstorage.service.events import SYNC_EVENTS, CutAccepted, WorkerRegistered
from pytest_insight.syncstorage.service.state import SyncState

LIMITS = SilenceLimits(lease_s=95, silent_lease_s=900, quiet_s=2)

RUNS = st.sampled_from(["one", "one", "one", "two"])
PIDS = st.sampled_from(["a", "a", "b", "c"])
AFTER = st.sampled_from([0.0, 0.0, 1.5])
"""Seconds before a message."""
TESTS = st.sampled_from(["t1", "t2"])


class Model:
    """What a test run should be like, by the words of the design: plain dictionaries, all looked through each time."""

    def __init__(self):
        self.workers = {}  # pid -> dict
        self.master = None
        self.cuts = []
        self.generation = 1
        self.done = None  # None, "completed" or "forced"
        self.handed_over = False
        self.active = 0.0
        self.finalised = 0

    def _reopen(self):
        if self.done:
            self.done, self.cuts, self.handed_over = None, [], False
            self.generation += 1
            for worker in self.workers.values():
                worker["worked"] = worker["status"] == "in_progress"

    def register(self, pid, now, election):
        worker = self.workers.get(pid)
        if worker and worker["status"] in ("registered", "in_progress", "completed"):
            worker["heard"] = now
            return worker["told"]
        self._reopen()
        fresh = worker is None
        old = self.workers.get(self.master)
        if worker is None:
            worker = {"told": False, "worked": False, "beats": False, "said": "registered"}
        is_free = (
            old is None or old["status"] in ("offline", "abandoned") or (old["status"] == "completed" and not self.cuts)
        )
        grant = is_free or (
            election == "handoff" and not old["worked"] and not self.handed_over and now - old["registered"] > 1
        )
        if grant and not worker["told"]:
            self.handed_over = self.handed_over or not is_free
            self.master = pid
            worker["told"] = True
        worker |= {"status": "registered", "heard": now, "registered": now}
        if fresh:
            self.workers[pid] = worker
        self.active = now
        return worker["told"]

    def report(self, pid, status, now):
        worker = self.workers.get(pid)
        if worker is not None and worker["status"] == status:
            worker["heard"] = now
            return
        if status == "in_progress":
            self._reopen()
        if worker is None:
            worker = {"told": False, "worked": False, "beats": False, "registered": float("-inf")}
            self.workers[pid] = worker
        worker |= {"status": status, "said": status, "heard": now}
        worker["worked"] = worker["worked"] or status == "in_progress"
        self.active = now

    def beat(self, pid, now):
        worker = self.workers.get(pid)
        if worker is None:
            return False
        worker |= {"heard": now, "beats": True}
        if worker["status"] == "offline" and not self.done:
            worker["status"] = worker["said"]
            self.active = now
        return True

    def cut(self, test, now):
        if test in self.cuts:
            return False
        self._reopen()
        self.cuts.append(test)
        self.active = now
        return True

    def force(self, now):
        if self.done:
            return
        self._finish("forced")

    def _finish(self, how):
        self.done = how
        self.finalised += len(self.cuts)
        for worker in self.workers.values():
            if worker["status"] in ("registered", "in_progress"):
                worker["status"] = "abandoned"

    def pass_time(self, now):
        if self.done:
            return
        for worker in self.workers.values():
            patience = 95 if worker["beats"] else 900
            if worker["status"] in ("registered", "in_progress") and now - worker["heard"] >= patience:
                worker["status"] = "offline"
                self.active = now
        busy = any(worker["status"] in ("registered", "in_progress") for worker in self.workers.values())
        if not busy and now - self.active >= (2 if self.workers else 900):
            self._finish("completed")

    def restart(self, now):
        self.active = now
        for worker in self.workers.values():
            worker |= {"heard": now, "beats": False, "registered": float("-inf")}


class Sync(RuleBasedStateMachine):
    """Drives the coordinator with a journal and the model side by side; time is a number."""

    @initialize(election=st.sampled_from(["handoff", "handoff", "first"]))
    def begin(self, election):
        from tempfile import mkdtemp

        self.now = 1000.0
        self.path = mkdtemp()
        self.election = election
        self.models = {}
        self.told = []
        self.core = self.make()

    def make(self):
        from pathlib import Path

        core = Coordinator(
            Path(self.path) / "journal.jsonl",
            election=self.election,
            limits=LIMITS,
            clock=lambda: self.now,
            completed=self.told.append,
        )
        core.start(port=1, os_pid=1, version="")
        return core

    def model(self, run):
        return self.models.setdefault(run, Model())

    @rule(run=RUNS, pid=PIDS, after=AFTER)
    def register(self, run, pid, after):
        self.now += after
        asked = WorkerRegistered(test_run=run, pid=pid)
        assert self.core.register(asked) == self.model(run).register(pid, self.now, self.election)

    @rule(run=RUNS, pid=PIDS, status=st.sampled_from(["in_progress", "completed"]), after=AFTER)
    def report(self, run, pid, status, after):
        self.now += after
        self.core.set_status(WorkerRegistered(test_run=run, pid=pid, adopted=True, status=status))
        self.model(run).report(pid, status, self.now)

    @rule(run=RUNS, pid=PIDS, after=AFTER)
    def beat(self, run, pid, after):
        self.now += after
        known = self.models[run].beat(pid, self.now) if run in self.models else False
        assert self.core.keep_alive(run, pid, None) == known

    @rule(run=RUNS, test=TESTS, after=AFTER)
    def cut(self, run, test, after):
        self.now += after
        new = self.core.accept_cut(CutAccepted(test_run=run, external_id=test))
        assert new == self.model(run).cut(test, self.now)

    @rule(run=RUNS)
    def force(self, run):
        outcome = self.core.force([run])
        if run in self.models:
            self.models[run].force(self.now)
        assert outcome.completed == (run in self.models)

    @rule(seconds=st.sampled_from([0.5, 1.5, 3.0, 3.0, 60.0, 100.0, 1000.0, 1000.0]))
    def pass_time(self, seconds):
        self.now += seconds
        # Twice: a lease that ends may be what a completion waits for, once its quiet has passed.
        for _ in range(2):
            self.core.settle()
            for model in self.models.values():
                model.pass_time(self.now)

    @rule(run=RUNS, hold=st.booleans())
    def all_is_done(self, run, hold):
        """The way that most test runs go, so that what may follow is tried often."""
        if hold:
            self.cut(run, "t1", 0)
        for pid in list(self.model(run).workers) or ["a"]:
            self.report(run, pid, "completed", 0)
        self.pass_time(3)

    @rule(run=RUNS, first=PIDS, second=PIDS)
    def one_after_the_other(self, run, first, second):
        self.register(run, first, 0)
        self.register(run, second, 1.5)

    @rule()
    def killed_and_started_again(self):
        self.core.journal.close()
        self.now += 10_000
        self.core = self.make()
        for model in self.models.values():
            model.restart(self.now)

    @invariant()
    def they_agree(self):
        if not hasattr(self, "core"):
            return
        state = self.core.state
        assert set(state.runs) == set(self.models)
        for name, model in self.models.items():
            run = state.runs[name]
            assert {pid: worker.status for pid, worker in run.workers.items()} == {
                pid: worker["status"] for pid, worker in model.workers.items()
            }
            assert [cut.external_id for cut in run.cuts.values()] == model.cuts
            assert (run.master, run.generation) == (model.master, model.generation)
            assert (run.completed, run.forced) == (bool(model.done), model.done == "forced")
            assert run.finalised == model.finalised
            assert (name in state.open_runs) == (not model.done)
        assert len(self.told) == sum(model.generation - (not model.done) for model in self.models.values())

    @rule()
    def what_the_journal_says(self):
        if hasattr(self, "core"):
            again, findings = fold_journal(self.core.journal.path, EventDecoder(SYNC_EVENTS), SyncState())
            assert findings == []
            assert again.runs == self.core.state.runs

    def teardown(self):
        import shutil

        if hasattr(self, "core"):
            self.core.journal.close()
            shutil.rmtree(self.path)


TestSync = Sync.TestCase
TestSync.settings = settings(max_examples=examples(200), stateful_step_count=50, deadline=None)


@pytest.fixture
def core(tmp_path):
    """A coordinator whose clock is `core.at[0]`."""
    at = [100.0]
    core = Coordinator(tmp_path / "journal.jsonl", limits=LIMITS, clock=lambda: at[0])
    core.start(port=1, os_pid=1, version="")
    core.at = at
    yield core
    core.journal.close()


def came(core, pid, after_s):
    """A worker registers so much later; whether it is the master."""
    core.at[0] += after_s
    return core.register(WorkerRegistered(test_run="run", pid=pid))


def test_under_xdist_the_first_worker_takes_over_from_the_controller(core):
    """The controller registers first and never runs a test; its workers come seconds later, and one takes over."""
    assert [came(core, "controller", 0), came(core, "gw0", 1.7), came(core, "gw1", 1.2), came(core, "gw2", 5)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_child_of_the_master_takes_over_and_a_sibling_never_does(tmp_path):
    """Where the system knows who started whom, time does not matter."""
    at = [0.0]
    parents = {2: 1, 3: 1, 4: 0}
    core = Coordinator(tmp_path / "journal.jsonl", clock=lambda: at[0], is_child=lambda pid, of: parents[pid] == of)
    core.start(port=1, os_pid=1, version="")
    answers = []
    for pid in (1, 4, 2, 3):
        answers.append(core.register(WorkerRegistered(test_run="run", pid=f"w{pid}", os_pid=pid)))
        at[0] += 10 if pid == 1 else 0.1
    assert answers == [True, False, True, False]
    core.journal.close()


def test_siblings_do_not_take_over_from_each_other(core):
    """Workers that start together are within a second of each other."""
    assert [came(core, pid, 0.2) for pid in "abcde"] == [True, False, False, False, False]


def test_a_master_that_works_stays(core):
    """It has reported `in_progress`, whatever it reported since."""
    came(core, "a", 0)
    core.set_status(WorkerRegistered(test_run="run", pid="a", status="in_progress"))
    assert came(core, "b", 100) is False


def test_with_first_come_election_nobody_takes_over(tmp_path):
    """`--election first`."""
    at = [0.0]
    core = Coordinator(tmp_path / "journal.jsonl", election="first", clock=lambda: at[0])
    core.at = at
    core.start(port=1, os_pid=1, version="")
    assert [came(core, "controller", 0), came(core, "gw0", 10)] == [True, False]
    core.journal.close()


def test_a_cut_that_nobody_registered_for_is_finalised_in_the_end(core):
    """A test run with a cut and without workers is completed after the long lease."""
    core.accept_cut(CutAccepted(test_run="run", external_id="t"))
    core.at[0] += 899
    core.settle()
    assert not core.state.runs["run"].completed
    core.at[0] += 2
    core.settle()
    assert core.state.runs["run"].finalised == 1


def test_who_waits_hears_of_a_completion_even_if_the_run_goes_on_at_once(core):
    """A wait is for the generation that it began in; one for a test run that nobody knows ends at once."""
    came(core, "a", 0)
    since = core.runs.generations(["run"])
    assert core.runs.answer(["run"], since) is None
    core.force(["run"])
    came(core, "b", 1)
    assert core.runs.answer(["run"], since).completed is True
    assert core.runs.answer(["run"], core.runs.generations(["run"])) is None
    assert core.runs.answer(["other"], core.runs.generations(["other"])).completed is False


def test_a_completed_master_that_holds_a_cut_hands_over_once():
    """It never reported a test in progress: the next worker takes over, and the one after that does not."""
    state = Sync()
    try:
        state.begin(election="handoff")
        state.one_after_the_other(first="a", run="one", second="a")
        state.cut(after=0.0, run="one", test="t1")
        state.report(after=0.0, pid="a", run="one", status="completed")
        state.one_after_the_other(first="b", run="one", second="c")
        assert state.core.state.runs["one"].master == "b"
        state.they_agree()
    finally:
        state.teardown()


def test_a_journal_that_has_grown_is_set_aside_when_nothing_in_it_is_open(core, tmp_path):
    """Large, settled and old: renamed whole. Small, open or recent: it stays."""
    from pytest_insight.syncstorage.service.archive import RECENT_US, set_aside

    journal = core.journal.path
    came(core, "a", 0)
    now_us = core.state.last_us
    assert set_aside(journal, now_us + 2 * RECENT_US, size_bytes_max=10) is None
    core.force(["run"])
    content = journal.read_bytes()
    assert set_aside(journal, now_us + 2 * RECENT_US) is None
    assert set_aside(journal, now_us + RECENT_US // 2, size_bytes_max=10) is None
    aside = set_aside(journal, now_us + 2 * RECENT_US, size_bytes_max=10)
    assert (aside.read_bytes(), journal.exists()) == (content, False)
    assert set_aside(journal, now_us) is None
