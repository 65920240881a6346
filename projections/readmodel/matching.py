"""Which of some sessions a text means; the rules for stores of any kind."""

from collections.abc import Sequence

from ..session_row import SessionRow
from .errors import AmbiguousCommitError, AmbiguousPrefixError, UnknownSessionError

NEWEST_WORDS = ("last", "latest")
"""Names of the newest session."""


def choose_session(prefix: str, shown: Sequence[SessionRow]) -> SessionRow:
    """Return the session that a text means; of several matches an exact one.

    Args:
        prefix: the text.
        shown: visible sessions whose label or stream begins with it, and those that `label~digits` may name.

    Raises:
        UnknownSessionError: no session matches.
        AmbiguousPrefixError: several sessions match.
    """
    found = [row for row in shown if prefix in (row.session_id, row.stream)] or shown
    if not found:
        raise UnknownSessionError(prefix)
    if len(found) > 1:
        raise AmbiguousPrefixError(prefix, [row.session_id for row in found])
    return found[0]


def check_one_commit(prefix: str, shown: Sequence[SessionRow]) -> None:
    """Check that sessions whose commit begins with a text are of one commit.

    Raises:
        AmbiguousCommitError: they are of several.
    """
    commits = {row.commit for row in shown}
    if len(commits) > 1:
        raise AmbiguousCommitError(prefix, sorted(commits))


def like_pattern(prefix: str) -> str:
    """Return a pattern for LIKE, with a backslash as the escape character, that matches texts with this beginning."""
    return prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
