"""Index of the events of each stream in several files; merging and importing read by it.

A *segment* is a range of a file that holds consecutive events of one stream, without a gap in bytes or in `seq`. A log
that one process wrote has one segment for each session, so the index is small. Where writers alternated it has more
segments; above a limit they are kept on disk. Memory grows by a few hundred bytes per stream and not per line.
"""

import heapq
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..codec import line_digest, match_head
from ..format import FORMAT_VERSION
from ..reader import LogPath, read_batches
from ..scan import Finding, Reason

_LATEST = "9999-12-31T23:59:59.999999Z"
_SPILL_SEGMENTS = 50_000

Progress = Callable[[int], None]
_PACKED = struct.Struct("<IIqqqq")


class Segment(NamedTuple):
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


class VisibilityEvent(NamedTuple):
    """An event that hides or shows a session."""

    target: str
    at: str
    digest: str
    what: str


@dataclass
class Total:
    """Number and size of the events of one file."""

    events: int = 0
    bytes: int = 0


@dataclass
class Tombstones:
    """Streams and lines that were purged and must not come back."""

    streams: set[str] = field(default_factory=set[str])
    digests: set[bytes] = field(default_factory=set[bytes])
    """Of single lines."""
    touched: set[str] = field(default_factory=set[str])
    """Streams of which single lines were purged."""


@dataclass
class StreamInfo:
    """Number and first event of one stream."""

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


