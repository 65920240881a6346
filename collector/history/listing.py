"""Sessions of a team from the tables, under the names that they are shown by."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import md5
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Uuid,
    and_,
    any_,
    collate,
    func,
    literal,
    or_,
    select,
)

from ...eventlog.times import from_datetime, to_datetime
from ...projections.clock import latest_start_us
from ...projections.parts import SessionPart
from ...projections.readmodel import UnknownSessionError
from ...projections.readmodel.matching import NEWEST_WORDS, check_one_commit, choose_session, like_pattern
from ...projections.session_row import Notable, SessionRow
from ...projections.whole import label_of
from ..database.view_tables import NOTABLE_COLUMNS, packed, session
from .kept import KeptSession, KeptSessions
from .storable import storable_text

_STREAM: Final = func.replace(func.cast(session.c.stream, session.c.label.type), "-", "")
_decode_state = msgspec.msgpack.Decoder(SessionPart).decode
_decode_verdicts = msgspec.json.Decoder(dict[str, int]).decode


class _ListedRow(NamedTuple):
    """A session without its packed columns."""

    id: int
    label: str
    session_id: str | None
    missing: int
    digest: bytes | None
    stream: UUID


class ListedSessions:
    """Sessions of a team.

    Args:
        connection: in the transaction of a question.
        team: id of the team.
        kept: sessions that the process has read before.
    """

    def __init__(self, connection: Connection, team: int, kept: KeptSessions) -> None:
        self._connection = connection
        self._team = team
        self._mine = session.c.team == team
        self._kept = kept
        self.read: dict[str, KeptSession] = {}
        """By stream, what was read of the sessions that were returned."""
        self.read_by_number: dict[int, KeptSession] = {}
        self.numbers: dict[str, int] = {}
        """Numbers of all sessions that were returned, by stream, in the order of their first mention."""
        self._last: SessionRow | None = None

    def list_newest(
        self, *, sut: str | None, since_us: int | None, limit: int | None, hidden: bool, after: str = ""
    ) -> list[SessionRow]:
        """Return sessions, the newest first; see `History.sessions`.

        Args:
            sut, since_us, limit, hidden: as there.
            after: stream of the session that the first one of these follows in the order; empty for the newest.

        Raises:
            UnknownSessionError: there is no session `after`.
        """
        query = self._query(hidden=hidden)
        if after:
            query = query.where(self._follows(after))
        if sut is not None:
            query = query.where(session.c.sut == storable_text(sut))
        if since_us is not None:
            query = query.where(session.c.started_at >= to_datetime(since_us))
        return self._rows(_newest_first(query).limit(limit))

    def find_newest(self) -> SessionRow | None:
        """Return the visible session that started last; one that starts in the future only if all do."""
        query = _newest_first(self._query()).limit(1)
        past = query.where(session.c.started_at <= to_datetime(latest_start_us()))
        return next(iter(self._rows(past) or self._rows(query)), None)

    def find_meant(self, prefix: str) -> SessionRow:
        """Return the session that a text means; see `History.find_session`."""
        if prefix in NEWEST_WORDS:
            newest = self.find_newest()
            if newest is None:
                raise UnknownSessionError(prefix)
            return newest
        label, _, digits = prefix.rpartition("~")
        exact = [row for row in self._list_labelled(prefix, label) if prefix in (row.session_id, row.stream)]
        if exact:
            return choose_session(prefix, exact)
        query = self._query().where(
            or_(
                _begins(session.c.label, prefix),
                _begins(_STREAM, prefix),
                and_(session.c.label == storable_text(label), _begins(_STREAM, digits)),
            )
        )
        return choose_session(prefix, self._rows(query))

    def _list_labelled(self, *labels: str) -> list[SessionRow]:
        """Return the visible sessions of some labels, and of a stream if the first one is its whole id."""
        known = [storable_text(label) for label in labels]
        hashes = [md5(label.encode(), usedforsecurity=False).hexdigest() for label in known]
        is_labelled = and_(func.md5(session.c.label).in_(hashes), session.c.label.in_(known))
        return self._rows(self._query().where(or_(is_labelled, session.c.stream == _uuid(labels[0]))))

    def list_of_commit(self, prefix: str) -> list[SessionRow]:
        """Return the visible sessions of a commit, the newest first; see `History.sessions_of_commit`."""
        query = self._query().where(_begins(session.c.commit_id, prefix))
        shown = self._rows(_newest_first(query))
        check_one_commit(prefix, shown)
        return shown

    def find_stream(self, stream: str) -> SessionRow | None:
        """Return the session of a stream, also a hidden one; questions ask for the same one again and again."""
        if self._last is not None and self._last.stream == stream:
            return self._last
        found = self._rows(self._query(hidden=True).where(session.c.stream == literal(_uuid(stream))))
        self._last = found[0] if found else None
        return self._last

    def list_streams(self, streams: Sequence[str]) -> list[SessionRow]:
        """Return the visible sessions of some streams, in the order of the streams."""
        wanted = literal([_uuid(stream) for stream in streams], ARRAY(Uuid))
        found = {row.stream: row for row in self._rows(self._query().where(session.c.stream == any_(wanted)))}
        return [found[stream] for stream in streams if stream in found]

    def list_suts(self) -> list[tuple[str, int, int, int]]:
        """Return `(name, visible sessions, first start, last start)` of each system that has one, by name."""
        started = session.c.started_at
        query = select(session.c.sut, func.count().label("count"), func.min(started), func.max(started))
        rows = self._connection.execute(
            query.where(self._mine, session.c.session_id.is_not(None)).group_by(session.c.sut)
        ).all()
        return sorted((str(sut), int(n), from_datetime(first), from_datetime(last)) for sut, n, first, last in rows)

    def list_sut_names(self) -> list[str]:
        """Return the sorted names of all systems, also of those whose sessions are hidden."""
        return sorted(self._connection.execute(select(session.c.sut).distinct().where(self._mine)).scalars())

    def number_of(self, stream: str) -> int | None:
        """Return the number of the session of a stream."""
        if stream not in self.numbers:
            query = select(session.c.id).where(self._mine, session.c.stream == _uuid(stream))
            found = self._connection.execute(query).scalar()
            if found is None:
                return None
            self.numbers[stream] = found
        return self.numbers[stream]

    def _query(self, *, hidden: bool = False) -> Select[Any]:
        query = select(*(session.c[name] for name in _ListedRow._fields)).where(self._mine)
        return query if hidden else query.where(session.c.session_id.is_not(None))

    def _follows(self, stream: str) -> "ColumnElement[bool]":
        """Return the condition that a session is behind another one in the order of time, which may be hidden."""
        at = select(session.c.started_at).where(self._mine, session.c.stream == _uuid(stream))
        started = self._connection.execute(at).scalar()
        if started is None:
            raise UnknownSessionError(stream)
        same = and_(session.c.started_at == started, session.c.stream > _uuid(stream))
        return or_(session.c.started_at < started, same)

    def _rows(self, query: Select[Any]) -> list[SessionRow]:
        found = [_ListedRow(*row) for row in self._connection.execute(query).all()]
        there = [self._kept.find(row.digest) for row in found]
        new = [row for row, kept in zip(found, there, strict=True) if kept is None]
        read = self._read_packed(new) if new else {}
        pairs = [(row, kept or read.get(row.id)) for row, kept in zip(found, there, strict=True)]
        return [self._show(row, kept) for row, kept in pairs if kept is not None]

    def _show(self, row: _ListedRow, kept: KeptSession) -> SessionRow:
        """Return a session under the name that it is shown by."""
        number, label, name, *_ = row
        shown = kept.label
        if name is not None:
            shown += name[len(label) :]  # sessions of one label are told apart by `~digits`
        if kept.row.session_id != shown:
            kept.row = replace(kept.row, session_id=shown)
        stream = kept.row.stream
        self.numbers[stream] = number
        self.read[stream] = self.read_by_number[number] = kept
        return kept.row

    def _read_packed(self, found: Sequence[_ListedRow]) -> dict[int, KeptSession]:
        """Return what is packed of some sessions, by their numbers, and keep it."""
        rows = {row.id: row for row in found}
        columns = (packed.c.session, packed.c.state, packed.c.verdicts, packed.c.failures)
        query = select(*columns, *(packed.c[name] for name in NOTABLE_COLUMNS)).where(
            packed.c.team == self._team, packed.c.session == any_(literal(list(rows), ARRAY(Integer)))
        )
        read: dict[int, KeptSession] = {}
        for found_row in self._connection.execute(query):
            row, part = rows[found_row.session], _decode_state(found_row.state)
            label, verdicts = label_of(part) or "", _decode_verdicts(found_row.verdicts)
            notable = Notable(*(getattr(found_row, name) for name in NOTABLE_COLUMNS))
            whole = SessionRow.of(row.stream.hex, label, part, verdicts, row.missing, notable)
            read[row.id] = KeptSession(label, whole, found_row.failures)
            self._kept.add(row.digest, read[row.id])
        return read


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(session.c.started_at.desc(), session.c.stream)


def _begins(column: "ColumnElement[str]", text: str) -> "ColumnElement[bool]":
    """Return the condition that a column begins with a text; as in SQLite letters of ASCII are equal in both cases."""
    pattern = like_pattern(storable_text(text))
    return func.lower(collate(column, "C")).like(func.lower(collate(literal(pattern), "C")), escape="\\")


def _uuid(stream: str) -> UUID:
    try:
        return UUID(hex=stream)
    except ValueError:
        return UUID(int=0)  # of no session


def streams_of(connection: Connection, team: int, sessions: Iterable[int]) -> dict[int, UUID]:
    """Return the streams of some sessions, by their numbers."""
    query = select(session.c.id, session.c.stream).where(
        session.c.team == team, session.c.id == any_(literal(list(sessions), ARRAY(Integer)))
    )
    return {row.id: row.stream for row in connection.execute(query)}
