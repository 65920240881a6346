"""Sessions of a log with one label: events that say which of them are shown, as `insight merge --strategy` adds them.

Their bytes follow from the headers of the sessions alone, so that all machines add the same ones.
"""

from pathlib import Path

from ...eventlog.codec import EventDecodeError, parse_envelope
from ...eventlog.events import SessionStarted
from ...eventlog.merging.conflicts import Strategy, strategy_lines
from ...eventlog.merging.segments import Header
from ...eventlog.reader import Record, read_records
from ...eventlog.targets.log_targets import DiskTarget
from .tracking import TrackedLog


def mark_labels(tracked: TrackedLog, strategy: Strategy) -> int:
    """Append the events of a strategy that a log lacks, and return their number.

    Args:
        tracked: the log, under its lock.
        strategy: treatment of sessions whose label another session has.

    Raises:
        EventLogError, OSError: the log cannot be written.
    """
    if strategy is Strategy.SKIP_EXISTING or not tracked.log.exists():
        return 0
    digests = tracked.digests
    headers = [header for header in _headers_of(tracked.log) if header.stream not in digests.buried.streams]
    new: list[bytes] = []
    for line in strategy_lines(headers, strategy):
        envelope = parse_envelope(line.rstrip(b"\n"))
        if envelope is not None and digests.digest(envelope.stream, envelope.seq) is None:
            new.append(line)
    if new:
        with DiskTarget(tracked.log).locked() as append:
            append(b"".join(new))
        digests.refresh()
    return len(new)


def _headers_of(log: Path) -> list[Header]:
    found: list[Header] = []
    for item in read_records(log):
        if isinstance(item, Record) and item.envelope.type == "session.started":
            try:
                event = item.event()
            except EventDecodeError:
                continue  # readers do not show it either
            if isinstance(event, SessionStarted):
                found.append(Header(0, item.envelope.stream, event.session_id, event.sut, item.envelope.at))
    return found
