"""Endpoints for monitors."""

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from ..database.migrating import SchemaMismatchError, check_schema
from ..problems import ProblemError
from .answers import json_answer
from .context import Context

router = APIRouter()


@router.get("/healthz", response_model=None)
async def answer_health() -> Response:
    """Answer that the process runs; the database is not asked."""
    return json_answer({"status": "ok"})


@router.get("/readyz", response_model=None)
def answer_readiness(context: Context) -> Response:
    """Answer whether the database can be used and has the schema of this release."""
    try:
        check_schema(context.engine)
    except SchemaMismatchError as error:
        raise ProblemError("unavailable", str(error)) from error
    except SQLAlchemyError as error:
        raise ProblemError("unavailable", "the database cannot be reached", {"Retry-After": "2"}) from error
    return json_answer({"status": "ready"})
