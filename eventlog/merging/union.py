"""Read the streams of several files, each event once, by the index of their segments."""

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Self

from ..sources import LogSource
from .segments import Segment, SegmentIndex, StreamInfo

COPY_BYTES = 1 << 20
_DIGEST = slice(-34, -2)


class Union:
    """Reads streams out of several files, each event once; use it as a context manager.

    Args:
        index: of the files.
        files: as they are numbered in the index.
    """

    def __init__(self, index: SegmentIndex, files: list[LogSource]) -> None:
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

    def pieces(self, info: StreamInfo, segments: list[Segment]) -> Iterator[tuple[bytes, int]]:
        """Yield the bytes of a stream in order of seq, and the number of events that begin in each piece."""
        if info.stream in self._buried.streams:
            self.purged += info.events
            return
        picky = info.stream in self._buried.touched
        for cluster in _clusters(segments):
            if not picky and (len(cluster) == 1 or self._files.all_equal(cluster)):
                segment = cluster[0]
                self.repeated += segment.lines * (len(cluster) - 1)
                events = segment.lines
                for data in self._files.range(segment):
                    yield data, events
                    events = 0
            else:
                yield from self._merged_lines(cluster)

    def _merged_lines(self, cluster: list[Segment]) -> Iterator[tuple[bytes, int]]:
        """Lines of segments that overlap, one by one: in order of seq and digest, each once."""
        buried = self._buried.digests
        last = (-1, b"")
        for seq, digest, line in heapq.merge(*(self._files.lines(segment) for segment in cluster)):
            if (seq, digest) == last:
                self.repeated += 1
                continue
            last = seq, digest
            if buried and bytes.fromhex(digest.decode()) in buried:
                self.purged += 1
                continue
            yield line + b"\n", 1


class _Files:
    """Reads ranges of the files of an index."""

    def __init__(self, files: list[IO[bytes]]) -> None:
        self._files = files

    def range(self, segment: Segment) -> Iterator[bytes]:
        """Yield the bytes of a segment. The last is always a newline, also if a damaged file lacks it."""
        file = self._files[segment.source]
        position, last = segment.begin, segment.end - 1
        while position < last:
            file.seek(position)
            data = file.read(min(COPY_BYTES, last - position))
            if not data:
                raise OSError(5, "an input became shorter while it was merged", getattr(file, "name", ""))
            position += len(data)
            yield data if position < last else data + b"\n"

    def lines(self, segment: Segment) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield `(seq, digest, line)` of a segment."""
        rest, seq = b"", segment.first_seq
        for data in self.range(segment):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield seq, line[_DIGEST], line
                seq += 1

    def all_equal(self, cluster: list[Segment]) -> bool:
        """Return whether segments hold the same bytes."""
        first, *others = cluster
        if any((segment.first_seq, segment.last_seq) != (first.first_seq, first.last_seq) for segment in others):
            return False
        if any(segment.end - segment.begin != first.end - first.begin for segment in others):
            return False
        return all(
            all(a == b for a, b in zip(self._pieces(first), self._pieces(other), strict=True)) for other in others
        )

    def _pieces(self, segment: Segment) -> Iterator[bytes]:
        """The bytes of a segment in pieces of fixed size, without its last newline."""
        file = self._files[segment.source]
        for position in range(segment.begin, segment.end - 1, COPY_BYTES):
            file.seek(position)
            yield _read_whole(file, min(COPY_BYTES, segment.end - 1 - position))


def _read_whole(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _clusters(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Yield groups of segments, in order of seq, that share no seq with another group."""
    cluster: list[Segment] = []
    last = -1
    for segment in segments:
        if cluster and segment.first_seq > last:
            yield cluster
            cluster = []
        cluster.append(segment)
        last = max(last, segment.last_seq) if len(cluster) > 1 else segment.last_seq
    if cluster:
        yield cluster
