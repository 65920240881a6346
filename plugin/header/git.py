"""The git checkout around a folder, read from its files. A git process is started only if the files are not
sufficient.

A comparison of the work tree with the commit needs a process; it runs in the background, and its answer is read later.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ...eventlog.events import Vcs

_FALLBACK_TIMEOUT_S = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SYMBOLIC_MAX = 5
_OWN_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Variables that a git hook sets for its own repository; they must not apply to another folder."""


def find_vcs(rootdir: Path) -> Vcs | None:
    """Return commit, branch and remote of the checkout around `rootdir`; None outside a checkout.

    A field that cannot be found is empty. `DirtyCheck` finds out whether there are changes.
    """
    git_dir = _find_git_dir(rootdir)
    if git_dir is None:
        return None
    common = _common_dir(git_dir)
    remote = _remote_of(common)
    commit, branch = _head_of(git_dir, common)
    if not commit:
        commit, branch = _head_by_git(rootdir)
    return Vcs(commit=commit, branch=branch, remote=without_credentials(remote))


def without_credentials(url: str) -> str:
    """Return the URL of a remote without user and password. An `scp`-like address keeps its user, which is not a
    secret.
    """
    return re.sub(r"^([a-z][a-z0-9+.-]*://)[^/@]*@", r"\1", url, flags=re.IGNORECASE)


class DirtyCheck:
    """Background git process that compares the work tree with the commit.

    Args:
        rootdir: a folder of the checkout.
    """

    def __init__(self, rootdir: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        command = [
            *("git", "--no-optional-locks", "-C", str(rootdir)),
            *("diff", "--quiet", "--no-ext-diff", "--ignore-submodules", "HEAD"),
        ]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the tests
            )
        except OSError:
            return

    def take_answer(self, wait_s: float = 0) -> bool | None:
        """Return True or False once, as soon as git has answered; None before, afterwards, and if git fails.

        Args:
            wait_s: how long to wait for git, in seconds.
        """
        process = self._process
        if process is None:
            return None
        try:
            code = process.wait(wait_s) if wait_s else process.poll()
        except subprocess.TimeoutExpired:
            return None
        if code is None:
            return None
        self._process = None
        return {0: False, 1: True}.get(code)

    def stop(self) -> None:
        """End git if it is still running."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()


def _find_git_dir(rootdir: Path) -> Path | None:
    for folder in (rootdir, *rootdir.parents):
        place = folder / ".git"
        if place.is_dir():
            return place
        if place.is_file():  # of a linked work tree or a submodule
            _, _, target = _text_of(place).partition("gitdir:")
            return folder / target.strip() if target.strip() else place
    return None


def _common_dir(git_dir: Path) -> Path:
    """Return the folder that the work trees of a repository share."""
    shared = _text_of(git_dir / "commondir").strip()
    return git_dir / shared if shared else git_dir


def _head_of(git_dir: Path, common: Path) -> tuple[str, str]:
    """Return commit and branch; both are empty if the files do not contain them, as with reftables."""
    value, branch = _text_of(git_dir / "HEAD").strip(), ""
    for _ in range(_SYMBOLIC_MAX):
        if not value.startswith("ref:"):
            break
        ref = value.removeprefix("ref:").strip()
        if ".." in ref.split("/") or ref.startswith("/"):
            return "", ""
        branch = branch or ref.removeprefix("refs/heads/")
        value = _text_of(git_dir / ref).strip() or _text_of(common / ref).strip() or _read_packed(common, ref)
    return (value, branch) if _COMMIT.fullmatch(value) else ("", "")


def _read_packed(common: Path, ref: str) -> str:
    for line in _text_of(common / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _remote_of(common: Path) -> str:
    """Return the URL of the remote `origin` from the configuration of the repository."""
    section, url = "", ""
    for line in _config_lines(_text_of(common / "config")):
        if line.startswith("["):
            section = " ".join(line.partition("]")[0].strip("[ ").split())
        elif section.lower().startswith("remote ") and section[len("remote ") :] == '"origin"':
            name, equals, value = line.partition("=")
            if equals and name.strip().lower() == "url":
                url = url or _unquote(value)
    return url


def _config_lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", "").splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            yield stripped


def _unquote(value: str) -> str:
    value = value.strip()
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return re.split(r"\s[#;]", value)[0].strip()


def _head_by_git(rootdir: Path) -> tuple[str, str]:
    command = ["git", "--no-optional-locks", "-C", str(rootdir), "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            timeout=_FALLBACK_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", ""
    lines = result.stdout.decode("utf-8", "replace").split("\n") if result.returncode == 0 else []
    if len(lines) < 2 or not _COMMIT.fullmatch(lines[0]):  # noqa: PLR2004 - commit and branch
        return "", ""
    return lines[0], "" if lines[1] == "HEAD" else lines[1]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
