"""Compressed logs: gzip files and members of zip archives, as streams that raise nothing but OSError.

A module of its own because these libraries take longer to import than everything else of a reader.
"""

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

_CHUNK_BYTES = 1 << 20
_BROKEN = (EOFError, zlib.error, zipfile.BadZipFile, KeyError, IndexError, NotImplementedError, RuntimeError)
"""Exceptions of the libraries for a container that is cut off, damaged, encrypted, or of an unknown kind."""


class ArchiveStream(io.RawIOBase):
    """A decompressing stream that raises only OSError, as a plain file does."""

    def __init__(self, stream: Any, *below: Any) -> None:
        super().__init__()
        self._stream = stream
        self._below = below

    def readable(self) -> bool:
        """Return True."""
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
        """Close the stream and the files below it."""
        for stream in (self._stream, *self._below):
            stream.close()
        super().close()


_MEMBER_HEAD = struct.Struct("<4sIBBH2sHQQ")
_MEMBER_START = b"\x1f\x8b\x08\x04"


def open_gzip(raw: IO[bytes], start: int = 0) -> IO[bytes]:
    """Return the decompressed bytes of a gzip file from byte `start`.

    Whole members that say how long they are, as those of packs do, are passed over without being unpacked.
    """
    position = 0
    while start > position:
        head = raw.read(_MEMBER_HEAD.size)
        lengths = _member_lengths(head)
        if lengths is None or position + lengths[1] > start:
            raw.seek(-len(head), io.SEEK_CUR)
            break
        raw.seek(lengths[0] - len(head), io.SEEK_CUR)
        position += lengths[1]
    stream = _gzip_stream(raw)
    skip(stream, start - position)
    return stream


def skip(stream: IO[bytes], count: int) -> None:
    """Read and forget so many bytes."""
    while count > 0 and (chunk := stream.read(min(count, _CHUNK_BYTES))):
        count -= len(chunk)


def _member_lengths(head: bytes) -> tuple[int, int] | None:
    """Packed and unpacked length of a member of a pack, None for any other."""
    if len(head) < _MEMBER_HEAD.size or not head.startswith(_MEMBER_START):
        return None
    *_, name, size, packed, unpacked = _MEMBER_HEAD.unpack(head)
    return (packed, unpacked) if (name, size) == (b"IP", 16) else None


def _gzip_stream(raw: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", ArchiveStream(gzip.open(raw, "rb"), raw))


def open_member(path: Path, member: str, entry: int = -1) -> IO[bytes]:
    """Return the bytes of a member of a zip archive; of one that ends in `.gz`, decompressed.

    Args:
        path: the archive.
        member: name of the member.
        entry: its number in the archive; -1 for the last of that name.

    Raises:
        OSError: there is no such member, or the archive is damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
        stream = archive.open(archive.infolist()[entry] if entry >= 0 else member)
    except _BROKEN as error:
        raise OSError(f"the archive is damaged: {error}") from error
    if member.endswith(".gz"):
        return cast("IO[bytes]", ArchiveStream(gzip.open(stream, "rb"), stream, archive))
    return cast("IO[bytes]", ArchiveStream(stream, archive))


def member_names(path: Path) -> list[tuple[int, str]]:
    """Return number and name of the members of a zip archive, in order of name.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [(entry, info.filename) for entry, info in enumerate(archive.infolist()) if not info.is_dir()]
    except _BROKEN as error:
        raise OSError(f"the archive is damaged: {error}") from error
    return sorted(names, key=lambda pair: (pair[1], pair[0]))
