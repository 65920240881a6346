"""The outcome of one attempt of a test, from the outcomes of its phases: one table, and nothing else decides.

Outcomes of phases are pytest's terminal categories: a failed call is `failed`, a failed set-up or teardown is
`error`, an `xfail` that failed is `xfailed`, a non-strict one that passed is `xpassed`. A category of another plugin
has a name of its own; it is never a pass.

Also which tests of a session are missing and which never ran, as sets of names, for the recorder and the views alike.
"""

from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar, cast, get_args

from .events import Outcome

RULES_VERSION = 2
"""Rises with every change of a rule here; views fold old history again when it differs."""

KNOWN: frozenset[str] = frozenset(get_args(Outcome))

PRECEDENCE: tuple[Outcome, ...] = ("rerun", "error", "failed", "other", "xpassed", "passed", "xfailed", "skipped")
"""The first of these that any phase had is the outcome of the attempt."""

T = TypeVar("T", bound=Hashable)


def attempt_outcome(
    phases: Mapping[str, Any],
    phase_outcomes: Mapping[str, str],
    *,
    subtest_failed: bool = False,
    failed: bool = False,
    repeated: bool = False,
) -> Outcome | None:
    """Return the outcome of an attempt, or None if its phases do not decide one yet.

    Args:
        phases: the phases that were reported (`setup`, `call`, `teardown`, or `???` for a crash); values are not read.
        phase_outcomes: the terminal category of each phase that did not simply pass; empty if it counts as nothing.
        subtest_failed: a subtest of this attempt failed, whatever the call says.
        failed: a report failed that another plugin counts as something else.
        repeated: the test was started or called once more within the same run of it; an attempt of which nothing else
            is known, or only that another plugin has a name for it, was a rerun.
    """
    if not phase_outcomes and not subtest_failed:
        if "call" in phases:
            return "passed"  # what the table says, without looking
        return "rerun" if repeated else None
    present: set[Outcome] = {
        cast("Outcome", outcome) if outcome in KNOWN else "other" for outcome in phase_outcomes.values()
    }
    if subtest_failed or failed:
        present.add("failed")
    if "call" in phases and "call" not in phase_outcomes:
        present.add("passed")
    outcome: Outcome | None = next((known for known in PRECEDENCE if known in present), None)
    return "rerun" if repeated and outcome in (None, "other") else outcome


def foreign_category(phase_outcomes: Mapping[str, str]) -> str:
    """Return the first category that is not pytest's own; empty if all are."""
    return next((name for name in phase_outcomes.values() if name and name not in KNOWN), "")


def missing_tests(announced: AbstractSet[T], reported: AbstractSet[T]) -> set[T]:
    """Return the announced tests that have no result."""
    return set(announced - reported)


def not_run_tests(announced: AbstractSet[T], reported: AbstractSet[T], started: AbstractSet[T]) -> set[T]:
    """Return the announced tests that have no result and were not started either."""
    return missing_tests(announced, reported) - started
