"""Outages: sessions in which nearly everything failed.

Such a session is always named and always counted. It is set aside only as evidence about single tests (flaky,
transitions, rates), and only where what came before and after says that the machine was broken and not the code.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..history.series import series_of

if TYPE_CHECKING:
    from ..history.verdicts.run import Run

RULES_VERSION = 2
"""Rises when another session would be an outage, or would be set aside."""

OUTAGE_SHARE = 0.8
OUTAGE_TESTS = 5


def is_outage(run: "Run") -> bool:
    """Return whether so much failed that the session is named: more than 80 % of at least five tests.

    See `set_aside` for the outages that are no evidence about single tests.
    """
    return run.considered >= OUTAGE_TESTS and run.bad > OUTAGE_SHARE * run.considered


def set_aside(runs: Sequence["Run"]) -> set[str]:
    """Return the streams (or names) of the outages that are no evidence about single tests.

    | the outage, within its series | evidence |
    |---|---|
    | is the newest session | counts |
    | has an outage of the same commit before or behind it | counts: two in a row are a break |
    | its neighbours of the same commit are good | set aside |
    | the sessions before and behind it are good | set aside |
    | else | counts |

    Args:
        runs: sessions in order of time.
    """
    if not any(is_outage(run) for run in runs):
        return set()
    found: set[str] = set()
    for series in series_of(runs).values():
        found.update(
            key_of(run) for place, run in enumerate(series) if is_outage(run) and _is_of_machine(series, place)
        )
    return found


def key_of(run: "Run") -> str:
    """Return what tells a session from all others."""
    return run.stream or run.name


def _is_of_machine(series: list["Run"], place: int) -> bool:
    """Return whether the machine is the likely cause of an outage."""
    if place == len(series) - 1:
        return False
    outage = series[place]
    near = [series[at] for at in (place - 1, place + 1) if at >= 0]
    same = [run for run in near if run.commit and run.commit == outage.commit]
    if any(is_outage(run) for run in same):
        return False
    if same and all(_is_good(run) for run in same):
        return True
    return len(near) == 2 and all(_is_good(run) for run in near)  # noqa: PLR2004 - one on each side


def _is_good(run: "Run") -> bool:
    """Return whether a session says that the machine works: most of its tests passed."""
    return run.considered > 0 and run.bad <= OUTAGE_SHARE * run.considered
