"""Retention once a day, by whichever server comes first."""

import logging
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, text

from .expiring import remove_expired

log = logging.getLogger(__name__)

_NAME: Final = "retention_day"
_CLAIM: Final = text(
    """
    insert into meta as old values (:name, :day)
    on conflict (name) do update set value = excluded.value where old.value < excluded.value
    returning value
    """
)


def apply_daily_retention(engine: Engine, now: datetime | None = None) -> bool:
    """Remove what is too old, unless another process has begun to do so today; return whether this one has."""
    moment = now or datetime.now(UTC)
    with engine.begin() as connection:
        claimed = connection.execute(_CLAIM, {"name": _NAME, "day": moment.date().isoformat()}).scalar()
    if claimed is None:
        return False
    for data in remove_expired(engine, moment):
        if data.streams:
            log.info("team %s: %d streams older than %d days removed", data.team, data.streams, data.keep_days)
    return True
