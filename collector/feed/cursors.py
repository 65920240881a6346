"""Cursors `EPOCH:POSITION` and `EPOCH:POSITION:CHECK`: a place in the feed of a team."""

import re
from typing import Final

from ..problems import ProblemError

OTHER_EPOCH: Final = "other-epoch"
"""Kind of the problem with a cursor of another life of the database."""

_CURSOR = re.compile(r"([0-9a-f]{16}):(\d{1,18})(?::([0-9a-f]{8}))?")


def format_cursor(epoch: str, position: int, check: str = "") -> str:
    """Return the text of a place.

    Args:
        epoch: of the database.
        position: of the last segment before the place.
        check: see `resuming`.
    """
    return f"{epoch}:{position}:{check}" if check else f"{epoch}:{position}"


def parse_cursor(text: str, epoch: str) -> int:
    """Return the position of a cursor, 0 for an empty text.

    Raises:
        ProblemError: it is malformed or of another epoch.
    """
    return split_cursor(text, epoch)[0]


def split_cursor(text: str, epoch: str) -> tuple[int, str]:
    """Return position and check of a cursor, 0 and an empty text for an empty one.

    Raises:
        ProblemError: it is malformed or of another epoch.
    """
    if not text:
        return 0, ""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise ProblemError("bad-request", f"cursor {text[:60]}: has to be EPOCH:POSITION[:CHECK] as an answer had it")
    if match[1] != epoch:
        raise refuse_cursor(text, epoch)
    return int(match[2]), match[3] or ""


def refuse_cursor(text: str, epoch: str) -> ProblemError:
    """Return the error about a cursor of another life of the database."""
    reason = f"cursor {text}: the database was restored or replaced; begin again without a cursor"
    return ProblemError(OTHER_EPOCH, reason, epoch=epoch)
