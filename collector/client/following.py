"""Follow the feed of a collector: its server-sent events are appended to a mirror as they come."""

import random
import threading
from collections.abc import Callable, Iterator

from .addresses import Address
from .mirrors import Mirror
from .requests import OtherEpochError, Page, RemoteUnavailableError
from .retries import Retries
from .stores import Remote

_LONGEST_PAUSE_S = 10.0
_LOCK_WAIT_S = 60.0


class MirrorFollower(threading.Thread):
    """Appends what is pushed to a collector to its mirror, until it is stopped or the key ends.

    A connection that is cut is resumed after the last event that is in the mirror, and so is one to a collector that
    was started again.

    Args:
        mirror: the log.
        tell: called with a message about the connection.
    """

    def __init__(self, mirror: Mirror, tell: Callable[[str], None]) -> None:
        super().__init__(name="mirror follower", daemon=True)
        self.error: Exception | None = None
        """Why following has ended, if it was not stopped."""
        self._mirror = mirror
        self._tell = tell
        self._stop_asked = threading.Event()
        self._tracked = mirror.new_tracked()

    def stop(self) -> None:
        """End following, at the next sign of life of the collector."""
        self._stop_asked.set()

    def run(self) -> None:
        """Follow until the end."""
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - the thread that waits for this one raises it
            self.error = error

    def _follow(self) -> None:
        address = self._mirror.address()
        failures = 0
        while not self._stop_asked.is_set():
            try:
                self._fetch(address)
                if failures:
                    self._tell(f"{address.url}: connected again")
                    failures = 0
                self._follow_connection(address)
            except OtherEpochError:
                continue  # fetched from the start
            except RemoteUnavailableError as error:
                if not failures:
                    self._tell(f"{address.url}: the connection is lost: {error.reason}; trying again")
                failures += 1
            self._stop_asked.wait(min(2.0**failures, _LONGEST_PAUSE_S) * random.uniform(0.1, 0.5))  # noqa: S311 - jitter

    def _fetch(self, address: Address) -> None:
        """Fetch what is there already."""
        with self._mirror.tracked(_LOCK_WAIT_S, self._tracked):
            collector = self._mirror.collector(address)
            try:
                self._tracked.pull(collector, Retries(0))
            finally:
                collector.close()

    def _follow_connection(self, address: Address) -> None:
        """Append what comes through one connection until it ends.

        Raises:
            RemoteUnavailableError: it cannot be made, or was cut.
            RemoteError: the collector refuses.
        """
        collector = self._mirror.collector(address)
        try:
            for page in pages_of(collector.follow(self._tracked.kept.cursor)):
                if self._stop_asked.is_set() or not self._append(collector, page):
                    return
        finally:
            collector.close()

    def _append(self, collector: Remote, page: Page) -> bool:
        """Append a page, and return whether the next one may follow: after a purge everything is fetched again."""
        with self._mirror.tracked(_LOCK_WAIT_S, self._tracked, heads=False):
            filler = self._tracked.filler(collector)
            filler.add(page)
            return not filler.again


def pages_of(chunks: Iterator[bytes]) -> Iterator[Page]:
    """Yield the lines of server-sent events, up to each one that has a cursor.

    Args:
        chunks: pieces of the answer, as they come.
    """
    rest, cursor, lines = b"", "", list[bytes]()
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            name, _, value = line.partition(b": ")
            if name == b"event":
                return  # the collector says that it ends
            if name == b"id":
                cursor = value.decode("ascii", "replace").strip()
            elif name == b"data":
                lines.append(value + b"\n")
            elif not line and cursor:
                yield Page(b"".join(lines), cursor, more=False)
                cursor, lines = "", []
