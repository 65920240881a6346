"""Sessions as they were read from the tables, kept by a process for the next question.

They are found by the digest of their content, so that what is found is right, whatever happened in the database.
"""

from collections import OrderedDict
from typing import Any, Final

from ...core.history.verdicts.reading import forget_places
from ...projections.parts import Rows
from ...projections.session_row import SessionRow
from .failures import unpack_failures

_BYTES_MAX: Final = 128 << 20
"""Of what is kept, estimated."""

_SESSION_BYTES: Final = 4_000
_TEST_BYTES: Final = 60
_UNPACKED: Final = 8


class KeptSession:
    """A session with what was read of it.

    Attributes:
        label: the name that it gives itself.
        row: the session, under the name that it was shown by last.
        rows: its attempts in columns; None until they were asked for.
        more: what rules keep next to it.
        used: number of the question that has used it last.
        size: estimated bytes.
    """

    __slots__ = ("_failures", "_lines", "label", "more", "row", "rows", "size", "used")

    def __init__(self, label: str, row: SessionRow, failures: bytes | None) -> None:
        self.label = label
        self.row = row
        self.rows: Rows | None = None
        self.more: dict[str, Any] = {}
        self.used = 0
        self.size = _SESSION_BYTES + _TEST_BYTES * row.part.finished + _UNPACKED * len(failures or b"")
        self._failures = failures
        self._lines: dict[int, bytes] | None = None

    def lines(self) -> dict[int, bytes]:
        """Return the lines of failed attempts that are at hand, by their sequence numbers."""
        if self._lines is None:
            self._lines = {} if self._failures is None else unpack_failures(self._failures)
            self._failures = None
        return self._lines


class KeptSessions:
    """Sessions by the digest of their content; those that were not used for longest are dropped first.

    Args:
        bytes_max: of all that is kept. What a single question needs beyond that is not kept at all: each session of it
            would take the place of one that the same question needs again the next time.
    """

    def __init__(self, bytes_max: int = _BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._found: OrderedDict[bytes, KeptSession] = OrderedDict()
        self._size = 0
        self._question = 0

    def begin_question(self) -> None:
        """Let what is used from now on be that of another question."""
        self._question += 1

    def end_question(self) -> None:
        """Release memory that is quickly filled again."""
        for one in reversed(self._found.values()):
            if one.used != self._question:
                return
            if one.more:
                forget_places(one.more)

    def find(self, digest: bytes | None) -> KeptSession | None:
        """Return the session with this content, if it is there."""
        one = self._found.get(digest) if digest is not None else None
        if one is not None and digest is not None and one.used != self._question:
            one.used = self._question
            self._found.move_to_end(digest)
        return one

    def add(self, digest: bytes | None, one: KeptSession) -> None:
        """Keep a session, if there is room."""
        if digest is None:
            return
        while self._size + one.size > self._bytes_max and self._found:
            oldest = next(iter(self._found))
            if self._found[oldest].used == self._question:
                return
            self._size -= self._found.pop(oldest).size
        if self._size + one.size <= self._bytes_max:
            one.used = self._question
            self._found[digest] = one
            self._size += one.size

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()
        self._size = 0
