"""Add the sessions of a file to a store."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...eventlog.documents.sessions import convert_session
from ...eventlog.merging.conflicts import Strategy
from ...eventlog.merging.staging import staging
from ..history.selection import Candidate, Selection
from ..views.session import TestSession
from .documents import incoming_of
from .export import Progress
from .incoming import Incoming, nodeids_of
from .ingest import IngestResult, ingest
from .sources import read_contents
from .store import SessionStore


class ImportStats(dict[str, int]):
    """Counts of an import: `total = imported + skipped + errors`, `imported = added + updated`."""

    reasons: list[str]
    """Message of each entry that could not be read."""

    def __init__(self, counts: dict[str, int], reasons: list[str]) -> None:
        super().__init__(counts)
        self.reasons = reasons


@dataclass
class ImportReport:
    """Results of an import, or of a dry run, for each entry."""

    outcomes: list[IngestResult] = field(default_factory=list[IngestResult])
    errors: list[str] = field(default_factory=list[str])

    @property
    def stats(self) -> ImportStats:
        """Counts of the results."""
        what = Counter(outcome.decision.what for outcome in self.outcomes)
        added, updated = what["added"], what["updated"]
        counts = {
            "total": len(self.outcomes) + len(self.errors),
            "imported": added + updated,
            "skipped": what["skipped"],
            "errors": len(self.errors),
            "added": added,
            "updated": updated,
        }
        return ImportStats(counts, list(self.errors))


def parse_strategy(name: str) -> Strategy:
    """Return the strategy of this name.

    Raises:
        ValueError: there is no such strategy.
    """
    try:
        return Strategy(name)
    except ValueError:
        names = ", ".join(strategy.value for strategy in Strategy)
        raise ValueError(f"Unknown merge strategy {name!r}: use one of {names}") from None


def import_file(
    store: SessionStore,
    path: Path | str,
    strategy: Strategy,
    *,
    selection: Selection | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Add the sessions of a file to a store.

    Args:
        store: the store to add to.
        path: an export, an event log, a file of the earlier plugin, a folder or archive of logs, or `-`.
        strategy: treatment of sessions whose label another session has.
        selection: the sessions to add; None for all.
        dry_run: return the report without changing anything.
        progress: called with the number of sessions done, and of all.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read at all.
        EventLogError, OSError: the log cannot be written; sessions added before stay, and importing again continues.
    """
    with staging() as stage:
        contents = read_contents(path, stage)
        report = ImportReport(errors=contents.errors)
        ingest_contents(
            store, contents.sessions, strategy, report, selection=selection, dry_run=dry_run, progress=progress
        )
        return report


def ingest_contents(
    store: SessionStore,
    sessions: Iterable[Incoming],
    strategy: Strategy,
    report: ImportReport,
    *,
    selection: Selection | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> None:
    """Add sessions to a store, and the result of each to a report.

    Args:
        store: the store to add to.
        sessions: to add, one after the other; all are read first if a selection has to look at all.
        strategy: treatment of sessions whose label another session has.
        report: takes the results.
        selection: the sessions to add; None for all.
        dry_run: change nothing.
        progress: called with the number of sessions done, and of all.

    Raises:
        EventLogError, OSError: the log cannot be written; sessions added before stay.
    """
    if selection is not None and not selection.is_everything:
        candidates = {
            Candidate(one.label, one.sut, one.started_us, lambda one=one: nodeids_of(one)): one for one in sessions
        }
        sessions = [candidates[picked] for picked in selection.pick(candidates)]
    total = len(sessions) if isinstance(sessions, list) else 0
    for outcome in ingest(store, sessions, strategy, restore=True, dry_run=dry_run):
        report.outcomes.append(outcome)
        if progress is not None:
            progress(len(report.outcomes), total)


def incoming_sessions(sessions: Iterable[TestSession]) -> list[Incoming]:
    """Return sessions of the API as sessions that can be added to a store.

    Raises:
        DocumentError: a session cannot be kept; names the field.
    """
    return [incoming_of(convert_session(session.to_dict(), keep_order=True)) for session in sessions]


def add_sessions(store: SessionStore, sessions: Iterable[Incoming]) -> None:
    """Add sessions to a store; each supersedes another session with its id and other content.

    Raises:
        EventLogError, OSError: the log cannot be written.
    """
    for _ in ingest(store, sessions, Strategy.REPLACE_EXISTING, restore=True):
        pass
