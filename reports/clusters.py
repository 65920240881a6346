"""Failures by what they say, each with the text of one of them."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..core.history.modules import FAILED
from ..core.overview.marks import MARKS
from ..core.questions.clusters import cluster_message, record_of
from ..eventlog.times import format_time
from .limits import STRIP_RUNS
from .texts import cut_text, visible

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.history.history import History
    from ..core.questions.clusters import FailureCluster

TEXTS_MAX = 1000
"""Kinds of failures whose text is read."""


@dataclass(frozen=True)
class Cluster:
    """A kind of failure."""

    key: str
    """Part of its address in the report."""
    message: str
    """Message of the newest of them, without what differs from run to run."""
    count: int
    tests: list[str]
    sessions: int
    first_session: str
    first_commit: str
    first_at: str
    last_session: str
    last_commit: str
    last_at: str
    strip: tuple[str, ...]
    """A mark for each of the last sessions: failed where it has one of them."""
    text: str
    """Traceback of the newest of them."""


Messages = dict[tuple[str, str], str]
"""Messages of failures by stream and node id."""


def clusters_of(model: "History", analysis: "Analysis", messages: Messages | None = None) -> list[Cluster]:
    """Return the failures of some sessions by what they say, the most frequent first.

    Args:
        model: where the sessions are stored.
        analysis: the sessions.
        messages: of all of them, if they were asked already.
    """
    order = [run.stream for run in analysis.runs]
    found: list[Cluster] = []
    for place, one in enumerate(analysis.failure_clusters(messages)):
        evidence = sorted(one.evidence, key=lambda seen: (seen.started_us, seen.stream))
        first, last = evidence[0], evidence[-1]
        streams = {seen.stream: seen.verdict for seen in evidence}
        found.append(
            Cluster(
                key=cluster_key(one.message),
                message=one.message,
                count=one.count,
                tests=one.tests,
                sessions=len(streams),
                first_session=first.session,
                first_commit=first.commit,
                first_at=format_time(first.started_us),
                last_session=last.session,
                last_commit=last.commit,
                last_at=format_time(last.started_us),
                strip=tuple(_mark(streams.get(stream)) for stream in order[-STRIP_RUNS:]),
                text=_text_of(model, one) if place < TEXTS_MAX else "",
            )
        )
    return found


def _mark(verdict: str | None) -> str:
    """Return the mark of a session in the strip of a cluster: how it failed so, or a dot if it did not."""
    return "not_run" if verdict is None else verdict if verdict in MARKS else "other"


def cluster_key(message: str) -> str:
    """Return the part of an address that means a cluster: the same for the same message in every report."""
    return blake2b(message.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def failures_of(analysis: "Analysis", messages: Messages) -> list[tuple[str, str, str]]:
    """Return each failure as stream, node id and key of its cluster."""
    runs = analysis.runs
    keys: dict[str, str] = {}
    found: list[tuple[str, str, str]] = []
    for run in runs:
        failed = [(nodeid, run.tests[nodeid]) for nodeid in run.failed_tests]
        for nodeid, test in [*failed, *((nodeid, FAILED) for nodeid in run.uncollected)]:
            message = cluster_message(nodeid, run, test, messages)
            key = keys.get(message) or keys.setdefault(message, cluster_key(message))
            found.append((run.stream, nodeid, key))
    return found


def _text_of(model: "History", cluster: "FailureCluster") -> str:
    """Return the traceback of the newest failure of a cluster; empty if it was cut while it ran."""
    one = max(cluster.evidence, key=lambda seen: (seen.started_us, seen.position))
    if one.position >= 0:
        [event] = model.finished_at([one.position])
        return visible(cut_text(event.longreprtext))
    if one.verdict != "error":
        return ""
    for nodeid in cluster.tests:
        record = record_of(model, one, nodeid)
        if record is not None and record.envelope.type == "collection.failed":
            event_of_module: Any = record.event()
            return visible(cut_text(event_of_module.longreprtext))
    return ""
