"""Answers to questions, and the functions that give them."""

# pyright: reportUnusedImport=false
# The imports are for type checkers; `load_lazily` serves the same names.

from typing import TYPE_CHECKING

from .lazy import load_lazily

if TYPE_CHECKING:
    from ...core.compare import compare_runs
    from ...core.overview.about import AboutAnswer, about_rows, about_runs
    from ...core.overview.answer import overview_of
    from ...core.overview.cases import by_test, count_cases
    from ...core.overview.cut_tests import CutTest
    from ...core.overview.data import (
        BranchRow,
        BrokenGroup,
        BrokenRow,
        CutRow,
        FlakyRow,
        LostRow,
        NewestSession,
        Overview,
        SlowerRow,
    )
    from ...core.overview.headline import OutageNow
    from ...core.overview.marks import MARKS, mark_word
    from ...core.overview.meant import recent_sessions
    from ...core.overview.sentence import HASH_DIGITS, headline_of, newest_of, sentences_of
    from ...core.overview.strips import strips_of
    from ...core.questions.broken import BranchState, Broken
    from ...core.questions.clusters import FailureCluster, message_of
    from ...core.questions.duration_changes import DurationChange
    from ...core.questions.durations import DurationShift, Slow, TestFigures
    from ...core.questions.evidence import Occurrence
    from ...core.questions.failures import FailingTogether, FailureRate
    from ...core.questions.flaky import FlakyTest, TransitionScore
    from ...core.questions.lost import LostTest
    from ...core.questions.order import OrderSuspect
    from ...core.questions.phases import SlowPhases
    from ...core.questions.setups import with_phases
    from ...core.questions.stats import median, quantile
    from ...core.questions.summary import Summary

_MODULES = {
    "...core.compare": "compare_runs",
    "...core.overview.about": "AboutAnswer about_rows about_runs",
    "...core.overview.answer": "overview_of",
    "...core.overview.cases": "by_test count_cases",
    "...core.overview.data": "BranchRow BrokenGroup BrokenRow CutRow FlakyRow LostRow NewestSession Overview SlowerRow",
    "...core.overview.cut_tests": "CutTest",
    "...core.overview.headline": "OutageNow",
    "...core.overview.marks": "MARKS mark_word",
    "...core.overview.meant": "recent_sessions",
    "...core.overview.sentence": "HASH_DIGITS headline_of newest_of sentences_of",
    "...core.overview.strips": "strips_of",
    "...core.questions.broken": "BranchState Broken",
    "...core.questions.clusters": "FailureCluster message_of",
    "...core.questions.duration_changes": "DurationChange",
    "...core.questions.durations": "DurationShift Slow TestFigures",
    "...core.questions.evidence": "Occurrence",
    "...core.questions.failures": "FailingTogether FailureRate",
    "...core.questions.flaky": "FlakyTest TransitionScore",
    "...core.questions.lost": "LostTest",
    "...core.questions.order": "OrderSuspect",
    "...core.questions.phases": "SlowPhases",
    "...core.questions.setups": "with_phases",
    "...core.questions.stats": "median quantile",
    "...core.questions.summary": "Summary",
}

__getattr__ = load_lazily(__name__, _MODULES)
