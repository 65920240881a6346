"""Compressed logs: gzip files and members of zip archives, as streams that raise nothing but OSError.

A module of its own because these libraries take longer to import than everything else of a reader.
"""

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

_BROKEN = (EOFError, zlib.error, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError)
"""What the libraries raise for a container that is cut off, damaged, encrypted, or packed in a way they do not know."""


class ArchiveStream(io.RawIOBase):
    """A decompressing stream whose trouble is an OSError, as that of a plain file."""

    def __init__(self, stream: Any, *below: Any) -> None:
        super().__init__()
        self._stream = stream
        self._below = below

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` with decompressed bytes and return their number."""
        try:
            data = self._stream.read1(len(buffer))  # what is there; `read` would lose it with the error behind it
        except _BROKEN as error:
            raise OSError(f"the archive is damaged: {error}") from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close everything that was opened for it."""
        for stream in (self._stream, *self._below):
            stream.close()
        super().close()


def open_gzip(raw: IO[bytes]) -> IO[bytes]:
    """Return the decompressed bytes of a gzip file."""
    return cast("IO[bytes]", ArchiveStream(gzip.open(raw, "rb"), raw))


def open_member(path: Path, member: str) -> IO[bytes]:
    """Return the bytes of a member of a zip archive; of one that ends in `.gz`, decompressed.

    Raises:
        OSError: there is no such member, or the archive is damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
        stream = archive.open(member)
    except _BROKEN as error:
        raise OSError(f"the archive is damaged: {error}") from error
    if member.endswith(".gz"):
        return cast("IO[bytes]", ArchiveStream(gzip.open(stream, "rb"), stream, archive))
    return cast("IO[bytes]", ArchiveStream(stream, archive))


def member_names(path: Path) -> list[str]:
    """Return the names in a zip archive, in order; none if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(archive.namelist())
    except (OSError, *_BROKEN):
        return []
