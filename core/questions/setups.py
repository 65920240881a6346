"""Whether a test became slower by its set-up: then a fixture is slow, and often its first user pays for it.

The log has no names of fixtures. That a test is the first user of a shared one is inferred from the tests behind it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ...projections.rules import GOOD
from .phases import RunPhases, SlowPhases, phases_at
from .stats import median

if TYPE_CHECKING:
    from ..history.history import History
    from ..history.verdicts.run import Run
    from .duration_changes import DurationChange

RULES_VERSION = 1
"""Rises when the same runs would be explained in another way."""

TESTS_MAX = 20
"""Tests of one answer that are looked into: each costs reading some events."""
SETUP_SHARE = 0.5
"""Part of the difference from which on it is the set-up that became slower."""
_BEHIND = 5
"""Tests behind a test that are compared with it."""
_BEHIND_MIN = 2
_LOOKED_AT = 20
_FIRST_MIN_S = 0.05
_FIRST_RATIO = 5
"""How many times as long as theirs the set-up of the first user of a shared fixture is, and how long at least."""


class _Places(NamedTuple):
    """Runs that explain one test: sessions and positions of events."""

    before: list[tuple[str, int]]
    after: list[tuple[str, int]]
    behind: list[tuple[str, int]]
    """Of the tests that ran behind it in the session of `after`."""


def with_phases(
    model: "History", base: "Sequence[Run]", target: "Sequence[Run]", slower: "Sequence[DurationChange]"
) -> "list[DurationChange]":
    """Return slower tests, the first of them with what takes their time.

    | run of the test | taken |
    |---|---|
    | before, after | the passing one in the middle of that side by duration |
    | behind it | up to 5 tests that followed on its worker, of its own module if at least 2 of them are |

    Args:
        model: where events are read.
        base: sessions before.
        target: sessions after.
        slower: the tests.
    """
    places = {
        one.nodeid: _Places(_typical(base, one.nodeid, upper=False)[1], after, _behind(run, one.nodeid))
        for one in slower[:TESTS_MAX]
        for run, after in [_typical(target, one.nodeid, upper=True)]
        if run is not None
    }
    wanted = list(dict.fromkeys(place for each in places.values() for part in each for place in part))
    read = dict(zip(wanted, phases_at(model, wanted), strict=True))
    found = {nodeid: _phases_of(*([read[place] for place in part] for part in each)) for nodeid, each in places.items()}
    return [replace(one, phases=found.get(one.nodeid)) for one in slower]


def _typical(runs: "Sequence[Run]", nodeid: str, *, upper: bool) -> "tuple[Run | None, list[tuple[str, int]]]":
    """Return the session with the passing run of a test that is in the middle by duration, and the place of its event.

    Args:
        runs: sessions of one side.
        nodeid: the test.
        upper: of two in the middle, the longer one.
    """
    passed = [(run, run.tests[nodeid]) for run in runs if nodeid in run.tests]
    passed = [(run, test) for run, test in passed if test.verdict in GOOD and test.position >= 0]
    if not passed:
        return None, []
    passed.sort(key=lambda one: one[1].duration_us)
    run, test = passed[len(passed) // 2 if upper else (len(passed) - 1) // 2]
    return run, [(run.name, test.position)]


def _behind(run: "Run | None", nodeid: str) -> list[tuple[str, int]]:
    """Return the places of the tests that ran behind one on its worker."""
    if run is None:
        return []
    module = nodeid.partition("::")[0]
    followers = run.next_on_worker(nodeid, _LOOKED_AT)
    own = [one for one in followers if one[0].partition("::")[0] == module]
    wanted = own if len(own) >= _BEHIND_MIN else followers
    return [(run.name, position) for _, position in wanted[:_BEHIND]]


def _phases_of(
    before: Sequence[RunPhases | None], after: Sequence[RunPhases | None], behind: Sequence[RunPhases | None]
) -> SlowPhases | None:
    now = after[0]
    if now is None:
        return None
    then = before[0] if before else None
    grown_s = now.setup_s - (then.setup_s if then is not None else 0.0)
    difference_s = _total(now) - (_total(then) if then is not None else 0.0)
    setups = [run.setup_s for run in behind if run is not None]
    first = now.setup_s >= _FIRST_MIN_S and len(setups) >= _BEHIND_MIN and now.setup_s >= _FIRST_RATIO * median(setups)
    in_setup = grown_s >= SETUP_SHARE * difference_s
    return SlowPhases(then, now, in_setup=in_setup, first_user=in_setup and first)


def _total(run: RunPhases) -> float:
    return run.setup_s + run.call_s + run.teardown_s
