"""Append the events of a collector that a log lacks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...eventlog.codec import line_digest, parse_envelope
from ...eventlog.maintenance.burying import PURGED_TYPE, BuriedEvents
from ...eventlog.scan import Scanner
from ...eventlog.targets.log_targets import DiskTarget
from .cursors import SyncCursor
from .digests import LogDigests
from .pushing import Progress
from .requests import Clash, OtherTeamError, Page, RemoteError
from .retries import Retries
from .stores import Remote

PAGE_LINES = 20_000


@dataclass
class PullReport:
    """Results of a pull."""

    fetched: int = 0
    added: int = 0
    known: int = 0
    purged: int = 0
    """Events that were purged here, and that the other side still has; they are not fetched again."""
    clashes: list[Clash] = field(default_factory=list[Clash])
    """Events of which the log has another version; ours stays in the log, theirs with the collector."""
    findings: list[str] = field(default_factory=list[str])
    newer: int = 0
    """Events of a newer format; they are fetched after an upgrade."""


@dataclass
class _NewLines:
    """Lines of a page that the log lacks."""

    lines: list[bytes] = field(default_factory=list[bytes])
    seen: set[tuple[str, int, str]] = field(default_factory=set[tuple[str, int, str]])
    buried: BuriedEvents = field(default_factory=BuriedEvents)


class LogFiller:
    """Appends pages of the feed of a collector to a log, each event once.

    Args:
        url: of the collector, for messages.
        log: path of the log; None only counts.
        digests: returns the events of the log; not called where nothing is new.
        kept: where the last pull ended.
        save: keeps `kept` in its file.
        is_mirror: the log is to have what the collector has, also what its own tombstones name.
        removes_purged: what is purged on the collector is to be removed from the log.
    """

    def __init__(
        self,
        url: str,
        log: Path | None,
        digests: Callable[[], LogDigests],
        kept: SyncCursor,
        save: Callable[[], None],
        *,
        is_mirror: bool = False,
        removes_purged: bool = False,
    ) -> None:
        self.report = PullReport()
        self.again = False
        """A tombstone came: remove what it names, and pull from the start, as what replaces it may have come before."""
        self._url = url
        self._target = None if log is None else DiskTarget(log)
        self._read_digests = digests
        self._kept = kept
        self._save = save
        self._is_mirror = is_mirror
        self._removes_purged = removes_purged

    def add(self, page: Page) -> None:
        """Append what the log lacks of a page, and keep its cursor after that.

        Raises:
            RemoteError: the page is not whole, or of another team.
            EventLogError, OSError: the log cannot be written.
        """
        self.check_team(page.team)
        self.report.findings += page.findings
        lines = self._lines_of(page)
        if self._target is None:
            self._find_new(lines, self._read_digests())
            return
        if lines:
            self._append_new(lines, self._target, self._read_digests())
        page.keep()
        self._kept.cursor = "" if self.again else page.cursor
        self._kept.epoch, self._kept.team = page.cursor.partition(":")[0], page.team
        self._save()

    def check_team(self, team: str) -> None:
        """Refuse events of another team than those of the log.

        Raises:
            OtherTeamError: the key has another team than the one of the last pull.
        """
        if self._kept.team and team and team != self._kept.team:
            reason = f"the key belongs to the team {team}, and the events here to {self._kept.team}"
            raise OtherTeamError(self._url, reason, "use a profile for each team")

    def _append_new(self, lines: list[bytes], target: DiskTarget, digests: LogDigests) -> None:
        with target.locked() as append:
            digests.refresh()  # what others have added to the log meanwhile
            new = self._find_new(lines, digests)
            before, data = digests.mark(), b"".join(new.lines)
            if digests.names_any(new.buried):
                self._note_purge()
            if data:
                append(data)
        digests.refresh()
        self._kept.mark = digests.mark()
        if self._kept.pushed == before and self._kept.mark.size == before.size + len(data):
            self._kept.pushed = self._kept.mark  # nothing but what the collector has was added

    def _lines_of(self, page: Page) -> list[bytes]:
        if page.data and not page.data.endswith(b"\n"):
            raise RemoteError(self._url, "an answer was cut off", "try again")
        batch = Scanner(self._url).feed(page.data)
        for finding in batch.findings:
            if finding.reason == "newer-format":
                self.report.newer += 1  # they would keep this release from recording into the log
            else:
                self.report.findings.append(str(finding))
        return batch.lines

    def _find_new(self, lines: list[bytes], digests: LogDigests) -> _NewLines:
        new, report = _NewLines(), self.report
        for line in lines:
            envelope = parse_envelope(line)
            if envelope is None:
                continue
            report.fetched += 1
            theirs, ours = line_digest(line), digests.digest(envelope.stream, envelope.seq)
            key = (envelope.stream, envelope.seq, theirs)
            if not self._is_mirror and digests.buried.has(envelope.stream, theirs):
                report.purged += 1
            elif ours is None and key not in new.seen:
                new.seen.add(key)
                new.lines.append(line + b"\n")
                report.added += 1
                if envelope.type == PURGED_TYPE:
                    new.buried.add_line(line)
            elif ours is None or ours.hex() == theirs:
                report.known += 1
            else:
                report.clashes.append(Clash(envelope.stream, envelope.seq, theirs, ours.hex()))
        return new

    def _note_purge(self) -> None:
        """Keep, before a tombstone is in the log, that the log has what it names."""
        self._kept.bury = True
        if self._removes_purged:
            self.again = True
            self._kept.cursor, self._kept.complete_us = "", 0
        self._save()


def pull_log(
    collector: Remote, filler: LogFiller, cursor: str, retries: Retries, progress: Progress | None = None
) -> PullReport:
    """Append what a log lacks, page by page.

    Args:
        collector: to fetch from.
        filler: the log.
        cursor: where the last pull ended.
        retries: how long failing requests are repeated.
        progress: called with the number of events that were fetched.

    Raises:
        RemoteError: a request failed, or an answer was not verified; what was appended before stays.
        EventLogError, OSError: the log cannot be written.
    """
    report = filler.report
    while True:
        page = retries.run(lambda cursor=cursor: collector.pull(cursor, PAGE_LINES))
        if not page.cursor or (page.more and page.cursor == cursor):
            raise RemoteError(collector.address.url, "no cursor in the answer", "check the URL")
        filler.add(page)
        cursor = page.cursor
        if progress is not None:
            progress(report.fetched, report.fetched)
        if not page.more:
            return report
