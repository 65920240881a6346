"""The protocol of the import formats, and the value that they return."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple, Protocol

from ...eventlog.errors import EventLogError
from ...eventlog.events import Event, Vcs
from .identity import Identities


class RefusedFileError(EventLogError, ValueError):
    """A file that is not imported; nothing of it was used."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"{reason}; {hint}")


@dataclass(frozen=True)
class XmlLimits:
    """Limits of XML files."""

    depth: int = 64
    """Elements within each other."""
    attribute_bytes: int = 1 << 20
    """Length of an attribute, and of anything that a parser must hold as a whole."""


@dataclass(frozen=True)
class Reading:
    """Facts that a format needs to read a file."""

    identities: Identities
    zone: tzinfo | None = None
    """Zone of times without an offset; None for UTC, which is told then."""
    limits: XmlLimits = XmlLimits()


class TimedEvent(NamedTuple):
    """An event of a foreign report."""

    event: Event
    end_us: int | None = None
    """When it was over; None if the file does not say."""
    took_us: int = 0
    """Duration, for the time of what comes next."""


@dataclass
class ForeignReport:
    """The content of a file: facts about the run, and its events one after the other.

    Fields that are known only at the end of the file are set while `events` is read.
    """

    format: str
    events: Iterator[TimedEvent]
    tool: str = ""
    version: str = ""
    started_us: int | None = None
    zone_known: bool = True
    duration_us: int | None = None
    exit_status: int | None = None
    host: str = ""
    python: str = ""
    sut: str = ""
    test_run: str = ""
    """Part of the name of the test run, if the file says which files belong together."""
    vcs: Vcs | None = None
    properties: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    complete: bool = True
    repairs: list[str] = field(default_factory=list[str])
    """Reasons why the file is not wholly as it was written; each makes exit status 1."""
    notes: list[str] = field(default_factory=list[str])
    """Facts that the user should know, such as totals that differ."""
    unplaced: int = 0
    """Tests whose node id could not be found out."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """Verdicts of the tests, collection errors among them."""


@dataclass(frozen=True)
class Member:
    """A file to import, unpacked."""

    name: str
    """For messages: a path, or `archive!member`."""
    path: Path
    relative: str
    """Name below the folder or archive that was named, with `/`; for patterns and groups of files."""
    parts: tuple[Path, ...] = ()
    """All files, of a format that is a folder of files."""
    mtime_us: int = 0
    named: bool = False
    """The user named this very file."""


class Importer(Protocol):
    """A format of files that other tools write."""

    @property
    def name(self) -> str:
        """Name for `--as` and for messages."""
        ...

    def recognizes(self, name: str, head: bytes) -> bool:
        """Return whether a file has this format.

        Args:
            name: of the file.
            head: its first bytes.
        """
        ...

    def read(self, member: Member, reading: Reading) -> ForeignReport:
        """Return the content of a file.

        Raises:
            RefusedFileError: it cannot be read, or is dangerous; nothing of it is used.
        """
        ...
