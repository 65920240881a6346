"""Prove of many lines at once that they begin as our writer has them; what does not fit is left to the exact rules.

The two types that come with every test begin alike in every line of a session but for `seq` and the time. So lines are
compared as a whole and never one by one: all their beginnings with one text, and all the rest with another after each
digit was made a zero.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import Final, NamedTuple

from ..codec import parse_envelope
from ..format import FORMAT_VERSION
from ..times import is_possible_time

_FINISHED_HEAD: Final = b'{"v":1,"type":"test.finished","stream":"'
_STARTED_HEAD: Final = b'{"v":1,"type":"test.started","stream":"'
_SESSION_HEAD: Final = b'{"v":1,"type":"session.started","stream":"'
_STREAM_BYTES = 32
_KIND_AT = 26
"""The byte that tells the two types of a test from each other and from all that are frequent."""
_FINISHED_KIND, _STARTED_KIND, _SESSION_KIND = _FINISHED_HEAD[_KIND_AT], _STARTED_HEAD[_KIND_AT], b"r"


def _only(kind: int) -> bytes:
    return bytes(value == kind for value in range(256))


_IS_FINISHED, _IS_STARTED = _only(_FINISHED_KIND), _only(_STARTED_KIND)
_IS_OTHER = bytes(value not in (_FINISHED_KIND, _STARTED_KIND) for value in range(256))

_SEQ_KEY, _AT_KEY = b'","seq":', b',"at":"'
_SEQ_DIGITS_MAX = 6
_HOUR_BYTES = len("2026-11-21T01")
_ZERO_TIME = b"0000-00-00T00:00:00.000000Z"
_ROW_BYTES = len(_SEQ_KEY) + _SEQ_DIGITS_MAX + len(_AT_KEY) + len(_ZERO_TIME) + 1
_ROWS = [
    (_SEQ_KEY + b"0" * digits + _AT_KEY + _ZERO_TIME + b'","nodeid":"')[:_ROW_BYTES]
    for digits in range(_SEQ_DIGITS_MAX + 1)
]
"""Text after the stream in a line of a test, by the digits of its `seq`, with zeros for digits."""
_ZEROS = bytes(ord("0") if chr(value) in "0123456789" else value for value in range(256))
_SIXTIES = b"012345"
"""First digits of a minute and of a second."""


class LineRun(NamedTuple):
    """Lines that follow each other, from where a session begins."""

    start: int
    """Index of its first line among all lines."""
    lines: Sequence[bytes]
    stream: bytes = b""
    """The stream of all lines; empty if one does not begin as our writer has them, as all that follows is then."""
    kinds: bytes = b""
    """A byte of each line."""
    finished: Sequence[bytes] = ()
    """Lines of type `test.finished`."""
    starts: Sequence[bytes] = ()
    """Lines of type `test.started`."""
    others: Sequence[bytes] = ()

    def finished_of(self, column: Sequence[int]) -> Iterator[int]:
        """Return those of a column with a value for each line that belong to `finished`."""
        return compress(column, self.kinds.translate(_IS_FINISHED))

    def others_of(self, column: Sequence[int]) -> Iterator[int]:
        """Return those of a column with a value for each line that belong to `others`."""
        return compress(column, self.kinds.translate(_IS_OTHER))


def runs_of(lines: Sequence[bytes]) -> Iterator[LineRun]:
    """Yield lines as runs, cut where a session begins."""
    kinds = bytes(map(itemgetter(_KIND_AT), lines))
    start = 0
    while start < len(lines):
        end = kinds.find(_SESSION_KIND, start + 1)
        while end >= 0 and not is_header(lines[end]):
            end = kinds.find(_SESSION_KIND, end + 1)
        end = len(lines) if end < 0 else end
        yield _run(start, lines[start:end], kinds[start:end])
        start = end


def is_header(line: bytes) -> bool:
    """Return whether a line is the first of a session."""
    return line.startswith(_SESSION_HEAD)


def _run(start: int, lines: Sequence[bytes], kinds: bytes) -> LineRun:
    envelope = parse_envelope(lines[0])
    if envelope is None:
        return LineRun(start, lines)
    stream = envelope.stream.encode()
    finished = list(compress(lines, kinds.translate(_IS_FINISHED)))
    starts = list(compress(lines, kinds.translate(_IS_STARTED)))
    others = list(compress(lines, kinds.translate(_IS_OTHER)))
    if (
        _all_begin(finished, _FINISHED_HEAD + stream)
        and _all_begin(starts, _STARTED_HEAD + stream)
        and all(_begins_plainly(line, envelope.stream) for line in others)
    ):
        return LineRun(start, lines, stream, kinds, finished, starts, others)
    return LineRun(start, lines)


def _begins_plainly(line: bytes, stream: str) -> bool:
    envelope = parse_envelope(line)
    return envelope is not None and envelope.v == FORMAT_VERSION and envelope.stream == stream


def _all_begin(lines: Sequence[bytes], head: bytes) -> bool:
    return b"".join(map(itemgetter(slice(len(head))), lines)) == head * len(lines)


def has_possible_times(run: LineRun) -> bool:
    """Return True if every line of a test in a run has a valid `seq` and a valid time; False means unknown."""
    return _rows_fit(run.finished, len(_FINISHED_HEAD)) and _rows_fit(run.starts, len(_STARTED_HEAD))


def _rows_fit(lines: Sequence[bytes], stream_at: int) -> bool:
    """Return whether `seq` and time of lines fit; the number of digits of `seq` must rise, as it does in a session."""
    first = stream_at + _STREAM_BYTES
    table = b"".join(map(itemgetter(slice(first, first + _ROW_BYTES)), lines))
    shape = table.translate(_ZEROS)
    blocks = list(_digits_of(shape, len(lines)))
    if shape != b"".join([_ROWS[digits] * count for digits, count in blocks]):
        return False
    start = 0
    for digits, count in blocks:
        end = start + count * _ROW_BYTES
        if not _times_can_be(table[start:end], len(_SEQ_KEY) + digits + len(_AT_KEY)):
            return False
        start = end
    return True


def _digits_of(shape: bytes, count: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers of digits that `seq` has, and how many lines have it so."""
    for digits in range(1, _SEQ_DIGITS_MAX):
        more = shape[len(_SEQ_KEY) + digits :: _ROW_BYTES].count(b"0")
        if more < count:
            yield digits, count - more
        count = more
    if count:
        yield _SEQ_DIGITS_MAX, count


def _times_can_be(table: bytes, at: int) -> bool:
    """Return whether the times of rows can be, each of the right shape from byte `at` of its row on."""
    tens = table[at + _HOUR_BYTES + 1 :: _ROW_BYTES] + table[at + _HOUR_BYTES + 4 :: _ROW_BYTES]
    if tens.translate(None, _SIXTIES):
        return False
    hour = table[at : at + _HOUR_BYTES]
    if table.count(_AT_KEY + hour) * _ROW_BYTES == len(table):
        return _is_possible_hour(hour)
    return all(map(_is_possible_hour, {table[i : i + _HOUR_BYTES] for i in range(at, len(table), _ROW_BYTES)}))


@lru_cache(maxsize=4096)
def _is_possible_hour(hour: bytes) -> bool:
    return is_possible_time(f"{hour.decode()}:59:59.999999Z")
