"""Parts of sessions: the result of folding a stretch of a log, mergeable."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from .rules import Change

NOTES_MAX = 1000


CRASHED_FLAG = 0x80
"""Set in an outcome code if a worker process died in the attempt."""


OpenTest = tuple[str, int, str]
"""`(nodeid, attempt, worker)` of a test that was started."""


class Rows(msgspec.Struct):
    """Attempts in columns; the read model stores them as they are."""

    nodes: bytes = b""
    """Numbers of the node ids, uint32."""
    outcomes: bytes = b""
    """Index in `OUTCOMES`, with `CRASHED_FLAG`, uint8."""
    durations: bytes = b""
    """Microseconds, int64."""
    positions: bytes = b""
    """Byte offset of the event in its log, int64."""
    attempts: bytes = b""
    """uint8, 255 for more."""
    workers: bytes = b""
    """Index in the part's `workers`, uint8; empty if all are the first."""

    def __len__(self) -> int:
        return len(self.outcomes)


class SessionPart(msgspec.Struct):
    """Result of folding a stretch of one stream's events."""

    stream: str
    events: int = 0
    first_seq: int = -1
    last_seq: int = -1
    first_at: str = ""
    last_at: str = ""
    header: dict[str, Any] | None = None
    header_at: int = -1
    rows: Rows = msgspec.field(default_factory=Rows)
    workers: list[str] = msgspec.field(default_factory=lambda: [""])
    last_finished_seq: int = -1
    finished: int = 0
    starts: int = 0
    others: dict[int, str] = msgspec.field(default_factory=dict[int, str])
    """Names of the outcomes that are `other`, by the position of the event."""
    open: list[OpenTest] = msgspec.field(default_factory=list[OpenTest])
    """Started in this part and not finished in it."""
    finished_early: list[OpenTest] = msgspec.field(default_factory=list[OpenTest])
    """Finished in this part, started before it."""
    counts: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """As in pytest's last line."""
    reruns: int = 0
    """Attempts that were not the first of their test."""
    crashed: int = 0
    """Attempts in which a worker process died."""
    outcomes: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """Attempts by outcome."""
    announced: dict[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    """Numbers of the announced node ids, uint32, by the worker that each announced a set of its own; by an empty name
    otherwise. The same may be announced twice."""
    announced_at: list[int] = msgspec.field(default_factory=list[int])
    """Positions of the announcements."""
    announced_each: bool = False
    """Each worker announced and ran a set of its own."""
    deselected: int = 0
    subtests: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """By terminal category, as far as pytest counts them; also `collection error` and `collection skipped`."""
    collect_failed: list[str] = msgspec.field(default_factory=list[str])
    dirty: bool | None = None
    """Found out after the header: whether the work tree differed from the commit."""
    properties: list[tuple[str, Any]] = msgspec.field(default_factory=list[tuple[str, Any]])
    """Of the session, in the order in which tests recorded them."""
    notes: list[int] = msgspec.field(default_factory=list[int])
    """Positions of what happened to the session as a whole: collection errors and skips, lost workers, losses of the
    recorder, warnings; at most `NOTES_MAX` in a stretch."""
    outputs: list[tuple[str, int]] = msgspec.field(default_factory=list[tuple[str, int]])
    """Name and position of each section of terminal output."""
    warnings: int = 0
    warned: list[str] = msgspec.field(default_factory=list[str])
    """Tests that caused warnings."""
    lost_workers: int = 0
    dropped: int = 0
    exit_status: int | None = None
    """Of the seal; None without one."""
    duration_us: int = 0
    interrupted: str = ""
    internal_error: str = ""
    seal_count: int = -1
    unknown: int = 0
    """Events of types this release does not know."""
    malformed: list[int] = msgspec.field(default_factory=list[int])
    """Positions of whole lines whose fields are not those of their type."""


class Fold(msgspec.Struct):
    """Parts by stream, and changes by the stream they are about."""

    parts: dict[str, SessionPart] = msgspec.field(default_factory=dict[str, SessionPart])
    changes: dict[str, list[Change]] = msgspec.field(default_factory=dict[str, list[Change]])
    purged: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    """`(stream, digest)` of what was purged; the digest is empty for a whole stream."""
    events: int = 0


class Nodes:
    """Numbers for node ids, in order of appearance."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.numbers: dict[str, int] = {nodeid: number for number, nodeid in enumerate(known)}
        self._names: list[str] = []

    def names(self) -> list[str]:
        """Return all node ids by their numbers."""
        if len(self._names) < len(self.numbers):
            self._names += islice(self.numbers, len(self._names), None)
        return self._names

    def number(self, nodeid: str) -> int:
        """Return the number of a node id, a new one if it is new."""
        return self.numbers.setdefault(nodeid, len(self.numbers))


def add_count(counts: dict[str, int], name: str, by: int = 1) -> None:
    """Add to a count, which may be missing."""
    counts[name] = counts.get(name, 0) + by
