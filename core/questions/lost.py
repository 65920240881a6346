"""Tests that are announced no longer: where they ran last, since when they are gone, what they may be called now."""

from collections import Counter
from dataclasses import dataclass, replace

from ..history.series import series_of
from ..history.verdicts.reading import many_objects
from ..history.verdicts.run import Run

RULES_VERSION = 1
"""Rises when another test would be lost, or another name would be offered."""


@dataclass(frozen=True)
class LostTest:
    """A test that ran, and is in none of the whole sessions since."""

    nodeid: str
    sut: str
    branch: str
    last_session: str
    last_us: int
    last_commit: str
    gone_session: str
    """The first whole session of the series without it."""
    gone_us: int
    gone_commit: str
    renamed: tuple[str, ...] = ()
    """Tests that are new in that session and may be this one: the only new one of its class or module, or one with the
    same name in another place."""

    moved_to: str = ""
    """The same test under another path: git says that its file was renamed; then it is not lost."""

    @property
    def name(self) -> str:
        """Part of the node id without its file."""
        return self.nodeid.partition("::")[2]


@many_objects()
def lost_tests(runs: list[Run]) -> list[LostTest]:
    """Return the tests that are gone from every series that had them, those that went last first.

    Only whole sessions say that a test is gone: a session that was told to run some tests, that ended early or that ran
    none at all says nothing about the others.
    """
    found: dict[tuple[str, str, str], LostTest] = {}
    present: set[tuple[str, str, str]] = set()
    for key, series in series_of(runs).items():
        lost, here = _lost_in(series, key.sut, key.branch)
        present.update((key.sut, key.branch, nodeid) for nodeid in here)
        for one in lost:
            known = found.get((one.sut, one.branch, one.nodeid))
            if known is None or one.last_us > known.last_us:
                found[one.sut, one.branch, one.nodeid] = one
    return sorted((one for at, one in found.items() if at not in present), key=lambda one: (-one.gone_us, one.nodeid))


def _lost_in(series: list[Run], sut: str, branch: str) -> tuple[list[LostTest], set[str]]:
    """Return the tests that a series lost, and those that it has."""
    seen: set[str] = set()
    gone: dict[str, Run] = {}
    lost: list[tuple[str, Run]] = []
    behind: list[Run] = []
    for run in reversed(series):
        tests = set(run.tests)
        if behind:
            lost.extend((nodeid, run) for nodeid in tests - seen)
        for nodeid in tests - seen:
            if behind:
                gone[nodeid] = behind[-1]
        seen |= tests
        if tests and run.selected.is_whole and not run.uncollected and run.status == "complete":
            behind.append(run)
    new = _new_tests(series, {run.stream or run.name for run in gone.values()})
    found = [_lost_test(nodeid, run, gone[nodeid], sut, branch) for nodeid, run in lost]
    return _with_names(found, new), seen - gone.keys()


def _lost_test(nodeid: str, last: Run, gone: Run, sut: str, branch: str) -> LostTest:
    where = (last.name, last.started_us, last.commit, gone.name, gone.started_us, gone.commit)
    return LostTest(nodeid, sut, branch, *where)


def _new_tests(series: list[Run], wanted: set[str]) -> dict[str, set[str]]:
    """Return the tests that ran for the first time in some sessions, by the name of the session."""
    if not wanted:
        return {}
    before: set[str] = set()
    found: dict[str, set[str]] = {}
    for run in series:
        tests = set(run.tests)
        if (run.stream or run.name) in wanted:
            found[run.name] = tests - before
        before |= tests
    return found


def _with_names(lost: list[LostTest], new: dict[str, set[str]]) -> list[LostTest]:
    """Return lost tests with the new ones that may be the same."""
    lost_at = Counter((one.gone_session, _place(one.nodeid)) for one in lost)
    by_name: dict[tuple[str, str], list[str]] = {}
    by_place: dict[tuple[str, str], list[str]] = {}
    for session, added in new.items():
        for nodeid in added:
            by_name.setdefault((session, nodeid.partition("::")[2]), []).append(nodeid)
            by_place.setdefault((session, _place(nodeid)), []).append(nodeid)
    found: list[LostTest] = []
    for one in lost:
        place = (one.gone_session, _place(one.nodeid))
        neighbours = by_place.get(place, [])
        alone = lost_at[place] == 1 and len(neighbours) == 1
        names = by_name.get((one.gone_session, one.name)) or (neighbours if alone else [])
        found.append(replace(one, renamed=tuple(sorted(names))) if names else one)
    return found


def _place(nodeid: str) -> str:
    """Return the module and class of a test."""
    return nodeid.partition("[")[0].rpartition("::")[0]
