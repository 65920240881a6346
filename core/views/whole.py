"""Sessions of a few lines that no store has, with everything in them."""

from contextlib import nullcontext

from ...eventlog.targets.memory_log import MemoryLog
from ...projections.readmodel import ReadModel
from .session import TestSession
from .stored import fill_session


def sessions_in(lines: bytes) -> list[TestSession]:
    """Return the sessions of lines of a log, the earliest first."""
    with ReadModel.open(MemoryLog(data=bytearray(lines)), None) as model:
        model.catch_up()
        found: list[TestSession] = []
        for row in reversed(model.sessions()):
            session = TestSession.from_row(lambda: nullcontext(model), row)
            fill_session(session, lambda: nullcontext(model), texts=True)
            found.append(session)
        return found
