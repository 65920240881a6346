"""A log as a source of bytes: a file, a gzip file, or a member of a zip archive.

Offsets are always those of the decompressed bytes. Everything is streamed; a compressed log is read from its start.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO

from ..errors import LogUnavailableError
from .system import SYSTEM

_GZIP = (".jsonl.gz",)


@dataclass(frozen=True)
class LogSource:
    """A log to read: a path, and for an archive the name of the member in it."""

    path: Path
    member: str = ""
    entry: int = -1
    """Number of the member in the archive, as two may have one name; -1 for the last of that name."""

    @property
    def on_disk(self) -> bool:
        """Whether the log is a file: another process can read it, and packs and live files may belong to it."""
        return True

    @property
    def name(self) -> str:
        """Name of the log in findings and listings."""
        return f"{self.path}!{self.member}" if self.member else str(self.path)

    @property
    def compressed(self) -> bool:
        """Whether the log has to be read from its start."""
        return bool(self.member) or self.path.name.endswith(_GZIP)

    def exists(self) -> bool:
        """Return whether the file exists."""
        return self.path.exists()

    def size(self) -> int:
        """Return the size of the file in bytes; of a live log it may lie in the middle of a line.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return self.path.stat().st_size

    def open(self, start: int = 0) -> IO[bytes]:
        """Open the log for reading at byte `start`.

        Raises:
            FileNotFoundError: there is no such file.
            LogUnavailableError: it cannot be opened; the message says why.
        """
        try:
            stream = self._open_member() if self.member else self._open_plain(start)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise LogUnavailableError(self.name, "no permission to read", "ask its owner") from error
        except OSError as error:
            raise LogUnavailableError(self.name, str(error), "check that it is a log or an archive of logs") from error
        if self.member:
            load_archives().skip(stream, start)
        return stream

    def _open_plain(self, start: int) -> IO[bytes]:
        # SYSTEM.open_read does not block on a FIFO, which may lie in a folder of artifacts.
        raw: IO[bytes] = os.fdopen(SYSTEM.open_read(str(self.path)), "rb", buffering=0)
        if self.compressed:
            return load_archives().open_gzip(raw, start)
        if start:
            raw.seek(start)
        return raw

    def _open_member(self) -> IO[bytes]:
        return load_archives().open_member(self.path, self.member, self.entry)


def load_archives() -> ModuleType:
    """Return the module that reads compressed logs, imported at the first call."""
    from . import archives  # noqa: PLC0415 - takes longer to import than everything else of a reader

    return archives
