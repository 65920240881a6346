"""The last runs of tests as rows of marks, the newest last."""

from collections.abc import Iterable, Mapping, Sequence

from ..history.modules import module_runs
from ..history.verdicts.columns import Wanted
from ..history.verdicts.run import Run
from .marks import mark_word, worst_word


def strips_of(runs: Sequence[Run], rows: Mapping[str, Iterable[str]], count: int) -> dict[str, tuple[str, ...]]:
    """Return the words of the marks of each row's last runs, the newest last.

    A row is one test, or several that are shown as one: then each mark is that of the worst of them in a session.
    Sessions that have none of its tests are left out of a row.

    Args:
        runs: sessions in order of time.
        rows: tests, or modules that could not be collected, by the name of the row.
        count: how many runs.
    """
    found: dict[str, list[str]] = {row: [] for row in rows}
    row_of = {nodeid: row for row, nodeids in rows.items() for nodeid in nodeids}
    open_rows = set(rows)
    wanted = Wanted(set(row_of))
    for run in reversed(runs):
        words: dict[str, list[str]] = {}
        for nodeid in run.some(wanted):
            test = run.tests[nodeid]
            words.setdefault(row_of[nodeid], []).append(mark_word(test.verdict, test.outcomes))
        full = {row for row, these in words.items() if _add(found[row], worst_word(these), count)}
        if full & open_rows:
            open_rows -= full
            wanted = Wanted({nodeid for nodeid, row in row_of.items() if row in open_rows})
        if not open_rows:
            break
    return {row: tuple(reversed(words)) for row, words in _with_modules(runs, rows, found, count).items()}


def _add(words: list[str], word: str, count: int) -> bool:
    """Add a mark to a row; return whether the row is full."""
    if len(words) < count:
        words.append(word)
    return len(words) >= count


def _with_modules(
    runs: Sequence[Run], rows: Mapping[str, Iterable[str]], found: dict[str, list[str]], count: int
) -> dict[str, list[str]]:
    """Return rows with those of modules that could not be collected, of which no session has a test result."""
    modules = {nodeid for run in runs for nodeid in run.uncollected}
    absent = {row for row, nodeids in rows.items() if not found[row] and modules & set(nodeids)}
    if not absent:
        return found
    seen = module_runs(runs)
    for row in absent:
        for run_and_test in [one for nodeid in rows[row] for one in seen.get(nodeid, ())][-count:]:
            found[row].insert(0, run_and_test[1].verdict)
    return found
