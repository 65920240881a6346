"""Sessions that are to be added to a store, and the protocol of the formats that hold them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from ...eventlog.codec import parse_envelope
from ...eventlog.merging.staging import Staged, Staging


@dataclass(frozen=True)
class Incoming:
    """A session that is to be added to a store."""

    stream: str
    label: str
    sut: str
    started_us: int
    events: int
    last_seq: int
    size_bytes: int
    read: Callable[[], Iterator[bytes]] = field(repr=False)
    """Yields its lines in whole pieces, in order of `seq`."""
    origin: str = ""
    """Name of the file or store it comes from, for messages."""
    document: bool = False
    """It was converted from a document, so its stream is a digest of its content."""


@dataclass
class Contents:
    """Sessions and errors of one or more files."""

    sessions: list[Incoming] = field(default_factory=list[Incoming])
    errors: list[str] = field(default_factory=list[str])
    """One message for each part that could not be read."""


class ImportFormat(Protocol):
    """A format of files that hold sessions."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the names of such files within an archive, also before `.gz`."""
        ...

    def recognizes(self, name: str, head: bytes) -> bool:
        """Return whether a file has this format.

        Args:
            name: of the file.
            head: its first bytes; empty for an empty file.
        """
        ...

    def read(self, staged: Staged, stage: Staging, *, only: bool) -> Contents:
        """Return the sessions of a file.

        Args:
            staged: the file, unpacked.
            stage: temporary folder; it must exist as long as lines are read.
            only: there is no other input, so a file without any session is an error.

        Raises:
            InputUnreadableError: the file is the only input and cannot be read.
        """
        ...


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of pieces in pieces that end at the end of a line; an unfinished last line is left out."""
    rest = b""
    for data in pieces:
        whole, newline, tail = data.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = tail
        else:
            rest += data


class _WithNode(msgspec.Struct):
    nodeid: str = ""


_decode_node = msgspec.json.Decoder(_WithNode).decode


def nodeids_of(incoming: Incoming) -> set[str]:
    """Return the tests of a session that have a result or were started."""
    found: set[str] = set()
    for piece in incoming.read():
        for line in piece.split(b"\n"):
            envelope = parse_envelope(line)
            if envelope is not None and envelope.type in ("test.started", "test.finished"):
                found.add(_decode_node(line).nodeid)
    return found
