"""A session as lists show it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from ..eventlog.times import parse_time
from .parts import SessionPart
from .rules import SessionStatus, session_status

_COUNTED_AS = {"collection error": "error", "collection skipped": "skipped"}


@dataclass(frozen=True)
class SessionRow:
    """A session as lists show it."""

    session_id: str
    stream: str
    sut: str
    status: SessionStatus
    started_us: int
    """Microseconds since the epoch."""
    finished_us: int
    """When the last event was recorded."""
    duration_us: int
    exit_status: int | None
    counts: dict[str, int]
    """As in pytest's last line."""
    verdicts: dict[str, int]
    """Tests by verdict, and how many of them were `flaky`."""
    missing: int
    """Announced tests without a verdict."""
    part: SessionPart = field(repr=False)
    """Everything else that was folded."""
    notable: "Notable" = field(repr=False)
    """Which tests failed, ran again, or passed only then."""

    @property
    def commit(self) -> str:
        """Hash of the commit it ran on; empty if that is not known."""
        return commit_of(self.part.header or {})

    @classmethod
    def of(
        cls, stream: str, label: str, part: SessionPart, verdicts: dict[str, int], missing: int, notable: "Notable"
    ) -> "SessionRow":
        """Make the row of a folded session."""
        started, finished = parse_time(part.first_at), parse_time(part.last_at)
        header = part.header or {}
        return cls(
            session_id=label,
            stream=stream,
            sut=str(header.get("sut", "unknown-sut")),
            status=session_status(sealed=part.exit_status is not None, missing=missing),
            started_us=started,
            finished_us=finished,
            duration_us=part.duration_us if part.exit_status is not None else finished - started,
            exit_status=part.exit_status,
            counts=counts_of(part),
            verdicts=verdicts,
            missing=missing,
            part=part,
            notable=notable,
        )


def counts_of(part: SessionPart) -> dict[str, int]:
    """Return the counts of a session as pytest's last line has them."""
    counts = Counter(part.counts)
    for name, count in part.subtests.items():
        counts[_COUNTED_AS.get(name, name)] += count
    counts["deselected"] += part.deselected
    counts["warnings"] += part.warnings
    return {name: count for name, count in counts.items() if count}


class Notable(NamedTuple):
    """Tests of a session that are more than a plain pass: numbers of their node ids, uint32, in rising order."""

    failed: bytes = b""
    """Verdict failed, error or crashed."""
    rerun: bytes = b""
    """More than one attempt: the rerun groups."""
    flaky: bytes = b""
    """Passed in the end, and did not in some attempt."""


def commit_of(header: dict[str, Any]) -> str:
    """Return the commit that a header names, in lower case; empty without one."""
    vcs = header.get("vcs")
    return str(cast("dict[str, Any]", vcs).get("commit") or "").lower() if isinstance(vcs, dict) else ""
