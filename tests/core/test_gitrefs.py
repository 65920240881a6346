"""Git refs name commits, and so sessions, where a checkout is."""

import subprocess

import pytest
from pytest_insight.core.history.references import session_named, span_named
from pytest_insight.core.naming.gitrefs import commit_of_ref
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, Vcs
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel


def git(folder, *words):
    """Output of a git command in a repository that no setting of the user reaches."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    result = subprocess.run(["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.fixture
def checkout(tmp_path, private_home, monkeypatch):
    """A repository with three commits, a tag and a branch; the current folder lies in it."""
    git(tmp_path, "init", "-q", "-b", "main")
    for number in range(3):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", f"c{number}")
    git(tmp_path, "tag", "-a", "v1", "HEAD~2", "-m", "first")
    git(tmp_path, "branch", "feature/pay", "HEAD~1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(checkout, tmp_path_factory):
    """Model of one session on each of the two newest commits."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    for label, ref in (("older", "HEAD~1"), ("newer", "HEAD")):
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=label, sut="shop", vcs=Vcs(commit=git(checkout, "rev-parse", ref))))
        writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
        writer.close()
    with ReadModel.open(path, None) as model:
        model.catch_up()
        yield model


@pytest.mark.parametrize("ref", ["main", "HEAD", "HEAD~1", "v1", "feature/pay", "@{0}", "main^", "refs/heads/main"])
def test_a_ref_is_the_commit_that_git_says(checkout, ref):
    """An annotated tag is the commit that it points to."""
    assert commit_of_ref(ref) == git(checkout, "rev-parse", f"{ref}^{{commit}}")


@pytest.mark.parametrize(
    "text", ["", "no-such-branch", "--all", "-n1", "main..v1", "a b", "main\n", "HEAD^{tree}x", "$(id)"]
)
def test_what_is_no_ref_names_no_commit(checkout, text):
    """Options, ranges and unknown names are never taken for a commit."""
    assert commit_of_ref(text) == ""


def test_outside_a_checkout_there_are_no_refs(tmp_path):
    """A folder without a repository resolves nothing, without an error."""
    assert commit_of_ref("HEAD", tmp_path) == ""


@pytest.mark.parametrize(("ref", "label"), [("main", "newer"), ("HEAD~1", "older"), ("feature/pay", "older")])
def test_a_ref_names_the_session_of_its_commit(model, ref, label):
    """Wherever a session is asked for, a ref of the checkout does."""
    assert session_named(model, ref).session_id == label


def test_a_session_of_that_name_comes_before_a_ref(model, checkout):
    """A branch called as a session is does not hide the session."""
    git(checkout, "branch", "older", "main")
    assert session_named(model, "older").session_id == "older"


def test_a_commit_without_sessions_is_named_with_those_that_have_some(model, checkout):
    """The error says which commit the ref is, and which commits there are."""
    with pytest.raises(LookupError, match=r"v1 is commit .*; no session ran on it; the newest with sessions are"):
        session_named(model, "v1")


def test_a_ref_bounds_a_span_of_time(model):
    """The span of a ref is that of the sessions of its commit."""
    row = model.find_session("older")
    assert span_named(model, "HEAD~1") == (row.started_us, row.started_us, row.finished_us)
    assert span_named(model, "nothing-like-it") is None
