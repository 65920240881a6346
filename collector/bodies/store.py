"""The bucket of a collector: objects written, read and deleted several at once, with errors of their own.

A store that does not answer is not asked again for some seconds, so that requests are refused at once meanwhile and
those that do not need it go on.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote, urlsplit

from ...eventlog.errors import EventLogError
from .cache import BodyCache

if TYPE_CHECKING:
    from ..client.bucket.objects import ObjectEntry, ObjectStorage

log = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE: Final = 16
"""Objects that one process writes or reads at the same moment."""

REST_S: Final = 2.0
"""Seconds in which a store that has failed is not asked."""

_NEEDS_RETRY: Final = "repeat it"


class BodiesUnavailableError(RuntimeError):
    """Bodies of segments cannot be read or written now; the message names no credentials."""


class BucketNotGivenError(BodiesUnavailableError):
    """Bodies are in a bucket that this process does not know."""


class BodyStore:
    """Bodies of segments as objects.

    Args:
        url: `s3://bucket/prefix`, `gs://`, `az://` or `file:///folder`.
        objects: the objects; default: those at the URL.

    Raises:
        RemoteAddressError: the URL cannot be used.
        ModuleNotFoundError: the extra `bucket` is not installed.
    """

    def __init__(self, url: str, objects: "ObjectStorage | None" = None) -> None:
        self.url = url.rstrip("/")
        self.cache = BodyCache()
        self.objects = _open_objects(self.url) if objects is None else objects
        self._folder = Path(unquote(urlsplit(self.url).path)) if url.startswith("file:") else None
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="objects")
        self._resting = RestingTime()

    def write_all(self, bodies: Mapping[str, bytes]) -> None:
        """Write objects, and return after the store has all of them.

        Raises:
            BodiesUnavailableError: it has not.
        """
        self._run_all(self._write, bodies.items())
        for name, body in bodies.items():
            self.cache.add(name, body)

    def read_all(self, names: Iterable[str]) -> dict[str, bytes | None]:
        """Return the bytes of objects by their names; None for one that is gone.

        Raises:
            BodiesUnavailableError: the store does not answer, or refuses.
        """
        found: dict[str, bytes | None] = {name: self.cache.get(name) for name in names}
        missing = [name for name, body in found.items() if body is None]
        for name, body in zip(missing, self._run_all(self.objects.read, missing), strict=True):
            found[name] = body
            if body is not None:
                self.cache.add(name, body)
        return found

    def delete_all(self, names: Iterable[str]) -> None:
        """Delete objects; one that is gone is no error.

        Raises:
            BodiesUnavailableError: the store does not answer, or refuses.
        """
        chosen = list(names)
        for name in chosen:
            self.cache.drop(name)
        self._run_all(self.objects.delete, chosen)

    def list_below(self, prefix: str) -> "Iterator[ObjectEntry]":
        """Yield the objects whose names begin with a prefix that ends with a slash.

        Raises:
            BodiesUnavailableError: the store does not answer, or refuses.
        """
        with self._checked_answers():
            yield from self.objects.list(prefix)

    def list_all(self, prefixes: Iterable[str]) -> "list[list[ObjectEntry]]":
        """Return the objects below some prefixes, which end with a slash.

        Raises:
            BodiesUnavailableError: the store does not answer, or refuses.
        """
        return self._run_all(self._list, prefixes)

    def _list(self, prefix: str) -> "list[ObjectEntry]":
        return list(self.objects.list(prefix))

    def _run_all(self, work: Callable[..., T], items: Iterable[object]) -> list[T]:
        chosen = list(items)
        with self._checked_answers():
            if len(chosen) < 2:  # noqa: PLR2004 - one is done by this thread
                return [work(item) for item in chosen]
            return list(self._workers.map(work, chosen))

    def _write(self, item: tuple[str, bytes]) -> None:
        name, body = item
        self.objects.write(name, body)
        if self._folder is not None:
            _sync_file(self._folder, name)

    @contextmanager
    def _checked_answers(self) -> Generator[None]:
        self._resting.check(self.url)
        try:
            yield
        except (EventLogError, OSError) as error:
            reason = getattr(error, "reason", None) or str(error)
            self._resting.begin(reason)
            log.warning("%s: the bodies of segments cannot be used: %s", self.url, reason)
            raise BodiesUnavailableError(f"{self.url}: {reason}; {_NEEDS_RETRY}") from error
        self._resting.end()


def _open_objects(url: str) -> "ObjectStorage":
    from ..client.bucket.objects import ObjectStorage, Patience  # noqa: PLC0415 - needs an extra

    return ObjectStorage(url, patience=Patience(connect_s=2, request_s=12, retries=1, retry_s=12))


class RestingTime:
    """The time in which a store that has failed is not asked; after it one thread at a time tries.

    Attributes:
        until_s: end of it, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.until_s = float("-inf")
        self._reason = "it does not answer"
        self._lock = threading.Lock()

    def check(self, url: str) -> None:
        """Refuse while the store is not to be asked.

        Raises:
            BodiesUnavailableError: it has failed just before.
        """
        with self._lock:
            if self.until_s == float("-inf"):
                return
            now_s = time.monotonic()
            if now_s < self.until_s:
                raise BodiesUnavailableError(f"{url}: {self._reason}; {_NEEDS_RETRY}")
            self.until_s = now_s + REST_S  # for the others, while this thread tries

    def begin(self, reason: str) -> None:
        """Note that it has failed."""
        with self._lock:
            self._reason = reason
            self.until_s = time.monotonic() + REST_S

    def end(self) -> None:
        """Note that it has answered."""
        with self._lock:
            self.until_s = float("-inf")


def _sync_file(folder: Path, name: str) -> None:
    """Bring a file to the disk with the names of its folders: what is acknowledged survives a loss of power."""
    path = folder / name
    places = [path]
    while places[-1] != folder:
        places.append(places[-1].parent)
    for place in places:
        fd = os.open(place, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
