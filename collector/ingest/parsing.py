"""Bytes of a body to runs of verified lines: pure, without the database."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeVar
from uuid import UUID

from ...eventlog.codec import match_head
from ...eventlog.events import SESSION_EVENTS
from ...eventlog.scan import Finding, Scanner

SEQ_MAX: Final = (1 << 31) - 2
"""Largest seq that is stored."""

SEAL_KIND: Final = b"session.finished"
PURGED_KIND: Final = b"events.purged"

FINDINGS_KEPT: Final = 1_000
"""Findings of one body that are kept; the others are counted alone."""

_SESSION_TYPES: Final = frozenset(str(cls.__struct_config__.tag).encode() for cls in SESSION_EVENTS)
JOURNAL_FAMILIES: Final = frozenset(
    b"cleanup completion conflict cut health lock master migration namespace owner resource run service snapshot"
    b" worker".split()
)
"""First words of the types that journals of test data and of Sync Storage have.

Each machine writes its own journal under the same stream id: the journals of two machines would always conflict.
"""


class IncomingLine(NamedTuple):
    """A verified line."""

    seq: int
    digest: bytes
    """Hex digits, as the line has them."""
    line: bytes
    """Without its newline."""
    at: bytes
    kind: bytes


class _Numbered(Protocol):
    @property
    def seq(self) -> int: ...


_LineT = TypeVar("_LineT", bound=_Numbered)


class LineClash(NamedTuple):
    """A line whose identity is taken by another one."""

    stream: UUID
    seq: int
    have: bytes
    got: bytes
    line: bytes


@dataclass
class ParsedBody:
    """Content of a body."""

    streams: dict[UUID, list[IncomingLine]] = field(default_factory=dict[UUID, list[IncomingLine]])
    """Lines of each stream in order of seq, each seq once."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """The first `FINDINGS_KEPT`."""
    findings_total: int = 0
    clashes: list[LineClash] = field(default_factory=list[LineClash])
    """Lines that conflict within the body."""
    repeated: int = 0
    seals: dict[UUID, int] = field(default_factory=dict[UUID, int])
    """For each stream whose end was sent its seq."""
    has_tombstones: bool = False

    def add_findings(self, found: list[Finding]) -> None:
        """Count findings, and keep the first ones."""
        # A line of a newer format is stored; its finding is for readers that have to understand it.
        found = [finding for finding in found if finding.reason != "newer-format"]
        self.findings_total += len(found)
        self.findings += found[: FINDINGS_KEPT - len(self.findings)]


def parse_body(pieces: Iterable[bytes]) -> ParsedBody:
    """Verify the lines of a body and group them by stream; damaged lines become findings, the rest counts."""
    parsed = ParsedBody()
    found: defaultdict[bytes, list[IncomingLine]] = defaultdict(list)
    scanner = Scanner("body", strict=True, newer=True)
    for piece in pieces:
        batch = scanner.feed(piece)
        parsed.add_findings(batch.findings)
        parsed.add_findings(_sort_lines(batch.offsets, batch.lines, found))
    batch = scanner.settle() if scanner.finish() else scanner.feed(b"")
    parsed.add_findings(batch.findings)
    parsed.add_findings(_sort_lines(batch.offsets, batch.lines, found))
    for name in sorted(found):
        stream = UUID(name.decode())
        lines = parsed.streams[stream] = _unique_lines(stream, found[name], parsed)
        _note_kinds(stream, lines, parsed)
    return parsed


def _sort_lines(offsets: list[int], lines: list[bytes], found: defaultdict[bytes, list[IncomingLine]]) -> list[Finding]:
    """Add the lines that are collected to their streams, and return findings for the others."""
    findings: list[Finding] = []
    for offset, line in zip(offsets, lines, strict=True):
        match = match_head(line)
        if match is None:  # not reached: verified lines have a head
            continue
        _, kind, stream, seq_digits, at = match.groups()
        seq = int(seq_digits)
        if (kind not in _SESSION_TYPES or seq > SEQ_MAX) and (reason := _refusal(kind, seq)):
            findings.append(Finding("body", offset, len(line), "malformed", reason))
        else:
            found[stream].append(IncomingLine(seq, line[-34:-2], line, at, kind))
    return findings


def _refusal(kind: bytes, seq: int) -> str:
    if seq > SEQ_MAX:
        return f"seq {seq} is larger than any that is stored"
    if kind not in _SESSION_TYPES and kind.partition(b".")[0] in JOURNAL_FAMILIES:
        return f"{kind.decode()} belongs to a journal of one machine, which is not collected"
    return ""


def _unique_lines(stream: UUID, lines: list[IncomingLine], parsed: ParsedBody) -> list[IncomingLine]:
    """Return lines in order of seq; of lines with the same seq the first one that was sent."""
    if all(line.seq == first.seq + place for first in lines[:1] for place, line in enumerate(lines)):
        return lines
    unique: dict[int, IncomingLine] = {}
    for line in lines:
        other = unique.setdefault(line.seq, line)
        if other is line:
            continue
        if other.digest == line.digest:
            parsed.repeated += 1
        else:
            parsed.clashes.append(LineClash(stream, line.seq, other.digest, line.digest, line.line))
    return [unique[seq] for seq in sorted(unique)]


def _note_kinds(stream: UUID, lines: list[IncomingLine], parsed: ParsedBody) -> None:
    """Note the end of a session, and tombstones; nearly all lines are neither."""
    kinds = [line.kind for line in lines]
    if SEAL_KIND in kinds:
        parsed.seals[stream] = lines[kinds.index(SEAL_KIND)].seq
    parsed.has_tombstones = parsed.has_tombstones or PURGED_KIND in kinds


def split_runs(lines: Sequence[_LineT]) -> list[list[_LineT]]:
    """Return the runs of lines, which are in order of seq, without a gap."""
    if lines and lines[-1].seq - lines[0].seq + 1 == len(lines):
        return [list(lines)]
    runs: list[list[_LineT]] = []
    for line in lines:
        if runs and runs[-1][-1].seq + 1 == line.seq:
            runs[-1].append(line)
        else:
            runs.append([line])
    return runs
