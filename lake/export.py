"""Months of a history into the tables of a lake: a month that changed is replaced, and nothing else is written.

Sessions leave a log in two ways. What was purged, cleared or superseded has to leave the lake as well. What the log has
not any more because it keeps a year only has to stay: its rows are taken over from the month as it was.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from ..projections.readmodel import ReadModel
from ..projections.session_row import SessionRow
from .arrow import make_array, make_batch, session_columns
from .columns import Values
from .contents import MonthContents, fingerprint_of, read_contents
from .engine import ArrowBatch
from .months import choose_months, is_month, month_of
from .schema import LAKE, RESULTS, SESSIONS, LakeColumn
from .sorting import order_names, sorted_batches
from .tables import LakePlace, StoredMonth, StoredTable

WRITTEN, REPLACED, REMOVED, UNCHANGED, KEPT = "written", "replaced", "removed", "unchanged", "kept"


class MonthExport(NamedTuple):
    """Result of the export of one month."""

    month: str
    action: str
    """`written`, `replaced`, `removed`, `unchanged`; or `kept`: unchanged, with sessions that only the lake has."""
    sessions: int
    """Sessions of the month in the log."""
    results: int
    absent: int = 0
    """Sessions that stay in the lake though the log has them not any more."""


class Lake:
    """The tables of a lake.

    Args:
        address: a folder or URL.

    Raises:
        LogUnavailableError: the place cannot be used.
    """

    def __init__(self, address: str) -> None:
        self.place = LakePlace(address)

    def export(
        self,
        model: ReadModel,
        months: Iterable[str],
        now: datetime,
        *,
        running: bool = False,
        exact: bool = False,
        dry_run: bool = False,
    ) -> Iterator[MonthExport]:
        """Yield the result of each month, when it is written.

        Args:
            model: the history, caught up.
            months: the months to export; none for all that are closed.
            now: the time.
            running: also months that are not over.
            exact: drop sessions that the log does not have any more.
            dry_run: write nothing.

        Raises:
            ValueError: a month is not over.
            LakeConflictError: another exporter wrote a month at the same time.
            LogUnavailableError: the place cannot be used.
        """
        by_month: dict[str, list[str]] = {}
        for stream, (label, started_us) in model.roster().streams.items():
            if label is not None:
                by_month.setdefault(month_of(started_us), []).append(stream)
        tables = {table.name: self.place.open(table) for table in LAKE}
        there = {month for table in tables.values() for month in table.months_at_first if is_month(month)}
        values = Values(model.names())
        for month in choose_months(by_month.keys() | there, months, now, running=running):
            exporter = _MonthExporter(tables, model, month, values, exact=exact)
            rows = model.visible_sessions_of(by_month.get(month, []))
            yield exporter.run(rows, dry_run=dry_run)

    def vacuum(self) -> int:
        """Delete the files of earlier versions of all tables, and return their number."""
        return sum(self.place.open(table).vacuum() for table in LAKE)


class _MonthExporter:
    """Exports one month."""

    def __init__(
        self,
        tables: dict[str, StoredTable],
        model: ReadModel,
        month: str,
        values: Values,
        *,
        exact: bool,
    ) -> None:
        self._tables = tables
        self._stored = [table.months_at_first.get(month) for table in tables.values()]
        self._model = model
        self._month = month
        self._values = values
        self._exact = exact

    def run(self, rows: list[SessionRow], *, dry_run: bool) -> MonthExport:
        """Bring the month in the tables up to date, and return what was done."""
        contents = read_contents(self._model, rows, self._values)
        action, absent = self._decide(contents)
        if not dry_run and action in (WRITTEN, REPLACED):
            self._write(contents, absent)
        elif not dry_run and action == REMOVED:
            for table in self._tables.values():
                table.remove_month(self._month)
        return MonthExport(self._month, action, len(rows), contents.results, len(absent))

    def _decide(self, contents: MonthContents) -> tuple[str, dict[str, str]]:
        """Return what is to be done, and the digests of the sessions that stay though the log has them not any more."""
        counts = (contents.results, len(contents.rows))
        if self._stored == [StoredMonth(contents.fingerprint, count) if count else None for count in counts]:
            return UNCHANGED, {}
        absent = {} if self._exact else self._absent()
        whole = fingerprint_of([*contents.digests, *absent.values()])
        if absent and all(stored is not None and stored.fingerprint == whole for stored in self._stored):
            return KEPT, absent
        if not whole:
            return REMOVED, absent
        return (WRITTEN if not any(self._stored) else REPLACED), absent

    def _absent(self) -> dict[str, str]:
        """Return the digests of sessions in the lake that the log does not have, and was not told to remove."""
        roster = self._model.roster()
        stored = self._tables[SESSIONS.name].session_digests(self._month)
        return {
            stream: digest
            for stream, digest in stored.items()
            if stream not in roster.streams and stream not in roster.buried
        }

    def _write(self, contents: MonthContents, absent: dict[str, str]) -> None:
        """Write results first: a month is known to be complete when its sessions are there."""
        whole = fingerprint_of([*contents.digests, *absent.values()])
        constants = {"month": self._month, "fingerprint": whole}
        order = order_names(self._model, contents.rows, self._values)
        results = sorted_batches(self._model, contents.rows, self._values, order, RESULTS, constants)
        sessions = iter([_session_batch(contents, constants)])
        for table, batches in ((RESULTS, results), (SESSIONS, sessions)):
            stored = self._tables[table.name]
            old = stored.read_rows(self._month, list(absent), constants)
            if contents.results or old or table is SESSIONS:
                stored.replace_month(self._month, chain(batches, old))
            else:
                stored.remove_month(self._month)


def _session_batch(contents: MonthContents, constants: dict[str, Any]) -> ArrowBatch:
    columns = session_columns(contents.rows) | constants
    columns["digest"] = make_array(LakeColumn("digest", "string", ""), contents.digests)
    return make_batch(SESSIONS, len(contents.rows), columns)
