"""Sessions of a history, the newest first, read only as far as they are looked at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..history.windows import Window

if TYPE_CHECKING:  # annotations only
    from ...projections.session_row import SessionRow
    from ..history.history import History

_PAGES = (64, 1024, None)
"""Sessions that are read first, then, and at last; most questions about the newest need no more than the first ones."""


class NewestRows:
    """The sessions that a question may mean, the newest first.

    Args:
        model: where they are; it stays open as long as they are looked at.
        sut: only of this system under test; None for all.
        window: only those that started within.
    """

    def __init__(self, model: "History", sut: str | None = None, window: Window = Window()) -> None:  # noqa: B008
        self._model = model
        self._sut = sut
        self._window = window
        self._read: list[SessionRow] = []
        self._pages = list(_PAGES)

    def __iter__(self) -> "Iterator[SessionRow]":
        place = 0
        while True:
            while place < len(self._read):
                yield self._read[place]
                place += 1
            if not self._read_more():
                return

    def has(self, row: "SessionRow") -> bool:
        """Return whether a visible session is among them, without reading them."""
        return self._sut in (None, row.sut) and self._window.holds(row.started_us)

    def _read_more(self) -> bool:
        """Read the next page, and return whether there may be more behind what was read before."""
        if not self._pages:
            return False
        limit = self._pages.pop(0)
        found = self._model.sessions(sut=self._sut, since_us=self._window.since_us, limit=limit)
        if limit is None or len(found) < limit:
            self._pages.clear()
        known = {row.stream for row in self._read}
        self._read += [row for row in found if row.stream not in known and self._window.holds(row.started_us)]
        return True
