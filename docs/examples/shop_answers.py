"""Renew the answers in README.md and docs/analysis.md, from a recording of the story of shop_history.py.

python docs/examples/shop_answers.py
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from shop_history import make_history

ROOT = Path(__file__).parent.parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "analysis.md")
ANSWER = re.compile(r"(<!-- shop -->\n```console\n\$ insight ?)([^\n]*)\n(.*?)```", re.DOTALL)


def answer(folder: Path, words: str) -> str:
    """Return what a command prints about the story in a folder."""
    command = [sys.executable, "-m", "pytest_insight.cli", *words.split()]
    env = os.environ | {"PYTEST_INSIGHT_HOME": str(folder / "home")}
    done = subprocess.run(command, cwd=folder / "shop", env=env, capture_output=True, text=True, check=True)
    shown = done.stdout.replace(f" on {platform.node()}", " on ci-17")
    return "".join(f"{line.rstrip()}\n" for line in shown.splitlines())


def renewed(page: str, folder: Path) -> str:
    """Return a page with its answers renewed."""
    return ANSWER.sub(lambda block: f"{block[1]}{block[2]}\n{answer(folder, block[2])}```", page)


def main() -> None:
    """Record the story and renew the pages."""
    with tempfile.TemporaryDirectory() as folder:
        make_history(Path(folder))
        for page in PAGES:
            page.write_text(renewed(page.read_text(), Path(folder)))


if __name__ == "__main__":
    main()
