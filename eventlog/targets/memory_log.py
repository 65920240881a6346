"""A log in memory, for memory profiles and for lines that a merge adds."""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..sources import LogSource


@dataclass(frozen=True, eq=False)
class MemoryLog(LogSource):
    """A log whose bytes are in memory."""

    path: Path = Path(os.devnull)
    data: bytearray = field(default_factory=bytearray)
    label: str = "memory"
    """Name in findings."""

    @property
    def on_disk(self) -> bool:
        """False."""
        return False

    @property
    def name(self) -> str:
        """Name of the log in findings and listings."""
        return self.label

    @property
    def compressed(self) -> bool:
        """False."""
        return False

    def exists(self) -> bool:
        """Return True."""
        return True

    def size(self) -> int:
        """Return its size in bytes."""
        return len(self.data)

    def open(self, start: int = 0) -> IO[bytes]:
        """Open it for reading at byte `start`; what is appended later is not seen."""
        return io.BytesIO(bytes(memoryview(self.data)[start:]))
