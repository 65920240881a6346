"""Rows of the views: replace those of some streams, in the transaction of the caller."""

import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from ...eventlog.times import from_datetime
from ...projections.parts import Nodes
from ..database.row_security import copying_rows
from ..database.view_tables import change, node, packed, session
from ..history.packing import announced_numbers, digest_of_packed, pack_session
from ..history.storable import exact_bytes, node_hash, storable_text
from .folding import FoldedStream, ResultRow

_BATCH: Final = 5_000
_PG_EPOCH_US: Final = 946_684_800_000_000
_COPY: Final = """
    copy result (at, duration_us, team, session, node, seq, outcome, attempt, verdict, runs, worker)
    from stdin (format binary)
"""
_MAKE_COPIED = text("create temporary table copied (like result) on commit drop")
_INSERT_COPIED = text("insert into result select * from copied")
_DROP_COPIED = text("drop table copied")
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_pack = struct.Struct(">h iq iq ii ii ii ii ih ih ih ih ih").pack

_ADD_DAYS = text(
    """
    insert into test_day as old
    select r.team, r.node, s.sut, (r.at at time zone 'UTC')::date, :sign * count(*),
           :sign * count(*) filter (where r.verdict & 63 in (0, 4, 5)),
           :sign * count(*) filter (where r.verdict & 63 in (1, 2, 8)),
           :sign * count(*) filter (where r.verdict & 63 = 3),
           :sign * count(*) filter (where r.verdict >= 64),
           :sign * sum(r.duration_us)
    from result r join session s on s.id = r.session
    where r.session = any(:ids) and r.verdict >= 0
    group by 1, 2, 3, 4
    on conflict (team, node, sut, day) do update set
        runs = old.runs + excluded.runs, passed = old.passed + excluded.passed, failed = old.failed + excluded.failed,
        skipped = old.skipped + excluded.skipped, flaky = old.flaky + excluded.flaky,
        duration_us = old.duration_us + excluded.duration_us
    """
)
_NEW_NUMBERS = text("select nextval(pg_get_serial_sequence('session', 'id')) from generate_series(1, :count)")
_DROP_EMPTY_DAYS = text(
    """
    delete from test_day d using (
        select distinct r.team, r.node, s.sut, (r.at at time zone 'UTC')::date as day
        from result r join session s on s.id = r.session where r.session = any(:ids) and r.verdict >= 0
    ) as gone
    where (d.team, d.node, d.sut, d.day) = (gone.team, gone.node, gone.sut, gone.day) and d.runs = 0
    """
)


def count_days(connection: Connection, sessions: Sequence[int], sign: int) -> None:
    """Add the tests of some sessions to the counts a day, or take them away with the sign -1."""
    if not sessions:
        return
    connection.execute(_ADD_DAYS, {"ids": list(sessions), "sign": sign})
    if sign < 0:
        connection.execute(_DROP_EMPTY_DAYS, {"ids": list(sessions)})


def remove_streams(connection: Connection, team: int, streams: Iterable[UUID]) -> set[str]:
    """Remove all rows of some streams, and return the labels whose other sessions may be shown by another name now."""
    names = list(streams)
    mine = (session.c.team == team) & session.c.stream.in_(names)
    found = list(connection.execute(select(session.c.id, session.c.label, session.c.session_id).where(mine)))
    labels = {row.label for row in found} | _labels_of_targets(connection, team, names)
    if found:
        count_days(connection, [row.id for row in found if row.session_id is not None], -1)
        connection.execute(text("delete from result where session = any(:ids)"), {"ids": [row.id for row in found]})
        connection.execute(delete(session).where(mine))
    connection.execute(delete(change).where(change.c.team == team, change.c.stream.in_(names)))
    return labels


def _labels_of_targets(connection: Connection, team: int, streams: list[UUID]) -> set[str]:
    """Return the labels of the sessions that events of some streams hide or show."""
    targets = select(change.c.target).where(change.c.team == team, change.c.stream.in_(streams))
    return labels_of(connection, team, connection.execute(targets).scalars())


def labels_of(connection: Connection, team: int, targets: Iterable[str]) -> set[str]:
    """Return the labels of the sessions of some streams, given by their ids as text."""
    ids = [UUID(target) for target in set(targets) if _is_id(target)]
    if not ids:
        return set()
    query = select(session.c.label).where(session.c.team == team, session.c.stream.in_(ids))
    return set(connection.execute(query).scalars())


def _is_id(target: str) -> bool:
    try:
        return UUID(target).hex == target
    except ValueError:
        return False


