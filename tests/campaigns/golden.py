"""Compare the output of every command between two installations of this package, on one recorded history.

python tests/campaigns/golden.py HISTORY OLD_PYTHON NEW_PYTHON

HISTORY is a folder that docs/examples/shop_history.py made; OLD_PYTHON and NEW_PYTHON are the interpreters of two virtual
environments. The output of each command, its errors and its exit code must be equal byte by byte. Help texts as well.
"""

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TEST = "test_stock.py::test_reserve"
READING = [
    "", "--json", "session list", "session list --all", "session list --json", "session list --state failed",
    "session show last", "session show last --json", "session show last --all", "session compare", "session compare --json",
    "session compare main last", "session play last", "session rerun last --dry-run", "session list --since 3d",
    "session list --branch main", "test list", "test list --json", "test show {test}", "test show {test} --json",
    "test history {test}", "test history {test} --json", "test trends {test}", "test trends {test} --json",
    "sut list", "sut list --json", "sut show shop", "sut show shop --json", "sut analyze shop", "history list",
    "history list --json", "analytics summary", "analytics summary --json", "analytics analyze", "analytics analyze --json",
    "analytics failures", "analytics failures --json", "analytics compare --base main --target last", "tail",
    "tail --json --sessions 99", "log verify", "log verify --json", "log info", "log info --json", "profile list",
    "profile list --json", "profile show default", "profile show default --json", "replay --check", "schema",
    "export out.json", "export out.csv", "export out.jsonl", "sql select_1", "no-such-command", "session show nothing",
    "test show nothing", "sut show nothing", "session list --since never", "log pack --older-than 0s -n", "log repair -n",
    "log purge --regex nothing-like-it -n", "clear last --force", "session list", "log pack --older-than 0s",
    "log unpack", "replay", "session list --json",
]  # fmt: skip
"""Commands in order; the last of them change the log of the copy."""

GROUPS = ["", "session", "test", "sut", "history", "analytics", "log", "profile", "data", "sync-storage"]
SPEED = re.compile(r"[\d.]+ s, .* events/s.*")
TRIES = 3
"""Ages such as "2 min ago" change between two runs."""


def run_command(python: str, words: list[str], home: Path) -> str:
    """Return exit code, output and errors of one command as one text."""
    env = {
        "PATH": os.environ["PATH"], "HOME": str(home), "PYTEST_INSIGHT_HOME": str(home), "COLUMNS": "100", "LANG": "C.UTF-8",
    }  # fmt: skip
    done = subprocess.run(
        [python, "-m", "pytest_insight.cli", *words], env=env, cwd=home.parent / "shop", capture_output=True, text=True
    )
    return SPEED.sub("", f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")


def copy_history(history: Path, folder: Path) -> Path:
    """Copy a recorded history to a folder and return its home."""
    shutil.copytree(history, folder, symlinks=True)
    return folder / "home"


def main() -> int:
    """Compare all commands and return 1 if any differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", type=Path)
    parser.add_argument("old")
    parser.add_argument("new")
    options = parser.parse_args()
    pythons = [os.path.abspath(path) for path in (options.old, options.new)]
    commands = [line.format(test=TEST).split() for line in READING] + [[*name.split(), "--help"] for name in GROUPS]
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "history"
        homes = []
        for side in ("old", "new"):
            copy_history(options.history, place)
            place.rename(Path(folder) / side)
            homes.append(Path(folder) / side)
        for words in commands:
            for _ in range(TRIES):
                texts = []
                for python, home in zip(pythons, homes, strict=True):
                    home.rename(place)  # both see the same path
                    texts.append(run_command(python, words, place / "home"))
                    place.rename(home)
                if texts[0] == texts[1]:
                    break
            else:
                different += 1
                print(f"insight {' '.join(words)}")
                print(
                    *list(difflib.unified_diff(*(text.splitlines() for text in texts), "old", "new", lineterm="", n=1))[
                        :30
                    ],
                    sep="\n",
                )
    print(f"{len(commands)} commands, {different} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
