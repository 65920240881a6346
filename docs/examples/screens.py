"""Render the main views to docs/screens: a small suite is recorded, and what the commands print becomes SVG.

python docs/examples/screens.py
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent.parent
SUITE = """
import os, time
STATE = int(os.environ["STATE"])
def test_checkout(): time.sleep(0.02 if STATE < 8 else 0.06)
def test_refund(): assert STATE < 9, f"refund of order {STATE * 17} was rejected"
def test_search(): pass
def test_login():
    with open("tries", "a") as tries: tries.write("x")
    assert STATE % 4 or os.path.getsize("tries") % 2 == 0
def test_export(): assert STATE != 5
"""
FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Fonts would be fetched from elsewhere; any monospaced one will do."""

VIEWS = {
    "sessions": ["session", "list"],
    "session": ["session", "show", "last"],
    "summary": ["analytics", "summary"],
    "test": ["test", "show", "test_refund"],
    "trends": ["test", "trends", "test_checkout"],
    "analyze": ["sut", "analyze", "shop"],
    "compare": ["sut", "compare", "shop", "shop-next"],
}


def main() -> None:
    """Record, ask, render."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTEST_INSIGHT_HOME": f"{folder}/home", "FORCE_COLOR": "1", "COLUMNS": "100"}
        env["PYTEST_INSIGHT_SYSTEM_NAME"] = "ci-17"
        Path(folder, "test_shop.py").write_text(SUITE)
        run = [sys.executable, "-m", "pytest_insight.cli"]
        for state in range(12):
            sut = "shop" if state < 8 else "shop-next"
            arguments = ["session", "run", "--sut", sut, "--", "-q", "-p", "no:cacheprovider", "--reruns", "1"]
            subprocess.run(
                [*run, *arguments], cwd=folder, env={**env, "STATE": str(state)}, capture_output=True, check=False
            )
        (DOCS / "screens").mkdir(exist_ok=True)
        for name, words in VIEWS.items():
            shown = subprocess.run(
                [*run, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
            ).stdout
            console = Console(record=True, width=100, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
            console.print(Text.from_ansi(shown))
            picture = console.export_svg(title=f"insight {' '.join(words)}")
            (DOCS / "screens" / f"{name}.svg").write_text(FONTS.sub("", picture), encoding="utf-8")


if __name__ == "__main__":
    main()
