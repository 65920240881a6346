"""Add the sessions of files of any kind to a store: results of other tools, exports, logs, folders and archives."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..core.exchange.export import Progress
from ..core.exchange.importing import ingest_contents
from ..core.exchange.incoming import Contents, Incoming
from ..core.exchange.sources import read_contents, read_staged
from ..core.exchange.store import SessionStore
from ..core.history.selection import Selection
from ..eventlog.errors import InputUnreadableError
from ..eventlog.files.pipes import is_pipe
from ..eventlog.format import HEAD
from ..eventlog.merging.conflicts import Strategy
from ..eventlog.merging.staging import Staged, Staging, stage_source, staging
from ..eventlog.sources import look_for_logs
from .importers.allure import is_part_of_results
from .importers.protocol import Member, RefusedFileError
from .inputs.members import list_members
from .reading import FileReader, ForeignOptions, Found
from .report import ImportedFiles

_HEAD_BYTES = 64 << 10
_DOCUMENT_KEYS = (b'"session_start_time"', b'"test_results"')


def import_path(
    store: SessionStore,
    path: Path | str,
    strategy: Strategy,
    options: ForeignOptions,
    *,
    selection: Selection | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportedFiles:
    """Add the sessions of a path to a store.

    Sessions are added in groups, and each group is durable before the next begins. A call that is interrupted keeps the
    groups before; calling it again continues.

    Args:
        store: the store to add to.
        path: a file, a folder, an archive, or `-`.
        strategy: treatment of sessions whose label another session has.
        options: facts that files of other tools may lack, and limits.
        selection: the sessions to add; None for all. The system under test is a filter of our own files only.
        dry_run: return the report without changing anything.
        progress: called with the number of files done, and of all.

    Raises:
        FileNotFoundError: there is no such path.
        EventLogError, ValueError: nothing of it can be read.
        OSError: the log cannot be written; sessions added before stay.
    """
    report = ImportedFiles()
    with staging() as stage:
        reader = FileReader(store, options, stage, report)
        sessions = _Sessions(path, reader, options, stage, report, progress)
        ingest_contents(store, sessions.contents(), strategy, report, selection=selection, dry_run=dry_run)
        sessions.check_any()
    return report


class _Sessions:
    """The sessions of a path, one after the other."""

    def __init__(
        self,
        path: Path | str,
        reader: FileReader,
        options: ForeignOptions,
        stage: Staging,
        report: ImportedFiles,
        progress: Progress | None,
    ) -> None:
        self._path, self._reader, self._options = path, reader, options
        self._stage, self._report, self._progress = stage, report, progress
        self._passed_over = 0

    def contents(self) -> Iterator[Incoming]:
        """Yield the sessions.

        Raises:
            EventLogError, ValueError, OSError: nothing of the path can be read.
        """
        foreign, own = self._sort()
        yield from self._sessions_of_own(own)
        total = len(foreign)
        for done, session in enumerate(self._reader.sessions_of(foreign), 1):
            yield session
            if self._progress is not None:
                self._progress(min(done, total), total)
        if self._passed_over:
            kind = "file is" if self._passed_over == 1 else "files are"
            self._report.notes.append(f"{self._path}: {self._passed_over} {kind} of no known format; passed over")

    def check_any(self) -> None:
        """Refuse a path of which nothing could be read.

        Raises:
            InputUnreadableError: all files were refused.
        """
        report = self._report
        if report.errors and not report.usable and not report.files:
            raise InputUnreadableError("\n".join(report.errors))

    def _sort(self) -> tuple[list[Found], list[Member]]:
        """Return the files of other tools and our own files, as far as they are not read another way."""
        foreign: list[Found] = []
        own: list[Member] = []
        try:
            for item in list_members(self._path, self._options.limits, self._stage):
                if isinstance(item, RefusedFileError):
                    self._report.errors.append(str(item))
                    continue
                found = self._reader.recognize(item)
                if found is not None:
                    foreign.append(found)
                else:
                    own.append(item)
        except RefusedFileError as error:
            text = str(error)
            raise InputUnreadableError(text if text.startswith(str(self._path)) else f"{self._path}: {text}") from error
        if any(found.importer.name == "allure" for found in foreign):
            own = [member for member in own if not is_part_of_results(member.name)]
        return foreign, own

    def _sessions_of_own(self, own: list[Member]) -> Iterator[Incoming]:
        path = Path(self._path)
        if path.is_dir():
            found = look_for_logs(path)
            logs = [source for source in found.logs if self._reader.recognize_file(source.name, source) is None]
            self._report.errors.extend(f"{one}; it was not imported" for one in found.unread)
            read = read_staged([stage_source(source, self._stage) for source in logs], self._stage)
            names = {source.name for source in logs}
            self._passed_over = len([member for member in own if member.name not in names])
            yield from self._take(read)
            return
        if is_pipe(self._path):  # it is read once, and is a file now
            yield from self._take(read_staged([Staged("standard input", member.path) for member in own], self._stage))
            return
        if path.is_file() and not self._reader.recognized and zipfile.is_zipfile(path):
            yield from self._sessions_of_own_archive()
            return
        named = [member for member in own if member.named]
        if named or (not own and not self._reader.recognized and not self._report.errors):
            yield from self._take(read_contents(self._path, self._stage))
            return
        readable = [member for member in own if is_own_format(member)]
        self._passed_over = len(own) - len(readable)
        yield from self._take(read_staged([Staged(member.name, member.path) for member in readable], self._stage))

    def _sessions_of_own_archive(self) -> Iterator[Incoming]:
        """Yield the sessions of an archive that has logs and documents only; its reader names what cannot be read."""
        contents = read_contents(self._path, self._stage)
        if contents.errors:
            self._report.errors.clear()
        yield from self._take(contents)

    def _take(self, contents: Contents) -> Iterator[Incoming]:
        self._report.errors.extend(contents.errors)
        self._report.usable = self._report.usable or bool(contents.sessions or contents.errors)
        yield from contents.sessions


def is_own_format(member: Member) -> bool:
    """Return whether a file of an archive is an event log or a document of sessions, by its first bytes."""
    with member.path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    return head.startswith(HEAD) or b"\n" + HEAD in head or any(key in head for key in _DOCUMENT_KEYS)
