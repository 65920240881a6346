"""Logs that mirror a collector, filled before a command reads them; what is to be said about it goes to stderr."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...api.internal.history import parse_age
from ..terminal.messages import is_terminal, say
from ..terminal.safe import safe_line

if TYPE_CHECKING:
    from ...api.internal.logs import RemoteEntry
    from ...collector.client.mirrors import Mirror

_JOIN_S = 1.0
_QUIET_S = 0.5
"""Seconds of fetching without a word."""


def require_client() -> None:
    """Check that the extra `remote` is installed.

    Raises:
        FileNotFoundError: it is not.
    """
    try:
        import urllib3  # noqa: F401  # pyright: ignore[reportUnusedImport] - whether it is there
    except ModuleNotFoundError as error:
        raise FileNotFoundError(2, f"{error}; run: pip install 'pytest-insight[remote]'", "collector") from error


def unnamed_mirror_of(url: str) -> "Mirror":
    """Return the mirror of the URL of `--remote`."""
    require_client()
    from ...collector.client.mirrors import unnamed_mirror

    return unnamed_mirror(url)


def profile_mirror(remote: "RemoteEntry", log: Path, api_key: str | None = None) -> "Mirror":
    """Return the mirror of a remote profile."""
    require_client()
    from ...collector.client.mirrors import Mirror

    since = parse_age(remote.since) if remote.since else None
    return Mirror(remote.url, log, api_key=api_key, key_file=remote.api_key_file, since=since)


def fill_mirror(mirror: "Mirror") -> bool:
    """Fetch what a mirror lacks, and return whether everything was fetched, now or before.

    Raises:
        EventLogError: the collector cannot be asked, and nothing was fetched before.
        OSError: the log cannot be written.
    """
    progress = _FetchProgress(mirror.url)
    try:
        reach = mirror.catch_up(progress.show)
    finally:
        progress.close()
    for text in reach.warnings():
        say(safe_line(text))
    return not reach.problem or bool(reach.as_of_us)


@contextmanager
def followed(mirror: "Mirror") -> Generator[Callable[[], bool]]:
    """Append what is pushed to a collector to its mirror, meanwhile; see `logs.following_mirror`."""
    from ...collector.client.following import MirrorFollower

    follower = MirrorFollower(mirror, lambda text: say(safe_line(text)))
    follower.start()
    try:
        yield follower.is_alive
    finally:
        follower.stop()
        follower.join(_JOIN_S)
    if follower.error is not None:
        raise follower.error


class _FetchProgress:
    """One line on a terminal about a fetch that takes long."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._began_s = time.monotonic()
        self._shown = False

    def show(self, done: int, _: int) -> None:
        """Show the number of events that were fetched."""
        if is_terminal() and time.monotonic() - self._began_s > _QUIET_S:
            sys.stderr.write(f"\rinsight: {safe_line(self._url)}: {done} events fetched")
            sys.stderr.flush()
            self._shown = True

    def close(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
