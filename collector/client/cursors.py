"""Progress of sending and fetching, as a cache in a file per collector and log; without it everything is compared."""

import os
from hashlib import blake2b
from pathlib import Path

import msgspec

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


def cursor_path(url: str, log: Path, home: Path | None = None) -> Path:
    """Return the file for a collector and a log."""
    name = blake2b(f"{url}\n{log}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return (home or home_dir()) / "remotes" / f"{name}.json"


def mark_log(log: Path) -> LogMark:
    """Return the end of a log."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return LogMark()
    return LogMark(size, _tail_digest(log, size))


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
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.write_bytes(msgspec.json.encode(kept))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
