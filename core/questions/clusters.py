"""Failures grouped by their message, without what differs from run to run."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from ..history.verdicts.columns import TestRun
from ..history.verdicts.run import Run
from .evidence import Occurrence, occurrence

if TYPE_CHECKING:  # a command that has its read model open pays for none of these
    from ...eventlog.reader import Record
    from ..history.history import History


@dataclass(frozen=True)
class FailureCluster:
    """Failures with the same message, once what differs from run to run is taken out."""

    message: str
    """Normalised."""
    count: int
    tests: list[str]
    evidence: list[Occurrence]


def record_of(model: "History", one: Occurrence, nodeid: str) -> "Record | None":
    """Return the event that says how a test ended in a session, or that it was started, or not collected."""
    if one.position >= 0:
        return model.record_at(one.position)
    row = model.session_of(one.stream) if one.stream else None
    wanted = ("test.started", "collection.failed")
    records = model.records_of(row) if row is not None else ()
    fits = [r for r in records if r.envelope.type in wanted and getattr(r.event(), "nodeid", "") == nodeid]
    return fits[-1] if fits else None


def collection_messages(model: "History", stream: str) -> dict[tuple[str, str], str]:
    """Return what the modules say that a session could not collect."""
    row = model.session_of(stream)
    found: dict[tuple[str, str], str] = {}
    for record in model.records_of(row) if row is not None else ():
        if record.envelope.type == "collection.failed":
            event: Any = record.event()
            found[stream, event.nodeid] = message_of(event.longreprtext, event.cause)
    return found


@cache
def _variable() -> list[tuple[re.Pattern[str], str]]:
    """Return what differs from run to run, as Kubernetes' triage and LUCI's clustering take it out."""
    return [
        (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
        (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
        (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
        (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(:\d+)?\b"), "<address>"),
        (re.compile(r"\b[0-9a-f]{12,}\b", re.IGNORECASE), "<hex>"),
        (re.compile(r"(?:/[\w.+-]+){2,}"), "<path>"),
        (re.compile(r"\b\d+(\.\d+)?\s?(ms|us|ns|s|sec|seconds|min|minutes)\b"), "<duration>"),
        (re.compile(r"\b\d+(\.\d+)?\b"), "<n>"),
    ]


MESSAGE_MAX = 300


DIED = "the process died"


CUT = "running when the session was killed"
"""Message of a test that was started and has no result."""


@lru_cache(maxsize=1024)
def normalise_message(message: str) -> str:
    """Return a message without times, ids, addresses, paths and numbers."""
    for pattern, word in _variable():
        message = pattern.sub(word, message)
    return " ".join(message.split())[:MESSAGE_MAX]


def cluster_message(nodeid: str, run: Run, test: TestRun, messages: dict[tuple[str, str], str]) -> str:
    """Return the message of the cluster that a failure belongs to.

    Args:
        nodeid: of the test that failed.
        run: the session.
        test: its run there.
        messages: what failures say, by stream and node id.
    """
    return cluster_of(messages.get((run.stream, nodeid), ""), test)


def cluster_of(text: str, test: TestRun) -> str:
    """Return the message of the cluster of a failure that says `text`."""
    if test.verdict == "crashed":
        text = DIED if test.position >= 0 else CUT
    return normalise_message(text) or "(no message)"


def failure_clusters(
    failures: list[tuple[str, Run, TestRun]], messages: dict[tuple[str, str], str]
) -> list[FailureCluster]:
    """Return failures grouped by their normalised messages, the most frequent first."""
    found: dict[str, list[tuple[str, Occurrence]]] = {}
    for nodeid, run, test in failures:
        found.setdefault(cluster_message(nodeid, run, test, messages), []).append((nodeid, occurrence(run, test)))
    clusters = [
        FailureCluster(message, len(items), sorted({nodeid for nodeid, _ in items}), [one for _, one in items])
        for message, items in found.items()
    ]
    return sorted(clusters, key=lambda cluster: (-cluster.count, cluster.message))


def message_of(text: str, cause: Any) -> str:
    """Return the message of the exception, else the first line of the traceback that pytest marks with `E`."""
    if cause is not None and cause.message:
        return str(cause.message).split("\n", 1)[0]
    marked = [line[1:].strip() for line in text.split("\n") if line.startswith("E ")]
    return marked[0] if marked else text.strip().rpartition("\n")[2]
