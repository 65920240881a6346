"""Commits by git refs: `main`, `HEAD~1` or a tag, resolved in the checkout around the current folder."""

import re
import subprocess
from pathlib import Path

_TIMEOUT_S = 10.0
_REF = re.compile(r"[\w@][\w./@{}^~+-]{0,200}")


def commit_of_ref(text: str, folder: Path | None = None) -> str:
    """Return the full hash of the commit that a git ref names; empty if there is no such ref or no checkout.

    Args:
        text: a ref as `git rev-parse` takes it; text that begins with `-` is never passed on.
        folder: a folder of the checkout; None for the current one.
    """
    if _REF.fullmatch(text) is None or ".." in text:
        return ""
    command = ["git", "--no-optional-locks", "-C", str(folder or Path()), "rev-parse", "--verify", "--quiet"]
    try:
        result = subprocess.run(
            [*command, "--end-of-options", f"{text}^{{commit}}"],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.decode("ascii", "replace").strip() if result.returncode == 0 else ""
