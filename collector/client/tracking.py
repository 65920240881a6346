"""A log, and what is kept about it and a collector: where the last run ended, and which events the log had then."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ...eventlog.errors import LogBusyError, LogUnavailableError
from ...eventlog.files.system import SYSTEM
from ...eventlog.format import FORMAT_VERSION
from ...eventlog.maintenance.burying import remove_buried
from .cursors import LogMark, SyncCursor, has_mark, load_cursor, save_cursor
from .digests import LogDigests
from .pulling import LogFiller, PullReport, pull_log
from .pushing import Progress
from .requests import OtherEpochError
from .retries import Retries
from .stores import Remote

_POLL_S = 0.05


class TrackedLog:
    """A log that follows a collector. Use it under `locked()`.

    Args:
        log: path of the log.
        place: file that keeps where the last run ended.
        is_mirror: the log is to have what the collector has, and nothing that was purged there.
        purge: what is purged on the collector is removed from the log also if it is no mirror.
    """

    def __init__(self, log: Path, place: Path, *, is_mirror: bool = False, purge: bool = False) -> None:
        self.log = log
        self.kept = SyncCursor()
        self.renewed = False
        """The database of the collector has another life than at the last run, for instance it was restored."""
        self.unremoved = ""
        """Why purged events could not be removed from the log."""
        self._is_mirror = is_mirror
        self._removes_purged = is_mirror or purge
        self._place = place
        self._digests: LogDigests | None = None
        self._known = LogMark()

    @contextmanager
    def locked(self, timeout_s: float, *, heads: bool = True) -> Generator[None]:
        """Hold the lock that one process at a time fetches under; what is kept is read under it, and saved at the end.

        Args:
            timeout_s: longest time to wait for it, in seconds.
            heads: keep also which events the log has; without that the next run reads more of the log.

        Raises:
            LogBusyError: another process holds it for longer.
        """
        SYSTEM.make_private_dir(self._place.parent)
        fd = SYSTEM.open_append(str(self._place.with_suffix(".lock")))
        try:
            deadline_s = time.monotonic() + timeout_s
            while not SYSTEM.lock(fd):
                if time.monotonic() > deadline_s:
                    raise LogBusyError(self.log, timeout_s)
                time.sleep(_POLL_S)
            self.load()
            try:
                yield
            finally:
                if heads and self._digests is not None:
                    self._digests.save(self._heads)
                self.save()
                self._known = self.kept.mark
                SYSTEM.unlock(fd)
        finally:
            SYSTEM.close(fd)

    def load(self) -> None:
        """Read what is kept; nothing of it is used for a log that was replaced since, for instance by an older copy."""
        self.kept = load_cursor(self._place)
        if self.kept.mark != self._known:
            self._digests = None  # another process has added to the log, or written it again
        is_other = self.kept.mark.size and not has_mark(self.log, self.kept.mark)
        if is_other or self.kept.format != FORMAT_VERSION:
            self.forget()

    def forget(self) -> None:
        """Begin again: compare everything."""
        self.kept = SyncCursor(epoch=self.kept.epoch, team=self.kept.team, since=self.kept.since, bury=self.kept.bury)
        if self._digests is not None and self._digests.base.size:
            self._digests.load_all()

    def save(self) -> None:
        """Keep where this run is."""
        save_cursor(self._place, self.kept)

    @property
    def _heads(self) -> Path:
        return self._place.with_suffix(".heads")

    @property
    def digests(self) -> LogDigests:
        """The events of the log; they are read when this is asked for first."""
        if self._digests is None:
            self._digests = LogDigests(self.log, self._heads if self.kept.mark.size else None)
        return self._digests

    @property
    def is_pushed_to_base(self) -> bool:
        """Whether the collector has all events up to the place behind which digests are loaded."""
        return bool(self.kept.pushed.size) and self.kept.pushed == self.digests.base

    def pull(self, collector: Remote, retries: Retries, progress: Progress | None = None) -> PullReport:
        """Append what the log lacks.

        Raises:
            RemoteError: a request failed; what was appended before stays.
            EventLogError, OSError: the log cannot be written.
        """
        total = PullReport()
        if self._removes_purged and self.kept.bury and not self._remove_purged():
            return total
        while True:
            filler = self.filler(collector)
            try:
                pull_log(collector, filler, self.kept.cursor, retries, progress)
            except OtherEpochError as error:
                filler.check_team(error.team)
                self.renewed = True
                self.forget()
                continue
            finally:
                _add_report(total, filler.report)
            if not filler.again:
                self.kept.complete_us = time.time_ns() // 1000
                return total
            total.clashes.clear()  # some of them take the place of what was purged
            if not self._remove_purged():
                return total

    def remove_purged(self) -> None:
        """Remove what tombstones of the log name; see `unremoved` if that was not possible."""
        if self.digests.names_any(self.digests.buried):
            self._remove_purged()

    def count_purged(self) -> int:
        """Return the number of events of the log that were purged elsewhere."""
        if not self.kept.bury:
            return 0  # without reading the whole log because of a tombstone of long ago
        count = self.digests.count_named(self.digests.buried)
        self.kept.bury = bool(count)
        return count

    def filler(self, collector: Remote) -> LogFiller:
        """Return what appends pages of the collector to the log."""
        return LogFiller(
            collector.address.url,
            self.log,
            lambda: self.digests,
            self.kept,
            self.save,
            is_mirror=self._is_mirror,
            removes_purged=self._removes_purged,
        )

    def _remove_purged(self) -> bool:
        """Remove what tombstones name from the log itself, and return whether that was possible."""
        self.unremoved = ""
        try:
            if self.log.exists():
                remove_buried(self.log, self.digests.buried)
        except (LogUnavailableError, LogBusyError, OSError) as error:
            self.unremoved = str(error)
            return False
        self.digests.load_all()
        self.kept = SyncCursor(epoch=self.kept.epoch, team=self.kept.team, since=self.kept.since)
        self.kept.mark = self.digests.mark()
        return True


def _add_report(total: PullReport, part: PullReport) -> None:
    total.fetched += part.fetched
    total.added += part.added
    total.known += part.known
    total.purged += part.purged
    total.clashes += part.clashes
    total.findings += part.findings
    total.newer += part.newer
