"""What people write for a system, a session, a commit or a moment, and which one they mean.

Names and hashes may be cut short as long as one thing begins so. A moment is a date, a time, a commit (that of its
sessions) or a session; what reads as an age or a date is one.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from ..projections.readmodel import UnknownSessionError

if TYPE_CHECKING:
    from ..projections.apply import SessionRow
    from ..projections.readmodel import ReadModel

_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")


class Span(NamedTuple):
    """When some sessions ran, in microseconds since the epoch."""

    first_us: int
    """Start of the first."""
    last_us: int
    """Start of the last."""
    ended_us: int
    """When the last event of any of them was recorded."""


def sut_named(model: "ReadModel", text: str) -> str:
    """Return the system under test that is meant: by its name, or a beginning that no other has.

    Raises:
        LookupError: there is none, or there are several.
    """
    names = [name for name, *_ in model.suts()]
    if text in names:
        return text
    found = [name for name in names if name.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"{text!r} is the beginning of {len(found)} systems under test: {', '.join(found[:5])}")
    known = f"; there are {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else ""  # noqa: PLR2004
    raise LookupError(f"no system under test is called {text!r}{known}")


def session_named(model: "ReadModel", text: str) -> "SessionRow":
    """Return the session that is meant: by the beginning of its id, `last`, or a commit that has only one.

    Raises:
        UnknownSessionError: there is none.
        LookupError: there are several.
    """
    try:
        return model.find_session(text)
    except UnknownSessionError:
        found = model.sessions_of_commit(text) if _COMMIT.fullmatch(text) else []
        if not found:
            raise
    if len(found) > 1:
        shown = ", ".join(row.session_id for row in found[:5])
        raise LookupError(f"commit {text!r} has {len(found)} sessions: {shown}; name one of them")
    return found[0]


def span_named(model: "ReadModel", text: str) -> Span | None:
    """Return when the sessions of a commit, or a session, ran; None if the text is the beginning of neither.

    Raises:
        LookupError: several commits, or sessions, begin so.
    """
    rows = model.sessions_of_commit(text) if _COMMIT.fullmatch(text) else []
    if not rows:
        try:
            rows = [model.find_session(text)]
        except UnknownSessionError:
            return None
    starts = [row.started_us for row in rows]
    return Span(min(starts), max(starts), max(row.finished_us for row in rows))


__all__ = ["Span", "session_named", "span_named", "sut_named"]
