"""Read files of other tools as sessions of the log."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ..core.exchange.incoming import Incoming
from ..core.exchange.store import SessionStore
from ..eventlog.errors import EventLogError
from ..eventlog.events import Vcs
from ..eventlog.files.log_source import LogSource
from ..eventlog.merging.staging import Staging
from ..eventlog.times import format_time
from .importers.allure import RESULT_SUFFIX
from .importers.identity import Identities
from .importers.protocol import ForeignReport, Importer, Member, Reading, RefusedFileError
from .importers.registry import importer_for, importer_named
from .inputs.limits import ImportLimits
from .inputs.naming import PathFacts, PathPattern, group_of
from .lines import SessionFacts, known_session, stream_of, write_session
from .report import ImportedFiles

_HEAD_BYTES = 64 << 10
_SESSIONS_OF_IDS = 200
_NO_DATE_HINT = "give it one by --at WHEN, --path-pattern '{date}/...' or --mtime"


@dataclass(frozen=True)
class ForeignOptions:
    """Facts that files of other tools may lack, and limits."""

    form: str = ""
    """Name of the format; empty to find it out."""
    sut: str = ""
    test_run: str = ""
    zone: tzinfo | None = None
    at_us: int | None = None
    """Start of sessions whose file has no date."""
    use_mtime: bool = False
    """Take the time of a file as the start if it has no date."""
    pattern: PathPattern | None = None
    root: Path | None = None
    limits: ImportLimits = field(default_factory=ImportLimits)


class Found(NamedTuple):
    """A file with its format."""

    member: Member
    importer: Importer


class FileReader:
    """Turns files of other tools into sessions.

    Args:
        store: the log, whose node ids are looked for in the files.
        options: what the user said.
        stage: where lines are written.
        report: takes what is to be told.
    """

    def __init__(self, store: SessionStore, options: ForeignOptions, stage: Staging, report: ImportedFiles) -> None:
        self._store, self._options, self._stage, self._report = store, options, stage, report
        self._forced = importer_named(options.form) if options.form else None
        self._seen: set[str] = set()
        self.recognized = 0
        """Files that are of a known format."""

    # ------------------------------------------------------------------ formats

    def recognize(self, member: Member) -> Found | None:
        """Return a file with its format; None if it is of no other tool."""
        with member.path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        if self._forced is not None and (member.named or self._forced.recognizes(member.name, head)):
            importer: Importer | None = self._forced
        elif self._forced is not None:
            return None
        else:
            importer = importer_for(member.name, head)
        if importer is None and member.named and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise RefusedFileError("is no report of a known format", "name its format by --as if it is one")
        self.recognized += importer is not None
        return None if importer is None else Found(member, importer)

    def recognize_file(self, name: str, source: LogSource) -> Importer | None:
        """Return the format of what may be a log; None if it is of no other tool."""
        with suppress(OSError, EventLogError), source.open() as stream:
            return importer_for(name, stream.read(_HEAD_BYTES))
        return None

    # ------------------------------------------------------------------ sessions

    def sessions_of(self, found: list[Found]) -> Iterator[Incoming]:
        """Yield the session of each file; a file that is refused is told and left out."""
        groups: defaultdict[str, list[tuple[Found, ForeignReport | None]]] = defaultdict(list)
        for one in _join_folders(found):
            group, report = ("", None) if self._options.test_run else self._group_of(one)
            if group:
                groups[group].append((one, report))
            else:
                yield from self._session_of(one, None, report=report)
        for name, members in groups.items():
            yield from self._sessions_of_group(name, members)

    def _group_of(self, found: Found) -> tuple[str, ForeignReport | None]:
        """Return the group of files that one belongs to, empty for none, and its report if that had to be read."""
        relative = found.member.relative
        group = group_of(relative) if found.importer.name == "junit" else ""
        if group or found.importer.name != "junit" or not relative.rpartition("/")[2].startswith("TEST-"):
            return group, None
        report = self._read(found)
        return (group_of(relative, report.test_run) if report is not None else ""), report

    def _sessions_of_group(self, name: str, members: list[tuple[Found, ForeignReport | None]]) -> Iterator[Incoming]:
        """Yield the sessions of files that are one test run; a file without a date takes that of the others."""
        by_run: defaultdict[str, list[tuple[Found, ForeignReport]]] = defaultdict(list)
        for one, known_report in members:
            report = known_report or self._read(one, tell=True)
            if report is not None:
                by_run[report.test_run].append((one, report))
        for digits, files in by_run.items():
            starts = [self._find_date(one.member, report)[0] for one, report in files]
            known = [start for start in starts if start is not None]
            earliest = min(known, default=None)
            run = _run_id(name, digits, earliest)
            for one, report in files:
                yield from self._session_of(one, earliest, run, report=report)

    def _session_of(
        self, found: Found, sibling_us: int | None, run: str = "", *, report: ForeignReport | None = None
    ) -> Iterator[Incoming]:
        member = found.member
        stream = stream_of(member, found.importer.name)
        if self._is_complete(stream):
            self._report.files += 1
            yield known_session(stream, SessionFacts(self._started_us(stream), self._sut), member.name)
            return
        report = report or self._read(found, tell=True)
        if report is None:
            return
        started_us, source, zone_known = self._find_any_date(member, report, sibling_us)
        if started_us is None:
            self._report.errors.append(f"{member.name}: the file has no date; {_NO_DATE_HINT}")
            return
        if source in ("--at", "path"):
            stream = stream_of(member, found.importer.name, format_time(started_us))
        report.zone_known = zone_known
        facts = self._facts(member, report, started_us, source, run)
        if stream in self._seen or self._is_complete(stream):
            self._report.files += 1
            yield known_session(stream, facts, member.name)
            return
        try:
            incoming = write_session(report, stream, facts, member.name, self._stage.new_file())
        except RefusedFileError as error:
            self._report.errors.append(f"{member.name}: {error}")
            return
        self._seen.add(stream)
        self._tell(member, report)
        yield incoming

    def _read(self, found: Found, *, tell: bool = False) -> ForeignReport | None:
        try:
            return found.importer.read(found.member, self._reading)
        except RefusedFileError as error:
            if tell:
                self._report.errors.append(f"{found.member.name}: {error}")
        return None

    def _tell(self, member: Member, report: ForeignReport) -> None:
        self._report.files += 1
        self._report.unplaced += report.unplaced
        self._report.repaired.extend(f"{member.name}: {one}" for one in report.repairs)
        self._report.notes.extend(f"{member.name}: {one}" for one in report.notes)
        self._report.verdicts.update(report.outcomes)

    # ------------------------------------------------------------------ facts

    def _find_date(self, member: Member, report: ForeignReport) -> tuple[int | None, str, bool]:
        """Return start, its source, and whether its offset from UTC is known: of the file, its path, or an option."""
        if report.started_us is not None:
            return report.started_us, "file", report.zone_known
        facts = self._path_facts(member)
        if facts.started_us is not None:
            return facts.started_us, "path", facts.zone_known
        if self._options.at_us is not None:
            return self._options.at_us, "--at", True
        return None, "", True

    def _find_any_date(
        self, member: Member, report: ForeignReport, sibling_us: int | None
    ) -> tuple[int | None, str, bool]:
        started_us, source, zone_known = self._find_date(member, report)
        if started_us is None and sibling_us is not None:
            return sibling_us, "other files of the run", True
        if started_us is None and self._options.use_mtime and member.mtime_us > 0:
            return member.mtime_us, "file time", True
        return started_us, source, zone_known

    def _path_facts(self, member: Member) -> PathFacts:
        pattern = self._options.pattern
        if pattern is None:
            return PathFacts()
        return pattern.facts_of(member.relative) or pattern.facts_of(member.name.replace("!", "/")) or PathFacts()

    def _facts(self, member: Member, report: ForeignReport, started_us: int, source: str, run: str) -> SessionFacts:
        path = self._path_facts(member)
        vcs = report.vcs
        if path.commit or path.branch:
            known = vcs or Vcs()
            vcs = Vcs(
                commit=path.commit or known.commit,
                branch=path.branch or known.branch,
                dirty=known.dirty,
                remote=known.remote,
            )
        return SessionFacts(
            started_us=started_us,
            sut=path.sut or self._options.sut or report.sut or self._sut,
            date_from=source,
            test_run=self._options.test_run or path.run or run,
            vcs=vcs,
        )

    @cached_property
    def _sut(self) -> str:
        return self._options.sut or "unknown-sut"

    @cached_property
    def _reading(self) -> Reading:
        identities = Identities(self._known_ids(), self._options.root)
        return Reading(identities, self._options.zone, self._options.limits.xml)

    def _known_ids(self) -> Iterable[str]:
        """Return the node ids of this system that are in the log when the import begins."""
        with self._store.model() as model:
            if set(model.sut_names()) <= {self._sut}:
                return model.nodeids()
            rows = model.sessions(sut=self._sut, limit=_SESSIONS_OF_IDS)
            return {attempt.nodeid for row in rows for attempt in model.attempts(row.stream)}

    def _is_complete(self, stream: str) -> bool:
        """Return whether the log has a session of this stream, whole."""
        if stream not in self._roster:
            return False
        with self._store.model_as_it_is() as model:
            part = model.part_of(stream)
        return part is not None and part.exit_status is not None

    def _started_us(self, stream: str) -> int:
        return self._roster.get(stream, 0)

    @cached_property
    def _roster(self) -> dict[str, int]:
        with self._store.model() as model:
            return {stream: started for stream, (_, started) in model.roster().streams.items()}


def _join_folders(found: list[Found]) -> Iterator[Found]:
    """Yield the files, those of a folder of Allure results as one."""
    folders: defaultdict[str, list[Found]] = defaultdict(list)
    for one in found:
        if one.importer.name == "allure" and not one.member.named:
            folder = one.member.name.rpartition("/")[0]
            folders[folder.rpartition("!")[0] or folder].append(one)
        else:
            yield one
    for name, ones in folders.items():
        first = ones[0]
        files = tuple(sorted({path for one in ones for path in _files_around(one.member)}))
        folder = first.member.name.rpartition("/")[0] or name
        relative = first.member.relative.rpartition("/")[0]
        yield Found(
            Member(folder, first.member.path, relative, files, max(one.member.mtime_us for one in ones)), first.importer
        )


def _files_around(member: Member) -> Iterator[Path]:
    """Yield a result file and, if it is in a folder on disk, the attachments that it may name."""
    yield member.path
    if member.path.name.endswith(RESULT_SUFFIX):
        for path in member.path.parent.glob("*-attachment*"):
            if path.is_file() and not path.is_symlink():
                yield path


def _run_id(name: str, digits: str, earliest_us: int | None) -> str:
    """Return the id of a test run: its group of files, and when it began, to the second."""
    began = "" if earliest_us is None else format_time(earliest_us)[:19]
    return f"import-{blake2b(f'{name} {digits} {began}'.encode(), digest_size=6).hexdigest()}"
