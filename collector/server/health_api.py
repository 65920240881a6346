"""Endpoints for monitors."""

from fastapi import APIRouter, Response

from .answers import json_answer

router = APIRouter()


@router.get("/healthz", response_model=None)
async def answer_health() -> Response:
    """Answer that the process runs; the database is not asked."""
    return json_answer({"status": "ok"})
