"""Read a log: all events, from a position, of one stream, or one event; damage comes as `Finding` values.

Reading never changes a file and never stops at the first bad line.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from .codec import Envelope, EventDecodeError, EventDecoder, line_digest, parse_envelope, session_events
from .events import Event, UnknownEvent
from .files.liveness import is_being_written
from .format import LINE_BYTES_MAX
from .scan import Batch, Finding, Scanner, first_event
from .sources import LogSource, as_source, live_files, live_stream, pack_files
from .validity import NO_HEAD, line_fault

CHUNK_BYTES = 1 << 20
_HEADER = b'{"v":1,"type":"session.started",'

LogPath = Path | str | LogSource


class Record(NamedTuple):
    """An event and its place in a log."""

    log: str
    position: int
    line: bytes
    """The raw bytes, without the newline."""
    envelope: Envelope

    @property
    def digest(self) -> str:
        """The version of the event: 32 hex digits."""
        return line_digest(self.line)

    def event(self, decoder: EventDecoder = session_events) -> Event | UnknownEvent:
        """Decode the event.

        Raises:
            EventDecodeError: the line is whole, but its fields are not those of its type.
        """
        try:
            return decoder.decode(self.line, self.envelope.type)
        except EventDecodeError as error:
            raise EventDecodeError(f"{self.log}: byte {self.position}: {self.envelope.type}: {error}") from error


def read_batches(
    log: LogPath,
    start: int = 0,
    end: int | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    *,
    strict: bool = False,
    newer: bool = False,
    settle: bool = False,
    whole: bool = False,
) -> Iterator[Batch]:
    """Yield verified lines in batches, from byte `start` to byte `end` or the end of the log; the fast path.

    An unfinished last line comes as a finding `pending`; the `end` of its batch is where it begins.

    Args:
        log: path of a log, `.gz` and members of `.zip` included.
        start: byte offset of the start of a line.
        end: byte offset to stop at, the start of a line.
        chunk_bytes: how much is read at once; the memory needed is a few times this.
        strict: check all fields of every line, see `validity.line_fault`; for what copies or judges lines.
        newer: yield whole lines of a newer format, too, in addition to their findings; for callers that copy lines.
        settle: of a log that is not being written, take the unfinished last line: an event if it is whole, else torn.
        whole: take whole events of the unfinished last line, also of a log that is being written; the `end` of their
            batch is where a newline is missing.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: it cannot be opened.
    """
    source = as_source(log)
    scanner = Scanner(source.name, start, strict=strict, newer=newer)
    left = None if end is None else end - start
    with source.open(start) as stream:
        last = source if settle and end is None else None
        yield from _batches_of(stream, scanner, left, chunk_bytes, settle=last, whole=whole)


def _batches_of(
    stream: IO[bytes],
    scanner: Scanner,
    left: int | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    *,
    settle: LogSource | None = None,
    whole: bool = False,
) -> Iterator[Batch]:
    yield from _lines_of(stream, scanner, left, chunk_bytes)
    rest = scanner.finish()
    if rest is not None and settle is not None and not _is_live(settle):
        # What was written before its writer ended, and after the end of the file was seen.
        yield from _lines_of(stream, scanner, None, chunk_bytes)
        if scanner.finish() is not None:
            yield scanner.settle()
    elif rest is not None:
        yield (_whole_part(scanner.settle()) if whole else None) or Batch([], [], [rest], rest.offset)


def _whole_part(batch: Batch) -> Batch | None:
    """Return the batch of an unfinished last line up to its last whole event; None if it has none."""
    if not batch.lines:
        return None
    end = batch.offsets[-1] + len(batch.lines[-1])
    return batch._replace(findings=[finding for finding in batch.findings if finding.offset < end], end=end)


def _lines_of(stream: IO[bytes], scanner: Scanner, left: int | None, chunk_bytes: int) -> Iterator[Batch]:
    while left is None or left > 0:
        try:
            data = stream.read(chunk_bytes if left is None else min(chunk_bytes, left))
        except OSError as error:
            finding = Finding(scanner.log, scanner.end, 0, "damaged", f"cannot read on: {error}")
            yield Batch([], [], [finding], scanner.end)
            break
        if not data:
            break
        if left is not None:
            left -= len(data)
        yield scanner.feed(data)


def _is_live(source: LogSource) -> bool:
    return source.on_disk and not source.compressed and is_being_written(source.path)


def read_records(
    log: LogPath, *, start: int = 0, stream: str | None = None, with_parts: bool = True, newer: bool = False
) -> Iterator[Record | Finding]:
    """Yield every event of a log: first those of its packs, then its own in order of position, then those of its live
    files, and findings between them.

    An event that is in a live file and in the log (it was collected meanwhile, or collecting was interrupted) is
    yielded once; one that is in a pack and in the log (a pack was interrupted) twice.

    Args:
        log: path of a log.
        start: byte offset of the start of a line in the log; live files are always read whole, packs only from 0.
        stream: yield only events of this stream; findings of the whole log are yielded all the same.
        with_parts: read live files and packs too.
        newer: yield whole lines of a newer format, too, in addition to their findings; for callers that copy lines.

    Raises:
        FileNotFoundError: neither the log nor a pack or live file of it exists.
        LogUnavailableError: it cannot be opened.
    """
    source = as_source(log)
    packs = pack_files(source) if with_parts and not start else []

    def wanted(item: Record | Finding) -> bool:
        return isinstance(item, Finding) or stream is None or item.envelope.stream == stream

    with ExitStack() as stack:
        # Opened before the log is read: a session that is collected meanwhile is in one of the two, or in both.
        live = _opened_live_files(source, stack) if with_parts else []
        live_streams = {live_stream(path) for path, _ in live}
        seen: set[tuple[str, int, str]] = set()
        yield from filter(wanted, chain.from_iterable(_with_parts_records(pack, newer=newer) for pack in packs))
        if source.compressed or source.exists() or not (live or packs):
            for item in filter(wanted, _records_of(source, start, newer=newer)):
                if isinstance(item, Record) and item.envelope.stream in live_streams:
                    seen.add(_key(item))
                yield item
        for path, opened in live:
            for item in filter(wanted, _records_in(str(path), opened, newer=newer)):
                if isinstance(item, Finding) or _key(item) not in seen:
                    yield item


def _opened_live_files(source: LogSource, stack: ExitStack) -> list[tuple[Path, IO[bytes]]]:
    opened: list[tuple[Path, IO[bytes]]] = []
    for path in live_files(source):
        try:
            opened.append((path, stack.enter_context(LogSource(path).open())))
        except FileNotFoundError:
            continue  # collected between our look and now; it is in the log, which is read after this
    return opened


def _key(record: Record) -> tuple[str, int, str]:
    return record.envelope.stream, record.envelope.seq, record.digest


def event_at(log: LogPath, position: int) -> Record:
    """Return the event whose line starts at byte `position`.

    Raises:
        LookupError: no whole event starts there.
        FileNotFoundError: there is no such log.
    """
    source = as_source(log)
    with source.open(position) as stream:
        data = b""
        while b"\n" not in data and len(data) <= LINE_BYTES_MAX:
            chunk = stream.read(16 * 1024)
            if not chunk:
                break
            data += chunk
    line = first_event(data.partition(b"\n")[0])
    envelope = parse_envelope(line) if line is not None and not line_fault(line) else None
    if line is None or envelope is None:
        raise LookupError(f"{source.name}: no event starts at byte {position}")
    return Record(source.name, position, line, envelope)


def after_line(log: LogPath, end: int) -> int:
    """Return where the next line starts behind one that ends at byte `end`: behind its newline, if it got one later.

    Args:
        log: path of a log.
        end: the `end` of a batch, which is behind a newline, or where one was missing.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: it cannot be opened.
    """
    if not end:
        return 0
    with as_source(log).open(end - 1) as stream:
        around = stream.read(2)
    return end + 1 if around[1:] == b"\n" and around[:1] != b"\n" else end


def line_start_after(log: LogPath, near: int) -> int | None:
    """Return the byte offset of the first line that starts behind `near`; None if none does within a megabyte.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: it cannot be opened.
    """
    with as_source(log).open(near) as stream:
        cut = (stream.read(CHUNK_BYTES) or b"").find(b"\n")
    return near + cut + 1 if cut >= 0 else None


def session_start(log: LogPath, count: int = 1) -> int:
    """Return the byte offset of the header of the newest session in a log, or of the `count`-th newest.

    A plain file is searched from its end, so that a large log costs no more than its last sessions; a compressed one is
    read from its start. Returns 0 if there are fewer sessions, and the size of the log for a `count` of 0.

    Raises:
        FileNotFoundError: there is no such log.
        LogUnavailableError: it cannot be opened.
    """
    source = as_source(log)
    if source.compressed:
        found = [
            offset
            for batch in read_batches(source)
            for offset, line in zip(batch.offsets, batch.lines, strict=True)
            if line.startswith(_HEADER)
        ]
        return found[-count] if 0 < count <= len(found) else 0
    with source.open() as stream:
        end = stream.seek(0, os.SEEK_END)
        return _search_back(stream, end, count) if count else end


def _search_back(stream: IO[bytes], end: int, count: int) -> int:
    left = count
    overlap = b""
    while end > 0:
        start = max(end - CHUNK_BYTES, 0)
        stream.seek(start)
        data = stream.read(end - start) + overlap
        at = len(data)
        while (at := data.rfind(_HEADER, 0, at)) >= 0:
            if start + at == 0 or (at > 0 and data[at - 1 : at] == b"\n"):
                left -= 1
                if not left:
                    return start + at
        # The header's first bytes, or the newline before them, may lie in the chunk before.
        overlap = data[: len(_HEADER)]
        end = start
    return 0


def records_in(name: str, batch: Batch) -> Iterator[Record | Finding]:
    """Yield the events and findings of a batch in order of position."""
    findings = iter(batch.findings)
    finding = next(findings, None)
    for position, line in zip(batch.offsets, batch.lines, strict=True):
        while finding is not None and finding.offset < position:
            yield finding
            finding = next(findings, None)
        envelope = parse_envelope(line)
        if envelope is None:
            yield Finding(name, position, len(line), "malformed", NO_HEAD)
        else:
            yield Record(name, position, line, envelope)
    if finding is not None:
        yield finding
    yield from findings


def _records_in(name: str, stream: IO[bytes], *, newer: bool) -> Iterator[Record | Finding]:
    for batch in _batches_of(stream, Scanner(name, strict=True, newer=newer), settle=LogSource(Path(name))):
        yield from records_in(name, batch)


def _records_of(source: LogSource, start: int, *, newer: bool) -> Iterator[Record | Finding]:
    for batch in read_batches(source, start, strict=True, settle=True, newer=newer):
        yield from records_in(source.name, batch)


def _with_parts_records(path: Path, *, newer: bool) -> Iterator[Record | Finding]:
    try:
        yield from _records_of(LogSource(path), 0, newer=newer)
    except FileNotFoundError:
        return  # brought back into the log between our look and now
