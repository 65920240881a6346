"""Paths of the journal and the log file of a service, in the home of pytest-insight."""

from pathlib import Path

from ..eventlog.home.paths import home_dir

__all__ = ["journal_path", "log_path"]

FOLDER = "sync-storage"


def journal_path(port: int) -> Path:
    """Return the path of the journal of the service on a port. The process that has the port has the journal."""
    return home_dir() / FOLDER / f"{port}.jsonl"


def log_path(port: int) -> Path:
    """Return the path of the log file of the service on a port."""
    return home_dir() / FOLDER / f"{port}.log"
