"""Merge logs: the union of their events, verbatim, in one canonical order.

Canonical order is `(start of stream, stream, seq, digest)`. The result is a function of the set of events alone, so any
order, grouping or repetition of the inputs gives the same bytes. Damage is reported and not copied; what was purged
(`events.purged`) in one input is left out of all.

Two sessions may bear one label (`session_id`). What a reader shows then is a rule (`projections.rules.visible_names`);
a strategy other than the default adds events that say so, whose bytes follow from the headers alone:

| strategy | added | shown |
|---|---|---|
| `skip_existing` | nothing | the earliest of a label |
| `replace_existing` | `session.superseded` for all but the latest | the latest |
| `keep_both` | `session.restored` for each | all, as `<label>` and `<label>~<8 digits>` |
"""

import heapq
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol, Self

from ..codec import encode_event
from ..events import Event, SessionRestored, SessionSuperseded
from ..files.private import open_private
from ..scan import Finding
from ..sources import LogSource, Unread
from ..streams import stream_id
from ..targets.memory_log import MemoryLog
from .segments import Header, Run, RunIndex, StreamInfo, index_files
from .staging import Staged, Staging, stage_logs, stage_source

COPY_BYTES = 1 << 20
_NO_DAMAGE = frozenset({"pending", "newer-format"})
_DIGEST = slice(-34, -2)


class Strategy(StrEnum):
    """What becomes of a session whose label another session bears already."""

    SKIP_EXISTING = "skip_existing"
    REPLACE_EXISTING = "replace_existing"
    KEEP_BOTH = "keep_both"


class Sink(Protocol):
    """Where merged bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


@dataclass
class Conflict:
    """Sessions of one label."""

    label: str
    shown: list[str]
    """Streams that the strategy shows."""
    hidden: list[str]


@dataclass
class InputReport:
    """What one input of a merge holds, and what it added to those before it."""

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
    """What a merge found and wrote."""

    inputs: list[InputReport] = field(default_factory=list[InputReport])
    conflicts: list[Conflict] = field(default_factory=list[Conflict])
    events: int = 0
    """Written, or that would be."""
    bytes: int = 0
    sessions: int = 0
    repeated: int = 0
    """Events that stood in the inputs more than once."""
    purged: int = 0
    """Events left out because a tombstone names them."""

    @property
    def damaged(self) -> list[Finding]:
        """Findings that mean damage; a line that is being written or of a newer format, which is copied, does not."""
        return [finding for item in self.inputs for finding in item.findings if finding.reason not in _NO_DAMAGE]


class Merger:
    """A merge of some logs: index them, look at the report, write the result.

    Args:
        stage: where compressed inputs are unpacked and the index may spill.
        strategy: what becomes of sessions with the same label.
    """

    def __init__(self, stage: Staging, strategy: Strategy = Strategy.SKIP_EXISTING) -> None:
        self.report = MergeReport()
        self._stage = stage
        self._strategy = strategy
        self._index = RunIndex(stage.folder)
        self._files: list[LogSource] = []
        self._inputs_unread: list[InputReport] = []
        self._inputs: list[int] = []
        """Which input a file belongs to."""

    def add(self, path: Path) -> None:
        """Take what `path` stands for: a log with its packs and live files, a folder or an archive of logs.

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
        """Take one log that was found already, with its packs and live files.

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
        headers = _live_headers(index)
        self.report.sessions = len({header.stream for header in headers})
        self.report.conflicts = list(_conflicts(headers, self._strategy))
        lines = _marks(headers, self._strategy)
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

    def write(self, sink: Sink, progress: Callable[[int], None] | None = None) -> None:
        """Write the union.

        Raises:
            OSError: an input or the output failed.
        """
        report = self.report
        with Union(self._index, self._files) as union:
            for info, runs in self._index.by_stream():
                for data, events in union.pieces(info, runs):
                    sink.write(data)
                    report.bytes += len(data)
                    report.events += events
                if progress is not None:
                    progress(report.bytes)
            report.repeated, report.purged = union.repeated, union.purged


class Union:
    """Reads streams out of several files, each event once; use it as a context manager.

    Args:
        index: of the files.
        files: as they are numbered in the index.
    """

    def __init__(self, index: RunIndex, files: list[LogSource]) -> None:
        self.repeated = 0
        self.purged = 0
        self._buried = index.tombstones
        self._sources = files
        self._stack = ExitStack()
        self._files = _Files([])

    def __enter__(self) -> Self:
        self._files = _Files([self._stack.enter_context(source.open()) for source in self._sources])
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pieces(self, info: StreamInfo, runs: list[Run]) -> Iterator[tuple[bytes, int]]:
        """Yield the bytes of a stream in order of seq, and the number of events that begin in each piece."""
        if info.stream in self._buried.streams:
            self.purged += info.events
            return
        picky = info.stream in self._buried.touched
        for cluster in _clusters(runs):
            if not picky and (len(cluster) == 1 or self._files.all_equal(cluster)):
                run = cluster[0]
                self.repeated += run.lines * (len(cluster) - 1)
                events = run.lines
                for data in self._files.range(run):
                    yield data, events
                    events = 0
            else:
                yield from self._merged_lines(cluster)

    def _merged_lines(self, cluster: list[Run]) -> Iterator[tuple[bytes, int]]:
        """Lines of runs that overlap, one by one: in order of seq and digest, each once."""
        buried = self._buried.digests
        last = (-1, b"")
        for seq, digest, line in heapq.merge(*(self._files.lines(run) for run in cluster)):
            if (seq, digest) == last:
                self.repeated += 1
                continue
            last = seq, digest
            if buried and bytes.fromhex(digest.decode()) in buried:
                self.purged += 1
                continue
            yield line + b"\n", 1


def merge_logs(
    paths: Iterable[Path], sink: Sink, stage: Staging, strategy: Strategy = Strategy.SKIP_EXISTING
) -> MergeReport:
    """Merge logs, folders and archives of logs into `sink`, and say what was found.

    Raises:
        FileNotFoundError: there is no such path.
        InputLimitError, LogUnavailableError: an input cannot be unpacked or read.
        OSError: the output failed.
    """
    merger = Merger(stage, strategy)
    for path in paths:
        merger.add(path)
    merger.index()
    merger.write(sink)
    return merger.report


# ------------------------------------------------------------------ runs of one stream


class _Files:
    """Reads ranges of the files of an index."""

    def __init__(self, files: list[IO[bytes]]) -> None:
        self._files = files

    def range(self, run: Run) -> Iterator[bytes]:
        """Yield the bytes of a run. The last is a newline, whatever it is in a damaged file or behind its end."""
        file = self._files[run.source]
        position, last = run.begin, run.end - 1
        while position < last:
            file.seek(position)
            data = file.read(min(COPY_BYTES, last - position))
            if not data:
                raise OSError(5, "an input became shorter while it was merged", getattr(file, "name", ""))
            position += len(data)
            yield data if position < last else data + b"\n"

    def lines(self, run: Run) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield `(seq, digest, line)` of a run."""
        rest, seq = b"", run.first_seq
        for data in self.range(run):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield seq, line[_DIGEST], line
                seq += 1

    def all_equal(self, cluster: list[Run]) -> bool:
        """Tell whether runs hold the same bytes."""
        first, *others = cluster
        if any((run.first_seq, run.last_seq) != (first.first_seq, first.last_seq) for run in others):
            return False
        if any(run.end - run.begin != first.end - first.begin for run in others):
            return False
        return all(
            all(a == b for a, b in zip(self._pieces(first), self._pieces(other), strict=True)) for other in others
        )

    def _pieces(self, run: Run) -> Iterator[bytes]:
        """The bytes of a run in pieces of fixed size, without its last newline."""
        file = self._files[run.source]
        for position in range(run.begin, run.end - 1, COPY_BYTES):
            file.seek(position)
            yield _read_whole(file, min(COPY_BYTES, run.end - 1 - position))


