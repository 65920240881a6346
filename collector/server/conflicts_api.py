"""Endpoint of the quarantine: events whose identity another event has."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection, Row, func, select

from ..bodies.reading import read_lines
from ..database.tables import conflict, segment
from .answers import json_answer
from .context import Context, Reader

router = APIRouter(prefix="/api/v1")
_CHECKED_MAX = 10_000


@router.get("/conflicts", response_model=None)
def list_conflicts(
    context: Context, key: Reader, limit: Annotated[int, Query(ge=1, le=_CHECKED_MAX, description="At most.")] = 100
) -> Response:
    """Return the conflicts of the team with both versions of the event, the newest first, and the number of all."""
    mine = conflict.c.team == key.team
    newest = select(conflict).where(mine).order_by(conflict.c.at.desc(), conflict.c.stream, conflict.c.seq)
    with context.engine.connect() as connection:
        rows = connection.execute(newest.limit(limit)).all()
        total = connection.execute(select(func.count()).select_from(conflict).where(mine)).scalar_one()
        found = [_conflict_data(connection, row) for row in rows]
    return json_answer({"conflicts": found, "total": total})


def _conflict_data(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    return {
        "stream": row.stream.hex,
        "seq": row.seq,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "key": row.key,
        "stored": _stored_line(connection, row),
        "quarantined": bytes(row.line).decode("utf-8", "replace"),
    }


def _stored_line(connection: Connection, row: Row[Any]) -> str | None:
    """Return the line that counts; None if it is not stored any more."""
    holds = (
        (segment.c.team == row.team)
        & (segment.c.stream == row.stream)
        & (segment.c.first <= row.seq)
        & (segment.c.first + segment.c["count"] > row.seq)
    )
    found = connection.execute(select(segment).where(holds)).first()
    if found is None:
        return None
    lines = read_lines(connection, found).split(b"\n")
    place: int = row.seq - found.first
    return lines[place].decode("utf-8", "replace")
