"""Shapes of `insight log`, and of what copies, clears and rebuilds sessions."""

# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# Shapes of answers are derived when the module is imported.

from typing import Literal

import msgspec
from msgspec import UNSET

from ...eventlog.live.collect import Collected
from ...eventlog.maintenance.packing import PackReport
from ...eventlog.maintenance.purge import PurgeReport
from ...eventlog.scan import Finding
from .base import Optional, Shape, Utc, UtcOrEmpty, derived

FindingShape = derived(Finding)
CollectedShape = derived(Collected)


class VerifiedLogShape(Shape):
    """Result of the check of a log."""

    log: str
    ok: bool
    bytes: int
    events: int
    streams: int
    sealed: int
    """Streams that were closed properly."""
    interrupted: int
    """Streams that were not."""
    future: dict[str, Utc]
    """Streams that claim to have started more than a day from now."""
    findings: list[FindingShape]
    """Parts that are not events."""


class LogInfoShape(VerifiedLogShape):
    """Content of a log in numbers."""

    types: dict[str, int]
    """Events by type."""
    first_at: UtcOrEmpty
    last_at: UtcOrEmpty
    live_files: list[str]
    """Files of sessions that are not in the log yet."""
    live_events: int


class RepairShape(Shape):
    """Result of a repair, or of a dry run."""

    log: str
    events: int
    removed: list[FindingShape]
    kept: list[FindingShape]
    """Copied as they are, such as lines of a newer format."""
    backup: str
    """Path of the original; empty if nothing had to be done."""
    dry_run: bool


class PackedShape(derived(PackReport)):
    """Result of packing, or of a dry run."""

    dry_run: bool


class UnpackedShape(Shape):
    """Result of unpacking."""

    log: str
    packs: int


class PurgedShape(derived(PurgeReport)):
    """Result of a purge, or of a dry run."""

    profiles: list[str]
    """Other profiles that hold the same."""


class TakenSessionShape(Shape):
    """Decision about a session of an import."""

    session_id: str
    stream: str
    what: Literal["added", "updated", "skipped"]
    why: str
    shown_as: str
    """Name under which it is found."""


class ImportedFileShape(Shape):
    """Result of the import of a file or profile."""

    source: str
    total: int
    imported: int
    skipped: int
    errors: int
    added: int
    updated: int
    sessions: list[TakenSessionShape]
    reasons: list[str]
    """Files that could not be read, each with the reason."""


class ImportedPathShape(ImportedFileShape):
    """Result of the import of a path, with files of other tools."""

    repaired: list[str]
    """Files that were imported and are not wholly as they were written, each with the reason."""
    notes: list[str]
    """Facts that change nothing, such as totals that differ."""
    verdicts: dict[str, int]
    """Verdicts of the tests in files of other tools, of those that were read."""
    unplaced: int
    """Tests whose node id could not be found out."""


class ExportedShape(Shape):
    """Result of an export, or of a dry run."""

    path: str
    format: Literal["json", "jsonl", "csv", "junit", "ctrf", "trace", "markdown", "github", "badge", "otlp", "parquet"]
    sessions: list[str]
    dry_run: bool


class ClearedShape(Shape):
    """Result of clearing, or of a dry run."""

    cleared: int
    dry_run: bool
    sessions: list[str]


class HiddenSessionShape(Shape):
    """A session that was cleared, or gave way to another."""

    session_id: str
    stream: str
    sut: str


class RestoredShape(Shape):
    """Result of restoring."""

    restored: int


Restored = list[HiddenSessionShape] | RestoredShape


class MergeInputShape(Shape):
    """Contribution of one input to a merge."""

    name: str
    events: int
    bytes: int
    sessions: int
    added: list[str]
    known: list[str]
    """Sessions that an input before had."""
    findings: list[FindingShape]


class MergeConflictShape(Shape):
    """Different sessions of one id."""

    session_id: str
    shown: list[str]
    """Streams."""
    hidden: list[str]


class MergedShape(Shape):
    """A merge."""

    output: str | None
    """Null if nothing was written."""
    events: int
    bytes: int
    sessions: int
    repeated: int
    """Events that were in the inputs more than once."""
    purged: int
    inputs: list[MergeInputShape]
    conflicts: list[MergeConflictShape]
    dry_run: bool


class ChangedTestShape(Shape):
    """A test of which something else is true by the present rules."""

    nodeid: str
    before: list[str]
    after: list[str]


class ChangedSessionShape(Shape):
    """A session with other verdicts than before."""

    session_id: str
    stream: str
    before: dict[str, int]
    after: dict[str, int]
    tests: list[ChangedTestShape]


class ReplayShape(Shape):
    """A log whose views were rebuilt; with `--check` only `log` and `differences`."""

    log: str
    events: int | Optional = UNSET
    bytes: int | Optional = UNSET
    seconds: float | Optional = UNSET
    events_per_s: int | Optional = UNSET
    mb_per_s: float | Optional = UNSET
    sessions: int | Optional = UNSET
    nodes: int | Optional = UNSET
    """Tests."""
    attempts: int | Optional = UNSET
    findings: list[FindingShape] | Optional = UNSET
    rules_before: str | Optional = UNSET
    """With `--explain`."""
    rules_after: str | Optional = UNSET
    changed: list[ChangedSessionShape] | Optional = UNSET
    """With `--explain`."""
    differences: list[str] | Optional = UNSET
    """With `--check`: where the views are not as rebuilt."""


class EventLineShape(msgspec.Struct, kw_only=True):
    """An event as it is in the log; docs/format.md has the further fields of each type."""

    v: int
    stream: str
    seq: int
    at: Utc
    type: str
    digest: str
