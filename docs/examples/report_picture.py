"""Renew the picture of the report in docs/screens, from a recording of the story of shop_history.py.

python docs/examples/report_picture.py [FOLDER]

FOLDER has a recording already; without it one is made, which takes a minute.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from shop_history import make_history

PICTURE = Path(__file__).parent.parent / "screens" / "report.png"


def take_picture(recorded: Path, page: Path) -> None:
    """Make the report about the recording in a folder, and take a picture of its first screen."""
    command = [sys.executable, "-m", "pytest_insight.cli", "report", "-o", str(page)]
    env = os.environ | {"PYTEST_INSIGHT_HOME": str(recorded / "home")}
    subprocess.run(command, cwd=recorded / "shop", env=env, check=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1180, "height": 800}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached")
        shot = tab.screenshot(animations="disabled")
        browser.close()
    # A palette: a third of the bytes, and nothing that an eye would miss.
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def main() -> None:
    """Record the story if need be, and take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(sys.argv[1]) if sys.argv[1:] else Path(folder)
        if not sys.argv[1:]:
            make_history(recorded)
        take_picture(recorded.resolve(), Path(folder).resolve() / "report.html")


if __name__ == "__main__":
    main()
