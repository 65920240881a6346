"""Lost tests that are still there: git says that their file was renamed, and the new one has a test of that name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..questions.lost import LostTest

if TYPE_CHECKING:
    from ..history.verdicts.run import Run

RULES_VERSION = 1
"""Rises when another test would be taken for one that moved."""

COMMITS_MAX = 4
"""Pairs of commits that git is asked about, the newest."""

Renames = Callable[[str, str], Mapping[str, str]]
"""Returns the files that were renamed between two commits, by their old paths."""


def with_moves(lost: Sequence[LostTest], runs: "Sequence[Run]", renamed_files: Renames) -> list[LostTest]:
    """Return lost tests, those whose file was renamed with their new node ids.

    Args:
        lost: the tests, those that went last first.
        runs: the sessions, in order of time.
        renamed_files: asks git.
    """
    pairs = dict.fromkeys((one.last_commit, one.gone_commit) for one in lost if one.last_commit and one.gone_commit)
    renames = {pair: renamed_files(*pair) for pair in list(pairs)[:COMMITS_MAX]}
    return [_moved_test(one, renames.get((one.last_commit, one.gone_commit), {}), runs) for one in lost]


def _moved_test(one: LostTest, renames: Mapping[str, str], runs: "Sequence[Run]") -> LostTest:
    path, colons, test = one.nodeid.partition("::")
    for new_path in _new_paths(path, renames):
        nodeid = f"{new_path}{colons}{test}"
        if any(run.started_us >= one.gone_us and run.sut == one.sut and nodeid in run.tests for run in runs):
            return replace(one, moved_to=nodeid)
    return one


def _new_paths(path: str, renames: Mapping[str, str]) -> list[str]:
    """Return what a file is called now; node ids may begin in a folder of the checkout."""
    if path in renames:
        return [renames[path]]
    found: list[str] = []
    for old, new in renames.items():
        around = old.removesuffix(path)
        if around != old and around.endswith("/") and new.startswith(around):
            found.append(new.removeprefix(around))
    return found
