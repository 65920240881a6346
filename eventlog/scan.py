"""Bytes to verified lines and findings: the pure core of reading.

A `Scanner` is fed chunks of a log in order. It never raises on content, never needs more memory than a chunk and one
line, and reads on after damage at the next newline.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from operator import add, itemgetter
from typing import Final, Literal, NamedTuple

from .codec import has_good_digest, line_hash, match_head, parse_version
from .format import DIGEST_KEY, FORMAT_VERSION, HEAD, LINE_BYTES_MAX, LINE_END, SUFFIX_SIZE
from .lines.heads import LineRun, has_possible_times, runs_of
from .validity import extraordinary, line_fault, long_lines, times_are_possible

Reason = Literal[
    "torn",
    "damaged",
    "oversize",
    "blank",
    "newer-format",
    "malformed",
    "pending",
    "gap",
    "duplicate",
    "conflict",
    "seal",
]

PROBLEM: Final[dict[Reason, str]] = {
    "torn": "a writer died in the middle of this line",
    "damaged": "the digest does not match the bytes",
    "oversize": "longer than any line a writer produces",
    "blank": "an empty line",
    "newer-format": "written by a newer pytest-insight; upgrade to read it",
    "malformed": "the digest is right, but this is not an event of its type",
    "pending": "the last line is not finished yet",
    "gap": "events of this stream are missing before this line",
    "duplicate": "the same event again",
    "conflict": "another event with the same stream and seq",
    "seal": "the seal does not agree with the events of its stream",
}
"""Meaning of each reason, for messages."""

_VERSION_1 = b'{"v":1,'
_STARTS = re.compile(rb'\{"v":\d{1,9},"type":"')
_AROUND = (DIGEST_KEY.decode(), LINE_END.decode())
_BETWEEN = LINE_END.decode() + DIGEST_KEY.decode()
_SALVAGE_STARTS_MAX = 64
_GROUP_LINES = 500
"""Lines compared at once: so few that they and their digests stay in the processor's cache."""
_body_of, _end_of = itemgetter(slice(-SUFFIX_SIZE)), itemgetter(slice(-SUFFIX_SIZE, None))
"""Bytes of a line that its digest is of, and those behind; made in less time than by a slice in a loop."""
_DIGEST_AT = -SUFFIX_SIZE + len(DIGEST_KEY)
_END_AT = -len(LINE_END)


class Finding(NamedTuple):
    """Something in a log that is not an event, and where."""

    log: str
    """Name of the log: its path, for a member of an archive `archive!member`."""
    offset: int
    """Byte offset of its first byte."""
    length: int
    """Bytes, without the newline."""
    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.log}: byte {self.offset}, {self.length} bytes: {self.reason}: {PROBLEM[self.reason]}{detail}"


class Batch(NamedTuple):
    """Lines and findings of one chunk of a log."""

    offsets: list[int]
    """Byte offset of each line."""
    lines: list[bytes]
    """Verified lines without their newlines."""
    findings: list[Finding]
    end: int
    """Byte offset after the last whole line that was looked at: a safe place to go on from."""
    glued: Sequence[int] = ()
    """Offsets of those lines that another byte than a newline follows."""
    runs: Sequence[LineRun] = ()
    """All lines as runs, if that was found out."""


