"""Errors of a session or commit that is unknown or ambiguous."""

_SESSIONS_SHOWN = 5
_COMMITS_SHOWN = 5
_HASH_DIGITS = 12


class AmbiguousPrefixError(LookupError):
    """Raised when the ids of several sessions begin with the given text.

    Args:
        prefix: the given text.
        matches: ids of these sessions.
    """

    def __init__(self, prefix: str, matches: list[str]) -> None:
        shown = ", ".join(sorted(matches)[:_SESSIONS_SHOWN])
        super().__init__(f"{prefix!r} is the beginning of {len(matches)} session ids: {shown}")
        self.prefix = prefix
        self.matches = matches


class AmbiguousCommitError(LookupError):
    """Raised when the hashes of several commits begin with the given text.

    Args:
        prefix: the given text.
        commits: hashes of these commits.
    """

    def __init__(self, prefix: str, commits: list[str]) -> None:
        shown = ", ".join(commit[:_HASH_DIGITS] for commit in commits[:_COMMITS_SHOWN])
        super().__init__(f"{prefix!r} is the beginning of {len(commits)} commits: {shown}; give more digits")


class UnknownSessionError(LookupError):
    """Raised when no session has an id that begins with the given text.

    Args:
        prefix: the given text.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__(f"no session has an id that begins with {prefix!r}")
        self.prefix = prefix
