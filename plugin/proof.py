"""Compare what was recorded with what pytest counted, at the end of every run.

The counts of the terminal reporter are pytest's own, made from the same reports by other code. A difference means that
the record does not say what pytest said.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..eventlog.events import (
    CollectionFailed,
    CollectionSkipped,
    Event,
    SubtestFinished,
    TestFinished,
    TestsAnnounced,
    WarningRecorded,
)

COMPARED = ("failed", "passed", "skipped", "xfailed", "xpassed", "error", "rerun", "warnings", "deselected")
"""Categories of the last line of pytest."""

_CATEGORIES: dict[type[Event], str] = {
    CollectionFailed: "error",
    CollectionSkipped: "skipped",
    WarningRecorded: "warnings",
}

BY_VERBOSITY = frozenset({"skipped", "xfailed"})
"""Categories whose subtests pytest counts all or none, by the verbosity of the run and its own release."""

EDITED = frozenset({"failed", "skipped", "xfailed"})
"""Categories from which pytest-rerunfailures takes away, after they were counted, the subtests of attempts that were
run again."""


def add_event(counts: Counter[str], event: Event) -> None:
    """Add to `counts` what pytest counts for an event; of a subtest as `subtest failed` and so on."""
    if isinstance(event, TestFinished):
        special = event.phase_outcomes
        if special:
            counts.update(special.values())
        if "call" in event.phases and "call" not in special:
            counts["passed"] += 1
    elif isinstance(event, SubtestFinished):
        counts[f"subtest {event.outcome}"] += 1
    elif isinstance(event, TestsAnnounced):
        counts["deselected"] += event.deselected
    else:
        category = _CATEGORIES.get(type(event))
        if category is not None:
            counts[category] += 1


def compare_counts(own: Mapping[str, int], shown: Mapping[str, int], *, edited: bool = False) -> list[str]:
    """Return the differences between the counts of the recorder and those of pytest, one text each.

    Args:
        own: of the recorder, by category; `subtest failed`, `subtest skipped` and so on for subtests.
        shown: of the terminal reporter, by category.
        edited: pytest-rerunfailures is active.
    """
    names = [*COMPARED, *sorted(name for name in shown if _is_foreign(name))]
    return [
        f"{own.get(name, 0) + own.get(f'subtest {name}', 0) * (name in EDITED)} {name} recorded, "
        f"pytest counts {shown.get(name, 0)}"
        for name in names
        if not _agree(name, own.get(name, 0), own.get(f"subtest {name}", 0), shown.get(name, 0), edited=edited)
    ]


def _agree(name: str, tests: int, subtests: int, count: int, *, edited: bool) -> bool:
    if name not in EDITED:
        return count == tests
    if edited:
        return tests <= count <= tests + subtests
    return count == tests + subtests or (name in BY_VERBOSITY and count == tests)


def compare_failures(own: Mapping[str, int], tests_failed: int, exit_status: int) -> list[str]:
    """Return the difference between the failures of the recorder and the exit status, if there is one.

    Args:
        own: counts of the recorder.
        tests_failed: failures that pytest's session counted.
        exit_status: of the session.

    Plugins may well set an exit status that the failures do not explain, in both directions; a recorder that has seen
    failures in a run in which pytest saw none has not.
    """
    bad = own.get("failed", 0) + own.get("error", 0)
    if bad and not tests_failed and exit_status == 0:
        return [f"{bad} failures recorded, pytest counts none and exits with 0"]
    return []


def shown_counts(reporter: Any) -> dict[str, int]:
    """Return the counts of a terminal reporter, as its last line has them.

    Args:
        reporter: of pytest; another plugin may have replaced it, or its `stats`.
    """
    counts: dict[str, int] = {}
    for name, items in reporter.stats.items():
        counts[str(name)] = sum(1 for item in items if getattr(item, "count_towards_summary", True))
    return counts


def _is_foreign(name: str) -> bool:
    """Return whether a category is one of another plugin; pytest counts subtests that passed by a name of their own."""
    return bool(name) and name not in COMPARED and not name.startswith("subtests ")