class Scanner:
    """Splits chunks into lines and verifies each on its raw bytes.

    Args:
        log: name of the log for findings.
        offset: byte offset of the first byte that will be fed; the start of a line.
        strict: check all fields of every line, not only its digest and time; for what copies lines or judges them.
        newer: give whole lines of a newer format, too, in addition to their findings; for callers that copy lines.
    """

    def __init__(self, log: str, offset: int = 0, *, strict: bool = False, newer: bool = False) -> None:
        self.log = log
        self._strict = strict
        self._newer = newer
        self.end = offset
        self._tail = b""
        self._skipped = 0  # bytes of an oversize line that were already let go

    def feed(self, data: bytes) -> Batch:
        """Take the next bytes of the log and return the lines they complete."""
        pieces = data.split(b"\n")
        pieces[0] = self._tail + pieces[0]
        if len(pieces) == 1:
            self._keep(pieces[0])
            return Batch([], [], [], self.end)
        start, skipped = self.end, self._skipped
        self._skipped = 0
        tail = pieces.pop()
        self.end += skipped + len(self._tail) + len(data) - len(tail)
        self._keep(tail)
        if skipped:
            return self._after_oversize(start, skipped, pieces)
        return self._verify(start, pieces)

    def finish(self) -> Finding | None:
        """Return what is left at the end of the log, an unfinished last line, if there is one."""
        length = self._skipped + len(self._tail)
        return Finding(self.log, self.end, length, "pending") if length else None

    def settle(self) -> Batch:
        """Take what is left at the end of a finished log: whole events in it count, the rest is torn."""
        batch = self.feed(b"\n")
        return batch._replace(end=batch.end - 1)

    def _keep(self, tail: bytes) -> None:
        """Remember an unfinished line, but of one that is too long only so much that a glued event can be salvaged."""
        excess = len(tail) - 2 * LINE_BYTES_MAX
        if excess > 0:
            self._skipped += excess
            tail = tail[excess:]
        self._tail = tail

    def _verify(self, start: int, pieces: list[bytes]) -> Batch:
        ends = accumulate(map(len, pieces[:-1]), initial=start)
        offsets = list(map(add, ends, range(len(pieces))))  # each line before has a newline, too
        groups = (pieces[first : first + _GROUP_LINES] for first in range(0, len(pieces), _GROUP_LINES))
        if all(map(_all_sealed, groups)):
            if self._strict and _all_ours(pieces) and not any(map(line_fault, pieces)):
                return Batch(offsets, pieces, [], self.end)
            runs = [] if self._strict else list(runs_of(pieces))
            if runs and all(map(_is_fine, runs)):
                return Batch(offsets, pieces, [], self.end, runs=runs)
        return self._sort_out(offsets, pieces, list(map(is_whole, pieces)))

    def _fault(self, line: bytes) -> str:
        return line_fault(line) if self._strict or extraordinary([line]) or not times_are_possible([line]) else ""

    def _take_whole(self, batch: Batch, offset: int, line: bytes) -> None:
        """Take a line whose digest is right: an event, or a finding if its content cannot be."""
        fault = self._fault(line)
        if fault:
            batch.findings.append(Finding(self.log, offset, len(line), "malformed", fault))
        else:
            batch.offsets.append(offset)
            batch.lines.append(line)

    def _sort_out(self, offsets: list[int], pieces: list[bytes], good: list[bool]) -> Batch:
        batch = Batch([], [], [], self.end)
        glued: list[int] = []
        for offset, line, fine in zip(offsets, pieces, good, strict=True):
            if fine:
                self._take_whole(batch, offset, line)
            else:
                glued += self._salvage(batch, offset, line)
        return batch._replace(glued=glued)

    def _after_oversize(self, start: int, skipped: int, pieces: list[bytes]) -> Batch:
        batch = Batch([], [], [], self.end)
        first = pieces[0]
        salvaged = Batch([], [], [], self.end)
        glued = self._salvage(salvaged, start + skipped, first)
        if salvaged.lines:
            batch.findings.append(Finding(self.log, start, salvaged.offsets[0] - start, "oversize"))
            batch.offsets.extend(salvaged.offsets)
            batch.lines.extend(salvaged.lines)
        else:
            batch.findings.append(Finding(self.log, start, skipped + len(first), "oversize"))
        rest = self._verify(start + skipped + len(first) + 1, pieces[1:]) if len(pieces) > 1 else salvaged
        if rest is not salvaged:
            batch.offsets.extend(rest.offsets)
            batch.lines.extend(rest.lines)
            batch.findings.extend(rest.findings)
        return batch._replace(glued=[*glued, *rest.glued])

    def _salvage(self, batch: Batch, offset: int, line: bytes) -> list[int]:
        """Look for whole events glued together or behind a fragment; what is left over becomes findings.

        Returns:
            Offsets of the events that are not followed by a newline.
        """
        glued: list[int] = []
        starts = [match.start() for match in _STARTS.finditer(line)][-_SALVAGE_STARTS_MAX:]
        done = 0
        for index, start in enumerate(starts):
            if start < done:
                continue
            event = _whole_at(line, start, [*starts[index + 1 :], len(line)])
            if event is None:
                continue
            if start > done:
                batch.findings.append(self._finding(offset + done, line[done:start], glued=True))
            self._take_whole(batch, offset + start, event)
            done = start + len(event)
            if done < len(line):
                glued.append(offset + start)
        if done < len(line) or not line:
            batch.findings.append(self._finding(offset + done, line[done:], glued=False))
        if self._newer and not done and is_newer_event(line):
            batch.offsets.append(offset)
            batch.lines.append(line)
        return glued

    def _finding(self, offset: int, data: bytes, *, glued: bool) -> Finding:
        reason, detail = _diagnose(data, glued=glued)
        return Finding(self.log, offset, len(data), reason, detail)


