"""Print the folder for temporary files of a run of the tests: one in memory if there is one with enough room.

python docs/tools/scratch.py

The tests sync tens of thousands of small files to disk, and start databases that do so as well. That they sync is
tested; that a disk takes milliseconds for it is not.
"""

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in memory of Linux
NEEDED_BYTES = 3 << 30
"""Free room that a folder needs, and the memory that is not used otherwise."""


def choose_folder(folder: Path = MEMORY, memory: Path = Path("/proc/meminfo")) -> Path:
    """Return the folder in memory if it has room and may hold programs, else the one for all temporary files."""
    try:
        room = os.statvfs(folder)
        available = next(line for line in memory.read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return Path(tempfile.gettempdir())
    free = min(room.f_bavail * room.f_frsize, int(available.split()[1]) << 10)
    useful = free >= NEEDED_BYTES and not room.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)
    return folder if useful else Path(tempfile.gettempdir())


if __name__ == "__main__":
    print(choose_folder())
