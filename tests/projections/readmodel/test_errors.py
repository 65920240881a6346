"""Messages of the errors of the read model."""

from pytest_insight.projections.readmodel import AmbiguousCommitError, AmbiguousPrefixError, UnknownSessionError


def test_messages_name_the_text_the_number_and_at_most_five_matches():
    """Sessions in order, commits by twelve digits."""
    ids = [f"id{n}" for n in range(7)]
    error = AmbiguousPrefixError("id", ids[::-1])
    assert str(error) == "'id' is the beginning of 7 session ids: id0, id1, id2, id3, id4"
    assert (error.prefix, error.matches) == ("id", ids[::-1])
    commits = [f"a{n}" + "0" * 38 for n in range(6)]
    shown = ", ".join(commit[:12] for commit in commits[:5])
    assert str(AmbiguousCommitError("a", commits)) == f"'a' is the beginning of 6 commits: {shown}; give more digits"
    assert str(UnknownSessionError("x")) == "no session has an id that begins with 'x'"
    assert all(
        issubclass(kind, LookupError) for kind in (AmbiguousCommitError, AmbiguousPrefixError, UnknownSessionError)
    )
