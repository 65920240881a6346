"""What people write for a system, a session, a commit or a moment, and which one they mean.

Names and hashes may be cut short as long as one thing begins so. Where a checkout is, a git ref (`main`, `HEAD~1`, a
tag) names its commit; a session or hash of that name comes first. A moment is a date, a time, a commit (that of its
sessions) or a session; what reads as an age or a date is one.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from ..projections.clock import is_future
from ..projections.readmodel import UnknownSessionError
from .nearest import did_you_mean
from .partial import selected_of

if TYPE_CHECKING:
    from ..projections.apply import SessionRow
    from ..projections.readmodel import ReadModel

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
    raise LookupError(f"no system under test is called {text!r}{did_you_mean(text, names) or known}")


def session_named(model: "ReadModel", text: str) -> "SessionRow":
    """Return the session that is meant: by the beginning of its id, `last`, or a commit that has only one.

    Raises:
        UnknownSessionError: there is none.
        LookupError: there are several.
    """
    try:
        return model.find_session(text)
    except UnknownSessionError:
        found = _sessions_of_commit(model, text)
        if not found:
            raise
    if len(found) > 1:
        shown = ", ".join(row.session_id for row in found[:5])
        raise LookupError(f"commit {text!r} has {len(found)} sessions: {shown}; name one of them")
    return found[0]


def _sessions_of_commit(model: "ReadModel", text: str) -> "list[SessionRow]":
    """Return the sessions of a commit, given by the beginning of its hash or by a git ref.

    Raises:
        LookupError: several commits begin so, or a ref names a commit that no session ran on.
    """
    rows = model.sessions_of_commit(text) if _COMMIT.fullmatch(text) else []
    if rows:
        return rows
    from .gitrefs import commit_of_ref  # noqa: PLC0415 - only for a word that is no session and no hash

    commit = commit_of_ref(text)
    if not commit:
        return []
    rows = model.sessions_of_commit(commit)
    if not rows:
        raise LookupError(f"{text} is commit {commit[:9]}; no session ran on it{_commits_known(model)}")
    return rows


def _commits_known(model: "ReadModel") -> str:
    commits = dict.fromkeys(row.commit[:9] for row in model.sessions(limit=_LOOKED_AT) if row.commit)
    return f"; the newest with sessions are {', '.join(list(commits)[:5])}" if commits else ""


def newest_whole(model: "ReadModel", base: "SessionRow") -> "SessionRow":
    """Return the newest session to compare another one with: of the same system, and whole if there is one.

    Sessions that ran only some of the tests are taken only where all do; those of the future not at all.
    """
    newest: SessionRow | None = None
    for row in model.sessions(sut=base.sut):
        if is_future(row.started_us) or row.stream == base.stream or row.started_us < base.started_us:
            continue
        newest = newest or row
        header, sealed = row.part.header or {}, row.exit_status is not None
        if selected_of(header, row.part.deselected, row.missing, sealed=sealed).is_whole:
            return row
    return newest or model.find_session("last")


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
            rows = _sessions_of_commit(model, text)
    if not rows:
        return None
    starts = [row.started_us for row in rows]
    return Span(min(starts), max(starts), max(row.finished_us for row in rows))


__all__ = ["Span", "session_named", "span_named", "sut_named"]
