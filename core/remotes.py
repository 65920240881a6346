"""Remote profiles: logs that are filled from a collector before each question.

The client of a collector is loaded by its name, as drivers are: this room does not need it, and a program without
remote profiles does not load it.
"""

import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from ..eventlog.errors import ProfileError
from ..eventlog.home.paths import BUCKET_TYPE, MIRROR_TYPES, RemoteEntry
from .history.selection import parse_age

_CLIENT = "..collector.client.mirrors"
_RETRY_S = 30.0
"""Seconds after which a collector that was away is asked again by one store."""


class StaleAnswerWarning(UserWarning):
    """A collector could not be asked, so that answers are as of an earlier time; or something else about them."""


class MirrorReach(Protocol):
    """How far a mirror reaches."""

    problem: str

    def warnings(self) -> list[str]:
        """Return what is to be said about the answers, one text each."""
        ...


class MirroredLog(Protocol):
    """A log that is filled from a collector."""

    url: str
    log: Path

    def catch_up(self) -> MirrorReach:
        """Fetch what is new."""
        ...


def mirror_of_profile(remote: RemoteEntry, log: Path) -> MirroredLog:
    """Return the mirror of a remote profile.

    Raises:
        FileNotFoundError: the client is not installed.
        ValueError: the age of the oldest sessions is no length of time.
    """
    since = parse_age(remote.since) if remote.since else None
    return _client().Mirror(remote.url, log, key_file=remote.api_key_file, since=since)


def mirror_of_url(url: str, api_key: str | None = None) -> MirroredLog:
    """Return the mirror of a URL that no profile names.

    Raises:
        FileNotFoundError: the client is not installed.
        ValueError: the URL or the key is not usable.
    """
    return _client().unnamed_mirror(url, api_key)


def _client():  # noqa: ANN202 - a module
    try:
        return import_module(_CLIENT, __package__)
    except ModuleNotFoundError as error:
        raise FileNotFoundError(2, f"{error}; run: pip install 'pytest-insight[remote]'", "remote profile") from error


class CatchingUp:
    """Fetches what is new before each question, and warns if this is not possible.

    Args:
        mirror: the log.
    """

    def __init__(self, mirror: MirroredLog) -> None:
        self._mirror = mirror
        self._not_before_s = 0.0

    def __call__(self) -> None:
        """Fetch what is new."""
        if time.monotonic() < self._not_before_s:
            return
        reach = self._mirror.catch_up()
        if reach.problem:
            self._not_before_s = time.monotonic() + _RETRY_S
        for text in reach.warnings():
            warnings.warn(text, StaleAnswerWarning, stacklevel=2)


def check_remote(storage_type: str, remote: RemoteEntry | None) -> None:
    """Check that a remote profile has a collector, and no other profile has.

    Raises:
        ProfileError: it is not so, or the age is no length of time.
    """
    if storage_type not in MIRROR_TYPES:
        if remote is not None:
            raise ProfileError("a URL, a key and an age belong to profiles of the types remote and bucket")
        return
    if remote is not None and remote.storage_type != storage_type:
        kind = "a bucket or a folder" if remote.storage_type == BUCKET_TYPE else "a collector"
        raise ProfileError(f"{remote.url}: the URL of {kind}; use --type {remote.storage_type}")
    if storage_type == BUCKET_TYPE:
        _check_bucket(remote)
        return
    parts = urlsplit(remote.url if remote else "")
    if remote is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProfileError("a remote profile needs the URL of a collector, as https://insight.example.com")
    if parts.username or parts.password:
        raise ProfileError(f"{parts.hostname}: the URL holds a password; put the API key into a file of its own")
    if remote.since:
        parse_age(remote.since)


def _check_bucket(remote: RemoteEntry | None) -> None:
    parts = urlsplit(remote.url if remote else "")
    if remote is None or not (parts.netloc or parts.path.startswith("/")):
        raise ProfileError("a profile of the type bucket needs a URL, as s3://bucket/prefix or file:///folder")
    if parts.username or parts.password or remote.api_key_file:
        raise ProfileError(
            f"{parts.scheme}://{parts.hostname or ''}: credentials of a bucket come from the environment"
        )
    if remote.since:
        parse_age(remote.since)
