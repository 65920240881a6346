"""Append the events of a collector that a log lacks."""

from dataclasses import dataclass, field

from ...eventlog.codec import Envelope, line_digest, parse_envelope
from ...eventlog.scan import Scanner
from ...eventlog.targets.log_targets import LogTarget
from .cursors import SyncCursor
from .digests import LogDigests
from .pushing import Progress
from .requests import Clash, Collector, Page, RemoteError
from .retries import Retries

PAGE_LINES = 20_000


@dataclass
class PullReport:
    """Results of a pull."""

    fetched: int = 0
    added: int = 0
    known: int = 0
    clashes: list[Clash] = field(default_factory=list[Clash])
    """Events of which the log has another version; ours stays in the log, theirs with the collector."""
    findings: list[str] = field(default_factory=list[str])


def pull_log(
    collector: Collector,
    target: LogTarget | None,
    digests: LogDigests,
    kept: SyncCursor,
    retries: Retries,
    progress: Progress | None = None,
) -> PullReport:
    """Append what a log lacks, page by page; `kept` gets the cursor after each page that is on the disk.

    Args:
        collector: to fetch from.
        target: the log; None only counts.
        digests: the events of the log; those that are added are added here too.
        kept: where the last pull ended.
        retries: how long failing requests are repeated.
        progress: called with the number of events that were fetched.

    Raises:
        RemoteError: a request failed, or an answer was not verified; what was appended before stays.
        EventLogError, OSError: the log cannot be written.
    """
    report = PullReport()
    cursor = kept.cursor
    while True:
        page = retries.run(lambda cursor=cursor: collector.pull(cursor, PAGE_LINES))
        new = _new_lines(collector.address.url, page, digests, report)
        if new and target is not None:
            with target.locked() as append:
                append(b"".join(new))
        if not page.cursor or (page.more and page.cursor == cursor):
            raise RemoteError(collector.address.url, "no cursor in the answer", "check the URL")
        cursor = page.cursor
        if target is not None:
            kept.cursor = cursor
        if progress is not None:
            progress(report.fetched, report.fetched)
        if not page.more:
            return report


def _new_lines(url: str, page: Page, digests: LogDigests, report: PullReport) -> list[bytes]:
    """Return the lines of a page that the log lacks, with newlines."""
    batch = Scanner(url).feed(page.data)
    if page.data and not page.data.endswith(b"\n"):
        raise RemoteError(url, "an answer was cut off", "run insight sync again")
    report.findings += [str(finding) for finding in batch.findings]
    new: list[bytes] = []
    for line in batch.lines:
        envelope = parse_envelope(line)
        if envelope is not None and _is_new(envelope, line, digests, report):
            new.append(line + b"\n")
    return new


def _is_new(envelope: Envelope, line: bytes, digests: LogDigests, report: PullReport) -> bool:
    report.fetched += 1
    theirs = line_digest(line)
    ours = digests.digest(envelope.stream, envelope.seq)
    if ours is None:
        digests.add(envelope.stream, envelope.seq, bytes.fromhex(theirs))
        report.added += 1
        return True
    if ours.hex() == theirs:
        report.known += 1
    else:
        report.clashes.append(Clash(envelope.stream, envelope.seq, theirs, ours.hex()))
    return False
