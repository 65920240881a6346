"""Contents of a bucket: its objects by stream, without purged events and sessions that are too old."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from ....eventlog.codec import line_digest
from ....eventlog.maintenance.burying import BuriedEvents
from ...ingest.parsing import split_runs
from .coverage import Coverage
from .known import KnownObjects
from .names import KEEPING_KEY, ROOT, SegmentName, day_of, name_segment, parse_key
from .objects import ObjectStorage
from .segments import DamagedObjectError, pack_lines, unpack_lines

_READERS = 8
"""Objects that are read at once."""
_PURGED = b'{"v":1,"type":"events.purged"'


class Keeping(msgspec.Struct):
    """How long sessions are kept in a bucket; an object of its own."""

    days: int = 0
    """Days after which a session is removed; 0 for ever."""


class NumberedLine(NamedTuple):
    """A line of a stream with its place there."""

    seq: int
    line: bytes


class BucketContents:
    """The objects of a bucket, listed once.

    Args:
        objects: the store.
        known: what earlier runs found out about them.
        may_write: remove from the objects what tombstones name, and old sessions; else only leave them out.

    Attributes:
        coverage: the objects that count.
        suspects: objects that were damaged when they were read last.
        buried: events that tombstones name.
        keeping: how long sessions are kept.
    """

    def __init__(self, objects: ObjectStorage, known: KnownObjects, *, may_write: bool) -> None:
        self._objects = objects
        self._may_write = may_write
        self._known = known
        self.buried = BuriedEvents()
        self.keeping = Keeping()
        keys = {entry.key for entry in objects.list(ROOT) if entry.size}
        self.coverage = Coverage(filter(None, map(parse_key, keys - known.damaged)))
        self.suspects = list(filter(None, map(parse_key, sorted(keys & known.damaged))))
        if KEEPING_KEY in keys:
            self.keeping = read_keeping(objects)
        tombstones = sorted(name for name in self.coverage if not name.day)
        for name, lines in zip(tombstones, self.read_all(tombstones), strict=True):
            if not isinstance(lines, str):
                self.apply_tombstones(name, lines)
        self._drop_expired()

    # -------------------------------------------------------------- reading and writing

    def read_all(self, names: Sequence[SegmentName]) -> list[list[bytes] | str]:
        """Return the lines of each object, or a text with the reason if it is damaged or gone.

        A damaged object counts as missing from then on, so that a client that has its events writes them again.
        """
        if not names:
            return []
        with ThreadPoolExecutor(_READERS) as readers:
            bodies = readers.map(self._objects.read, [name.key for name in names])
            return [self._unpack(name, body) for name, body in zip(names, bodies, strict=True)]

    def _unpack(self, name: SegmentName, body: bytes | None) -> list[bytes] | str:
        if body is None:
            self.coverage.remove(name)
            return "it was removed meanwhile"
        try:
            return unpack_lines(body, name)
        except DamagedObjectError as error:
            self.coverage.remove(name)
            self._known.add_damaged(name.key)
            return f"damaged: {error}"

    def write(self, stream: str, first: int, lines: Sequence[bytes]) -> SegmentName:
        """Write lines, whose seqs follow each other, as an object, and return its name."""
        has_tombstone = any(line.startswith(_PURGED) for line in lines)
        day = "" if has_tombstone else self.coverage.day_of(stream) or day_of(lines[0])
        name = name_segment(lines, stream, first, day)
        self._objects.write(name.key, pack_lines(lines))
        self.coverage.add(name)
        if has_tombstone:
            self.apply_tombstones(name, lines)
        return name

    def drop_damaged(self) -> None:
        """Delete the damaged objects whose events other objects have."""
        for key in sorted(self._known.damaged):
            name = parse_key(key)
            if name is None or self.coverage.next_of(name.stream) >= name.end:
                self._objects.delete(key)
                self._known.drop_damaged(key)

    # -------------------------------------------------------------- purged events

    def clean(self, name: SegmentName, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Return the lines of an object that no tombstone names. An object with others is replaced."""
        numbered = [NumberedLine(seq, line) for seq, line in enumerate(lines, name.first)]
        kept = [each for each in numbered if not self.buried.has(name.stream, line_digest(each.line))]
        if len(kept) < len(lines) and self._may_write:
            for run in split_runs(kept):
                self.write(name.stream, run[0].seq, [each.line for each in run])
            # Written before this one is deleted: a process that is killed here leaves both, and the next run goes on.
            self._delete(name)
        return [each.line for each in kept]

    def apply_tombstones(self, name: SegmentName, lines: Iterable[bytes]) -> None:
        """Take out of the bucket what the tombstones of an object name."""
        new = BuriedEvents()
        for line in lines:
            if line.startswith(_PURGED):
                new.add_line(line)
                self.buried.add_line(line)
        if name.key in self._known.buried or not self._may_write:
            return
        for each in [each for stream in sorted(new.streams) for each in self.coverage.segments(stream)]:
            self._delete(each)
        seqs: dict[str, set[int]] = {}
        for stream, seq, _ in new.lines:
            seqs.setdefault(stream, set()).add(seq)
        touched = [each for stream in sorted(seqs) for each in self.coverage.with_seq(stream, seqs[stream])]
        for each, found in zip(touched, self.read_all(touched), strict=True):
            if not isinstance(found, str):
                self.clean(each, found)
        self._known.add_buried(name.key)

    # -------------------------------------------------------------- old sessions

    def _drop_expired(self) -> None:
        if not self.keeping.days:
            return
        oldest = f"{datetime.now(UTC) - timedelta(days=self.keeping.days):%Y/%m/%d}"
        for name in sorted(name for name in self.coverage if name.day and name.day < oldest):
            self._delete(name)

    def _delete(self, name: SegmentName) -> None:
        if self._may_write:
            self._objects.delete(name.key)
        self.coverage.remove(name)


def read_keeping(objects: ObjectStorage) -> Keeping:
    """Return how long sessions are kept; for ever if nothing usable says it."""
    data = objects.read(KEEPING_KEY)
    try:
        return msgspec.json.decode(data, type=Keeping) if data else Keeping()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Keeping()


def write_keeping(objects: ObjectStorage, days: int) -> None:
    """Set how long sessions are kept."""
    objects.write(KEEPING_KEY, msgspec.json.encode(Keeping(days)))
