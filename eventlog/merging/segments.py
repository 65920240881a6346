"""Where the events of each stream stand in some logs: the index that merging works from.

A *run* is a stretch of a file in which one stream's events follow each other without gap in place and in `seq`. A log
that one process wrote is one run a session, so the index is small; where writers alternated it has more runs, which are
kept on disk beyond a number. What grows with the input is a few hundred bytes a stream, nothing a line.
"""

import heapq
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..codec import line_digest, match_head
from ..format import FORMAT_VERSION
from ..reader import LogPath, line_start_after, read_batches
from ..scan import Finding, Reason
from ..sources import LogSource

PARALLEL_BYTES_MIN = 32 << 20
"""Below this the start of a process costs more than it saves."""

_LATEST = "9999-12-31T23:59:59.999999Z"
_SPILL_RUNS = 50_000

Progress = Callable[[int], None]
_PACKED = struct.Struct("<IIqqqq")


class Run(NamedTuple):
    """Consecutive events of one stream in one file."""

    stream: int
    """Number of the stream in the index."""
    source: int
    """Number of the file."""
    first_seq: int
    last_seq: int
    begin: int
    """Byte offset of the first line."""
    end: int
    """Byte offset behind the newline of the last; that newline may be missing, or be another byte in a damaged file."""

    @property
    def lines(self) -> int:
        """Number of events."""
        return self.last_seq - self.first_seq + 1


class Header(NamedTuple):
    """The header of a session."""

    source: int
    """Number of the file."""
    stream: str
    label: str
    sut: str
    at: str


class Change(NamedTuple):
    """An event that hides or shows a session."""

    target: str
    at: str
    digest: str
    what: str


@dataclass
class Total:
    """What one file holds."""

    events: int = 0
    bytes: int = 0


class Job(NamedTuple):
    """A stretch of a file to index."""

    source: int
    path: str
    start: int
    end: int


@dataclass
class Tombstones:
    """What was purged and is not to come back."""

    streams: set[str] = field(default_factory=set[str])
    digests: set[bytes] = field(default_factory=set[bytes])
    """Of single lines."""
    touched: set[str] = field(default_factory=set[str])
    """Streams of which single lines were purged."""


@dataclass
class StreamInfo:
    """What the index knows of one stream."""

    stream: str
    first_seq: int
    start: str
    """Time of its first event."""
    events: int = 0


class _HeaderFields(msgspec.Struct):
    session_id: str
    sut: str = ""


class _TargetField(msgspec.Struct):
    target: str


class _PurgedFields(msgspec.Struct):
    streams: list[str] = []
    lines: list[tuple[str, int, str]] = []


_decode_header = msgspec.json.Decoder(_HeaderFields).decode
_decode_target = msgspec.json.Decoder(_TargetField).decode
_decode_purged = msgspec.json.Decoder(_PurgedFields).decode
_CHANGES = {b"session.cleared": "cleared", b"session.superseded": "superseded", b"session.restored": "restored"}
_HEADER, _PURGED = b"session.started", b"events.purged"
_DIGEST = slice(-34, -2)


