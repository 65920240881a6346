"""The events of a stream that the objects of a bucket have, by their names alone: pure."""

from collections.abc import Iterable, Iterator

from .names import SegmentName


class Coverage:
    """Segments by stream.

    Args:
        names: of objects.
    """

    def __init__(self, names: Iterable[SegmentName] = ()) -> None:
        self._streams: dict[str, set[SegmentName]] = {}
        for name in names:
            self.add(name)

    def add(self, name: SegmentName) -> None:
        """Add an object."""
        self._streams.setdefault(name.stream, set()).add(name)

    def remove(self, name: SegmentName) -> None:
        """Remove an object."""
        found = self._streams.get(name.stream, set())
        found.discard(name)
        if not found:
            self._streams.pop(name.stream, None)

    def segments(self, stream: str) -> list[SegmentName]:
        """Return the objects of a stream, in order of their first event."""
        return sorted(self._streams.get(stream, ()), key=lambda name: (name.first, name.events, name.digest))

    def next_of(self, stream: str) -> int:
        """Return the lowest seq of a stream that no object has."""
        following = 0
        for name in self.segments(stream):
            if name.first > following:
                break
            following = max(following, name.end)
        return following

    def day_of(self, stream: str) -> str:
        """Return the day on which a stream began; empty for one that is not there."""
        return next((name.day for name in self.segments(stream)), "")

    def with_seq(self, stream: str, seqs: Iterable[int]) -> list[SegmentName]:
        """Return the objects of a stream that have one of some events."""
        wanted = sorted(seqs)
        return [name for name in self.segments(stream) if any(name.first <= seq < name.end for seq in wanted)]

    def __contains__(self, stream: object) -> bool:
        return stream in self._streams

    def __iter__(self) -> Iterator[SegmentName]:
        return (name for names in self._streams.values() for name in names)
