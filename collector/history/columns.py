"""Attempts of sessions in columns, read ahead: a question asks for one session after the other."""

from array import array
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ARRAY, Connection, Integer, any_, literal, select

from ...eventlog.times import to_datetime
from ...projections.parts import Rows, SessionPart
from ...projections.readmodel import Attempted
from ..database.view_tables import PACKED_COLUMNS, packed, result
from .listing import ListedSessions
from .names import TeamNames
from .positions import first_position

_BLOCK: Final = 64
"""Sessions that are read together."""
_BLOCKS_KEPT: Final = 3
_RUNNING: Final = -1
"""Sequence number of a test in the table of results that has no result."""


class _TestAttempts(NamedTuple):
    """Attempts of one test, by session."""

    node: int
    since_us: int | None
    """Only of sessions that started then or later; None for all."""
    rows: dict[int, Rows]


class SessionColumns:
    """Columns of the sessions of a team.

    Args:
        connection: in the transaction of a question.
        team: id of the team.
        listed: knows the numbers of sessions, and which may be asked for next.
    """

    def __init__(self, connection: Connection, team: int, listed: ListedSessions) -> None:
        self._connection = connection
        self._team = team
        self._listed = listed
        self._blocks: dict[int, dict[int, Rows]] = {}
        self._places: dict[str, int] = {}
        self._order: list[str] = []
        self._of_test: _TestAttempts | None = None

    def read(self, stream: str) -> Rows:
        """Return the attempts of a session, in the order of its log; empty ones for an unknown stream."""
        kept = self._listed.read.get(stream)
        if kept is not None and kept.rows is not None:
            return kept.rows
        number = self._listed.number_of(stream)
        if number is None:
            return Rows()
        block = self._place_of(stream) // _BLOCK
        if block not in self._blocks:
            self._blocks[block] = self._read_block(self._order[block * _BLOCK : (block + 1) * _BLOCK])
            while len(self._blocks) > _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
        return self._blocks[block].get(number, Rows())

    def read_test(self, stream: str, node: int | None) -> Rows:
        """Return the attempts of one test in a session; those of all sessions are read at once."""
        number = self._listed.number_of(stream)
        if number is None or node is None:
            return Rows()
        kept = self._of_test
        if kept is not None and kept.node == node and number in kept.rows:
            return kept.rows[number]
        return self._read_test(node, None).get(number, Rows())

    def sessions_with(self, node: int, since_us: int | None) -> list[int]:
        """Return the numbers of all sessions that have an attempt of a test, also one that was cut.

        Args:
            node: number of the test.
            since_us: attempts of sessions that started before are not read, now and later; None for all.
        """
        return list(self._read_test(node, since_us))

    def list_attempts(self, stream: str, names: TeamNames) -> list[Attempted]:
        """Return the attempts of a session in the order of its log; none for an unknown stream."""
        rows = self.read(stream)
        if not len(rows):
            return []
        query = select(packed.c.state).where(packed.c.session == self._listed.number_of(stream))
        state = self._connection.execute(query.where(packed.c.team == self._team)).scalar_one()
        workers = msgspec.msgpack.decode(state, type=SessionPart).workers
        texts = names.all_names()
        columns = zip(
            array("I", rows.nodes),
            rows.outcomes,
            array("q", rows.durations),
            array("q", rows.positions),
            rows.attempts,
            rows.workers or bytes(len(rows)),
            strict=True,
        )
        return [
            Attempted(texts[node], code, duration, position, attempt, workers[worker])
            for node, code, duration, position, attempt, worker in columns
        ]

    def _place_of(self, stream: str) -> int:
        """Return the place of a session among those that were listed; blocks keep their places when more are."""
        if stream not in self._places:
            new = [name for name in self._listed.numbers if name not in self._places]
            self._places |= {name: place for place, name in enumerate(new, len(self._order))}
            self._order += new
            self._blocks.pop((len(self._order) - len(new)) // _BLOCK, None)  # it was not full before
        return self._places[stream]

    def _read_block(self, streams: list[str]) -> dict[int, Rows]:
        """Return the attempts of those of some sessions that were not read before."""
        read = self._listed.read
        new = (stream for stream in streams if stream not in read or read[stream].rows is None)
        numbers = [self._listed.numbers[stream] for stream in new]
        columns = (packed.c.session, *(packed.c[name] for name in PACKED_COLUMNS))
        query = select(*columns).where(
            packed.c.team == self._team, packed.c.session == any_(literal(numbers, ARRAY(Integer)))
        )
        rows = {row[0]: Rows(*row[1:]) for row in self._connection.execute(query)}
        for number, found in rows.items():
            if number in self._listed.read_by_number:
                self._listed.read_by_number[number].rows = found
        return rows

    def _read_test(self, node: int, since_us: int | None) -> dict[int, Rows]:
        """Return the attempts of one test by session; those without a result are left out of the rows.

        There is one query for this table alone: with a second one the database expects far fewer rows than there are,
        as it cannot tell how many the condition on the team lets through.
        """
        kept = self._of_test
        if kept is None or kept.node != node or kept.since_us not in (None, since_us):
            columns = (result.c.session, result.c.outcome, result.c.duration_us, result.c.seq, result.c.attempt)
            query = select(*columns, result.c.worker).where(result.c.team == self._team, result.c.node == node)
            if since_us is not None:
                query = query.where(result.c.at >= to_datetime(since_us))
            found = self._connection.execute(query.order_by(result.c.session, result.c.seq)).all()
            by_session = groupby(found, key=lambda row: row.session)
            rows = {number: _rows_of(node, first_position(number), found) for number, found in by_session}
            kept = self._of_test = _TestAttempts(node, since_us, rows)
        return kept.rows


def _rows_of(node: int, base: int, found: Iterable[Any]) -> Rows:
    """Return rows of the table of results as columns."""
    rows = [row for row in found if row.seq != _RUNNING]
    return Rows(
        array("I", [node] * len(rows)).tobytes(),
        bytes(row.outcome for row in rows),
        array("q", [row.duration_us for row in rows]).tobytes(),
        array("q", [base + row.seq for row in rows]).tobytes(),
        bytes(row.attempt for row in rows),
        bytes(row.worker for row in rows),
    )
