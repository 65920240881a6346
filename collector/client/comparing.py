"""Compare every event of a log with the collector, without changing either."""

from dataclasses import dataclass, field

from .cursors import SyncCursor
from .digests import LogDigests
from .pulling import LogFiller, pull_log
from .requests import Clash
from .retries import Retries
from .stores import Remote


@dataclass
class Differences:
    """Differences between a log and a collector."""

    same: int = 0
    only_here: int = 0
    only_there: int = 0
    clashes: list[Clash] = field(default_factory=list[Clash])

    @property
    def any(self) -> bool:
        """True if the two sides differ."""
        return bool(self.only_here or self.only_there or self.clashes)


def compare_logs(collector: Remote, digests: LogDigests, retries: Retries) -> Differences:
    """Fetch all events of a collector and compare their digests.

    Args:
        collector: to compare with.
        digests: the events of the log, all of them loaded.
        retries: how long failing requests are repeated.

    Raises:
        RemoteError: a request failed.
    """
    ours = sum(stream.count for stream in digests.values())
    filler = LogFiller(collector.address.url, None, lambda: digests, SyncCursor(), lambda: None)
    report = pull_log(collector, filler, "", retries)
    clashes = len({(clash.stream, clash.seq) for clash in report.clashes})
    return Differences(report.known, ours - report.known - clashes, report.added, report.clashes)
