"""Files of a git checkout that are odd, damaged or hostile: what cannot be read is empty, and nothing is made up."""

import os
import subprocess
from types import SimpleNamespace

import pytest
from pytest_insight.plugin.header import git
from pytest_insight.plugin.header.git import DirtyCheck, find_vcs, without_credentials

COMMIT, OTHER = "a1" * 20, "b2" * 20


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Make a checkout from its files; a git process would find nothing."""
    monkeypatch.setattr(git, "_head_by_git", lambda rootdir: ("", ""))

    def make(**files):
        for name, text in files.items():
            path = tmp_path / ".git" / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return find_vcs(tmp_path)

    return make


@pytest.mark.parametrize(
    ("files", "commit", "branch"),
    [
        ({"HEAD": COMMIT}, COMMIT, ""),
        ({"HEAD": "ab" * 32}, "ab" * 32, ""),
        ({"HEAD": "ref: refs/heads/main", "refs__heads__main": COMMIT}, COMMIT, "main"),
        ({"HEAD": "ref: refs/heads/a/b", "refs__heads__a__b": COMMIT}, COMMIT, "a/b"),
        ({"HEAD": "ref: refs/heads/m", "packed-refs": f"# pack\n{OTHER} refs/heads/mm\n{COMMIT} refs/heads/m\n"}, COMMIT, "m"),
        ({"HEAD": "ref: refs/heads/m", "refs__heads__m": COMMIT, "packed-refs": f"{OTHER} refs/heads/m\n"}, COMMIT, "m"),
        ({"HEAD": "ref: refs/heads/m", "refs__heads__m": "ref: refs/heads/n", "refs__heads__n": COMMIT}, COMMIT, "m"),
        ({"HEAD": "ref: refs/heads/m", "refs__heads__m": "ref: refs/heads/m"}, "", ""),
        ({"HEAD": "ref: /etc/passwd"}, "", ""),
        ({"HEAD": "ref: refs/../../x"}, "", ""),
        ({"HEAD": "ref: refs/heads/new"}, "", ""),
        ({"HEAD": COMMIT[:-1]}, "", ""),
        ({"HEAD": COMMIT.upper()}, "", ""),
        ({"HEAD": ""}, "", ""),
        ({"config": ""}, "", ""),
    ],
)  # fmt: skip
def test_commit_and_branch_are_what_the_files_say(checkout, files, commit, branch):
    """A loose ref wins over a packed one; a ref that leads outside, in a circle or to nothing has no commit."""
    vcs = checkout(**files)
    assert (vcs.commit, vcs.branch) == (commit, branch)


@pytest.mark.parametrize("ref", ["{outside}", "refs/../../outside"])
def test_a_ref_does_not_lead_out_of_the_repository(checkout, tmp_path, ref):
    """Even where the file there has a commit: a damaged HEAD must not name one of another project."""
    (tmp_path / "outside").write_text(COMMIT)
    assert checkout(HEAD=f"ref: {ref.format(outside=tmp_path / 'outside')}").commit == ""


ORIGIN = '[remote "origin"]\n'


@pytest.mark.parametrize(
    ("config", "url"),
    [
        (f"{ORIGIN}\turl = https://h/a.git\n", "https://h/a.git"),
        (f"{ORIGIN}URL=https://h/a.git", "https://h/a.git"),
        (f"{ORIGIN}pushurl = x\nurl = https://h/a.git\nurl = https://h/b.git\n", "https://h/a.git"),
        ('[Remote   "origin"]\nurl = u\n', "u"),
        ('[remote "Origin"]\nurl = u\n', ""),
        ('[remote "other"]\nurl = u\n', ""),
        (f'{ORIGIN}[branch "main"]\nurl = u\n', ""),
        (f"# {ORIGIN}; url = u\nurl = u\n", ""),
        (f"{ORIGIN}url = u # comment\n", "u"),
        (f"{ORIGIN}url = u#part\n", "u#part"),
        (f'{ORIGIN}url = "a \\"b\\" \\\\ # c"\n', 'a "b" \\ # c'),
        (f"{ORIGIN}url = ht\\\ntp://h\n", "http://h"),
        (f"{ORIGIN}url\n", ""),
        (f"{ORIGIN}url = https://me:pw@h/a\n", "https://h/a"),
        ("no section\nurl = u\n", ""),
    ],
)
def test_the_remote_is_that_of_the_configuration(checkout, config, url):
    """In git's own notation of sections, quotes, comments and continued lines."""
    assert checkout(HEAD=COMMIT, config=config).remote == url