def add_streams(connection: Connection, team: int, found: Sequence[FoldedStream], nodes: Nodes) -> set[str]:
    """Add the rows of some streams, which have none; the sessions are hidden until they are given names.

    Returns:
        The labels concerned.
    """
    changes: list[dict[str, Any]] = [
        {"team": team, "stream": one.stream, "target": target, "at": at, "digest": digest, "what": what}
        for one in found
        for target, at, digest, what in one.changes
    ]
    if changes:
        connection.execute(upsert(change).on_conflict_do_nothing(), changes)
    sessions = [one for one in found if one.session is not None]
    if sessions:
        used = {row.node for one in sessions for row in one.results}
        used |= {number for one in sessions if one.whole for number in announced_numbers(one.whole)}
        ids = _store_nodes(connection, team, nodes, used)
        rows = [pack_session(one.whole, ids, one.failures) for one in sessions if one.whole]
        heads = [
            {"team": team, **one.session, "digest": digest_of_packed(row, one.session["missing"])}
            for one, row in zip(sessions, rows, strict=True)
            if one.session
        ]
        connection.execute(insert(session), heads)
        owned = [row | {"team": team, "session": head["id"]} for row, head in zip(rows, heads, strict=True)]
        connection.execute(insert(packed), owned)
        _copy_results(connection, team, sessions, ids)
    labels = {str(one.session["label"]) for one in sessions if one.session is not None}
    return labels | labels_of(connection, team, (row["target"] for row in changes))


def _store_nodes(connection: Connection, team: int, nodes: Nodes, used: set[int]) -> dict[int, int]:
    """Return the ids of those node ids that have results, by their numbers; unknown ones are added."""
    ids: dict[bytes, int] = {}
    names = nodes.names()
    keys = {number: node_hash(names[number]) for number in sorted(used)}
    pairs = iter((key, names[number]) for number, key in keys.items())
    while part := dict(islice(pairs, _BATCH)):
        query = select(node.c.hash, node.c.id).where(node.c.team == team, node.c.hash.in_(list(part)))
        known = {bytes(key): number for key, number in connection.execute(query)}
        new = [{"team": team, "hash": key, **_node_columns(part[key])} for key in part if key not in known]
        if new:
            added = connection.execute(insert(node).returning(node.c.hash, node.c.id), new)
            known |= {bytes(key): number for key, number in added}
        ids |= known
    return {number: ids[key] for number, key in keys.items()}


def _node_columns(nodeid: str) -> dict[str, Any]:
    stored = storable_text(nodeid)
    return {"nodeid": stored, "exact": None if stored == nodeid else exact_bytes(nodeid)}


def number_sessions(connection: Connection, team: int, streams: Sequence[UUID]) -> dict[UUID, int]:
    """Return the numbers of the sessions of some streams: those that they have, or new ones."""
    query = select(session.c.stream, session.c.id).where(session.c.team == team, session.c.stream.in_(list(streams)))
    numbers: dict[UUID, int] = {row.stream: row.id for row in connection.execute(query)}
    new = [stream for stream in streams if stream not in numbers]
    found = connection.execute(_NEW_NUMBERS, {"count": len(new)}).scalars()
    return numbers | dict(zip(new, found, strict=True))


def _copy_results(connection: Connection, team: int, found: Sequence[FoldedStream], nodes: dict[int, int]) -> None:
    """Copy the results of some sessions in the binary format, which costs the server no parsing."""
    with copying_rows(connection, "result") as can_copy:
        if not can_copy:
            # An owner who is subject to row-level security copies into a table that is not, and inserts from there.
            connection.execute(_MAKE_COPIED)
        statement = _COPY if can_copy else _COPY.replace("copy result", "copy copied", 1)
        _copy_binary(connection, statement, team, found, nodes)
        if not can_copy:
            connection.execute(_INSERT_COPIED)
            connection.execute(_DROP_COPIED)


def _copy_binary(
    connection: Connection,
    statement: str,
    team: int,
    found: Sequence[FoldedStream],
    nodes: dict[int, int],
) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEAD)
        for one in found:
            if one.session is None:
                continue
            number = one.session["id"]
            at = from_datetime(one.session["started_at"]) - _PG_EPOCH_US
            copy.write(b"".join(_pack_row(at, team, number, nodes[row.node], row) for row in one.results))
        copy.write(_END)


def _pack_row(at: int, team: int, session_id: int, node_id: int, row: ResultRow) -> bytes:
    """Return a row of the binary format: its number of columns, then size and value of each."""
    _, duration, seq, outcome, attempt, verdict, runs, worker = row
    head = (11, 8, at, 8, duration, 4, team, 4, session_id, 4, node_id, 4, seq)
    return _pack(*head, 2, outcome, 2, attempt, 2, verdict, 2, runs, 2, worker)
