"""Commit, branch and remote from the files of a checkout, against what git itself says."""

import os
import subprocess

import pytest
from pytest_insight.plugin.header.git import DirtyCheck, find_vcs

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")


def git(folder, *words):
    """What git prints."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    result = subprocess.run(
        ["git", *IDENTITY, *words], cwd=folder, capture_output=True, text=True, check=True, env=env, timeout=300
    )
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit on `main` and a remote."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("a\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "remote", "add", "other", "https://example.com/other.git")
    git(folder, "remote", "add", "origin", "https://user:secret@example.com/team/shop.git")
    return folder


def linked_worktree(folder):
    """A work tree beside the first."""
    git(folder, "worktree", "add", "-q", "-b", "topic/x", "../linked")
    return folder.parent / "linked"


def packed_refs(folder):
    """All refs in one file."""
    git(folder, "pack-refs", "--all")
    return folder


def detached_head(folder):
    """No branch."""
    git(folder, "checkout", "-q", "--detach")
    return folder


def folder_below(folder):
    """Not the top folder."""
    (folder / "sub").mkdir()
    return folder / "sub"


def reftable(folder):
    """Refs in tables, which only git reads."""
    try:
        git(folder, "refs", "migrate", "--ref-format=reftable")
    except subprocess.CalledProcessError:
        pytest.skip("this git knows no reftables")
    return folder


SHAPES = [linked_worktree, packed_refs, detached_head, folder_below, reftable]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_checkout_is_what_git_says(repository, shape):
    """In every shape a repository comes in."""
    folder = shape(repository)
    vcs = find_vcs(folder)
    assert vcs.commit == git(folder, "rev-parse", "HEAD")
    assert vcs.branch == git(folder, "branch", "--show-current")
    assert vcs.remote == "https://example.com/team/shop.git"


def test_no_process_is_needed(repository, monkeypatch):
    """Also where there is no git at all."""
    commit = git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", "")
    assert find_vcs(repository).commit == commit
    assert DirtyCheck(repository).take_answer(1) is None


def test_what_is_no_checkout_has_no_vcs_and_a_damaged_one_no_commit(tmp_path):
    """Nothing is made up."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: ../../etc/passwd\n")
    assert find_vcs(tmp_path).commit == ""


@pytest.mark.parametrize("changed", [False, True])
def test_changes_are_told_once_git_has_answered(repository, changed):
    """A touched file with the same content is no change."""
    (repository / "a.txt").write_text("b\n" if changed else "a\n")
    os.utime(repository / "a.txt", (1, 1))
    check = DirtyCheck(repository)
    assert check.take_answer(30) is changed
    assert check.take_answer() is None


def test_changes_reach_the_views(repository, run, tmp_path):
    """The header is not delayed; the answer comes in an event of its own, and the session has it."""
    import sys

    from pytest_insight.core.views.session import load_session
    from pytest_insight.projections.readmodel import ReadModel

    (repository / "a.txt").write_text("changed\n")
    (repository / "test_a.py").write_text("def test_a(): pass\n")
    recorded = run(sys.executable, str(repository), "--rootdir", str(repository))
    (header,) = recorded.of_type("session.started")
    assert header["vcs"]["commit"] == git(repository, "rev-parse", "HEAD")
    (described,) = recorded.of_type("session.described")
    assert described["dirty"] is True
    with ReadModel.open(recorded.log, None) as model:
        model.catch_up()
        assert load_session(model, model.sessions()[0]).vcs["dirty"] is True
