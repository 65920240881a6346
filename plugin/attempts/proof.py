"""Comparison of the recorded counts with those of pytest, at the end of every run.

The terminal reporter of pytest makes its counts from the same reports with other code. A difference means that the
record does not match pytest's output.
"""

from collections.abc import Mapping

import pytest

from ...eventlog.outcome import TERMINAL_ORDER as COMPARED


def compare_counts(own: Mapping[str, int], shown: Mapping[str, int]) -> list[str]:
    """Return the differences between the recorded counts and those of pytest, one text each.

    Args:
        own: recorded counts by category; subtests by the category that pytest asked for.
        shown: counts of the terminal reporter by category.
    """
    foreign = sorted(name for name in {*own, *shown} if name and name not in COMPARED)
    return [
        f"{own.get(name, 0)} {name} recorded, pytest counts {shown.get(name, 0)}"
        for name in (*COMPARED, *foreign)
        if own.get(name, 0) != shown.get(name, 0)
    ]


def compare_failures(own: Mapping[str, int], tests_failed: int, exit_status: int) -> list[str]:
    """Return the contradiction between the recorded failures and the exit status, if there is one.

    Args:
        own: counts of the recorder.
        tests_failed: failures that pytest's session counted.
        exit_status: of the session.

    Plugins may set an exit status that does not follow from the failures. Only recorded failures in a run in which
    pytest saw none are a contradiction.
    """
    bad = own.get("failed", 0) + own.get("error", 0)
    if bad and not tests_failed and exit_status == 0:
        return [f"{bad} failures recorded, pytest counts none and exits with 0"]
    return []


def shown_counts(reporter: pytest.TerminalReporter) -> dict[str, int]:
    """Return the counts of a terminal reporter, as its last line has them.

    Args:
        reporter: of pytest, or one that is made from it.
    """
    counts: dict[str, int] = {}
    for name, items in reporter.stats.items():
        counts[str(name)] = sum(1 for item in items if getattr(item, "count_towards_summary", True))
    return counts
