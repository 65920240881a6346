"""Tests whose file was renamed are told as renamed and not as lost, where git says so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import write_session
from pytest_insight.cli.app import run
from pytest_insight.core.naming import renames

BODY = "".join(f"def test_{name}():\n    assert {number} == {number}\n\n" for number, name in enumerate("abc"))


def git(folder, *words):
    """Output of a git command in a repository that no setting of the user reaches."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    result = subprocess.run(["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True)
    return result.stdout.strip()


def session(name, hours, nodeids, commit):
    """A session in which all tests passed."""
    vcs = {"commit": commit, "branch": "main", "dirty": False}
    return write_session(name, hours, [(nodeid, "passed") for nodeid in nodeids], vcs=vcs)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository in which a commit renames a file of tests, and removes another."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "shop"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "sub" / "test_pay.py").write_text(BODY)
    (folder / "sub" / "test_old.py").write_text("def test_gone(): pass\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    first = git(folder, "rev-parse", "HEAD")
    git(folder, "mv", "sub/test_pay.py", "sub/test_payment.py")
    git(folder, "rm", "-q", "sub/test_old.py")
    git(folder, "commit", "-qm", "two")
    monkeypatch.chdir(folder)
    return folder, first, git(folder, "rev-parse", "HEAD")


def write_log(folder, first, second, place=""):
    """A log of both commits, with node ids from a folder on; returns it with the node ids of the old and new file."""
    old = [f"{place}test_pay.py::test_{name}" for name in "abc"]
    new = [f"{place}test_payment.py::test_{name}" for name in "ab"]
    path = folder.parent / "log.jsonl"
    gone = f"{place}test_old.py::test_gone"
    path.write_bytes(session("one", 0, [*old, gone], first) + session("two", 1, new, second))
    return path, old, new


def ask(capsys, path, *words):
    """What a command prints as JSON."""
    capsys.readouterr()
    assert run([*words, "--log", str(path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("place", ["sub/", ""])
def test_a_renamed_file_loses_only_the_tests_that_it_does_not_have(checkout, capsys, place):
    """By node ids from the root of the checkout, and from a folder in it; `test_c` was removed with the renaming."""
    path, old, new = write_log(*checkout, place)
    found = ask(capsys, path)
    assert [(row["nodeid"], row["moved_to"]) for row in found["moved"]] == list(zip(old[:2], new, strict=True))
    assert {row["nodeid"] for row in found["lost"]} == {old[2], f"{place}test_old.py::test_gone"}
    summary = ask(capsys, path, "analytics", "summary")
    assert {one["nodeid"]: one["moved_to"] for one in summary["moved"]} == dict(zip(old, new, strict=False))
    assert len(summary["lost"]) == 2
    assert len(ask(capsys, path, "analytics", "analyze", "--metric", "moved")["moved"]) == 2
    assert run(["--log", str(path)]) == 0
    assert f"2 tests renamed with {place}test_pay.py -> {place}test_payment.py" in capsys.readouterr().out
    assert run(["test", "show", old[0], "--log", str(path)]) == 0
    assert f"renamed to {new[0]} in {checkout[2][:9]}, as git says" in capsys.readouterr().out


def test_without_a_checkout_they_are_lost_with_a_candidate(checkout, capsys, monkeypatch, tmp_path):
    """As before: the same name in another place is offered, and not assumed."""
    path, old, new = write_log(*checkout)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    found = ask(capsys, path)
    assert found["moved"] == []
    lost = {row["nodeid"]: row["renamed"] for row in found["lost"]}
    assert (len(lost), lost[old[0]]) == (4, [new[0]])


def test_git_that_is_slow_or_missing_changes_nothing(checkout, capsys, monkeypatch):
    """A time limit, no git at all, and a commit that the checkout does not have."""
    path, *_ = write_log(*checkout)
    expected = 4
    for error in (subprocess.TimeoutExpired("git", 1), FileNotFoundError("git")):
        with monkeypatch.context() as patch:
            patch.setattr(renames.subprocess, "run", _raise(error))
            assert len(ask(capsys, path)["lost"]) == expected
    path, *_ = write_log(checkout[0], "1" * 40, "2" * 40)
    assert len(ask(capsys, path)["lost"]) == expected


def _raise(error):
    def fail(*_, **__):
        raise error

    return fail


def test_git_is_not_asked_where_nothing_is_lost(checkout, capsys, monkeypatch):
    """The everyday answer starts no process."""
    path = checkout[0].parent / "log.jsonl"
    nodeids = ["test_pay.py::test_a"]
    path.write_bytes(session("one", 0, nodeids, checkout[1]) + session("two", 1, nodeids, checkout[2]))
    monkeypatch.setattr(subprocess, "run", _raise(AssertionError("a process was started")))
    monkeypatch.setattr(subprocess, "Popen", _raise(AssertionError("a process was started")))
    assert ask(capsys, path)["lost"] == []


def test_a_renaming_that_is_not_committed_yet_is_told_too(checkout, capsys):
    """Both sessions ran on one commit; git has the renaming in its index."""
    folder, _, second = checkout
    git(folder, "mv", "sub/test_payment.py", "sub/test_money.py")
    path = folder.parent / "log.jsonl"
    old, new = (f"sub/test_{name}.py::test_a" for name in ("payment", "money"))
    path.write_bytes(session("one", 0, [old], second) + session("two", 1, [new], second))
    assert [(row["nodeid"], row["moved_to"]) for row in ask(capsys, path)["moved"]] == [(old, new)]


def test_a_broken_test_that_moved_is_broken_once(checkout, capsys):
    """Under its new path; one that was removed while it failed is noted as gone."""
    _, first, second = checkout
    path = checkout[0].parent / "log.jsonl"
    vcs = [{"commit": commit, "branch": "main", "dirty": False} for commit in (first, second)]
    old, gone, new = "test_pay.py::test_a", "test_old.py::test_gone", "test_payment.py::test_a"
    path.write_bytes(
        write_session("one", 0, [(old, "failed"), (gone, "failed"), ("test_x.py::test_x", "passed")], vcs=vcs[0])
        + write_session("two", 1, [(new, "failed"), ("test_x.py::test_x", "passed")], vcs=vcs[1])
    )
    found = ask(capsys, path)
    rows = {row["nodeid"]: row["note"] for group in found["groups"] for row in group["rows"]}
    assert rows == {new: "never good", gone: "gone"}
    assert {one["nodeid"] for one in ask(capsys, path, "analytics", "summary")["broken"]} == {new, gone}
