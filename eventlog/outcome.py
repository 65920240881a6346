"""The table of results, from which every other list of outcomes follows, and the rule for the outcome of one attempt.

A new outcome is one row here, and its name in `events.Outcome`. Outcomes of phases are pytest's terminal categories: a
failed call is `failed`, a failed set-up or teardown is `error`, an `xfail` that failed is `xfailed`, a non-strict one
that passed is `xpassed`. A category of another plugin has a name of its own; it is never a pass.

Also the sets of tests of a session that are missing or never ran, for the recorder and the views alike.
"""

from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast, get_args

if TYPE_CHECKING:
    from .events import Outcome

RULES_VERSION = 2
"""Rises with every change of a rule here; views fold old history again when it differs."""

Kind = Literal["good", "bad", "neutral"]
"""`neutral` results say nothing about the code, neither that it works nor that it does not."""

Verdict = Literal[
    "crashed", "error", "failed", "xpassed", "passed", "xfailed", "skipped", "rerun", "other", "cut", "not_run"
]
"""Result of one test in one session: the outcome of its last attempt, or why it has none."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Result(NamedTuple):
    """A row of the table: one word for a result, and everything that depends on it."""

    name: str
    kind: Kind
    letter: str
    """Mark in ASCII."""
    shape: str
    """Mark where the terminal can show it."""
    mark_style: str
    """Colour of the mark, as Rich has it."""
    style: str
    """Colour of the word, as Rich has it."""
    meaning: str
    """Legend of the mark."""
    code: int = -1
    """Number in the read model; -1 if it is not the outcome of an attempt."""
    precedence: int = -1
    """Rank among the outcomes of phases, the lowest decides the attempt; -1 if it is not the outcome of an attempt."""
    terminal: int = -1
    """Place of its category in pytest's last line; -1 if pytest does not count it."""


RESULTS: tuple[Result, ...] = (
    Result("crashed", "bad", "!", "▚", "bold red", "bold red", "running when its session or worker ended"),
    Result("error", "bad", "E", "◆", "bold red", "red", "error", code=2, precedence=1, terminal=7),
    Result("failed", "bad", "F", "█", "red", "red", "failed", code=1, precedence=2, terminal=0),
    Result("cut", "neutral", "/", "▞", "magenta", "magenta", "interrupted by the user"),
    Result("rerun", "neutral", "r", "△", "yellow", "yellow", "another attempt was due", 6, 0, 8),
    Result("flaky", "neutral", "~", "▲", "yellow", "yellow", "passed after another attempt"),
    Result("xpassed", "good", "X", "═", "yellow", "yellow", "passed, expected to fail", 5, 4, 5),
    Result("other", "neutral", "?", "?", "magenta", "", "outcome of another plugin", code=7, precedence=3),
    Result("passed", "good", "-", "─", "green", "green", "passed", code=0, precedence=5, terminal=1),
    Result("xfailed", "good", "x", "╌", "green", "yellow", "failed as expected", code=4, precedence=6, terminal=4),
    Result("skipped", "neutral", ".", "·", "dim", "yellow", "skipped", code=3, precedence=7, terminal=2),
    Result("not_run", "neutral", " ", " ", "", "magenta", "not run"),
)
"""Of several results that are drawn as one mark, the first of this table is taken."""

RESULT_OF: Mapping[str, Result] = {result.name: result for result in RESULTS}

_OF_ATTEMPTS = [result for result in RESULTS if result.code >= 0]

OUTCOMES = cast(
    "tuple[Outcome, ...]", tuple(result.name for result in sorted(_OF_ATTEMPTS, key=lambda result: result.code))
)
"""Outcomes of an attempt; the index is the code in the read model. `other` has a name of its own: the category of
another plugin, or an outcome of a later release. It is shown under that name."""

KNOWN: frozenset[str] = frozenset(OUTCOMES)

PRECEDENCE = cast(
    "tuple[Outcome, ...]", tuple(result.name for result in sorted(_OF_ATTEMPTS, key=lambda result: result.precedence))
)
"""The first of these that any phase had is the outcome of the attempt."""

GOOD: frozenset[str] = frozenset(result.name for result in RESULTS if result.kind == "good")
"""Results that say that the code works as expected."""

BAD: frozenset[str] = frozenset(result.name for result in RESULTS if result.kind == "bad")
"""Results that say that something is broken."""

TERMINAL_PLACES: Mapping[str, int] = {result.name: result.terminal for result in RESULTS if result.terminal >= 0} | {
    "deselected": 3,
    "warnings": 6,
}
"""Places of all counts in pytest's last line, by terminal category."""

TERMINAL_ORDER: tuple[str, ...] = tuple(sorted(TERMINAL_PLACES, key=TERMINAL_PLACES.__getitem__))
"""Terminal categories in the order of pytest's last line."""

T = TypeVar("T", bound=Hashable)


def attempt_outcome(
    phases: Mapping[str, Any],
    phase_outcomes: Mapping[str, str],
    *,
    subtest_failed: bool = False,
    failed: bool = False,
    repeated: bool = False,
) -> "Outcome | None":
    """Return the outcome of an attempt, or None if its phases do not decide one yet.

    Args:
        phases: the phases that were reported (`setup`, `call`, `teardown`, or `???` for a crash); values are not read.
        phase_outcomes: the terminal category of each phase that did not simply pass; empty if it counts as nothing.
        subtest_failed: a subtest of this attempt failed, whatever the call says.
        failed: a report failed that another plugin counts as something else.
        repeated: the test was started or called again within the same run of it. An attempt without any other outcome,
            or with a category of another plugin only, was then a rerun.
    """
    if not phase_outcomes and not subtest_failed:
        if "call" in phases:
            return "passed"  # what the table says, without looking
        return "rerun" if repeated else None
    present: set[str] = {outcome if outcome in KNOWN else "other" for outcome in phase_outcomes.values()}
    if subtest_failed or failed:
        present.add("failed")
    if "call" in phases and "call" not in phase_outcomes:
        present.add("passed")
    outcome = next((known for known in PRECEDENCE if known in present), None)
    return "rerun" if repeated and outcome in (None, "other") else cast("Outcome | None", outcome)


def foreign_category(phase_outcomes: Mapping[str, str]) -> str:
    """Return the first category that is not pytest's own; empty if all are."""
    return next((name for name in phase_outcomes.values() if name and name not in KNOWN), "")


def missing_tests(announced: AbstractSet[T], reported: AbstractSet[T]) -> set[T]:
    """Return the announced tests that have no result."""
    return set(announced - reported)


def not_run_tests(announced: AbstractSet[T], reported: AbstractSet[T], started: AbstractSet[T]) -> set[T]:
    """Return the announced tests that have no result and were not started either."""
    return missing_tests(announced, reported) - started
