"""Collection turned into events: announced tests, and what could not be collected."""

from collections.abc import Callable, Generator, Iterable

import pytest

from ..eventlog.events import CollectionFailed, CollectionSkipped, TestsAnnounced
from ..eventlog.plain import clean_text
from .attempts.texts import longrepr_of, reason_of
from .lifecycle.boundary import guarded
from .recording import Recording, RecordingHooks
from .redaction.shortening import redact_shortened

_ANNOUNCED_BYTES = 96 * 1024


class CollectionHooks(RecordingHooks):
    """Hooks of collection.

    Args:
        recording: the session.
        collected: called with the items of the session after collection, before they are announced.
    """

    def __init__(self, recording: Recording, collected: Callable[[list[pytest.Item]], None]) -> None:
        super().__init__(recording)
        self._xdist = recording.xdist
        self._collected = collected
        self._seen: set[tuple[str, str]] = set()

    @guarded
    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Count deselected tests. With xdist only the workers know them."""
        self.recording.deselected += sum(1 for _ in items)

    @guarded
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write the tests that are going to run."""
        self._collected(session.items)
        if not self._xdist.active:
            self.announce([item.nodeid for item in session.items], "")

    def announce(self, nodeids: list[str], worker: str) -> None:
        """Write node ids as announced tests.

        Args:
            nodeids: the tests.
            worker: xdist worker that runs this set of its own; empty if all workers share one set.
        """
        self.recording.tests.announce(nodeids, worker)
        chunks = list(split_by_size(nodeids, _ANNOUNCED_BYTES)) or [[]]
        for number, chunk in enumerate(chunks):
            deselected = self.recording.deselected if number == len(chunks) - 1 else 0
            self._append(TestsAnnounced(nodeids=chunk, deselected=deselected, worker=worker))

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write a file that could not be collected, with the reason; once, however many workers tried."""
        if report.outcome == "passed" or not self._is_new(report):
            return
        redact = self.recording.redact
        if report.outcome == "skipped":
            reason, lossy = clean_text(redact(reason_of(report)))
            self._append(CollectionSkipped(nodeid=report.nodeid, reason=reason, lossy=lossy))
            self.recording.tally.add("skipped")
            return
        short, was, lossy = redact_shortened(redact, longrepr_of(report), self.recording.settings.output_limit)
        truncated = {"longreprtext": was} if was is not None else {}
        event = CollectionFailed(nodeid=report.nodeid, longreprtext=short, lossy=lossy, truncated=truncated)
        self._append(event)
        self.recording.tally.add("error")

    def _is_new(self, report: pytest.CollectReport) -> bool:
        # pytest-xdist passes on the same error once for each distinct text; the terminal counts each.
        key = (report.nodeid, longrepr_of(report))
        if self._xdist.active and key in self._seen:
            return False
        self._seen.add(key)
        return True


def split_by_size(nodeids: list[str], limit_bytes: int) -> Generator[list[str], None, None]:
    """Yield the node ids in lists whose JSON has at most `limit_bytes`, so that each fits into one event.

    A single node id that is longer is a list of its own.
    """
    text = "".join(nodeids)
    if nodeids and text.isascii() and len(text) + 3 * len(nodeids) <= limit_bytes:
        yield nodeids
        return
    chunk: list[str] = []
    size = 0
    for nodeid in nodeids:
        length = len(nodeid) * (1 if nodeid.isascii() else 6) + 3
        if chunk and size + length > limit_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(nodeid)
        size += length
    if chunk:
        yield chunk