class RunIndex:
    """Index of the events of several files.

    Args:
        folder: where runs are kept that are too many for memory.
    """

    def __init__(self, folder: Path) -> None:
        self.streams: list[StreamInfo] = []
        self.headers: list[Header] = []
        self.changes: list[Change] = []
        self.statements: set[str] = set()
        """Streams that speak about others."""
        self.tombstones = Tombstones()
        self.findings: list[tuple[int, Finding]] = []
        """With the number of the file."""
        self.totals: dict[int, Total] = {}
        self._folder = folder
        self._numbers: dict[bytes, int] = {}
        self._runs: list[Run] = []
        self._spilled: list[Path] = []

    def add(
        self, source: int, log: LogPath, start: int = 0, end: int | None = None, progress: Progress | None = None
    ) -> None:
        """Index a file, or a stretch of it.

        Args:
            source: how the runs call it.
            log: the file; plain, as runs are byte ranges.
            start: byte offset of the start of a line.
            end: byte offset to stop at, the start of a line; None for the end of the file.
            progress: called with the bytes done of this stretch.
        """
        self.totals.setdefault(source, Total())
        builder = _RunBuilder(self, source)
        for batch in read_batches(log, start, end, strict=True, newer=True, settle=True):
            self.findings.extend((source, finding) for finding in batch.findings)
            builder.take(batch.offsets, batch.lines, batch.glued)
            if progress is not None:
                progress(batch.end - start)
        builder.close()

    def put(self, stream: bytes, at: bytes, source: int, span: tuple[int, int, int, int]) -> None:
        """Add a run `(first seq, last seq, begin, end)` of a stream whose first event was recorded `at`."""
        first_seq, last_seq, begin, end = span
        number = self._numbers.get(stream)
        start = at.decode("ascii")
        if number is None:
            number = self._numbers[stream] = len(self.streams)
            self.streams.append(StreamInfo(stream.decode("ascii"), first_seq, start))
        info = self.streams[number]
        info.first_seq, info.start = min((info.first_seq, info.start), (first_seq, start))
        run = Run(number, source, first_seq, last_seq, begin, end)
        info.events += run.lines
        total = self.totals[source]
        total.events += run.lines
        total.bytes += end - begin
        self._runs.append(run)
        if len(self._runs) >= _SPILL_RUNS:
            self._spill()

    def note(self, source: int, kind: bytes, line: bytes, envelope: tuple[str, str]) -> None:
        """Take what an event says about sessions; lines that do not fit their type say nothing."""
        stream, at = envelope
        try:
            if kind == _HEADER:
                fields = _decode_header(line)
                self.headers.append(Header(source, stream, fields.session_id, fields.sut, at))
            elif kind == _PURGED:
                self.statements.add(stream)
                self._bury(_decode_purged(line))
            else:
                self.statements.add(stream)
                self.changes.append(Change(_decode_target(line).target, at, line_digest(line), _CHANGES[kind]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return

    def parcel(self) -> "Parcel":
        """Return everything, to be taken over by the index of another process."""
        runs = [run for path in self._spilled for run in _unpack(path)] + self._runs
        return Parcel(
            streams=[(info.stream, info.first_seq, info.start) for info in self.streams],
            headers=list(self.headers),
            changes=list(self.changes),
            statements=list(self.statements),
            buried_streams=list(self.tombstones.streams),
            buried_lines=list(self.tombstones.digests),
            touched=list(self.tombstones.touched),
            findings=[(source, (f.log, f.offset, f.length, f.reason, f.detail)) for source, f in self.findings],
            runs=b"".join(_PACKED.pack(*run) for run in runs),
        )

    def take_over(self, parcel: "Parcel") -> None:
        """Add what another process has found."""
        for run in map(Run._make, _PACKED.iter_unpack(parcel.runs)):
            stream, first_seq, start = parcel.streams[run.stream]
            at = start if run.first_seq == first_seq else _LATEST
            self.totals.setdefault(run.source, Total())
            self.put(stream.encode(), at.encode(), run.source, (run.first_seq, run.last_seq, run.begin, run.end))
        self.headers.extend(parcel.headers)
        self.changes.extend(parcel.changes)
        self.statements.update(parcel.statements)
        self.tombstones.streams.update(parcel.buried_streams)
        self.tombstones.digests.update(parcel.buried_lines)
        self.tombstones.touched.update(parcel.touched)
        self.findings.extend((source, Finding(*finding)) for source, finding in parcel.findings)

    def by_stream(self) -> Iterator[tuple[StreamInfo, list[Run]]]:
        """Yield the streams in canonical order `(start, stream)`, each with its runs in order of `seq`."""
        order = sorted(range(len(self.streams)), key=lambda n: (self.streams[n].start, self.streams[n].stream))
        rank = {number: place for place, number in enumerate(order)}
        current, runs = -1, list[Run]()
        for run in self._sorted(rank):
            if run.stream != current:
                if runs:
                    yield self.streams[current], runs
                current, runs = run.stream, []
            runs.append(run)
        if runs:
            yield self.streams[current], runs

    def _sorted(self, rank: dict[int, int]) -> Iterator[Run]:
        def key(run: Run) -> tuple[int, int, int, int, int]:
            return rank[run.stream], run.first_seq, run.last_seq, run.source, run.begin

        pieces: list[Iterator[Run]] = []
        for path in self._spilled:
            runs = sorted(_unpack(path), key=key)
            path.write_bytes(b"".join(_PACKED.pack(*run) for run in runs))
            pieces.append(_unpack(path))
        pieces.append(iter(sorted(self._runs, key=key)))
        return heapq.merge(*pieces, key=key)

    def _spill(self) -> None:
        path = self._folder / f"runs-{len(self._spilled)}"
        path.write_bytes(b"".join(_PACKED.pack(*run) for run in self._runs))
        self._spilled.append(path)
        self._runs = []

    def _bury(self, fields: _PurgedFields) -> None:
        self.tombstones.streams.update(fields.streams)
        self.tombstones.digests.update(bytes.fromhex(digest) for _, _, digest in fields.lines)
        self.tombstones.touched.update(stream for stream, _, _ in fields.lines)


class Parcel(msgspec.Struct):
    """An index on its way from one process to another."""

    streams: list[tuple[str, int, str]]
    headers: list[Header]
    changes: list[Change]
    statements: list[str]
    buried_streams: list[str]
    buried_lines: list[bytes]
    touched: list[str]
    findings: list[tuple[int, tuple[str, int, int, Reason, str]]]
    runs: bytes


def index_files(index: RunIndex, files: list[LogSource], progress: Progress | None = None) -> None:
    """Index some files, numbered as they are listed; on two processes where that pays.

    Args:
        index: takes what is found.
        files: plain files.
        progress: called with the bytes done so far.
    """
    for number, file in enumerate(files):
        if not file.on_disk:
            index.add(number, file)
    jobs = [Job(number, str(file.path), 0, file.size()) for number, file in enumerate(files) if file.on_disk]
    mine, theirs = _shared_out(jobs)
    if not theirs:
        _index_jobs(index, mine, progress)
        return
    command = [sys.executable, "-m", f"{__package__}.segments"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        process.stdin.write(msgspec.json.encode(theirs))
        process.stdin.close()
        share = sum(job.end - job.start for job in jobs) / max(sum(job.end - job.start for job in mine), 1)
        _index_jobs(index, mine, None if progress is None else lambda done: progress(int(done * share)))
        data = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"the second process of the merge ended with {process.returncode}")
    index.take_over(msgspec.msgpack.decode(data, type=Parcel))


def _index_jobs(index: RunIndex, jobs: list[Job], progress: Progress | None) -> None:
    done = 0
    for job in jobs:
        report = None if progress is None else _from(progress, done)
        # The last stretch of a file has no end: its unfinished last line is to be found.
        index.add(job.source, Path(job.path), job.start, job.end or None, report)
        done += max(job.end - job.start, 0)


def _from(progress: Progress, before: int) -> Progress:
    return lambda more: progress(before + more)


def _shared_out(jobs: list[Job]) -> tuple[list[Job], list[Job]]:
    """Divide the work between this process and another, by bytes; a file may be cut at the start of a line."""
    whole = [job._replace(end=0) for job in jobs]
    total = sum(job.end for job in jobs)
    if total < PARALLEL_BYTES_MIN:
        return whole, []
    mine: list[Job] = []
    left = total // 2
    for place, job in enumerate(jobs):
        if job.end > left:
            cut = line_start_after(job.path, left)
            rest = whole[place + 1 :]
            if cut is None:
                return [*mine, whole[place]], rest
            return [*mine, job._replace(end=cut)], [Job(job.source, job.path, cut, 0), *rest]
        mine.append(whole[place])
        left -= job.end
    return mine, []


def _main() -> None:
    jobs = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Job])
    with tempfile.TemporaryDirectory() as folder:
        index = RunIndex(Path(folder))
        _index_jobs(index, jobs, None)
        sys.stdout.buffer.write(msgspec.msgpack.encode(index.parcel()))
        sys.stdout.buffer.flush()