def _read_whole(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _clusters(runs: list[Run]) -> Iterator[list[Run]]:
    """Groups of runs, in order of seq, that share no seq with another group."""
    cluster: list[Run] = []
    last = -1
    for run in runs:
        if cluster and run.first_seq > last:
            yield cluster
            cluster = []
        cluster.append(run)
        last = max(last, run.last_seq) if len(cluster) > 1 else run.last_seq
    if cluster:
        yield cluster


# ------------------------------------------------------------------ labels


def _live_headers(index: RunIndex) -> list[Header]:
    buried = index.tombstones.streams
    plain = dict.fromkeys(header._replace(source=0) for header in index.headers)
    return [header for header in plain if header.stream not in buried]


def _by_label(headers: Iterable[Header]) -> dict[str, list[Header]]:
    """Headers of the labels that several streams bear, the earliest first."""
    labels: dict[str, list[Header]] = {}
    for header in headers:
        labels.setdefault(header.label, []).append(header)
    return {
        label: sorted(found, key=lambda header: (header.at, header.stream))
        for label, found in sorted(labels.items())
        if len({header.stream for header in found}) > 1
    }


def _conflicts(headers: list[Header], strategy: Strategy) -> Iterator[Conflict]:
    for label, found in _by_label(headers).items():
        streams = list(dict.fromkeys(header.stream for header in found))
        shown = {
            Strategy.SKIP_EXISTING: streams[:1],
            Strategy.REPLACE_EXISTING: streams[-1:],
            Strategy.KEEP_BOTH: streams,
        }[strategy]
        yield Conflict(label, shown, [stream for stream in streams if stream not in shown])


def _marks(headers: list[Header], strategy: Strategy) -> list[bytes]:
    """Lines that make readers show what the strategy wants.

    They say nothing of the merge, and adding inputs only ever adds to them; that is what keeps merging associative.
    """
    if strategy is Strategy.SKIP_EXISTING:
        return []
    lines: dict[str, bytes] = {}
    for found in _by_label(headers).values():
        marked = found[:-1] if strategy is Strategy.REPLACE_EXISTING else found
        for header in marked:
            if strategy is Strategy.REPLACE_EXISTING and header.stream == found[-1].stream:
                continue
            lines.setdefault(header.stream, _mark(header, strategy))
    return list(lines.values())


def _mark(header: Header, strategy: Strategy) -> bytes:
    event: Event
    if strategy is Strategy.REPLACE_EXISTING:
        event = SessionSuperseded(target=header.stream, reason=strategy.value)
    else:
        event = SessionRestored(target=header.stream, reason=strategy.value)
    return encode_event(event, stream=stream_id(f"{strategy.value} {header.stream}"), seq=0, at=header.at)


# ------------------------------------------------------------------ output


def is_same_file(path: Path, data: Path) -> bool:
    """Tell whether two files have the same bytes."""
    if not path.is_file() or path.stat().st_size != data.stat().st_size:
        return False
    with path.open("rb") as one, data.open("rb") as two:
        while True:
            a, b = one.read(COPY_BYTES), two.read(COPY_BYTES)
            if a != b:
                return False
            if not a:
                return True


__all__ = [
    "Conflict",
    "InputReport",
    "MergeReport",
    "Merger",
    "Strategy",
    "Union",
    "is_same_file",
    "merge_logs",
]
