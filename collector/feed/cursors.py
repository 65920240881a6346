"""Cursors `EPOCH:POSITION`: a place in the feed of a team."""

import re

from ..problems import ProblemError

_CURSOR = re.compile(r"([0-9a-f]{16}):(\d{1,18})")


def format_cursor(epoch: str, position: int) -> str:
    """Return the text of a place."""
    return f"{epoch}:{position}"


def parse_cursor(text: str, epoch: str) -> int:
    """Return the position of a cursor, 0 for an empty text.

    Raises:
        ProblemError: it is malformed or of another epoch.
    """
    if not text:
        return 0
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise ProblemError("bad-request", f"cursor {text[:60]}: has to be EPOCH:POSITION as an answer had it")
    if match[1] != epoch:
        raise ProblemError(
            "other-epoch",
            f"cursor {text}: the database was restored or replaced; begin again without a cursor",
            epoch=epoch,
        )
    return int(match[2])
