"""Node ids of a log, checked before pytest gets them: a log may come from a stranger.

pytest reads its arguments from a file, one a line. A line that begins with `-` is an option, one that begins with `@`
names another file, and a path may lead to code outside of the project.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ...terminal.safe import safe_line

_DRIVE = re.compile(r"[A-Za-z]:")


class CheckedNodeIds(NamedTuple):
    """Node ids as far as pytest may have them."""

    accepted: list[str]
    refused: dict[str, str]
    """Reason by node id."""


def check_node_ids(nodeids: Iterable[str], root: Path) -> CheckedNodeIds:
    """Return which node ids name a test below a folder and nothing else.

    Args:
        nodeids: from a log.
        root: folder that no path may leave; links are followed.
    """
    resolved = Path(os.path.realpath(root))
    accepted: list[str] = []
    refused: dict[str, str] = {}
    for nodeid in nodeids:
        reason = _why_refused(nodeid, resolved)
        if reason:
            refused[nodeid] = reason
        else:
            accepted.append(nodeid)
    return CheckedNodeIds(accepted, refused)


def _why_refused(nodeid: str, root: Path) -> str:
    if nodeid.startswith(("-", "@")):
        return f"begins with {nodeid[0]!r}, which pytest takes for an option or a file of arguments"
    if not nodeid.strip() or nodeid != nodeid.strip():
        return "begins or ends with white space, or is empty"
    if safe_line(nodeid) != nodeid:
        return "holds control characters"
    path = nodeid.partition("::")[0]
    if not path or os.path.isabs(path) or _DRIVE.match(path):  # noqa: PTH117 - text, not yet a path
        return "is not relative to the root folder"
    if not Path(os.path.realpath(root / path)).is_relative_to(root):
        return "leads out of the root folder"
    return ""
