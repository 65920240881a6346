"""Events of the log by their positions, which the read model stores in place of captured output and tracebacks."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from ...eventlog.events import TestFinished
from ...eventlog.reader import CHUNK_BYTES, Record, event_at, read_batches, records_in
from ...eventlog.sources import LogSource
from ..session_row import SessionRow
from .connection import ModelConnection
from .log_files import SOURCE_SHIFT, LogFiles

_NEAR_BYTES = 16 << 10
"""Bytes that are read behind the last position of a group, so that its line is complete at the first attempt."""
_FAR_BYTES = 32 << 10
"""Distance of two positions, in bytes, from which a second read costs less than reading what lies between."""
_READ_MAX = 1 << 20


class LogLookup:
    """Reads events of a log by their positions.

    Args:
        connection: the read model, which knows the files behind the positions.
        log: the log.
        catch_up: brings the read model up to date; called when the file of a position has moved into the log.
    """

    def __init__(self, connection: ModelConnection, log: LogSource, catch_up: Callable[[], object]) -> None:
        self._connection = connection
        self._log = log
        self._catch_up = catch_up

    def read_record(self, position: int) -> Record:
        """Return the event at a position.

        Raises:
            LookupError: no event starts at the position any more.
        """
        source, offset = self._locate(position)
        return event_at(source, offset)

    def read_records(self, row: SessionRow, start: int = -1) -> Iterator[Record]:
        """Yield the events of a session in the order of its log, without reading what comes before and after them.

        Args:
            row: the session.
            start: position of the first event that is wanted; negative for all events.
        """
        first, offset = self._locate(max(row.part.header_at, 0) if start < 0 else start)
        left = row.part.events
        others = [(source, 0) for _, source in self._files.present() if source.name != first.name]
        chunk = CHUNK_BYTES if start < 0 else _NEAR_BYTES
        for source, begin in [(first, offset), *others]:
            for record in _read_records(source, begin, chunk):
                if left <= 0:
                    return
                if record.envelope.stream == row.stream:
                    left -= 1
                    yield record

    def read_lines(self, positions: Sequence[int]) -> list[bytes]:
        """Return the lines at some positions, in the order of the positions; near positions are read together.

        Raises:
            LookupError: no event starts at one of the positions any more.
        """
        found: dict[int, bytes] = {}
        for group in group_positions(sorted(set(positions))):
            found.update(self._read_group(group))
        missing = next((position for position in positions if position not in found), None)
        if missing is not None:
            raise LookupError(f"{self._log.name}: no event starts at position {missing}")
        return [found[position] for position in positions]

    def _read_group(self, group: list[int]) -> dict[int, bytes]:
        """Return the lines at sorted positions of one file, by position; those without a line are left out."""
        source, first = self._locate(group[0])
        base = group[0] - first
        wanted, last = {position - base for position in group}, group[-1] - base
        found: dict[int, bytes] = {}
        for batch in read_batches(source, first, chunk_bytes=min(last - first + _NEAR_BYTES, _READ_MAX), whole=True):
            for offset, line in zip(batch.offsets, batch.lines, strict=True):
                if offset in wanted:
                    found[base + offset] = line
            if batch.end > last:
                break
        return found

    def read_finished(self, positions: Sequence[int]) -> list[TestFinished]:
        """Return the `test.finished` events at some positions, in the order of the positions.

        Raises:
            LookupError: no event starts at one of the positions any more.
            msgspec.DecodeError: the event at one of the positions is no `test.finished`.
        """
        decode = msgspec.json.Decoder(TestFinished).decode
        return [decode(line) for line in self.read_lines(positions)]

    @property
    def _files(self) -> LogFiles:
        return LogFiles(self._connection.db, self._log)

    def _locate(self, position: int) -> tuple[LogSource, int]:
        """Return the file and the byte offset of a position; a session may have moved into the log meanwhile."""
        try:
            return self._files.locate(position)
        except LookupError:
            self._catch_up()
            return self._files.locate(position)


def group_positions(positions: Sequence[int]) -> Iterator[list[int]]:
    """Yield sorted positions in groups that one read covers: of one file, and near to each other."""
    group: list[int] = []
    for position in positions:
        if group and (position - group[-1] > _FAR_BYTES or position >> SOURCE_SHIFT != group[0] >> SOURCE_SHIFT):
            yield group
            group = []
        group.append(position)
    if group:
        yield group


def _read_records(source: LogSource, start: int, chunk_bytes: int) -> Iterator[Record]:
    """Yield the events of a file from a byte offset on; findings are left out."""
    for batch in read_batches(source, start, chunk_bytes=chunk_bytes, whole=True):
        for item in records_in(source.name, batch):
            if isinstance(item, Record):
                yield item
