"""Sessions of a team from the tables, under the names that they are shown by."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, collate, func, literal, or_, select

from ...eventlog.times import from_datetime, to_datetime
from ...projections.clock import latest_start_us
from ...projections.parts import SessionPart
from ...projections.readmodel import UnknownSessionError
from ...projections.readmodel.matching import NEWEST_WORDS, check_one_commit, choose_session, like_pattern
from ...projections.session_row import Notable, SessionRow
from ...projections.whole import label_of
from ..database.view_tables import NOTABLE_COLUMNS, packed, session
from .storable import storable_text

_STREAM: Final = func.replace(func.cast(session.c.stream, session.c.label.type), "-", "")
_decode_state = msgspec.msgpack.Decoder(SessionPart).decode
_decode_verdicts = msgspec.json.Decoder(dict[str, int]).decode


class ListedSessions:
    """Sessions of a team.

    Args:
        connection: in the transaction of a question.
        team: id of the team.
    """

    def __init__(self, connection: Connection, team: int) -> None:
        self._connection = connection
        self._mine = session.c.team == team
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
        query = self._query().where(
            or_(
                _begins(session.c.label, prefix),
                _begins(_STREAM, prefix),
                and_(session.c.label == storable_text(label), _begins(_STREAM, digits)),
            )
        )
        return choose_session(prefix, self._rows(query))

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
        wanted = [_uuid(stream) for stream in streams]
        found = {row.stream: row for row in self._rows(self._query().where(session.c.stream.in_(wanted)))}
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
        own = (session.c.id, session.c.stream, session.c.label, session.c.session_id, session.c.missing)
        more = (packed.c.state, packed.c.verdicts, *(packed.c[name] for name in NOTABLE_COLUMNS))
        query = select(*own, *more).join(packed, packed.c.session == session.c.id).where(self._mine)
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
        return [self._session_row(row) for row in self._connection.execute(query)]

    def _session_row(self, row: Row[Any]) -> SessionRow:
        number, stream, label, name, missing, state, verdicts, *notable = tuple(row)
        part = _decode_state(state)
        self.numbers[stream.hex] = number
        shown = label_of(part) or ""
        if name is not None:
            shown += name[len(label) :]  # sessions of one label are told apart by `~digits`
        return SessionRow.of(stream.hex, shown, part, _decode_verdicts(verdicts), missing, Notable(*notable))


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
    query = select(session.c.id, session.c.stream).where(session.c.team == team, session.c.id.in_(list(sessions)))
    return {row.id: row.stream for row in connection.execute(query)}
