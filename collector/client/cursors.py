"""Progress of sending and fetching, as a cache in a file per collector and log; without it everything is compared."""

import os
from hashlib import blake2b
from pathlib import Path

import msgspec

from ...eventlog.format import FORMAT_VERSION
from ...eventlog.home.paths import home_dir

_TAIL_BYTES = 64
"""Bytes before a place in a log that tell it from another log; a digest is in them."""


class LogMark(msgspec.Struct):
    """A place in a log, to find out whether the log was replaced since, for instance by an older copy."""

    size: int = 0
    tail: str = ""
    """Digest of the bytes before it."""


class SyncCursor(msgspec.Struct):
    """End of the last run."""

    epoch: str = ""
    """Life of the database that this belongs to."""
    cursor: str = ""
    """After the last event that was fetched."""
    mark: LogMark = msgspec.field(default_factory=LogMark)
    """End of the log after that; a log without it lacks events before the cursor."""
    pushed: LogMark = msgspec.field(default_factory=LogMark)
    """Place in the log up to which the collector has all events."""
    seen: str = ""
    """End of the feed after the last push: a collector that does not know it any more lacks what was sent."""
    team: str = ""
    """Team that the events belong to."""
    since: str = ""
    """Age of the oldest sessions that are fetched; empty for all."""
    complete_us: int = 0
    """When the log had all events of the collector, in microseconds since the epoch; 0 if it may lack some."""
    format: int = FORMAT_VERSION
    """Newest format of events that were fetched; a newer release fetches the others, too."""
    bury: bool = False
    """The log has events that were purged on the collector, and may lack what took their place."""


def cursor_path(url: str, log: Path | str, home: Path | None = None) -> Path:
    """Return the file for a collector and a log."""
    return remotes_dir(home) / f"{short_name(url, log)}.json"


def remotes_dir(home: Path | None = None) -> Path:
    """Return the folder of what is kept about collectors."""
    return (home or home_dir()) / "remotes"


def short_name(*parts: object) -> str:
    """Return a name for a file that belongs to some texts."""
    return blake2b("\n".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def mark_log(log: Path, end: int | None = None) -> LogMark:
    """Return a place in a log, its end if no other one is given."""
    try:
        size = log.stat().st_size if end is None else end
        return LogMark(size, _tail_digest(log, size)) if size else LogMark()
    except FileNotFoundError:
        return LogMark()


def has_mark(log: Path, mark: LogMark) -> bool:
    """Return whether a log goes on from a place; False for the beginning, where any log does."""
    return bool(mark.size) and mark_log(log).size >= mark.size and _tail_digest(log, mark.size) == mark.tail


def _tail_digest(log: Path, end: int) -> str:
    start = max(end - _TAIL_BYTES, 0)
    with log.open("rb") as stream:
        stream.seek(start)
        return blake2b(stream.read(end - start), digest_size=16).hexdigest()


def load_cursor(path: Path) -> SyncCursor:
    """Return what a file holds; nothing if it is missing or not readable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SyncCursor)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return SyncCursor()


def save_cursor(path: Path, kept: SyncCursor) -> None:
    """Replace a file atomically."""
    replace_cache(path, msgspec.json.encode(kept))


def replace_cache(path: Path, data: bytes) -> None:
    """Replace a file of a cache atomically; it is not made durable."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.write_bytes(data)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
