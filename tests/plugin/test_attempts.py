"""The state machine of attempts: any interleaving on two workers, against an oracle that looks at the history at last."""

from types import SimpleNamespace

from examples import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pytest_insight.plugin.attempts.state_machine import AFTER, STEPS, Attempts, OpenAttempt, Step, input_of

WORKERS, TESTS = ("gw0", "gw1"), ("a", "b")


def test_the_table_names_a_step_for_every_state_and_input():
    """No combination is left to chance, and the states are those that reports lead to."""
    inputs = {"setup", "call", "teardown", "crash", "start", "other start", "other report", "finish", "end"}
    assert all(set(row) == inputs for row in STEPS.values())
    assert set(STEPS) == {"started", "undecided", *AFTER.values()}
    assert all(STEPS[state]["crash"] is Step.ADD_AND_CLOSE for state in STEPS)


def test_a_phase_that_is_none_counts_as_a_call():
    """As pytest's terminal counts it."""
    assert [input_of(when) for when in ("setup", "teardown", "???", None, 7, "collect")] == [
        *("setup", "teardown", "crash"),
        *("call", "call", "call"),
    ]


def oracle(history):
    """Reports by attempt, from the whole history of one worker at once: `(test, whens, repeated)` of those written.

    Written independently of the table: an attempt is a run of events of one test that no start, and no report that
    cannot follow the reports before it, divides.
    """
    spans = {}  # test -> [whens, started, finished]
    written = []

    def decided(whens):
        return "call" in whens or "???" in whens

    def close(test, *, repeated=False):
        whens, _started, _finished = spans.pop(test)
        if (repeated and whens) or decided(whens):
            written.append((test, tuple(whens), repeated))

    def others_over(test):
        for other in [one for one in spans if one != test]:
            whens, started, finished = spans[other]
            if finished:
                del spans[other]
            elif "teardown" in whens:
                close(other) if decided(whens) else (spans[other].__setitem__(2, True) if started else spans.pop(other))

    for what, test in history:
        if what == "start":
            others_over(test)
            if test in spans:
                close(test, repeated=True) if spans[test][0] else spans.pop(test)
            spans[test] = [[], True, False]
        elif what == "finish":
            if test in spans and not spans[test][2]:
                whens, started, _ = spans[test]
                if not whens:
                    del spans[test]
                elif decided(whens):
                    close(test)
                elif started:
                    spans[test][2] = True
                else:
                    del spans[test]
        else:
            others_over(test)
            started = False
            if test in spans:
                whens, started, finished = spans[test]
                follows = what in {"teardown", "???"}
                fresh = not whens or (whens == ["setup"] and what == "call")
                only_setup = whens and set(whens) <= {"setup"} and what == "call"
                if not (follows or fresh or only_setup) or (finished and not follows):
                    close(test, repeated=True)
            spans.setdefault(test, [[], started, False])
            spans[test][0].append(what)
            spans[test][2] = False
            if what == "???" or (what == "teardown" and not spans[test][1]):
                close(test) if decided(spans[test][0]) else spans.pop(test)
    for test in list(spans):
        whens, _started, finished = spans[test]
        if not finished and decided(whens):
            close(test)
    return written


class TwoWorkers(RuleBasedStateMachine):
    """Starts, reports, finishes and crashes of two tests on two workers, in any order."""

    def __init__(self):
        super().__init__()
        self.history = {worker: [] for worker in WORKERS}
        self.written = {worker: [] for worker in WORKERS}
        self.attempts = Attempts(self.close, lambda name: name in TESTS)

    def close(self, attempt, ending):
        whens = tuple(report.when for report in attempt.reports)
        repeated = ending == "repeated"
        if not repeated and not ({"call", "???"} & set(whens)):
            return False
        self.written[attempt.worker].append((attempt.key, whens, repeated))
        return True

    @rule(worker=st.sampled_from(WORKERS), test=st.sampled_from(TESTS))
    def start(self, worker, test):
        self.history[worker].append(("start", test))
        self.attempts.make_way(worker, test)
        self.attempts.open(OpenAttempt(test, worker, has_start=True))

    @rule(
        worker=st.sampled_from(WORKERS),
        test=st.sampled_from(TESTS),
        when=st.sampled_from(("setup", "call", "teardown", "???")),
    )
    def report(self, worker, test, when):
        self.history[worker].append((when, test))
        report = SimpleNamespace(when=when)
        self.attempts.report(worker, test, when, report, lambda: OpenAttempt(test, worker, has_start=False))

    @rule(worker=st.sampled_from(WORKERS), test=st.sampled_from(TESTS))
    def finish(self, worker, test):
        self.history[worker].append(("finish", test))
        self.attempts.finish(worker, test)

    @invariant()
    def what_is_over_is_what_the_history_says(self):
        """Also at every moment before the end: what is still open is what the end would close."""
        for worker in WORKERS:
            expected = oracle(self.history[worker])
            assert expected[: len(self.written[worker])] == self.written[worker]

    def teardown(self):
        """End the session: nothing that has a verdict is left."""
        for attempt in self.attempts.end():
            self.close(attempt, "finished")
        for worker in WORKERS:
            assert sorted(self.written[worker]) == sorted(oracle(self.history[worker]))
        assert not list(self.attempts)


TestTwoWorkers = TwoWorkers.TestCase
TestTwoWorkers.settings = settings(max_examples=examples(150), stateful_step_count=30)
