"""Both sides of a comparison, by the words that a command was given."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .history import history_model, question

if TYPE_CHECKING:
    from ...api import ComparisonResult
    from ...api.internal.history import Run


MODES = ("session", "sut", "branch", "period", "commit", "profile")


def compare_words(
    base: str | None,
    target: str | None,
    *,
    mode: str | None,
    profile: str | None,
    logs: Sequence[Path],
    as_of: str | None,
    sut: str | None = None,
    time: str | None = None,
    as_json: bool = False,
) -> None:
    """Compare what two words mean, and print the result.

    Args:
        base, target: see `core.sides`.
        mode: what both are; None to guess.
        profile, logs, as_of: where to look.
        sut: only sessions of this system under test.
        time: only sessions of this span.
        as_json: print JSON.

    Raises:
        ValueError: there is no such mode.
        LookupError: one of them means nothing, or both mean the same.
    """
    if mode is not None and mode not in MODES:
        raise ValueError(f"no such mode: {mode!r}; use one of {', '.join(MODES)}, or none to have it guessed")
    from ..formatters.sessions.comparison import show_comparison

    if mode == "profile":
        show_comparison(_of_profiles(base, target, as_of=as_of, sut=sut, time=time), as_json=as_json)
        return
    from ...api.internal.answers import compare_runs
    from ...api.internal.history import Chooser, moment_of, run_of_row

    with history_model(profile, logs, as_of) as model:
        rows = question(model, as_of, sut=sut, time=time).newest
        now_us = moment_of(as_of) if as_of and _is_time(as_of) else None
        sides = Chooser(model, rows, now_us).sides(base, target, mode)
        runs = [[run_of_row(model, row) for row in side.rows] for side in (sides.base, sides.target)]
        result = compare_runs(runs[0], runs[1], sides.base.name, sides.target.name)
        if result.slower_tests:
            from ...api.internal.answers import with_phases

            result = replace(result, slower_tests=with_phases(model, runs[0], runs[1], result.slower_tests))
        show_comparison(result, sides, as_json=as_json)


def _is_time(text: str) -> bool:
    from ...api.internal.history import moment_of

    try:
        return moment_of(text) is not None
    except ValueError:
        return False  # a commit or a session


def _of_profiles(
    base: str | None, target: str | None, *, as_of: str | None, sut: str | None, time: str | None
) -> "ComparisonResult":
    """Compare all sessions of two profiles.

    Raises:
        ValueError: one of them is not named.
        LookupError: one of them has no session.
    """
    from ...api.internal.answers import compare_runs

    if base is None or target is None:
        raise ValueError("--mode profile: give the names of two profiles with --base and --target")
    sides: list[list[Run]] = []
    for name in (base, target):
        with history_model(name, (), as_of) as model:
            runs = question(model, as_of, sut=sut, time=time).analysis.runs
        if not runs:
            raise LookupError(f"no sessions in profile {name!r}")
        sides.append(runs)
    return compare_runs(sides[0], sides[1], base, target)