class SegmentIndex:
    """Index of the events of several files.

    Args:
        folder: for segments that are too many for memory.
    """

    def __init__(self, folder: Path) -> None:
        self.streams: list[StreamInfo] = []
        self.headers: list[Header] = []
        self.changes: list[VisibilityEvent] = []
        self.statements: set[str] = set()
        """Streams with events about other sessions."""
        self.tombstones = Tombstones()
        self.findings: list[tuple[int, Finding]] = []
        """With the number of the file."""
        self.totals: dict[int, Total] = {}
        self._folder = folder
        self._numbers: dict[bytes, int] = {}
        self._segments: list[Segment] = []
        self._spilled: list[Path] = []

    def add(
        self, source: int, log: LogPath, start: int = 0, end: int | None = None, progress: Progress | None = None
    ) -> None:
        """Index a file, or a stretch of it.

        Args:
            source: number of the file in the segments.
            log: the file; plain, as segments are byte ranges.
            start: byte offset of the start of a line.
            end: byte offset to stop at, the start of a line; None for the end of the file.
            progress: called with the bytes done of this stretch.
        """
        self.totals.setdefault(source, Total())
        builder = _SegmentBuilder(self, source)
        for batch in read_batches(log, start, end, strict=True, newer=True, settle=True):
            self.findings.extend((source, finding) for finding in batch.findings)
            builder.take(batch.offsets, batch.lines, batch.glued)
            if progress is not None:
                progress(batch.end - start)
        builder.close()

    def put(self, stream: bytes, at: bytes, source: int, span: tuple[int, int, int, int]) -> None:
        """Add a segment `(first seq, last seq, begin, end)` of a stream whose first event was recorded `at`."""
        first_seq, last_seq, begin, end = span
        number = self._numbers.get(stream)
        start = at.decode("ascii")
        if number is None:
            number = self._numbers[stream] = len(self.streams)
            self.streams.append(StreamInfo(stream.decode("ascii"), first_seq, start))
        info = self.streams[number]
        info.first_seq, info.start = min((info.first_seq, info.start), (first_seq, start))
        segment = Segment(number, source, first_seq, last_seq, begin, end)
        info.events += segment.lines
        total = self.totals[source]
        total.events += segment.lines
        total.bytes += end - begin
        self._segments.append(segment)
        if len(self._segments) >= _SPILL_SEGMENTS:
            self._spill()

    def note(self, source: int, kind: bytes, line: bytes, envelope: tuple[str, str]) -> None:
        """Index the header of a session or an event about sessions; malformed lines are ignored."""
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
                self.changes.append(VisibilityEvent(_decode_target(line).target, at, line_digest(line), _CHANGES[kind]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return

    def parcel(self) -> "Parcel":
        """Return the content of the index, for the index of another process."""
        segments = [segment for path in self._spilled for segment in _unpack(path)] + self._segments
        return Parcel(
            streams=[(info.stream, info.first_seq, info.start) for info in self.streams],
            headers=list(self.headers),
            changes=list(self.changes),
            statements=list(self.statements),
            buried_streams=list(self.tombstones.streams),
            buried_lines=list(self.tombstones.digests),
            touched=list(self.tombstones.touched),
            findings=[(source, (f.log, f.offset, f.length, f.reason, f.detail)) for source, f in self.findings],
            segments=b"".join(_PACKED.pack(*segment) for segment in segments),
        )

    def take_over(self, parcel: "Parcel") -> None:
        """Add the content of the index of another process."""
        for segment in map(Segment._make, _PACKED.iter_unpack(parcel.segments)):
            stream, first_seq, start = parcel.streams[segment.stream]
            at = start if segment.first_seq == first_seq else _LATEST
            self.totals.setdefault(segment.source, Total())
            self.put(
                stream.encode(),
                at.encode(),
                segment.source,
                (segment.first_seq, segment.last_seq, segment.begin, segment.end),
            )
        self.headers.extend(parcel.headers)
        self.changes.extend(parcel.changes)
        self.statements.update(parcel.statements)
        self.tombstones.streams.update(parcel.buried_streams)
        self.tombstones.digests.update(parcel.buried_lines)
        self.tombstones.touched.update(parcel.touched)
        self.findings.extend((source, Finding(*finding)) for source, finding in parcel.findings)

    def by_stream(self) -> Iterator[tuple[StreamInfo, list[Segment]]]:
        """Yield the streams in canonical order `(start, stream)`, each with its segments in order of `seq`."""
        order = sorted(range(len(self.streams)), key=lambda n: (self.streams[n].start, self.streams[n].stream))
        rank = {number: place for place, number in enumerate(order)}
        current, segments = -1, list[Segment]()
        for segment in self._sort_segments(rank):
            if segment.stream != current:
                if segments:
                    yield self.streams[current], segments
                current, segments = segment.stream, []
            segments.append(segment)
        if segments:
            yield self.streams[current], segments

    def _sort_segments(self, rank: dict[int, int]) -> Iterator[Segment]:
        def key(segment: Segment) -> tuple[int, int, int, int, int]:
            return rank[segment.stream], segment.first_seq, segment.last_seq, segment.source, segment.begin

        pieces: list[Iterator[Segment]] = []
        for path in self._spilled:
            segments = sorted(_unpack(path), key=key)
            path.write_bytes(b"".join(_PACKED.pack(*segment) for segment in segments))
            pieces.append(_unpack(path))
        pieces.append(iter(sorted(self._segments, key=key)))
        return heapq.merge(*pieces, key=key)

    def _spill(self) -> None:
        path = self._folder / f"segments-{len(self._spilled)}"
        path.write_bytes(b"".join(_PACKED.pack(*segment) for segment in self._segments))
        self._spilled.append(path)
        self._segments = []

    def _bury(self, fields: _PurgedFields) -> None:
        self.tombstones.streams.update(fields.streams)
        self.tombstones.digests.update(bytes.fromhex(digest) for _, _, digest in fields.lines)
        self.tombstones.touched.update(stream for stream, _, _ in fields.lines)


class Parcel(msgspec.Struct):
    """Content of an index, passed from one process to another."""

    streams: list[tuple[str, int, str]]
    headers: list[Header]
    changes: list[VisibilityEvent]
    statements: list[str]
    buried_streams: list[str]
    buried_lines: list[bytes]
    touched: list[str]
    findings: list[tuple[int, tuple[str, int, int, Reason, str]]]
    segments: bytes


class _SegmentBuilder:
    """Joins the lines of one file to segments."""

    def __init__(self, index: SegmentIndex, source: int) -> None:
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
            glued: offsets of those that have no newline; a segment ends with each, as its bytes cannot be copied on.
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
            self._index.findings.append((self._source, self._malformed_finding(offset, line)))
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
        """End the segment that is open."""
        if self._next > self._first:
            span = (self._first, self._next - 1, self._begin, self._end)
            self._index.put(self._stream, self._at, self._source, span)
        self._first = self._next = 0
        self._end = -1

    def _malformed_finding(self, offset: int, line: bytes) -> Finding:
        return Finding(str(self._source), offset, len(line), "malformed", "the first keys are not v, type, stream, ...")


_VERSION = b"%d" % FORMAT_VERSION
_NOTED = frozenset({_HEADER, _PURGED, *_CHANGES})
_NOTED_FIRST = frozenset(kind[0] for kind in _NOTED)
_TYPE_AT = len(b'{"v":1,"type":"')


def _unpack(path: Path) -> Iterator[Segment]:
    with path.open("rb") as stream:
        while data := stream.read(_PACKED.size * 1024):
            yield from map(Segment._make, _PACKED.iter_unpack(data))
