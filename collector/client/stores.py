"""The other side of a log: a collector over HTTP, or a bucket, by the URL."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ...eventlog.home.paths import is_bucket_url
from .addresses import Address
from .requests import TOTAL_S, Collector, HeldStreams, KeptConflict, Page, PushAnswer

_OBJECTS_SUFFIX = ".objects"


class Remote(Protocol):
    """The other side of a log: a collector, or a bucket."""

    since: str
    """Time, in ISO 8601, before which sessions are left out; empty for all."""

    @property
    def address(self) -> Address:
        """URL and key."""
        ...

    @property
    def kept_for(self) -> timedelta | None:
        """Age of the oldest sessions that it takes; None for all."""
        ...

    @property
    def lists_all(self) -> bool:
        """Whether to ask for all streams costs no more than for some."""
        ...

    def have(self, streams: dict[str, tuple[int, str]], known: str = "") -> HeldStreams:
        """Return how much of each stream is stored, and whether the store still has what it had at a cursor."""
        ...

    def push(self, lines: bytes) -> PushAnswer:
        """Store lines, and return after they are safe."""
        ...

    def pull(self, cursor: str, lines: int) -> Page:
        """Return the events after a cursor, about so many."""
        ...

    def follow(self, cursor: str) -> Iterator[bytes]:
        """Yield pieces of the feed after a cursor as server-sent events."""
        ...

    def conflicts(self, limit: int) -> tuple[list[KeptConflict], int]:
        """Return the conflicts that are kept, the newest first and at most so many, and the number of all."""
        ...

    def keep(self, days: int) -> None:
        """Set for how many days sessions are kept; 0 for ever."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def open_store(
    address: Address, log: Path, place: Path, *, since: str = "", total_s: float = TOTAL_S, may_write: bool = False
) -> Remote:
    """Return the other side of a log.

    Args:
        address: its URL and key.
        log: the log.
        place: file of the cursor; what is known of the objects of a bucket is next to it.
        since: time, in ISO 8601, before which sessions are left out; empty for all.
        total_s: longest time for one request, in seconds.
        may_write: events are sent; else a bucket is only read.

    Raises:
        FileNotFoundError: the extra `bucket` is not installed.
        RemoteAddressError: the URL cannot be used.
    """
    if not is_bucket_url(address.url):
        return Collector(address, total_s, since)
    try:
        from .bucket.remote import Bucket  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        raise FileNotFoundError(2, f"{error}; run: pip install 'pytest-insight[bucket]'", address.url) from error
    return Bucket(address.url, log, place.with_suffix(_OBJECTS_SUFFIX), since, may_write=may_write)
