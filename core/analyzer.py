"""Answers to questions about the tests of a history of sessions, each with its evidence.

Nothing is blended into one score. Every answer names the sessions it rests on, how many there were, and the version
of its rule. Every run counts; what is broken, flaky or slower is decided in each series (system, branch, variant) and
then told of the test. Definitions and where they come from: docs/analysis.md.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from .history.chosen import ChosenSessions
from .history.modules import FAILED, module_runs
from .history.series import series_of
from .history.verdicts.reading import runs_of
from .history.verdicts.run import Run
from .questions.broken import BranchState, Broken, broken_tests, in_order
from .questions.clusters import FailureCluster, collection_messages, failure_clusters, message_of, record_of
from .questions.durations import (
    DurationShift,
    Slow,
    TestFigures,
    costs,
    duration_shifts,
    figures_of,
    longest_and_most_expensive,
)
from .questions.evidence import Occurrence, occurrence
from .questions.failures import FailingTogether, FailureRate, failing_together, failure_rates
from .questions.flaky import FlakyTest, TransitionScore, retry_flaky, same_source_flaky, transition_scores, with_ages
from .questions.order import OrderSuspect, order_suspects
from .questions.outages import key_of
from .questions.phases import longest_runs
from .questions.summary import Summary, summary_of

if TYPE_CHECKING:  # a command that has its read model open pays for none of these
    from ..eventlog.reader import Record
    from .compare import ComparisonResult
    from .overview.cut_tests import CutTest
    from .overview.headline import OutageNow
    from .questions.duration_changes import DurationChange
    from .questions.lost import LostTest
    from .views.session import TestSession


class InsightAnalyzer(ChosenSessions):
    """Questions to a history; set it up like a query, then ask.

        analyze().for_sut("shop").in_last_days(30).flaky_tests()

    Args:
        storage: where the sessions are; None for that of the profile.
        profile_name: which profile; None for the active one.
        runs: sessions to analyse instead.
    """

    # -------------------------------------------------------------- which history

    def other_branches(self) -> list["BranchState"]:
        """Return the branches that an answer about the branch that is meant leaves out, with what is broken there."""
        runs = self._timely
        meant = {key_of(run) for run in self.asked}
        found: dict[tuple[str, str], list[Run]] = {}
        for key, series in series_of(runs).items():
            if key_of(series[0]) not in meant:
                found.setdefault((key.sut, key.branch), []).extend(series)
        return [
            BranchState(sut, branch, len(own), [one.nodeid for one in broken_tests(in_order(own))])
            for (sut, branch), own in sorted(found.items())
        ]

    def lost_tests(self) -> "list[LostTest]":
        """Return tests that are announced no longer, with what they may be called now; not those that moved."""
        return [one for one in self.gone_tests() if not one.moved_to]

    def moved_tests(self) -> "list[LostTest]":
        """Return tests whose file was renamed, as git says where a checkout is; they are there under another path."""
        return [one for one in self.gone_tests() if one.moved_to]

    def gone_tests(self) -> "list[LostTest]":
        """Return both: tests that are announced no longer under their node id."""
        from .questions.lost import lost_tests  # noqa: PLC0415 - only for this question

        runs = self.asked
        found = lost_tests(runs)
        if not found:
            return found
        from .naming.moved_tests import with_moves  # noqa: PLC0415
        from .naming.renames import TimeBudget, renamed_files  # noqa: PLC0415 - git is asked only about lost tests

        budget = TimeBudget()
        return with_moves(found, runs, lambda base, target: renamed_files(base, target, timeout_s=budget.left_s))

    def outage_now(self) -> "OutageNow | None":
        """Return the newest session of the branch that is meant, if nearly everything fails in it."""
        from .overview.headline import outage_now  # noqa: PLC0415 - only for this question

        return outage_now(self.asked, self.messages)

    def cut_tests(self) -> "list[CutTest]":
        """Return the tests that were running when a session was killed, the newest first."""
        from .overview.cut_tests import cut_tests, with_times  # noqa: PLC0415 - only for this question

        found = cut_tests(self.runs)
        if not found or self._models is None:
            return found
        with self._models() as model:
            return with_times(model, found)

    # -------------------------------------------------------------- questions

    def summary(self) -> Summary:
        """Return the figures of the history."""
        return summary_of(self.runs)

    def flaky_tests(self) -> list[FlakyTest]:
        """Return tests that passed and failed where nothing explains it, by both rules, the most frequent first."""
        runs = self.considered
        found = with_ages([*retry_flaky(runs), *same_source_flaky(runs)], runs)
        return sorted(found, key=lambda one: (one.recovered, -one.count, one.nodeid, one.rule))

    def transition_scores(self) -> list[TransitionScore]:
        """Return tests that changed between good and bad on the branch that is meant, the most restless first."""
        meant = {key_of(run) for run in self.asked}
        return transition_scores([run for run in self.considered if key_of(run) in meant])

    def failure_rates(self) -> list[FailureRate]:
        """Return tests that failed at least once, those that surely fail most often first."""
        return failure_rates(self.considered)

    def broken_tests(self) -> list[Broken]:
        """Return tests whose latest run failed, with the session and the commits since when."""
        return broken_tests(self.asked)

    def slower_tests(self) -> "list[DurationChange]":
        """Return tests that are slower in the newest sessions than before, with what takes their time."""
        from .overview.headline import tested_runs  # noqa: PLC0415 - only for this question
        from .questions.slower import slower_now  # noqa: PLC0415

        runs = tested_runs(self.asked)
        if self._models is None:
            return slower_now(runs)
        with self._models() as model:
            return slower_now(runs, model)

    def duration_shifts(self) -> list[DurationShift]:
        """Return tests whose duration changed its level, the greatest change first."""
        return duration_shifts(self.asked)

    def slowest_tests(self, limit: int = 20) -> list[Slow]:
        """Return the tests with the highest median duration."""
        return self._with_phases(longest_and_most_expensive(costs(self.runs), limit)[0])

    def most_expensive_tests(self, limit: int = 20) -> list[Slow]:
        """Return the tests that took most time in all."""
        return self._with_phases(longest_and_most_expensive(costs(self.runs), limit)[1])

    def longest_and_most_expensive_tests(self, limit: int = 20) -> tuple[list[Slow], list[Slow]]:
        """Return the tests with the highest median duration, and those that took most time in all."""
        longest, expensive = longest_and_most_expensive(costs(self.runs), limit)
        both = [*longest, *(each for each in expensive if each not in longest)]
        told = {one.nodeid: one for one in self._with_phases(both)}
        return [told[one.nodeid] for one in longest], [told[one.nodeid] for one in expensive]

    def _with_phases(self, found: list[Slow]) -> list[Slow]:
        """Return the same with the phases of the longest run of each."""
        if self._models is None:
            return found
        with self._models() as model:
            longest = longest_runs(model, self.runs, [one.nodeid for one in found])
        return [replace(one, longest=longest.get(one.nodeid)) for one in found]

    def tests(self, containing: str = "") -> list[TestFigures]:
        """Return every test with a text in its node id, outages included; those that fail most come first."""
        return figures_of(self.runs, containing)

    def failing_together(self) -> list[FailingTogether]:
        """Return groups of tests that fail in the same sessions."""
        return failing_together(self.considered)

    def order_suspects(self) -> list[OrderSuspect]:
        """Return tests that fail only after a certain other one on the same worker."""
        return order_suspects(self.considered)

    def failure_clusters(self, messages: dict[tuple[str, str], str] | None = None) -> list[FailureCluster]:
        """Return failures by what they say, the most frequent first; modules that could not be collected among them.

        `messages` are those of all these sessions, if they were asked already.
        """
        runs = self.runs
        failures = [(nodeid, run, run.tests[nodeid]) for run in runs for nodeid in run.failed_tests]
        failures += [(nodeid, run, FAILED) for run in runs for nodeid in run.uncollected]
        return failure_clusters(failures, self.messages(runs) if messages is None else messages)

    def history_of(self, nodeid: str) -> list[Occurrence]:
        """Return every run of a test, or of a module that could not be collected, the earliest first."""
        found = [occurrence(run, run.tests[nodeid]) for run in self.runs if nodeid in run.tests]
        if found:
            return found
        return [occurrence(run, test) for run, test in module_runs(self.runs).get(nodeid, ())]

    def why(self, nodeid: str) -> "list[Record]":
        """Return the events behind what is said of a test, the earliest first: of each session its `test.finished`.

        Of a session that was cut while the test ran, it is `test.started`; of a module that could not be collected,
        `collection.failed`.

        Raises:
            LookupError: the test is in no session of a log.
        """
        history = self.history_of(nodeid)
        if not history or self._models is None or not any(one.stream for one in history):
            raise LookupError(f"no recorded run of {nodeid!r} in this history")
        with self._models() as model:
            return [record for one in history if (record := record_of(model, one, nodeid)) is not None]

    def messages(self, runs: list[Run]) -> dict[tuple[str, str], str]:
        """Return what each failure of some sessions says, by stream and node id."""
        places = {
            (run.stream, nodeid): run.tests[nodeid].position
            for run in runs
            for nodeid in run.failed_tests
            if run.tests[nodeid].position >= 0
        }
        modules = [run for run in runs if run.uncollected and run.stream]
        if not (places or modules) or self._models is None:
            return {}
        with self._models() as model:
            events = model.finished_at(list(places.values()))
            found = {
                key: message_of(event.longreprtext, event.cause) for key, event in zip(places, events, strict=True)
            }
            for run in modules:
                found |= collection_messages(model, run.stream)
        return found

    # -------------------------------------------------------------- whole answers

    def get_test_history(self, sut: str | None = None, timespan: timedelta | None = None) -> "list[TestSession]":
        """Return the sessions of the storage, the earliest first.

        Args:
            sut: only of this system under test.
            timespan: only those that started within this time before now; None for all.
        """
        from .query import Query  # noqa: PLC0415 - loads the view classes

        query = Query(self._storage, self._profile)
        if sut is not None:
            query.for_sut(sut)
        if timespan is not None:
            query.in_last_seconds(max(int(timespan.total_seconds()), 0))
        return list(query.execute())

    def analyze_failures(self, sessions: "Iterable[TestSession]") -> dict[str, Any]:
        """Return how tests fail in some sessions.

        Returns:
            A dictionary of `summary` (figures), `broken`, `flaky`, `failure_rates`, `clusters` (failures by
            message) and `failing_together`; each a list of dictionaries with the fields of `broken_tests()` and so on.
        """
        analysis = InsightAnalyzer(self._storage, self._profile).of(sessions)
        answers = {
            "summary": analysis.summary(),
            "broken": analysis.broken_tests(),
            "flaky": analysis.flaky_tests(),
            "failure_rates": analysis.failure_rates(),
            "clusters": analysis.failure_clusters(),
            "failing_together": analysis.failing_together(),
        }
        return msgspec.to_builtins(answers)

    def get_sut_summary(self, sut: str, timespan: timedelta | None = None) -> dict[str, Any]:
        """Return the figures of a system under test, with the fields of `summary()`.

        Args:
            sut: its exact name.
            timespan: only sessions that started within this time before now; None for all.
        """
        sessions = self.get_test_history(sut, timespan)
        return msgspec.to_builtins(InsightAnalyzer(self._storage, self._profile).of(sessions).summary())

    def compare_suts(self, sut1: str, sut2: str, timespan: timedelta | None = None) -> "ComparisonResult":
        """Compare the sessions of two systems under test.

        Args:
            sut1: the base of the comparison.
            sut2: its target.
            timespan: only sessions that started within this time before now; None for all.
        """
        from .compare import compare_runs  # noqa: PLC0415 - only for this question

        base, target = (runs_of(self.get_test_history(sut, timespan)) for sut in (sut1, sut2))
        return compare_runs(base, target, sut1, sut2)


Analysis = InsightAnalyzer
"""The same under its earlier name."""
