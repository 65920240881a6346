"""A bucket or a shared folder as the other side of `insight sync`, in place of a collector.

Nothing runs there, so every client lists the objects, and decides by their names what either side lacks.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from ....eventlog.reader import Record, read_records
from ...ingest.parsing import PURGED_KIND, IncomingLine, ParsedBody, parse_body, split_runs
from ..addresses import Address
from ..requests import HeldStream, HeldStreams, KeptConflict, OtherEpochError, Page, PushAnswer, RemoteError
from .contents import BucketContents, write_keeping
from .known import KnownObjects
from .names import SegmentName
from .objects import ObjectStorage

POLL_S = 5.0
"""Seconds between two looks at a bucket that is followed."""


class Bucket:
    """A bucket, with the methods of a `Collector`.

    Args:
        url: of the bucket.
        log: the log that is brought to the same events.
        place: file of what is known of the objects.
        since: time, in ISO 8601, before which sessions are left out; empty for all.
        may_write: events are sent, and what was purged or is too old is removed.

    Raises:
        RemoteAddressError: the URL cannot be used.
    """

    lists_all = True

    def __init__(self, url: str, log: Path, place: Path, since: str = "", *, may_write: bool = False) -> None:
        self.address = Address(url, "")
        self.since = since
        self._log = log
        self._objects = ObjectStorage(url)
        self._known = KnownObjects(place)
        self._may_write = may_write
        self._found: BucketContents | None = None
        self._given: set[str] = set()
        self._pages = 0

    def _contents(self) -> BucketContents:
        if self._found is None:
            self._found = BucketContents(self._objects, self._known, may_write=self._may_write)
        return self._found

    @property
    def kept_for(self) -> timedelta | None:
        """Age of the oldest sessions that are kept; None for all."""
        days = self._contents().keeping.days
        return timedelta(days=days) if days else None

    def have(self, streams: dict[str, tuple[int, str]], known: str = "") -> HeldStreams:
        """Return how much of each stream is stored; all that is there is known, so that no cursor is needed."""
        del known
        contents, found = self._contents(), dict[str, HeldStream]()
        for stream in streams:
            if stream in contents.buried.streams:
                found[stream] = HeldStream(0, state="purged")
            elif stream in contents.coverage:
                found[stream] = HeldStream(contents.coverage.next_of(stream))
        return HeldStreams(found, self._known.id)

    def push(self, lines: bytes) -> PushAnswer:
        """Store lines as objects, and return after the store has them."""
        parsed = parse_body([lines])
        answer = PushAnswer(0, parsed.repeated, findings_total=parsed.findings_total)
        answer.findings = [{"reason": each.reason, "detail": each.detail} for each in parsed.findings]
        for stream, found in _tombstones_first(parsed):
            answer.accepted += self._write(stream, found)
            if any(line.kind == PURGED_KIND for line in found):
                answer.accepted += self._write_replacements()
        self._contents().drop_damaged()
        return answer

    def _write(self, stream: str, lines: Iterable[IncomingLine]) -> int:
        """Write the lines of a stream that no tombstone names, and return their number."""
        contents, written = self._contents(), 0
        for run in split_runs([line for line in lines if not contents.buried.has(stream, line.digest.decode())]):
            name = contents.write(stream, run[0].seq, [line.line for line in run])
            self._known.add_fetched([name.key])
            written += name.events
        return written

    def _write_replacements(self) -> int:
        """Write what our log has in place of purged events, and return the number of events."""
        contents, found = self._contents(), dict[str, list[bytes]]()
        gaps = {(stream, seq) for stream, seq, _ in contents.buried.lines}
        if not gaps:
            return 0
        for item in read_records(self._log, newer=True):
            if isinstance(item, Record) and (item.envelope.stream, item.envelope.seq) in gaps:
                covering = contents.coverage.with_seq(item.envelope.stream, [item.envelope.seq])
                if not covering and not contents.buried.has(item.envelope.stream, item.digest):
                    found.setdefault(item.envelope.stream, []).append(item.line)
        parsed = parse_body([b"".join(line + b"\n" for lines in found.values() for line in lines)])
        return sum(self._write(stream.hex, lines) for stream, lines in parsed.streams.items())

    def pull(self, cursor: str, lines: int) -> Page:
        """Return about so many events of objects that the log has not been filled from."""
        contents = self._contents()
        if not cursor:
            self._known.begin()
            self._given = set()
        elif cursor.partition(":")[0] != self._known.id:
            raise OtherEpochError(self.address.url, "what was known of its objects is lost", "begin again")
        wanted = sorted(name for name in (*contents.coverage, *contents.suspects) if self._is_wanted(name))
        part = list(_first_names(wanted, lines))
        data, findings, keys = bytearray(), list[str](), list[str]()
        for name, found in zip(part, contents.read_all(part), strict=True):
            if isinstance(found, str):
                findings.append(f"{self.address.url}/{name.key}: {found}; a client that has its events writes it again")
                continue
            keys.append(name.key)
            data += b"".join(line + b"\n" for line in contents.clean(name, found))
        self._given.update(name.key for name in part)
        self._pages += 1
        keep = partial(self._known.add_fetched, keys)
        return Page(
            bytes(data),
            f"{self._known.id}:{self._pages}",
            more=len(part) < len(wanted),
            findings=findings,
            keep=keep,
        )

    def _is_wanted(self, name: SegmentName) -> bool:
        oldest = self.since[:10].replace("-", "/")
        is_known = name.key in self._known.fetched or name.key in self._given
        return not is_known and (not name.day or name.day >= oldest)

    def follow(self, cursor: str) -> Iterator[bytes]:  # noqa: ARG002 - as `Collector.follow`
        """Wait for the next look: a bucket tells nothing by itself."""
        time.sleep(POLL_S)
        self._found = None
        yield b""

    def conflicts(self, limit: int) -> tuple[list[KeptConflict], int]:
        """Refuse: a bucket has both events of an identity, and nothing that lists them.

        Raises:
            RemoteError: always.
        """
        reason = f"a bucket keeps no list of conflicts, of which {limit} are asked for"
        raise RemoteError(self.address.url, reason, "insight sync names those of a log")

    def keep(self, days: int) -> None:
        """Set for how many days sessions are kept; 0 for ever."""
        write_keeping(self._objects, days)
        self._found = None

    def close(self) -> None:
        """Do nothing: the library closes its connections."""


def _tombstones_first(parsed: ParsedBody) -> list[tuple[str, list[IncomingLine]]]:
    streams = [(stream.hex, lines) for stream, lines in parsed.streams.items()]
    return sorted(streams, key=lambda each: (not any(line.kind == PURGED_KIND for line in each[1]), each[0]))


def _first_names(names: Iterable[SegmentName], lines: int) -> Iterator[SegmentName]:
    """Yield names until their objects have so many events; at least one."""
    for name in names:
        yield name
        lines -= name.events
        if lines <= 0:
            return
