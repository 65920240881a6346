"""Progress of sending and fetching, as a cache in a file per collector and log; without it everything is compared."""

import os
from hashlib import blake2b
from pathlib import Path

import msgspec

from ...eventlog.home.paths import home_dir


class SyncProgress(msgspec.Struct):
    """End of the last run."""

    epoch: str = ""
    """Life of the database that this belongs to."""
    cursor: str = ""
    """After the last event that was fetched."""


def progress_path(url: str, log: Path, home: Path | None = None) -> Path:
    """Return the file for a collector and a log."""
    name = blake2b(f"{url}\n{log}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return (home or home_dir()) / "remotes" / f"{name}.json"


def load_progress(path: Path) -> SyncProgress:
    """Return what a file holds; nothing if it is missing or not readable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SyncProgress)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return SyncProgress()


def save_progress(path: Path, progress: SyncProgress) -> None:
    """Replace a file atomically."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        new.write_bytes(msgspec.json.encode(progress))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
