"""Every kind of hostile line and file against every command that reads or writes a log.

Each command runs on a profile of two good sessions with one kind of hostile bytes between them. A traceback, an exit code
other than 0, 1 and 3, or a good session that is not answered is a failure.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from hostile import KINDS, READING, WRITING, failures


def set_home(path: Path) -> None:
    """Make a folder the home of this process."""
    os.environ["HOME"] = os.environ["PYTEST_INSIGHT_HOME"] = str(path)


def main() -> int:
    """Run the campaign and return its exit code."""
    commands = [*READING, *WRITING]
    failed = 0
    for kind, hostile in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            for failure in failures(Path(folder), hostile, commands, set_home):
                failed += 1
                print(f"{kind}: {failure}", flush=True)
    print(f"{len(KINDS)} kinds x {len(commands)} commands: {failed} of {len(KINDS) * len(commands)} runs failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
