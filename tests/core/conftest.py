"""Fixtures of the tests of questions and histories."""

import pytest
from pytest_insight.core.naming import gitrefs


@pytest.fixture(scope="module")
def no_git_refs():
    """Have no word name a git ref, so that no answer depends on a checkout and no process is started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gitrefs, "commit_of_ref", lambda *_: "")
        yield
