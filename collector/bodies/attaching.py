"""The bucket that belongs to an engine; all that read and write segments of the engine use it."""

import os
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from ..client.addresses import check_bucket_url
from .store import BodyStore

SEGMENTS_VARIABLE: Final = "INSIGHT_SEGMENTS"
"""URL of the bucket with the bodies of segments, where no option names it."""

_stores: WeakKeyDictionary[Engine, BodyStore] = WeakKeyDictionary()


def attach_bodies(engine: Engine, store: BodyStore) -> None:
    """Let the readers and writers of a database use a bucket."""
    _stores[engine] = store


def open_bodies(engine: Engine, url: str) -> BodyStore:
    """Open a bucket for a database, and return it; nothing is read yet.

    Raises:
        FileNotFoundError: the extra `bucket` is not installed.
        RemoteAddressError: the URL cannot be used.
    """
    check_bucket_url(url)
    try:
        store = BodyStore(url)
    except ModuleNotFoundError as error:
        raise FileNotFoundError(2, f"{error}; run: pip install 'pytest-insight[server,bucket]'", url) from error
    attach_bodies(engine, store)
    return store


def bodies_of(target: Engine | Connection) -> BodyStore | None:
    """Return the bucket of an engine, or that of the engine of a connection; None without one."""
    return _stores.get(target.engine)


def segments_of(engine: Engine) -> str:
    """Return the URL of the bucket of an engine; empty without one."""
    store = bodies_of(engine)
    return store.url if store is not None else ""


def named_segments() -> str:
    """Return the URL of the environment; empty without one."""
    return os.environ.get(SEGMENTS_VARIABLE, "")
