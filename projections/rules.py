"""The rules that decide, one table each: the verdict of a test, the state of a session, what counts, what is shown.

Pure functions over small finite domains; the tests go through all of them. The rule for one attempt stands in
`eventlog.verdict`, as the plugin needs it too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from ..eventlog.events import Outcome
from ..eventlog.verdict import RULES_VERSION as ATTEMPT_RULES_VERSION

RULES_VERSION = f"{ATTEMPT_RULES_VERSION}.1"
"""Part of every read model; a model made by other rules is made anew."""

OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "rerun")
"""Outcomes of an attempt; their index is how the read model stores them."""

Verdict = Literal["crashed", "error", "failed", "xpassed", "passed", "xfailed", "skipped", "rerun", "not_run"]
VERDICTS: tuple[Verdict, ...] = (
    "crashed",
    "error",
    "failed",
    "xpassed",
    "passed",
    "xfailed",
    "skipped",
    "rerun",
    "not_run",
)

GOOD: frozenset[str] = frozenset({"passed", "xfailed", "skipped", "xpassed"})
"""Outcomes of an attempt that do not fail a run."""

SessionStatus = Literal["complete", "incomplete", "interrupted"]


def verdict_of(attempts: Sequence[Outcome], *, crashed: bool = False, running: bool = False) -> Verdict:
    """Return what a test came to in a session.

    Args:
        attempts: outcomes of its attempts in order.
        crashed: a worker process died in its last attempt.
        running: an attempt was started and has no report.
    """
    if crashed or running:
        return "crashed"
    return attempts[-1] if attempts else "not_run"


def is_flaky(attempts: Sequence[Outcome]) -> bool:
    """Tell whether a test passed in the end and did not in some attempt of the same session."""
    return len(attempts) > 1 and attempts[-1] in GOOD and any(outcome not in GOOD for outcome in attempts[:-1])


def session_status(*, sealed: bool, missing: int) -> SessionStatus:
    """Return the state of a session from its seal and the number of announced tests without a verdict."""
    if not sealed:
        return "interrupted"
    return "incomplete" if missing else "complete"


def terminal_counts(phases: Iterable[str], phase_outcomes: Mapping[str, Outcome]) -> Counter[str]:
    """Return what one attempt adds to the counts in pytest's last line: each phase that says something counts."""
    counts: Counter[str] = Counter(phase_outcomes.values())
    if "call" in phases and "call" not in phase_outcomes:
        counts["passed"] += 1
    return counts


def is_shown(changes: Iterable[tuple[str, str, Literal["cleared", "restored"]]]) -> bool:
    """Tell whether a session is shown after these changes `(at, digest, what)`: the latest wins."""
    latest = max(changes, default=None)
    return latest is None or latest[2] == "restored"


def visible_of(streams: Iterable[tuple[str, str]]) -> str:
    """Of streams `(start, stream)` with the same label, return the one that is shown under it: the earliest."""
    return min(streams)[1]
