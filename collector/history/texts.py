"""Events by their positions, from the stored segments."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, text, tuple_

from ...eventlog.codec import parse_envelope
from ...eventlog.events import TestFinished
from ...eventlog.format import FORMAT_VERSION
from ...eventlog.reader import Record
from ..bodies.reading import BODY_COLUMNS, read_sound
from ..database.tables import segment
from .listing import ListedSessions, streams_of
from .positions import first_position, seq_at, session_at

_GROUP: Final = 16
"""Segments that are read together; each has 8 MiB of lines at most."""

_KEPT_BYTES: Final = 32 << 20
"""Bytes of lines that are kept while a question is answered."""

_EVENT: Final = b'{"v":%d,' % FORMAT_VERSION
"""Beginning of an event that this release reads."""

_COVERING = text(
    """
    select distinct s.stream, s.first from unnest(cast(:streams as uuid[]), cast(:seqs as int[])) as wanted(stream, seq)
    join segment s on s.team = :team and s.stream = wanted.stream
        and s.first <= wanted.seq and s.first + s.count > wanted.seq
    where s.position is not null order by 1, 2
    """
)
_SegmentKey = tuple[UUID, int]


class SegmentTexts:
    """Events of the sessions of a team.

    Args:
        connection: in the transaction of a question.
        team: id of the team.
        name: what errors call the log.
        listed: knows the lines of failed attempts.
    """

    def __init__(self, connection: Connection, team: int, name: str, listed: ListedSessions) -> None:
        self._connection = connection
        self._team = team
        self._name = name
        self._listed = listed
        self._kept: OrderedDict[_SegmentKey, list[bytes]] = OrderedDict()
        self._kept_bytes = 0
        self._streams: dict[int, UUID] = {}

    def read_lines(self, positions: Sequence[int]) -> list[bytes]:
        """Return the lines at some positions, in the order of the positions.

        Raises:
            LookupError: there is no event at one of them any more.
        """
        at_hand = {position: line for position in positions if (line := self._at_hand(position)) is not None}
        rest = [position for position in positions if position not in at_hand]
        if rest:
            at_hand |= zip(rest, self._read_from_segments(rest), strict=True)
        return [at_hand[position] for position in positions]

    def _at_hand(self, position: int) -> bytes | None:
        """Return the line of a failed attempt of a session that was listed, if it is kept next to it."""
        kept = self._listed.read_by_number.get(session_at(position))
        return None if kept is None else kept.lines().get(seq_at(position))

    def _read_from_segments(self, positions: Sequence[int]) -> list[bytes]:
        wanted: defaultdict[int, set[int]] = defaultdict(set)
        for position in positions:
            wanted[session_at(position)].add(seq_at(position))
        unknown = wanted.keys() - self._streams.keys()
        if unknown:
            self._streams |= streams_of(self._connection, self._team, unknown)
        seqs = {self._streams[number]: found for number, found in wanted.items() if number in self._streams}
        lines: dict[tuple[UUID | None, int], bytes] = {}
        for key in list(self._kept):
            if key[0] in seqs:
                self._kept.move_to_end(key)
                lines |= _lines_in(key, self._kept[key], seqs[key[0]])
        rest = {stream: {seq for seq in found if (stream, seq) not in lines} for stream, found in seqs.items()}
        for key, held in self._read_sound(self._covering(rest)):
            lines |= _lines_in(key, held, rest[key[0]])
        missing = next((position for position in positions if self._key_of(position) not in lines), None)
        if missing is not None:
            raise LookupError(f"{self._name}: no event starts at position {missing}")
        return [lines[self._key_of(position)] for position in positions]

    def read_finished(self, positions: Sequence[int]) -> list[TestFinished]:
        """Return the `test.finished` events at some positions."""
        decode = msgspec.json.Decoder(TestFinished).decode
        return [decode(line) for line in self.read_lines(positions)]

    def read_record(self, position: int) -> Record:
        """Return the event at a position.

        Raises:
            LookupError: there is no event there any more.
        """
        line = self.read_lines([position])[0]
        envelope = parse_envelope(line)
        if envelope is None:
            raise LookupError(f"{self._name}: no event starts at position {position}")
        return Record(self._name, position, line, envelope)

    def read_records(self, stream: str, number: int, start: int) -> Iterator[Record]:
        """Yield the events of a session in the order of its log, from a position on; negative for all."""
        name = UUID(hex=stream)
        query = select(segment.c.first).where(
            segment.c.team == self._team, segment.c.stream == name, segment.c.position.is_not(None)
        )
        from_seq = 0 if start < 0 else seq_at(start)
        firsts = list(self._connection.execute(query.order_by(segment.c.first)).scalars())
        for place, first in enumerate(firsts):
            if place + 1 < len(firsts) and firsts[place + 1] <= from_seq:
                continue
            for _, lines in self._read_sound([(name, first)]):
                for seq, line in enumerate(lines, first):
                    envelope = parse_envelope(line) if seq >= from_seq and line.startswith(_EVENT) else None
                    if envelope is not None:
                        yield Record(self._name, first_position(number) + seq, line, envelope)

    def _key_of(self, position: int) -> tuple[UUID | None, int]:
        return self._streams.get(session_at(position)), seq_at(position)

    def _covering(self, seqs: dict[UUID, set[int]]) -> list[_SegmentKey]:
        """Return the segments that have some events."""
        pairs = [(stream, seq) for stream, found in seqs.items() for seq in found]
        if not pairs:
            return []
        values = {"streams": [pair[0] for pair in pairs], "seqs": [pair[1] for pair in pairs], "team": self._team}
        return [(row.stream, row.first) for row in self._connection.execute(_COVERING, values)]

    def _read_sound(self, keys: Sequence[_SegmentKey]) -> Iterator[tuple[_SegmentKey, list[bytes]]]:
        """Yield the lines of some segments; those that are not kept are read in groups."""
        for start in range(0, len(keys), _GROUP):
            group = keys[start : start + _GROUP]
            kept = {key: self._kept[key] for key in group if key in self._kept}
            missing = [key for key in group if key not in kept]
            yield from kept.items()
            rows = self._query_segments(missing) if missing else ()
            for found in read_sound(self._connection, rows):
                key = found.row.stream, found.row.first
                lines = found.data.split(b"\n")[:-1]
                self._keep(key, lines, found.row.bytes)
                yield key, lines

    def _query_segments(self, keys: Sequence[_SegmentKey]) -> Sequence[Any]:
        wanted = tuple_(segment.c.stream, segment.c.first).in_(keys)
        query = select(*BODY_COLUMNS).where(segment.c.team == self._team, wanted)
        return self._connection.execute(query.order_by(segment.c.stream, segment.c.first)).all()

    def _keep(self, key: _SegmentKey, lines: list[bytes], size: int) -> None:
        self._kept[key] = lines
        self._kept_bytes += size
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._kept_bytes -= sum(map(len, gone)) + len(gone)


def _lines_in(key: _SegmentKey, held: list[bytes], seqs: set[int]) -> dict[_SegmentKey, bytes]:
    """Return those of some lines of a stream that are in a segment, by stream and sequence number."""
    stream, first = key
    return {(stream, seq): held[seq - first] for seq in seqs if first <= seq < first + len(held)}
