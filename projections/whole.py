"""A session as a whole: its verdicts and its row, once all of its attempts are known."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from .parts import Rows, SessionPart
from .rules import BAD
from .session_row import Notable, SessionRow
from .settling import Settled, left_of, plain_failures, settle, still_open


class WholePart(NamedTuple):
    """A session part of which all attempts are known."""

    head: SessionPart
    """Without what does not count any more: tests that are not left running, announcements of a complete session."""
    settled: Settled


def settle_whole(head: SessionPart, rows: Rows, number_of: Callable[[str], int]) -> WholePart:
    """Return the verdicts of a session; tests that never ran are among the counts.

    Args:
        head: its folded events.
        rows: all of its attempts.
        number_of: returns the number that a node id has in `rows`.
    """
    if head.open:
        head = msgspec.structs.replace(head, open=still_open(rows, head, _numbers_of(head, number_of)))
    settled = _settle_plain(head, rows) or settle(rows, head, _numbers_of(head, number_of))
    missing, not_run = left_of(rows, head, _numbers_of(head, number_of))
    if not_run:
        settled.counts["not_run"] = not_run
    if head.exit_status is not None and not missing:
        head = msgspec.structs.replace(head, announced={})  # nothing comes behind a seal, and all of them are there
    return WholePart(head, settled._replace(missing=missing))


def _settle_plain(head: SessionPart, rows: Rows) -> Settled | None:
    """Return the verdicts of a session in which each test has one attempt that ended; None for any other."""
    if head.reruns or head.open or head.crashed or head.announced_each or head.others:
        return None
    failed = plain_failures(rows) if any(head.outcomes.get(name) for name in BAD) else b""
    return Settled(dict(head.outcomes), head.finished, Notable(failed=failed))


def _numbers_of(head: SessionPart, number_of: Callable[[str], int]) -> dict[str, int]:
    return {nodeid: number_of(nodeid) for nodeid, _, _ in head.open}


def label_of(head: SessionPart) -> str | None:
    """Return the label of a session; None for a stream that is no session."""
    if head.header is None and not head.finished and not head.starts:
        return None
    return str((head.header or {}).get("session_id", head.stream[:12]))


def row_of(whole: WholePart) -> SessionRow | None:
    """Return the row of a session under its label; None for a stream that is no session."""
    label = label_of(whole.head)
    if label is None:
        return None
    counts, _, notable, missing = whole.settled
    return SessionRow.of(whole.head.stream, label, whole.head, dict(sorted(counts.items())), missing, notable)
