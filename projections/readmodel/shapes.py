"""Results that the read model returns."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ..rules import Change

Progress = Callable[[int, int], None]
"""Callback that receives the bytes done and the bytes in all."""


class CatchUp(NamedTuple):
    """Result of a catch-up or a replay."""

    events: int
    """Events that were folded."""
    bytes: int
    """Bytes that were read."""
    findings: int
    """Findings that were added."""
    seconds: float
    """Duration."""
    rebuilt: str
    """Reason of a rebuild; empty if the model was not rebuilt."""


class Attempted(NamedTuple):
    """One attempt of a test, as the read model stores it."""

    nodeid: str
    outcome: int
    """Index in `rules.OUTCOMES`, with `fold.CRASHED_FLAG` if a worker process died."""
    duration_us: int
    position: int
    """Position of its event; see `ReadModel.record_at`."""
    attempt: int
    """1 for the first attempt; 255 also for all later ones."""
    worker: str
    """Name of the xdist worker; empty without xdist."""


class StoredVerdict(msgspec.Struct, frozen=True):
    """Verdicts of one session."""

    label: str
    what: dict[str, int]
    """Number of tests by verdict, and 1 for the status of the session."""
    tests: dict[str, tuple[str, ...]]
    """Classes (`failed`, `rerun`, `flaky`) of each test that has one, by node id."""


class StoredVerdicts(msgspec.Struct, frozen=True):
    """Verdicts of all sessions, by the rules of the release that stored them."""

    rules: str
    """Version of these rules."""
    sessions: dict[str, StoredVerdict]
    """Verdicts by stream."""


class Roster(msgspec.Struct, frozen=True):
    """Index of streams, visibility events and tombstones, for writers that add sessions to a log."""

    streams: dict[str, tuple[str | None, int]]
    """Label (None for a stream that is no session) and start in microseconds since the epoch, by stream."""
    changes: dict[str, Change]
    """Latest visibility event, by the stream that it is about."""
    buried: set[str]
    """Streams that were purged."""
    buried_lines: set[str]
    """Digests of single lines that were purged."""
