"""The sessions that an answer about a project is about, if no span of time is given."""

from typing import TYPE_CHECKING, Final

from ...projections.clock import is_future

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.history import History

SESSIONS_MAX: Final = 200
"""Sessions that are looked at."""
DAYS: Final = 30
"""How far back from the newest session they reach."""
_DAY_US: Final = 86_400_000_000


def recent_sessions(model: "History", sut: str) -> "list[SessionRow]":
    """Return the newest sessions of a system, at most `SESSIONS_MAX` of the `DAYS` before the newest one.

    Sessions that start in the future, by a wrong clock, do not move the span unless all do.

    Args:
        model: where they are stored.
        sut: name of the system.
    """
    newest = model.sessions(sut=sut, limit=1)
    if newest and is_future(newest[0].started_us):
        newest = [row for row in model.sessions(sut=sut) if not is_future(row.started_us)] or newest
    since_us = newest[0].started_us - DAYS * _DAY_US if newest else None
    return model.sessions(sut=sut, since_us=since_us, limit=SESSIONS_MAX)
