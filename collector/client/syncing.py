"""Bring a log and a collector to the same events, in both directions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...eventlog.merging.conflicts import Strategy
from ...eventlog.reader import Record, read_records
from ...eventlog.times import format_time, from_datetime
from .comparing import Differences, compare_logs
from .cursors import SyncCursor, cursor_path
from .digests import digests_of_log
from .labelling import mark_labels
from .pulling import LogFiller, PullReport, pull_log
from .pushing import Progress, PushReport, plan_push, push_log
from .requests import OtherEpochError
from .retries import Retries
from .stores import Remote
from .tracking import TrackedLog

LOCK_WAIT_S = 600.0
"""Seconds to wait for another run with the same log and collector."""


@dataclass
class SyncOptions:
    """Options of a run of `insight sync`."""

    push: bool = True
    pull: bool = True
    verify: bool = False
    dry_run: bool = False
    since: timedelta | None = None
    """Age of the oldest sessions to send and to fetch; None for all."""
    is_mirror: bool = False
    """The log is that of a remote profile: what was purged on the collector is removed from it."""
    purge: bool = False
    """Remove from the log what was purged on another machine; the tombstones name it."""
    strategy: Strategy = Strategy.SKIP_EXISTING
    """Treatment of sessions whose label another session has."""


@dataclass
class SyncReport:
    """Results of a run."""

    to_send: int = 0
    """Events that the collector lacked."""
    pushed: PushReport = field(default_factory=PushReport)
    pulled: PullReport = field(default_factory=PullReport)
    differences: Differences | None = None
    purged_elsewhere: int = 0
    """Events that were purged on another machine, and that the log still has."""
    unremoved: str = ""
    """Why they could not be removed."""
    renewed: bool = False
    """The database of the collector has another life than at the last run, for instance it was restored."""


def sync_log(
    collector: Remote,
    log: Path,
    options: SyncOptions,
    retries: Retries,
    progress: Progress | None = None,
    home: Path | None = None,
) -> SyncReport:
    """Send what the collector lacks, then fetch what the log lacks.

    Args:
        collector: the other side.
        log: of a profile.
        options: directions.
        retries: how long failing requests are repeated.
        progress: called with the number of events done and in all.
        home: keeps what was done; default: the home of insight.

    Raises:
        RemoteError: a request failed; what was done before stays, and the next run goes on.
        EventLogError, OSError: the log cannot be read or written.
    """
    if options.since is not None:
        collector.since = (datetime.now(UTC) - options.since).isoformat()
    place = sync_place(collector.address.url, log, options.since, home)
    tracked = TrackedLog(log, place, is_mirror=options.is_mirror, purge=options.purge)
    if options.dry_run:
        tracked.load()
        return _try_sync(collector, tracked, options, retries)
    with tracked.locked(LOCK_WAIT_S):
        report = _sync_tracked(collector, tracked, options, retries, progress)
    if options.verify:
        report.differences = compare_logs(collector, digests_of_log(log), retries)
    return report


def sync_place(url: str, log: Path, since: timedelta | None, home: Path | None = None) -> Path:
    """Return the file that keeps where a run ended.

    Args:
        url: of the other side.
        log: of a profile.
        since: age of the oldest sessions; what is kept of a run with only some is of no use to a run with all of them.
        home: default: the home of insight.
    """
    return cursor_path(url if since is None else f"{url} {since}", log, home)


def _try_sync(collector: Remote, tracked: TrackedLog, options: SyncOptions, retries: Retries) -> SyncReport:
    """Return what a run would do."""
    report = SyncReport()
    if options.push:
        plan = plan_push(
            collector, tracked.digests, retries, without=_older_streams(tracked.log, options.since, collector.kept_for)
        )
        report.to_send, report.pushed.clashes = plan.events, list(plan.clashes)
    if options.pull:
        report.pulled = _count_missing(collector, tracked, tracked.kept.cursor, retries)
    return report


def _count_missing(collector: Remote, tracked: TrackedLog, cursor: str, retries: Retries) -> PullReport:
    counting = LogFiller(collector.address.url, None, lambda: tracked.digests, SyncCursor(), lambda: None)
    try:
        return pull_log(collector, counting, cursor, retries)
    except OtherEpochError:
        return _count_missing(collector, tracked, "", retries)


def _sync_tracked(
    collector: Remote, tracked: TrackedLog, options: SyncOptions, retries: Retries, progress: Progress | None
) -> SyncReport:
    report = SyncReport()
    if options.purge:
        tracked.remove_purged()
    if options.push:
        _push_tracked(collector, tracked, options, report, retries, progress)
    if options.pull:
        report.pulled = tracked.pull(collector, retries, progress)
        if tracked.renewed and options.push and not report.renewed:
            _push_tracked(collector, tracked, options, report, retries, progress)  # what it has lost, as the pull told
    if mark_labels(tracked, options.strategy) and options.push:
        _push_tracked(collector, tracked, options, report, retries, progress)
    _set_purged_apart(report, tracked)
    report.renewed = report.renewed or tracked.renewed
    return report


def _set_purged_apart(report: SyncReport, tracked: TrackedLog) -> None:
    """Count what was purged elsewhere, which the other side rightly has no more; that is no conflict."""
    buried = tracked.digests.buried
    for part in (report.pushed, report.pulled):
        part.clashes = [clash for clash in part.clashes if not buried.has(clash.stream, clash.got)]
    report.purged_elsewhere = tracked.count_purged()
    report.unremoved = tracked.unremoved


def _push_tracked(
    collector: Remote,
    tracked: TrackedLog,
    options: SyncOptions,
    report: SyncReport,
    retries: Retries,
    progress: Progress | None,
) -> None:
    """Send what the collector lacks; of a log that was sent before only what was added since is read."""
    digests, known_epoch = tracked.digests, tracked.kept.epoch
    older = _older_streams(tracked.log, options.since, collector.kept_for)
    everything = collector.lists_all or not tracked.is_pushed_to_base
    plan = plan_push(collector, digests, retries, everything=everything, known=tracked.kept.seen, without=older)
    if (known_epoch and plan.epoch != known_epoch) or plan.is_older:
        report.renewed = True
        tracked.forget()
        plan = plan_push(collector, digests, retries, without=older)
    mark, start = digests.mark(), digests.base.size
    report.to_send += plan.events
    push_log(collector, tracked.log, plan, report.pushed, retries, progress, start)
    tracked.kept.epoch = plan.epoch
    # What was sent is behind the end of the feed that the plan knows.
    tracked.kept.seen = retries.run(lambda: collector.have({})).cursor if plan.events else plan.cursor
    if not (report.pushed.clashes or report.pushed.refused or plan.dropped):
        tracked.kept.pushed = mark


def _older_streams(log: Path, *ages: timedelta | None) -> frozenset[str]:
    """Return the streams of a log that started before the oldest sessions that are wanted, by the shortest age."""
    limits = [age for age in ages if age is not None]
    if not limits or not log.exists():
        return frozenset()
    oldest = format_time(from_datetime(datetime.now(UTC) - min(limits)))
    return frozenset(
        item.envelope.stream
        for item in read_records(log)
        if isinstance(item, Record) and item.envelope.seq == 0 and item.envelope.at < oldest
    )
