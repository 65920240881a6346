"""Bring a log and a collector to the same events, in both directions."""

from dataclasses import dataclass, field
from pathlib import Path

from ...eventlog.targets.log_targets import DiskTarget
from .comparing import Differences, compare_logs
from .cursors import SyncCursor, cursor_path, has_mark, load_cursor, mark_log, save_cursor
from .digests import digests_of_log
from .pulling import PullReport, pull_log
from .pushing import Progress, PushReport, plan_push, push_log
from .requests import Collector
from .retries import Retries


@dataclass
class SyncOptions:
    """Options of a run of `insight sync`."""

    push: bool = True
    pull: bool = True
    verify: bool = False
    dry_run: bool = False


@dataclass
class SyncReport:
    """Results of a run."""

    to_send: int = 0
    """Events that the collector lacked."""
    pushed: PushReport = field(default_factory=PushReport)
    pulled: PullReport = field(default_factory=PullReport)
    differences: Differences | None = None
    renewed: bool = False
    """The database of the collector has another life than at the last run, for instance it was restored."""


def sync_log(
    collector: Collector,
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
    place = cursor_path(collector.address.url, log, home)
    kept = load_cursor(place)
    digests = digests_of_log(log)
    plan = plan_push(collector, digests, retries)
    report = SyncReport(to_send=plan.events, renewed=bool(kept.epoch) and kept.epoch != plan.epoch)
    if kept.epoch != plan.epoch or not has_mark(log, kept.mark):
        kept = SyncCursor(epoch=plan.epoch)
    if options.push and not options.dry_run:
        report.pushed = push_log(collector, log, plan, retries, progress)
    else:
        report.pushed.clashes = list(plan.clashes)
    if options.pull:
        target = None if options.dry_run else DiskTarget(log)
        try:
            report.pulled = pull_log(collector, target, digests, kept, retries, progress)
        finally:
            if not options.dry_run:
                kept.mark = mark_log(log)
                save_cursor(place, kept)
    if options.verify:
        report.differences = compare_logs(collector, digests_of_log(log), retries)
    return report
