"""Files that were renamed between two commits, as git says it where a checkout is."""

import re
import subprocess
import time
from pathlib import Path

_TIMEOUT_S = 1.0
"""For one question; git needs longest to compare very many files that were added and deleted."""
_HASH = re.compile(r"[0-9a-f]{7,64}")


def renamed_files(base: str, target: str, folder: Path | None = None, timeout_s: float = _TIMEOUT_S) -> dict[str, str]:
    """Return the new paths of the files that were renamed from one commit to another, by their old paths.

    Between a commit and itself: what was renamed in the index and is not committed.

    Args:
        base, target: full hashes.
        folder: a folder of the checkout; None for the current one.
        timeout_s: how long git may take.

    Returns:
        Paths from the root of the checkout; none without a checkout of both commits, or if git takes too long.
    """
    if not (_HASH.fullmatch(base) and _HASH.fullmatch(target)):
        return {}
    command = ["git", "--no-optional-locks", "-C", str(folder or Path()), "diff", "-M", "--diff-filter=R", "-z"]
    sides = ["--cached", base] if base == target else [base, target]
    try:
        result = subprocess.run(
            [*command, "--name-status", "--no-ext-diff", "--no-textconv", *sides, "--"],
            capture_output=True,
            timeout=max(timeout_s, 0.01),
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if result.returncode:
        return {}
    fields = result.stdout.decode("utf-8", "surrogateescape").split("\0")
    return dict(zip(fields[1::3], fields[2::3], strict=False))


class TimeBudget:
    """Time that is left for several questions to git.

    Args:
        seconds: for all of them.
    """

    def __init__(self, seconds: float = _TIMEOUT_S) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; 0 if the time is over."""
        return max(self._end - time.monotonic(), 0.0)
