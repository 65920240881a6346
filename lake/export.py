"""Months of a history into the tables of a lake: a month that changed is replaced, and nothing else is written.

Sessions leave a log in two ways. What was purged, cleared or superseded has to leave the lake as well. What the log has
not any more because it keeps a year only has to stay: then the month is kept as it is.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from ..projections.readmodel import ReadModel
from ..projections.session_row import SessionRow
from .arrow import make_array, make_batch, session_columns
from .columns import Values
from .contents import MonthContents, read_contents
from .engine import ArrowBatch
from .months import choose_months, month_of
from .schema import LAKE, RESULTS, SESSIONS, LakeColumn
from .sorting import order_names, sorted_batches
from .tables import LakePlace, StoredMonth, StoredTable

WRITTEN, REPLACED, REMOVED, UNCHANGED, KEPT, REFUSED = (
    "written",
    "replaced",
    "removed",
    "unchanged",
    "kept",
    "refused",
)


class MonthExport(NamedTuple):
    """Result of the export of one month."""

    month: str
    action: str
    """`written`, `replaced`, `removed`, `unchanged`; `kept`, as the log does not have all its sessions any more; or
    `refused`, as it also has others."""
    sessions: int
    """Sessions of the month in the log."""
    results: int
    absent: int = 0
    """Sessions that the lake has and the log has not any more."""


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
        force: bool = False,
        dry_run: bool = False,
    ) -> Iterator[MonthExport]:
        """Yield the result of each month, when it is written.

        Args:
            model: the history, caught up.
            months: the months to export; none for all that are closed.
            now: the time.
            running: also months that are not over.
            force: replace months of which the log does not have all sessions any more.
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
        there = {month for table in tables.values() for month in table.months_at_first}
        values = Values(model.names())
        for month in choose_months(by_month.keys() | there, months, now, running=running):
            exporter = _MonthExporter(tables, model, month, values, force=force)
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
        force: bool,
    ) -> None:
        self._tables = tables
        self._stored = [table.months_at_first.get(month) for table in tables.values()]
        self._model = model
        self._month = month
        self._values = values
        self._force = force

    def run(self, rows: list[SessionRow], *, dry_run: bool) -> MonthExport:
        """Bring the month in the tables up to date, and return what was done."""
        contents = read_contents(self._model, rows, self._values)
        action, absent = self._decide(contents)
        if not dry_run and action in (WRITTEN, REPLACED):
            self._write(contents)
        elif not dry_run and action == REMOVED:
            for table in self._tables.values():
                table.remove_month(self._month)
        return MonthExport(self._month, action, len(rows), contents.results, absent)

    def _decide(self, contents: MonthContents) -> tuple[str, int]:
        """Return what is to be done, and how many sessions of the table the log has not any more."""
        stored = self._stored
        counts = (contents.results, len(contents.rows))
        wanted = [StoredMonth(contents.fingerprint, count) if count else None for count in counts]
        if stored == wanted:
            return UNCHANGED, 0
        digests = self._tables[SESSIONS.name].session_digests(self._month)
        absent = self._absent(digests)
        if absent and not self._force:
            mine = contents.by_stream
            return (KEPT if all(digests.get(stream) == mine[stream] for stream in mine) else REFUSED), len(absent)
        if not contents.rows:
            return REMOVED, len(absent)
        return (WRITTEN if not any(stored) else REPLACED), len(absent)

    def _absent(self, digests: dict[str, str]) -> list[str]:
        """Return the streams in the lake that the log does not have, and was not told to remove."""
        roster = self._model.roster()
        return [stream for stream in digests if stream not in roster.streams and stream not in roster.buried]

    def _write(self, contents: MonthContents) -> None:
        """Write results first: a month is known to be complete when its sessions are there."""
        constants = {"month": self._month, "fingerprint": contents.fingerprint}
        for table in (RESULTS, SESSIONS):
            stored = self._tables[table.name]
            if table is SESSIONS:
                stored.replace_month(self._month, [_session_batch(contents, constants)])
            elif contents.results:
                order = order_names(self._model, contents.rows, self._values)
                rows = sorted_batches(self._model, contents.rows, self._values, order, RESULTS, constants)
                stored.replace_month(self._month, rows)
            else:
                stored.remove_month(self._month)


def _session_batch(contents: MonthContents, constants: dict[str, Any]) -> ArrowBatch:
    columns = session_columns(contents.rows) | constants
    columns["digest"] = make_array(LakeColumn("digest", "string", ""), contents.digests)
    return make_batch(SESSIONS, len(contents.rows), columns)
