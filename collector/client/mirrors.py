"""A mirror: a local log that is filled from a collector, and asked as any other log.

As git fetches and then asks locally: the same read model answers, questions work without a network, and a question
costs no more than its news.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...eventlog.errors import EventLogError, LogBusyError
from ...eventlog.files.system import SYSTEM
from ...eventlog.sources import live_files, pack_files
from .addresses import Address, RemoteAddressError, read_address
from .cursors import cursor_path, load_cursor, remotes_dir, short_name
from .pulling import PullReport
from .pushing import Progress
from .requests import TOTAL_S, RemoteError, RemoteRefusedError, RemoteUnavailableError
from .retries import Retries
from .stores import Remote, open_store
from .tracking import TrackedLog

QUICK_S = 5.0
"""Longest time for a request, in seconds, where the mirror can answer without it."""
_WAIT_S = 10.0
_FIRST_WAIT_S = 120.0
"""Seconds to wait for another process that fetches, where the mirror can answer and where it cannot."""


@dataclass(frozen=True)
class MirrorState:
    """How far a mirror reaches.

    Attributes:
        url: of the collector.
        as_of_us: when it had all events of the collector, in microseconds since the epoch; 0 if it may lack some.
        problem: why this is not now; else empty.
        notes: what else has to be known about the answers.
    """

    url: str
    as_of_us: int
    problem: str = ""
    notes: list[str] = field(default_factory=list[str])

    def warnings(self) -> list[str]:
        """Return what is to be said about the answers, one text each."""
        if not self.problem:
            return self.notes
        if self.as_of_us:
            at = datetime.fromtimestamp(self.as_of_us / 1e6, UTC).astimezone()
            return [f"{self.url}: {self.problem}; answers are as of {at:%Y-%m-%d %H:%M}"]
        return [f"{self.url}: {self.problem}; not everything was fetched yet, so that answers lack a part"]


class Mirror:
    """A log that is filled from a collector.

    Args:
        url: of the collector.
        log: path of the log.
        api_key: text of the key; None for that of the file or the environment.
        key_file: file with the key; empty for the environment.
        since: age of the oldest sessions to fetch, as `90d`; empty for all.
        home: keeps where the last fetch ended; default: the home of insight.
    """

    def __init__(
        self,
        url: str,
        log: Path,
        *,
        api_key: str | None = None,
        key_file: str = "",
        since: timedelta | None = None,
        home: Path | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.log = log
        self._api_key = api_key
        self._key_file = key_file
        self._since = since
        self.place = cursor_path(self.url, log, home)

    def address(self) -> Address:
        """Return the URL with the key.

        Raises:
            RemoteAddressError: there is no usable key.
        """
        return read_address(self.url, self._api_key, key_file=self._key_file)

    def catch_up(self, progress: Progress | None = None) -> MirrorState:
        """Fetch what is new, and return how far the mirror reaches; a collector that is away is no error.

        Args:
            progress: called with the number of events that were fetched.

        Raises:
            RemoteError, RemoteAddressError: nothing was fetched yet, and nothing can be fetched now.
            EventLogError, OSError: the log cannot be written.
        """
        try:
            return self._fetch(progress)
        except (RemoteError, RemoteAddressError, LogBusyError) as error:
            state = self.state()
            if not state.as_of_us and not self._has_events():
                if isinstance(error, RemoteUnavailableError):
                    reason = f"cannot be reached: {error.reason}"
                    raise RemoteError(self.url, reason, "nothing was fetched from it yet; try again later") from error
                raise
            return MirrorState(self.url, state.as_of_us, _problem_of(error, self.url))

    def state(self) -> MirrorState:
        """Return how far the mirror reaches, without a request."""
        tracked = TrackedLog(self.log, self.place)
        tracked.load()
        return MirrorState(self.url, tracked.kept.complete_us)

    def _fetch(self, progress: Progress | None) -> MirrorState:
        address = self.address()
        has_all = bool(load_cursor(self.place).complete_us)
        with self.tracked(_WAIT_S if has_all else _FIRST_WAIT_S) as tracked:
            collector = self.collector(address, QUICK_S if tracked.kept.complete_us else TOTAL_S)
            try:
                report = tracked.pull(collector, Retries(0), progress)
            finally:
                collector.close()
            notes = _notes_of(self.url, tracked, report)
            if tracked.unremoved:
                notes.append(f"{tracked.unremoved}; answers still have what was purged on {self.url}")
            self._make_log()
            return MirrorState(self.url, tracked.kept.complete_us, notes=notes)

    @contextmanager
    def tracked(
        self, timeout_s: float, tracked: TrackedLog | None = None, *, heads: bool = True
    ) -> Generator[TrackedLog]:
        """Hold the lock of the mirror; see `TrackedLog.locked`."""
        tracked = tracked or self.new_tracked()
        with tracked.locked(timeout_s, heads=heads):
            since = "" if self._since is None else str(self._since)
            if tracked.kept.since != since:
                tracked.forget()
                tracked.kept.since = since
            yield tracked

    def new_tracked(self) -> TrackedLog:
        """Return the log with what is kept about it."""
        return TrackedLog(self.log, self.place, is_mirror=True)

    def collector(self, address: Address, total_s: float = TOTAL_S, *, may_write: bool = False) -> Remote:
        """Return the collector or the bucket that is mirrored; `may_write` to send to a bucket."""
        since = "" if self._since is None else (datetime.now(UTC) - self._since).isoformat()
        return open_store(address, self.log, self.place, since=since, total_s=total_s, may_write=may_write)

    def _has_events(self) -> bool:
        return bool(self.log.exists() and self.log.stat().st_size) or bool(pack_files(self.log) or live_files(self.log))

    def _make_log(self) -> None:
        """Make the log of a collector that has no events yet: a question then finds no sessions, and not no log."""
        if not self.log.exists():
            SYSTEM.make_private_dir(self.log.parent)
            SYSTEM.close(SYSTEM.open_append(str(self.log)))


def _problem_of(error: EventLogError, url: str) -> str:
    if isinstance(error, RemoteUnavailableError):
        return f"cannot be reached: {error.reason}"
    if isinstance(error, RemoteRefusedError):
        return f"{error.reason}, so that nothing new was fetched; check INSIGHT_API_KEY"
    return error.reason if isinstance(error, RemoteError) else str(error).removeprefix(f"{url}: ")


def _notes_of(url: str, tracked: TrackedLog, report: PullReport) -> list[str]:
    notes: list[str] = []
    clashes, findings = len(report.clashes), len(report.findings)
    if tracked.renewed:
        notes.append(f"{url}: its database was restored or replaced; everything was compared")
    if clashes:
        notes.append(f"{url}: {clashes} events differ from those here, which stay; see `insight sync --conflicts`")
    if report.newer:
        notes.append(f"{url}: {report.newer} events of a newer format were left out; upgrade pytest-insight")
    if findings:
        notes.append(f"{url}: {findings} places of its answers are not events, and were left out")
    return notes


def unnamed_mirror(url: str, api_key: str | None = None, home: Path | None = None) -> Mirror:
    """Return the mirror of a URL that no profile names; each key has its own, as it may be that of another team.

    Raises:
        RemoteAddressError: the URL or the key is not usable.
    """
    address = read_address(url, api_key)
    folder = remotes_dir(home) / short_name(address.url, address.key)
    return Mirror(address.url, folder / "log.jsonl", api_key=address.key, home=home)


__all__ = ["QUICK_S", "Mirror", "MirrorState", "unnamed_mirror"]