class _RunBuilder:
    """Puts the lines of one file together to runs."""

    def __init__(self, index: RunIndex, source: int) -> None:
        self._index = index
        self._source = source
        self._stream: bytes = b""
        self._at: bytes = b""
        self._key: bytes = b"%d"
        self._first = self._next = self._begin = self._end = 0

    def take(self, offsets: list[int], lines: list[bytes], glued: Sequence[int]) -> None:
        """Take verified lines.

        Args:
            offsets: of each.
            lines: without their newlines.
            glued: offsets of those that have no newline; a run ends with each, as its bytes cannot be copied on.
        """
        if glued:
            ends = set(glued)
            for offset, line in zip(offsets, lines, strict=True):
                self._take_one(offset, line)
                if offset in ends:
                    self.close()
            return
        end, following, key = self._end, self._next, self._key
        for offset, line in zip(offsets, lines, strict=True):
            # The common case, for speed: the next event of the same stream, and none that says something of sessions.
            if offset == end and line[_TYPE_AT] not in _NOTED_FIRST:
                quote = line.find(b'"', _TYPE_AT)
                if line.startswith(key % following, quote) and line.find(b'Z"', quote) > 0:
                    following += 1
                    end += len(line) + 1
                    continue
            self._end, self._next = end, following
            self._take_one(offset, line)
            end, following, key = self._end, self._next, self._key
        self._end, self._next = end, following

    def _take_one(self, offset: int, line: bytes) -> None:
        match = match_head(line)
        if match is None:
            self._index.findings.append((self._source, self._malformed(offset, line)))
            return
        version, kind, stream, seq, at = match.groups()
        if stream != self._stream or int(seq) != self._next or offset != self._end:
            self.close()
            self._stream, self._at, self._begin = stream, at, offset
            self._first = self._next = int(seq)
            self._key = b'","stream":"%b","seq":%%d,"at":"' % stream
        if kind in _NOTED and version == _VERSION:
            self._index.note(self._source, kind, line, (stream.decode(), at.decode()))
        self._next += 1
        self._end = offset + len(line) + 1

    def close(self) -> None:
        """End the run that is open."""
        if self._next > self._first:
            span = (self._first, self._next - 1, self._begin, self._end)
            self._index.put(self._stream, self._at, self._source, span)
        self._first = self._next = 0
        self._end = -1

    def _malformed(self, offset: int, line: bytes) -> Finding:
        return Finding(str(self._source), offset, len(line), "malformed", "the first keys are not v, type, stream, ...")


_VERSION = b"%d" % FORMAT_VERSION
_NOTED = frozenset({_HEADER, _PURGED, *_CHANGES})
_NOTED_FIRST = frozenset(kind[0] for kind in _NOTED)
_TYPE_AT = len(b'{"v":1,"type":"')


def _unpack(path: Path) -> Iterator[Run]:
    with path.open("rb") as stream:
        while data := stream.read(_PACKED.size * 1024):
            yield from map(Run._make, _PACKED.iter_unpack(data))


if __name__ == "__main__":
    _main()
