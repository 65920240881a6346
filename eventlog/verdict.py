"""The outcome of one attempt of a test, from the outcomes of its phases: one table, and nothing else decides.

Outcomes of phases are pytest's terminal categories: a failed call is `failed`, a failed set-up or teardown is
`error`, an `xfail` that failed is `xfailed`, a non-strict one that passed is `xpassed`.
"""

from collections.abc import Mapping

from .events import Outcome

RULES_VERSION = 1
"""Rises with every change of a rule here; views fold old history again when it differs."""

PRECEDENCE: tuple[Outcome, ...] = ("rerun", "error", "failed", "xpassed", "passed", "xfailed", "skipped")
"""The first of these that any phase had is the outcome of the attempt."""


def attempt_outcome(
    phases: Mapping[str, int], phase_outcomes: Mapping[str, Outcome], *, subtest_failed: bool = False
) -> Outcome | None:
    """Return the outcome of an attempt, or None if its phases do not decide one yet.

    Args:
        phases: the phases that were reported (`setup`, `call`, `teardown`, or `???` for a crash); values are not read.
        phase_outcomes: the outcome of each phase that did not simply pass.
        subtest_failed: a subtest of this attempt failed, whatever the call says.
    """
    if not phase_outcomes and not subtest_failed:
        return "passed" if "call" in phases else None  # what the table says, without looking
    present = set(phase_outcomes.values())
    if subtest_failed:
        present.add("failed")
    if "call" in phases and "call" not in phase_outcomes:
        present.add("passed")
    return next((outcome for outcome in PRECEDENCE if outcome in present), None)
