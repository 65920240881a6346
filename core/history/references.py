"""References to systems, sessions, commits and moments as users write them, and what they mean.

Names and hashes may be cut short as long as one thing begins so. Where a checkout is, a git ref (`main`, `HEAD~1`, a
tag) names its commit; a session or hash of that name comes first. A moment is a date, a time, a commit (that of its
sessions) or a session; what reads as an age or a date is one.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from ...projections.readmodel import UnknownSessionError
from ..naming.nearest import did_you_mean

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from .history import History

_LOOKED_AT = 100
_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")


class Span(NamedTuple):
    """When some sessions ran, in microseconds since the epoch."""

    first_us: int
    """Start of the first."""
    last_us: int
    """Start of the last."""
    ended_us: int
    """When the last event of any of them was recorded."""


def sut_named(model: "History", text: str) -> str:
    """Return the system under test that is meant: by its name, or a beginning that no other has.

    Raises:
        LookupError: no session matches, or several do.
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
    raise LookupError(f"no system under test is called {text!r}{did_you_mean(text, names) or known}")


def session_named(model: "History", text: str) -> "SessionRow":
    """Return the session that is meant: by the beginning of its id, `last`, or a commit that has only one.

    Raises:
        LookupError: no session matches, or several do.
    """
    try:
        return model.find_session(text)
    except UnknownSessionError:
        found = sessions_of_commit(model, text)
        if not found:
            raise LookupError(_unknown_session(model, text)) from None
    if len(found) > 1:
        shown = ", ".join(row.session_id for row in found[:5])
        raise LookupError(f"commit {text!r} has {len(found)} sessions: {shown}; name one of them")
    return found[0]


def _unknown_session(model: "History", text: str) -> str:
    """Return the message about a word that is no session and no commit, with the nearest or the newest sessions."""
    names = [row.session_id for row in model.sessions(limit=_LOOKED_AT)]
    if not names:
        return "no session is recorded; record one with `pytest --insight`"
    near = did_you_mean(text, [*names, *(name[: len(text)] for name in names)])
    known = f"; the newest are {', '.join(names[:5])}" if len(names) > 1 else f"; there is {names[0]}"
    return f"no session has an id that begins with {text!r}, and no commit a hash{near or known}"


def sessions_of_commit(model: "History", text: str) -> "list[SessionRow]":
    """Return the sessions of a commit, given by the beginning of its hash or by a git ref.

    Raises:
        LookupError: several commits begin so, or a ref names a commit that no session ran on.
    """
    rows = model.sessions_of_commit(text) if _COMMIT.fullmatch(text) else []
    if rows:
        return rows
    from ..naming.gitrefs import commit_of_ref  # noqa: PLC0415 - only for a word that is no session and no hash

    commit = commit_of_ref(text)
    if not commit:
        return []
    rows = model.sessions_of_commit(commit)
    if not rows:
        raise LookupError(f"{text} is commit {commit[:9]}; no session ran on it{_commits_known(model)}")
    return rows


def _commits_known(model: "History") -> str:
    commits = dict.fromkeys(row.commit[:9] for row in model.sessions(limit=_LOOKED_AT) if row.commit)
    return f"; the newest with sessions are {', '.join(list(commits)[:5])}" if commits else ""


def span_named(model: "History", text: str) -> Span | None:
    """Return when the sessions of a commit, or a session, ran; None if the text is the beginning of neither.

    Raises:
        LookupError: several commits, or sessions, begin so.
    """
    rows = model.sessions_of_commit(text) if _COMMIT.fullmatch(text) else []
    if not rows:
        try:
            rows = [model.find_session(text)]
        except UnknownSessionError:
            rows = sessions_of_commit(model, text)
    if not rows:
        return None
    starts = [row.started_us for row in rows]
    return Span(min(starts), max(starts), max(row.finished_us for row in rows))


__all__ = ["Span", "session_named", "sessions_of_commit", "span_named", "sut_named"]