@pytest.mark.parametrize(
    "config", [f"{ORIGIN}\turl = u # c\n", '[Remote "origin"]\nurl = "a b"\n', f"{ORIGIN}url = a\\\nb\n"]
)
def test_git_reads_the_same_remote(checkout, config, tmp_path):
    """The notations above, as git itself understands them."""
    found = checkout(HEAD=COMMIT, config=config).remote
    command = ["git", "config", "--file", str(tmp_path / ".git" / "config"), "remote.origin.url"]
    assert found == subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@h/a", "https://h/a"),
        ("HTTPS://token@h/a", "HTTPS://h/a"),
        ("https://h/a@b", "https://h/a@b"),
        ("ssh://git@h:22/a", "ssh://h:22/a"),
        ("git+ssh://u:p@h/a", "git+ssh://h/a"),
        ("git@h:a/b", "git@h:a/b"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_credentials(url, shown):
    """The user of an `scp`-like address is not a secret and stays."""
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    ("content", "expected"), [("gitdir: ../real", True), ("gitdir:", False), ("nothing", False), ("", False)]
)
def test_a_file_names_the_folder_of_a_linked_work_tree(tmp_path, monkeypatch, content, expected):
    """A file that names none is a checkout whose commit is not known."""
    monkeypatch.setattr(git, "_head_by_git", lambda rootdir: ("", ""))
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "HEAD").write_text(COMMIT)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text(content)
    vcs = find_vcs(tmp_path / "tree")
    assert vcs is not None
    assert vcs.commit == (COMMIT if expected else "")


ANSWERS = [
    (0, f"{COMMIT}\nmain\n", (COMMIT, "main")),
    (0, f"{COMMIT}\nHEAD\n", (COMMIT, "")),
    (0, f"{COMMIT}\n", (COMMIT, "")),
    (0, COMMIT, ("", "")),
    (0, "HEAD\nHEAD\n", ("", "")),
    (128, f"{COMMIT}\nmain\n", ("", "")),
]


@pytest.mark.parametrize(("code", "output", "expected"), ANSWERS)
def test_an_answer_of_git_counts_if_it_names_a_commit(monkeypatch, tmp_path, code, output, expected):
    """A repository without a commit answers with the word itself."""
    result = SimpleNamespace(returncode=code, stdout=output.encode())
    monkeypatch.setattr(git.subprocess, "run", lambda *_, **__: result)
    assert git._head_by_git(tmp_path) == expected


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("git", 5)])
def test_a_git_that_does_not_answer_is_no_error(monkeypatch, tmp_path, error):
    """The commit is not known then."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(git.subprocess, "run", fail)
    assert git._head_by_git(tmp_path) == ("", "")


def test_variables_of_a_git_hook_do_not_reach_git(monkeypatch):
    """They name another repository; all others are passed on."""
    others = dict(os.environ)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, "x")
        others.pop(name, None)
    assert git._environment() == others


class Process:
    """A git process that ends when it is waited for."""

    def __init__(self, code, ends=True):
        self.code, self.ends, self.killed = code, ends, False

    def wait(self, timeout=None):
        """End, or not in time."""
        if not self.ends and not self.killed:
            raise subprocess.TimeoutExpired("git", timeout)
        return self.code

    def poll(self):
        """The exit status; None while it runs."""
        return self.code if self.ends else None

    def kill(self):
        """End at once."""
        self.killed = True


@pytest.mark.parametrize(("code", "answer"), [(0, False), (1, True), (128, None), (-9, None)])
@pytest.mark.parametrize("wait_s", [0, 5])
def test_the_exit_status_of_git_is_the_answer_once(monkeypatch, tmp_path, code, answer, wait_s):
    """0 is no change and 1 a change; any other is an error of git, and nothing is known."""
    monkeypatch.setattr(git.subprocess, "Popen", lambda *_, **__: Process(code))
    check = DirtyCheck(tmp_path)
    assert check.take_answer(wait_s) is answer
    assert check.take_answer(wait_s) is None


def test_a_git_that_is_still_running_is_ended_with_the_run(monkeypatch, tmp_path):
    """It has no answer yet; a second end changes nothing."""
    process = Process(0, ends=False)
    monkeypatch.setattr(git.subprocess, "Popen", lambda *_, **__: process)
    check = DirtyCheck(tmp_path)
    assert check.take_answer() is None
    assert check.take_answer(0.001) is None
    check.stop()
    check.stop()
    assert process.killed
    assert check.take_answer() is None