def _is_fine(run: LineRun) -> bool:
    """Return whether lines with right digests are events, as far as that is not checked where they are decoded."""
    if run.stream and has_possible_times(run):
        apart = [*run.others, *long_lines(run.finished), *long_lines(run.starts)]
        return not any(map(line_fault, apart))
    lines = run.lines
    return _all_ours(lines) and times_are_possible(lines) and not any(map(line_fault, extraordinary(lines)))


def _all_ours(lines: Sequence[bytes]) -> bool:
    return all(line.startswith(_VERSION_1) for line in lines)


def _all_sealed(lines: list[bytes]) -> bool:
    """Return whether every line ends with its digest, by one comparison of all ends: key, digest and closing brace."""
    digests: list[str] = []
    new_hash = line_hash().copy  # a copy of an empty hash is made faster than a new one with its parameters
    for body in map(_body_of, lines):
        digest = new_hash()
        digest.update(body)
        digests.append(digest.hexdigest())
    ends = (_BETWEEN.join(digests).join(_AROUND)).encode()
    return ends == b"".join(map(_end_of, lines))


def first_event(line: bytes) -> bytes | None:
    """Return the event that a line begins with, whatever is glued to it; None if it begins with none."""
    if is_whole(line):
        return line
    starts = [match.start() for match in _STARTS.finditer(line)][:_SALVAGE_STARTS_MAX]
    return _whole_at(line, 0, [*starts[1:], len(line)])


def _whole_at(line: bytes, start: int, ends: list[int]) -> bytes | None:
    """The event that begins at `start` and ends at one of `ends`, or one foreign byte before (a flipped newline)."""
    for end in ends:
        for stop in (end, end - 1):
            if is_whole(line[start:stop]):
                return line[start:stop]
    return None


def is_whole(line: bytes) -> bool:
    """Return whether `line`, without a newline, is an event of format 1 with the right digest."""
    return (
        line.startswith(b'{"v":1,')
        and line[-SUFFIX_SIZE:_DIGEST_AT] == DIGEST_KEY
        and line[_END_AT:] == LINE_END
        and line_hash(line[:-SUFFIX_SIZE]).hexdigest().encode() == line[_DIGEST_AT:_END_AT]
    )


def is_newer_event(line: bytes) -> bool:
    """Return whether `line`, without a newline, is an event of a newer format with our first keys and digest."""
    version = parse_version(line)
    return version is not None and version > FORMAT_VERSION and has_good_digest(line) and bool(match_head(line))


def _diagnose(data: bytes, *, glued: bool) -> tuple[Reason, str]:  # noqa: PLR0911 - one return a reason
    if not data.strip(b" \t\r"):
        return "blank", ""
    if len(data) > LINE_BYTES_MAX:
        return "oversize", ""
    version = parse_version(data)
    if version is not None and version > FORMAT_VERSION:
        return "newer-format", f"log format {version}"
    if not data.strip(b"\0"):
        return "damaged", "zeros"
    if data[-SUFFIX_SIZE:_DIGEST_AT] == DIGEST_KEY and data[_END_AT:] == LINE_END:
        return "damaged", ""
    if data.startswith(HEAD[: len(data)]):
        return "torn", "another line follows on it" if glued else ""
    return "damaged", "not a line of an event log"
