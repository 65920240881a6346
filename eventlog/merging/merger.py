"""Merge logs: the union of their events, verbatim, in one canonical order.

Canonical order is `(start of stream, stream, seq, digest)`. The result is a function of the set of events alone, so any
order, grouping or repetition of the inputs gives the same bytes. Damage is reported and not copied; what was purged
(`events.purged`) in one input is left out of all.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..files.private import open_private
from ..scan import Finding
from ..sources import LogSource, Unread
from ..targets.memory_log import MemoryLog
from .conflicts import LabelConflict, Strategy, find_conflicts, live_headers, strategy_lines
from .indexing import index_files
from .segments import SegmentIndex
from .staging import Staged, Staging, stage_logs, stage_source
from .union import COPY_BYTES, Union

_NO_DAMAGE = frozenset({"pending", "newer-format"})


class MergeOutput(Protocol):
    """Destination of merged bytes."""

    def write(self, data: bytes, /) -> object:
        """Write the next bytes."""


@dataclass
class InputReport:
    """Content of one input of a merge, and the sessions that it added."""

    name: str
    events: int = 0
    bytes: int = 0
    sessions: int = 0
    new_sessions: list[str] = field(default_factory=list[str])
    """Labels of sessions that no input before had."""
    known_sessions: list[str] = field(default_factory=list[str])
    """Labels of sessions that an input before had, too; their events are joined."""
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass
class MergeReport:
    """Inputs, conflicts and output of a merge."""

    inputs: list[InputReport] = field(default_factory=list[InputReport])
    conflicts: list[LabelConflict] = field(default_factory=list[LabelConflict])
    events: int = 0
    """Written, or that would be."""
    bytes: int = 0
    sessions: int = 0
    repeated: int = 0
    """Events that were in the inputs more than once."""
    purged: int = 0
    """Events left out because a tombstone names them."""

    @property
    def damaged(self) -> list[Finding]:
        """Findings that mean damage; a line that is being written or of a newer format, which is copied, does not."""
        return [finding for item in self.inputs for finding in item.findings if finding.reason not in _NO_DAMAGE]


class Merger:
    """A merge of several logs: index them, read the report, write the result.

    Args:
        stage: where compressed inputs are unpacked and the index may spill.
        strategy: treatment of sessions with the same label.
    """

    def __init__(self, stage: Staging, strategy: Strategy = Strategy.SKIP_EXISTING) -> None:
        self.report = MergeReport()
        self._stage = stage
        self._strategy = strategy
        self._index = SegmentIndex(stage.folder)
        self._files: list[LogSource] = []
        self._inputs_unread: list[InputReport] = []
        self._inputs: list[int] = []
        """Number of the input of each file."""

    def add(self, path: Path) -> None:
        """Add an input: a log with its packs and live files, a folder or an archive of logs.

        Raises:
            FileNotFoundError: there is no such path.
            InputLimitError, LogUnavailableError: it cannot be unpacked or read.
        """
        unread: list[Unread] = []
        for staged in stage_logs(path, self._stage, unread):
            self._add_staged(staged)
        for name, reason in unread:
            finding = Finding(name, 0, 0, "damaged", f"cannot be read: {reason}")
            self._inputs_unread.append(InputReport(name, findings=[finding]))

    def add_source(self, source: LogSource) -> None:
        """Add one log, with its packs and live files.

        Raises:
            InputLimitError, LogUnavailableError: it cannot be unpacked or read.
        """
        if source.on_disk:
            self._add_staged(stage_source(source, self._stage))
            return
        copy = self._stage.new_file()
        with open_private(copy) as out, source.open() as data:
            shutil.copyfileobj(data, out)
        self._add_staged(Staged(source.name, copy))

    def _add_staged(self, staged: Staged) -> None:
        report = InputReport(staged.name)
        if staged.damage:
            report.findings.append(Finding(staged.name, 0, 0, "damaged", f"cannot be unpacked on: {staged.damage}"))
        for path in (staged.path, *staged.also):
            self._files.append(LogSource(path))
            self._inputs.append(len(self.report.inputs))
        self.report.inputs.append(report)

    @property
    def size_bytes(self) -> int:
        """Bytes of all inputs, unpacked."""
        return sum(file.size() for file in self._files)

    def index(self, progress: Callable[[int], None] | None = None) -> None:
        """Read all inputs, and complete the report as far as it can be without writing.

        Raises:
            LogUnavailableError: an input cannot be read.
        """
        index = self._index
        index_files(index, self._files, progress)
        self._report_inputs()
        self.report.inputs.extend(self._inputs_unread)
        headers = live_headers(index)
        self.report.sessions = len({header.stream for header in headers})
        self.report.conflicts = list(find_conflicts(headers, self._strategy))
        lines = strategy_lines(headers, self._strategy)
        if lines:
            marks = MemoryLog(data=bytearray(b"".join(lines)), label="(strategy)")
            index.add(len(self._files), marks)
            self._files.append(marks)

    def _report_inputs(self) -> None:
        inputs = self.report.inputs
        for source, total in self._index.totals.items():
            report = inputs[self._inputs[source]]
            report.events += total.events
            report.bytes += total.bytes
        for source, finding in self._index.findings:
            report = inputs[self._inputs[source]]
            is_main = source == self._inputs.index(self._inputs[source])
            report.findings.append(finding._replace(log=report.name) if is_main else finding)
        seen: dict[str, int] = {}
        for header in sorted(dict.fromkeys(self._index.headers), key=lambda header: header.source):
            number = self._inputs[header.source]
            first = seen.setdefault(header.stream, number)
            report = inputs[number]
            (report.new_sessions if first == number else report.known_sessions).append(header.label)
            report.sessions += 1

    def write(self, output: MergeOutput, progress: Callable[[int], None] | None = None) -> None:
        """Write the union.

        Raises:
            OSError: an input or the output failed.
        """
        report = self.report
        with Union(self._index, self._files) as union:
            for info, segments in self._index.by_stream():
                for data, events in union.pieces(info, segments):
                    output.write(data)
                    report.bytes += len(data)
                    report.events += events
                if progress is not None:
                    progress(report.bytes)
            report.repeated, report.purged = union.repeated, union.purged


def merge_logs(
    paths: Iterable[Path], output: MergeOutput, stage: Staging, strategy: Strategy = Strategy.SKIP_EXISTING
) -> MergeReport:
    """Merge logs, folders and archives of logs into `output`, and return the report.

    Raises:
        FileNotFoundError: there is no such path.
        InputLimitError, LogUnavailableError: an input cannot be unpacked or read.
        OSError: the output failed.
    """
    merger = Merger(stage, strategy)
    for path in paths:
        merger.add(path)
    merger.index()
    merger.write(output)
    return merger.report


def is_same_file(path: Path, data: Path) -> bool:
    """Return whether two files have the same bytes."""
    if not path.is_file() or path.stat().st_size != data.stat().st_size:
        return False
    with path.open("rb") as one, data.open("rb") as two:
        while True:
            a, b = one.read(COPY_BYTES), two.read(COPY_BYTES)
            if a != b:
                return False
            if not a:
                return True


__all__ = ["InputReport", "MergeReport", "Merger", "is_same_file", "merge_logs"]
