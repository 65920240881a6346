"""Simple File Exchange: sessions to files and back.

| format | content |
|---|---|
| `json` | a list of sessions as `TestSession.to_dict` gives them |
| `jsonl` | an event log: the very lines of the sessions, in canonical order |
| `csv` | one row per test result |
"""

import csv
import io
import os
import secrets
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

import msgspec

from ...eventlog.documents.sessions import convert_session
from ...eventlog.files.system import SYSTEM
from ...eventlog.merging.conflicts import Strategy
from ...eventlog.merging.staging import Staging, staging
from ...eventlog.sources import LogSource, live_files, pack_files
from ...projections.models import TestSession
from ..parts import remove_stale_parts
from ..selection import Candidate, Selection
from .ingest import IngestResult, ingest
from .sources import LogContents, nodeids_of, read_contents, read_log
from .store import SessionStore

Format = Literal["json", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("json", "jsonl", "csv")
CSV_COLUMNS = (
    "session_id",
    "sut_name",
    "session_start_time",
    "nodeid",
    "outcome",
    "start_time",
    "duration",
    "has_warning",
    "longreprtext",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell for a formula."""

Wanted = Callable[[TestSession], object]
Progress = Callable[[int, int], None]


class ImportStats(dict[str, int]):
    """Counts of an import: `total = imported + skipped + errors`, `imported = added + updated`."""

    reasons: list[str]
    """Why entries were errors: where, and what."""

    def __init__(self, counts: dict[str, int], reasons: list[str]) -> None:
        super().__init__(counts)
        self.reasons = reasons


@dataclass
class ImportReport:
    """What an import did, or would do, entry by entry."""

    outcomes: list[IngestResult] = field(default_factory=list[IngestResult])
    errors: list[str] = field(default_factory=list[str])

    @property
    def stats(self) -> ImportStats:
        """The counts."""
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


def format_of(path: Path | str, wanted: str | None) -> Format:
    """Return the format for a file: the wanted one, else by the ending of its name; an event log by default.

    Raises:
        ValueError: there is no such format.
    """
    name = wanted.lower() if wanted else Path(path).suffix.lstrip(".").lower()
    found: Format | None = next((known for known in FORMATS if known == name), None)
    if found is None and wanted:
        raise ValueError(f"Unknown export format {wanted!r}: use one of {', '.join(FORMATS)}")
    return found or "jsonl"


# ------------------------------------------------------------------ export


@contextmanager
def replacing(path: Path) -> Generator[IO[bytes]]:
    """Give a file to write that takes the place of `path` when it is complete; if anything fails, `path` is as it was.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    remove_stale_parts(path)
    try:
        with temporary.open("xb") as stream:
            SYSTEM.lock(stream.fileno())  # so that another export sees that this part is not stale
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException as error:  # also of the close, which writes what is still buffered
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:
            error.filename = str(path)
        raise
    os.replace(temporary, path)  # noqa: PTH105 - one call, as atomic as the platform has it


def write_sessions(
    out: IO[bytes],
    sessions: list[TestSession],
    form: Format,
    fill: Callable[[TestSession], None],
    progress: Progress | None = None,
) -> None:
    """Write sessions as JSON or CSV, one after the other.

    Args:
        out: where to.
        sessions: in order.
        form: `json` or `csv`.
        fill: reads everything of a session at once, where sessions are read later.
        progress: called with the number of sessions done, and of all.
    """
    pieces = _csv_pieces if form == "csv" else _json_pieces
    for number, data in enumerate(pieces(_filled(sessions, fill))):
        out.write(data)
        if progress is not None:
            progress(min(number, len(sessions)), len(sessions))


def _filled(sessions: list[TestSession], fill: Callable[[TestSession], None]) -> Iterator[TestSession]:
    for session in sessions:
        # A copy is filled, so that the caller's sessions do not grow by the texts of everything that was exported.
        copy = session.head()
        fill(copy)
        yield copy


def _json_pieces(sessions: Iterable[TestSession]) -> Iterator[bytes]:
    before = b"[\n"
    for session in sessions:
        yield before + msgspec.json.format(msgspec.json.encode(session.to_dict()), indent=2)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _csv_pieces(sessions: Iterable[TestSession]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for session in sessions:
        head = [session.session_id, session.sut_name, session.session_start_time.isoformat()]
        for result in session.test_results:
            row = [*head, result.nodeid, result.outcome.to_str(), result.start_time.isoformat()]
            cells = [*map(defused, row), f"{result.duration:.6f}", str(result.has_warning).lower()]
            writer.writerow([*cells, defused(result.longreprtext)])
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def defused(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that begins like that gets an apostrophe in front.

    Source: OWASP, CSV injection.
    """
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell


def export_log_lines(store: SessionStore, streams: set[str], out: IO[bytes], progress: Progress | None = None) -> None:
    """Write the lines of some sessions of a store as they are."""
    with staging() as stage:
        found = contents_of(store, stage)
        wanted = [incoming for incoming in found.sessions if incoming.stream in streams]
        for number, incoming in enumerate(wanted):
            for piece in incoming.read():
                out.write(piece)
            if progress is not None:
                progress(number + 1, len(wanted))


def converted_lines(sessions: Iterable[TestSession]) -> bytes:
    """Return the events that sessions are converted to, in canonical order."""
    found = sorted(
        (convert_session(session.to_dict(), keep_order=True) for session in sessions),
        key=lambda one: (one.started_us, one.stream),
    )
    return b"".join(line for one in found for line in one.lines)


def contents_of(store: SessionStore, stage: Staging) -> LogContents:
    """Return the sessions and statements of a store's log, with its packs and live files."""
    source = store.target.source
    if not source.on_disk:
        return read_log(source.name, [source], stage)
    packs = [stage.unpacked(pack) for pack in pack_files(source)]
    live = stage.copies(live_files(source))  # before the log is read, where they may be collected to meanwhile
    files = [path for path in (source.path, *packs, *live) if path.exists()]
    return read_log(source.name, [LogSource(path) for path in files], stage)


def export_to(
    store: SessionStore, target: Path | IO[bytes], names: list[str], form: Format, progress: Progress | None = None
) -> None:
    """Write the sessions of these names to a file or a stream.

    Raises:
        OSError: it cannot be written; a file that was there is as it was.
    """
    if isinstance(target, Path):
        with replacing(target) as out:
            export_to(store, out, names, form, progress)
        return
    wanted = set(names)
    sessions = [session for session in store.sessions() if session.session_id in wanted]
    if form == "jsonl":
        export_log_lines(store, {session.stream for session in sessions}, target, progress)
    else:
        write_sessions(target, sessions, form, store.fill, progress)


# ------------------------------------------------------------------ import


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
        store: where to.
        path: an export, an event log, a file of the earlier plugin, a folder or archive of logs, or `-`.
        strategy: what becomes of sessions whose label another bears.
        selection: which sessions; None for all.
        dry_run: only say what would become of each.
        progress: called with the number of sessions done, and of all.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read at all.
        EventLogError, OSError: the log cannot be written; what was added before stays, and importing again goes on.
    """
    with staging() as stage:
        contents = read_contents(path, stage)
        sessions = contents.sessions
        if selection is not None and not selection.is_everything:
            candidates = {
                Candidate(one.label, one.sut, one.started_us, lambda one=one: nodeids_of(one)): one for one in sessions
            }
            sessions = [candidates[picked] for picked in selection.pick(candidates)]
        report = ImportReport(errors=contents.errors)
        for outcome in ingest(store, sessions, strategy, restore=True, dry_run=dry_run):
            report.outcomes.append(outcome)
            if progress is not None:
                progress(len(report.outcomes), len(sessions))
        return report
