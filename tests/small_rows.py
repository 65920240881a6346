"""Rows of stored sessions in memory, and a store that finds them by plain loops, for rules that read no test results."""

from types import SimpleNamespace
from typing import Any

from pytest_insight.projections.readmodel import AmbiguousCommitError, AmbiguousPrefixError, UnknownSessionError
from small_histories import HOUR_US


def make_row(number: int, name: str = "", **more: Any) -> SimpleNamespace:
    """Return session `s<number>` of hour `number`, whole and with a test, on branch main of shop.

    Args:
        number: of the session.
        name: its id instead.
        more: fields of the row, and `branch`, `args`, `python`, `test_run`, `tests`, `uncollected`, `running`.
    """
    header: dict[str, Any] = {
        "vcs": {"commit": more.get("commit", ""), "branch": more.pop("branch", "main")},
        "args": list(more.pop("args", ())),
        "python": more.pop("python", "3.11.7"),
        "test_run": more.pop("test_run", ""),
    }
    part = {
        "header": header,
        "open": [(nodeid, 1, 0) for nodeid in more.pop("running", ())],
        "collect_failed": list(more.pop("uncollected", ())),
        "deselected": more.pop("deselected", 0),
    }
    fields: dict[str, Any] = {
        "session_id": name or f"s{number}",
        "stream": f"{number:032x}",
        "sut": "shop",
        "started_us": number * HOUR_US,
        "finished_us": number * HOUR_US + 1000,
        "exit_status": 0,
        "missing": 0,
        "commit": "",
        "verdicts": {"passed": more.pop("tests", 1)},
        "part": SimpleNamespace(**part),
    }
    return SimpleNamespace(**(fields | more))


class RowsInMemory:
    """The part of a store of sessions that finds sessions by their names.

    Args:
        rows: in any order.
    """

    def __init__(self, *rows: SimpleNamespace) -> None:
        self.rows = sorted(rows, key=lambda row: (row.started_us, row.stream), reverse=True)

    def sessions(self, *, sut: str | None = None, limit: int | None = None, **_: Any) -> list[SimpleNamespace]:
        """Return sessions, the newest first."""
        return [row for row in self.rows if sut in (None, row.sut)][:limit]

    def suts(self) -> list[tuple[str, int]]:
        """Return the systems under test with the number of their sessions."""
        names = [row.sut for row in self.rows]
        return [(name, names.count(name)) for name in sorted(set(names))]

    def find_session(self, prefix: str) -> SimpleNamespace:
        """Return the session with this id or stream, else the only one whose id or stream begins so."""
        exact = [row for row in self.rows if prefix in (row.session_id, row.stream)]
        found = exact or [
            row for row in self.rows if row.session_id.startswith(prefix) or row.stream.startswith(prefix)
        ]
        if not found:
            raise UnknownSessionError(prefix)
        if len(found) > 1:
            raise AmbiguousPrefixError(prefix, [row.session_id for row in found])
        return found[0]

    def sessions_of_commit(self, prefix: str) -> list[SimpleNamespace]:
        """Return the sessions of the only commit that begins so."""
        found = [row for row in self.rows if row.commit and row.commit.startswith(prefix)]
        commits = sorted({row.commit for row in found})
        if len(commits) > 1:
            raise AmbiguousCommitError(prefix, commits)
        return found
