"""Endpoints of keys, teams, audit and metrics; an admin sees those of the own team alone."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from ..access.audit import list_actions, record_action
from ..access.keys import SCOPES, ApiKey, create_key, key_data, list_keys, revoke_key, scopes_of_role
from ..database.row_security import rows_of_team
from ..problems import ProblemError
from .answers import json_answer
from .bodies import received_body
from .context import Admin, Context, Monitor, ServerContext

router = APIRouter(prefix="/api/v1")


DAYS_MAX: Final = 36_500


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """Properties of a key to create."""

    role: str = "writer"
    scopes: list[str] = []
    owner: str = ""
    days: Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] | None = None


_NEW_KEY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "role": {"type": "string", "enum": ["reader", "writer", "admin"]},
                        "scopes": {"type": "array", "items": {"enum": list(SCOPES)}},
                        "owner": {"type": "string"},
                        "days": {
                            "type": ["integer", "null"],
                            "minimum": 1,
                            "maximum": DAYS_MAX,
                            "description": "Days until it expires.",
                        },
                    },
                }
            }
        },
    }
}


@router.get("/keys", response_model=None)
def list_team_keys(context: Context, key: Admin) -> Response:
    """Return the keys of the team, without secrets."""
    with context.engine.connect() as connection:
        return json_answer([key_data(found) for found in list_keys(connection, key.team)])


@router.post("/keys", response_model=None, openapi_extra=_NEW_KEY, responses={201: {}})
async def create_team_key(request: Request, context: Context, key: Admin) -> Response:
    """Make a key of the team; its text is in this answer and nowhere else."""
    async with received_body(request, context.room, context.limits.question_bytes) as body:
        return await run_in_threadpool(_create, context, key, body)


def _create(context: ServerContext, key: ApiKey, body: bytes) -> Response:
    try:
        wanted = msgspec.json.decode(body, type=NewKey)
        scopes = tuple(wanted.scopes) or scopes_of_role(wanted.role)
        expires = None if wanted.days is None else datetime.now(UTC) + timedelta(days=wanted.days)
        with context.engine.begin() as connection:
            key_id, made = create_key(connection, key.team, scopes, wanted.owner, expires)
            record_action(connection, "key.created", team=key.team, key=key.id, made=key_id, scopes=list(scopes))
    except (ValueError, OverflowError, msgspec.DecodeError, RecursionError) as error:
        raise ProblemError("bad-request", f"body: {error}") from error
    return json_answer({"id": key_id, "key": made, "team": key.team_name, "scopes": list(scopes)}, 201)


@router.delete("/keys/{key_id}", response_model=None)
def revoke_team_key(key_id: str, context: Context, key: Admin) -> Response:
    """Revoke a key of the team."""
    with context.engine.begin() as connection:
        if not revoke_key(connection, key_id, key.team):
            raise ProblemError("not-found", "there is no such key in this team")
        record_action(connection, "key.revoked", team=key.team, key=key.id, revoked=key_id)
    return json_answer({"id": key_id, "state": "revoked"})


@router.get("/teams", response_model=None)
def show_team(key: Admin) -> Response:
    """Return the team of the key; teams are made with `insight teams` on the machine of the database."""
    return json_answer([{"name": key.team_name}])


@router.get("/audit", response_model=None)
def list_team_actions(context: Context, key: Admin, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
    """Return what was done and refused with keys of the team, the newest first."""
    with context.engine.connect() as connection:
        rows: list[dict[str, Any]] = list_actions(connection, key.team, limit)
    shown = ("at", "key", "action", "what")
    return json_answer([{name: row[name] for name in shown} for row in rows])


_GAUGES = """
    select (select count(*) from segment where position is null),
           (select coalesce(max(position), 0) from segment),
           pg_database_size(current_database())
"""


@router.get("/metrics", response_model=None, responses={200: {"content": {"text/plain": {}}}})
def show_metrics(context: Context, _: Monitor) -> Response:
    """Return counters for Prometheus."""
    # For those who operate the server: sums over all teams, without any name.
    with rows_of_team(None), context.engine.connect() as connection:
        pending, position, size = connection.execute(text(_GAUGES)).one()
    gauges = {"segments_without_position": pending, "feed_position": position, "database_bytes": size}
    gauges["followers"] = context.followers
    return Response(context.counters.text(gauges), media_type="text/plain; version=0.0.4")
