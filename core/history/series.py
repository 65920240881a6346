"""Series: the runs of a system under test on one branch in one variant, in order of time.

A variant is what the same tests are run under on purpose: the version of Python, the operating system, the environment
of tox or nox, and what the user names. A test that fails in one variant and passes in another is no flaky test, and a
branch that is not merged breaks nothing on the others; so the rules look at one series after the other.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .variants import Variant

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from .verdicts.run import Run

RULES_VERSION = 1
"""Rises when the same sessions would be divided in another way."""


DEFAULT_BRANCHES = ("main", "master", "trunk", "default", "develop")
"""Names of the branch that a project calls its own; the first that has sessions is taken."""


FRESH_US = 7 * 86_400_000_000
"""How much older than the newest session the last one of the project's branch may be, to be asked about first."""


class Series(NamedTuple):
    """Key of a series."""

    sut: str
    branch: str
    variant: Variant


def branch_of(row: "SessionRow") -> str:
    """Return the branch that a session ran on; empty if it does not know."""
    header: dict[str, Any] = row.part.header or {}
    vcs: dict[str, Any] = header.get("vcs") or {}
    return str(vcs.get("branch") or "")


def project_branch(runs: Iterable["Run"]) -> str:
    """Return the branch that a project calls its own; empty if no session is of one.

    Sessions that do not know their branch are taken as sessions of this one.
    """
    known = {run.branch for run in runs}
    return next((name for name in DEFAULT_BRANCHES if name in known), "")


def branch_asked(runs: Sequence["Run"]) -> str:
    """Return the branch that a question is about if none is named.

    | sessions | branch |
    |---|---|
    | one of the project's branch in the week before the newest session | the project's |
    | none | that of the newest session |

    Args:
        runs: sessions of one system under test, in order of time.
    """
    own = project_branch(runs)
    of_own = [run.started_us for run in runs if (run.branch or own) == own]
    if not runs or (of_own and of_own[-1] >= runs[-1].started_us - FRESH_US):
        return own
    return runs[-1].branch


def runs_by_sut(runs: Iterable["Run"]) -> dict[str, list["Run"]]:
    """Return sessions by their system under test, each in order of time."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.sut, []).append(run)
    return found


def series_of(runs: Sequence["Run"]) -> dict[Series, list["Run"]]:
    """Return sessions by their series, each in order of time."""
    found: dict[Series, list[Run]] = {}
    for sut, own in runs_by_sut(runs).items():
        default = project_branch(own)
        for run in own:
            found.setdefault(Series(sut, run.branch or default, run.variant), []).append(run)
    return found


def asked_runs(runs: Sequence["Run"]) -> list["Run"]:
    """Return the sessions of the branches that a question is about if none is named; of each system its own."""
    kept: set[str] = set()
    for own in runs_by_sut(runs).values():
        default, asked = project_branch(own), branch_asked(own)
        kept.update(run.stream or run.name for run in own if (run.branch or default) == asked)
    return [run for run in runs if (run.stream or run.name) in kept]
